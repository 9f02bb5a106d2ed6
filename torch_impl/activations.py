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

Here: they are PyTorch's own functions and modules with our argument checks and names. On some CPUs,
in float32, oneDNN's exact GELU makes NaN of infinity.
"""

import torch
from torch import nn
from torch.nn import functional as F

from triptych.common.checks import (
    check_batch,
    check_flag,
    check_floating,
    check_number,
    remembered,
)
from triptych.common.names import layer_name

__all__ = ["gelu", "silu", "leaky_relu", "selu", "GELU", "SiLU", "LeakyReLU", "SELU"]


def gelu(x: torch.Tensor, *, approximate: bool = False) -> torch.Tensor:
    """y; ``approximate`` is the tanh form, within 5e-4 of the exact one."""
    _check_gelu(x, approximate)
    return F.gelu(x, approximate="tanh" if approximate else "none")


def silu(x: torch.Tensor) -> torch.Tensor:
    """y, which is also called swish."""
    _check(x)
    return F.silu(x)


def leaky_relu(x: torch.Tensor, *, negative_slope: float = 0.01) -> torch.Tensor:
    """y, which is x itself where x is positive."""
    negative_slope = _check_leaky_relu(x, negative_slope)
    return F.leaky_relu(x, negative_slope)


def selu(x: torch.Tensor) -> torch.Tensor:
    """y, which is above -scale alpha, -1.76."""
    _check(x)
    return F.selu(x)


class GELU(nn.Module):
    def __init__(self, *, approximate: bool = False, name: str | None = None) -> None:
        super().__init__()
        self.name = layer_name("torch", "gelu", name)
        self.approximate = check_flag("approximate", approximate)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return gelu(x, approximate=self.approximate)

    def extra_repr(self) -> str:
        return f"approximate={self.approximate}"


class SiLU(nn.SiLU):
    def __init__(self, *, name: str | None = None) -> None:
        super().__init__()
        self.name = layer_name("torch", "silu", name)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return silu(x)


class LeakyReLU(nn.LeakyReLU):
    def __init__(self, negative_slope: float = 0.01, *, name: str | None = None) -> None:
        name = layer_name("torch", "leaky_relu", name)
        super().__init__(check_number("negative_slope", negative_slope, "[0, inf)"))
        self.name = name

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return leaky_relu(x, negative_slope=self.negative_slope)


class SELU(nn.SELU):
    def __init__(self, *, name: str | None = None) -> None:
        super().__init__()
        self.name = layer_name("torch", "selu", name)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return selu(x)


@remembered
def _check(x: torch.Tensor) -> None:
    check_floating("x", x)
    check_batch(x)


@remembered
def _check_gelu(x: torch.Tensor, approximate: bool) -> None:
    check_flag("approximate", approximate)
    _check(x)


@remembered
def _check_leaky_relu(x: torch.Tensor, negative_slope: float) -> float:
    _check(x)
    return check_number("negative_slope", negative_slope, "[0, inf)")
