"""Convolution by one matrix product for a few images at a time, where the plain form takes many.

The windows of these images are copied into the rows of a matrix ("im2col": Chellapilla, Puri and
Simard, "High performance convolutional neural networks for document processing", IWFHR 2006), and
multiplied with the kernel while they are still in the processor's cache; the same rows give dw.
A depthwise convolution sums over no channels: it takes a pixel of every window at a time, times the
weights of all channels.
"""

import math
from collections.abc import Iterator

import numpy as np
from numpy.lib.stride_tricks import as_strided

from scratch.fast._blocks import blocks
from scratch.windows import crop, groupwise, pad, padded_shape, shifted
from triptych.common.windows import Geometry, Padding, Size, geometry

__all__ = [
    "conv2d",
    "conv2d_input_backward",
    "conv2d_weight_backward",
    "conv2d_bias_backward",
]

BLOCK = 2**19  # elements of the matrix of windows: 2 MB of float32, about a core's cache
FEW = 16  # values: copying shorter runs than this one by one is slow


def conv2d(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None = None,
    *,
    stride: Size = 1,
    padding: Padding = "valid",
    dilation: Size = 1,
    groups: int = 1,
) -> np.ndarray:
    windows = geometry(x.shape, weight.shape[:2], stride, padding, dilation)
    padded = pad(x, windows)
    if _is_depthwise(weight, groups):
        y = _depthwise(padded, weight, windows)
    else:
        y = groupwise(lambda x, w: _convolve(x, w, windows), groups, padded, weight)
    if bias is not None:
        y += bias
    return y


def conv2d_input_backward(
    grad: np.ndarray,
    x: np.ndarray,
    weight: np.ndarray,
    *,
    stride: Size = 1,
    padding: Padding = "valid",
    dilation: Size = 1,
    groups: int = 1,
) -> np.ndarray:
    windows = geometry(x.shape, weight.shape[:2], stride, padding, dilation)
    shape = padded_shape(x.shape, windows)
    if _is_depthwise(weight, groups):
        dpadded = _depthwise_input(grad, weight, shape, windows)
    else:
        dpadded = groupwise(lambda dy, w: _spread(dy, w, shape, windows), groups, grad, weight)
    return crop(dpadded, x.shape, windows)


def conv2d_weight_backward(
    grad: np.ndarray,
    x: np.ndarray,
    weight: np.ndarray,
    *,
    stride: Size = 1,
    padding: Padding = "valid",
    dilation: Size = 1,
    groups: int = 1,
) -> np.ndarray:
    windows = geometry(x.shape, weight.shape[:2], stride, padding, dilation)
    padded = pad(x, windows)
    if _is_depthwise(weight, groups):
        return _depthwise_weight(grad, padded, weight, windows)
    return groupwise(lambda x, w, dy: _correlate(x, w, dy, windows), groups, padded, weight, grad)


def conv2d_bias_backward(grad: np.ndarray) -> np.ndarray:
    dy = grad.reshape(-1, grad.shape[-1])
    return np.ones(len(dy), dy.dtype) @ dy  # dy.sum(axis=0), several times faster


def _convolve(padded: np.ndarray, weight: np.ndarray, windows: Geometry) -> np.ndarray:
    kernel = weight.reshape(-1, weight.shape[-1])
    y = np.empty((len(padded), *windows.output, weight.shape[-1]), np.result_type(padded, weight))
    for images in blocks(len(padded), math.prod(windows.output) * len(kernel), BLOCK):
        rows = _rows(padded[images], weight.shape, windows)
        np.matmul(rows, kernel, out=y[images].reshape(len(rows), -1))
    return y


