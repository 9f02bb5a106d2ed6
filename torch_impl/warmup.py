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

Here: the schedule is any of PyTorch's, which begins to step when the warm-up is over. PyTorch's
``SequentialLR`` of a ``LinearLR`` needs the optimizer to have the schedule's first rate before.
"""

from typing import Any

from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from torch_impl.schedules import Schedule
from triptych.common.cycles import check_schedule, linear_warmup

__all__ = ["linear_warmup", "Warmup"]


class Warmup(Schedule):
    """Goes before another schedule, and sets the learning rate of the next update after each.

    In a loop of one's own:

        schedule = StepDecay(optimizer, learning_rate=0.1, factor=0.5, every=1000)
        schedule = Warmup(schedule, steps=100)
        for x, y in batches:
            ...
            optimizer.step()
            schedule.step()
    """

    def __init__(
        self, schedule: LRScheduler, *, steps: int, start_factor: float | None = None
    ) -> None:
        # On a plateau the rate depends on what is measured, which the warm-up does not know.
        check_schedule(None if isinstance(schedule, ReduceLROnPlateau) else schedule, LRScheduler)
        self.schedule, self.steps, self.start_factor = schedule, steps, start_factor
        self.full = list(schedule.get_last_lr())
        super().__init__(schedule.optimizer)  # sets the first rate, which checks the arguments

    def get_lr(self) -> list[Any]:
        share = linear_warmup(
            self.last_epoch, learning_rate=1.0, steps=self.steps, start_factor=self.start_factor
        )
        if self.last_epoch > self.steps:
            self.schedule.step()
            return list(self.schedule.get_last_lr())
        return [rate * share for rate in self.full]

    def state_dict(self) -> dict[str, Any]:
        return super().state_dict() | {"schedule": self.schedule.state_dict()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        own = {key: value for key, value in state_dict.items() if key != "schedule"}
        super().load_state_dict(own)
        self.schedule.load_state_dict(state_dict["schedule"])
