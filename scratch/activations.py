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

Here: NumPy has no erf, and Python's ``math.erf``, the C library's, is taken number by number. It is
within 1 ulp, 1.1e-16 where erf is near 1, so Phi is within 2.3e-16 and y within 2.3e-16 abs(x) plus
its own rounding: below x = -8 or so, where Phi is smaller than that, y is 0 or -0. The layer calls
the functions of ``scratch.fast.activations``, which give the same.
"""

import math

import numpy as np

from scratch.fast import activations as fast
from scratch.half import half_in_float32, narrow, wide
from scratch.layers import Layer, sigmoid
from triptych.common.checks import (
    check_batch,
    check_flag,
    check_floating,
    check_floats,
    check_number,
    check_same_shape,
    remembered,
)
from triptych.common.names import layer_name
from triptych.common.selu import ALPHA, SCALE

__all__ = [
    "gelu",
    "gelu_backward",
    "silu",
    "silu_backward",
    "leaky_relu",
    "leaky_relu_backward",
    "selu",
    "selu_backward",
    "GELU",
    "SiLU",
    "LeakyReLU",
    "SELU",
]

SLOPE = math.sqrt(2 / math.pi)  # of the tanh form of GELU
CUBIC = 0.044715


def gelu_kept(x: np.ndarray, *, approximate: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """y and p, which the gradient needs."""
    if approximate:
        p = (1 + np.tanh(SLOPE * (x + CUBIC * x**3))) / 2
    else:
        p = (1 + _erf(x / math.sqrt(2))) / 2
    return x * p, p


def gelu_kept_backward(
    grad: np.ndarray, x: np.ndarray, p: np.ndarray, *, approximate: bool = False
) -> np.ndarray:
    """dL/dx from dL/dy."""
    if approximate:
        dp = 2 * p * (1 - p) * SLOPE * (1 + 3 * CUBIC * x**2)
    else:
        dp = np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)
    return grad * (p + x * dp)


@half_in_float32
def gelu(x: np.ndarray, *, approximate: bool = False) -> np.ndarray:
    """y; ``approximate`` is the tanh form, within 5e-4 of the exact one."""
    _check_gelu(x, approximate)
    return gelu_kept(x, approximate=approximate)[0]


@half_in_float32
def gelu_backward(grad: np.ndarray, x: np.ndarray, *, approximate: bool = False) -> np.ndarray:
    """dL/dx from dL/dy."""
    _check_gelu_backward(grad, x, approximate)
    _, p = gelu_kept(x, approximate=approximate)
    return gelu_kept_backward(grad, x, p, approximate=approximate)


@half_in_float32
def silu(x: np.ndarray) -> np.ndarray:
    """y, which is also called swish."""
    _check(x)
    return x * sigmoid(x)


@half_in_float32
def silu_backward(grad: np.ndarray, x: np.ndarray) -> np.ndarray:
    """dL/dx from dL/dy."""
    _check_backward(grad, x)
    s = sigmoid(x)
    return grad * s * (1 + x * (1 - s))


def leaky_relu(x: np.ndarray, *, negative_slope: float = 0.01) -> np.ndarray:
    """y, which is x itself where x is positive."""
    negative_slope = _check_leaky_relu(x, negative_slope)
    return np.where(x > 0, x, negative_slope * x)


def leaky_relu_backward(
    grad: np.ndarray, x: np.ndarray, *, negative_slope: float = 0.01
) -> np.ndarray:
    """dL/dx from dL/dy."""
    negative_slope = _check_leaky_relu_backward(grad, x, negative_slope)
    return np.where(x > 0, grad, negative_slope * grad)


@half_in_float32
def selu(x: np.ndarray) -> np.ndarray:
    """y, which is above -scale alpha, -1.76."""
    _check(x)
    return SCALE * np.where(x > 0, x, ALPHA * np.expm1(np.minimum(x, 0)))


@half_in_float32
def selu_backward(grad: np.ndarray, x: np.ndarray) -> np.ndarray:
    """dL/dx from dL/dy."""
    _check_backward(grad, x)
    return SCALE * grad * np.where(x > 0, 1, ALPHA * np.exp(np.minimum(x, 0)))


def _erf(x: np.ndarray) -> np.ndarray:
    return np.array([math.erf(value) for value in x.ravel().tolist()], x.dtype).reshape(x.shape)


class GELU(Layer):
    def __init__(self, *, approximate: bool = False, name: str | None = None) -> None:
        super().__init__(layer_name("scratch", "gelu", name))
        self.approximate = check_flag("approximate", approximate)

    def forward(self, x: np.ndarray, *, training: bool = False) -> np.ndarray:
        _check(x)
        self._x = x
        y, self._p = fast.gelu_kept(wide(x), approximate=self.approximate)
        return narrow(y, x.dtype)

    def backward(self, grad: np.ndarray) -> np.ndarray:
        _check_backward(grad, self._x)
        arguments = wide(grad), wide(self._x), self._p
        dx = fast.gelu_kept_backward(*arguments, approximate=self.approximate)
        return narrow(dx, grad.dtype)


class SiLU(Layer):
    def __init__(self, *, name: str | None = None) -> None:
        super().__init__(layer_name("scratch", "silu", name))

    def forward(self, x: np.ndarray, *, training: bool = False) -> np.ndarray:
        self._x = x
        return silu(x)

    def backward(self, grad: np.ndarray) -> np.ndarray:
        return silu_backward(grad, self._x)


class LeakyReLU(Layer):
    def __init__(self, negative_slope: float = 0.01, *, name: str | None = None) -> None:
        super().__init__(layer_name("scratch", "leaky_relu", name))
        self.negative_slope = check_number("negative_slope", negative_slope, "[0, inf)")

    def forward(self, x: np.ndarray, *, training: bool = False) -> np.ndarray:
        self._x = x
        return leaky_relu(x, negative_slope=self.negative_slope)

    def backward(self, grad: np.ndarray) -> np.ndarray:
        return leaky_relu_backward(grad, self._x, negative_slope=self.negative_slope)


class SELU(Layer):
    def __init__(self, *, name: str | None = None) -> None:
        super().__init__(layer_name("scratch", "selu", name))

    def forward(self, x: np.ndarray, *, training: bool = False) -> np.ndarray:
        self._x = x
        return selu(x)

    def backward(self, grad: np.ndarray) -> np.ndarray:
        return selu_backward(grad, self._x)


@remembered
def _check(x: np.ndarray) -> None:
    check_floating("x", x)
    check_batch(x)


@remembered
def _check_backward(grad: np.ndarray, x: np.ndarray) -> None:
    _check(x)
    check_floats(x=x, grad=grad)
    check_same_shape("grad", grad, x)


@remembered
def _check_gelu(x: np.ndarray, approximate: bool) -> None:
    check_flag("approximate", approximate)
    _check(x)


@remembered
def _check_gelu_backward(grad: np.ndarray, x: np.ndarray, approximate: bool) -> None:
    check_flag("approximate", approximate)
    _check_backward(grad, x)


@remembered
def _check_leaky_relu(x: np.ndarray, negative_slope: float) -> float:
    _check(x)
    return check_number("negative_slope", negative_slope, "[0, inf)")


@remembered
def _check_leaky_relu_backward(grad: np.ndarray, x: np.ndarray, negative_slope: float) -> float:
    _check_backward(grad, x)
    return check_number("negative_slope", negative_slope, "[0, inf)")
