r"""Positions: what tells attention the order of the steps, added to each of them.

    y_t = x_t + p_t                                                  dx = dy,   dp_t = sum_n dy_nt

    sinusoidal    p_t,2i   = sin(t / 10000^(2i / C))                 t from 0, no parameters
                  p_t,2i+1 = cos(t / 10000^(2i / C))
    learned       p is a table of parameters, from N(0, 0.02^2)

Sine and cosine of a pair turn by one angle from each step to the next: p_(t+k) is p_t with each
pair turned by an angle that depends on k and not on t. Pairs further to the right turn more slowly.

``x`` has shape (N, T, C) and ``p`` (steps, C), of which the first T rows are added: T is at most
``steps``. C may be odd; the last sine then has no cosine. A ``ValueError`` says which argument does
not fit.

Papers: Vaswani, Shazeer, Parmar, Uszkoreit, Jones, Gomez, Kaiser and Polosukhin, "Attention is all
you need", NeurIPS 2017 (section 3.5); Gehring, Auli, Grangier, Yarats and Dauphin, "Convolutional
sequence to sequence learning", ICML 2017 (learned positions).

Framework differences: neither framework has a layer for either. Sines and cosines are computed in
float64 and rounded once: in float32 the angles of step 500 are off by 1e-5 to 5e-5.

Here: the sines are PyTorch's; the table of a layer is its parameter, or is kept beside it.
"""

import torch
from torch import nn

from torch_impl.layers import check_precision
from torch_impl.streams import Device, normal
from triptych.common.checks import (
    check_dtype,
    check_floating,
    check_floats,
    check_positions,
    check_seed,
    check_size,
    remembered,
)
from triptych.common.names import Draws, layer_name
from triptych.common.recipes import representable
from triptych.common.streams import Stream

__all__ = ["sinusoidal_positions", "add_positions", "SinusoidalPositions", "LearnedPositions"]

DEVIATION = representable(0.02)  # the float32 next to it, in every panel


def sinusoidal_positions(
    steps: int, features: int, *, dtype: str = "float32", device: Device = None
) -> torch.Tensor:
    """p, of shape (steps, features)."""
    steps, features, dtype = _check_sizes(steps, features, dtype)
    t = torch.arange(steps, dtype=torch.float64)[:, None]
    angle = t / 10000 ** (torch.arange(0, features, 2, dtype=torch.float64) / features)
    p = torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1)[:, :features]
    return p.to(device=device, dtype=getattr(torch, dtype))


def add_positions(x: torch.Tensor, p: torch.Tensor) -> torch.Tensor:
    """y, of the shape of x."""
    _check(x, p)
    return x + p[: x.shape[1]]


class SinusoidalPositions(nn.Module):
    p: torch.Tensor

    def __init__(
        self, steps: int, features: int, *, name: str | None = None, dtype: str = "float32"
    ) -> None:
        super().__init__()
        self.name = layer_name("torch", "positions", name)
        p = sinusoidal_positions(steps, features, dtype=dtype)
        self.register_buffer("p", p, persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        _check_input(x, self.p)
        check_precision(x, self.p)
        return add_positions(x, self.p)


class LearnedPositions(Draws, nn.Module):
    """The initial table comes from the stream (seed, name, 0). Weight decay acts on it."""

    kind_of_weights = "own"

    def __init__(
        self,
        steps: int,
        features: int,
        *,
        seed: int = 0,
        name: str | None = None,
        dtype: str = "float32",
    ) -> None:
        super().__init__()
        self.name = layer_name("torch", "positions", name)
        steps, features, dtype = _check_sizes(steps, features, dtype)
        self.seed = check_seed(seed)
        drawn = normal(Stream(seed, self.name), (steps, features), dtype=dtype)
        self.weight = nn.Parameter(drawn * DEVIATION)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        _check_input(x, self.weight)
        check_precision(x, self.weight)
        return add_positions(x, self.weight)


def _check_sizes(steps: int, features: int, dtype: str) -> tuple[int, int, str]:
    return check_size("steps", steps), check_size("features", features), check_dtype(dtype)


@remembered
def _check(x: torch.Tensor, p: torch.Tensor) -> None:
    check_floats(x=x, p=p)
    check_positions("x", x, p)


@remembered
def _check_input(x: torch.Tensor, p: torch.Tensor) -> None:
    check_positions("x", x, p)
    check_floating("x", x)
