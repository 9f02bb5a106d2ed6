r"""Learning-rate schedules: step, exponential and cosine decay, and reduction on a plateau.

    step          learning_rate * factor**floor(step / every)
    exponential   learning_rate * factor**(step / every)
    cosine        warm-up               learning_rate * (step + 1) / (warmup_steps + 1)
                  from warmup_steps on  floor + (learning_rate - floor) * (1 + cos(pi * t)) / 2
                                        t = min((step - warmup_steps) / steps, 1)

    plateau       after each epoch      rest = max(rest - 1, 0)
                  improvement           best = value, wait = 0
                  else, if rest = 0     wait += 1, and if wait >= patience (so 0 acts as 1)
                                        learning_rate = max(factor * learning_rate, floor)
                                        rest = cooldown, wait = 0
    improvement   mode "min"            value < best - margin       "abs"  margin = threshold
                  mode "max"            value > best + margin       "rel"  threshold * abs(best)

``step`` counts from 0 and is the number of updates made so far. The warm-up rises in equal parts,
of which the first update already has one; update ``warmup_steps`` is the first at the full rate.
The cosine takes ``steps`` updates more and stays at the floor. The first value is an improvement,
and an infinite one compares as usual. NaN never is an improvement.

learning_rate lies in (0, inf), factor in (0, 1] for the decays and in (0, 1) for the plateau,
threshold in [0, 1) if relative and [0, inf) if not. ``floor`` is a learning rate, in
[0, learning_rate] for the cosine. every and steps are integers >= 1, the other counts >= 0. A
``ValueError`` says which does not fit.

Papers: Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017
(cosine, here without restarts); Goyal et al., "Accurate, large minibatch SGD: training ImageNet in
1 hour", 2017 (linear warm-up).

Framework differences: PyTorch's schedules multiply the rate of the step before, which piles up
rounding errors; its cosine rises again after T_max; its LinearLR cannot start from 0. Keras's
warm-up starts from 0, its floor is a fraction, and on TensorFlow its schedules are in float32. On a
plateau PyTorch waits one epoch longer than ``patience`` and ``cooldown`` say, ignores changes of
1e-8 or less, and takes a relative threshold with the sign of ``best``: below 0, no change at all is
an improvement. Keras's threshold is absolute, and a NaN at the first epoch is its best for ever. We
count as Keras does: the plateau is Keras's callback with another comparison, the decays are Keras's
base class with the formulas, in ``floatx``.
"""

import math
from numbers import Number
from typing import Any

import keras
from keras import ops
from keras.optimizers.schedules import LearningRateSchedule

from triptych.common.checks import check_choice, check_integer, check_number

__all__ = [
    "step_decay",
    "exponential_decay",
    "cosine_decay",
    "improves",
    "StepDecay",
    "ExponentialDecay",
    "CosineDecay",
    "ReduceOnPlateau",
]


def step_decay(step: Any, *, learning_rate: float, factor: float, every: int) -> Any:
    """The learning rate times ``factor`` after each ``every`` updates."""
    step = _counted(step)
    rate = _constant(check_number("learning_rate", learning_rate, "(0, inf)"))
    base = _constant(check_number("factor", factor, "(0, 1]"))
    times = ops.floor_divide(step, check_integer("every", every, minimum=1))
    return rate * ops.power(base, _floating(times))


def exponential_decay(step: Any, *, learning_rate: float, factor: float, every: int) -> Any:
    """The same, smoothly: each update has its share of the factor."""
    step = _counted(step)
    rate = _constant(check_number("learning_rate", learning_rate, "(0, inf)"))
    base = _constant(check_number("factor", factor, "(0, 1]"))
    times = _floating(step) / _constant(check_integer("every", every, minimum=1))
    return rate * ops.power(base, times)


def cosine_decay(
    step: Any, *, learning_rate: float, steps: int, floor: float = 0.0, warmup_steps: int = 0
) -> Any:
    """Linear warm-up, then half a period of the cosine, from the learning rate to the floor."""
    step = _counted(step)
    learning_rate = check_number("learning_rate", learning_rate, "(0, inf)")
    steps = check_integer("steps", steps, minimum=1)
    floor = check_number("floor", floor, f"[0, {learning_rate}]")
    warmup_steps = check_integer("warmup_steps", warmup_steps)
    rising = _constant(learning_rate) * _floating(step + 1) / _constant(warmup_steps + 1)
    left = ops.clip(warmup_steps + steps - step, 0, steps)
    # (1 + cos(pi * t)) / 2 = sin(pi / 2 * (1 - t))**2, which keeps its digits near 0.
    angle = _constant(math.pi / 2) * (_floating(left) / _constant(steps))
    falling = _constant(floor) + _constant(learning_rate - floor) * ops.square(ops.sin(angle))
    return ops.where(step < warmup_steps, rising, falling)


