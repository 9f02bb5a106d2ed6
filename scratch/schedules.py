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

Here: a schedule gives the rate of a step and sets it before the step. Keywords of ``improves`` and
``ReduceOnPlateau`` give PyTorch's counting.
"""

from collections.abc import Sequence

from scratch.optimizers import Optimizer
from triptych.common.schedules import (
    Plateau,
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


class Schedule(Watcher):
    """``schedule(step)`` is the learning rate of that update, the first of which is step 0."""

    def __call__(self, step: int) -> float:
        raise NotImplementedError

    def after_gradients(self, run: Run) -> None:
        run.optimizer.learning_rate = self(run.step)


class StepDecay(Schedule):
    """Sets the learning rate of each update before it.

    In a loop of one's own:

        schedule = StepDecay(learning_rate=0.1, factor=0.5, every=1000)
        for step in range(5000):
            ...
            optimizer.learning_rate = schedule(step)
            optimizer.step(params, grads)
    """

    def __init__(self, *, learning_rate: float, factor: float, every: int) -> None:
        self.learning_rate, self.factor, self.every = learning_rate, factor, every
        self(0)  # which checks the arguments

    def __call__(self, step: int) -> float:
        return step_decay(
            step, learning_rate=self.learning_rate, factor=self.factor, every=self.every
        )


class MultiStepDecay(Schedule):
    """Sets the learning rate of each update before it, as ``StepDecay`` does."""

    def __init__(self, *, learning_rate: float, factor: float, milestones: Sequence[int]) -> None:
        self.learning_rate, self.factor, self.milestones = learning_rate, factor, milestones
        self(0)  # which checks the arguments

    def __call__(self, step: int) -> float:
        return multi_step_decay(
            step,
            learning_rate=self.learning_rate,
            factor=self.factor,
            milestones=self.milestones,
        )


class ExponentialDecay(Schedule):
    """Sets the learning rate of each update before it, as ``StepDecay`` does."""

    def __init__(self, *, learning_rate: float, factor: float, every: int) -> None:
        self.learning_rate, self.factor, self.every = learning_rate, factor, every
        self(0)  # which checks the arguments

    def __call__(self, step: int) -> float:
        return exponential_decay(
            step, learning_rate=self.learning_rate, factor=self.factor, every=self.every
        )


class CosineDecay(Schedule):
    """Sets the learning rate of each update before it, as ``StepDecay`` does."""

    def __init__(
        self, *, learning_rate: float, steps: int, floor: float = 0.0, warmup_steps: int = 0
    ) -> None:
        self.learning_rate, self.steps = learning_rate, steps
        self.floor, self.warmup_steps = floor, warmup_steps
        self(0)  # which checks the arguments

    def __call__(self, step: int) -> float:
        return cosine_decay(
            step,
            learning_rate=self.learning_rate,
            steps=self.steps,
            floor=self.floor,
            warmup_steps=self.warmup_steps,
        )


class PolynomialDecay(Schedule):
    """Sets the learning rate of each update before it, as ``StepDecay`` does."""

    def __init__(
        self, *, learning_rate: float, steps: int, floor: float = 0.0, power: float = 1.0
    ) -> None:
        self.learning_rate, self.steps = learning_rate, steps
        self.floor, self.power = floor, power
        self(0)  # which checks the arguments

    def __call__(self, step: int) -> float:
        return polynomial_decay(
            step,
            learning_rate=self.learning_rate,
            steps=self.steps,
            floor=self.floor,
            power=self.power,
        )


class ReduceOnPlateau(Plateau, Watcher):
    """Watches one training run and lowers the learning rate.

    In a loop of one's own:

        plateau = ReduceOnPlateau(patience=3)
        for epoch in range(100):
            ...
            plateau.update(epoch, validation_loss, optimizer)

    ``best`` is the best value so far, or None. ``wait`` counts the epochs without improvement,
    outside the cooldown, since the best or the last reduction; ``rest`` those of the cooldown that
    are left. PyTorch's own starts from ``best`` = inf (-inf in mode "max"), waits
    and rests ``one_epoch_more``, has a ``minimal_change`` of 1e-8, and a ``signed_threshold``.
    """

    def update(self, epoch: int, value: float, optimizer: Optimizer) -> None:
        """Take in the value that was monitored after ``epoch``."""
        optimizer.learning_rate = self.rate_after(epoch, value, optimizer.learning_rate)

    def before_training(self, run: Run) -> None:
        self._begin()

    def after_epoch(self, run: Run) -> None:
        self.update(run.epoch, getattr(run.history, self.monitor)[-1], run.optimizer)
