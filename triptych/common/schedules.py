"""The rules of the schedules, which know no arrays: the equations stand in each panel's file.

The decays are formulas, the same for a Python number and for a tensor of a traced graph. They are
written over the few functions that the two do differently.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from triptych.common.checks import (
    check_choice,
    check_flag,
    check_integer,
    check_measured,
    check_mode,
    check_number,
    check_size,
    remembered,
    shown,
)
from triptych.common.history import MONITORED

__all__ = [
    "Decays",
    "Plateau",
    "check_plateau",
    "cosine_decay",
    "exponential_decay",
    "improves",
    "multi_step_decay",
    "polynomial_decay",
    "step_decay",
]


class Decays:
    """The formulas, in Python's floats; another kind of number has its own first five functions.

    ``count`` makes an integer of a step, ``number`` a number, exactly, of an integer or a float.
    """

    @staticmethod
    def count(step: Any) -> Any:
        return check_size("step", step, minimum=0)

    @staticmethod
    def number(value: Any) -> Any:
        return float(value)

    @staticmethod
    def sin(angle: Any) -> Any:
        return math.sin(angle)

    @staticmethod
    def clip(value: Any, low: Any, high: Any) -> Any:
        return min(max(value, low), high)

    @staticmethod
    def where(condition: Any, first: Any, second: Any) -> Any:
        return first if condition else second

    def step_decay(self, step: Any, *, learning_rate: float, factor: float, every: int) -> Any:
        """The learning rate times ``factor`` after each ``every`` updates."""
        step, number = self.count(step), self.number
        learning_rate, factor, every = _check_decay(learning_rate, factor, every)
        return number(learning_rate) * number(factor) ** number(step // every)

    def multi_step_decay(
        self, step: Any, *, learning_rate: float, factor: float, milestones: Sequence[int]
    ) -> Any:
        """The learning rate times ``factor`` from each of the milestones on."""
        step, number = self.count(step), self.number
        learning_rate, factor, milestones = _check_multi_step(learning_rate, factor, milestones)
        passed = sum(self.where(step >= milestone, 1, 0) for milestone in milestones)
        return number(learning_rate) * number(factor) ** number(passed)

    def exponential_decay(
        self, step: Any, *, learning_rate: float, factor: float, every: int
    ) -> Any:
        """The same, smoothly: each update has its share of the factor."""
        step, number = self.count(step), self.number
        learning_rate, factor, every = _check_decay(learning_rate, factor, every)
        return number(learning_rate) * number(factor) ** (number(step) / number(every))

    def cosine_decay(
        self,
        step: Any,
        *,
        learning_rate: float,
        steps: int,
        floor: float = 0.0,
        warmup_steps: int = 0,
    ) -> Any:
        """Linear warm-up, then half a period of the cosine, from the learning rate to the floor."""
        step, number = self.count(step), self.number
        learning_rate, steps, floor, warmup_steps = _check_cosine(
            learning_rate, steps, floor, warmup_steps
        )
        rising = number(learning_rate) * number(step + 1) / number(warmup_steps + 1)
        left = number(self.clip(warmup_steps + steps - step, 0, steps)) / number(steps)
        # (1 + cos(pi * t)) / 2 = sin(pi / 2 * (1 - t))**2, which keeps its digits near 0.
        sine = self.sin(number(math.pi / 2) * left)
        falling = number(floor) + number(learning_rate - floor) * (sine * sine)
        return self.where(step < warmup_steps, rising, falling)

    def polynomial_decay(
        self, step: Any, *, learning_rate: float, steps: int, floor: float = 0.0, power: float = 1.0
    ) -> Any:
        """From the learning rate to the floor: for power 1, along a line."""
        step, number = self.count(step), self.number
        learning_rate, steps, floor, power = _check_polynomial(learning_rate, steps, floor, power)
        left = number(self.clip(steps - step, 0, steps)) / number(steps)
        return number(floor) + number(learning_rate - floor) * left ** number(power)


_IN_FLOATS = Decays()
step_decay = _IN_FLOATS.step_decay
exponential_decay = _IN_FLOATS.exponential_decay
cosine_decay = _IN_FLOATS.cosine_decay
multi_step_decay = _IN_FLOATS.multi_step_decay
polynomial_decay = _IN_FLOATS.polynomial_decay


def improves(
    value: float,
    best: float | None,
    *,
    threshold: float = 1e-4,
    threshold_mode: str = "rel",
    mode: str = "min",
    signed_threshold: bool = False,
) -> bool:
    """Whether ``value`` beats ``best`` by more than the threshold; any number beats None.

    With ``signed_threshold`` (PyTorch) a relative margin is threshold * best, also below 0.
    """
    check_flag("signed_threshold", signed_threshold)
    threshold = _check_improves(threshold, threshold_mode, mode)
    value = check_measured("value", value)
    if math.isnan(value):
        return False
    if best is None:
        return True
    best = check_measured("best", best)
    better = -1 if mode == "min" else 1
    if threshold_mode == "rel":
        # best + better * threshold * abs(best), in one rounding less
        sign = 1 if best > 0 or signed_threshold else -1
        limit = best * (1 + better * sign * threshold)
    else:
        limit = best + better * threshold
    return value < limit if mode == "min" else value > limit


class Plateau:
    """When the learning rate is lowered: the rule of ``ReduceOnPlateau``, which describes it."""

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
        best: float | None = None,
        one_epoch_more: bool = False,
        minimal_change: float = 0.0,
        signed_threshold: bool = False,
    ) -> None:
        check_plateau(monitor, factor, patience, threshold, threshold_mode, cooldown, floor, mode)
        more = int(check_flag("one_epoch_more", one_epoch_more))
        self.monitor, self.mode, self.threshold_mode = monitor, mode, threshold_mode
        self.factor, self.threshold, self.floor = float(factor), float(threshold), float(floor)
        self.patience, self.cooldown = int(patience) + more, int(cooldown) + more
        self.first_best = None if best is None else check_number("best", best, "[-inf, inf]")
        self.minimal_change = check_number("minimal_change", minimal_change, "[0, inf)")
        self.signed_threshold = check_flag("signed_threshold", signed_threshold)
        self._begin()

    def _begin(self) -> None:
        self.best = self.first_best
        self.wait = self.rest = 0
        self._epoch = -1

    def rate_after(self, epoch: int, value: float, learning_rate: float) -> float:
        """The learning rate after ``epoch``, for the value that was monitored then."""
        # Epochs only grow: in a loop of one's own, each run has an object of its own.
        self._epoch = check_integer("epoch", epoch, minimum=self._epoch + 1)
        self.rest = max(self.rest - 1, 0)
        if improves(
            value,
            self.best,
            threshold=self.threshold,
            threshold_mode=self.threshold_mode,
            mode=self.mode,
            signed_threshold=self.signed_threshold,
        ):
            self.best, self.wait = float(value), 0
        elif self.rest == 0:
            self.wait += 1
            lower = max(self.factor * learning_rate, self.floor)
            if self.wait >= self.patience and learning_rate - lower > self.minimal_change:
                self.rest, self.wait = self.cooldown, 0
                return lower
        return learning_rate


def check_plateau(
    monitor: str,
    factor: float,
    patience: int,
    threshold: float,
    threshold_mode: str,
    cooldown: int,
    floor: float,
    mode: str,
) -> None:
    """The arguments of a reduction on a plateau."""
    check_choice("monitor", monitor, MONITORED)
    check_number("factor", factor, "(0, 1)")
    check_integer("patience", patience)
    _check_threshold(threshold, threshold_mode)
    check_integer("cooldown", cooldown)
    check_number("floor", floor, "[0, inf)")
    check_mode(monitor, check_choice("mode", mode, ("min", "max")))


def _check_threshold(threshold: float, threshold_mode: str) -> float:
    check_choice("threshold_mode", threshold_mode, ("rel", "abs"))
    return check_number("threshold", threshold, "[0, 1)" if threshold_mode == "rel" else "[0, inf)")


def _check_improves(threshold: float, threshold_mode: str, mode: str) -> float:
    threshold = _check_threshold(threshold, threshold_mode)
    check_choice("mode", mode, ("min", "max"))
    return threshold


@remembered
def _check_decay(learning_rate: float, factor: float, every: int) -> tuple[float, float, int]:
    return (
        check_number("learning_rate", learning_rate, "(0, inf)"),
        check_number("factor", factor, "(0, 1]"),
        check_size("every", every),
    )


@remembered
def _check_cosine(
    learning_rate: float, steps: int, floor: float, warmup_steps: int
) -> tuple[float, int, float, int]:
    learning_rate = check_number("learning_rate", learning_rate, "(0, inf)")
    return (
        learning_rate,
        check_size("steps", steps),
        check_number("floor", floor, f"[0, {learning_rate}]"),
        check_size("warmup_steps", warmup_steps, minimum=0),
    )


@remembered
def _check_multi_step(
    learning_rate: float, factor: float, milestones: Sequence[int]
) -> tuple[float, float, tuple[int, ...]]:
    learning_rate = check_number("learning_rate", learning_rate, "(0, inf)")
    factor = check_number("factor", factor, "(0, 1]")
    if not isinstance(milestones, list | tuple) or not milestones:
        raise ValueError(f"milestones must be a list of steps, got {shown(milestones)}")
    milestones = tuple(check_size("milestones", milestone) for milestone in milestones)
    if any(first >= second for first, second in pairwise(milestones)):
        raise ValueError(f"milestones must grow from one to the next, got {shown(milestones)}")
    return learning_rate, factor, milestones


@remembered
def _check_polynomial(
    learning_rate: float, steps: int, floor: float, power: float
) -> tuple[float, int, float, float]:
    learning_rate = check_number("learning_rate", learning_rate, "(0, inf)")
    return (
        learning_rate,
        check_size("steps", steps),
        check_number("floor", floor, f"[0, {learning_rate}]"),
        check_number("power", power, "(0, inf)"),
    )
