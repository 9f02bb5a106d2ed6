"""The rules of the schedules that rise as well: warm-up, warm restarts and one cycle."""

import functools
import math
from typing import Any

from triptych.common.checks import (
    check_choice,
    check_flag,
    check_number,
    check_size,
    remembered,
    shown,
)
from triptych.common.schedules import Decays

__all__ = ["Cycles", "check_schedule", "linear_warmup", "one_cycle", "warm_restarts"]

LAST = 2**31 - 1  # the last step that the frameworks' counters have


class Cycles(Decays):
    """The formulas, in Python's floats."""

    def linear_warmup(
        self, step: Any, *, learning_rate: float, steps: int, start_factor: float | None = None
    ) -> Any:
        """Along a line to the learning rate, which the update ``steps`` is the first to have."""
        step, number = self.count(step), self.number
        learning_rate, steps, start_factor = _check_warmup(learning_rate, steps, start_factor)
        done = self.clip(step, 0, steps)
        if start_factor is None:
            share, whole = number(self.clip(step, 0, steps - 1) + 1), number(steps + 1)
        else:
            share, whole = number(start_factor) * number(steps - done) + number(done), number(steps)
        return self.where(
            step < steps, number(learning_rate) * share / whole, number(learning_rate)
        )

    def warm_restarts(
        self,
        step: Any,
        *,
        learning_rate: float,
        steps: int,
        t_mult: int = 1,
        factor: float = 1.0,
        floor: float = 0.0,
    ) -> Any:
        """The cosine again and again, each time ``t_mult`` times as long and ``factor`` as high."""
        step, number = self.count(step), self.number
        learning_rate, steps, t_mult, factor, floor = _check_restarts(
            learning_rate, steps, t_mult, factor, floor
        )
        if t_mult == 1:
            restarts, since = step // steps, step % steps
        else:
            # In integers: a logarithm, which gives it in one line, is off by one at some restarts.
            lengths = _lengths(steps, t_mult)
            starts = [sum(lengths[: i + 1]) for i in range(len(lengths))]
            passed = [(step >= start, n) for start, n in zip(starts, lengths, strict=True)]
            zero = step * 0  # of the integers that the step is of
            restarts = sum(self.where(done, 1, zero) for done, _ in passed)
            since = step - sum(self.where(done, n, zero) for done, n in passed)
        length = number(steps) * number(t_mult) ** number(restarts)
        # (1 + cos(pi * t)) / 2 = sin(pi / 2 * (1 - t))**2
        sine = self.sin(number(math.pi / 2) * ((length - number(since)) / length))
        height = number(learning_rate - floor) * number(factor) ** number(restarts)
        return number(floor) + height * (sine * sine)

    def one_cycle(
        self,
        step: Any,
        *,
        learning_rate: float,
        steps: int,
        pct_start: float = 0.3,
        anneal: str = "cosine",
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
    ) -> Any:
        """Up from the first rate to the learning rate, and down to the last rate."""
        step, number = self.count(step), self.number
        learning_rate, steps, pct_start, div_factor, final_div_factor = _check_one_cycle(
            learning_rate, steps, pct_start, anneal, div_factor, final_div_factor, three_phase
        )
        first, top, bottom = learning_rate / div_factor, pct_start * steps - 1, steps - 1
        last = first / final_div_factor
        phases = [(0.0, top, first, learning_rate), (top, bottom, learning_rate, last)]
        if three_phase:
            back = 2 * top
            phases[1:] = [(top, back, learning_rate, first), (back, bottom, first, last)]
        rate = None
        for start, stop, before, after in reversed(phases):
            done = self.clip((number(step) - number(start)) / number(stop - start), 0.0, 1.0)
            left = self.clip((number(stop) - number(step)) / number(stop - start), 0.0, 1.0)
            if anneal == "cosine":  # (1 - cos(pi * t)) / 2 = sin(pi / 2 * t)**2
                done, left = (self.sin(number(math.pi / 2) * t) ** 2 for t in (done, left))
            between = number(before) * left + number(after) * done
            rate = (
                between if rate is None else self.where(number(step) <= number(stop), between, rate)
            )
        return rate


_IN_FLOATS = Cycles()
linear_warmup = _IN_FLOATS.linear_warmup
warm_restarts = _IN_FLOATS.warm_restarts
one_cycle = _IN_FLOATS.one_cycle


@functools.cache
def _lengths(steps: int, t_mult: int) -> list[int]:
    """Of the cycles that end before LAST."""
    lengths = [steps]
    while sum(lengths) + lengths[-1] * t_mult <= LAST:
        lengths.append(lengths[-1] * t_mult)
    return lengths


def check_schedule(schedule: Any, *kinds: type) -> None:
    """A schedule of the panel, or the framework's own."""
    if not isinstance(schedule, kinds):
        raise ValueError(f"schedule must be a learning-rate schedule, got {shown(schedule)}")


@remembered
def _check_warmup(
    learning_rate: float, steps: int, start_factor: float | None
) -> tuple[float, int, float | None]:
    learning_rate = check_number("learning_rate", learning_rate, "(0, inf)")
    steps = check_size("steps", steps)
    if start_factor is not None:
        start_factor = check_number("start_factor", start_factor, "[0, 1]")
    return learning_rate, steps, start_factor


@remembered
def _check_restarts(
    learning_rate: float, steps: int, t_mult: int, factor: float, floor: float
) -> tuple[float, int, int, float, float]:
    learning_rate = check_number("learning_rate", learning_rate, "(0, inf)")
    return (
        learning_rate,
        check_size("steps", steps),
        check_size("t_mult", t_mult),
        check_number("factor", factor, "(0, 1]"),
        check_number("floor", floor, f"[0, {learning_rate}]"),
    )


@remembered
def _check_one_cycle(
    learning_rate: float,
    steps: int,
    pct_start: float,
    anneal: str,
    div_factor: float,
    final_div_factor: float,
    three_phase: bool,
) -> tuple[float, int, float, float, float]:
    learning_rate = check_number("learning_rate", learning_rate, "(0, inf)")
    check_choice("anneal", anneal, ("cosine", "linear"))
    div_factor = check_number("div_factor", div_factor, "[1, inf)")
    final_div_factor = check_number("final_div_factor", final_div_factor, "[1, inf)")
    three_phase = check_flag("three_phase", three_phase)
    steps = check_size("steps", steps, minimum=2)
    # The rise begins at step 0 and ends at pct_start * steps - 1.
    highest = "0.5]" if three_phase else "1)"
    pct_start = check_number("pct_start", pct_start, f"({1 / steps}, {highest}")
    return learning_rate, steps, pct_start, div_factor, final_div_factor
