"""Holds a learner's gradient clipping against `scratch/gradient_clipping.py`."""

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np

from scratch import gradient_clipping as panel
from triptych.exercises.findings import Finding
from triptych.exercises.functions import Case, Mistake, Task, check_functions

__all__ = ["check"]

AGAINST = "scratch/gradient_clipping.py"
# The shapes of the arrays of a list.
LISTS: list[list[tuple[int, ...]]] = [[(3, 2), (2,)], [(1,)], [(1, 4), (2, 2, 3), (1,), (5,)]]


def check(
    module: ModuleType,
    framework: str,
    progress: Callable[[str], None],
    seed: int = 0,
    only: str | None = None,
) -> Iterator[Finding]:
    """At least one finding for each TODO, or for one. ``framework`` is "scratch"."""
    yield from check_functions(module, tasks(seed), progress, only)


def tasks(seed: int) -> list[Task]:
    rng = np.random.default_rng(seed)
    value, norm, whole = [], [], []
    for dtype in ("float64", "float32"):
        small = [np.array(numbers, dtype) for numbers in ([3, -4], [0, 0], [0.5, 0.0])]
        value += [_value(grad, limit) for grad in small for limit in (3.5, 4.0)]
        # 5 is the norm itself, 10 leaves everything as it is
        norm += [_norm(grad, max_norm) for grad in small for max_norm in (1.0, 5.0, 10.0)]
        square = np.array([[6, -8], [1.5, -2]], dtype)
        pairs = [[small[0], small[1]], [square, small[2]], [small[1], small[1]]]
        whole += [_whole(pair, max_norm) for pair in pairs for max_norm in (1.0, 5.0, 12.0)]
        for shapes in LISTS:
            grads = [rng.normal(0, 3, shape).astype(dtype) for shape in shapes]
            value += [_value(grad, limit) for grad in grads for limit in (0.5, 2.0, 50.0)]
            norm += [_norm(grad, max_norm) for grad in grads for max_norm in (0.5, 2.0, 50.0)]
            whole += [_whole(grads, max_norm) for max_norm in (0.5, 5.0, 50.0)]
    return [
        Task("clip_by_value", _clip_by_value, value, ("clipped",), AGAINST, VALUE_MISTAKES),
        Task("clip_by_norm", _clip_by_norm, norm, ("clipped", "norm"), AGAINST, NORM_MISTAKES),
        Task(
            "clip_by_global_norm",
            panel.clip_by_global_norm,
            whole,
            ("clipped", "norm"),
            AGAINST,
            GLOBAL_MISTAKES,
        ),
    ]


def _value(grad: Any, limit: float) -> Case:
    return Case({"grad": grad, "limit": limit})


def _norm(grad: Any, max_norm: float) -> Case:
    return Case({"grad": grad, "max_norm": max_norm})


def _whole(grads: Any, max_norm: float) -> Case:
    return Case({"grads": grads, "max_norm": max_norm})


def _clip_by_value(grad: Any, limit: float) -> Any:
    return panel.clip_by_value([grad], limit)[0]


def _clip_by_norm(grad: Any, max_norm: float) -> tuple[Any, Any]:
    return panel.clip_by_norm([grad], max_norm)[0], panel.global_norm([grad])


VALUE_MISTAKES = [
    Mistake(
        "Large numbers are cut and negative ones are not: -limit is a limit too.",
        lambda grad, limit: np.minimum(grad, limit),
    ),
    Mistake(
        "Negative numbers are cut and large ones are not.",
        lambda grad, limit: np.maximum(grad, -limit),
    ),
    Mistake(
        "The lower limit is 0 in the place of -limit.", lambda grad, limit: np.clip(grad, 0, limit)
    ),
    Mistake(
        "The sign is lost: what is beyond -limit becomes limit.",
        lambda grad, limit: np.where(np.abs(grad) > limit, limit, grad),
    ),
    Mistake(
        "The sign is lost: the absolute values are clipped.",
        lambda grad, limit: np.minimum(np.abs(grad), limit),
    ),
    Mistake(
        "What is beyond the limit becomes 0; it becomes the limit.",
        lambda grad, limit: np.where(np.abs(grad) > limit, 0, grad),
    ),
    Mistake(
        "The whole array is scaled by its largest element; clipping by value is for each element.",
        lambda grad, limit: grad * (limit / max(limit, float(np.abs(grad).max()))),
    ),
    Mistake(
        "Every element becomes limit or -limit, also those within.",
        lambda grad, limit: np.sign(grad) * limit,
    ),
    Mistake(
        "The array is clipped by its norm; clipping by value is for each element.",
        lambda grad, limit: _clip_by_norm(grad, limit)[0],
    ),
    Mistake("Nothing is clipped.", lambda grad, limit: grad),
]


def _euclidean(grads: Any) -> Any:
    return np.sqrt(sum(np.sum(grad**2) for grad in grads))


def _shorter(norm: Any, max_norm: float) -> Any:
    return max_norm / max(norm, max_norm)


def _wrong(
    norm_of: Callable[[Any], Any] = _euclidean,
    factor_of: Callable[[Any, float], Any] = _shorter,
    *,
    returned: Callable[[Any, Any], Any] = lambda norm, clipped: norm,
) -> Callable[..., Any]:
    """Clipping of a list, with one thing changed; ``returned`` gets the norm and the new arrays."""

    def clip(grads: Any, max_norm: float) -> tuple[Any, Any]:
        norm = norm_of(grads)
        factor = factor_of(norm, max_norm)
        clipped = [(grad * factor).astype(grad.dtype) for grad in grads]
        return clipped, returned(norm, clipped)

    return clip


