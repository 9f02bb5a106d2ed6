r"""Warm restarts (SGDR): the cosine again and again, each time longer.

    cycle         i = 0, 1, ...;  length = steps * t_mult**i;  since = updates made in this cycle
    rate          floor + (learning_rate - floor) * factor**i * (1 + cos(pi * since / length)) / 2

``step`` counts from 0 and is the number of updates made so far. The first cycle takes ``steps``
updates, and each later one ``t_mult`` times as many as the one before; the update after its last is
at the height of the next, which is ``factor`` times that of the one before. The floor itself is
never quite reached. (eta_max, eta_min, T_0 and T_mult of the paper: learning_rate, floor, steps and
t_mult.)

learning_rate lies in (0, inf), steps and t_mult are integers >= 1, factor lies in (0, 1] and
``floor``, a learning rate, in [0, learning_rate]. A ``ValueError`` says which does not fit.

Paper: Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017.

Framework differences: we have PyTorch's equal cycles unless told otherwise; Keras doubles them. In
code the formula stands in ``triptych.common.cycles``, in integers where Keras takes a logarithm.
See ``triptych differences``: warm-restarts-default, warm-restarts-rounding, cosine-floor,
schedule-unit, schedule-float32.

Here: this is Keras's base class with the formula, in ``floatx``.
"""

from typing import Any

import keras
from keras.optimizers.schedules import LearningRateSchedule

from keras_impl.schedules import IN_TENSORS

__all__ = ["warm_restarts", "WarmRestarts"]

warm_restarts = IN_TENSORS.warm_restarts


@keras.saving.register_keras_serializable("triptych")
class WarmRestarts(LearningRateSchedule):
    """Tells an optimizer the learning rate of each update.

    In a training of one's own:

        schedule = WarmRestarts(learning_rate=0.1, steps=1000, t_mult=2)
        model.compile(optimizer=SGD(schedule), loss=loss)
        model.fit(x, y)
    """

    def __init__(
        self,
        *,
        learning_rate: float,
        steps: int,
        t_mult: int = 1,
        factor: float = 1.0,
        floor: float = 0.0,
    ) -> None:
        self.learning_rate = learning_rate
        self.steps = steps
        self.t_mult = t_mult
        self.factor = factor
        self.floor = floor
        self(0)  # which checks the arguments

    def __call__(self, step: Any) -> Any:
        return warm_restarts(step, **self.get_config())

    def get_config(self) -> dict[str, Any]:
        return {
            "learning_rate": self.learning_rate,
            "steps": self.steps,
            "t_mult": self.t_mult,
            "factor": self.factor,
            "floor": self.floor,
        }
