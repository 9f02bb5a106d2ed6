r"""2-D convolution: every output pixel is a weighted sum over a window of the input.

    y[n, i, j, o] = b[o] + sum_{u, v, c} x[n, i s_h + u, j s_w + v, c] w[u, v, c, o]

    dw[u, v, c, o]                  = sum_{n, i, j} x[n, i s_h + u, j s_w + v, c] dy[n, i, j, o]
    dx[n, i s_h + u, j s_w + v, c] += sum_o dy[n, i, j, o] w[u, v, c, o]        for all i, j, u, v
    db[o]                           = sum_{n, i, j} dy[n, i, j, o]

where x stands for the input with its padding of zeros, whose gradient is dropped. (Strictly it is a
cross-correlation, as in every framework: the kernel is not flipped.)

``conv2d_plain`` and ``conv2d_plain_backward`` are these equations, one matrix product for each (u,
v). ``conv2d`` copies the windows of a few images into the rows of a matrix ("im2col"), so that one
product does it all, while the matrix is still in the processor's cache; the same rows give dw.

``x`` (N, H, W, in), ``weight`` (height, width, in, out), ``bias`` (out,) or None; ``stride`` is an
integer or a pair (height, width). ``padding``: "valid" (none), "same" (TensorFlow's rule, see
``triptych.common.windows``) or the pixels to add on either side, an integer or a pair. A
``ValueError`` says which argument does not fit.

Papers: LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document
recognition", Proc. IEEE 1998; Chellapilla, Puri and Simard, "High performance convolutional neural
networks for document processing", IWFHR 2006 (im2col).

Framework differences: PyTorch keeps images as (N, C, H, W) and kernels as (out, in, height, width),
pads symmetrically, refuses "same" with a stride above 1, and draws weights and biases from
U(-1/sqrt(fan_in), 1/sqrt(fan_in)). Keras has our layouts and our "same", but no explicit padding;
it draws Glorot uniform weights and biases of 0. We do as Keras does, with explicit padding.
"""

import math
from collections.abc import Iterator

import numpy as np
from numpy.lib.stride_tricks import as_strided

from scratch.layers import Layer, glorot_uniform
from triptych.common.checks import (
    check_dtype,
    check_floating,
    check_integer,
    check_maps,
    check_padding,
    check_pair,
    check_same_shape,
)
from triptych.common.windows import Geometry, geometry

__all__ = ["conv2d", "conv2d_backward", "conv2d_plain", "conv2d_plain_backward", "Conv2D"]

Size = int | tuple[int, int]
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
    """The equation above, of shape (N, height, width, out)."""
    windows = _check(x, weight, bias, stride, padding)
    return _forward(pad(x, windows), weight, bias, windows)


