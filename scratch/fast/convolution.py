"""Convolution by one matrix product for a few images at a time, where the plain form takes many.

The windows of these images are copied into the rows of a matrix ("im2col": Chellapilla, Puri and
Simard, "High performance convolutional neural networks for document processing", IWFHR 2006), and
multiplied with the kernel while they are still in the processor's cache; the same rows give dw.
"""

import math

import numpy as np
from numpy.lib.stride_tricks import as_strided

from scratch.fast._blocks import blocks
from scratch.windows import crop, pad, padded_shape, shifted
from triptych.common.windows import Geometry, Size, geometry

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
    padding: str | Size = "valid",
) -> np.ndarray:
    windows = geometry(x.shape, weight.shape[:2], stride, padding)
    padded, kernel = pad(x, windows), weight.reshape(-1, weight.shape[-1])
    y = np.empty((len(x), *windows.output, weight.shape[-1]), np.result_type(x, weight))
    for images in blocks(len(x), math.prod(windows.output) * len(kernel), BLOCK):
        rows = _rows(padded[images], weight.shape, windows)
        np.matmul(rows, kernel, out=y[images].reshape(len(rows), -1))
    if bias is not None:
        y += bias
    return y


def conv2d_input_backward(
    grad: np.ndarray,
    x: np.ndarray,
    weight: np.ndarray,
    *,
    stride: Size = 1,
    padding: str | Size = "valid",
) -> np.ndarray:
    windows = geometry(x.shape, weight.shape[:2], stride, padding)
    dpadded = np.empty(padded_shape(x.shape, windows), np.result_type(grad, weight))
    for images in blocks(len(x), math.prod(windows.output) * sum(weight.shape[2:]), BLOCK):
        dpadded[images] = 0
        dy = grad[images].reshape(-1, grad.shape[-1])  # one product, where 4-D takes one for a row
        for u, v in np.ndindex(weight.shape[:2]):
            pixels = shifted(dpadded[images], u, v, windows)
            pixels += (dy @ weight[u, v].T).reshape(pixels.shape)
    return crop(dpadded, x.shape, windows)


def conv2d_weight_backward(
    grad: np.ndarray,
    x: np.ndarray,
    weight: np.ndarray,
    *,
    stride: Size = 1,
    padding: str | Size = "valid",
) -> np.ndarray:
    windows = geometry(x.shape, weight.shape[:2], stride, padding)
    padded, dweight = pad(x, windows), np.zeros_like(weight)
    for images in blocks(len(x), math.prod(windows.output) * weight[..., 0].size, BLOCK):
        rows = _rows(padded[images], weight.shape, windows)
        dweight += (rows.T @ grad[images].reshape(len(rows), -1)).reshape(weight.shape)
    return dweight


def conv2d_bias_backward(grad: np.ndarray) -> np.ndarray:
    dy = grad.reshape(-1, grad.shape[-1])
    return np.ones(len(dy), dy.dtype) @ dy  # dy.sum(axis=0), several times faster


def _rows(padded: np.ndarray, kernel: tuple[int, ...], windows: Geometry) -> np.ndarray:
    """Every window of the images as a row of a matrix: (N height width, kernel elements)."""
    (height, width), (down, right) = windows.output, windows.stride
    image, row, pixel, value = padded.strides
    every = as_strided(
        padded,
        (len(padded), height, width, *kernel[:3]),
        (image, row * down, pixel * right, row, pixel, value),
        writeable=False,
    )
    if kernel[1] * kernel[2] >= FEW:
        return every.reshape(-1, math.prod(kernel[:3]))
    # Column by column: then what is copied at once is a row of an image, not of a window.
    return every.transpose(3, 4, 5, 0, 1, 2).reshape(math.prod(kernel[:3]), -1).T
