r"""DropConnect: in training every weight of a dense layer is set to zero with probability ``rate``.

    mask ~ Bernoulli(1 - rate), for each weight               True = keep
    training     y = x (W * mask) / (1 - rate) + b            one mask for the batch,
                 y[n] = x[n] (W * mask[n]) / (1 - rate) + b   or one for each example
    inference    y = x W + b

Dropout drops inputs, and with an input all the weights that leave it; here each goes by itself. The
bias stays. With W_n = W * mask[n] / (1 - rate): dL/dW = sum_n x[n]^T dy[n] * mask[n] / (1 - rate),
dL/dx[n] = dy[n] W_n^T, dL/db = sum dy. A mask for each example has less variance, and takes N times
the memory of the weights.

``x`` has shape (N, ..., in), ``weight`` (in, out), ``bias`` (out,) or None, all of one dtype;
``mask`` has shape (in, out), or (N, in, out); ``rate`` lies in [0, 1). A ``ValueError`` says which
argument does not fit.

Paper: Wan, Zeiler, Zhang, LeCun and Fergus, "Regularization of neural networks using DropConnect",
ICML 2013. There a mask is drawn for each example, biases are dropped too, training does not divide
by 1 - rate, and inference draws from a normal distribution fitted to y; ours is its mean.

Framework differences: neither framework has it; both can apply their dropout to a weight. See
``triptych differences``: dropout-nan, dense-layout.

Here: ``backward`` goes through the same masked weights as ``forward``.
"""

import numpy as np

from scratch.dropout import draw_mask
from scratch.layers import Dense
from triptych.common.checks import (
    check_dense,
    check_features,
    check_flag,
    check_floats,
    check_mask,
    check_number,
    check_precision,
    check_same_shape,
    remembered,
)
from triptych.common.names import layer_name
from triptych.common.streams import Stream

__all__ = ["drop_connect", "drop_connect_backward", "DropConnectDense"]


def drop_connect(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None,
    rate: float,
    mask: np.ndarray | None,
    *,
    training: bool = True,
) -> np.ndarray:
    """The equations above, with a mask that is given. Inference uses none; it may then be None."""
    rate = _check(x, weight, bias, rate, mask, training)
    if training:
        weight = weight * mask * (1 / (1 - rate))
    y = _as_matrices(x, weight) @ weight
    y = y.reshape(*x.shape[:-1], weight.shape[-1])
    return y if bias is None else y + bias


def drop_connect_backward(
    grad: np.ndarray,
    x: np.ndarray,
    weight: np.ndarray,
    rate: float,
    mask: np.ndarray | None,
    *,
    training: bool = True,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """dL/dx, dL/dweight and dL/dbias from dL/dy."""
    rate = _check(x, weight, None, rate, mask, training, grad=grad)
    factor = np.asarray(mask, x.dtype) * (1 / (1 - rate)) if training else np.ones_like(weight)
    masked = weight * factor
    rows, dy = _as_matrices(x, masked), _as_matrices(grad, masked)
    dx = (dy @ masked.swapaxes(-1, -2)).reshape(x.shape)
    dweight = rows.swapaxes(-1, -2) @ dy * factor
    dbias = grad.reshape(-1, grad.shape[-1]).sum(axis=0)
    return dx, dweight.reshape(-1, *weight.shape).sum(axis=0), dbias


def _as_matrices(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """x as a matrix; if each example has weights of its own, as a matrix for each."""
    return x.reshape(-1, x.shape[-1]) if weight.ndim == 2 else x.reshape(len(x), -1, x.shape[-1])


class DropConnectDense(Dense):
    """A dense layer with masks from the stream (seed, "name.mask", step).

    ``per_example``: a mask for each example, else one for all; ``step`` counts training passes.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        rate: float,
        *,
        per_example: bool = False,
        use_bias: bool = True,
        seed: int = 0,
        name: str | None = None,
        dtype: str = "float32",
    ) -> None:
        name = layer_name("scratch", "drop_connect_dense", name)
        super().__init__(
            in_features, out_features, use_bias=use_bias, seed=seed, name=name, dtype=dtype
        )
        self.rate = _check_rate(rate)
        self.per_example = check_flag("per_example", per_example)
        self.state["step"] = np.zeros((), np.int64)

    def forward(self, x: np.ndarray, *, training: bool = False) -> np.ndarray:
        weight = self.params["weight"]
        _check_input(x, weight, training)
        mask = None
        if training:
            stream = Stream(self.seed, f"{self.name}.mask", self.state["step"])
            shape = (len(x), *weight.shape) if self.per_example else weight.shape
            mask = draw_mask(stream, shape, self.rate)
            self.state["step"] += 1
        self._x, self._mask, self._training = x, mask, training
        return drop_connect(x, weight, self.params.get("bias"), self.rate, mask, training=training)

    def backward(self, grad: np.ndarray) -> np.ndarray:
        weight = self.params["weight"]
        dx, self.grads["weight"], dbias = drop_connect_backward(
            grad, self._x, weight, self.rate, self._mask, training=self._training
        )
        if "bias" in self.params:
            self.grads["bias"] = dbias
        return dx

    def backward_parameters(self, grad: np.ndarray) -> None:
        self.backward(grad)


@remembered
def _check_rate(rate: float) -> float:
    return check_number("rate", rate, "[0, 1)")


@remembered
def _check_input(x: np.ndarray, weight: np.ndarray, training: bool) -> None:
    check_flag("training", training)
    check_features(x, weight.shape[0])
    check_precision(x, weight)


@remembered
def _check(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None,
    rate: float,
    mask: np.ndarray | None,
    training: bool,
    **grad: np.ndarray,
) -> float:
    rate = _check_rate(rate)
    check_dense(x, weight, bias, training)
    if training:
        per_example = len(getattr(mask, "shape", ())) == 3
        check_mask(mask, (x.shape[0], *weight.shape) if per_example else weight)
    check_floats(x=x, **grad)
    for name, array in grad.items():
        check_same_shape(name, array, (*x.shape[:-1], weight.shape[1]))
    return rate
