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

Here: for "none" the backward pass gives the gradient of each row's own loss.
"""

import numpy as np

from scratch.half import half_in_float32
from scratch.losses import dense, divisor, log_softmax, reduced, softplus, term_weights
from triptych.common.checks import (
    check_class_targets,
    check_labels,
    check_number,
    check_reduction,
    check_weights,
    own_arrays,
)

__all__ = [
    "sigmoid_focal_loss",
    "sigmoid_focal_loss_backward",
    "softmax_focal_loss",
    "softmax_focal_loss_backward",
]


@half_in_float32
def sigmoid_focal_loss(
    logits: np.ndarray,
    labels: np.ndarray,
    *,
    gamma: float = 2.0,
    alpha: float | None = None,
    sample_weights: np.ndarray | None = None,
    reduction: str = "mean",
    mean_over: str = "weights",
) -> np.ndarray:
    """The mean loss of a batch, or what ``reduction`` says."""
    gamma, alpha = _check_sigmoid(
        logits, labels, gamma, alpha, sample_weights, reduction, mean_over
    )
    log_p_t, log_rest = _log_sigmoids(logits, labels)  # log p_t and log(1 - p_t)
    losses = -_alpha_t(logits, labels, alpha) * np.exp(gamma * log_rest) * log_p_t
    s = np.ones_like(losses) if sample_weights is None else sample_weights
    return reduced(s * losses, s, np.ones_like(s), reduction, mean_over)


@half_in_float32
def sigmoid_focal_loss_backward(
    logits: np.ndarray,
    labels: np.ndarray,
    *,
    gamma: float = 2.0,
    alpha: float | None = None,
    sample_weights: np.ndarray | None = None,
    reduction: str = "mean",
    mean_over: str = "weights",
) -> np.ndarray:
    """dL/dlogits."""
    gamma, alpha = _check_sigmoid(
        logits, labels, gamma, alpha, sample_weights, reduction, mean_over
    )
    log_p_t, log_rest = _log_sigmoids(logits, labels)
    slope = gamma * np.exp(log_p_t) * log_p_t - np.exp(log_rest)  # 1 - p_t without its rounding
    grad = _alpha_t(logits, labels, alpha) * np.exp(gamma * log_rest) * slope
    s = np.ones_like(grad) if sample_weights is None else sample_weights
    grad = s * np.where(labels == 1, grad, -grad)
    return (grad / divisor(s, np.ones_like(s), reduction, mean_over))[:, np.newaxis]


@half_in_float32
def softmax_focal_loss(
    logits: np.ndarray,
    labels: np.ndarray,
    *,
    gamma: float = 2.0,
    class_weights: np.ndarray | None = None,
    sample_weights: np.ndarray | None = None,
    reduction: str = "mean",
    mean_over: str = "weights",
) -> np.ndarray:
    """The mean loss of a batch, or what ``reduction`` says."""
    gamma = _check_softmax(
        logits, labels, gamma, class_weights, sample_weights, reduction, mean_over
    )
    log_p = log_softmax(logits)
    rest = _rest(log_p)
    w, kept = term_weights(logits, labels, class_weights, sample_weights, None)
    weighted_targets = w * dense(labels, logits)
    losses = -(weighted_targets * rest**gamma * log_p).sum(axis=1)
    return reduced(losses, weighted_targets.sum(axis=1), kept, reduction, mean_over)


@half_in_float32
def softmax_focal_loss_backward(
    logits: np.ndarray,
    labels: np.ndarray,
    *,
    gamma: float = 2.0,
    class_weights: np.ndarray | None = None,
    sample_weights: np.ndarray | None = None,
    reduction: str = "mean",
    mean_over: str = "weights",
) -> np.ndarray:
    """dL/dlogits."""
    gamma = _check_softmax(
        logits, labels, gamma, class_weights, sample_weights, reduction, mean_over
    )
    log_p = log_softmax(logits)
    p, rest = np.exp(log_p), _rest(log_p)
    w, kept = term_weights(logits, labels, class_weights, sample_weights, None)
    weighted_targets = w * dense(labels, logits)
    g = rest**gamma - gamma * p * rest ** (gamma - 1) * log_p
    terms = weighted_targets * g
    grad = p * terms.sum(axis=1, keepdims=True) - terms
    return grad / divisor(weighted_targets.sum(axis=1), kept, reduction, mean_over)


def _log_sigmoids(logits: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    x = np.where(labels == 1, logits[:, 0], -logits[:, 0])
    return -softplus(-x), -softplus(x)


def _alpha_t(logits: np.ndarray, labels: np.ndarray, alpha: float | None) -> np.ndarray:
    y = labels.astype(logits.dtype)
    return np.ones_like(y) if alpha is None else alpha * y + (1 - alpha) * (1 - y)


def _rest(log_p: np.ndarray) -> np.ndarray:
    """1 - p, never 0, which a gamma below 1 makes infinite in the gradient."""
    return np.maximum(-np.expm1(log_p), np.finfo(log_p.dtype).tiny)


@own_arrays
def _check_sigmoid(
    logits: np.ndarray,
    labels: np.ndarray,
    gamma: float,
    alpha: float | None,
    sample_weights: np.ndarray | None,
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
    logits: np.ndarray,
    labels: np.ndarray,
    gamma: float,
    class_weights: np.ndarray | None,
    sample_weights: np.ndarray | None,
    reduction: str,
    mean_over: str,
) -> float:
    check_class_targets(logits, labels)
    check_weights(logits, class_weights, sample_weights)
    check_reduction(reduction, mean_over)
    return check_number("gamma", gamma, "[0, inf)")
