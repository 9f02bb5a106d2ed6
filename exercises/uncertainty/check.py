"""Holds what a learner makes of Monte Carlo passes against `scratch/uncertainty.py`."""

import functools
import math
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np

from scratch import uncertainty as panel
from scratch.losses import softmax
from triptych.exercises.findings import Finding
from triptych.exercises.functions import Case, Mistake, Task, check_functions

__all__ = ["check"]

AGAINST = "scratch/uncertainty.py"
DTYPES = ("float64", "float32")

# Of four examples: sure, sure of two things, unsure in both passes, unsure otherwise. The means
# are exact, and so is the 0 of passes that agree.
EXACT = [
    [[1, 0, 0], [1, 0, 0], [0.5, 0.25, 0.25], [0.25, 0.25, 0.5]],
    [[1, 0, 0], [0, 1, 0], [0.5, 0.25, 0.25], [0.5, 0, 0.5]],
]
# With 4 bins some confidences lie at an edge, and some at 1.
EDGES = [
    [0.5, 0.25, 0.25],
    [0.25, 0.75, 0],
    [0, 1, 0],
    [0.125, 0.375, 0.5],
    [0.625, 0.375, 0],
    [1, 0, 0],
]


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
    passes = [
        *(_drawn(rng, shape) for shape in [(5, 4, 3), (3, 3, 3), (2, 6, 10), (4, 1, 2)]),
        np.array(EXACT),
        np.array(EXACT)[:1],
        np.ones((2, 3, 1)),
    ]
    cases = [Case({"passes": each.astype(dtype)}) for each in passes for dtype in DTYPES]
    return [
        Task("mean_and_variance", _moments, cases, ("mean", "variance"), AGAINST, MOMENT_MISTAKES),
        Task(
            "entropies",
            _entropies,
            cases,
            ("predictive entropy", "expected entropy", "mutual information"),
            AGAINST,
            ENTROPY_MISTAKES,
        ),
        Task(
            "calibration_error",
            panel.calibration_error,
            _calibration_cases(rng),
            ("ECE",),
            AGAINST,
            CALIBRATION_MISTAKES,
        ),
    ]


