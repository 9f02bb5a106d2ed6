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

Here: they are PyTorch's own functions of the logits, and their autograd.
"""

import torch
from torch.nn import functional as F

from triptych.common.checks import (
    check_labels,
    own_arrays,
)

__all__ = ["softmax_cross_entropy", "binary_cross_entropy"]


def softmax_cross_entropy(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The mean loss of a batch."""
    _check(logits, labels)
    return F.cross_entropy(logits, labels.long())


def binary_cross_entropy(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The mean loss of a batch."""
    _check(logits, labels, binary=True)
    z = logits[:, 0]
    return -F.logsigmoid(torch.where(labels == 1, z, -z)).mean()


@own_arrays
def _check(logits: torch.Tensor, labels: torch.Tensor, binary: bool = False) -> None:
    check_labels(logits, labels, binary=binary)
