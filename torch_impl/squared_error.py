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

Here: PyTorch's ``mse_loss`` of single numbers, their mean in each row, and its autograd.
"""

import torch
from torch.nn import functional as F

from torch_impl.losses import reduced
from triptych.common.checks import (
    check_batch,
    check_floats,
    check_reduction,
    check_same_shape,
    check_weights,
    own_arrays,
)

__all__ = ["mean_squared_error"]


def mean_squared_error(
    predictions: torch.Tensor,
    targets: torch.Tensor,
    *,
    sample_weights: torch.Tensor | None = None,
    reduction: str = "mean",
    mean_over: str = "weights",
) -> torch.Tensor:
    """The mean over rows of the mean square of each, or what ``reduction`` says."""
    _check(predictions, targets, sample_weights, reduction, mean_over)
    squares = F.mse_loss(predictions, targets, reduction="none")
    rows = squares.reshape(len(squares), -1).mean(dim=1)
    s = torch.ones_like(rows) if sample_weights is None else sample_weights
    return reduced(s * rows, s, torch.ones_like(rows), reduction, mean_over)


@own_arrays
def _check(
    predictions: torch.Tensor,
    targets: torch.Tensor,
    sample_weights: torch.Tensor | None,
    reduction: str,
    mean_over: str,
) -> None:
    check_floats(predictions=predictions, targets=targets)
    check_batch(predictions, "predictions")
    check_same_shape("targets", targets, predictions)
    check_weights(predictions, None, sample_weights, "predictions")
    check_reduction(reduction, mean_over)