def improves(
    value: float,
    best: float | None,
    *,
    threshold: float = 1e-4,
    threshold_mode: str = "rel",
    mode: str = "min",
) -> bool:
    """Whether ``value`` beats ``best`` by more than the threshold; any number beats None."""
    check_choice("threshold_mode", threshold_mode, ("rel", "abs"))
    relative = threshold_mode == "rel"
    threshold = check_number("threshold", threshold, "[0, 1)" if relative else "[0, inf)")
    check_choice("mode", mode, ("min", "max"))
    value = float(value)  # float64, whatever the precision of the model
    if math.isnan(value):
        return False
    if best is None:
        return True
    better = -1 if mode == "min" else 1
    if relative:
        # best + better * threshold * abs(best), in one rounding less
        limit = best * (1 + (better if best > 0 else -better) * threshold)
    else:
        limit = best + better * threshold
    return value < limit if mode == "min" else value > limit


@keras.saving.register_keras_serializable("triptych")
class StepDecay(LearningRateSchedule):
    """The ``learning_rate`` of an optimizer, which asks for the rate of each update."""

    def __init__(self, *, learning_rate: float, factor: float, every: int) -> None:
        self.learning_rate, self.factor, self.every = learning_rate, factor, every
        self(0)  # which checks the arguments

    def __call__(self, step: Any) -> Any:
        return step_decay(step, **self.get_config())

    def get_config(self) -> dict[str, Any]:
        return {"learning_rate": self.learning_rate, "factor": self.factor, "every": self.every}


@keras.saving.register_keras_serializable("triptych")
class ExponentialDecay(LearningRateSchedule):
    """The ``learning_rate`` of an optimizer, which asks for the rate of each update."""

    def __init__(self, *, learning_rate: float, factor: float, every: int) -> None:
        self.learning_rate, self.factor, self.every = learning_rate, factor, every
        self(0)  # which checks the arguments

    def __call__(self, step: Any) -> Any:
        return exponential_decay(step, **self.get_config())

    def get_config(self) -> dict[str, Any]:
        return {"learning_rate": self.learning_rate, "factor": self.factor, "every": self.every}


@keras.saving.register_keras_serializable("triptych")
class CosineDecay(LearningRateSchedule):
    """The ``learning_rate`` of an optimizer, which asks for the rate of each update."""

    def __init__(
        self, *, learning_rate: float, steps: int, floor: float = 0.0, warmup_steps: int = 0
    ) -> None:
        self.learning_rate, self.steps = learning_rate, steps
        self.floor, self.warmup_steps = floor, warmup_steps
        self(0)  # which checks the arguments

    def __call__(self, step: Any) -> Any:
        return cosine_decay(step, **self.get_config())

    def get_config(self) -> dict[str, Any]:
        config = {"learning_rate": self.learning_rate, "steps": self.steps}
        return config | {"floor": self.floor, "warmup_steps": self.warmup_steps}


LOGGED_AS = {"validation_loss": "val_loss", "validation_accuracy": "val_accuracy"}


class ReduceOnPlateau(keras.callbacks.ReduceLROnPlateau):
    """Watches ``model.fit``, as one of its ``callbacks``, and lowers the learning rate.

    ``best`` is the best value so far, or None. ``wait`` counts the epochs since,
    ``cooldown_counter`` those of the cooldown that are left.
    """

    def __init__(
        self,
        *,
        monitor: str = "validation_loss",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        floor: float = 0.0,
        mode: str = "min",
    ) -> None:
        monitor = LOGGED_AS[check_choice("monitor", monitor, tuple(LOGGED_AS))]
        factor = check_number("factor", factor, "(0, 1)")
        patience = check_integer("patience", patience)
        self.threshold_mode = check_choice("threshold_mode", threshold_mode, ("rel", "abs"))
        interval = "[0, 1)" if threshold_mode == "rel" else "[0, inf)"
        self.threshold = check_number("threshold", threshold, interval)
        super().__init__(
            monitor=monitor,
            factor=factor,
            patience=patience,
            mode=check_choice("mode", mode, ("min", "max")),
            cooldown=check_integer("cooldown", cooldown),
            min_lr=check_number("floor", floor, "[0, inf)"),
        )

    def _is_improvement(self, value: float, best: float | None) -> bool:
        return improves(
            value,
            best,
            threshold=self.threshold,
            threshold_mode=self.threshold_mode,
            mode=self.mode,
        )


def _counted(step: Any) -> Any:
    """The step as an integer tensor. A plain number is checked; a tensor is taken as it is."""
    if isinstance(step, Number | str):
        step = check_integer("step", step)
    return ops.convert_to_tensor(step)


def _constant(number: float) -> Any:
    """In ``floatx``, and exact there: ``ops.cast`` would round it to float32."""
    return ops.convert_to_tensor(float(number), keras.config.floatx())


def _floating(tensor: Any) -> Any:
    return ops.cast(tensor, keras.config.floatx())
