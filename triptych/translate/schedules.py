"""Schedules: the unit they count in, their boundaries, and when a plateau ends.

PyTorch's schedulers count calls of ``scheduler.step()``, usually one for each epoch; Keras's count
steps of the optimizer. ``steps_per_epoch`` converts; 1 is for a scheduler that is called after
every step.

    decay_steps = step_size * steps_per_epoch       boundary = milestone * steps_per_epoch - 1
    alpha = eta_min / learning_rate                 decay_steps = T_max
    patience_torch = max(patience_keras, 1) - 1     cooldown_torch = max(cooldown_keras - 1, 0)
"""

import itertools
import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from triptych.common.checks import check_choice, check_integer, check_number, check_size
from triptych.translate.refusal import NoCounterpart

__all__ = [
    "cosine_to_keras",
    "cosine_to_torch",
    "multi_step_to_keras",
    "multi_step_to_torch",
    "plateau_to_keras",
    "plateau_to_torch",
    "step_to_keras",
    "step_to_torch",
    "warmup_to_keras",
    "warmup_to_torch",
]


def step_to_keras(
    lr: float, step_size: int, *, gamma: float = 0.1, steps_per_epoch: int = 1
) -> dict[str, Any]:
    """``ExponentialDecay`` for ``StepLR``; ``ExponentialLR`` is ``step_size=1``."""
    return {
        "initial_learning_rate": check_number("lr", lr, "[0, inf)"),
        "decay_steps": check_size("step_size", step_size)
        * check_size("steps_per_epoch", steps_per_epoch),
        "decay_rate": check_number("gamma", gamma, "[0, inf)"),
        "staircase": True,
    }


def step_to_torch(
    initial_learning_rate: float,
    decay_steps: int,
    decay_rate: float,
    *,
    staircase: bool = False,
    steps_per_epoch: int = 1,
) -> dict[str, Any]:
    """``lr`` and ``StepLR`` for ``ExponentialDecay``.

    A smooth decay, ``staircase=False``, is ``StepLR(step_size=1)`` called after every step.
    """
    lr = check_number("initial_learning_rate", initial_learning_rate, "[0, inf)")
    decay_steps = check_size("decay_steps", decay_steps)
    rate = check_number("decay_rate", decay_rate, "[0, inf)")
    if not staircase:
        if steps_per_epoch != 1:
            text = "a smooth decay moves at every step: call the scheduler there, steps_per_epoch=1"
            raise NoCounterpart("schedule-unit", text)
        return {"lr": lr, "step_size": 1, "gamma": rate ** (1 / decay_steps)}
    return {"lr": lr, "step_size": _epochs(decay_steps, steps_per_epoch), "gamma": rate}


def multi_step_to_keras(
    lr: float, milestones: Sequence[int], *, gamma: float = 0.1, steps_per_epoch: int = 1
) -> dict[str, Any]:
    """``PiecewiseConstantDecay`` for ``MultiStepLR``.

    Keras keeps a value up to its boundary and at it, PyTorch changes at the milestone.

    >>> multi_step_to_keras(1.0, [2, 4], gamma=0.5)
    {'boundaries': [1, 3], 'values': [1.0, 0.5, 0.25]}
    """
    lr, gamma = check_number("lr", lr, "[0, inf)"), check_number("gamma", gamma, "[0, inf)")
    per_epoch = check_size("steps_per_epoch", steps_per_epoch)
    ends = Counter(check_size("milestones", milestone) for milestone in milestones)
    boundaries, values = [], [lr]
    for end, times in sorted(ends.items()):  # PyTorch applies one that is given twice twice
        boundaries.append(end * per_epoch - 1)
        values.append(values[-1] * gamma**times)
    return {"boundaries": boundaries, "values": values}


def multi_step_to_torch(
    boundaries: Sequence[int], values: Sequence[float], *, steps_per_epoch: int = 1
) -> dict[str, Any]:
    """``lr`` and ``MultiStepLR`` for ``PiecewiseConstantDecay``, whose values fall by one factor.

    Others have no counterpart among PyTorch's named schedulers: use ``LambdaLR``.
    """
    if len(values) != len(boundaries) + 1:
        raise ValueError(
            f"values must be one more than the {len(boundaries)} boundaries, got {len(values)}"
        )
    if list(boundaries) != sorted(boundaries):
        raise ValueError(f"boundaries must rise, got {list(boundaries)}")
    rates = [check_number("values", value, "(0, inf)") for value in values]
    factors = [after / before for before, after in itertools.pairwise(rates)]
    if any(not math.isclose(factor, factors[0], rel_tol=1e-9) for factor in factors):
        text = "MultiStepLR has one factor, these values have several: use LambdaLR"
        raise NoCounterpart("schedule-boundary", text)
    return {
        "lr": rates[0],
        "milestones": [
            _epochs(check_integer("boundaries", b) + 1, steps_per_epoch) for b in boundaries
        ],
        "gamma": factors[0] if factors else 1.0,
    }