def _drawn(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return softmax(rng.normal(0, 2, (math.prod(shape[:-1]), shape[-1]))).reshape(shape)


def _calibration_cases(rng: np.random.Generator) -> list[Case]:
    given = [
        (_drawn(rng, (count, classes)), rng.integers(0, classes, count), bins)
        for count, classes, bins in [(40, 3, 15), (25, 4, 5), (7, 10, 10), (12, 2, 1), (1, 3, 4)]
    ]
    given.append((np.array(EDGES), np.array([0, 1, 2, 0, 0, 0]), 4))
    given.append((np.array(EDGES)[[2, 5]], np.array([1, 0]), 15))  # sure and right: 0
    given.append((np.array(EDGES)[[2, 5]], np.array([0, 2]), 3))  # sure and wrong: 1
    given.append((np.array(EDGES)[[0, 3]], np.array([0, 2]), 15))  # not sure, but right: 0.5
    return [
        Case({"probabilities": each.astype(dtype), "labels": labels}, {"bins": bins})
        for each, labels, bins in given
        for dtype in DTYPES
    ]


def _moments(passes: Any) -> tuple[Any, Any]:
    found = panel.uncertainty(passes)
    return found.mean, found.variance


def _entropies(passes: Any) -> tuple[Any, Any, Any]:
    found = panel.uncertainty(passes)
    entropy = found.entropy + 0.0  # no -0.0
    return entropy, entropy - found.mutual_information, found.mutual_information


def _wrong_moments(
    *,
    mean: Callable[[Any], Any] = lambda passes: passes.mean(axis=0),
    variance: Callable[[Any], Any] = lambda passes: passes.var(axis=0),
    swapped: bool = False,
) -> Callable[..., Any]:
    """One of the two otherwise, or both in the other order."""

    def moments(passes: Any) -> tuple[Any, Any]:
        both = mean(passes), variance(passes)
        return both[::-1] if swapped else both

    return moments


def _gap(passes: Any, axis: int = 0) -> Any:
    return passes - passes.mean(axis=axis, keepdims=True)


def _votes(passes: Any) -> Any:
    return np.eye(passes.shape[-1], dtype=passes.dtype)[passes.argmax(axis=-1)].mean(axis=0)


MOMENT_MISTAKES = [
    Mistake(
        "The variance is divided by T - 1 (ddof=1); it is to be divided by T.",
        _wrong_moments(variance=lambda p: (_gap(p) ** 2).sum(axis=0) / (len(p) - 1)),
    ),
    Mistake(
        "It is the standard deviation: the root of the variance.",
        _wrong_moments(variance=lambda p: np.sqrt(p.var(axis=0))),
    ),
    Mistake(
        "The mean is not subtracted: it is the mean of squares.",
        _wrong_moments(variance=lambda p: (p**2).mean(axis=0)),
    ),
    Mistake(
        "The squares are not divided by T: a sum over the passes stands for the mean.",
        _wrong_moments(variance=lambda p: (_gap(p) ** 2).sum(axis=0)),
    ),
    Mistake(
        "The differences are not squared, and so they add up to 0.",
        _wrong_moments(variance=lambda p: _gap(p).mean(axis=0)),
    ),
    Mistake(
        "The differences are taken as absolute values; they are squared.",
        _wrong_moments(variance=lambda p: np.abs(_gap(p)).mean(axis=0)),
    ),
    Mistake(
        "It is p (1 - p), the variance of a draw of the class; that of the passes is asked for.",
        _wrong_moments(variance=lambda p: p.mean(axis=0) * (1 - p.mean(axis=0))),
    ),
    Mistake(
        "The mean that is subtracted is that of a row over the classes, not that of the passes.",
        _wrong_moments(variance=lambda p: (_gap(p, -1) ** 2).mean(axis=0)),
    ),
    Mistake(
        "The mean that is subtracted is that over the examples, not that of the passes.",
        _wrong_moments(variance=lambda p: (_gap(p, 1) ** 2).mean(axis=0)),
    ),
    Mistake("The passes are added up, not averaged.", _wrong_moments(mean=lambda p: p.sum(axis=0))),
    Mistake(
        "It is the part of the passes that vote for a class; the probabilities are averaged.",
        _wrong_moments(mean=_votes),
    ),
    Mistake("It is the median of the passes.", _wrong_moments(mean=lambda p: np.median(p, axis=0))),
    Mistake("It is one pass alone, the first.", _wrong_moments(mean=lambda p: p[0])),
    Mistake("It is one pass alone, the last.", _wrong_moments(mean=lambda p: p[-1])),
    Mistake("The order is variance, mean; the mean comes first.", _wrong_moments(swapped=True)),
]


def _entropy(p: Any, *, log: Callable[[Any], Any] = np.log) -> Any:
    """0 log 0 is 0."""
    return -np.where(p > 0, p * log(p), 0).sum(axis=-1)


def _raw(p: Any, *, small: float = 0.0) -> Any:
    return -(p * np.log(p + small)).sum(axis=-1)


def _cut(p: Any, small: float) -> Any:
    p = np.clip(p, small, 1)
    return -(p * np.log(p)).sum(axis=-1)


def _wrong_entropies(
    entropy: Callable[[Any], Any] = _entropy,
    *,
    predictive: Callable[[Any], Any] | None = None,
    expected: Callable[[Any], Any] | None = None,
    mutual: Callable[[Any, Any], Any] = lambda predictive, expected: predictive - expected,
    order: tuple[int, int, int] = (0, 1, 2),
) -> Callable[..., Any]:
    """Another entropy for both, or one of the three otherwise, which the mutual one follows."""

    def entropies(passes: Any) -> tuple[Any, ...]:
        total = predictive(passes) if predictive else entropy(passes.mean(axis=0))
        within = expected(passes) if expected else entropy(passes).mean(axis=0)
        found = (total, within, mutual(total, within))
        return tuple(found[i] for i in order)

    return entropies


NOT_EXACT = (
    "A small number is added inside the logarithm, or probabilities are cut at one: the result is "
    "off by about as much. Leave out the zeros."
)

ENTROPY_MISTAKES = [
    Mistake(
        "0 log 0 is computed as it stands, which is 0 * -inf, and that is nan; it counts 0.",
        _wrong_entropies(_raw),
    ),
    *(
        Mistake(NOT_EXACT, _wrong_entropies(functools.partial(_raw, small=10.0**-n)))
        for n in range(3, 10)
    ),
    *(
        Mistake(NOT_EXACT, _wrong_entropies(functools.partial(_cut, small=10.0**-n)))
        for n in range(3, 11)
    ),
    Mistake(
        "The logarithm is that to the base 2: bits; the natural one is asked for.",
        _wrong_entropies(lambda p: _entropy(p, log=np.log2)),
    ),
    Mistake(
        "The logarithm is that to the base 10; the natural one is asked for.",
        _wrong_entropies(lambda p: _entropy(p, log=np.log10)),
    ),
    Mistake(
        "The sign is missing: an entropy is never below 0.",
        _wrong_entropies(lambda p: -_entropy(p)),
    ),
    Mistake(
        "The classes are averaged; an entropy is a sum over them.",
        _wrong_entropies(lambda p: _entropy(p) / p.shape[-1]),
    ),
    Mistake(
        "The entropy is divided by log K, its largest value; here it stays in nats.",
        _wrong_entropies(lambda p: _entropy(p) / float(np.log(p.shape[-1]))),
    ),
    Mistake(
        "The logarithms are added up without the probabilities as their weights.",
        _wrong_entropies(lambda p: -np.log(np.where(p > 0, p, 1)).sum(axis=-1)),
    ),
    Mistake(
        "It is the entropy of a yes or no for each class, with (1 - p) log (1 - p); only p log p "
        "is added up.",
        _wrong_entropies(lambda p: _entropy(p) + _entropy(1 - p)),
    ),
    Mistake(
        "The order is expected, predictive: the entropy of the mean comes first, then the mean of "
        "the entropies.",
        _wrong_entropies(order=(1, 0, 2)),
    ),
    Mistake(
        "The order is expected, predictive, and the mutual information has the other sign.",
        _wrong_entropies(mutual=lambda total, within: within - total, order=(1, 0, 2)),
    ),
    Mistake(
        "It is the mean of the entropies of the passes; the entropy of their mean is asked for.",
        _wrong_entropies(predictive=lambda p: _entropy(p).mean(axis=0)),
    ),
    Mistake(
        "It is the entropy of the mean; the mean of the entropies of the passes is asked for.",
        _wrong_entropies(expected=lambda p: _entropy(p.mean(axis=0))),
    ),
    Mistake(
        "The entropies of the passes are added up, not averaged.",
        _wrong_entropies(expected=lambda p: _entropy(p).sum(axis=0)),
    ),
    Mistake(
        "It is the entropy of one pass, not the mean over all.",
        _wrong_entropies(expected=lambda p: _entropy(p[0])),
    ),
    Mistake(
        "The sign is the other: the expected entropy is subtracted from the predictive one.",
        _wrong_entropies(mutual=lambda total, within: within - total),
    ),
    Mistake(
        "The two entropies are added up; their difference is asked for.",
        _wrong_entropies(mutual=lambda total, within: total + within),
    ),
    Mistake(
        "It is a quotient of the two entropies; their difference is asked for.",
        _wrong_entropies(mutual=lambda total, within: within / total),
    ),
    Mistake(
        "It is a part of the predictive entropy; the difference itself is asked for.",
        _wrong_entropies(mutual=lambda total, within: (total - within) / total),
    ),
    Mistake(
        "The predictive entropy is returned again.",
        _wrong_entropies(mutual=lambda total, within: total),
    ),
]


def _wrong_calibration(
    *,
    confidence: Callable[[Any, Any], Any] = lambda p, labels: p.max(axis=1),
    bin_of: Callable[[Any, int], Any] = lambda confidence, bins: np.maximum(
        np.ceil(confidence * bins) - 1, 0
    ),
    gap: Callable[[Any], Any] = np.abs,
    weight: Callable[[int, int, int, int], float] = lambda inside, count, bins, filled: (
        inside / count
    ),
    middle: bool = False,
    total: Callable[[list[Any]], Any] = sum,
) -> Callable[..., Any]:
    """ECE with one thing changed; ``weight`` is that of a bin."""

    def error(probabilities: Any, labels: Any, *, bins: int) -> Any:
        sure = confidence(probabilities, labels)
        right = probabilities.argmax(axis=1) == labels
        b = bin_of(sure, bins)
        members = [b == each for each in range(bins)]
        filled = sum(bool(each.any()) for each in members)
        parts = [0.0]
        for each, inside in enumerate(members):
            if inside.any():
                mean = (each + 0.5) / bins if middle else sure[inside].mean()
                share = weight(int(inside.sum()), len(labels), bins, filled)
                parts.append(share * gap(right[inside].mean() - mean))
        return probabilities.dtype.type(total(parts))

    return error


def _of_all(probabilities: Any, labels: Any, *, bins: int) -> Any:
    """One example at a time: no bins."""
    right = probabilities.argmax(axis=1) == labels
    return np.abs(right - probabilities.max(axis=1)).mean()


def _empty_too(probabilities: Any, labels: Any, *, bins: int) -> Any:
    """The means of empty bins are 0 / 0."""
    found = panel.reliability(probabilities, labels, bins=bins)
    error = panel.calibration_error(probabilities, labels, bins=bins)
    return error if found.examples.all() else probabilities.dtype.type("nan")


CALIBRATION_MISTAKES = [
    Mistake(
        "The bins are closed on the other side: a confidence at an edge belongs to the bin below.",
        _wrong_calibration(bin_of=lambda c, bins: np.minimum(np.floor(c * bins), bins - 1)),
    ),
    Mistake(
        "A confidence of 1 falls out of the last bin, and one at an edge belongs to the bin below.",
        _wrong_calibration(bin_of=lambda c, bins: np.floor(c * bins)),
    ),
    Mistake(
        "Confidences are rounded to the nearest edge: bin b goes from b / M up to (b + 1) / M.",
        _wrong_calibration(bin_of=lambda c, bins: np.round(c * bins)),
    ),
    Mistake(
        "Confidences are rounded to the nearest edge: bin b goes from b / M up to (b + 1) / M.",
        _wrong_calibration(bin_of=lambda c, bins: np.minimum(np.round(c * bins), bins - 1)),
    ),
    Mistake(
        "Only the upper half of the confidences is cut into bins; they go from 0 to 1.",
        _wrong_calibration(bin_of=lambda c, bins: np.ceil((2 * c - 1) * bins) - 1),
    ),
    Mistake(
        "The bins are cut from the smallest confidence to the largest; they go from 0 to 1.",
        _wrong_calibration(
            bin_of=lambda c, bins: np.maximum(
                np.digitize(c, np.linspace(c.min(), c.max(), bins + 1), right=True) - 1, 0
            )
        ),
    ),
    Mistake(
        "The bins have equal numbers of examples; they have equal widths.",
        _wrong_calibration(
            bin_of=lambda c, bins: np.argsort(np.argsort(c, kind="stable")) * bins // len(c)
        ),
    ),
    Mistake(
        "All bins have the same weight, 1 / M; each weighs as many examples as it has.",
        _wrong_calibration(weight=lambda inside, count, bins, filled: 1 / bins),
    ),
    Mistake(
        "All bins that are not empty have the same weight; each weighs as many examples as it has.",
        _wrong_calibration(weight=lambda inside, count, bins, filled: 1 / filled),
    ),
    Mistake(
        "The gaps are added up without weights.",
        _wrong_calibration(weight=lambda inside, count, bins, filled: 1),
    ),
    Mistake(
        "The gaps are weighted by numbers of examples, but not divided by N.",
        _wrong_calibration(weight=lambda inside, count, bins, filled: inside),
    ),
    Mistake(
        "The weighted gaps are divided by M as well: their sum is asked for.",
        _wrong_calibration(weight=lambda inside, count, bins, filled: inside / count / bins),
    ),
    Mistake(
        "It is the largest gap, the maximum calibration error.",
        _wrong_calibration(weight=lambda inside, count, bins, filled: 1, total=max),
    ),
    Mistake(
        "The absolute value is missing: gaps of both signs cancel.",
        _wrong_calibration(gap=lambda gap: gap),
    ),
    Mistake(
        "The absolute value is missing: gaps of both signs cancel.",
        _wrong_calibration(gap=lambda gap: -gap),
    ),
    Mistake(
        "The absolute value is taken of the sum, not of each gap, or there is one bin only: gaps "
        "of both signs cancel.",
        _wrong_calibration(gap=lambda gap: gap, total=lambda parts: abs(sum(parts))),
    ),
    Mistake("The gaps are squared.", _wrong_calibration(gap=lambda gap: gap**2)),
    Mistake(
        "The accuracy is compared with the middle of the bin; with the mean of its confidences it "
        "should be.",
        _wrong_calibration(middle=True),
    ),
    Mistake(
        "The confidence is the probability of the label; it is that of the class which is "
        "predicted, the largest.",
        _wrong_calibration(confidence=lambda p, labels: p[np.arange(len(p)), labels]),
    ),
    Mistake(
        "There are no bins: each example is compared by itself.",
        _of_all,
    ),
    Mistake(
        "An empty bin gives 0 / 0, which is nan; it counts 0.",
        _empty_too,
    ),
]
