r"""Focal loss: what is classified well counts less, so that rare and hard examples count.

    sigmoid    p_t = p if y = 1 else 1 - p,  p = 1 / (1 + exp(-z))
               alpha_t = alpha if y = 1 else 1 - alpha
               l = -alpha_t (1 - p_t)^gamma log p_t
               dl/dz = +-alpha_t (1 - p_t)^gamma (gamma p_t log p_t + p_t - 1)    + where y = 1

    softmax    p_c = exp(z_c) / sum_k exp(z_k)
               l = -sum_c w_c t_c (1 - p_c)^gamma log p_c
               dl/dz_k = p_k sum_c w_c t_c g_c - w_k t_k g_k
               g_c = (1 - p_c)^gamma - gamma p_c (1 - p_c)^(gamma - 1) log p_c

    t_c: 1 for the label and 0 elsewhere, or the row of probabilities;  w_c: ``class_weights``
    a row has s_i l, s_i: ``sample_weights``;  the mean divides by sum_i v_i, or by the rows N
    v_i = s_i for the sigmoid, s_i sum_c w_c t_ic for the softmax

Without alpha and w, and with gamma 0, it is the cross-entropy. The sigmoid form is computed from
log p and log(1 - p), and nothing is clipped however sure the answer; in the softmax form 1 - p_c is
kept above 0, and a row surer than the dtype can say has the loss 0. ``reduction`` and ``mean_over``
are those of ``losses.py``. Lin et al. divide the sum by the number of positive labels:
``reduction="sum"``, divided.

Sigmoid: ``logits`` (N, 1), ``labels`` integers in {0, 1} of shape (N,), ``alpha`` in [0, 1] or None
for no balance. Several labels at once are as many rows: ``logits.reshape(-1, 1)``. Softmax: finite
``logits`` (N, C), ``labels`` integers (N,) or rows of probabilities (N, C); ``class_weights`` (C,)
stand for alpha. ``gamma`` lies in [0, inf). The loss is in nats, of the dtype of the logits. A
``ValueError`` says which argument does not fit.

Paper: Lin, Goyal, Girshick, He and Dollar, "Focal loss for dense object detection", ICCV 2017.

Framework differences: PyTorch has none; torchvision's ``sigmoid_focal_loss`` has alpha=0.25 and
reduction="none". Keras's binary one balances only where it is asked to, its categorical one is
multiplied by 0.25 unless alpha=1, and it clips. See ``triptych differences``: focal-balance,
categorical-focal-alpha, focal-clipped, class-weight-mean.

Here: PyTorch's ``logsigmoid`` and ``log_softmax``, and its autograd.
"""

import torch
from torch.nn import functional as F

from torch_impl.losses import dense, reduced, term_weights
from triptych.common.checks import (
    check_class_targets,
    check_labels,
    check_number,
    check_reduction,
    check_weights,
    own_arrays,
)

__all__ = ["sigmoid_focal_loss", "softmax_focal_loss"]


def sigmoid_focal_loss(
    logits: torch.Tensor,
    labels: torch.Tensor,
    *,
    gamma: float = 2.0,
    alpha: float | None = None,
    sample_weights: torch.Tensor | None = None,
    reduction: str = "mean",
    mean_over: str = "weights",
) -> torch.Tensor:
    """The mean loss of a batch, or what ``reduction`` says."""
    gamma, alpha = _check_sigmoid(
        logits, labels, gamma, alpha, sample_weights, reduction, mean_over
    )
    y = labels.to(logits.dtype)
    x = torch.where(labels == 1, logits[:, 0], -logits[:, 0])
    losses = -torch.exp(gamma * F.logsigmoid(-x)) * F.logsigmoid(x)
    if alpha is not None:
        losses = (alpha * y + (1 - alpha) * (1 - y)) * losses
    s = torch.ones_like(losses) if sample_weights is None else sample_weights
    return reduced(s * losses, s, torch.ones_like(s), reduction, mean_over)


def softmax_focal_loss(
    logits: torch.Tensor,
    labels: torch.Tensor,
    *,
    gamma: float = 2.0,
    class_weights: torch.Tensor | None = None,
    sample_weights: torch.Tensor | None = None,
    reduction: str = "mean",
    mean_over: str = "weights",
) -> torch.Tensor:
    """The mean loss of a batch, or what ``reduction`` says."""
    gamma = _check_softmax(
        logits, labels, gamma, class_weights, sample_weights, reduction, mean_over
    )
    log_p = F.log_softmax(logits, dim=1)
    # Never 0, which a gamma below 1 makes infinite in the gradient.
    rest = (-torch.expm1(log_p)).clamp(min=torch.finfo(log_p.dtype).tiny)
    w, kept = term_weights(logits, labels, class_weights, sample_weights, None)
    weighted_targets = w * dense(labels, logits)
    losses = -(weighted_targets * rest**gamma * log_p).sum(dim=1)
    return reduced(losses, weighted_targets.sum(dim=1), kept, reduction, mean_over)


@own_arrays
def _check_sigmoid(
    logits: torch.Tensor,
    labels: torch.Tensor,
    gamma: float,
    alpha: float | None,
    sample_weights: torch.Tensor | None,
    reduction: str,
    mean_over: str,
) -> tuple[float, float | None]:
    check_labels(logits, labels, binary=True)
    gamma = check_number("gamma", gamma, "[0, inf)")
    check_weights(logits, None, sample_weights)
    check_reduction(reduction, mean_over)
    return gamma, None if alpha is None else check_number("alpha", alpha, "[0, 1]")


@own_arrays
def _check_softmax(
    logits: torch.Tensor,
    labels: torch.Tensor,
    gamma: float,
    class_weights: torch.Tensor | None,
    sample_weights: torch.Tensor | None,
    reduction: str,
    mean_over: str,
) -> float:
    check_class_targets(logits, labels)
    check_weights(logits, class_weights, sample_weights)
    check_reduction(reduction, mean_over)
    return check_number("gamma", gamma, "[0, inf)")
