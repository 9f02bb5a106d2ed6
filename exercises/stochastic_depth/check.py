"""Holds a learner's stochastic depth against `scratch/stochastic_depth.py`."""

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np

from scratch import stochastic_depth as panel
from triptych.exercises.findings import Finding
from triptych.exercises.functions import Case, Mistake, Task, check_functions

__all__ = ["check"]

AGAINST = "scratch/stochastic_depth.py"


def check(
    module: ModuleType,
    framework: str,
    progress: Callable[[str], None],
    seed: int = 0,
    only: str | None = None,
) -> Iterator[Finding]:
    """At least one finding for each TODO, or for one. ``framework`` is "scratch"."""
    yield from check_functions(module, tasks(seed), progress, only)


def tasks(seed: int) -> list[Task]:
    rng = np.random.default_rng(seed)
    stacks = [
        Case({"rate": rate, "depth": depth})
        for rate, depth in [(0.8, 4), (0.5, 10), (0.2, 54), (0.5, 1), (0.0, 3), (0.9, 2)]
    ]
    train, inference, backward = [], [], []
    for shape in [(4, 3), (3, 3), (5, 2, 4, 3), (3,)]:
        for rate, kept in [(0.5, (0, 2)), (0.2, (0, 1, 2)), (0.75, ()), (0.0, range(shape[0]))]:
            for dtype in ("float64", "float32"):
                x, branch, grad = (rng.normal(1, 2, shape).astype(dtype) for _ in range(3))
                keep = np.isin(np.arange(shape[0]), list(kept))
                block = {"x": x, "branch": branch, "rate": rate}
                train.append(Case(block | {"keep": keep}))
                inference.append(Case(block))
                backward.append(Case({"grad": grad, "rate": rate, "keep": keep}))
    return [
        Task(
            "survival_probabilities",
            _survival,
            stacks,
            ("probabilities",),
            AGAINST,
            SURVIVAL_MISTAKES,
        ),
        Task("stochastic_depth_train", _train, train, ("y",), AGAINST, TRAIN_MISTAKES),
        Task(
            "stochastic_depth_inference", _inference, inference, ("y",), AGAINST, INFERENCE_MISTAKES
        ),
        Task(
            "stochastic_depth_backward",
            _backward,
            backward,
            ("dx", "dbranch"),
            AGAINST,
            BACKWARD_MISTAKES,
        ),
    ]


def _survival(rate: float, depth: int) -> Any:
    return 1 - np.array(panel.linear_decay(rate, depth))


def _train(x: Any, branch: Any, rate: float, keep: Any) -> Any:
    return x + panel.stochastic_depth(branch, rate, keep)


def _inference(x: Any, branch: Any, rate: float) -> Any:
    return x + panel.stochastic_depth(branch, rate, None, training=False)


def _backward(grad: Any, rate: float, keep: Any) -> tuple[Any, Any]:
    return grad, panel.stochastic_depth_backward(grad, rate, keep)


def _wrong_survival(at: Callable[[Any, int], Any], *, dropped: bool = False) -> Callable[..., Any]:
    """``at`` gives how far along the stack each of the blocks 1, ..., depth is, from 0 to 1."""

    def probabilities(rate: float, depth: int) -> Any:
        rates = rate * at(np.arange(1.0, depth + 1), depth)
        return rates if dropped else 1 - rates

    return probabilities


SURVIVAL_MISTAKES = [
    Mistake(
        "The blocks are counted from 0, so that the first is never dropped, and the last less "
        "often than at rate.",
        _wrong_survival(lambda block, depth: (block - 1) / depth),
    ),
    Mistake(
        "The rates go from 0 to rate, as by linspace; they begin with rate / L.",
        _wrong_survival(lambda block, depth: (block - 1) / max(depth - 1, 1)),
    ),
    Mistake(
        "These are the probabilities of being dropped; to survive is the rest of 1.",
        _wrong_survival(lambda block, depth: block / depth, dropped=True),
    ),
    Mistake(
        "The order is reversed: the first block survives most often, the last one least.",
        _wrong_survival(lambda block, depth: block[::-1] / depth),
    ),
    Mistake(
        "All blocks have the probability of the last; it goes down from block to block.",
        _wrong_survival(lambda block, depth: block / block),
    ),
    Mistake(
        "The blocks are divided by L + 1, so that the last is dropped less often than at rate.",
        _wrong_survival(lambda block, depth: block / (depth + 1)),
    ),
    Mistake(
        "Not divided by L: the rate grows by the whole of rate from block to block.",
        _wrong_survival(lambda block, depth: block),
    ),
    Mistake(
        "rate is taken as the probability that the last block survives; it is that of its being "
        "dropped.",
        lambda rate, depth: 1 - np.arange(1, depth + 1) / depth * (1 - rate),
    ),
    Mistake(
        "The probabilities are multiplied up along the stack; each block has its own, on the line.",
        lambda rate, depth: np.cumprod(_survival(rate, depth)),
    ),
    Mistake(
        "It decays by a factor from block to block; by the linear rule it goes down in equal "
        "steps.",
        lambda rate, depth: (1 - rate) ** (np.arange(1, depth + 1) / depth),
    ),
]


