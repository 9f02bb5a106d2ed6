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

Here: a schedule gives the rate of a step and sets it before the step.
"""

from scratch.schedules import Schedule
from triptych.common.cycles import check_schedule, linear_warmup

__all__ = ["linear_warmup", "Warmup"]


class Warmup(Schedule):
    """Goes before another schedule, and sets the learning rate of each update before it.

    In a loop of one's own:

        schedule = Warmup(StepDecay(learning_rate=0.1, factor=0.5, every=1000), steps=100)
        for step in range(5000):
            ...
            optimizer.learning_rate = schedule(step)
            optimizer.step(params, grads)
    """

    def __init__(
        self, schedule: Schedule, *, steps: int, start_factor: float | None = None
    ) -> None:
        check_schedule(schedule, Schedule)
        self.schedule, self.steps, self.start_factor = schedule, steps, start_factor
        self(0)  # which checks the arguments

    def __call__(self, step: int) -> float:
        share = linear_warmup(
            step, learning_rate=1.0, steps=self.steps, start_factor=self.start_factor
        )
        return self.schedule(0) * share if step < self.steps else self.schedule(step - self.steps)
