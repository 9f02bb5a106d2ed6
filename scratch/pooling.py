r"""Pooling: each window of an image becomes one number, its maximum or its mean.

    max       y[n, i, j, c] = max over the window of x      dy goes to the maximum, to the first one
                                                            in row-major order if there are several
    average   y[n, i, j, c] = mean over the window of x     dy / k goes to each of the k pixels
    global    y[n, c]       = mean over the whole image     dy / (H W) goes to each pixel

Padding takes no part: it is -inf for the maximum, and k counts the pixels of the image alone.

``x`` (N, H, W, C); ``pool_size`` and ``stride`` are integers or pairs (height, width), ``stride``
being ``pool_size`` unless given; ``padding`` is that of a convolution, smaller than the window. A
``ValueError`` says which argument does not fit. NaN in a window makes its maximum NaN, whose
gradient goes to the last pixel.

Papers: LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document
recognition", Proc. IEEE 1998 (average); Lin, Chen and Yan, "Network in network", ICLR 2014 (global
average).

Framework differences: PyTorch's average counts the padding (``count_include_pad=True``), and it
pads symmetrically, by half a window at most. Keras leaves the padding out and has "valid" and
"same" only. We leave it out.
"""

import math

import numpy as np

from scratch.convolution import Size, blocks, crop, pad, padded_shape, shifted
from scratch.layers import Layer
from triptych.common.checks import (
    check_floating,
    check_maps,
    check_pair,
    check_pool_padding,
    check_same_shape,
)
from triptych.common.windows import Geometry, geometry

__all__ = [
    "max_pool2d",
    "max_pool2d_backward",
    "average_pool2d",
    "average_pool2d_backward",
    "global_average_pool2d",
    "global_average_pool2d_backward",
    "MaxPool2D",
    "AveragePool2D",
    "GlobalAveragePool2D",
]


def max_pool2d(
    x: np.ndarray, pool_size: Size, *, stride: Size | None = None, padding: str | Size = "valid"
) -> np.ndarray:
    """The largest value of each window, (N, height, width, C)."""
    pool, windows = _check(x, pool_size, stride, padding)
    return _maximum(x, pool, windows)[0]


def max_pool2d_backward(
    grad: np.ndarray,
    x: np.ndarray,
    pool_size: Size,
    *,
    stride: Size | None = None,
    padding: str | Size = "valid",
) -> np.ndarray:
    """dL/dx from dL/dy."""
    pool, windows = _check(x, pool_size, stride, padding, grad=grad)
    _, winners = _maximum(x, pool, windows)
    return _to_the_winners(grad, winners, x.shape, pool, windows)


def average_pool2d(
    x: np.ndarray, pool_size: Size, *, stride: Size | None = None, padding: str | Size = "valid"
) -> np.ndarray:
    """The mean of each window, (N, height, width, C)."""
    pool, windows = _check(x, pool_size, stride, padding)
    padded = pad(x, windows)
    return _sum(padded, pool, windows) / _pixels(x, pool, windows)


def average_pool2d_backward(
    grad: np.ndarray,
    x: np.ndarray,
    pool_size: Size,
    *,
    stride: Size | None = None,
    padding: str | Size = "valid",
) -> np.ndarray:
    """dL/dx from dL/dy."""
    pool, windows = _check(x, pool_size, stride, padding, grad=grad)
    share = grad / _pixels(x, pool, windows)
    dpadded = np.zeros(padded_shape(x.shape, windows), x.dtype)
    for u, v in np.ndindex(pool):
        shifted(dpadded, u, v, windows)[...] += share
    return crop(dpadded, x.shape, windows)


def global_average_pool2d(x: np.ndarray) -> np.ndarray:
    """The mean of each feature map, (N, C)."""
    check_maps(x)
    check_floating("x", x)
    return x.mean(axis=(1, 2))


def global_average_pool2d_backward(grad: np.ndarray, x: np.ndarray) -> np.ndarray:
    """dL/dx from dL/dy."""
    check_maps(x)
    check_same_shape("grad", grad, (len(x), x.shape[-1]))
    share = grad / (x.shape[1] * x.shape[2])
    return np.broadcast_to(share[:, None, None], x.shape).copy()


class MaxPool2D(Layer):
    def __init__(
        self,
        pool_size: Size = 2,
        *,
        stride: Size | None = None,
        padding: str | Size = "valid",
        name: str = "max_pool",
    ) -> None:
        super().__init__(name)
        self.pool_size = check_pair("pool_size", pool_size)
        self.stride = self.pool_size if stride is None else check_pair("stride", stride)
        self.padding = check_pool_padding(padding, self.pool_size)

    def forward(self, x: np.ndarray, *, training: bool = False) -> np.ndarray:
        _, self._windows = _check(x, self.pool_size, self.stride, self.padding)
        y, self._winners = _maximum(x, self.pool_size, self._windows)
        self._shape = x.shape
        return y

    def backward(self, grad: np.ndarray) -> np.ndarray:
        return _to_the_winners(grad, self._winners, self._shape, self.pool_size, self._windows)


