"""Contestants take turns at the same work, and the medians are compared."""

import gc
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Contestant", "Section", "Task", "repeated", "summary", "take_turns", "timed"]

# Does the work once. Returns the seconds that count where not all of the call does, else None.
Contestant = Callable[[], float | None]


@dataclass(frozen=True)
class Task:
    """One piece of work and who does it.

    ``contestants`` has what makes each of them. ``units`` is how many steps (or passes) one call
    does; times are reported for one of them. Every median is divided by that of ``reference``;
    ``pairs`` are further ratios, first over second.
    """

    contestants: Mapping[str, Callable[[], Contestant]]
    reference: str
    units: int = 1
    pairs: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class Section:
    """Tasks of one kind; ``work`` says what is timed, ``note`` what one has to know about it."""

    work: str
    note: str
    tasks: Mapping[str, Task]
    per_second: bool = False  # show how often the work is done in a second, not how long it takes


def repeated(call: Callable[[], object], times: int) -> Contestant:
    """``call``, that many times over."""

    def run() -> None:
        for _ in range(times):
            call()

    return run


def timed(
    contestant: Contestant,
    *,
    pause: float = 0.1,
    clock: Callable[[], float] = time.perf_counter,
    sleep: Callable[[float], None] = time.sleep,
) -> float:
    """The seconds of one call. Before it, the last one's garbage goes, and its threads, which spin
    for a while waiting for more work, fall asleep.
    """
    gc.collect()
    sleep(pause)
    start = clock()
    counted = contestant()
    elapsed = clock() - start
    return elapsed if counted is None else counted


def take_turns(
    contestants: Mapping[str, Callable[[], float]],
    rounds: int,
    *,
    warm_up: bool = True,
    done: Callable[[], None] = lambda: None,
) -> dict[str, list[float]]:
    """Seconds of each call, by contestant: one call each in every round.

    A first call of each to warm up is not counted: it traces, and fills caches and allocators. Each
    round starts with the next contestant. ``done`` is called after every call.
    """
    names = list(contestants)
    for name in names if warm_up else ():
        contestants[name]()
        done()
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(rounds):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            seconds[name].append(contestants[name]())
            done()
    return seconds


def summary(task: Task, seconds: Mapping[str, Sequence[float]]) -> dict:
    """What bench.json holds of a task: the seconds of the calls, and what follows from them."""
    medians = {name: statistics.median(times) / task.units for name, times in seconds.items()}
    ratios = {name: median / medians[task.reference] for name, median in medians.items()}
    return {
        "units": task.units,
        "reference": task.reference,
        "seconds": dict(seconds),
        "median": medians,
        "fastest": {name: min(times) / task.units for name, times in seconds.items()},
        "ratio": ratios,
        "pairs": {f"{a} / {b}": medians[a] / medians[b] for a, b in task.pairs},
    }
