"""Holds a learner's label smoothing against `label_smoothing.py` and `losses.py` of `scratch/`."""

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np

from scratch import label_smoothing, losses
from triptych.exercises.findings import Finding
from triptych.exercises.functions import Case, Mistake, Task, check_functions

__all__ = ["check"]

SHAPES = [(6, 4), (1, 3), (5, 2), (4, 10)]
SMOOTHING = (0.1, 0.4, 0.0, 1.0)
# Added to the logits, and what they are multiplied by: exp overflows beyond 709 in float64 and
# beyond 88 in float32, and is 0 as far below 0. The float32 has digits left at 100.
SIZES = {
    "float64": [(0, 1), (1000, 1), (-1000, 1), (0, 1000)],
    "float32": [(0, 1), (100, 1), (-120, 1), (0, 200)],
}


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
    smoothed, batches = [], []
    for n, classes in SHAPES:
        for smoothing in SMOOTHING:
            labels = rng.integers(0, classes - 1, n, endpoint=smoothing < 1)  # the last is missing
            labels = labels.astype("int32" if smoothing == 0.4 else "int64")
            smoothed.append(Case({"labels": labels, "classes": classes, "smoothing": smoothing}))
    for i, (n, classes) in enumerate(SHAPES):
        for dtype, sizes in SIZES.items():
            for j, (offset, factor) in enumerate(sizes):
                logits = (rng.normal(size=(n, classes)) * factor + offset).astype(dtype)
                labels, smoothing = rng.integers(0, classes, n), SMOOTHING[i]
                if j > 0:  # a loss or gradient near 0 would be the rounding of large logits
                    labels, smoothing = logits.argmin(axis=1), 0.4
                targets = _smooth(labels, classes, smoothing).astype(dtype)
                batches.append(Case({"logits": logits, "targets": targets}))
    apart = np.array([[-900.0, -901.0, -899.0], [0.0, 1.0, 2.0], [900.0, 900.5, 901.5]])
    batches.append(Case({"logits": apart, "targets": _smooth(np.array([0, 1, 2]), 3, 0.3)}))
    wide = np.array([[1000.0, 0.0, -1000.0], [-1000.0, 0.0, 1000.0]])
    batches.append(Case({"logits": wide, "targets": _smooth(np.array([2, 1]), 3, 0.0)}))
    batches.append(Case({"logits": np.zeros((2, 3)), "targets": np.full((2, 3), 1 / 3)}))
    return [
        Task(
            "smooth_labels",
            _smooth,
            smoothed,
            ("q",),
            "scratch/label_smoothing.py",
            SMOOTH_MISTAKES,
        ),
        Task(
            "cross_entropy",
            losses.softmax_cross_entropy,
            batches,
            ("loss",),
            "scratch/losses.py",
            LOSS_MISTAKES,
        ),
        Task(
            "cross_entropy_backward",
            losses.softmax_cross_entropy_backward,
            batches,
            ("dlogits",),
            "scratch/losses.py",
            BACKWARD_MISTAKES,
        ),
    ]


def _smooth(labels: Any, classes: int, smoothing: float) -> Any:
    return label_smoothing.smooth_labels(labels, classes, smoothing, dtype="float64")


def _one_hot(labels: Any, classes: int) -> Any:
    return np.equal.outer(labels, np.arange(classes)).astype(float)


def _wrong_labels(q: Callable[[Any, float, int], Any]) -> Callable[..., Any]:
    """``q`` of the rows of 0 and 1, the smoothing, and the number of classes."""
    return lambda labels, classes, smoothing: q(_one_hot(labels, classes), smoothing, classes)


