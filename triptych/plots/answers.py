"""What a classifier answers: which classes it confuses, and if it is as sure as it is right."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import PercentFormatter

from triptych.common.checks import check_integer, readable
from triptych.plots.style import BLACK, COUNTS, FRAMEWORK_COLOURS, beside, layer, save

__all__ = ["calibration", "confusion_matrix"]


def confusion_matrix(
    labels: np.ndarray,
    predicted: np.ndarray,
    path: str | Path,
    *,
    title: str = "Which classes are confused",
) -> Figure:
    """How many examples of each class (a row) are called each class (a column).

    ``labels`` and ``predicted`` are integers from 0, of shape (N,). The colours are those of the
    mistakes: right answers, on the diagonal, would outshine them. At the right stands how many of
    a class are found.
    """
    labels, predicted = np.asarray(labels), np.asarray(predicted)
    if labels.ndim != 1 or labels.shape != predicted.shape or not len(labels):
        raise ValueError(
            "labels and predicted must have the same shape (N,), got "
            f"{labels.shape} and {predicted.shape}"
        )
    classes = int(max(labels.max(), predicted.max())) + 1
    counts = np.zeros((classes, classes), int)
    np.add.at(counts, (labels, predicted), 1)
    mistakes = counts * ~np.eye(classes, dtype=bool)
    side = 0.62 * classes + 2.6
    figure = Figure(figsize=(side + 1.2, side), layout="constrained")
    ax = figure.subplots()
    image = ax.imshow(mistakes, cmap=COUNTS, vmin=0, vmax=max(1, mistakes.max()))
    for row, column in np.ndindex(counts.shape):
        count = counts[row, column]
        right = row == column
        if right:
            ax.add_patch(
                Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor="0.9", edgecolor="white")
            )
        ax.text(
            *(column, row, f"{count:,}" if count or right else "·"),
            ha="center",
            va="center",
            fontsize=8.5,
            fontweight="bold" if right else None,
            color=BLACK if count or right else "0.6",
        )
    right_share = counts.diagonal().sum() / len(labels)
    ax.set_title(
        f"{title}\n{right_share:.2%} of {len(labels):,} right, {mistakes.sum():,} wrong",
        fontsize=13,
        pad=10,
    )
    ax.set_xlabel("predicted class", fontsize=11)
    ax.set_ylabel("true class", fontsize=11)
    ax.set_xticks(range(classes))
    ax.set_yticks(range(classes))
    found = ax.secondary_yaxis("right")
    sizes = counts.sum(axis=1)
    found.set_yticks(
        range(classes),
        [f"{counts[k, k] / sizes[k]:.1%}" if sizes[k] else "-" for k in range(classes)],
        fontsize=9,
    )
    found.set_ylabel("share of the class that is found", fontsize=10)
    found.tick_params(length=0)
    figure.colorbar(image, ax=ax, label="mistakes", shrink=0.7, pad=0.02)
    return save(figure, path)


def calibration(
    probabilities: Mapping[str, np.ndarray],
    labels: np.ndarray,
    path: str | Path,
    *,
    bins: int = 10,
    title: str = "Is it as sure as it is right?",
) -> Figure:
    """A reliability diagram: of the examples it was so sure of, the share that was right.

    ``probabilities`` maps a name to an array (N, classes) of any framework, or (N,) of P(class 1).
    Confidence is that of the answer; in each of ``bins`` equal intervals stand a point and below
    the share of the examples. ECE, the expected calibration error, is the mean distance of
    confidence and accuracy over the examples (Guo et al., ICML 2017).
    """
    bins = check_integer("bins", bins, minimum=2)
    if not probabilities:
        raise ValueError("calibration needs the probabilities of one model at least")
    figure = Figure(figsize=(8.6, 7.2), layout="constrained")
    ax, below = figure.subplots(2, sharex=True, height_ratios=[3, 1])
    ax.plot([0, 1], [0, 1], color="grey", linestyle="--", label="as sure as right")
    ends = np.linspace(0, 1, bins + 1)
    lowest = 1.0
    for number, (name, given) in enumerate(probabilities.items()):
        confidence, right = _answers(name, given, np.asarray(labels))
        lowest = min(lowest, float(confidence.min()))
        places = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
        sizes = np.bincount(places, minlength=bins)
        filled = sizes > 0
        sure = np.bincount(places, confidence, bins)[filled] / sizes[filled]
        accurate = np.bincount(places, right, bins)[filled] / sizes[filled]
        error = float(np.sum(sizes[filled] * np.abs(accurate - sure)) / len(right))
        style = layer(number, FRAMEWORK_COLOURS)
        label = f"{name}\n{right.mean():.1%} right, {confidence.mean():.1%} sure\nECE {error:.3f}"
        ax.plot(sure, accurate, **style, label=label)
        share = sizes / len(right)
        below.stairs(share, ends, color=style["color"], linewidth=max(1.0, style["linewidth"] / 2))
    ax.set_title(title, fontsize=14, pad=10)
    ax.set_ylabel("accuracy: the share that is right", fontsize=11)
    first = np.floor(lowest * bins) / bins
    ax.set_xlim(first - 0.01, 1.01)
    ax.set_ylim(-0.02, 1.04)
    below.set_ylim(0, None)
    below.set_ylabel("share of examples", fontsize=11)
    below.set_xlabel("confidence: the probability of the answer", fontsize=11)
    for each in (ax, below):
        each.grid(alpha=0.3)
        each.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    below.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    beside(ax, "above the line: not sure enough\nbelow the line: too sure")
    return save(figure, path)


def _answers(name: str, given: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How sure each answer is, and whether it is right."""
    found = readable(given)
    if found is not None and found.ndim == 1:
        found = np.stack([1 - found, found], axis=1)
    if found is None or found.ndim != 2 or len(found) != len(labels) or not len(found):
        shape = None if found is None else found.shape
        raise ValueError(f"{name} must have shape ({len(labels)}, classes), got {shape}")
    if not ((found >= 0) & (found <= 1)).all():
        raise ValueError(f"{name} must be probabilities in [0, 1]: take the softmax of logits")
    return found.max(axis=1).astype(np.float64), found.argmax(axis=1) == labels
