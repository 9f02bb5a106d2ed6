r"""Label smoothing: give every class a share of the target, so that no logit is pushed to infinity.

    integer labels    q_c = (1 - smoothing) * [c = y] + smoothing / C
    dense targets     q_c = (1 - smoothing) * t_c     + smoothing / C

    p_c = exp(z_c) / sum_k exp(z_k)                   L = -1/N sum_i sum_c q_ic log p_ic
                                                      dL/dz_ic = (p_ic - q_ic) / N

The largest logit is subtracted first, as in ``losses.py``. Rows of q add up to 1: that gives the
gradient its form, and lets log sum_k exp(z_k) stand outside the sum over q.

With class weights w, sample weights s, and t the labels as rows, a row has the loss l_i and the
weight v_i, and ``reduction``, ``mean_over`` and ``ignore_index`` are those of ``losses.py``:

    l_i = -s_i sum_c w_c q_ic log p_ic      v_i = s_i sum_c w_c t_ic      L = sum_i l_i / sum_i v_i

So each class's term has its own weight, as in PyTorch. Keras weighs the whole loss of a row by its
label: that is ``sample_weights=class_weights[labels]`` and ``mean_over="rows"``.

``logits`` (N, C), finite; ``labels`` integers in [0, C) of shape (N,), or dense: rows of
probabilities (N, C), of the dtype of the logits, in [0, 1] and with sums within (C + 8) * eps of 1
(what rounding a row to its dtype and adding it up may cost). ``smoothing`` lies in [0, 1]; 0 is
``softmax_cross_entropy``. The loss is in nats, a scalar of the dtype of the logits. A
``ValueError`` says which argument does not fit.

Paper: Szegedy, Vanhoucke, Ioffe, Shlens and Wojna, "Rethinking the Inception architecture for
computer vision", CVPR 2016 (section 7).

Framework differences: we take both kinds of labels, as PyTorch does, and refuse rows that do not
sum to 1. See ``triptych differences``: label-smoothing-sparse, label-smoothing-class-weight,
soft-target-rows, class-weight-dense.

Here: it is Keras's own ``categorical_crossentropy`` with ``label_smoothing``, told that it gets
logits; integers become one-hot rows first, and weights are
multiplied in by hand. In a traced graph values cannot be read: the range of
the labels and the sums of the rows go unchecked there.
"""

from typing import Any

import keras
from keras import ops

from keras_impl.losses import dense, reduced, term_weights
from triptych.common.checks import (
    check_batch,
    check_class_targets,
    check_dtype,
    check_labels,
    check_number,
    check_probabilities,
    check_reduction,
    check_size,
    check_weights,
    own_arrays,
)

__all__ = ["smooth_labels", "smooth_targets", "label_smoothing_cross_entropy"]


def smooth_labels(labels: Any, classes: int, smoothing: float, *, dtype: str = "float32") -> Any:
    """q of integer labels, (N, classes)."""
    classes, smoothing = _check_labels(labels, classes, smoothing, dtype)
    return _smooth(ops.one_hot(labels, classes, dtype=dtype), smoothing)


def smooth_targets(targets: Any, smoothing: float) -> Any:
    """q of dense targets."""
    smoothing = _check_targets(targets, smoothing)
    return _smooth(targets, smoothing)


def _smooth(targets: Any, smoothing: float) -> Any:
    return (1 - smoothing) * targets + smoothing / targets.shape[1]


def label_smoothing_cross_entropy(
    logits: Any,
    labels: Any,
    smoothing: float,
    *,
    class_weights: Any | None = None,
    sample_weights: Any | None = None,
    ignore_index: int | None = None,
    reduction: str = "mean",
    mean_over: str = "weights",
) -> Any:
    """The mean loss of a batch, or what ``reduction`` says; ``labels`` as above."""
    plain, smoothing = _check(
        logits,
        labels,
        smoothing,
        class_weights,
        sample_weights,
        ignore_index,
        reduction,
        mean_over,
    )
    t = dense(labels, logits)
    if plain and smoothing > 0:  # without, Keras multiplies 0 by a logit of -inf
        losses = keras.losses.categorical_crossentropy(
            t, logits, from_logits=True, label_smoothing=smoothing
        )
        return ops.mean(losses)
    w, kept = term_weights(logits, labels, class_weights, sample_weights, ignore_index)
    w_q = w * _smooth(t, smoothing)
    log_p = ops.log_softmax(logits, axis=1)
    losses = -ops.sum(w_q * ops.where(w_q == 0, 0, log_p), axis=1)  # not 0 times -inf
    return reduced(losses, ops.sum(w * t, axis=1), kept, reduction, mean_over)


@own_arrays
def _check_labels(labels: Any, classes: int, smoothing: float, dtype: str) -> tuple[int, float]:
    classes = check_size("classes", classes)
    smoothing = check_number("smoothing", smoothing, "[0, 1]")
    check_dtype(dtype)
    check_batch(labels, "labels")
    check_labels((None, classes), labels)
    return classes, smoothing


@own_arrays
def _check_targets(targets: Any, smoothing: float) -> float:
    smoothing = check_number("smoothing", smoothing, "[0, 1]")
    check_probabilities("targets", targets)
    return smoothing


@own_arrays
def _check(
    logits: Any,
    labels: Any,
    smoothing: float,
    class_weights: Any | None,
    sample_weights: Any | None,
    ignore_index: int | None,
    reduction: str,
    mean_over: str,
) -> tuple[bool, float]:
    """Whether it is the plain mean; and the number."""
    check_class_targets(logits, labels, ignore_index)
    smoothing = check_number("smoothing", smoothing, "[0, 1]")
    check_weights(logits, class_weights, sample_weights)
    check_reduction(reduction, mean_over)
    weighted = not (class_weights is sample_weights is ignore_index is None)
    return reduction == "mean" and not weighted, smoothing
