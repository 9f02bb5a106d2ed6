r"""Learning-rate schedules: decay in steps, as a power or a cosine, and reduction on a plateau.

    step          learning_rate * factor**floor(step / every)
    multi-step    learning_rate * factor**(number of milestones <= step)
    exponential   learning_rate * factor**(step / every)
    cosine        warm-up               learning_rate * (step + 1) / (warmup_steps + 1)
                  from warmup_steps on  floor + (learning_rate - floor) * (1 + cos(pi * t)) / 2
                                        t = min((step - warmup_steps) / steps, 1)
    polynomial    floor + (learning_rate - floor) * (1 - min(step / steps, 1))**power

    plateau       after each epoch      rest = max(rest - 1, 0)
                  improvement           best = value, wait = 0
                  else, if rest = 0     wait += 1, lower = max(factor * learning_rate, floor), and
                                        if wait >= patience (so 0 acts as 1) and lower is lower
                                        learning_rate = lower, rest = cooldown, wait = 0
    improvement   mode "min"            value < best - margin       "abs"  margin = threshold
                  mode "max"            value > best + margin       "rel"  threshold * abs(best)

``step`` counts from 0 and is the number of updates made so far. The warm-up rises in equal parts,
of which the first update already has one; update ``warmup_steps`` is the first at the full rate.
The cosine takes ``steps`` updates more and stays at the floor, as the polynomial does. With a
``power`` of 1 that is a line. The first value is an improvement, and an infinite one compares as
usual. NaN never is an improvement.

learning_rate lies in (0, inf), factor in (0, 1] for the decays and in (0, 1) for the plateau,
threshold in [0, 1) if relative and [0, inf) if not. ``floor`` is a learning rate, in
[0, learning_rate] for cosine and polynomial, and power in (0, inf). every, steps and milestones,
which grow, are integers >= 1, the other counts >= 0. A ``ValueError`` says which does not fit.

Papers: Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017
(cosine; its restarts are in ``warm_restarts``); Goyal et al., "Accurate, large minibatch SGD:
training ImageNet in 1 hour", 2017 (linear warm-up, of any schedule in ``warmup``).

Framework differences: we count as Keras does. In code the formulas stand in
``triptych.common.schedules``. See ``triptych differences``: schedule-unit, schedule-rounding,
schedule-float32, schedule-boundary, cosine-after-the-end, cosine-floor, warmup-first-step,
plateau-patience, plateau-cooldown, plateau-threshold, plateau-least-change, plateau-first-nan,
plateau-negative-best.

Here: the decays are Keras's base class with the formulas, in ``floatx``; the plateau is Keras's
callback with another comparison.
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops
from keras.optimizers.schedules import LearningRateSchedule

from keras_impl.early_stopping import LOGGED_AS
from triptych.common.cycles import Cycles
from triptych.common.schedules import check_plateau, improves

__all__ = [
    "step_decay",
    "multi_step_decay",
    "exponential_decay",
    "cosine_decay",
    "polynomial_decay",
    "improves",
    "StepDecay",
    "MultiStepDecay",
    "ExponentialDecay",
    "CosineDecay",
    "PolynomialDecay",
    "ReduceOnPlateau",
]


class TensorDecays(Cycles):
    """The formulas, in tensors of ``floatx``."""

    @staticmethod
    def count(step: Any) -> Any:
        """A plain number is checked; a tensor is taken as it is."""
        tensor = ops.is_tensor(step) or isinstance(step, keras.Variable)
        return ops.convert_to_tensor(step if tensor else Cycles.count(step))

    @staticmethod
    def number(value: Any) -> Any:
        if isinstance(value, int | float):  # exact: ``ops.cast`` would round it to float32
            return ops.convert_to_tensor(float(value), keras.config.floatx())
        return ops.cast(value, keras.config.floatx())

    sin = staticmethod(ops.sin)
    clip = staticmethod(ops.clip)
    where = staticmethod(ops.where)


IN_TENSORS = TensorDecays()
step_decay = IN_TENSORS.step_decay
multi_step_decay = IN_TENSORS.multi_step_decay
exponential_decay = IN_TENSORS.exponential_decay
cosine_decay = IN_TENSORS.cosine_decay
polynomial_decay = IN_TENSORS.polynomial_decay


@keras.saving.register_keras_serializable("triptych")
class StepDecay(LearningRateSchedule):
    """Tells an optimizer the learning rate of each update.

    In a training of one's own:

        schedule = StepDecay(learning_rate=0.1, factor=0.5, every=1000)
        model.compile(optimizer=SGD(schedule), loss=loss)
        model.fit(x, y)
    """

    def __init__(self, *, learning_rate: float, factor: float, every: int) -> None:
        self.learning_rate, self.factor, self.every = learning_rate, factor, every
        self(0)  # which checks the arguments

    def __call__(self, step: Any) -> Any:
        return step_decay(step, **self.get_config())

    def get_config(self) -> dict[str, Any]:
        return {"learning_rate": self.learning_rate, "factor": self.factor, "every": self.every}


@keras.saving.register_keras_serializable("triptych")
class MultiStepDecay(LearningRateSchedule):
    """Tells an optimizer the learning rate of each update, as ``StepDecay`` does."""

    def __init__(self, *, learning_rate: float, factor: float, milestones: Sequence[int]) -> None:
        self.learning_rate, self.factor, self.milestones = learning_rate, factor, milestones
        self(0)  # which checks the arguments

    def __call__(self, step: Any) -> Any:
        return multi_step_decay(step, **self.get_config())

    def get_config(self) -> dict[str, Any]:
        config = {"learning_rate": self.learning_rate, "factor": self.factor}
        return config | {"milestones": self.milestones}


@keras.saving.register_keras_serializable("triptych")
class ExponentialDecay(LearningRateSchedule):
    """Tells an optimizer the learning rate of each update, as ``StepDecay`` does."""

    def __init__(self, *, learning_rate: float, factor: float, every: int) -> None:
        self.learning_rate, self.factor, self.every = learning_rate, factor, every
        self(0)  # which checks the arguments

    def __call__(self, step: Any) -> Any:
        return exponential_decay(step, **self.get_config())

    def get_config(self) -> dict[str, Any]:
        return {"learning_rate": self.learning_rate, "factor": self.factor, "every": self.every}


@keras.saving.register_keras_serializable("triptych")
class CosineDecay(LearningRateSchedule):
    """Tells an optimizer the learning rate of each update, as ``StepDecay`` does."""

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


@keras.saving.register_keras_serializable("triptych")
class PolynomialDecay(LearningRateSchedule):
    """Tells an optimizer the learning rate of each update, as ``StepDecay`` does."""

    def __init__(
        self, *, learning_rate: float, steps: int, floor: float = 0.0, power: float = 1.0
    ) -> None:
        self.learning_rate, self.steps = learning_rate, steps
        self.floor, self.power = floor, power
        self(0)  # which checks the arguments

    def __call__(self, step: Any) -> Any:
        return polynomial_decay(step, **self.get_config())

    def get_config(self) -> dict[str, Any]:
        config = {"learning_rate": self.learning_rate, "steps": self.steps}
        return config | {"floor": self.floor, "power": self.power}


class ReduceOnPlateau(keras.callbacks.ReduceLROnPlateau):
    """Watches one training run and lowers the learning rate.

    In a training of one's own:

        plateau = ReduceOnPlateau(patience=3)
        model.fit(x, y, validation_data=validation, callbacks=[plateau])

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
        check_plateau(monitor, factor, patience, threshold, threshold_mode, cooldown, floor, mode)
        self.threshold, self.threshold_mode = float(threshold), threshold_mode
        super().__init__(
            monitor=LOGGED_AS[monitor],
            factor=float(factor),
            patience=int(patience),
            mode=mode,
            cooldown=int(cooldown),
            min_lr=float(floor),
        )

    def _is_improvement(self, value: float, best: float | None) -> bool:
        return improves(
            value,
            best,
            threshold=self.threshold,
            threshold_mode=self.threshold_mode,
            mode=self.mode,
        )
