r"""Activations that bend: GELU, SiLU, leaky ReLU and SELU.

    gelu        y = x p,  dx = dy (p + x dp/dx)
                p = Phi(x) = (1 + erf(x / sqrt 2)) / 2,  dp/dx = exp(-x^2 / 2) / sqrt(2 pi)
    tanh form   p = (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2
                dp/dx = 2 p (1 - p) sqrt(2 / pi) (1 + 3 * 0.044715 x^2)
    silu        y = x s,  s = 1 / (1 + exp(-x))
                dx = dy s (1 + x (1 - s))
    leaky_relu  y = x where x > 0, else negative_slope x
                dx = dy where x > 0, else negative_slope dy
    selu        y = scale x where x > 0, else scale alpha (exp(x) - 1)
                dx = scale dy where x > 0, else scale alpha exp(x) dy

Phi is the cumulative distribution function (CDF) of the normal distribution: GELU is the mean of x
times a coin that is 1 with probability p, a dropout that looks at its input. In SELU scale =
1.0507 and alpha = 1.6733: with them, if x ~ N(0, 1), y too has mean 0 and variance 1.

``x`` has any shape, ``negative_slope`` lies in [0, inf), ``approximate`` (False, or True for the
tanh form) is a flag; a ``ValueError`` says which argument does not fit.

Papers: Hendrycks and Gimpel, "Gaussian error linear units", 2016. Elfwing, Uchibe and Doya,
"Sigmoid-weighted linear units for neural network function approximation in reinforcement learning",
Neural Networks 107, 2018. Maas, Hannun and Ng, "Rectifier nonlinearities improve neural network
acoustic models", ICML 2013. Klambauer, Unterthiner, Mayr and Hochreiter, "Self-normalizing neural
networks", NeurIPS 2017.

Framework differences: we take PyTorch's exact GELU and slope of 0.01, and at 0 itself the gradients
of the left, as PyTorch does. See ``triptych differences``: gelu-form, leaky-relu-slope,
leaky-relu-string, leaky-relu-slope-rounding, leaky-relu-gradient-at-zero, selu-gradient-at-zero.

Here: SiLU is Keras's own. The others are written out: in float64 the TensorFlow backend has sqrt 2,
0.044715 and the slope with the digits of float32 only, and at 0 its SELU and JAX's leaky ReLU have
the gradients of the right. On JAX and PyTorch, float64 takes
``keras_impl.precision.enable_float64()`` first: without it Keras rounds to float32.
"""

import math
from typing import Any

import keras
from keras import ops

from keras_impl.layers import Checked, verbatim
from triptych.common.checks import (
    check_batch,
    check_flag,
    check_floating,
    check_number,
    remembered,
)
from triptych.common.names import layer_name
from triptych.common.selu import ALPHA, SCALE

__all__ = ["gelu", "silu", "leaky_relu", "selu", "GELU", "SiLU", "LeakyReLU", "SELU"]

SLOPE = math.sqrt(2 / math.pi)  # of the tanh form of GELU
CUBIC = 0.044715


def gelu(x: Any, *, approximate: bool = False) -> Any:
    """y; ``approximate`` is the tanh form, within 5e-4 of the exact one."""
    _check_gelu(x, approximate)
    if approximate:
        return x * (1 + ops.tanh(SLOPE * (x + CUBIC * x * x * x))) / 2
    # erf is 1 from 6 on; TensorFlow's is NaN where the square is too large for the dtype.
    return x * (1 + ops.erf(ops.clip(x / math.sqrt(2), -30, 30))) / 2


def silu(x: Any) -> Any:
    """y, which is also called swish."""
    _check(x)
    return ops.silu(x)


def leaky_relu(x: Any, *, negative_slope: float = 0.01) -> Any:
    """y, which is x itself where x is positive."""
    negative_slope = _check_leaky_relu(x, negative_slope)
    return ops.where(x > 0, x, x * negative_slope)


def selu(x: Any) -> Any:
    """y, which is above -scale alpha, -1.76."""
    _check(x)
    negative = ops.where(x > 0, ops.zeros_like(x), x)  # exp of large x would be infinite
    return SCALE * ops.where(x > 0, x, ALPHA * ops.expm1(negative))


@keras.saving.register_keras_serializable("triptych")
class GELU(Checked, keras.layers.Layer):
    passes_mask = True

    def __init__(
        self, *, approximate: bool = False, name: str | None = None, **kwargs: Any
    ) -> None:
        name = layer_name("keras", "gelu", name)
        super().__init__(name=name, **kwargs)
        self.approximate = check_flag("approximate", approximate)

    @verbatim()
    def call(self, inputs: Any) -> Any:
        return gelu(inputs, approximate=self.approximate)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"approximate": self.approximate}


@keras.saving.register_keras_serializable("triptych")
class SiLU(Checked, keras.layers.Layer):
    passes_mask = True

    def __init__(self, *, name: str | None = None, **kwargs: Any) -> None:
        name = layer_name("keras", "silu", name)
        super().__init__(name=name, **kwargs)

    @verbatim()
    def call(self, inputs: Any) -> Any:
        return silu(inputs)


@keras.saving.register_keras_serializable("triptych")
class LeakyReLU(Checked, keras.layers.LeakyReLU):
    def __init__(
        self, negative_slope: float = 0.01, *, name: str | None = None, **kwargs: Any
    ) -> None:
        name = layer_name("keras", "leaky_relu", name)
        negative_slope = check_number("negative_slope", negative_slope, "[0, inf)")
        super().__init__(negative_slope, name=name, **kwargs)

    @verbatim()
    def call(self, inputs: Any) -> Any:
        return leaky_relu(inputs, negative_slope=self.negative_slope)


@keras.saving.register_keras_serializable("triptych")
class SELU(Checked, keras.layers.Layer):
    passes_mask = True

    def __init__(self, *, name: str | None = None, **kwargs: Any) -> None:
        name = layer_name("keras", "selu", name)
        super().__init__(name=name, **kwargs)

    @verbatim()
    def call(self, inputs: Any) -> Any:
        return selu(inputs)


@remembered
def _check(x: Any) -> None:
    check_floating("x", x)
    check_batch(x)


@remembered
def _check_gelu(x: Any, approximate: bool) -> None:
    check_flag("approximate", approximate)
    _check(x)


@remembered
def _check_leaky_relu(x: Any, negative_slope: float) -> float:
    _check(x)
    return check_number("negative_slope", negative_slope, "[0, inf)")
