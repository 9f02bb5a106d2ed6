"""The learning rates of ``train``, for losses that we choose."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from types import ModuleType
from typing import Any

import numpy as np
import torch

from triptych.exercises.findings import Finding, InterfaceError
from triptych.exercises.scripts import done, judged, replaced, still_there, wrong

__all__ = ["check"]

RATE, FACTOR, PATIENCE = 0.1, 0.5, 3
Losses = Sequence[float]
Rates = list[float]

FALLS = [1.0 - 0.05 * i for i in range(14)]
STAYS = [0.9] * 14
RISES = [0.8, 0.7, 0.6, *(0.6 + 0.02 * i for i in range(1, 12))]
WAVERS = [0.8, 0.7, 0.75, 0.74, 0.73, 0.69, 0.7, 0.71, 0.72, 0.73, 0.74, 0.68, 0.67, 0.68]
# Each: the losses of training and of validation.
COURSES = {
    "overfits": (FALLS, RISES),
    "wavers": (FALLS, WAVERS),
    "goes on": (STAYS, FALLS),
    "both": (WAVERS, RISES),
}


def plateau(losses: Losses, patience: int = PATIENCE, sign: int = 1) -> Rates:
    """The rate of each epoch; ``sign`` -1 takes the largest loss for the best."""
    rate, best, waited, rates = RATE, np.inf, 0, []
    for loss in losses:
        rates.append(rate)
        if sign * loss < best - 1e-6:
            best, waited = sign * loss, 0
        else:
            waited += 1
        if waited > patience:
            rate, waited = rate * FACTOR, 0
    return rates


def _in_turn(training: Losses, validation: Losses) -> Rates:
    return plateau([*itertools.chain(*zip(training, validation, strict=True))])[::2]


MISTAKES: dict[str, Callable[[Losses, Losses], Rates]] = {
    "The schedule counts both losses, one after the other.": _in_turn,
    "It is given both losses, the validation loss first; it counts them as one row.": (
        lambda t, v: _in_turn(v, t)
    ),
    "The schedule takes a larger loss for a better one: its direction is wrong.": (
        lambda t, v: plateau(v, sign=-1)
    ),
    "It is an epoch too late: it is given the loss of the epoch before.": (
        lambda t, v: [RATE, *plateau(v)[:-1]]
    ),
    "It is given the mean or the sum of both losses.": (
        lambda t, v: plateau([a + b for a, b in zip(t, v, strict=True)])
    ),
    "It is given the gap between the losses, which can grow while both fall.": (
        lambda t, v: plateau([b - a for a, b in zip(t, v, strict=True)])
    ),
    "It counts an epoch less: more than PATIENCE epochs are needed.": (
        lambda t, v: plateau(v, PATIENCE - 1)
    ),
    "It counts an epoch more than it should.": lambda t, v: plateau(v, PATIENCE + 1),
    "The rate is never lowered: the schedule is made anew in each epoch, or not called.": (
        lambda t, v: [RATE] * len(v)
    ),
}


def check(
    module: ModuleType,
    framework: str,
    progress: Callable[[str], None],
    seed: int = 0,
    only: str | None = None,
) -> Iterator[Finding]:
    functions = ("build_model", "train_epoch", "evaluate", "train")
    progress("running train")
    yield from judged(module, functions, lambda: _judge(module, seed))


def _run(module: ModuleType, seed: int, training: Losses, validation: Losses) -> Rates:
    """The rate at which each epoch is trained. Validation points are above 0."""
    x = torch.from_numpy(np.random.default_rng(seed).random((8, 10)).astype(np.float32) + 0.1)
    y, rates = torch.arange(8) % 2, []

    def train_epoch(model: Any, optimizer: Any, *arguments: Any, **options: Any) -> float:
        rates.append(float(optimizer.param_groups[0]["lr"]))
        if len(rates) > len(training):
            raise InterfaceError("train calls train_epoch more than once in an epoch")
        optimizer.step()  # without gradients: it changes nothing
        return training[len(rates) - 1]

    def evaluate(model: Any, x: Any, *arguments: Any, **options: Any) -> float:
        return (validation if (x > 0).all() else training)[max(len(rates) - 1, 0)]

    with replaced(module, train_epoch=train_epoch, evaluate=evaluate):
        module.train(module.build_model(seed), (-x, y), (x, y), epochs=len(training))
    return rates


def _judge(module: ModuleType, seed: int) -> Iterator[Finding]:
    found = {name: _run(module, seed, *course) for name, course in COURSES.items()}
    for name, rates in found.items():
        if len(rates) != len(COURSES[name][0]):
            raise InterfaceError(f"train calls train_epoch {len(rates)} times in 14 epochs")
    right = {name: plateau(validation) for name, (_, validation) in COURSES.items()}
    its = {name: plateau(training) for name, (training, _) in COURSES.items()}
    if _same(found, right):
        yield done(
            f"for a validation loss that rises the rate goes from {RATE} to "
            f"{right['overfits'][-1]:g} in 14 epochs, and it stays while the validation loss falls"
        )
    elif _same(found, its):
        low = int(np.argmin(RISES))
        yield still_there(
            f"the validation loss rises for {len(RISES) - 1 - low} epochs, from {RISES[low]} to "
            f"{RISES[-1]:.2f}, and the rate is {found['overfits'][-1]:g} as at first; where "
            f"it falls all the time, the rate goes down to {found['goes on'][-1]:g}"
        )
    else:
        name = next(name for name in COURSES if not _near(found[name], right[name]))
        yield wrong(
            "the rates are not those of a plateau of the validation loss",
            f"{_row(right[name])} for the validation losses {_row(COURSES[name][1])}",
            _row(found[name]),
            _cause(found),
        )


def _cause(found: dict[str, Rates]) -> str:
    for cause, mistake in MISTAKES.items():
        theirs = {name: mistake(*course) for name, course in COURSES.items()}
        if _same(found, theirs):
            return cause
    first = {name: _lowered(rates) for name, rates in found.items()}
    if first == {name: _lowered(plateau(v)) for name, (_, v) in COURSES.items()}:
        return "The rate is lowered in the right epochs, and multiplied by another factor."
    if len(set(map(str, found.values()))) == 1:
        return "It goes by its own clock: the rate is the same whatever the losses are."
    return ""


def _lowered(rates: Rates) -> list[int]:
    return [i for i in range(1, len(rates)) if rates[i] < rates[i - 1] - 1e-9]


def _same(a: dict[str, Rates], b: dict[str, Rates]) -> bool:
    return all(_near(a[name], b[name]) for name in COURSES)


def _near(a: Rates, b: Rates) -> bool:
    return bool(np.allclose(a, b, rtol=1e-6, atol=0))


def _row(numbers: Losses) -> str:
    return ", ".join(f"{each:.3g}" for each in numbers)