SMOOTH_MISTAKES = [
    Mistake(
        "The labels are not smoothed: smoothing is not used.", _wrong_labels(lambda t, s, k: t)
    ),
    Mistake(
        "The right class keeps 1, and the shares come on top: rows add up to more than 1.",
        _wrong_labels(lambda t, s, k: t + s / k),
    ),
    Mistake(
        "The shares, smoothing / K, are missing: rows add up to less than 1.",
        _wrong_labels(lambda t, s, k: (1 - s) * t),
    ),
    Mistake(
        "Each class gets all of smoothing; it is shared among the K classes.",
        _wrong_labels(lambda t, s, k: (1 - s) * t + s),
    ),
    Mistake(
        "smoothing is shared among the K - 1 other classes; here the right class has its share "
        "too.",
        _wrong_labels(lambda t, s, k: (1 - s) * t + s / (k - 1) * (1 - t)),
    ),
    Mistake(
        "The shares are smoothing / (K - 1); there are K of them.",
        _wrong_labels(lambda t, s, k: (1 - s) * t + s / (k - 1)),
    ),
    Mistake(
        "The right class has no share, smoothing / K, beside its 1 - smoothing.",
        _wrong_labels(lambda t, s, k: (1 - s) * t + s / k * (1 - t)),
    ),
    Mistake(
        "Each class but the right one gets all of smoothing.",
        _wrong_labels(lambda t, s, k: (1 - s) * t + s * (1 - t)),
    ),
    Mistake(
        "smoothing and 1 - smoothing are swapped.",
        _wrong_labels(lambda t, s, k: s * t + (1 - s) / k),
    ),
    Mistake(
        "The one-half of two classes, smoothing / 2, stands where smoothing / K should be.",
        _wrong_labels(lambda t, s, k: (1 - s) * t + s / 2),
    ),
    Mistake(
        "The classes are counted from 1; labels begin at 0.",
        lambda labels, classes, smoothing: _smooth((labels - 1) % classes, classes, smoothing),
    ),
    Mistake(
        "The classes are counted from 1; labels begin at 0.",
        lambda labels, classes, smoothing: (
            (1 - smoothing) * _one_hot(labels - 1, classes) + smoothing / classes
        ),
    ),
    Mistake(
        "The number of classes is taken from the labels; those of a batch may lack the last ones.",
        lambda labels, classes, smoothing: _smooth(labels, int(labels.max()) + 1, smoothing),
    ),
    Mistake(
        "The classes are the rows; the examples should be.",
        lambda labels, classes, smoothing: _smooth(labels, classes, smoothing).T,
    ),
]


def _softmax(z: Any, axis: int | None = 1) -> Any:
    exponentials = np.exp(z - z.max(axis=axis, keepdims=True))
    return exponentials / exponentials.sum(axis=axis, keepdims=True)


def _log_softmax(z: Any, axis: int | None = 1) -> Any:
    shifted = z - z.max(axis=axis, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))


def _naive(z: Any) -> Any:
    return np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)


def _of_all(z: Any) -> Any:
    """Softmax, with the largest of all logits taken away."""
    return _naive(z - z.max())


def _log_of_at_least(kept: Callable[..., Any], small: float) -> Callable[[Any], Any]:
    return lambda z: np.log(kept(_softmax(z), small))


def _hard(q: Any) -> Any:
    return (np.arange(q.shape[1]) == q.argmax(axis=1)[:, np.newaxis]).astype(q.dtype)


def _with_log_p(log_p: Callable[[Any], Any]) -> Callable[..., Any]:
    return lambda z, q: -(q * log_p(z)).sum(axis=1).mean()


def _forgotten_largest(z: Any, q: Any) -> Any:
    sums = np.log(np.exp(z - z.max(axis=1, keepdims=True)).sum(axis=1))
    return (sums - (q * z).sum(axis=1)).mean()


