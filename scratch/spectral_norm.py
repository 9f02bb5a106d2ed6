r"""Spectral norm: a layer's weight is divided by its largest singular value.

    v <- W u / ||W u||                   W: the weight as a matrix (K, M), a column for each unit
    u <- W^T v / ||W^T v||               one power iteration, in each training pass
    sigma = v^T W u                      which tends to the largest singular value of W
    W~ = W / sigma
    dL/dW = (dL/dW~ - sum(dL/dW~ * W~) v u^T) / sigma              u and v are taken as constants

So a dense layer stretches no input by more than about 1: it is nearly 1-Lipschitz (sigma comes from
below, so the norm of W~ is 1 or a few per cent more). A convolution is bounded only up to a factor:
at stride 1 at most sqrt(height * width) of its kernel. It was made for the discriminators of GANs.
What is trained is W, and W~ is made of it in every pass. u and v are kept from pass to pass: W
changes little in a step, so that one iteration follows it. Inference takes them as they are. Before
the first pass they have gone through 15 iterations from a random u. Where sigma is 0, W~ = W.

``w`` has shape (..., M), K is the product of the other axes: (in, out) of a dense layer, (height,
width, in, out) of a convolution; ``u`` has shape (M,), ``v`` (K,), all of one dtype; ``iterations``
is 1 or more. A ``ValueError`` says which argument does not fit.

Paper: Miyato, Kataoka, Koyama and Yoshida, "Spectral normalization for generative adversarial
networks", ICLR 2018 (algorithm 1).

Framework differences: PyTorch begins an iteration with u; Keras writes W~ over W, so that no
gradient goes through sigma. See ``triptych differences``: spectral-norm-timing,
spectral-norm-order, spectral-norm-gradient.

Here: in a pass W~ stands in the place of the layer's weight, and W again after it.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from scratch.convolution import Conv2D
from scratch.half import half_in_float32
from scratch.layers import Composite, Dense
from scratch.streams import normal
from triptych.common.checks import (
    check_same_shape,
    check_singular,
    check_size,
    check_wrapped,
    dtype_name,
    remembered,
)
from triptych.common.names import Draws, layer_name
from triptych.common.streams import Stream

__all__ = ["power_iteration", "spectral_norm", "spectral_norm_backward", "SpectralNorm"]

START = 15  # iterations before the first pass, as in PyTorch


@half_in_float32
def power_iteration(
    w: np.ndarray, u: np.ndarray, v: np.ndarray, *, iterations: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """u and v after some steps."""
    iterations = _check_iteration(w, u, v, iterations)
    matrix = w.reshape(-1, w.shape[-1])
    for _ in range(iterations):
        v = _unit(matrix @ u, v)
        u = _unit(matrix.T @ v, u)
    return u, v


@half_in_float32
def spectral_norm(w: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """W~, in the shape of w."""
    _check(w, u, v)
    return w / _sigma(w, u, v)


@half_in_float32
def spectral_norm_backward(
    grad: np.ndarray, w: np.ndarray, u: np.ndarray, v: np.ndarray
) -> np.ndarray:
    """dL/dW from dL/dW~."""
    _check(w, u, v, grad=grad)
    matrix = w.reshape(-1, w.shape[-1])
    if v @ matrix @ u == 0:
        return grad
    sigma = _sigma(w, u, v)
    along = np.sum(grad * w) / sigma
    return (grad - along * np.outer(v, u).reshape(w.shape)) / sigma


def _unit(x: np.ndarray, before: np.ndarray) -> np.ndarray:
    """x / ||x||; of zeros, which have no direction, the one before."""
    largest = np.max(np.abs(x))
    if largest == 0:
        return before
    x = x / largest  # or squares may be too large or too small for the dtype
    return x / np.sqrt(np.sum(x**2))


def _sigma(w: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    sigma = v @ w.reshape(-1, w.shape[-1]) @ u
    return np.where(sigma == 0, np.ones_like(sigma), sigma)


class SpectralNorm(Draws, Composite):
    """A dense layer or a convolution with W~ for its weight; u begins from the stream (seed,
    "name.u").
    """

    def __init__(
        self, layer: Dense | Conv2D, *, iterations: int = 1, seed: int = 0, name: str | None = None
    ) -> None:
        check_wrapped(layer, (Dense, Conv2D), ("u", "v"))
        self.seed = seed
        self.iterations = check_size("iterations", iterations)
        super().__init__([layer], layer_name("scratch", "spectral_norm", name))
        w = layer.params["weight"]
        u = normal(Stream(seed, f"{self.name}.u"), w.shape[-1:], dtype=dtype_name(w))
        v = np.zeros(w.size // w.shape[-1], w.dtype)
        self.state["u"], self.state["v"] = power_iteration(w, u, v, iterations=START)
        self.layer = layer

    def forward(self, x: np.ndarray, *, training: bool = False) -> np.ndarray:
        u, v = self.state["u"], self.state["v"]
        if training:
            w = self.layer.params["weight"]
            u[...], v[...] = power_iteration(w, u, v, iterations=self.iterations)
        self._u, self._v = u.copy(), v.copy()
        with self._normalized():
            return self.layer.forward(x, training=training)

    def backward(self, grad: np.ndarray) -> np.ndarray:
        with self._normalized():
            dx = self.layer.backward(grad)
        self._through_sigma()
        return dx

    def backward_parameters(self, grad: np.ndarray) -> None:
        with self._normalized():
            self.layer.backward_parameters(grad)
        self._through_sigma()

    @contextmanager
    def _normalized(self) -> Iterator[None]:
        """The layer, with W~."""
        w = self.layer.params["weight"]
        self.layer.params["weight"] = spectral_norm(w, self._u, self._v)
        try:
            yield
        finally:
            self.layer.params["weight"] = w

    def _through_sigma(self) -> None:
        w, grads = self.layer.params["weight"], self.layer.grads
        grads["weight"] = spectral_norm_backward(grads["weight"], w, self._u, self._v)


@remembered
def _check(w: np.ndarray, u: np.ndarray, v: np.ndarray, **grad: np.ndarray) -> None:
    check_singular(w, u, v, **grad)
    for name, array in grad.items():
        check_same_shape(name, array, w.shape)


def _check_iteration(w: np.ndarray, u: np.ndarray, v: np.ndarray, iterations: int) -> int:
    _check(w, u, v)
    return check_size("iterations", iterations)
