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

Here: they are Keras's own losses, told that they get logits; weights are multiplied in by hand. In
a traced graph the labels and weights cannot be read, so their range goes unchecked.
"""

from typing import Any

import keras
from keras import ops

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

__all__ = ["softmax_cross_entropy", "binary_cross_entropy"]


def softmax_cross_entropy(
    logits: Any,
    labels: Any,
    *,
    class_weights: Any | None = None,
    sample_weights: Any | None = None,
    ignore_index: int | None = None,
    reduction: str = "mean",
    mean_over: str = "weights",
) -> Any:
    """The mean loss of a batch, or what ``reduction`` says."""
    plain = _check(
        logits, labels, class_weights, sample_weights, ignore_index, reduction, mean_over
    )
    if plain:
        losses = keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)
        return ops.cast(ops.mean(losses), logits.dtype)  # JAX in 64 bits returns float64
    w, kept = term_weights(logits, labels, class_weights, sample_weights, ignore_index)
    w_t = w * dense(labels, logits)
    log_p = ops.log_softmax(logits, axis=1)
    losses = -ops.sum(w_t * ops.where(w_t == 0, 0, log_p), axis=1)  # not 0 times -inf
    return reduced(losses, ops.sum(w_t, axis=1), kept, reduction, mean_over)


def binary_cross_entropy(
    logits: Any,
    labels: Any,
    *,
    smoothing: float = 0.0,
    pos_weight: float = 1.0,
    sample_weights: Any | None = None,
    reduction: str = "mean",
    mean_over: str = "weights",
) -> Any:
    """The mean loss of a batch, or what ``reduction`` says."""
    plain, smoothing, w = _check_binary(
        logits, labels, smoothing, pos_weight, sample_weights, reduction, mean_over
    )
    z = logits[:, 0]
    if plain:
        return -ops.mean(ops.log_sigmoid(ops.where(labels == 1, z, -z)))
    y = ops.cast(labels, z.dtype) * (1 - smoothing) + smoothing / 2
    s = ops.ones_like(z) if sample_weights is None else sample_weights
    losses = -s * (w * y * ops.log_sigmoid(z) + (1 - y) * ops.log_sigmoid(-z))
    return reduced(losses, s, ops.ones_like(z), reduction, mean_over)


def dense(labels: Any, logits: Any) -> Any:
    """Dense labels as they are, integers as one-hot rows of the dtype of the logits."""
    if len(labels.shape) == 2:
        return labels
    return ops.one_hot(labels, logits.shape[1], dtype=logits.dtype)


def term_weights(
    logits: Any,
    labels: Any,
    class_weights: Any | None,
    sample_weights: Any | None,
    ignore_index: int | None,
) -> tuple[Any, Any]:
    """s_i w_c, 0 in ignored rows, of a shape that goes with (N, C); and 1 where a row is kept."""
    kept = ops.ones_like(logits[:, 0])
    if ignore_index is not None:
        kept = ops.cast(ops.cast(labels, "int64") != ignore_index, logits.dtype)
    s = kept if sample_weights is None else kept * sample_weights
    w = 1 if class_weights is None else class_weights
    return s[:, None] * w, kept


def reduced(losses: Any, v: Any, kept: Any, reduction: str, mean_over: str) -> Any:
    if reduction == "none":
        return losses
    if reduction == "sum":
        return ops.sum(losses)
    return ops.sum(losses) / ops.sum(v if mean_over == "weights" else kept)


def _check(
    logits: Any,
    labels: Any,
    class_weights: Any | None,
    sample_weights: Any | None,
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
    logits: Any,
    labels: Any,
    smoothing: float,
    pos_weight: float,
    sample_weights: Any | None,
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
def _check_targets(logits: Any, labels: Any, ignore_index: int | None) -> bool:
    return check_class_targets(logits, labels, ignore_index)


@own_arrays
def _check_binary_targets(logits: Any, labels: Any) -> bool:
    """Whether they are integers."""
    sparse = not is_floating(labels)
    if sparse:
        check_labels(logits, labels, binary=True)
    else:
        check_binary_targets(logits, labels)
    return sparse


@own_arrays
def _check_weights(logits: Any, class_weights: Any | None, sample_weights: Any | None) -> None:
    check_weights(logits, class_weights, sample_weights)
