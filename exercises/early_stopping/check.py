"""Holds a learner's early stopping against `triptych/common/early_stopping.py`."""

import math
from collections.abc import Callable, Iterator, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from triptych.common.early_stopping import EarlyStopping
from triptych.exercises.findings import Finding
from triptych.exercises.functions import Case, Mistake, Task, check_functions

__all__ = ["check"]

AGAINST = "triptych/common/early_stopping.py"
NAN = math.nan
# In steps of 1/16, so that no rounding decides whether a difference is min_delta or more.
CURVES = [
    [1.0, 0.5, 0.75, 0.5, 0.375],
    [0.5],
    [0.5, 0.5, 0.5, 0.5],
    [1.0, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25],
    [0.25, 0.5, 0.75, 1.0, 1.25],
    [2.0, 1.0, 1.5, 1.25, 1.125, 1.75, 0.5, 0.75, 0.5, 0.5, 0.625],
    [1.0, 0.9375, 1.0, 0.875, 0.9375, 0.75, 0.8125, 0.5],
    [-1.0, -1.5, -1.25, -2.0, -2.125, -1.0],
    [NAN, 0.5, NAN, 0.25, NAN, NAN, NAN],
    [NAN, NAN, 1.0, 0.75],
    [1.0, 0.5, NAN, 0.75, 0.25, 0.5],
    [NAN, NAN, NAN, NAN],
    [NAN],
]


def check(
    module: ModuleType,
    framework: str,
    progress: Callable[[str], None],
    seed: int = 0,
    only: str | None = None,
) -> Iterator[Finding]:
    """At least one finding for each TODO, or for one. ``framework`` is "scratch"."""
    if callable(keep := getattr(module, "keep_best", None)):
        module.keep_best = _training(keep)  # type: ignore[attr-defined]
    yield from check_functions(module, tasks(seed), progress, only)


def tasks(seed: int) -> list[Task]:
    rng = np.random.default_rng(seed)
    drawn = [(rng.integers(0, 24, length) / 16).tolist() for length in (6, 9, 14, 20)]
    curves = [*CURVES, *drawn]
    deltas = (0.0, 0.125, 0.25)
    best = [Case({"losses": curve}, {"min_delta": delta}) for curve in curves for delta in deltas]
    stopping = [
        Case({"losses": curve, "patience": patience}, {"min_delta": delta})
        for curve in curves
        for patience in (0, 1, 2, 3)
        for delta in deltas
    ]
    improved = [(True,), (False,), (True, False), (False, True, False), (True, True, False, True)]
    training = []
    for dtype in ("float64", "float32"):
        weights = {
            name: rng.normal(size=shape).astype(dtype)
            for name, shape in {"dense.weight": (3, 2), "dense.bias": (4,), "scale": (1,)}.items()
        }
        training += [Case({"improved": list(each), "weights": weights}) for each in improved]
    return [
        Task("best_epoch", _best_epoch, best, ("epoch",), AGAINST, BEST_MISTAKES),
        Task("stopping_epoch", _stopping_epoch, stopping, ("epoch",), AGAINST, STOPPING_MISTAKES),
        Task(
            "keep_best",
            _training(_keep_best),
            training,
            ("best", "weights"),
            "copies of the weights",
            KEEPING_MISTAKES,
        ),
    ]


def _best_epoch(losses: Sequence[float], *, min_delta: float) -> int | None:
    return _watched(losses, len(losses) + 1, min_delta)[0]


def _stopping_epoch(losses: Sequence[float], patience: int, *, min_delta: float) -> int | None:
    return _watched(losses, patience, min_delta)[1]


def _watched(
    losses: Sequence[float], patience: int, min_delta: float
) -> tuple[int | None, int | None]:
    """The best epoch, and the one that stopped the run."""
    stopping = EarlyStopping(patience, min_delta=min_delta, restore_best_weights=False)
    for epoch, loss in enumerate(losses):
        if stopping.update(epoch, loss, None):
            return stopping.best_epoch, epoch
    return stopping.best_epoch, None


