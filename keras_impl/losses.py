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

Here: they are Keras's own losses, told that they get logits. In a traced graph the labels cannot be
read, so their range goes unchecked.
"""

from typing import Any

import keras
from keras import ops

from triptych.common.checks import (
    check_labels,
    own_arrays,
)

__all__ = ["softmax_cross_entropy", "binary_cross_entropy"]


def softmax_cross_entropy(logits: Any, labels: Any) -> Any:
    """The mean loss of a batch."""
    _check(logits, labels)
    losses = keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)
    return ops.cast(ops.mean(losses), logits.dtype)  # JAX in 64 bits returns float64 for float32


def binary_cross_entropy(logits: Any, labels: Any) -> Any:
    """The mean loss of a batch."""
    _check(logits, labels, binary=True)
    z = logits[:, 0]
    return -ops.mean(ops.log_sigmoid(ops.where(labels == 1, z, -z)))


@own_arrays
def _check(logits: Any, labels: Any, binary: bool = False) -> None:
    check_labels(logits, labels, binary=binary)
