r"""Pooling: each window of an image becomes one number, its maximum or its mean.

    max       y[n, i, j, c] = max over the window of x      dy goes to the maximum, to the first one
                                                            in row-major order if there are several
    average   y[n, i, j, c] = mean over the window of x     dy / k goes to each of the k pixels
    global    y[n, c]       = mean over the whole image     dy / (H W) goes to each pixel
              y[n, c]       = max over the whole image      dy / m goes to each of the m pixels
                                                            that have it
    steps     y[n, c]       = mean over the real steps      dy / t goes to each of the t steps

Padding takes no part: it is -inf for the maximum, and k counts the pixels of the image alone. With
``count_include_pad`` it is zeros that count: k is the size of the window.

``x`` (N, H, W, C), or sequences (N, T, C), with ``mask`` (N, T) True where a step is real, or None;
where none is real, y is 0. ``pool_size`` and ``stride`` are integers or pairs (height, width),
``stride`` being ``pool_size`` unless given; ``padding`` is that of a convolution, smaller than the
window on every side. A ``ValueError`` says which argument does not fit.

Papers: LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document
recognition", Proc. IEEE 1998 (average); Lin, Chen and Yan, "Network in network", ICLR 2014 (global
average); Oquab, Bottou, Laptev and Sivic, "Is object localization for free?", CVPR 2015 (global
maximum).

Framework differences: we leave the padding out of the mean, as Keras does, unless told otherwise,
and share the gradient of a global maximum, as Keras and PyTorch's ``amax`` do. See ``triptych
differences``: average-pool-padding, max-pool-padding, global-max-ties, max-pool-nan,
average-pool-same-on-pytorch.

Here: the gradient of a maximum that is NaN goes to the last pixel of its window. The layer finds
the winners by ``scratch.fast.pooling``, which gives the same, and keeps them for its backward pass.
"""

import math
from typing import Any

import numpy as np

from scratch.fast import pooling as fast
from scratch.half import half_in_float32
from scratch.layers import Layer
from scratch.windows import crop, pad, padded_shape, shifted
from triptych.common.checks import (
    check_array,
    check_flag,
    check_floating,
    check_floats,
    check_maps,
    check_pair,
    check_pool_padding,
    check_same_shape,
    check_sequences,
    check_steps_mask,
    dtype_name,
    remembered,
    shown,
)
from triptych.common.names import layer_name
from triptych.common.windows import Geometry, Padding, Size, pool_geometry

__all__ = [
    "max_pool2d",
    "max_pool2d_with_winners",
    "max_pool2d_with_winners_backward",
    "max_pool2d_backward",
    "average_pool2d",
    "average_pool2d_backward",
    "global_average_pool2d",
    "global_average_pool2d_backward",
    "global_max_pool2d",
    "global_max_pool2d_backward",
    "global_average_pool1d",
    "global_average_pool1d_backward",
    "MaxPool2D",
    "AveragePool2D",
    "GlobalAveragePool2D",
    "GlobalMaxPool2D",
    "GlobalAveragePool1D",
]


def max_pool2d(
    x: np.ndarray, pool_size: Size, *, stride: Size | None = None, padding: Padding = "valid"
) -> np.ndarray:
    """The largest value of each window, (N, height, width, C)."""
    pool, windows = _check(x, pool_size, stride, padding)
    return _pixels(pad(x, windows, -np.inf), pool, windows).max(axis=0)


def max_pool2d_with_winners(
    x: np.ndarray, pool_size: Size, *, stride: Size | None = None, padding: Padding = "valid"
) -> tuple[np.ndarray, np.ndarray]:
    """The largest value of each window, and for each pixel of a window, row by row, whether it is
    the first that has it: booleans (pixels of a window, N, height, width, C).
    """
    pool, windows = _check(x, pool_size, stride, padding)
    pixels = _pixels(pad(x, windows, -np.inf), pool, windows)
    y = pixels.max(axis=0)
    largest = pixels == y
    largest[-1] = True  # if no other is: NaN equals nothing
    first = largest.argmax(axis=0)
    return y, np.stack([first == pixel for pixel in range(len(pixels))])


