r"""Cross-entropy from logits: of a softmax over the classes, and of one sigmoid.

    softmax   p_c = exp(z_c) / sum_k exp(z_k)    L = -1/N sum_i log p_{i, y_i}
                                                 dL/dz_ic = (p_ic - [c = y_i]) / N
    binary    p = 1 / (1 + exp(-z))              L = -1/N sum_i log(p_i if y_i = 1 else 1 - p_i)
                                                 dL/dz_i = (p_i - y_i) / N

Taken literally, exp overflows and log meets 0. So the largest logit is subtracted first, which
leaves p as it is, and the binary loss is max(s, 0) + log(1 + exp(-|s|)) with s = -z where y = 1
and s = z where y = 0. Both are then exact for logits of any size, and the binary one at infinity.

With dense labels t, class weights w and sample weights s a row has the loss l_i and the weight v_i:

    softmax   l_i = -s_i sum_c w_c t_ic log p_ic                         v_i = s_i sum_c w_c t_ic
    binary    l_i = -s_i (w y_i log p_i + (1 - y_i) log(1 - p_i))        v_i = s_i

    reduction="none"   l_i                 "mean"   sum_i l_i / sum_i v_i    mean_over="weights"
              "sum"    sum_i l_i                    sum_i l_i / N            mean_over="rows"

    softmax   dl_i/dz_ic = v_i p_ic - s_i w_c t_ic
    binary    dl_i/dz_i  = s_i ((1 - y_i) p_i - w y_i (1 - p_i))

In the binary loss w is ``pos_weight``, and ``smoothing`` makes y (1 - smoothing) + smoothing / 2 of
y. Rows whose label is ``ignore_index`` have l = v = 0 and do not count in N. A mean over weights
that come to 0 is NaN.

Softmax: ``logits`` (N, C); ``labels`` integers in [0, C), of shape (N,), or rows of probabilities
(N, C). Binary: ``logits`` (N, 1); ``labels`` of shape (N,), integers in {0, 1} or targets in
[0, 1]. ``class_weights`` (C,) and ``sample_weights`` (N,) are finite, >= 0 and not all 0,
``pos_weight`` is in [0, inf). Whatever is floating point has the dtype of the logits, and so has
the loss, in nats: a scalar, or (N,) for "none". A ``ValueError`` says which argument does not fit.

Framework differences: "mean" divides by the weights of the labels in PyTorch's ``cross_entropy`` of
integers, and by the number of rows in its losses of dense labels and of binary ones and in every
loss of Keras; we divide by the weights unless ``mean_over`` says "rows". ``pos_weight`` is in
nobody's divisor. We refuse labels out of range. See ``triptych differences``: class-weight-mean,
class-weight-dense, pos-weight, probabilities-clipped, binary-probabilities-clipped,
label-smoothing-binary, ignore-index, all-labels-ignored, labels-out-of-range, binary-labels-shape.

Here: for "none" the backward pass gives the gradient of each row's own loss.
"""

import numpy as np

from scratch.half import half_in_float32
from scratch.layers import sigmoid
from triptych.common.checks import (
    check_binary_targets,
    check_class_targets,
    check_labels,
    check_number,
    check_reduction,
    check_weights,
    is_floating,
    own_arrays,
    remembered,
)

__all__ = [
    "softmax_cross_entropy",
    "softmax_cross_entropy_backward",
    "binary_cross_entropy",
    "binary_cross_entropy_backward",
]