def _alone(clip: Callable[..., Any]) -> Callable[..., Any]:
    """The same of one array."""

    def clip_one(grad: Any, max_norm: float) -> tuple[Any, Any]:
        clipped, norm = clip([grad], max_norm)
        return clipped[0], norm

    return clip_one


# Of one array and of a list.
MISTAKES = {
    "The norm has no square root.": _wrong(lambda grads: sum(np.sum(g**2) for g in grads)),
    "The norm is a sum of absolute values; it is the root of a sum of squares.": _wrong(
        lambda grads: sum(np.sum(np.abs(g)) for g in grads)
    ),
    "The norm is the largest absolute value; it is the root of a sum of squares.": _wrong(
        lambda grads: max(np.abs(g).max() for g in grads)
    ),
    "The norm has a mean of squares; it has their sum.": _wrong(
        lambda grads: np.sqrt(sum(np.sum(g**2) for g in grads) / sum(g.size for g in grads))
    ),
    "Gradients that are short enough are made longer: the factor may not be above 1. "
    "(A norm of 0 gives 0 / 0.)": _wrong(factor_of=lambda norm, max_norm: max_norm / norm),
    "Gradients that are short enough are made longer: the factor may not be above 1.": _wrong(
        factor_of=lambda norm, max_norm: max_norm / norm if norm else 1.0
    ),
    "The comparison is the wrong way round: the factor is max(1, ...), so that short gradients "
    "grow and long ones stay.": _wrong(
        factor_of=lambda norm, max_norm: max_norm / norm if 0 < norm < max_norm else 1.0
    ),
    "Long gradients get the norm 1; they get max_norm.": _wrong(
        factor_of=lambda norm, max_norm: 1 / norm if norm > max_norm else 1.0
    ),
    "The fraction is upside down: the norm divided by max_norm makes long gradients longer.": (
        _wrong(factor_of=lambda norm, max_norm: norm / max_norm if norm > max_norm else 1.0)
    ),
    "Something like 1e-6 is added to the norm, as PyTorch does; the equations add nothing.": (
        _wrong(factor_of=lambda norm, max_norm: min(1.0, max_norm / (norm + 1e-6)))
    ),
    "The norm is that after clipping; what is asked for is the norm before.": _wrong(
        returned=lambda norm, clipped: _euclidean(clipped)
    ),
    "The factor is returned in the place of the norm.": lambda grads, max_norm: (
        _wrong()(grads, max_norm)[0],
        _shorter(_euclidean(grads), max_norm),
    ),
    "Nothing is clipped.": _wrong(factor_of=lambda norm, max_norm: 1.0),
}


def _rows(grad: Any, max_norm: float) -> tuple[Any, Any]:
    norm = np.sqrt(np.sum(grad**2, axis=-1, keepdims=True))
    return grad * np.minimum(1, max_norm / np.maximum(norm, max_norm)), _euclidean([grad])


NORM_MISTAKES = [
    *(Mistake(cause, _alone(clip)) for cause, clip in MISTAKES.items()),
    Mistake("Each row has a norm and a factor of its own; the array has one.", _rows),
    Mistake(
        "Each element is clipped by itself, to max_norm: that is clipping by value.",
        lambda grad, max_norm: (np.clip(grad, -max_norm, max_norm), _euclidean([grad])),
    ),
]


def _each(grads: Any, max_norm: float) -> tuple[Any, Any]:
    return [_alone(_wrong())(grad, max_norm)[0] for grad in grads], _euclidean(grads)


def _long_ones(grads: Any, max_norm: float) -> tuple[Any, Any]:
    norm = _euclidean(grads)
    factor = _shorter(norm, max_norm)
    return [grad * factor if _euclidean([grad]) > max_norm else grad for grad in grads], norm


GLOBAL_MISTAKES = [
    Mistake(
        "Each array is clipped by its own norm; there is one factor for all, from the global norm.",
        _each,
    ),
    Mistake(
        "Only arrays that are themselves longer than max_norm are scaled; all are, by one factor.",
        _long_ones,
    ),
    Mistake(
        "The global norm is the sum of the arrays' norms; add up their squares before the root.",
        _wrong(lambda grads: sum(_euclidean([grad]) for grad in grads)),
    ),
    Mistake(
        "The global norm is the largest of the arrays' norms; add up their squares.",
        _wrong(lambda grads: max(_euclidean([grad]) for grad in grads)),
    ),
    Mistake(
        "The global norm is a mean over the arrays; it has no division by their number.",
        _wrong(lambda grads: np.mean([_euclidean([grad]) for grad in grads])),
    ),
    Mistake(
        "The global norm is a mean over the arrays; it has no division by their number.",
        _wrong(lambda grads: _euclidean(grads) / np.sqrt(len(grads))),
    ),
    Mistake(
        "The norm is that of the last array alone: within the loop it is set anew, not added to.",
        _wrong(lambda grads: _euclidean(grads[-1:])),
    ),
    Mistake(
        "The norm is that of the first array alone, perhaps because return stands in the loop.",
        _wrong(lambda grads: _euclidean(grads[:1])),
    ),
    *(Mistake(cause, clip) for cause, clip in MISTAKES.items()),
]
