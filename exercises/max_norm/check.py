"""Holds a learner's max-norm against `scratch/weight_constraints.py`."""

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np

from scratch import adaptive_clipping
from scratch import weight_constraints as panel
from triptych.exercises.findings import DONE, WRONG, Finding
from triptych.exercises.functions import Case, Mistake, Task, check_functions

__all__ = ["check"]

AGAINST = "scratch/weight_constraints.py"
DENSE: list[tuple[int, ...]] = [(6, 4), (4, 4), (3, 7), (5, 1), (1, 3)]
KERNELS: list[tuple[int, ...]] = [(3, 3, 2, 4), (3, 2, 4, 4), (1, 1, 3, 2), (2, 2, 1, 1)]


def check(
    module: ModuleType,
    framework: str,
    progress: Callable[[str], None],
    seed: int = 0,
    only: str | None = None,
) -> Iterator[Finding]:
    """At least one finding for each TODO, or for one. ``framework`` is "scratch"."""
    allowed = {"max_norm": DENSE, "max_norm_kernel": KERNELS}
    for finding in check_functions(module, tasks(seed), progress, only):
        changed = None
        if finding.status == DONE and finding.todo in allowed:
            changed = _rounded(getattr(module, finding.todo), allowed[finding.todo], seed)
        yield Finding(finding.todo, WRONG, *changed) if changed else finding


def tasks(seed: int) -> list[Task]:
    rng = np.random.default_rng(seed)
    dense, kernels = _cases(rng, DENSE, "w"), _cases(rng, KERNELS, "kernel")
    at_the_limit = {"w": np.array([[3.0, 6.0, 0.0], [-4.0, -8.0, 0.0]]), "limit": 5.0}
    return [
        Task(
            "unit_norms",
            _norms,
            [Case({"w": case.given["w"]}) for case in dense],
            ("norms",),
            "scratch/adaptive_clipping.py",
            NORM_MISTAKES,
        ),
        Task(
            "max_norm",
            panel.max_norm,
            [*dense, Case(at_the_limit)],
            ("w",),
            AGAINST,
            MISTAKES,
        ),
        Task(
            "max_norm_kernel",
            panel.max_norm,
            kernels,
            ("kernel",),
            AGAINST,
            KERNEL_MISTAKES,
        ),
    ]


def _cases(rng: np.random.Generator, shapes: list[tuple[int, ...]], name: str) -> list[Case]:
    """With units within the limit and above it, and where there are several, one that is all 0."""
    cases = []
    for shape in shapes:
        for dtype in ("float64", "float32"):
            w = rng.normal(size=shape)
            w /= np.sqrt((w**2).sum(axis=tuple(range(w.ndim - 1))))
            w = (w * np.linspace(3, 0, shape[-1])).astype(dtype)
            cases += [Case({name: w, "limit": limit}) for limit in (0.8, 2.2, 4.0)]
    return [*cases, Case({name: np.zeros(shapes[0]), "limit": 1.0})]


def _rounded(
    function: Callable[..., Any], shapes: list[tuple[int, ...]], seed: int
) -> tuple[str, str, str, str] | None:
    """What is said where units that are allowed are not left as they are, to the bit."""
    rng = np.random.default_rng(seed)
    arrays = [rng.normal(size=shape).astype(d) for shape in shapes for d in ("float64", "float32")]
    with np.errstate(all="ignore"):
        results = [np.asarray(function(w.copy(), 100.0)) for w in arrays]
    changed = [
        (w, result) for w, result in zip(arrays, results, strict=True) if (w != result).any()
    ]
    if not changed:
        return None
    w, result = changed[0]
    place = tuple(np.argwhere(w != result)[0])
    text = ", ".join(map(str, place))
    return (
        "units within the limit are not left as they are, to the last bit, in "
        f"{len(changed)} of {len(arrays)} cases",
        f"the weight at [{text}] stays {w[place]!s}",
        f"it becomes {result[place]!s}",
        "They are divided by a number and multiplied by it again, which rounds twice; a factor of "
        "exactly 1 does nothing.",
    )


def _norms(w: Any) -> Any:
    return adaptive_clipping.unit_norms(w)[0]


def _norm(w: Any, axes: Any = 0, **options: Any) -> Any:
    return np.sqrt((w**2).sum(axis=axes, **options))