def max_pool2d_with_winners_backward(
    grad: np.ndarray,
    winners: np.ndarray,
    shape: tuple[int, ...],
    pool_size: Size,
    *,
    stride: Size | None = None,
    padding: Padding = "valid",
) -> np.ndarray:
    """dL/dx from dL/dy, for x of ``shape``: each window hands its gradient to its winner."""
    pool, windows = _check_winners(grad, winners, shape, pool_size, stride, padding)
    dpadded = np.zeros(padded_shape(shape, windows), grad.dtype)
    for (u, v), wins in zip(np.ndindex(pool), winners, strict=True):
        shifted(dpadded, u, v, windows)[...] += grad * wins
    return crop(dpadded, shape, windows)


def max_pool2d_backward(
    grad: np.ndarray,
    x: np.ndarray,
    pool_size: Size,
    *,
    stride: Size | None = None,
    padding: Padding = "valid",
) -> np.ndarray:
    """dL/dx from dL/dy."""
    _check_backward(grad, x, pool_size, stride, padding)
    _, winners = max_pool2d_with_winners(x, pool_size, stride=stride, padding=padding)
    return max_pool2d_with_winners_backward(
        grad, winners, x.shape, pool_size, stride=stride, padding=padding
    )


@half_in_float32
def average_pool2d(
    x: np.ndarray,
    pool_size: Size,
    *,
    stride: Size | None = None,
    padding: Padding = "valid",
    count_include_pad: bool = False,
) -> np.ndarray:
    """The mean of each window, (N, height, width, C)."""
    pool, windows = _check_average(x, pool_size, stride, padding, count_include_pad)
    k = _count(x, pool, windows, count_include_pad)
    return _sum(pad(x, windows), pool, windows) / k


@half_in_float32
def average_pool2d_backward(
    grad: np.ndarray,
    x: np.ndarray,
    pool_size: Size,
    *,
    stride: Size | None = None,
    padding: Padding = "valid",
    count_include_pad: bool = False,
) -> np.ndarray:
    """dL/dx from dL/dy."""
    pool, windows = _check_backward(grad, x, pool_size, stride, padding, count_include_pad)
    share = grad / _count(x, pool, windows, count_include_pad)
    dpadded = np.zeros(padded_shape(x.shape, windows), x.dtype)
    for u, v in np.ndindex(pool):
        shifted(dpadded, u, v, windows)[...] += share
    return crop(dpadded, x.shape, windows)


@half_in_float32
def global_average_pool2d(x: np.ndarray) -> np.ndarray:
    """The mean of each feature map, (N, C)."""
    _check_maps(x)
    return x.mean(axis=(1, 2))


@half_in_float32
def global_average_pool2d_backward(grad: np.ndarray, x: np.ndarray) -> np.ndarray:
    """dL/dx from dL/dy."""
    _check_global(grad, x)
    share = grad / (x.shape[1] * x.shape[2])
    return np.broadcast_to(share[:, None, None], x.shape).copy()


def global_max_pool2d(x: np.ndarray) -> np.ndarray:
    """The largest value of each feature map, (N, C)."""
    _check_maps(x)
    return x.max(axis=(1, 2))


@half_in_float32
def global_max_pool2d_backward(
    grad: np.ndarray, x: np.ndarray, *, first: bool = False
) -> np.ndarray:
    """dL/dx from dL/dy; ``first``: the first pixel that has the maximum gets all of it.

    If the maximum is NaN, so is every gradient of its map.
    """
    _check_global(grad, x, first)
    pixels = x.reshape(len(x), -1, x.shape[-1])
    largest = pixels == pixels.max(axis=1, keepdims=True)
    if first:
        largest &= largest.cumsum(axis=1) == 1
    m = largest.sum(axis=1, keepdims=True, dtype=grad.dtype)
    with np.errstate(divide="ignore", invalid="ignore"):  # m is 0 where the maximum is NaN
        share = grad[:, None] / m * largest
    return share.reshape(x.shape)


def _pixels(padded: np.ndarray, pool: tuple[int, int], windows: Geometry) -> np.ndarray:
    """Every pixel of every window, (pixels of a window, N, height, width, C)."""
    return np.stack([shifted(padded, u, v, windows) for u, v in np.ndindex(pool)])


