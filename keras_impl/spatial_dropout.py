r"""Spatial dropout: in training whole feature maps are set to zero with probability ``rate``.

    mask ~ Bernoulli(1 - rate), shape (N, C)                  True = keep
    training     y[n, i, j, c] = x[n, i, j, c] * mask[n, c] / (1 - rate)
    inference    y = x

Neighbouring pixels of a feature map say nearly the same, so dropping some of them takes little
away: a map of an image is dropped as a whole, or kept. The map is linear in x and diagonal, so
the gradient goes through the same map: in training dL/dx = dL/dy * mask / (1 - rate).

``x`` has shape (N, H, W, C), ``mask`` (N, C); ``rate`` lies in [0, 1); a ``ValueError`` says which
argument does not fit.

Paper: Tompson, Goroshin, Jain, LeCun and Bregler, "Efficient object localization using
convolutional networks", CVPR 2015, section 3.2.

Framework differences: we take four axes, channels last, and multiply by a mask that is given. See
``triptych differences``: spatial-dropout-rank, dropout-nan, dropout-noise-shape.

Here: the product is written out, and its gradient is the backend's. On JAX and PyTorch, float64
takes ``keras_impl.precision.enable_float64()`` first: without it Keras rounds to float32.
"""

from typing import Any

import keras
from keras import ops

from keras_impl.layers import Checked, verbatim
from keras_impl.streams import bernoulli
from triptych.common.checks import (
    check_draw,
    check_flag,
    check_floating,
    check_maps,
    check_mask,
    check_number,
    check_seed,
    remembered,
)
from triptych.common.names import Draws, layer_name
from triptych.common.streams import Stream

__all__ = ["draw_mask", "spatial_dropout", "SpatialDropout2D"]


def draw_mask(stream: Stream, shape: tuple[int, ...], rate: float) -> Any:
    """Booleans (N, C) for x of ``shape`` (N, H, W, C), True (keep) with probability 1 - rate."""
    rate = _check_draw(stream, shape, rate)
    return ops.logical_not(bernoulli(stream, (shape[0], shape[3]), rate))


def spatial_dropout(x: Any, rate: float, mask: Any | None, *, training: bool = True) -> Any:
    """The equations above, with a mask that is given. Inference uses none; it may then be None."""
    rate = _check(x, rate, mask, training)
    if not training:
        return x
    factor = ops.cast(mask, x.dtype) * (1 / (1 - rate))
    return x * ops.expand_dims(factor, (1, 2))


@keras.saving.register_keras_serializable("triptych")
class SpatialDropout2D(Checked, Draws, keras.layers.Layer):
    """Dropout of maps by the stream (seed, name, step); ``step`` counts training passes."""

    def __init__(
        self, rate: float, *, seed: int = 0, name: str | None = None, **kwargs: Any
    ) -> None:
        name = layer_name("keras", "spatial_dropout", name)
        super().__init__(name=name, **kwargs)
        self.rate = _check_rate(rate)
        self.seed = check_seed(seed)
        self.step = self.add_weight(
            name="step", shape=(), initializer="zeros", dtype="int64", trainable=False
        )

    def check(self, inputs: Any) -> None:
        check_floating("x", inputs)
        check_maps(inputs)

    @verbatim()
    def call(self, inputs: Any, training: bool = False) -> Any:
        mask = None
        if training:
            stream = Stream(self.seed, self.name, self.step.value)
            mask = draw_mask(stream, ops.shape(inputs), self.rate)
            self.step.assign_add(1)
        return spatial_dropout(inputs, self.rate, mask, training=training)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"rate": self.rate, "seed": self.seed}


@remembered
def _check_rate(rate: float) -> float:
    return check_number("rate", rate, "[0, 1)")


@remembered
def _check_draw(stream: Stream, shape: tuple[int, ...], rate: float) -> float:
    check_draw(stream, shape)
    rate = _check_rate(rate)
    # In a graph a size may be a tensor, whose value cannot be read.
    check_maps(tuple(None if ops.is_tensor(size) else size for size in shape))
    return rate


@remembered
def _check(x: Any, rate: float, mask: Any | None, training: bool) -> float:
    rate = _check_rate(rate)
    check_floating("x", x)
    check_maps(x)
    if check_flag("training", training):
        check_mask(mask, (x.shape[0], x.shape[3]))
    return rate
