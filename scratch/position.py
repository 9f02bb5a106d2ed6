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

Here: the table of a layer is its parameter, or is kept beside it.
"""

import numpy as np

from scratch.layers import Layer
from scratch.streams import normal
from triptych.common.checks import (
    check_dtype,
    check_floats,
    check_positions,
    check_precision,
    check_seed,
    check_size,
    remembered,
)
from triptych.common.names import Draws, layer_name
from triptych.common.recipes import representable
from triptych.common.streams import Stream

__all__ = [
    "sinusoidal_positions",
    "add_positions",
    "add_positions_backward",
    "SinusoidalPositions",
    "LearnedPositions",
]

DEVIATION = representable(0.02)  # the float32 next to it, in every panel


def sinusoidal_positions(steps: int, features: int, *, dtype: str = "float32") -> np.ndarray:
    """p, of shape (steps, features)."""
    steps, features, dtype = _check_sizes(steps, features, dtype)
    t, pair = np.arange(steps)[:, np.newaxis], np.arange(0, features, 2)
    angle = t / 10000 ** (pair / features)
    p = np.empty((steps, features))
    p[:, 0::2] = np.sin(angle)
    p[:, 1::2] = np.cos(angle)[:, : features // 2]
    return p.astype(dtype)


def add_positions(x: np.ndarray, p: np.ndarray) -> np.ndarray:
    """y, of the shape of x."""
    _check(x, p)
    return x + p[: x.shape[1]]


def add_positions_backward(grad: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """dL/dx and dL/dp from dL/dy; the rows that were not added have a gradient of 0."""
    _check(grad, p, "grad")
    dp = np.zeros_like(p)
    dp[: grad.shape[1]] = grad.sum(axis=0)
    return grad, dp


class SinusoidalPositions(Layer):
    def __init__(
        self, steps: int, features: int, *, name: str | None = None, dtype: str = "float32"
    ) -> None:
        super().__init__(layer_name("scratch", "positions", name))
        self.p = sinusoidal_positions(steps, features, dtype=dtype)

    def forward(self, x: np.ndarray, *, training: bool = False) -> np.ndarray:
        _check_input(x, self.p)
        return add_positions(x, self.p)

    def backward(self, grad: np.ndarray) -> np.ndarray:
        return grad


class LearnedPositions(Draws, Layer):
    """The initial table comes from the stream (seed, name, 0). Weight decay acts on it."""

    rows_are_units = True

    def __init__(
        self,
        steps: int,
        features: int,
        *,
        seed: int = 0,
        name: str | None = None,
        dtype: str = "float32",
    ) -> None:
        super().__init__(layer_name("scratch", "positions", name))
        steps, features, dtype = _check_sizes(steps, features, dtype)
        self.seed = check_seed(seed)
        drawn = normal(Stream(seed, self.name), (steps, features), dtype=dtype)
        self.params["weight"] = drawn * DEVIATION

    def forward(self, x: np.ndarray, *, training: bool = False) -> np.ndarray:
        _check_input(x, self.params["weight"])
        return add_positions(x, self.params["weight"])

    def backward(self, grad: np.ndarray) -> np.ndarray:
        dx, self.grads["weight"] = add_positions_backward(grad, self.params["weight"])
        return dx


def _check_sizes(steps: int, features: int, dtype: str) -> tuple[int, int, str]:
    return check_size("steps", steps), check_size("features", features), check_dtype(dtype)


@remembered
def _check(x: np.ndarray, p: np.ndarray, name: str = "x") -> None:
    check_floats(**{name: x, "p": p})
    check_positions(name, x, p)


@remembered
def _check_input(x: np.ndarray, p: np.ndarray) -> None:
    check_positions("x", x, p)
    check_precision(x, p)
