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

Here: they are PyTorch's own functions of the logits, for each row where there are weights, and
their autograd.
"""

import torch
from torch.nn import functional as F

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
    logits: torch.Tensor,
    labels: torch.Tensor,
    *,
    class_weights: torch.Tensor | None = None,
    sample_weights: torch.Tensor | None = None,
    ignore_index: int | None = None,
    reduction: str = "mean",
    mean_over: str = "weights",
) -> torch.Tensor:
    """The mean loss of a batch, or what ``reduction`` says."""
    plain = _check(
        logits, labels, class_weights, sample_weights, ignore_index, reduction, mean_over
    )
    if plain:
        return F.cross_entropy(logits, labels.long())
    return weighted_cross_entropy(
        logits, labels, 0.0, class_weights, sample_weights, ignore_index, reduction, mean_over
    )


def binary_cross_entropy(
    logits: torch.Tensor,
    labels: torch.Tensor,
    *,
    smoothing: float = 0.0,
    pos_weight: float = 1.0,
    sample_weights: torch.Tensor | None = None,
    reduction: str = "mean",
    mean_over: str = "weights",
) -> torch.Tensor:
    """The mean loss of a batch, or what ``reduction`` says."""
    plain, smoothing, w = _check_binary(
        logits, labels, smoothing, pos_weight, sample_weights, reduction, mean_over
    )
    z = logits[:, 0]
    if plain:
        return -F.logsigmoid(torch.where(labels == 1, z, -z)).mean()
    y = labels.to(z.dtype) * (1 - smoothing) + smoothing / 2
    s = torch.ones_like(z) if sample_weights is None else sample_weights
    losses = F.binary_cross_entropy_with_logits(
        z, y, s, pos_weight=torch.full_like(z, w), reduction="none"
    )
    return reduced(losses, s, torch.ones_like(z), reduction, mean_over)


def weighted_cross_entropy(
    logits: torch.Tensor,
    labels: torch.Tensor,
    smoothing: float,
    class_weights: torch.Tensor | None,
    sample_weights: torch.Tensor | None,
    ignore_index: int | None,
    reduction: str,
    mean_over: str,
) -> torch.Tensor:
    """What ``losses.py`` and ``label_smoothing.py`` return where there are weights."""
    w, kept = term_weights(logits, labels, class_weights, sample_weights, ignore_index)
    target = labels if labels.is_floating_point() else labels.long()
    losses = F.cross_entropy(
        logits,
        target,
        class_weights,
        ignore_index=-100 if ignore_index is None else ignore_index,
        reduction="none",
        label_smoothing=smoothing,
    )
    if sample_weights is not None:
        losses = torch.where(sample_weights == 0, 0, sample_weights * losses)  # not 0 times inf
    v = (w * dense(labels, logits)).sum(dim=1)
    return reduced(losses, v, kept, reduction, mean_over)


def dense(labels: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    """Dense labels as they are, integers as one-hot rows of the dtype of the logits."""
    if labels.is_floating_point():
        return labels
    classes = torch.arange(logits.shape[1], device=labels.device)
    return (labels[:, None] == classes).to(logits.dtype)


def term_weights(
    logits: torch.Tensor,
    labels: torch.Tensor,
    class_weights: torch.Tensor | None,
    sample_weights: torch.Tensor | None,
    ignore_index: int | None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """s_i w_c, 0 in ignored rows, of a shape that goes with (N, C); and 1 where a row is kept."""
    kept = torch.ones_like(logits[:, 0])
    if ignore_index is not None:
        kept = (labels.long() != ignore_index).to(logits.dtype)
    s = kept if sample_weights is None else kept * sample_weights
    w = 1 if class_weights is None else class_weights
    return s[:, None] * w, kept


def reduced(
    losses: torch.Tensor, v: torch.Tensor, kept: torch.Tensor, reduction: str, mean_over: str
) -> torch.Tensor:
    if reduction == "none":
        return losses
    if reduction == "sum":
        return losses.sum()
    return losses.sum() / (v if mean_over == "weights" else kept).sum()


def _check(
    logits: torch.Tensor,
    labels: torch.Tensor,
    class_weights: torch.Tensor | None,
    sample_weights: torch.Tensor | None,
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
    logits: torch.Tensor,
    labels: torch.Tensor,
    smoothing: float,
    pos_weight: float,
    sample_weights: torch.Tensor | None,
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
def _check_targets(logits: torch.Tensor, labels: torch.Tensor, ignore_index: int | None) -> bool:
    return check_class_targets(logits, labels, ignore_index)


@own_arrays
def _check_binary_targets(logits: torch.Tensor, labels: torch.Tensor) -> bool:
    """Whether they are integers."""
    sparse = not is_floating(labels)
    if sparse:
        check_labels(logits, labels, binary=True)
    else:
        check_binary_targets(logits, labels)
    return sparse


@own_arrays
def _check_weights(
    logits: torch.Tensor, class_weights: torch.Tensor | None, sample_weights: torch.Tensor | None
) -> None:
    check_weights(logits, class_weights, sample_weights)
