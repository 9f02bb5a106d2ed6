r"""Label smoothing: give every class a share of the target, so that no logit is pushed to infinity.

    integer labels    q_c = (1 - smoothing) * [c = y] + smoothing / C
    dense targets     q_c = (1 - smoothing) * t_c     + smoothing / C

    p_c = exp(z_c) / sum_k exp(z_k)                   L = -1/N sum_i sum_c q_ic log p_ic
                                                      dL/dz_ic = (p_ic - q_ic) / N

The largest logit is subtracted first, as in ``losses.py``. Rows of q add up to 1: that gives the
gradient its form, and lets log sum_k exp(z_k) stand outside the sum over q.

``logits`` (N, C), finite; ``labels`` integers in [0, C) of shape (N,), or dense: rows of
probabilities (N, C), of the dtype of the logits, in [0, 1] and with sums within (C + 8) * eps of 1
(what rounding a row to its dtype and adding it up may cost). ``smoothing`` lies in [0, 1]; 0 is
``softmax_cross_entropy``. The loss is in nats, a scalar of the dtype of the logits. A
``ValueError`` says which argument does not fit.

Paper: Szegedy, Vanhoucke, Ioffe, Shlens and Wojna, "Rethinking the Inception architecture for
computer vision", CVPR 2016 (section 7).

Framework differences: we take both kinds of labels, as PyTorch does, and refuse rows that do not
sum to 1. See ``triptych differences``: label-smoothing-sparse, label-smoothing-class-weight,
soft-target-rows.
"""

import numpy as np

from scratch.half import half_in_float32
from triptych.common.checks import (
    FLOATING,
    check_array,
    check_batch,
    check_dtype,
    check_floating,
    check_labels,
    check_number,
    check_probabilities,
    check_size,
    dtype_name,
    own_arrays,
)

__all__ = [
    "smooth_labels",
    "smooth_targets",
    "label_smoothing_cross_entropy",
    "label_smoothing_cross_entropy_backward",
]


def smooth_labels(
    labels: np.ndarray, classes: int, smoothing: float, *, dtype: str = "float32"
) -> np.ndarray:
    """q of integer labels, (N, classes)."""
    classes, smoothing = _check_labels(labels, classes, smoothing, dtype)
    return _smooth(_one_hot(labels, classes, dtype), smoothing)


def smooth_targets(targets: np.ndarray, smoothing: float) -> np.ndarray:
    """q of dense targets."""
    smoothing = _check_targets(targets, smoothing)
    return _smooth(targets, smoothing)


def _smooth(targets: np.ndarray, smoothing: float) -> np.ndarray:
    return (1 - smoothing) * targets + smoothing / targets.shape[1]


@half_in_float32
def label_smoothing_cross_entropy(
    logits: np.ndarray, labels: np.ndarray, smoothing: float
) -> np.ndarray:
    """The mean loss of a batch; ``labels`` are integers (N,) or dense (N, C)."""
    smoothing = _check(logits, labels, smoothing)
    q = _smooth(_dense(labels, logits), smoothing)
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_sum = np.log(np.exp(shifted).sum(axis=1))
    return np.mean(log_sum - (q * shifted).sum(axis=1))


@half_in_float32
def label_smoothing_cross_entropy_backward(
    logits: np.ndarray, labels: np.ndarray, smoothing: float
) -> np.ndarray:
    """dL/dlogits."""
    smoothing = _check(logits, labels, smoothing)
    q = _smooth(_dense(labels, logits), smoothing)
    exp = np.exp(logits - logits.max(axis=1, keepdims=True))
    p = exp / exp.sum(axis=1, keepdims=True)
    return (p - q) / len(labels)


def _dense(labels: np.ndarray, logits: np.ndarray) -> np.ndarray:
    """Dense labels as they are, integers as one-hot rows of the dtype of the logits."""
    if dtype_name(labels) in FLOATING:
        return labels
    return _one_hot(labels, logits.shape[1], dtype_name(logits))


def _one_hot(labels: np.ndarray, classes: int, dtype: str) -> np.ndarray:
    return (labels[:, np.newaxis] == np.arange(classes)).astype(dtype)


@own_arrays
def _check_labels(
    labels: np.ndarray, classes: int, smoothing: float, dtype: str
) -> tuple[int, float]:
    classes = check_size("classes", classes)
    smoothing = check_number("smoothing", smoothing, "[0, 1]")
    check_dtype(dtype)
    check_batch(labels, "labels")
    check_labels((None, classes), labels)
    return classes, smoothing


@own_arrays
def _check_targets(targets: np.ndarray, smoothing: float) -> float:
    smoothing = check_number("smoothing", smoothing, "[0, 1]")
    check_probabilities("targets", targets)
    return smoothing


@own_arrays
def _check(logits: np.ndarray, labels: np.ndarray, smoothing: float) -> float:
    check_array("labels", labels)
    if dtype_name(labels) in FLOATING:
        check_floating("logits", logits)
        check_probabilities("labels", labels, logits)
    else:
        check_labels(logits, labels)
    return check_number("smoothing", smoothing, "[0, 1]")
