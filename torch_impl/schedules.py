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

Here: the decays are PyTorch's base class with the formulas, which need no rate of the step before;
the plateau is PyTorch's with other numbers and another comparison.
"""

from collections.abc import Sequence
from typing import Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from triptych.common.schedules import (
    check_plateau,
    cosine_decay,
    exponential_decay,
    improves,
    multi_step_decay,
    polynomial_decay,
    step_decay,
)
from triptych.common.watchers import Run, Watcher

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


class Schedule(Watcher, LRScheduler):
    """A step of the schedule sets the learning rate, in each group times the group's factor."""

    def rate(self, step: int) -> float:
        raise NotImplementedError

    def get_lr(self) -> list[Any]:
        rate = self.rate(self.last_epoch)
        return [rate * group.get("factor", 1.0) for group in self.optimizer.param_groups]

    def after_step(self, run: Run) -> None:
        self.step()


class StepDecay(Schedule):
    """Sets the learning rate of the next update after each.

    In a loop of one's own:

        schedule = StepDecay(optimizer, learning_rate=0.1, factor=0.5, every=1000)
        for x, y in batches:
            ...
            optimizer.step()
            schedule.step()
    """

    def __init__(
        self, optimizer: Optimizer, *, learning_rate: float, factor: float, every: int
    ) -> None:
        self.learning_rate, self.factor, self.every = learning_rate, factor, every
        super().__init__(optimizer)  # sets the first rate, which checks the arguments

    def rate(self, step: int) -> float:
        return step_decay(
            step, learning_rate=self.learning_rate, factor=self.factor, every=self.every
        )


class MultiStepDecay(Schedule):
    """Sets the learning rate of the next update after each, as ``StepDecay`` does."""

    def __init__(
        self,
        optimizer: Optimizer,
        *,
        learning_rate: float,
        factor: float,
        milestones: Sequence[int],
    ) -> None:
        self.learning_rate, self.factor, self.milestones = learning_rate, factor, milestones
        super().__init__(optimizer)  # sets the first rate, which checks the arguments

    def rate(self, step: int) -> float:
        return multi_step_decay(
            step,
            learning_rate=self.learning_rate,
            factor=self.factor,
            milestones=self.milestones,
        )


class ExponentialDecay(Schedule):
    """Sets the learning rate of the next update after each, as ``StepDecay`` does."""

    def __init__(
        self, optimizer: Optimizer, *, learning_rate: float, factor: float, every: int
    ) -> None:
        self.learning_rate, self.factor, self.every = learning_rate, factor, every
        super().__init__(optimizer)  # sets the first rate, which checks the arguments

    def rate(self, step: int) -> float:
        return exponential_decay(
            step, learning_rate=self.learning_rate, factor=self.factor, every=self.every
        )


class CosineDecay(Schedule):
    """Sets the learning rate of the next update after each, as ``StepDecay`` does."""

    def __init__(
        self,
        optimizer: Optimizer,
        *,
        learning_rate: float,
        steps: int,
        floor: float = 0.0,
        warmup_steps: int = 0,
    ) -> None:
        self.learning_rate, self.steps = learning_rate, steps
        self.floor, self.warmup_steps = floor, warmup_steps
        super().__init__(optimizer)  # sets the first rate, which checks the arguments

    def rate(self, step: int) -> float:
        return cosine_decay(
            step,
            learning_rate=self.learning_rate,
            steps=self.steps,
            floor=self.floor,
            warmup_steps=self.warmup_steps,
        )


class PolynomialDecay(Schedule):
    """Sets the learning rate of the next update after each, as ``StepDecay`` does."""

    def __init__(
        self,
        optimizer: Optimizer,
        *,
        learning_rate: float,
        steps: int,
        floor: float = 0.0,
        power: float = 1.0,
    ) -> None:
        self.learning_rate, self.steps = learning_rate, steps
        self.floor, self.power = floor, power
        super().__init__(optimizer)  # sets the first rate, which checks the arguments

    def rate(self, step: int) -> float:
        return polynomial_decay(
            step,
            learning_rate=self.learning_rate,
            steps=self.steps,
            floor=self.floor,
            power=self.power,
        )


class ReduceOnPlateau(Watcher, ReduceLROnPlateau):
    """Watches one training run and lowers the learning rates.

    In a loop of one's own:

        plateau = ReduceOnPlateau(optimizer, patience=3)
        for epoch in range(100):
            ...
            plateau.step(validation_loss)

    ``best`` is the best value so far, or None. ``num_bad_epochs`` counts the epochs since,
    ``cooldown_counter`` those of the cooldown that are left.
    """

    best: Any

    def __init__(
        self,
        optimizer: Optimizer,
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
        self.monitor = monitor
        super().__init__(
            optimizer,
            mode=mode,  # type: ignore[arg-type]
            factor=float(factor),
            patience=max(int(patience) - 1, 0),
            threshold=float(threshold),
            threshold_mode=threshold_mode,  # type: ignore[arg-type]
            cooldown=max(int(cooldown) - 1, 0),
            min_lr=[float(floor) * group.get("factor", 1.0) for group in optimizer.param_groups],
            eps=0.0,
        )

    def after_epoch(self, run: Run) -> None:
        self.step(getattr(run.history, self.monitor)[-1])

    def _reset(self) -> None:
        super()._reset()
        self.best = None  # PyTorch's is infinite

    def _is_better(self, a: float, best: float | None) -> bool:
        return improves(
            a,
            best,
            threshold=self.threshold,
            threshold_mode=self.threshold_mode,
            mode=self.mode,
        )