class AveragePool2D(Layer):
    def __init__(
        self,
        pool_size: Size = 2,
        *,
        stride: Size | None = None,
        padding: str | Size = "valid",
        name: str = "average_pool",
    ) -> None:
        super().__init__(name)
        self.pool_size = check_pair("pool_size", pool_size)
        self.stride = self.pool_size if stride is None else check_pair("stride", stride)
        self.padding = check_pool_padding(padding, self.pool_size)

    def forward(self, x: np.ndarray, *, training: bool = False) -> np.ndarray:
        self._x = x
        return average_pool2d(x, self.pool_size, stride=self.stride, padding=self.padding)

    def backward(self, grad: np.ndarray) -> np.ndarray:
        return average_pool2d_backward(
            grad, self._x, self.pool_size, stride=self.stride, padding=self.padding
        )


class GlobalAveragePool2D(Layer):
    def __init__(self, *, name: str = "global_average_pool") -> None:
        super().__init__(name)

    def forward(self, x: np.ndarray, *, training: bool = False) -> np.ndarray:
        self._x = x
        return global_average_pool2d(x)

    def backward(self, grad: np.ndarray) -> np.ndarray:
        return global_average_pool2d_backward(grad, self._x)


def _maximum(
    x: np.ndarray, pool: tuple[int, int], windows: Geometry
) -> tuple[np.ndarray, np.ndarray]:
    """The largest value of each window, and for each pixel (u, v) of a window whether it is the
    first that equals it: booleans (pixels of a window, N, height, width, C).
    """
    padded = pad(x, windows, -np.inf)
    y = np.empty((len(x), *windows.output, x.shape[-1]), x.dtype)
    winners = np.empty((math.prod(pool), *y.shape), bool)
    for images in blocks(y[..., 0], 2 * math.prod(pool) * x.shape[-1]):
        # Copied, because NumPy is slow where only C values lie side by side.
        pixels = [shifted(padded[images], u, v, windows).copy() for u, v in np.ndindex(pool)]
        largest = np.maximum(pixels[0], pixels[-1], out=y[images])
        for others in pixels[1:-1]:
            np.maximum(largest, others, out=largest)
        # A window waits until one of its pixels wins; those still waiting at the last have only it.
        *earlier, waiting = winners[:, images]
        waiting[...] = True
        for wins, candidates in zip(earlier, pixels, strict=False):
            np.equal(candidates, largest, out=wins)
            wins &= waiting
            waiting ^= wins
    return y, winners


def _to_the_winners(
    grad: np.ndarray,
    winners: np.ndarray,
    shape: tuple[int, ...],
    pool: tuple[int, int],
    windows: Geometry,
) -> np.ndarray:
    """dL/dx: each window hands its gradient to its winner."""
    check_same_shape("grad", grad, winners.shape[1:])
    dpadded = np.empty(padded_shape(shape, windows), grad.dtype)
    apart = all(step >= size for step, size in zip(windows.stride, pool, strict=True))
    # Windows that lie side by side write every pixel once.
    tiles = apart and grad.size * math.prod(pool) == dpadded.size
    for images in blocks(grad[..., 0], 4 * math.prod(pool) * shape[3]):
        if not tiles:
            dpadded[images] = 0
        for (u, v), wins in zip(np.ndindex(pool), winners[:, images], strict=True):
            pixels = shifted(dpadded[images], u, v, windows)
            if apart:  # a pixel belongs to one window at most
                np.multiply(grad[images], wins, out=pixels)
            else:
                pixels += grad[images] * wins
    return crop(dpadded, shape, windows)


def _pixels(x: np.ndarray, pool: tuple[int, int], windows: Geometry) -> np.ndarray:
    """How many pixels of the image each window holds, (1, height, width, 1)."""
    inside = pad(np.ones((1, *x.shape[1:3], 1), x.dtype), windows)
    return _sum(inside, pool, windows)


def _sum(padded: np.ndarray, pool: tuple[int, int], windows: Geometry) -> np.ndarray:
    """The sum of each window."""
    total = shifted(padded, 0, 0, windows).copy()
    for u, v in list(np.ndindex(pool))[1:]:
        total += shifted(padded, u, v, windows)
    return total


def _check(
    x: np.ndarray,
    pool_size: Size,
    stride: Size | None,
    padding: str | Size,
    *,
    grad: np.ndarray | None = None,
) -> tuple[tuple[int, int], Geometry]:
    check_maps(x)
    check_floating("x", x)
    pool = check_pair("pool_size", pool_size)
    check_pool_padding(padding, pool)
    windows = geometry(x.shape, pool, pool if stride is None else stride, padding)
    if grad is not None:
        check_same_shape("grad", grad, (len(x), *windows.output, x.shape[-1]))
    return pool, windows