def _sum(padded: np.ndarray, pool: tuple[int, int], windows: Geometry) -> np.ndarray:
    first, *others = (shifted(padded, u, v, windows) for u, v in np.ndindex(pool))
    total = first.copy()
    for pixels in others:
        total += pixels
    return total


def _count(x: np.ndarray, pool: tuple[int, int], windows: Geometry, count_include_pad: bool) -> Any:
    """How many pixels of each window count: of the image (1, height, width, 1), or all of them."""
    if count_include_pad:
        return math.prod(pool)
    return _sum(pad(np.ones((1, *x.shape[1:3], 1), x.dtype), windows), pool, windows)


@half_in_float32
def global_average_pool1d(x: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
    """The mean of each feature over the real steps, (N, C)."""
    _check_steps(x, mask)
    return (x * _shares(x, mask)).sum(axis=1)


@half_in_float32
def global_average_pool1d_backward(
    grad: np.ndarray, x: np.ndarray, mask: np.ndarray | None = None
) -> np.ndarray:
    """dL/dx from dL/dy."""
    _check_steps_backward(grad, x, mask)
    return np.broadcast_to(grad[:, np.newaxis] * _shares(x, mask), x.shape).copy()


def _shares(x: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
    """The part that each step has in the mean, (N or 1, T, 1)."""
    if mask is None:
        return np.full((1, x.shape[1], 1), 1 / x.shape[1], x.dtype)
    shares = mask / np.maximum(mask.sum(axis=1, keepdims=True), 1)
    return shares[:, :, np.newaxis].astype(x.dtype)


class MaxPool2D(Layer):
    def __init__(
        self,
        pool_size: Size = 2,
        *,
        stride: Size | None = None,
        padding: Padding = "valid",
        name: str | None = None,
    ) -> None:
        super().__init__(layer_name("scratch", "max_pool", name))
        self.pool_size = check_pair("pool_size", pool_size)
        self.stride = self.pool_size if stride is None else check_pair("stride", stride)
        self.padding = check_pool_padding(padding, self.pool_size)

    def forward(self, x: np.ndarray, *, training: bool = False) -> np.ndarray:
        _check(x, self.pool_size, self.stride, self.padding)
        y, self._winners = fast.max_pool2d_with_winners(
            x, self.pool_size, stride=self.stride, padding=self.padding
        )
        self._shape = x.shape
        return y

    def backward(self, grad: np.ndarray) -> np.ndarray:
        check_same_shape("grad", grad, self._winners.shape[1:])
        return fast.max_pool2d_with_winners_backward(
            grad,
            self._winners,
            self._shape,
            self.pool_size,
            stride=self.stride,
            padding=self.padding,
        )


class AveragePool2D(Layer):
    def __init__(
        self,
        pool_size: Size = 2,
        *,
        stride: Size | None = None,
        padding: Padding = "valid",
        count_include_pad: bool = False,
        name: str | None = None,
    ) -> None:
        super().__init__(layer_name("scratch", "average_pool", name))
        self.pool_size = check_pair("pool_size", pool_size)
        self.stride = self.pool_size if stride is None else check_pair("stride", stride)
        self.padding = check_pool_padding(padding, self.pool_size)
        self.count_include_pad = check_flag("count_include_pad", count_include_pad)

    def forward(self, x: np.ndarray, *, training: bool = False) -> np.ndarray:
        self._x = x
        return average_pool2d(x, self.pool_size, **self._options())

    def backward(self, grad: np.ndarray) -> np.ndarray:
        return average_pool2d_backward(grad, self._x, self.pool_size, **self._options())

    def _options(self) -> dict[str, Any]:
        return {
            "stride": self.stride,
            "padding": self.padding,
            "count_include_pad": self.count_include_pad,
        }


class GlobalAveragePool2D(Layer):
    def __init__(self, *, name: str | None = None) -> None:
        super().__init__(layer_name("scratch", "global_average_pool", name))

    def forward(self, x: np.ndarray, *, training: bool = False) -> np.ndarray:
        self._x = x
        return global_average_pool2d(x)

    def backward(self, grad: np.ndarray) -> np.ndarray:
        return global_average_pool2d_backward(grad, self._x)


class GlobalMaxPool2D(Layer):
    """``first`` is that of ``global_max_pool2d_backward``."""

    def __init__(self, *, first: bool = False, name: str | None = None) -> None:
        super().__init__(layer_name("scratch", "global_max_pool", name))
        self.first = check_flag("first", first)

    def forward(self, x: np.ndarray, *, training: bool = False) -> np.ndarray:
        self._x = x
        return global_max_pool2d(x)

    def backward(self, grad: np.ndarray) -> np.ndarray:
        return global_max_pool2d_backward(grad, self._x, first=self.first)


class GlobalAveragePool1D(Layer):
    """Of sequences (N, T, C)."""

    takes_mask = True

    def __init__(self, *, name: str | None = None) -> None:
        super().__init__(layer_name("scratch", "average_steps", name))

    def compute_mask(self, x: np.ndarray, mask: np.ndarray | None = None) -> None:
        return None

    def forward(
        self, x: np.ndarray, *, mask: np.ndarray | None = None, training: bool = False
    ) -> np.ndarray:
        self._x, self._mask = x, mask
        return global_average_pool1d(x, mask)

    def backward(self, grad: np.ndarray) -> np.ndarray:
        return global_average_pool1d_backward(grad, self._x, self._mask)


@remembered
def _check(
    x: np.ndarray, pool_size: Size, stride: Size | None, padding: Padding
) -> tuple[tuple[int, int], Geometry]:
    _check_maps(x)
    return pool_geometry(x.shape, pool_size, stride, padding)


@remembered
def _check_average(
    x: np.ndarray,
    pool_size: Size,
    stride: Size | None,
    padding: Padding,
    count_include_pad: bool,
) -> tuple[tuple[int, int], Geometry]:
    check_flag("count_include_pad", count_include_pad)
    return _check(x, pool_size, stride, padding)


@remembered
def _check_backward(
    grad: np.ndarray,
    x: np.ndarray,
    pool_size: Size,
    stride: Size | None,
    padding: Padding,
    count_include_pad: bool = False,
) -> tuple[tuple[int, int], Geometry]:
    pool, windows = _check_average(x, pool_size, stride, padding, count_include_pad)
    check_floats(x=x, grad=grad)
    check_same_shape("grad", grad, (len(x), *windows.output, x.shape[-1]))
    return pool, windows


@remembered
def _check_winners(
    grad: np.ndarray,
    winners: np.ndarray,
    shape: tuple[int, ...],
    pool_size: Size,
    stride: Size | None,
    padding: Padding,
) -> tuple[tuple[int, int], Geometry]:
    if not isinstance(shape, tuple):
        raise ValueError(f"shape must be a tuple, got {shown(shape)}")
    check_maps(shape, name="shape")
    check_floating("grad", grad)
    pool, windows = pool_geometry(shape, pool_size, stride, padding)
    check_array("winners", winners)
    if dtype_name(winners) != "bool":
        raise ValueError(f"winners must be boolean, got {dtype_name(winners)}")
    check_same_shape("winners", winners, (math.prod(pool), shape[0], *windows.output, shape[-1]))
    check_same_shape("grad", grad, winners.shape[1:])
    return pool, windows


@remembered
def _check_global(grad: np.ndarray, x: np.ndarray, first: bool = False) -> None:
    _check_maps(x)
    check_flag("first", first)
    check_floats(x=x, grad=grad)
    check_same_shape("grad", grad, (len(x), x.shape[-1]))


@remembered
def _check_maps(x: np.ndarray) -> None:
    check_maps(x)
    check_floating("x", x)


@remembered
def _check_steps(x: np.ndarray, mask: np.ndarray | None) -> None:
    check_floating("x", x)
    check_sequences(x)
    check_steps_mask(mask, x)


@remembered
def _check_steps_backward(grad: np.ndarray, x: np.ndarray, mask: np.ndarray | None) -> None:
    _check_steps(x, mask)
    check_floats(x=x, grad=grad)
    check_same_shape("grad", grad, (x.shape[0], x.shape[2]))
