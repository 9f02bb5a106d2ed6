r"""Cross-entropy from logits: of a softmax over the classes, and of one sigmoid.

    softmax   p_c = exp(z_c) / sum_k exp(z_k)    L = -1/N sum_i log p_{i, y_i}
                                                 dL/dz_ic = (p_ic - [c = y_i]) / N
    binary    p = 1 / (1 + exp(-z))              L = -1/N sum_i log(p_i if y_i = 1 else 1 - p_i)
                                                 dL/dz_i = (p_i - y_i) / N

Taken literally, exp overflows and log meets 0. So the largest logit is subtracted first, which
leaves p as it is, and the binary loss is max(s, 0) + log(1 + exp(-|s|)) with s = -z where y = 1
and s = z where y = 0. Both are then exact for logits of any size, and the binary one at infinity.

Softmax: ``logits`` (N, classes), ``labels`` integers in [0, classes), of shape (N,). Binary:
``logits`` (N, 1), ``labels`` integers in {0, 1}, of shape (N,) too. The loss is in nats, a scalar
of the dtype of the logits. A ``ValueError`` says which argument does not fit.

Framework differences: we take logits and integer labels of shape (N,), and refuse labels out of
range. See ``triptych differences``: probabilities-clipped, binary-probabilities-clipped,
ignore-index, labels-out-of-range, binary-labels-shape.
"""

import numpy as np

from scratch.half import half_in_float32
from triptych.common.checks import (
    check_labels,
    own_arrays,
)

__all__ = [
    "softmax_cross_entropy",
    "softmax_cross_entropy_backward",
    "binary_cross_entropy",
    "binary_cross_entropy_backward",
]


@half_in_float32
def softmax_cross_entropy(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The mean loss of a batch."""
    _check(logits, labels)
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_sum = np.log(np.exp(shifted).sum(axis=1))
    return np.mean(log_sum - shifted[np.arange(len(labels)), labels])


@half_in_float32
def softmax_cross_entropy_backward(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """dL/dlogits."""
    _check(logits, labels)
    exp = np.exp(logits - logits.max(axis=1, keepdims=True))
    p = exp / exp.sum(axis=1, keepdims=True)
    one_hot = np.arange(logits.shape[1]) == labels[:, np.newaxis]
    return (p - one_hot) / len(labels)


@half_in_float32
def binary_cross_entropy(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The mean loss of a batch."""
    _check(logits, labels, binary=True)
    s = np.where(labels == 1, -logits[:, 0], logits[:, 0])
    return np.mean(np.maximum(s, 0) + np.log1p(np.exp(-np.abs(s))))


@half_in_float32
def binary_cross_entropy_backward(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """dL/dlogits."""
    _check(logits, labels, binary=True)
    decay = np.exp(-np.abs(logits))  # in (0, 1]: never overflows
    p = np.where(logits >= 0, 1, decay) / (1 + decay)
    y = labels.astype(logits.dtype)[:, np.newaxis]
    return (p - y) / len(labels)


@own_arrays
def _check(logits: np.ndarray, labels: np.ndarray, binary: bool = False) -> None:
    check_labels(logits, labels, binary=binary)