@half_in_float32
def softmax_cross_entropy(
    logits: np.ndarray,
    labels: np.ndarray,
    *,
    class_weights: np.ndarray | None = None,
    sample_weights: np.ndarray | None = None,
    ignore_index: int | None = None,
    reduction: str = "mean",
    mean_over: str = "weights",
) -> np.ndarray:
    """The mean loss of a batch, or what ``reduction`` says."""
    plain = _check(
        logits, labels, class_weights, sample_weights, ignore_index, reduction, mean_over
    )
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_sum = np.log(np.exp(shifted).sum(axis=1))
    if plain:
        return np.mean(log_sum - shifted[np.arange(len(labels)), labels])
    log_p = shifted - log_sum[:, np.newaxis]
    w, kept = term_weights(logits, labels, class_weights, sample_weights, ignore_index)
    w_t = w * dense(labels, logits)
    losses = -(w_t * np.where(w_t == 0, 0, log_p)).sum(axis=1)  # not 0 times -inf
    return reduced(losses, w_t.sum(axis=1), kept, reduction, mean_over)


@half_in_float32
def softmax_cross_entropy_backward(
    logits: np.ndarray,
    labels: np.ndarray,
    *,
    class_weights: np.ndarray | None = None,
    sample_weights: np.ndarray | None = None,
    ignore_index: int | None = None,
    reduction: str = "mean",
    mean_over: str = "weights",
) -> np.ndarray:
    """dL/dlogits."""
    plain = _check(
        logits, labels, class_weights, sample_weights, ignore_index, reduction, mean_over
    )
    p = softmax(logits)
    if plain:
        one_hot = np.arange(logits.shape[1]) == labels[:, np.newaxis]
        return (p - one_hot) / len(labels)
    w, kept = term_weights(logits, labels, class_weights, sample_weights, ignore_index)
    w_t = w * dense(labels, logits)
    v = w_t.sum(axis=1, keepdims=True)
    return (v * p - w_t) / divisor(v, kept, reduction, mean_over)


@half_in_float32
def binary_cross_entropy(
    logits: np.ndarray,
    labels: np.ndarray,
    *,
    smoothing: float = 0.0,
    pos_weight: float = 1.0,
    sample_weights: np.ndarray | None = None,
    reduction: str = "mean",
    mean_over: str = "weights",
) -> np.ndarray:
    """The mean loss of a batch, or what ``reduction`` says."""
    plain, smoothing, w = _check_binary(
        logits, labels, smoothing, pos_weight, sample_weights, reduction, mean_over
    )
    z = logits[:, 0]
    if plain:
        return np.mean(softplus(np.where(labels == 1, -z, z)))
    y = labels.astype(z.dtype) * (1 - smoothing) + smoothing / 2
    s = np.ones_like(z) if sample_weights is None else sample_weights
    losses = s * (w * y * softplus(-z) + (1 - y) * softplus(z))
    return reduced(losses, s, np.ones_like(z), reduction, mean_over)


@half_in_float32
def binary_cross_entropy_backward(
    logits: np.ndarray,
    labels: np.ndarray,
    *,
    smoothing: float = 0.0,
    pos_weight: float = 1.0,
    sample_weights: np.ndarray | None = None,
    reduction: str = "mean",
    mean_over: str = "weights",
) -> np.ndarray:
    """dL/dlogits."""
    plain, smoothing, w = _check_binary(
        logits, labels, smoothing, pos_weight, sample_weights, reduction, mean_over
    )
    p = sigmoid(logits)
    y = labels.astype(logits.dtype)[:, np.newaxis]
    if plain:
        return (p - y) / len(labels)
    y = y * (1 - smoothing) + smoothing / 2
    s = np.ones_like(y) if sample_weights is None else sample_weights[:, np.newaxis]
    grad = s * ((1 - y) * p - w * y * (1 - p))
    return grad / divisor(s, np.ones_like(y), reduction, mean_over)


def softmax(z: np.ndarray) -> np.ndarray:
    """p of each row."""
    exp = np.exp(z - z.max(axis=1, keepdims=True))
    return exp / exp.sum(axis=1, keepdims=True)


def log_softmax(z: np.ndarray) -> np.ndarray:
    """log p of each row, where p itself may be too small for the dtype."""
    shifted = z - z.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def softplus(s: np.ndarray) -> np.ndarray:
    """log(1 + exp(s))"""
    return np.maximum(s, 0) + np.log1p(np.exp(-np.abs(s)))