OVERFLOW = (
    "exp of the logits overflows where they are large, and is 0 where they are far below 0; take "
    "the largest of the row away first."
)
LOSS_MISTAKES = [
    Mistake(
        "The loss is a sum over the rows; it is their mean.",
        lambda z, q: -(q * _log_softmax(z)).sum(),
    ),
    Mistake(
        "The mean goes over rows and classes; over the classes it is a sum.",
        lambda z, q: -(q * _log_softmax(z)).mean(),
    ),
    Mistake(
        "The minus is missing: the logarithms are below 0, and the loss is not.",
        lambda z, q: (q * _log_softmax(z)).sum(axis=1).mean(),
    ),
    Mistake(
        "Only the largest target of a row counts, as if there were no smoothing.",
        lambda z, q: -(_hard(q) * _log_softmax(z)).sum(axis=1).mean(),
    ),
    Mistake(
        "Only the term of the largest target is summed; every class has one.",
        lambda z, q: -(_hard(q) * q * _log_softmax(z)).sum(axis=1).mean(),
    ),
    Mistake(
        "The logarithm has the base 2.", lambda z, q: _with_log_p(_log_softmax)(z, q) / np.log(2)
    ),
    Mistake(
        "The softmax goes over the rows (axis 0), not over the classes of a row.",
        _with_log_p(lambda z: _log_softmax(z, 0)),
    ),
    Mistake(
        "The softmax goes over all the logits at once, not over those of a row.",
        _with_log_p(lambda z: _log_softmax(z, None)),
    ),
    Mistake(OVERFLOW, _with_log_p(lambda z: np.log(_naive(z)))),
    Mistake(OVERFLOW, _with_log_p(lambda z: z - np.log(np.exp(z).sum(axis=1, keepdims=True)))),
    Mistake(
        "The largest of all logits is taken away; rows far below it are left with exp = 0.",
        _with_log_p(lambda z: np.log(_of_all(z))),
    ),
    Mistake(
        "The largest of all logits is taken away; rows far below it are left with exp = 0.",
        _with_log_p(lambda z: z - z.max() - np.log(np.exp(z - z.max()).sum(axis=1, keepdims=True))),
    ),
    Mistake(
        "The logarithm of p is taken where p is rounded to 0; compute log p without p.",
        _with_log_p(lambda z: np.log(_softmax(z))),
    ),
    *(
        Mistake(
            f"Something small, {small:g}, keeps log p from growing: large losses are cut off.",
            _with_log_p(_log_of_at_least(kept, small)),
        )
        for small in (1e-7, 1e-8, 1e-9, 1e-10, 1e-12, 1e-15)
        for kept in (np.add, np.maximum)
    ),
    Mistake(
        "The largest logit is taken away in the logarithm only; take it away from z there too.",
        _forgotten_largest,
    ),
    Mistake(
        "The softmax is missing: the logarithm stands on the logits themselves.",
        _with_log_p(np.log),
    ),
    Mistake(
        "The softmax is missing: the logits stand in the place of log p.", _with_log_p(lambda z: z)
    ),
    Mistake("The logarithm is missing: p stands in the place of log p.", _with_log_p(_softmax)),
    Mistake(
        "This is the divergence, cross-entropy minus the entropy of the targets.",
        lambda z, q: (q * (np.log(np.where(q > 0, q, 1)) - _log_softmax(z))).sum(axis=1).mean(),
    ),
]

BACKWARD_MISTAKES = [
    Mistake(
        "The division by N is missing: the loss is a mean over the rows.",
        lambda z, q: _softmax(z) - q,
    ),
    Mistake(
        "The sum is divided by the number of classes too; it is divided by N.",
        lambda z, q: (_softmax(z) - q) / z.size,
    ),
    Mistake(
        "The sum is divided by the number of classes in place of N.",
        lambda z, q: (_softmax(z) - q) / z.shape[1],
    ),
    Mistake(
        "The sign is the other one; the gradient is p - q.",
        lambda z, q: (q - _softmax(z)) / len(z),
    ),
    Mistake(
        "Rows of 0 and 1 stand where the smoothed targets should be.",
        lambda z, q: (_softmax(z) - _hard(q)) / len(z),
    ),
    Mistake(
        "Only the class of the largest target is subtracted; each class has its own.",
        lambda z, q: (_softmax(z) - _hard(q) * q) / len(z),
    ),
    Mistake(
        "The softmax is missing: the logits stand in the place of p.", lambda z, q: (z - q) / len(z)
    ),
    Mistake("log p stands where p should be.", lambda z, q: (_log_softmax(z) - q) / len(z)),
    Mistake("The targets are missing: this is p / N.", lambda z, q: _softmax(z) / len(z)),
    Mistake(
        "This is the gradient for p, -q / p; that for the logits goes through the softmax.",
        lambda z, q: -q / _softmax(z) / len(z),
    ),
    Mistake(
        "This is the gradient for log p, -q; that for the logits goes through the softmax.",
        lambda z, q: -q / len(z),
    ),
    Mistake(
        "The derivative p * (1 - p) of a sigmoid is multiplied in; it has cancelled already.",
        lambda z, q: (_softmax(z) - q) * _softmax(z) * (1 - _softmax(z)) / len(z),
    ),
    Mistake(
        "The softmax goes over the rows (axis 0), not over the classes of a row.",
        lambda z, q: (_softmax(z, 0) - q) / len(z),
    ),
    Mistake(
        "The softmax goes over all the logits at once, not over those of a row.",
        lambda z, q: (_softmax(z, None) - q) / len(z),
    ),
    Mistake(OVERFLOW, lambda z, q: (_naive(z) - q) / len(z)),
    Mistake(
        "The largest of all logits is taken away; rows far below it are left with exp = 0.",
        lambda z, q: (_of_all(z) - q) / len(z),
    ),
]
