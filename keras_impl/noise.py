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

Here: both are written out, and their gradients are the backend's.
"""

import math
from typing import Any

import keras
from keras import ops

from keras_impl.layers import Checked, verbatim
from keras_impl.streams import normal
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
    "gaussian_dropout",
    "GaussianNoise",
    "GaussianDropout",
]


def draw_noise(stream: Stream, shape: tuple[int, ...], *, dtype: str = "float32") -> Any:
    """Standard normal numbers of ``shape``; a dtype below float32 rounds those of float32."""
    _check_draw(stream, shape, dtype)
    drawn = normal(stream, shape, dtype="float64" if dtype == "float64" else "float32")
    return ops.cast(drawn, dtype)


def gaussian_noise(x: Any, stddev: float, noise: Any | None, *, training: bool = True) -> Any:
    """The sum above, with noise that is given. Inference uses none; it may then be None."""
    stddev = _check_stddev(x, stddev, noise, training)
    return x + stddev * ops.convert_to_tensor(noise) if training else x


def gaussian_dropout(x: Any, rate: float, noise: Any | None, *, training: bool = True) -> Any:
    """The product above, with noise that is given. Inference uses none; it may then be None."""
    rate = _check_rate(x, rate, noise, training)
    return x * (1 + math.sqrt(rate / (1 - rate)) * ops.convert_to_tensor(noise)) if training else x


@keras.saving.register_keras_serializable("triptych")
class GaussianNoise(Checked, Draws, keras.layers.Layer):
    """Noise added, from the stream (seed, name, step); ``step`` counts training passes."""

    passes_mask = True

    def __init__(
        self, stddev: float, *, seed: int = 0, name: str | None = None, **kwargs: Any
    ) -> None:
        name = layer_name("keras", "gaussian_noise", name)
        super().__init__(name=name, **kwargs)
        self.stddev = check_number("stddev", stddev, "[0, inf)")
        self.seed = check_seed(seed)
        self.step = self.add_weight(
            name="step", shape=(), initializer="zeros", dtype="int64", trainable=False
        )

    @verbatim()
    def call(self, inputs: Any, training: bool = False) -> Any:
        noise = None
        if training:
            stream = Stream(self.seed, self.name, self.step.value)
            noise = draw_noise(stream, ops.shape(inputs), dtype=dtype_name(inputs))
            self.step.assign_add(1)
        return gaussian_noise(inputs, self.stddev, noise, training=training)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"stddev": self.stddev, "seed": self.seed}


@keras.saving.register_keras_serializable("triptych")
class GaussianDropout(Checked, Draws, keras.layers.Layer):
    """Gaussian dropout, from the stream (seed, name, step); ``step`` counts training passes."""

    passes_mask = True

    def __init__(
        self, rate: float, *, seed: int = 0, name: str | None = None, **kwargs: Any
    ) -> None:
        name = layer_name("keras", "gaussian_dropout", name)
        super().__init__(name=name, **kwargs)
        self.rate = check_number("rate", rate, "[0, 1)")
        self.seed = check_seed(seed)
        self.step = self.add_weight(
            name="step", shape=(), initializer="zeros", dtype="int64", trainable=False
        )

    @verbatim()
    def call(self, inputs: Any, training: bool = False) -> Any:
        noise = None
        if training:
            stream = Stream(self.seed, self.name, self.step.value)
            noise = draw_noise(stream, ops.shape(inputs), dtype=dtype_name(inputs))
            self.step.assign_add(1)
        return gaussian_dropout(inputs, self.rate, noise, training=training)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"rate": self.rate, "seed": self.seed}


@remembered
def _check(x: Any) -> None:
    check_floating("x", x)
    check_batch(x)


@remembered
def _check_draw(stream: Stream, shape: tuple[int, ...], dtype: str) -> None:
    check_draw(stream, shape)
    check_choice("dtype", dtype, FLOATING)


def _check_noise(x: Any, noise: Any | None, training: bool) -> None:
    _check(x)
    if check_flag("training", training):
        if noise is None:
            raise ValueError("noise must be given in training, got None")
        check_same_shape("noise", noise, x)
        check_floats(x=x, noise=noise)


@remembered
def _check_stddev(x: Any, stddev: float, noise: Any | None, training: bool) -> float:
    stddev = check_number("stddev", stddev, "[0, inf)")
    _check_noise(x, noise, training)
    return stddev


@remembered
def _check_rate(x: Any, rate: float, noise: Any | None, training: bool) -> float:
    rate = check_number("rate", rate, "[0, 1)")
    _check_noise(x, noise, training)
    return rate