def dense(labels: np.ndarray, logits: np.ndarray) -> np.ndarray:
    """Dense labels as they are, integers as one-hot rows of the dtype of the logits."""
    if labels.ndim == 2:
        return labels
    return (labels[:, np.newaxis] == np.arange(logits.shape[1])).astype(logits.dtype)


def term_weights(
    logits: np.ndarray,
    labels: np.ndarray,
    class_weights: np.ndarray | None,
    sample_weights: np.ndarray | None,
    ignore_index: int | None,
) -> tuple[np.ndarray, np.ndarray]:
    """s_i w_c, 0 in ignored rows, of a shape that goes with (N, C); and 1 where a row is kept."""
    kept = np.ones(len(labels), logits.dtype)
    if ignore_index is not None:
        kept = (labels != ignore_index).astype(logits.dtype)
    s = kept if sample_weights is None else kept * sample_weights
    w = 1 if class_weights is None else class_weights
    return s[:, np.newaxis] * w, kept


def reduced(
    losses: np.ndarray, v: np.ndarray, kept: np.ndarray, reduction: str, mean_over: str
) -> np.ndarray:
    if reduction == "none":
        return losses
    return losses.sum() / divisor(v, kept, reduction, mean_over)


def divisor(v: np.ndarray, kept: np.ndarray, reduction: str, mean_over: str) -> np.ndarray:
    if reduction != "mean":
        return np.ones((), v.dtype)
    return v.sum() if mean_over == "weights" else kept.sum()


def _check(
    logits: np.ndarray,
    labels: np.ndarray,
    class_weights: np.ndarray | None,
    sample_weights: np.ndarray | None,
    ignore_index: int | None,
    reduction: str,
    mean_over: str,
) -> bool:
    """Whether it is the plain loss of integers."""
    sparse = _check_targets(logits, labels, ignore_index)
    weighted = not (class_weights is sample_weights is ignore_index is None)
    if weighted:
        _check_weights(logits, class_weights, sample_weights)
    check_reduction(reduction, mean_over)
    return sparse and not weighted and reduction == "mean"


def _check_binary(
    logits: np.ndarray,
    labels: np.ndarray,
    smoothing: float,
    pos_weight: float,
    sample_weights: np.ndarray | None,
    reduction: str,
    mean_over: str,
) -> tuple[bool, float, float]:
    """Whether it is the plain loss of integers; and the two numbers."""
    sparse = _check_binary_targets(logits, labels)
    smoothing, pos_weight = _check_options(smoothing, pos_weight, reduction, mean_over)
    if sample_weights is not None:
        _check_weights(logits, None, sample_weights)
    weighted = sample_weights is not None or smoothing != 0 or pos_weight != 1
    return sparse and not weighted and reduction == "mean", smoothing, pos_weight


@remembered
def _check_options(
    smoothing: float, pos_weight: float, reduction: str, mean_over: str
) -> tuple[float, float]:
    check_reduction(reduction, mean_over)
    smoothing = check_number("smoothing", smoothing, "[0, 1]")
    return smoothing, check_number("pos_weight", pos_weight, "[0, inf)")


@own_arrays
def _check_targets(logits: np.ndarray, labels: np.ndarray, ignore_index: int | None) -> bool:
    return check_class_targets(logits, labels, ignore_index)


@own_arrays
def _check_binary_targets(logits: np.ndarray, labels: np.ndarray) -> bool:
    """Whether they are integers."""
    sparse = not is_floating(labels)
    if sparse:
        check_labels(logits, labels, binary=True)
    else:
        check_binary_targets(logits, labels)
    return sparse


@own_arrays
def _check_weights(
    logits: np.ndarray, class_weights: np.ndarray | None, sample_weights: np.ndarray | None
) -> None:
    check_weights(logits, class_weights, sample_weights)
