r"""Linear warm-up: a rate that rises from near 0 before any schedule begins.

    share         (step + 1) / (steps + 1)                        without a start_factor
                  start_factor + (1 - start_factor) * step / steps
    step < steps  schedule(0) * share
    then          schedule(step - steps)

``step`` counts from 0 and is the number of updates made so far. The rate rises in equal parts, of
which the first update already has one; with a ``start_factor`` it begins at that share of the rate.
Update ``steps`` is the first at the full rate, and the schedule's own first. ``linear_warmup`` is
the warm-up alone, which stays at the learning rate.

learning_rate lies in (0, inf), steps is an integer >= 1, start_factor lies in [0, 1] or is None. A
``ValueError`` says which does not fit.

Paper: Goyal et al., "Accurate, large minibatch SGD: training ImageNet in 1 hour", 2017.

Framework differences: PyTorch's ``LinearLR`` begins at a third of the rate unless told otherwise,
and Keras's ``CosineDecay``, which alone has a warm-up there, usually at 0. In code the formula
stands in ``triptych.common.cycles``. See ``triptych differences``: warmup-first-step,
schedule-unit, schedule-float32.

Here: the schedule is any of Keras's; the share is in ``floatx``.
"""

from typing import Any

import keras
from keras import ops
from keras.optimizers.schedules import LearningRateSchedule

from keras_impl.schedules import IN_TENSORS
from triptych.common.cycles import check_schedule

__all__ = ["linear_warmup", "Warmup"]

linear_warmup = IN_TENSORS.linear_warmup


@keras.saving.register_keras_serializable("triptych")
class Warmup(LearningRateSchedule):
    """Goes before another schedule, and tells an optimizer the learning rate of each update.

    In a training of one's own:

        schedule = StepDecay(learning_rate=0.1, factor=0.5, every=1000)
        model.compile(optimizer=SGD(Warmup(schedule, steps=100)), loss=loss)
        model.fit(x, y)
    """

    def __init__(
        self, schedule: LearningRateSchedule, *, steps: int, start_factor: float | None = None
    ) -> None:
        check_schedule(schedule, LearningRateSchedule)
        self.schedule, self.steps, self.start_factor = schedule, steps, start_factor
        self(0)  # which checks the arguments

    def __call__(self, step: Any) -> Any:
        share = linear_warmup(
            step, learning_rate=1.0, steps=self.steps, start_factor=self.start_factor
        )
        step = IN_TENSORS.count(step)
        first, later = self.schedule(0), self.schedule(ops.maximum(step - self.steps, 0))
        return ops.where(step < self.steps, first * ops.cast(share, first.dtype), later)

    def get_config(self) -> dict[str, Any]:
        schedule = keras.optimizers.schedules.serialize(self.schedule)
        return {"schedule": schedule, "steps": self.steps, "start_factor": self.start_factor}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Warmup":
        schedule = keras.optimizers.schedules.deserialize(config["schedule"])
        return cls(**(config | {"schedule": schedule}))