def conv2d_backward(
    grad: np.ndarray,
    x: np.ndarray,
    weight: np.ndarray,
    *,
    stride: Size = 1,
    padding: str | Size = "valid",
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """dL/dx, dL/dweight and dL/dbias from dL/dy."""
    windows = _check(x, weight, None, stride, padding, grad=grad)
    padded = pad(x, windows)
    dx = _backward_input(grad, x.shape, weight, windows)
    return dx, _backward_weight(grad, padded, weight, windows), _backward_bias(grad)


def conv2d_plain(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None = None,
    *,
    stride: Size = 1,
    padding: str | Size = "valid",
) -> np.ndarray:
    """What ``conv2d`` computes, as the equation has it."""
    windows = _check(x, weight, bias, stride, padding)
    padded = pad(x, windows)
    y = sum(shifted(padded, u, v, windows) @ weight[u, v] for u, v in np.ndindex(weight.shape[:2]))
    return y if bias is None else y + bias


def conv2d_plain_backward(
    grad: np.ndarray,
    x: np.ndarray,
    weight: np.ndarray,
    *,
    stride: Size = 1,
    padding: str | Size = "valid",
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What ``conv2d_backward`` computes, as the equations have it."""
    windows = _check(x, weight, None, stride, padding, grad=grad)
    padded = pad(x, windows)
    dpadded, dweight = np.zeros_like(padded), np.empty_like(weight)
    for u, v in np.ndindex(weight.shape[:2]):
        pixels = shifted(padded, u, v, windows)
        dweight[u, v] = np.einsum("nijc,nijo->co", pixels, grad)
        shifted(dpadded, u, v, windows)[...] += grad @ weight[u, v].T
    return crop(dpadded, x.shape, windows), dweight, grad.sum(axis=(0, 1, 2))


class Conv2D(Layer):
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        *,
        stride: Size = 1,
        padding: str | Size = "valid",
        use_bias: bool = True,
        seed: int = 0,
        name: str = "conv",
        dtype: str = "float32",
    ) -> None:
        super().__init__(name)
        self.in_channels = check_integer("in_channels", in_channels, minimum=1)
        self.out_channels = check_integer("out_channels", out_channels, minimum=1)
        self.kernel_size = check_pair("kernel_size", kernel_size)
        self.stride = check_pair("stride", stride)
        self.padding = check_padding(padding)
        shape = (*self.kernel_size, in_channels, out_channels)
        self.params["weight"] = glorot_uniform(
            shape, seed=seed, name=name, dtype=check_dtype(dtype)
        )
        if use_bias:
            self.params["bias"] = np.zeros(out_channels, dtype)

    def forward(self, x: np.ndarray, *, training: bool = False) -> np.ndarray:
        check_maps(x, self.in_channels)
        check_floating("x", x)
        self._shape = x.shape
        self._windows = geometry(x.shape, self.kernel_size, self.stride, self.padding)
        self._padded = pad(x, self._windows)
        weight, bias = self.params["weight"], self.params.get("bias")
        return _forward(self._padded, weight, bias, self._windows)

    def backward(self, grad: np.ndarray) -> np.ndarray:
        self.backward_parameters(grad)
        return _backward_input(grad, self._shape, self.params["weight"], self._windows)

    def backward_parameters(self, grad: np.ndarray) -> None:
        weight = self.params["weight"]
        self.grads["weight"] = _backward_weight(grad, self._padded, weight, self._windows)
        if "bias" in self.params:
            self.grads["bias"] = _backward_bias(grad)


def blocks(positions: np.ndarray, elements: int) -> Iterator[slice]:
    """Slices of a batch of few images, so that ``elements`` for each position make up a BLOCK.

    ``positions`` is any array with one value for each, of shape (N, height, width).
    """
    images = max(1, BLOCK // (positions[0].size * elements))
    return (slice(start, start + images) for start in range(0, len(positions), images))


def pad(x: np.ndarray, windows: Geometry, value: float = 0.0) -> np.ndarray:
    """x with ``value`` around each image; x itself where there is nothing to add."""
    rows, columns = windows.padding
    if not any((*rows, *columns)):
        return x
    return np.pad(x, ((0, 0), rows, columns, (0, 0)), constant_values=value)


def padded_shape(shape: tuple[int, ...], windows: Geometry) -> tuple[int, ...]:
    """That of ``pad(x, windows)`` for x of ``shape``."""
    n, height, width, channels = shape
    rows, columns = windows.padding
    return n, height + sum(rows), width + sum(columns), channels


def crop(padded: np.ndarray, shape: tuple[int, ...], windows: Geometry) -> np.ndarray:
    """What lies inside the padding, of ``shape``."""
    (top, _), (left, _) = windows.padding
    return padded[:, top : top + shape[1], left : left + shape[2]]


def shifted(padded: np.ndarray, u: int, v: int, windows: Geometry) -> np.ndarray:
    """Pixel (u, v) of every window, (N, height, width, C): a view."""
    (height, width), (down, right) = windows.output, windows.stride
    return padded[:, u : u + height * down : down, v : v + width * right : right]


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


def _forward(
    padded: np.ndarray, weight: np.ndarray, bias: np.ndarray | None, windows: Geometry
) -> np.ndarray:
    kernel = weight.reshape(-1, weight.shape[-1])
    y = np.empty((len(padded), *windows.output, len(kernel[0])), np.result_type(padded, weight))
    for images in blocks(y[..., 0], len(kernel)):
        rows = _rows(padded[images], weight.shape, windows)
        np.matmul(rows, kernel, out=y[images].reshape(len(rows), -1))
    if bias is not None:
        y += bias
    return y


def _backward_weight(
    grad: np.ndarray, padded: np.ndarray, weight: np.ndarray, windows: Geometry
) -> np.ndarray:
    dweight = np.zeros_like(weight)
    for images in blocks(grad[..., 0], weight[..., 0].size):
        rows = _rows(padded[images], weight.shape, windows)
        dweight += (rows.T @ grad[images].reshape(len(rows), -1)).reshape(weight.shape)
    return dweight


def _backward_bias(grad: np.ndarray) -> np.ndarray:
    dy = grad.reshape(-1, grad.shape[-1])
    return np.ones(len(dy), dy.dtype) @ dy  # dy.sum(axis=0), several times faster


def _backward_input(
    grad: np.ndarray, shape: tuple[int, ...], weight: np.ndarray, windows: Geometry
) -> np.ndarray:
    dpadded = np.empty(padded_shape(shape, windows), np.result_type(grad, weight))
    for images in blocks(grad[..., 0], sum(weight.shape[2:])):
        dpadded[images] = 0
        dy = grad[images].reshape(-1, grad.shape[-1])  # one product, where 4-D takes one for a row
        for u, v in np.ndindex(weight.shape[:2]):
            pixels = shifted(dpadded[images], u, v, windows)
            pixels += (dy @ weight[u, v].T).reshape(pixels.shape)
    return crop(dpadded, shape, windows)


def _check(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None,
    stride: Size,
    padding: str | Size,
    *,
    grad: np.ndarray | None = None,
) -> Geometry:
    if weight.ndim != 4:
        raise ValueError(f"weight must have shape (height, width, in, out), got {weight.shape}")
    check_maps(x, weight.shape[2])
    check_floating("x", x)
    if bias is not None:
        check_same_shape("bias", bias, weight.shape[-1:])
    windows = geometry(x.shape, weight.shape[:2], stride, padding)
    if grad is not None:
        check_same_shape("grad", grad, (len(x), *windows.output, weight.shape[-1]))
    return windows
