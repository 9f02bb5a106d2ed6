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

Here: the equations are written out, and their gradient is the backend's; the layer is a dense layer
of Keras. On JAX and PyTorch, float64 takes ``keras_impl.precision.enable_float64()`` first: without
it Keras rounds to float32.
"""

from typing import Any

import keras
from keras import ops

from keras_impl.dropout import draw_mask
from keras_impl.layers import Dense, verbatim
from triptych.common.checks import (
    check_dense,
    check_flag,
    check_mask,
    check_number,
    remembered,
)
from triptych.common.names import layer_name
from triptych.common.streams import Stream

__all__ = ["drop_connect", "DropConnectDense"]


def drop_connect(
    x: Any,
    weight: Any,
    bias: Any | None,
    rate: float,
    mask: Any | None,
    *,
    training: bool = True,
) -> Any:
    """The equations above, with a mask that is given. Inference uses none; it may then be None."""
    rate = _check(x, weight, bias, rate, mask, training)
    if training:
        weight = weight * ops.cast(mask, x.dtype) * (1 / (1 - rate))
    if len(weight.shape) == 2:
        y = ops.matmul(x, weight)
    else:
        shape = ops.shape(x)
        y = ops.matmul(ops.reshape(x, (shape[0], -1, shape[-1])), weight)
        y = ops.reshape(y, (*shape[:-1], weight.shape[-1]))
    return y if bias is None else y + bias


@keras.saving.register_keras_serializable("triptych")
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
        **kwargs: Any,
    ) -> None:
        name = layer_name("keras", "drop_connect_dense", name)
        self.rate = _check_rate(rate)
        self.per_example = check_flag("per_example", per_example)
        super().__init__(
            in_features,
            out_features,
            use_bias=use_bias,
            seed=seed,
            name=name,
            dtype=dtype,
            **kwargs,
        )

    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        self.step = self.add_weight(
            name="step", shape=(), initializer="zeros", dtype="int64", trainable=False
        )

    # Those of a Keras dense layer know its weight and bias alone.
    save_own_variables = keras.layers.Layer.save_own_variables
    load_own_variables = keras.layers.Layer.load_own_variables

    @verbatim()
    def call(self, inputs: Any, training: bool = False) -> Any:
        mask = None
        if training:
            stream = Stream(self.seed, f"{self.name}.mask", self.step.value)
            shape: tuple[Any, ...] = (self.in_features, self.units)
            if self.per_example:
                shape = (ops.shape(inputs)[0], *shape)
            mask = draw_mask(stream, shape, self.rate)
            self.step.assign_add(1)
        weight, bias = ops.convert_to_tensor(self.kernel), None
        if self.use_bias:
            bias = self.bias.value
        y = drop_connect(inputs, weight, bias, self.rate, mask, training=training)
        return self.activation(y)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"rate": self.rate, "per_example": self.per_example}


@remembered
def _check_rate(rate: float) -> float:
    return check_number("rate", rate, "[0, 1)")


@remembered
def _check(
    x: Any, weight: Any, bias: Any | None, rate: float, mask: Any | None, training: bool
) -> float:
    rate = _check_rate(rate)
    check_dense(x, weight, bias, training)
    if training:
        per_example = len(getattr(mask, "shape", ())) == 3
        check_mask(mask, (x.shape[0], *weight.shape) if per_example else weight)
    return rate
