r"""Gaussian noise on activations, added or multiplied.

    noise ~ N(0, 1)
    additive        training  y = x + stddev * noise                    inference  y = x
    multiplicative  training  y = x * (1 + sqrt(rate / (1 - rate)) * noise)        y = x

The second is Gaussian dropout: its factor has the mean 1 and the variance rate / (1 - rate) of
inverted dropout with the same rate. The noise does not depend on x: dL/dx = dL/dy for the first,
dL/dy times the factor for the second. Of a linear model with squared error, additive noise on x
adds exactly stddev^2 ||w||^2 to the expected loss (Bishop): an L2 penalty.

``x`` has any shape, ``noise`` the same shape and dtype; ``stddev`` is in the units of x and lies in
[0, inf), ``rate`` in [0, 1). A ``ValueError`` says which argument does not fit.

Papers: Bishop, "Training with noise is equivalent to Tikhonov regularization", Neural Computation,
1995; Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov, "Dropout: a simple way to prevent
neural networks from overfitting", JMLR 15, 2014 (section 10).

Framework differences: we use noise that is given, which Keras's layers cannot be; PyTorch has
neither. See ``triptych differences``: gaussian-noise-layer, gaussian-dropout-layer.

Here: ``_backward`` of the sum hands the gradient on as it is.
"""

import math

import numpy as np

from scratch.layers import Layer
from scratch.streams import normal
from triptych.common.checks import (
    FLOATING,
    check_batch,
    check_choice,
    check_draw,
    check_flag,
    check_floating,
    check_floats,
    check_number,
    check_same_shape,
    check_seed,
    dtype_name,
    remembered,
)
from triptych.common.names import Draws, layer_name
from triptych.common.streams import Stream

__all__ = [
    "draw_noise",
    "gaussian_noise",
    "gaussian_noise_backward",
    "gaussian_dropout",
    "gaussian_dropout_backward",
    "GaussianNoise",
    "GaussianDropout",
]


def draw_noise(stream: Stream, shape: tuple[int, ...], *, dtype: str = "float32") -> np.ndarray:
    """Standard normal numbers of ``shape``; a dtype below float32 rounds those of float32."""
    _check_draw(stream, shape, dtype)
    drawn = normal(stream, shape, dtype="float64" if dtype == "float64" else "float32")
    return drawn.astype(dtype, copy=False)


def gaussian_noise(
    x: np.ndarray, stddev: float, noise: np.ndarray | None, *, training: bool = True
) -> np.ndarray:
    """The sum above, with noise that is given. Inference uses none; it may then be None."""
    stddev = _check_stddev(x, stddev, noise, training)
    return x + stddev * np.asarray(noise) if training else x


def gaussian_noise_backward(grad: np.ndarray) -> np.ndarray:
    """dL/dx from dL/dy."""
    _check(grad, "grad")
    return grad


def gaussian_dropout(
    x: np.ndarray, rate: float, noise: np.ndarray | None, *, training: bool = True
) -> np.ndarray:
    """The product above, with noise that is given. Inference uses none; it may then be None."""
    rate = _check_rate(x, rate, noise, training)
    return x * (1 + math.sqrt(rate / (1 - rate)) * np.asarray(noise)) if training else x


def gaussian_dropout_backward(
    grad: np.ndarray, rate: float, noise: np.ndarray | None, *, training: bool = True
) -> np.ndarray:
    """dL/dx from dL/dy: the same factor."""
    _check_rate(grad, rate, noise, training, "grad")
    return gaussian_dropout(grad, rate, noise, training=training)


class GaussianNoise(Draws, Layer):
    """Noise added, from the stream (seed, name, step); ``step`` counts training passes."""

    def __init__(self, stddev: float, *, seed: int = 0, name: str | None = None) -> None:
        super().__init__(layer_name("scratch", "gaussian_noise", name))
        self.stddev = check_number("stddev", stddev, "[0, inf)")
        self.seed = check_seed(seed)
        self.state["step"] = np.zeros((), np.int64)

    def forward(self, x: np.ndarray, *, training: bool = False) -> np.ndarray:
        _check(x)
        check_flag("training", training)
        noise = None
        if training:
            stream = Stream(self.seed, self.name, self.state["step"])
            noise = draw_noise(stream, x.shape, dtype=dtype_name(x))
            self.state["step"] += 1
        return gaussian_noise(x, self.stddev, noise, training=training)

    def backward(self, grad: np.ndarray) -> np.ndarray:
        return gaussian_noise_backward(grad)


class GaussianDropout(Draws, Layer):
    """Gaussian dropout, from the stream (seed, name, step); ``step`` counts training passes."""

    def __init__(self, rate: float, *, seed: int = 0, name: str | None = None) -> None:
        super().__init__(layer_name("scratch", "gaussian_dropout", name))
        self.rate = check_number("rate", rate, "[0, 1)")
        self.seed = check_seed(seed)
        self.state["step"] = np.zeros((), np.int64)

    def forward(self, x: np.ndarray, *, training: bool = False) -> np.ndarray:
        _check(x)
        check_flag("training", training)
        noise = None
        if training:
            stream = Stream(self.seed, self.name, self.state["step"])
            noise = draw_noise(stream, x.shape, dtype=dtype_name(x))
            self.state["step"] += 1
        self._noise, self._training = noise, training
        return gaussian_dropout(x, self.rate, noise, training=training)

    def backward(self, grad: np.ndarray) -> np.ndarray:
        return gaussian_dropout_backward(grad, self.rate, self._noise, training=self._training)


@remembered
def _check(x: np.ndarray, name: str = "x") -> None:
    check_floating(name, x)
    check_batch(x, name)


@remembered
def _check_draw(stream: Stream, shape: tuple[int, ...], dtype: str) -> None:
    check_draw(stream, shape)
    check_choice("dtype", dtype, FLOATING)


def _check_noise(x: np.ndarray, noise: np.ndarray | None, training: bool, name: str) -> None:
    _check(x, name)
    if check_flag("training", training):
        if noise is None:
            raise ValueError("noise must be given in training, got None")
        check_same_shape("noise", noise, x)
        check_floats(**{name: x}, noise=noise)


@remembered
def _check_stddev(x: np.ndarray, stddev: float, noise: np.ndarray | None, training: bool) -> float:
    stddev = check_number("stddev", stddev, "[0, inf)")
    _check_noise(x, noise, training, "x")
    return stddev


@remembered
def _check_rate(
    x: np.ndarray, rate: float, noise: np.ndarray | None, training: bool, name: str = "x"
) -> float:
    rate = check_number("rate", rate, "[0, 1)")
    _check_noise(x, noise, training, name)
    return rate
