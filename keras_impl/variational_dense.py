r"""Sparse variational dropout: each weight of a dense layer learns its noise, and most are pruned.

    alpha = sigma^2 / w^2                                   the noise of a weight, relative to it
    training    y = x W + b + sqrt(x^2 sigma^2 + 1e-8) * noise,       noise ~ N(0, 1)
    inference   y = x (W * kept) + b,                                 kept: log alpha <= threshold
    loss        L = data + (1 / examples) * sum of KL(log alpha)
                data: the mean loss of a batch
                examples: how many the training set has, not the batch

A weight is drawn from N(w, sigma^2); x^2 and sigma^2 are squares of each element. The weights are
not drawn one by one: y is, from the normal distribution that they give it, with a noise of its own
for each example (local reparameterization), so that gradients have less variance. KL, of
``variational_dropout``, falls as alpha grows: noise is free where the data do not object. Beyond
log alpha = 3 a weight is 95 % noise, and is pruned. What is learned beside W is log sigma^2, not
log alpha: of w + sigma * noise the derivative by w is 1, of w (1 + sqrt(alpha) * noise) it is as
noisy as alpha is large (additive noise reparameterization).

    s = sqrt(x^2 sigma^2 + 1e-8),    dv = dy * noise / (2 s)
    dW = x^T dy,    db = sum dy,     dlog_sigma2 = sigma^2 * ((x^2)^T dv)
    dx = dy W^T + 2 x * (dv (sigma^2)^T)

    log alpha = log sigma^2 - log(w^2 + 1e-8)
    its derivatives: -2 w / (w^2 + 1e-8) by w, 1 by log sigma^2

``x`` has shape (N, ..., in), ``weight`` and ``log_sigma2`` (in, out), ``bias`` (out,) or None,
``noise`` (N, ..., out), all of one dtype; ``threshold`` lies in (-inf, inf], where infinity keeps
all. A ``ValueError`` says which argument does not fit.

Paper: Molchanov, Ashukha and Vetrov, "Variational dropout sparsifies deep neural networks", ICML
2017; Kingma, Salimans and Welling, "Variational dropout and the local reparameterization trick",
NeurIPS 2015.

Framework differences: neither framework has it. See ``triptych differences``: dense-layout.

Here: the equations are written out, and their gradient is the backend's; the layer is a dense layer
of Keras. On JAX and PyTorch, float64 takes ``keras_impl.precision.enable_float64()`` first: without
it Keras rounds to float32.
"""

from typing import Any

import keras
from keras import ops

from keras_impl.layers import Dense, verbatim
from keras_impl.noise import draw_noise
from keras_impl.variational_dropout import kept, kl_divergence
from triptych.common.checks import (
    check_dense,
    check_floats,
    check_kernel,
    check_number,
    check_same_shape,
    dtype_name,
    given,
    remembered,
)
from triptych.common.names import layer_name
from triptych.common.recipes import representable
from triptych.common.streams import Stream

__all__ = ["variational_dense", "log_alpha", "VariationalDense"]

EPSILON = 1e-8


def variational_dense(
    x: Any,
    weight: Any,
    bias: Any | None,
    log_sigma2: Any,
    noise: Any | None,
    *,
    training: bool = True,
    threshold: float = 3.0,
) -> Any:
    """The equations above, with noise that is given. Inference uses none; it may then be None."""
    threshold = _check(x, weight, bias, log_sigma2, noise, training, threshold)
    if training:
        variance = ops.matmul(x**2, ops.exp(log_sigma2))
        y = ops.matmul(x, weight) + ops.sqrt(variance + EPSILON) * noise
    else:
        mask = kept(log_alpha(weight, log_sigma2), threshold=threshold)
        y = ops.matmul(x, weight * ops.cast(mask, x.dtype))
    return y if bias is None else y + bias


def log_alpha(weight: Any, log_sigma2: Any) -> Any:
    """Of each weight."""
    _check_log_alpha(weight, log_sigma2=log_sigma2)
    return log_sigma2 - ops.log(weight**2 + EPSILON)


@keras.saving.register_keras_serializable("triptych")
class VariationalDense(Dense):
    """A dense layer with noise from the stream (seed, "name.noise", step).

    log sigma^2 begins at ``log_sigma2``; ``step`` counts training passes. KL belongs to the loss;
    ``model.fit`` sees it where ``call`` adds it:

        class InFit(VariationalDense):
            def call(self, inputs, training=False):
                self.add_loss(self.kl() / len(x_train))
                return super().call(inputs, training=training)
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        use_bias: bool = True,
        log_sigma2: float = -10.0,
        threshold: float = 3.0,
        seed: int = 0,
        name: str | None = None,
        dtype: str = "float32",
        **kwargs: Any,
    ) -> None:
        name = layer_name("keras", "variational_dense", name)
        self.start = representable(check_number("log_sigma2", log_sigma2))
        self.threshold = _check_threshold(threshold)
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
        start = keras.initializers.Constant(self.start)
        shape = (self.in_features, self.units)
        self.log_sigma2 = self.add_weight(name="log_sigma2", shape=shape, initializer=start)
        self.step = self.add_weight(
            name="step", shape=(), initializer="zeros", dtype="int64", trainable=False
        )

    # Those of a Keras dense layer know its weight and bias alone.
    save_own_variables = keras.layers.Layer.save_own_variables
    load_own_variables = keras.layers.Layer.load_own_variables

    @verbatim()
    def call(self, inputs: Any, training: bool = False) -> Any:
        noise = None
        if training:
            stream = Stream(self.seed, f"{self.name}.noise", self.step.value)
            shape = (*ops.shape(inputs)[:-1], self.units)
            noise = draw_noise(stream, shape, dtype=dtype_name(inputs))
            self.step.assign_add(1)
        y = variational_dense(
            inputs,
            ops.convert_to_tensor(self.kernel),
            self.bias.value if self.use_bias else None,
            self.log_sigma2.value,
            noise,
            training=training,
            threshold=self.threshold,
        )
        return self.activation(y)

    def log_alpha(self) -> Any:
        """Of each weight, (in, out)."""
        return log_alpha(ops.convert_to_tensor(self.kernel), self.log_sigma2.value)

    def kept(self) -> Any:
        """Of each weight, (in, out), whether it is not pruned."""
        return kept(self.log_alpha(), threshold=self.threshold)

    def kl(self, *, approximation: str = "sigmoid") -> Any:
        """The sum of KL over the weights."""
        return kl_divergence(self.log_alpha(), approximation=approximation)

    def get_config(self) -> dict[str, Any]:
        own = {"log_sigma2": self.start, "threshold": self.threshold}
        return super().get_config() | own


def _check_threshold(threshold: float) -> float:
    return check_number("threshold", threshold, "(-inf, inf]")


@remembered
def _check_log_alpha(weight: Any, **other: Any) -> None:
    check_floats(weight=weight, **other)
    check_kernel("weight", weight)
    for name, array in other.items():
        check_same_shape(name, array, weight)


@remembered
def _check(
    x: Any,
    weight: Any,
    bias: Any | None,
    log_sigma2: Any,
    noise: Any | None,
    training: bool,
    threshold: float,
) -> float:
    check_dense(x, weight, bias, training)
    check_floats(x=x, log_sigma2=log_sigma2, **given(noise=noise))
    check_same_shape("log_sigma2", log_sigma2, weight)
    if training:
        if noise is None:
            raise ValueError("noise must be given in training, got None")
        check_same_shape("noise", noise, (*x.shape[:-1], weight.shape[1]))
    return _check_threshold(threshold)