def cosine_to_keras(lr: float, T_max: int, *, eta_min: float = 0.0) -> dict[str, Any]:
    """``CosineDecay`` for ``CosineAnnealingLR`` called after every step, up to step ``T_max``."""
    lr = check_number("lr", lr, "(0, inf)")
    return {
        "initial_learning_rate": lr,
        "decay_steps": check_size("T_max", T_max),
        "alpha": check_number("eta_min", eta_min, "[0, inf)") / lr,
    }


def cosine_to_torch(
    initial_learning_rate: float, decay_steps: int, *, alpha: float = 0.0
) -> dict[str, Any]:
    """``lr`` and ``CosineAnnealingLR`` for ``CosineDecay``: call it after every step, and no more
    after step ``T_max``, from which PyTorch's rate rises again.
    """
    lr = check_number("initial_learning_rate", initial_learning_rate, "(0, inf)")
    return {
        "lr": lr,
        "T_max": check_size("decay_steps", decay_steps),
        "eta_min": check_number("alpha", alpha, "[0, inf)") * lr,
    }


def warmup_to_keras(
    lr: float, start_factor: float, total_iters: int, T_max: int, *, eta_min: float = 0.0
) -> dict[str, Any]:
    """``CosineDecay`` with a warm-up for ``SequentialLR`` of ``LinearLR``, ``CosineAnnealingLR``.

    The first has ``start_factor`` and ``total_iters`` and ends at ``lr``; its milestone is
    ``total_iters``.
    """
    lr = check_number("lr", lr, "(0, inf)")
    return {
        "initial_learning_rate": lr * check_number("start_factor", start_factor, "(0, 1]"),
        "warmup_target": lr,
        "warmup_steps": check_size("total_iters", total_iters),
        "decay_steps": check_size("T_max", T_max),
        "alpha": check_number("eta_min", eta_min, "[0, inf)") / lr,
    }


def warmup_to_torch(
    initial_learning_rate: float,
    warmup_target: float,
    warmup_steps: int,
    decay_steps: int,
    *,
    alpha: float = 0.0,
) -> dict[str, Any]:
    """The numbers of ``LinearLR`` and ``CosineAnnealingLR`` for ``CosineDecay`` with a warm-up.

    ``LinearLR`` cannot begin at 0, as Keras's warm-up usually does: it is refused.
    """
    lr = check_number("warmup_target", warmup_target, "(0, inf)")
    first = check_number("initial_learning_rate", initial_learning_rate, "[0, inf)")
    if not first or first > lr:
        text = f"LinearLR cannot go from {first} to {lr}: its start_factor lies in (0, 1]"
        raise NoCounterpart("warmup-first-step", text)
    return {
        "lr": lr,
        "start_factor": first / lr,
        "total_iters": check_size("warmup_steps", warmup_steps),
        "T_max": check_size("decay_steps", decay_steps),
        "eta_min": check_number("alpha", alpha, "[0, inf)") * lr,
    }


def plateau_to_keras(
    *,
    patience: int = 10,
    cooldown: int = 0,
    threshold: float = 1e-4,
    threshold_mode: str = "rel",
    eps: float = 1e-8,
) -> dict[str, Any]:
    """What Keras's ``ReduceLROnPlateau`` counts as PyTorch's does with these arguments.

    ``mode``, ``factor`` and ``min_lr`` mean the same in both. Refused are a relative threshold, and
    ``eps``, the least change of the rate that PyTorch makes.

    >>> plateau_to_keras(patience=1, threshold_mode="abs", eps=0)
    {'patience': 2, 'cooldown': 1, 'min_delta': 0.0001}
    """
    threshold = check_number("threshold", threshold, "[0, inf)")
    check_choice("threshold_mode", threshold_mode, ("rel", "abs"))
    if threshold and threshold_mode != "abs":
        text = "Keras has an absolute threshold only: threshold_mode='abs'"
        raise NoCounterpart("plateau-threshold", text)
    if check_number("eps", eps, "[0, inf)"):
        text = f"Keras makes changes of the rate below eps={eps} too: eps=0"
        raise NoCounterpart("plateau-least-change", text)
    return {
        "patience": check_integer("patience", patience) + 1,
        "cooldown": check_integer("cooldown", cooldown) + 1,
        "min_delta": threshold,
    }


def plateau_to_torch(
    *, patience: int = 10, cooldown: int = 0, min_delta: float = 1e-4
) -> dict[str, Any]:
    """What PyTorch's ``ReduceLROnPlateau`` counts as Keras's does with these arguments.

    >>> plateau_to_torch(patience=2, cooldown=1)
    {'patience': 1, 'cooldown': 0, 'threshold': 0.0001, 'threshold_mode': 'abs', 'eps': 0.0}
    """
    return {
        "patience": max(check_integer("patience", patience), 1) - 1,
        "cooldown": max(check_integer("cooldown", cooldown) - 1, 0),
        "threshold": check_number("min_delta", min_delta, "[0, inf)"),
        "threshold_mode": "abs",
        "eps": 0.0,
    }


def _epochs(steps: int, steps_per_epoch: int) -> int:
    epochs, rest = divmod(steps, check_size("steps_per_epoch", steps_per_epoch))
    if rest or not epochs:
        text = f"step {steps} is no end of an epoch of {steps_per_epoch}: call it at every step"
        raise NoCounterpart("schedule-unit", text)
    return epochs
