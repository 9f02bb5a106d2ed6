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

Here: the layer calls the functions of ``scratch.fast.spatial_dropout``, which give the same.
"""

import numpy as np

from scratch.fast import spatial_dropout as fast
from scratch.layers import Layer
from scratch.streams import bernoulli
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

__all__ = ["draw_mask", "spatial_dropout", "spatial_dropout_backward", "SpatialDropout2D"]


def draw_mask(stream: Stream, shape: tuple[int, ...], rate: float) -> np.ndarray:
    """Booleans (N, C) for x of ``shape`` (N, H, W, C), True (keep) with probability 1 - rate."""
    rate = _check_draw(stream, shape, rate)
    return ~bernoulli(stream, (shape[0], shape[3]), rate)


def spatial_dropout(
    x: np.ndarray, rate: float, mask: np.ndarray | None, *, training: bool = True
) -> np.ndarray:
    """The equations above, with a mask that is given. Inference uses none; it may then be None."""
    rate = _check(x, rate, mask, training)
    if not training:
        return x
    factor = np.asarray(mask, x.dtype) * (1 / (1 - rate))
    return x * factor[:, None, None, :]


def spatial_dropout_backward(
    grad: np.ndarray, rate: float, mask: np.ndarray | None, *, training: bool = True
) -> np.ndarray:
    """dL/dx from dL/dy."""
    _check(grad, rate, mask, training, "grad")
    return spatial_dropout(grad, rate, mask, training=training)


class SpatialDropout2D(Draws, Layer):
    """Dropout of maps by the stream (seed, name, step); ``step`` counts training passes."""

    def __init__(self, rate: float, *, seed: int = 0, name: str | None = None) -> None:
        super().__init__(layer_name("scratch", "spatial_dropout", name))
        self.rate = _check_rate(rate)
        self.seed = check_seed(seed)
        self.state["step"] = np.zeros((), np.int64)

    def forward(self, x: np.ndarray, *, training: bool = False) -> np.ndarray:
        _check_input(x, training)
        self._mask, self._training = None, training
        if training:
            stream = Stream(self.seed, self.name, self.state["step"])
            self._mask = draw_mask(stream, x.shape, self.rate)
            self.state["step"] += 1
        return fast.spatial_dropout(x, self.rate, self._mask, training=training)

    def backward(self, grad: np.ndarray) -> np.ndarray:
        _check(grad, self.rate, self._mask, self._training, "grad")
        return fast.spatial_dropout_backward(grad, self.rate, self._mask, training=self._training)


@remembered
def _check_rate(rate: float) -> float:
    return check_number("rate", rate, "[0, 1)")


@remembered
def _check_draw(stream: Stream, shape: tuple[int, ...], rate: float) -> float:
    check_draw(stream, shape)
    rate = _check_rate(rate)
    check_maps(tuple(shape))
    return rate


@remembered
def _check_input(x: np.ndarray, training: bool) -> None:
    check_flag("training", training)
    check_maps(x)
    check_floating("x", x)


@remembered
def _check(
    x: np.ndarray, rate: float, mask: np.ndarray | None, training: bool, name: str = "x"
) -> float:
    rate = _check_rate(rate)
    check_floating(name, x)
    check_maps(x, name=name)
    if check_flag("training", training):
        check_mask(mask, (x.shape[0], x.shape[3]))
    return rate
