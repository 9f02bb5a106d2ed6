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

Here: PyTorch's base class with the formula, which needs no count of the step before.
"""

from torch.optim import Optimizer

from torch_impl.schedules import Schedule
from triptych.common.cycles import warm_restarts

__all__ = ["warm_restarts", "WarmRestarts"]


class WarmRestarts(Schedule):
    """Sets the learning rate of the next update after each.

    In a loop of one's own:

        schedule = WarmRestarts(optimizer, learning_rate=0.1, steps=1000, t_mult=2)
        for x, y in batches:
            ...
            optimizer.step()
            schedule.step()
    """

    def __init__(
        self,
        optimizer: Optimizer,
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
        super().__init__(optimizer)  # sets the first rate, which checks the arguments

    def rate(self, step: int) -> float:
        return warm_restarts(
            step,
            learning_rate=self.learning_rate,
            steps=self.steps,
            t_mult=self.t_mult,
            factor=self.factor,
            floor=self.floor,
        )