def _wrong(
    improves: Callable[[float, float, float], bool] = lambda loss, best, delta: loss + delta < best,
    *,
    best: Callable[[float, float, bool], float] = lambda loss, best, improved: (
        loss if improved else best
    ),
    start: float = math.inf,
    wait: Callable[[int, float, bool], int] = lambda wait, loss, improved: (
        0 if improved else wait + 1
    ),
    stops: Callable[[int, int, int, bool], bool] = lambda wait, patience, epoch, improved: (
        wait >= patience and epoch > 0 and not improved
    ),
    told: Callable[[list[float], int | None, int | None], Any] | None = None,
) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The two functions with one thing changed.

    ``told`` gets the losses, the best epoch and that of the stop, and says what is returned.
    """

    def run(losses: list[float], patience: int, min_delta: float) -> tuple[int | None, int | None]:
        value, waiting, last = start, 0, None
        for epoch, loss in enumerate(losses):
            improved = improves(loss, value, min_delta)
            value, waiting = best(loss, value, improved), wait(waiting, loss, improved)
            last = epoch if improved else last
            if stops(waiting, patience, epoch, improved):
                return last, epoch
        return last, None

    def best_of(losses: list[float], *, min_delta: float) -> Any:
        last, _ = run(losses, len(losses) + 1, min_delta)
        return told(losses, last, None) if told else last

    def stop_of(losses: list[float], patience: int, *, min_delta: float) -> Any:
        last, stop = run(losses, patience, min_delta)
        return told(losses, last, stop) if told else stop

    return best_of, stop_of


# Of both functions: what an improvement is.
IMPROVEMENTS = {
    "min_delta is not used.": _wrong(lambda loss, best, delta: loss < best),
    "A loss that is better by just min_delta (or as good, where it is 0) counts as an improvement; "
    "it has to be better by more.": _wrong(lambda loss, best, delta: loss + delta <= best),
    "min_delta is on the wrong side: losses that are a little worse count as improvements.": _wrong(
        lambda loss, best, delta: loss - delta < best
    ),
    "Every smaller loss becomes the best, even if it is no improvement by min_delta: so slow "
    "progress never counts.": _wrong(
        best=lambda loss, best, improved: min(best, loss) if loss == loss else best
    ),
    "A loss is compared with that of the epoch before; it is compared with the best.": _wrong(
        best=lambda loss, best, improved: loss
    ),
    "NaN counts as an improvement, perhaps because `not loss >= ...` is true of it.": _wrong(
        lambda loss, best, delta: not loss + delta >= best
    ),
    "Larger losses count as improvements: a loss is to become small.": _wrong(
        lambda loss, best, delta: loss - delta > best, start=-math.inf
    ),
    "min_delta is taken as a part of the best loss; it is in the units of the loss.": _wrong(
        lambda loss, best, delta: loss < best - delta * abs(best) if best < math.inf else True
    ),
}


def _from_the_first(stopping: bool) -> Callable[..., Any]:
    """``best`` is set to losses[0] before the loop: nothing is better than NaN."""

    def function(losses: list[float], *arguments: int, min_delta: float) -> Any:
        best_of, stop_of = _wrong(lambda loss, best, delta: best == math.inf or loss + delta < best)
        return (stop_of if stopping else best_of)(losses, *arguments, min_delta=min_delta)

    return function


def _before_the_first(stopping: bool) -> Callable[..., Any]:
    """``best`` is set to losses[0], and then the loop begins with losses[0]."""

    def function(losses: list[float], *arguments: int, min_delta: float) -> Any:
        best_of, stop_of = _wrong(start=losses[0])
        return (stop_of if stopping else best_of)(losses, *arguments, min_delta=min_delta)

    return function


def _without_nan(losses: list[float], patience: int, *, min_delta: float) -> int | None:
    epochs = [epoch for epoch, loss in enumerate(losses) if loss == loss]
    stop = _stopping_epoch([losses[epoch] for epoch in epochs], patience, min_delta=min_delta)
    return None if stop is None else epochs[stop]


BEFORE_THE_FIRST = "Epoch 0 is compared with its own loss, so that it is no improvement; it is one."
FROM_THE_FIRST = (
    "The first loss is the best at the start even if it is NaN, and nothing is smaller than NaN."
)
NOTHING = Mistake("A return is missing.", lambda *arguments, **options: None)

BEST_MISTAKES = [
    NOTHING,
    Mistake(
        "np.argmin knows no min_delta, and takes a NaN for the smallest loss.",
        lambda losses, *, min_delta: int(np.argmin(losses)),
    ),
    *(Mistake(cause, wrong[0]) for cause, wrong in IMPROVEMENTS.items()),
    Mistake(FROM_THE_FIRST, _from_the_first(False)),
    Mistake(BEFORE_THE_FIRST, _before_the_first(False)),
    Mistake(
        "The best loss is returned in the place of its epoch.",
        _wrong(told=lambda losses, last, stop: None if last is None else losses[last])[0],
    ),
    Mistake(
        "Epochs count from 1 here; they count from 0.",
        _wrong(told=lambda losses, last, stop: None if last is None else last + 1)[0],
    ),
    Mistake(
        "Where no loss is a number, 0 is returned; it should be None.",
        _wrong(told=lambda losses, last, stop: last or 0)[0],
    ),
    Mistake(
        "Where no loss is a number, -1 is returned; it should be None.",
        _wrong(told=lambda losses, last, stop: -1 if last is None else last)[0],
    ),
]

STOPPING_MISTAKES = [
    NOTHING,
    *(Mistake(cause, wrong[1]) for cause, wrong in IMPROVEMENTS.items()),
    Mistake(FROM_THE_FIRST, _from_the_first(True)),
    Mistake(BEFORE_THE_FIRST, _before_the_first(True)),
    Mistake(
        "It stops an epoch late: wait == patience is enough.",
        _wrong(stops=lambda wait, patience, epoch, improved: wait > patience)[1],
    ),
    Mistake(
        "It stops an epoch late: wait == patience is enough.",
        _wrong(stops=lambda wait, patience, epoch, improved: wait > patience and epoch > 0)[1],
    ),
    Mistake(
        "It stops an epoch early, at wait == patience - 1.",
        _wrong(
            stops=lambda wait, patience, epoch, improved: (
                wait >= patience - 1 and epoch > 0 and not improved
            )
        )[1],
    ),
    Mistake(
        "wait is not set back to 0 by an improvement: it counts all epochs without one.",
        _wrong(wait=lambda wait, loss, improved: wait + (not improved))[1],
    ),
    Mistake(
        "It stops after epoch 0, where that has no improvement: no run is stopped so early.",
        _wrong(stops=lambda wait, patience, epoch, improved: wait >= patience and not improved)[1],
    ),
    Mistake(
        "With a patience of 0 it stops after epochs that improve; 0 acts as 1.",
        _wrong(stops=lambda wait, patience, epoch, improved: wait >= patience)[1],
    ),
    Mistake(
        "With a patience of 0 it stops after epochs that improve; 0 acts as 1.",
        _wrong(stops=lambda wait, patience, epoch, improved: wait >= patience and epoch > 0)[1],
    ),
    Mistake(
        "A patience of 0 is taken for none at all; it acts as 1.",
        _wrong(
            stops=lambda wait, patience, epoch, improved: (
                patience > 0 and wait >= patience and epoch > 0
            )
        )[1],
    ),
    Mistake(
        "It stops when wait is patience and at no other time: wait can be past it, where NaN came "
        "first.",
        _wrong(
            stops=lambda wait, patience, epoch, improved: (
                wait == patience and epoch > 0 and not improved
            )
        )[1],
    ),
    Mistake(
        "Epochs with NaN are passed over: they have to count as epochs without improvement.",
        _without_nan,
    ),
    Mistake(
        "NaN stops the run at once; it counts as one epoch without improvement.",
        _wrong(wait=lambda wait, loss, improved: 0 if improved else wait + 1 + 99 * (loss != loss))[
            1
        ],
    ),
    Mistake(
        "The best epoch is returned; asked for is the one after which training stops.",
        _wrong(told=lambda losses, last, stop: None if stop is None else last)[1],
    ),
    Mistake(
        "The number of epochs is returned, one more than the last of them: epochs count from 0.",
        _wrong(told=lambda losses, last, stop: None if stop is None else stop + 1)[1],
    ),
    Mistake(
        "Where training goes on to the end, the last epoch is returned; it should be None.",
        _wrong(told=lambda losses, last, stop: len(losses) - 1 if stop is None else stop)[1],
    ),
    Mistake(
        "Where training goes on to the end, the number of losses is returned; it should be None.",
        _wrong(told=lambda losses, last, stop: len(losses) if stop is None else stop)[1],
    ),
    Mistake(
        "Where training goes on to the end, -1 is returned; it should be None.",
        _wrong(told=lambda losses, last, stop: -1 if stop is None else stop)[1],
    ),
]


def _training(keep: Callable[..., Any]) -> Callable[..., Any]:
    """Some epochs of training that call it: what it keeps, and the weights, at the end."""

    def run(improved: list[bool], weights: dict[str, Any]) -> tuple[Any, Any]:
        weights = {name: array.copy() for name, array in weights.items()}
        best = None
        for each in improved:
            best = keep(best, weights, each)
            for name in ("dense.weight", "dense.bias"):
                weights[name] += 1
            weights["scale"] = weights["scale"] + 1  # not every loop changes all in place
        return best, weights

    return run


def _keep_best(best: Any, weights: Any, improved: bool) -> Any:
    return {name: array.copy() for name, array in weights.items()} if improved else best


KEEPING_MISTAKES = [
    Mistake(
        "The dictionary is kept as it is, and training goes on to change it: what is kept is a "
        "reference, not a copy.",
        _training(lambda best, weights, improved: weights if improved else best),
    ),
    Mistake(
        "The dictionary is copied and the arrays in it are not: training goes on to change them. "
        "dict(...), weights.copy(), copy.copy, slices and np.asarray copy no numbers.",
        _training(lambda best, weights, improved: dict(weights) if improved else best),
    ),
    Mistake(
        "The weights of each epoch are kept, improved or not.",
        _training(lambda best, weights, improved: _keep_best(best, weights, True)),
    ),
    Mistake(
        "The weights are kept where they did not improve.",
        _training(lambda best, weights, improved: _keep_best(best, weights, not improved)),
    ),
    Mistake(
        "The first weights are kept for ever: later improvements have to replace them.",
        _training(
            lambda best, weights, improved: _keep_best(best, weights, improved and best is None)
        ),
    ),
    Mistake(
        "Where nothing was best before, weights that did not improve are kept; it stays None.",
        _training(
            lambda best, weights, improved: _keep_best(best, weights, improved or best is None)
        ),
    ),
    Mistake(
        "Without an improvement the best weights are lost: the function has to return them again.",
        _training(lambda best, weights, improved: _keep_best(None, weights, improved)),
    ),
    Mistake("A return is missing.", _training(lambda best, weights, improved: None)),
]
