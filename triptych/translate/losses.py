"""Losses: what a class weight is divided by, label smoothing beside it, Huber's two scales.

Of N rows with labels y, losses l and class weights w,

    PyTorch    sum_i w[y_i] * l_i / sum_i w[y_i]          Keras    sum_i w[y_i] * l_i / N

With label smoothing s, C classes and log-probabilities log p, PyTorch weighs every class's term,

    PyTorch    -sum_i sum_c w[c] * q_ic * log p_ic / sum_i w[y_i],   q_ic = (1 - s) [c = y_i] + s/C
    Keras      -sum_i w[y_i] * sum_c q_ic * log p_ic / N
"""

import numpy as np

from triptych.common.checks import check_number
from triptych.translate.refusal import NoCounterpart

__all__ = [
    "class_weight_to_keras",
    "class_weight_to_torch",
    "huber_to_torch",
    "smooth_l1_to_keras",
    "smoothed_class_weight_to_keras",
    "smoothed_class_weight_to_torch",
]


def class_weight_to_keras(labels: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """``sample_weight`` with which Keras's mean is that of ``cross_entropy(weight=weight)``."""
    rows = _rows(labels, weight)
    return rows * (len(rows) / rows.sum())


def class_weight_to_torch(labels: np.ndarray, class_weight: np.ndarray) -> float:
    """What ``cross_entropy(weight=class_weight)`` is to be multiplied by to be Keras's loss."""
    return float(_rows(labels, class_weight).mean())


def smoothed_class_weight_to_keras(
    labels: np.ndarray, weight: np.ndarray, label_smoothing: float
) -> tuple[np.ndarray, np.ndarray]:
    """Targets and ``sample_weight`` for Keras's ``CategoricalCrossentropy(from_logits=True)``.

    They make it PyTorch's ``cross_entropy(weight=weight, label_smoothing=label_smoothing)``, its
    gradient too: each row of targets sums to 1, and what it lacks is in the row's weight.
    """
    rows = _rows(labels, weight)
    weight = np.asarray(weight, dtype=np.float64)
    weighted = weight * _smooth(labels, len(weight), label_smoothing)
    sums = weighted.sum(1)
    if not sums.all():
        raise ValueError("weight must leave a row with a loss: its classes all weigh 0")
    return weighted / sums[:, None], sums * (len(rows) / rows.sum())


def smoothed_class_weight_to_torch(
    labels: np.ndarray, class_weight: np.ndarray, label_smoothing: float
) -> tuple[np.ndarray, np.ndarray]:
    """Targets and a weight for each row, for ``cross_entropy(..., reduction="none")``.

    The mean of weight times loss is Keras's smoothed cross-entropy with ``class_weight``.
    """
    rows = _rows(labels, class_weight)
    return _smooth(labels, len(class_weight), label_smoothing), rows


def huber_to_torch(delta: float) -> tuple[float, float]:
    """``beta`` of ``SmoothL1Loss``, and what to multiply it by, for Keras's ``Huber(delta)``."""
    delta = check_number("delta", delta, "(0, inf)")
    return delta, delta


def smooth_l1_to_keras(beta: float) -> tuple[float, float]:
    """``delta`` of Keras's ``Huber``, and what to multiply it by, for ``SmoothL1Loss(beta)``."""
    beta = check_number("beta", beta, "[0, inf)")
    if not beta:
        raise NoCounterpart("huber-smooth-l1", "SmoothL1Loss(beta=0) is the mean absolute error")
    return beta, 1 / beta


def _rows(labels: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """The weight of each row's class."""
    labels, weight = np.asarray(labels), np.asarray(weight, dtype=np.float64)
    if weight.ndim != 1 or not np.isfinite(weight).all() or (weight < 0).any():
        raise ValueError("weight must have one finite number >= 0 for each class")
    if labels.ndim != 1 or not len(labels) or labels.dtype.kind not in "iu":
        raise ValueError(
            f"labels must be integers of shape (N,), got {labels.dtype} {labels.shape}"
        )
    if labels.min() < 0 or labels.max() >= len(weight):
        raise ValueError(
            f"labels must lie in [0, {len(weight)}), got {labels.min()} to {labels.max()}"
        )
    if not weight[labels].any():
        raise ValueError("weight must leave a loss: the classes of all labels weigh 0")
    return weight[labels]


def _smooth(labels: np.ndarray, classes: int, label_smoothing: float) -> np.ndarray:
    smoothing = check_number("label_smoothing", label_smoothing, "[0, 1]")
    return (1 - smoothing) * np.eye(classes)[labels] + smoothing / classes