def _to_stand_beside(keep: Any, array: Any) -> Any:
    return keep.reshape(-1, *[1] * (array.ndim - 1))


def _wrong_train(
    *,
    shortcut: Callable[[Any, Any, float], Any] = lambda x, keep, rate: x,
    kept: Callable[[Any, Any, float], Any] = lambda branch, keep, rate: branch * keep / (1 - rate),
) -> Callable[..., Any]:
    """Another shortcut, or another part of the branch."""

    def train(x: Any, branch: Any, rate: float, keep: Any) -> Any:
        keep = _to_stand_beside(keep, branch)
        return shortcut(x, keep, rate) + kept(branch, keep, rate)

    return train


TRAIN_MISTAKES = [
    Mistake(
        "The branch is not divided by the survival probability, 1 - rate.",
        _wrong_train(kept=lambda branch, keep, rate: branch * keep),
    ),
    Mistake(
        "The branch is divided by rate, the probability of being dropped; 1 - rate is that of "
        "surviving.",
        _wrong_train(kept=lambda branch, keep, rate: branch * keep / rate),
    ),
    Mistake(
        "The branch is multiplied by the survival probability; it is divided by it.",
        _wrong_train(kept=lambda branch, keep, rate: branch * keep * (1 - rate)),
    ),
    Mistake(
        "Keep and drop are swapped: True in keep means that the branch stays.",
        _wrong_train(kept=lambda branch, keep, rate: branch * ~keep / (1 - rate)),
    ),
    Mistake(
        "keep is forgotten: the branch is dropped nowhere.",
        _wrong_train(kept=lambda branch, keep, rate: branch / (1 - rate)),
    ),
    Mistake(
        "keep is forgotten, and there is no division: this is inference.",
        _wrong_train(kept=lambda branch, keep, rate: branch),
    ),
    Mistake(
        "The shortcut is dropped too; it is the branch that goes, and x is always there.",
        _wrong_train(shortcut=lambda x, keep, rate: x * keep / (1 - rate)),
    ),
    Mistake(
        "The shortcut is dropped where the branch is; x is always there.",
        _wrong_train(shortcut=lambda x, keep, rate: x * keep),
    ),
    Mistake(
        "The shortcut is divided too; only the branch is.",
        _wrong_train(shortcut=lambda x, keep, rate: x / (1 - rate)),
    ),
    Mistake(
        "The shortcut is divided where the branch is; only the branch is.",
        _wrong_train(shortcut=lambda x, keep, rate: np.where(keep, x / (1 - rate), x)),
    ),
    Mistake(
        "The shortcut is missing: y is x plus what is left of the branch.",
        _wrong_train(shortcut=lambda x, keep, rate: 0),
    ),
    Mistake(
        "The shortcut goes only where the branch does not; it is always there.",
        _wrong_train(shortcut=lambda x, keep, rate: x * ~keep),
    ),
    Mistake(
        "The branch is divided by the part of this batch that is kept; divide by the probability, "
        "1 - rate.",
        _wrong_train(kept=lambda branch, keep, rate: branch * keep / float(keep.mean())),
    ),
    Mistake(
        "All examples share the draw of the first; each has its own.",
        _wrong_train(kept=lambda branch, keep, rate: branch * keep[:1] / (1 - rate)),
    ),
]