def _spread(
    grad: np.ndarray, weight: np.ndarray, shape: tuple[int, ...], windows: Geometry
) -> np.ndarray:
    dpadded = np.empty((*shape[:3], weight.shape[2]), np.result_type(grad, weight))
    for images in blocks(len(grad), math.prod(windows.output) * sum(weight.shape[2:]), BLOCK):
        dpadded[images] = 0
        dy = grad[images].reshape(-1, grad.shape[-1])  # one product, where 4-D takes one for a row
        for u, v in np.ndindex(weight.shape[:2]):
            pixels = shifted(dpadded[images], u, v, windows)
            pixels += (dy @ weight[u, v].T).reshape(pixels.shape)
    return dpadded


def _correlate(
    padded: np.ndarray, weight: np.ndarray, grad: np.ndarray, windows: Geometry
) -> np.ndarray:
    dweight = np.zeros_like(weight)
    for images in blocks(len(padded), math.prod(windows.output) * weight[..., 0].size, BLOCK):
        rows = _rows(padded[images], weight.shape, windows)
        dweight += (rows.T @ grad[images].reshape(len(rows), -1)).reshape(weight.shape)
    return dweight


def _is_depthwise(weight: np.ndarray, groups: int) -> bool:
    return groups > 1 and weight.shape[2] == 1


def _depthwise(padded: np.ndarray, weight: np.ndarray, windows: Geometry) -> np.ndarray:
    shape = len(padded), *windows.output, weight.shape[-1]
    y = np.zeros(shape, np.result_type(padded, weight))
    for images in blocks(len(padded), y[0].size, BLOCK):
        for u, v, filters, row in _taps(weight, padded.shape[-1], windows):
            y[images][..., filters] += shifted(padded[images], u, v, windows) * row
    return y


def _depthwise_input(
    grad: np.ndarray, weight: np.ndarray, shape: tuple[int, ...], windows: Geometry
) -> np.ndarray:
    dpadded = np.zeros(shape, np.result_type(grad, weight))
    for images in blocks(len(grad), grad[0].size, BLOCK):
        for u, v, filters, row in _taps(weight, shape[-1], windows):
            pixels = shifted(dpadded[images], u, v, windows)
            pixels += grad[images][..., filters] * row
    return dpadded


def _depthwise_weight(
    grad: np.ndarray, padded: np.ndarray, weight: np.ndarray, windows: Geometry
) -> np.ndarray:
    dweight = np.zeros_like(weight)
    for images in blocks(len(padded), grad[0].size, BLOCK):
        for u, v, filters, _ in _taps(weight, padded.shape[-1], windows):
            pixels = shifted(padded[images], u, v, windows)
            dweight[u, v, 0, filters] += conv2d_bias_backward(grad[images][..., filters] * pixels)
    return dweight


def _taps(
    weight: np.ndarray, channels: int, windows: Geometry
) -> Iterator[tuple[int, int, slice, np.ndarray]]:
    """Of a depthwise kernel: (u, v), one filter of each channel, and its weights at (u, v).

    These are repeated along a row of the output, (width, channels): a longer loop for NumPy.
    """
    multiplier = weight.shape[-1] // channels
    for u, v in np.ndindex(weight.shape[:2]):
        for filter in range(multiplier):
            filters = slice(filter, None, multiplier)
            yield u, v, filters, np.tile(weight[u, v, 0, filters], (windows.output[1], 1))


def _rows(padded: np.ndarray, kernel: tuple[int, ...], windows: Geometry) -> np.ndarray:
    """Every window of the images as a row of a matrix: (N height width, kernel elements)."""
    (height, width), (down, right) = windows.output, windows.stride
    image, row, pixel, value = padded.strides
    apart = row * windows.dilation[0], pixel * windows.dilation[1]
    every = as_strided(
        padded,
        (len(padded), height, width, *kernel[:3]),
        (image, row * down, pixel * right, *apart, value),
        writeable=False,
    )
    if kernel[1] * kernel[2] >= FEW:
        return every.reshape(-1, math.prod(kernel[:3]))
    # Column by column: then what is copied at once is a row of an image, not of a window.
    return every.transpose(3, 4, 5, 0, 1, 2).reshape(math.prod(kernel[:3]), -1).T
