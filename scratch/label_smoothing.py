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

Framework differences: PyTorch's ``cross_entropy(label_smoothing=)`` takes both kinds of labels.
Keras's ``categorical_crossentropy(label_smoothing=)`` takes dense ones only, and casts them to the
dtype of the logits. Neither looks at the sums of the rows; where one is not 1, TensorFlow's
gradient is still (p - q) / N, PyTorch's and JAX's is (p * sum_c q_c - q) / N. Here it is an error.
"""

import numpy as np

from triptych.common.checks import (
    FLOATING,
    check_batch,
    check_dtype,
    check_floating,
    check_integer,
    check_labels,
    check_number,
    check_probabilities,
    dtype_name,
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
    classes = check_integer("classes", classes, minimum=1)
    smoothing = check_number("smoothing", smoothing, "[0, 1]")
    check_dtype(dtype)
    check_batch(labels, "labels")
    check_labels((None, classes), labels)
    return _smooth(_one_hot(labels, classes, dtype), smoothing)


def smooth_targets(targets: np.ndarray, smoothing: float) -> np.ndarray:
    """q of dense targets."""
    smoothing = check_number("smoothing", smoothing, "[0, 1]")
    check_probabilities("targets", targets)
    return _smooth(targets, smoothing)


def label_smoothing_cross_entropy(
    logits: np.ndarray, labels: np.ndarray, smoothing: float
) -> np.ndarray:
    """The mean loss of a batch; ``labels`` are integers (N,) or dense (N, C)."""
    q = _targets(logits, labels, smoothing)
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_sum = np.log(np.exp(shifted).sum(axis=1))
    return np.mean(log_sum - (q * shifted).sum(axis=1))


def label_smoothing_cross_entropy_backward(
    logits: np.ndarray, labels: np.ndarray, smoothing: float
) -> np.ndarray:
    """dL/dlogits."""
    q = _targets(logits, labels, smoothing)
    grad = np.exp(logits - logits.max(axis=1, keepdims=True))
    grad /= grad.sum(axis=1, keepdims=True)
    grad -= q
    grad /= len(labels)
    return grad


def _targets(logits: np.ndarray, labels: np.ndarray, smoothing: float) -> np.ndarray:
    """q of either kind of labels, in the dtype of the logits."""
    smoothing = _check(logits, labels, smoothing)
    if not np.issubdtype(labels.dtype, np.floating):
        labels = _one_hot(labels, logits.shape[1], dtype_name(logits))
    return _smooth(labels, smoothing)


def _one_hot(labels: np.ndarray, classes: int, dtype: str) -> np.ndarray:
    targets = np.zeros((len(labels), classes), dtype)
    targets[np.arange(len(labels)), labels] = 1
    return targets


def _smooth(targets: np.ndarray, smoothing: float) -> np.ndarray:
    return (1 - smoothing) * targets + smoothing / targets.shape[1]


def _check(logits: np.ndarray, labels: np.ndarray, smoothing: float) -> float:
    check_floating("logits", logits)
    if dtype_name(labels) in FLOATING:
        check_probabilities("labels", labels, logits)
    else:
        check_labels(logits, labels)
    return check_number("smoothing", smoothing, "[0, 1]")
