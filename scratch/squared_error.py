r"""The mean squared error.

    l_i = s_i / F sum_j (z_ij - y_ij)^2       over the F numbers of row i, with sample weights s

    reduction="none"   l_i                 "mean"   sum_i l_i / sum_i s_i    mean_over="weights"
              "sum"    sum_i l_i                    sum_i l_i / N            mean_over="rows"

    dL/dz_ij = 2 s_i (z_ij - y_ij) / (F D)    where D is what the sum of the l_i is divided by

``predictions`` and ``targets`` have one floating dtype and one shape (N, ...); ``sample_weights``
(N,) are finite, >= 0 and not all 0. The loss is a scalar, or (N,) for "none". A ``ValueError`` says
which argument does not fit.

Framework differences: a row has one loss, the mean over its numbers. PyTorch's "none" and "sum" are
over single numbers, and Keras's over the means of the last axis; both broadcast. See ``triptych
differences``: reduction-none, reduction-sum, loss-broadcast, class-weight-mean.

Here: for "none" the backward pass gives the gradient of each row's own loss.
"""

import numpy as np

from scratch.half import half_in_float32
from scratch.losses import divisor, reduced
from triptych.common.checks import (
    check_batch,
    check_floats,
    check_reduction,
    check_same_shape,
    check_weights,
    own_arrays,
)

__all__ = ["mean_squared_error", "mean_squared_error_backward"]


@half_in_float32
def mean_squared_error(
    predictions: np.ndarray,
    targets: np.ndarray,
    *,
    sample_weights: np.ndarray | None = None,
    reduction: str = "mean",
    mean_over: str = "weights",
) -> np.ndarray:
    """The mean over rows of the mean square of each, or what ``reduction`` says."""
    _check(predictions, targets, sample_weights, reduction, mean_over)
    squares = (predictions - targets) ** 2
    s = np.ones(len(squares), squares.dtype) if sample_weights is None else sample_weights
    losses = s * squares.reshape(len(squares), -1).mean(axis=1)
    return reduced(losses, s, np.ones_like(s), reduction, mean_over)


@half_in_float32
def mean_squared_error_backward(
    predictions: np.ndarray,
    targets: np.ndarray,
    *,
    sample_weights: np.ndarray | None = None,
    reduction: str = "mean",
    mean_over: str = "weights",
) -> np.ndarray:
    """dL/dpredictions."""
    _check(predictions, targets, sample_weights, reduction, mean_over)
    rows = len(predictions)
    s = np.ones(rows, predictions.dtype) if sample_weights is None else sample_weights
    scale = s / divisor(s, np.ones_like(s), reduction, mean_over) / (predictions.size // rows)
    return 2 * (predictions - targets) * scale.reshape(-1, *[1] * (predictions.ndim - 1))


@own_arrays
def _check(
    predictions: np.ndarray,
    targets: np.ndarray,
    sample_weights: np.ndarray | None,
    reduction: str,
    mean_over: str,
) -> None:
    check_floats(predictions=predictions, targets=targets)
    check_batch(predictions, "predictions")
    check_same_shape("targets", targets, predictions)
    check_weights(predictions, None, sample_weights, "predictions")
    check_reduction(reduction, mean_over)