NORM_MISTAKES = [
    Mistake(
        "The sum is over the units (axis 1): these are the norms of what leaves an input.",
        lambda w: _norm(w, 1),
    ),
    Mistake("One norm is taken of the whole matrix, over both axes.", lambda w: _norm(w, (0, 1))),
    Mistake("The square root is missing.", lambda w: (w**2).sum(axis=0)),
    Mistake("These are sums of absolute values, L1 norms.", lambda w: np.abs(w).sum(axis=0)),
    Mistake("The squares are missing: weights below and above 0 cancel.", lambda w: w.sum(axis=0)),
    Mistake(
        "The squares are missing: weights below and above 0 cancel.",
        lambda w: np.abs(w.sum(axis=0)),
    ),
    Mistake(
        "These are roots of a mean of squares; a norm has the sum.",
        lambda w: np.sqrt((w**2).mean(axis=0)),
    ),
    Mistake(
        "These are standard deviations: the mean is subtracted, and a mean stands for the sum.",
        lambda w: w.std(axis=0),
    ),
    Mistake("These are the largest absolute values.", lambda w: np.abs(w).max(axis=0)),
    Mistake("Something small, 1e-7, is added to the norms.", lambda w: _norm(w) + 1e-7),
    Mistake(
        "Something small, 1e-7, is added under the root.",
        lambda w: np.sqrt((w**2).sum(axis=0) + 1e-7),
    ),
]


def _wrong(axes: Any) -> dict[str, Callable[..., Any]]:
    """What goes wrong in the same way with columns and with filters, by a name."""

    def with_norms(scaled: Callable[..., Any]) -> Callable[..., Any]:
        return lambda w, limit: scaled(w, limit, _norm(w, axes))

    return {
        "stretched": with_norms(lambda w, c, n: w * (c / n)),
        "stretched but 0": with_norms(lambda w, c, n: w * (c / np.where(n == 0, c, n))),
        "0 / 0": with_norms(lambda w, c, n: w * (np.minimum(n, c) / n)),
        "epsilon always": with_norms(lambda w, c, n: w * (np.minimum(n, c) / (n + 1e-7))),
        "epsilon": with_norms(lambda w, c, n: w * np.where(n > c, c / (n + 1e-7), 1)),
        "no root": with_norms(lambda w, c, n: w * (c / np.maximum(n**2, c))),
        "unit": with_norms(lambda w, c, n: w * np.where(n > c, 1 / n, 1)),
        "times": with_norms(lambda w, c, n: w * np.where(n > c, c, 1)),
        "removed": with_norms(lambda w, c, n: w * (n <= c)),
        "one scale": with_norms(lambda w, c, n: w * (c / np.maximum(n.max(), c))),
        "reversed": with_norms(lambda w, c, n: w * np.where((n < c) & (n > 0), c / n, 1)),
        "clipped": lambda w, limit: np.clip(w, -limit, limit),
        "whole": lambda w, limit: w * (limit / np.maximum(_norm(w, None), limit)),
    }


def _over(axes: Any) -> Callable[..., Any]:
    """Max-norm of the norms over other axes."""
    return lambda w, limit: w * (limit / np.maximum(_norm(w, axes, keepdims=True), limit))


CAUSES = {
    "stretched": "Every unit gets the norm c: those within the limit are stretched to it, and "
    "those that are all 0 become 0 / 0.",
    "stretched but 0": "Every unit gets the norm c: those within the limit are stretched to it.",
    "0 / 0": "Weights that are all 0 are divided by their norm, 0 / 0.",
    "epsilon always": "Something small is added to the norm, and units within the limit are scaled "
    "by almost 1.",
    "epsilon": "Something small is added to the norm: units above the limit end up below it.",
    "no root": "The square root is missing: the limit is compared with the square of the norm.",
    "unit": "Units above the limit get the norm 1, not c.",
    "times": "Units above the limit are multiplied by c; their norm has to become c.",
    "removed": "Units above the limit become 0; they should be scaled.",
    "one scale": "All units are scaled by the factor of the largest one.",
    "reversed": "The comparison is the wrong way round: units below the limit are scaled.",
    "clipped": "The weights are clipped one by one; the limit is for the norm of a unit.",
    "whole": "The limit is held against one norm, that of all weights together.",
}

MISTAKES = [
    Mistake(
        "The norms are over axis 1: the rows, what leaves an input, not what enters a unit.",
        _over(1),
    ),
    *(Mistake(CAUSES[name], function) for name, function in _wrong(0).items()),
]

KERNEL_MISTAKES = [
    Mistake("The norms are over axis 0 alone, as in a dense layer.", _over(0)),
    Mistake(
        "The norms are over height and width alone; the channels belong to a filter too.",
        _over((0, 1)),
    ),
    Mistake("The norms are over the channels alone, at each place by itself.", _over(2)),
    Mistake("The norms are of input channels; the filters are the last axis.", _over((0, 1, 3))),
    Mistake("The norms are over the filters, the last axis, which counts the units.", _over(3)),
    Mistake(
        "The norms are over the last three axes, as if the filters were the first axis.",
        _over((1, 2, 3)),
    ),
    *(Mistake(CAUSES[name], function) for name, function in _wrong((0, 1, 2)).items()),
]