INFERENCE_MISTAKES = [
    Mistake(
        "The branch is multiplied by the survival probability in inference; training has divided "
        "by it already.",
        lambda x, branch, rate: x + branch * (1 - rate),
    ),
    Mistake(
        "The branch is divided by the survival probability in inference; it is in training alone.",
        lambda x, branch, rate: x + branch / (1 - rate),
    ),
    Mistake(
        "The branch is multiplied by rate, the probability of being dropped, and there is no "
        "factor in inference.",
        lambda x, branch, rate: x + branch * rate,
    ),
    Mistake("The branch is left out in inference.", lambda x, branch, rate: x),
    Mistake("The shortcut is missing in inference.", lambda x, branch, rate: branch),
    Mistake(
        "The whole block is multiplied by the survival probability; there is no factor in "
        "inference.",
        lambda x, branch, rate: (x + branch) * (1 - rate),
    ),
    Mistake(
        "Shortcut and branch are blended by rate; both are whole.",
        lambda x, branch, rate: rate * x + (1 - rate) * branch,
    ),
    Mistake(
        "The branch is dropped at rates from one half on.",
        lambda x, branch, rate: x + branch * (rate < 0.5),
    ),
]


def _wrong_backward(
    *,
    dx: Callable[[Any, Any, float], Any] = lambda grad, keep, rate: grad,
    dbranch: Callable[[Any, Any, float], Any] = lambda grad, keep, rate: grad * keep / (1 - rate),
    swapped: bool = False,
) -> Callable[..., Any]:
    """One of the two gradients otherwise, or both in the other order."""

    def backward(grad: Any, rate: float, keep: Any) -> tuple[Any, Any]:
        keep = _to_stand_beside(keep, grad)
        both = dx(grad, keep, rate), dbranch(grad, keep, rate)
        return both[::-1] if swapped else both

    return backward


BACKWARD_MISTAKES = [
    Mistake("The order is dbranch, dx; it should be dx, dbranch.", _wrong_backward(swapped=True)),
    Mistake(
        "dbranch is not divided by the survival probability, as the branch was.",
        _wrong_backward(dbranch=lambda grad, keep, rate: grad * keep),
    ),
    Mistake(
        "dbranch is multiplied by the survival probability; the branch was divided by it.",
        _wrong_backward(dbranch=lambda grad, keep, rate: grad * keep * (1 - rate)),
    ),
    Mistake(
        "dbranch is divided by rate; the branch was divided by 1 - rate.",
        _wrong_backward(dbranch=lambda grad, keep, rate: grad * keep / rate),
    ),
    Mistake(
        "keep is forgotten in dbranch: a branch that was dropped has no gradient.",
        _wrong_backward(dbranch=lambda grad, keep, rate: grad / (1 - rate)),
    ),
    Mistake(
        "dbranch is the whole gradient, with neither keep nor the division.",
        _wrong_backward(dbranch=lambda grad, keep, rate: grad),
    ),
    Mistake(
        "Keep and drop are swapped in dbranch: the gradient goes where the branch went.",
        _wrong_backward(dbranch=lambda grad, keep, rate: grad * ~keep / (1 - rate)),
    ),
    Mistake(
        "dx is dropped with the branch; along the shortcut the gradient is always whole.",
        _wrong_backward(dx=lambda grad, keep, rate: grad * keep / (1 - rate)),
    ),
    Mistake(
        "dx is 0 where the branch was dropped; along the shortcut the gradient is always whole.",
        _wrong_backward(dx=lambda grad, keep, rate: grad * keep),
    ),
    Mistake(
        "dx is there only where the branch was dropped; along the shortcut the gradient is always "
        "whole.",
        _wrong_backward(dx=lambda grad, keep, rate: grad * ~keep),
    ),
    Mistake(
        "dx is divided by the survival probability; the shortcut was not.",
        _wrong_backward(dx=lambda grad, keep, rate: grad / (1 - rate)),
    ),
    Mistake(
        "dbranch is added to dx; dx is what goes along the shortcut alone, and what goes through "
        "the branch comes out of its own backward pass.",
        _wrong_backward(dx=lambda grad, keep, rate: grad + grad * keep / (1 - rate)),
    ),
    Mistake(
        "The gradient is divided by the part of the batch that is kept, not by 1 - rate.",
        _wrong_backward(dbranch=lambda grad, keep, rate: grad * keep / float(keep.mean())),
    ),
]
