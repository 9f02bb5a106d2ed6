"""Affine maps of images, a few images at a time, each pixel found by one number.

What is worked out for a block of images stays in the processor's cache. In a batch with a frame of
``fill_value`` around each image nothing lies outside, and the four pixels around a point are at one
index plus 0, ``right``, ``below`` and both.
"""

import math
from typing import NamedTuple

import numpy as np

__all__ = ["affine", "affine_backward"]

BLOCK = 65536  # values: a quarter of a megabyte of float32


def affine(
    images: np.ndarray,
    matrices: np.ndarray,
    *,
    interpolation: str = "bilinear",
    fill_mode: str = "constant",
    fill_value: float = 0.0,
) -> np.ndarray:
    y = np.empty_like(images)
    for block in _blocks(images.shape):
        cells = _cells(matrices[block], images[block].shape, images.dtype, interpolation, fill_mode)
        framed = images[block]
        if fill_mode == "constant":  # a frame of one pixel stands for everything outside
            sides = ((0, 0), (1, 1), (1, 1), (0, 0))
            framed = np.pad(framed, sides, constant_values=fill_value)
        y[block] = _sample(framed.reshape(-1, images.shape[-1]), cells)
    return y


def affine_backward(
    grad: np.ndarray,
    matrices: np.ndarray,
    *,
    interpolation: str = "bilinear",
    fill_mode: str = "constant",
) -> np.ndarray:
    n, height, width, channels = grad.shape
    frame = int(fill_mode == "constant")
    cells = _cells(matrices, grad.shape, grad.dtype, interpolation, fill_mode)
    framed = np.zeros((n, height + 2 * frame, width + 2 * frame, channels), grad.dtype)
    if cells.u is None or cells.v is None:
        _scatter(framed, cells.pixel, grad)
    else:
        v, u = cells.v[..., None], cells.u[..., None]
        for offset, weight in (
            (0, (1 - v) * (1 - u)),
            (cells.right, (1 - v) * u),
            (cells.below, v * (1 - u)),
            (cells.below + cells.right, v * u),
        ):
            _scatter(framed, cells.pixel + offset, weight * grad)
    return framed[:, frame : height + frame, frame : width + frame]


def _scatter(total: np.ndarray, index: np.ndarray, values: np.ndarray) -> None:
    """Add each value to the pixel of ``total`` (..., C) that its index counts out."""
    channels = total.shape[-1]
    if channels > 1:
        index = index[..., None] * channels + np.arange(channels)
    np.add.at(total.reshape(-1), index.ravel(), values.ravel())


class _Cells(NamedTuple):
    """The pixels that each output pixel lies between, and where: (N, H, W).

    Pixels are counted through the batch in row-major order, with a frame around each image if the
    fill mode is constant. The neighbours are at pixel + right, + below and + right + below, and
    (u, v) in [0, 1] says how far the point is on its way to them; None for the nearest pixel alone.
    """

    pixel: np.ndarray
    right: int
    below: int
    u: np.ndarray | None = None
    v: np.ndarray | None = None


def _cells(
    matrices: np.ndarray,
    shape: tuple[int, ...],
    dtype: np.dtype,
    interpolation: str,
    fill_mode: str,
) -> _Cells:
    n, height, width, _ = shape
    m = matrices.astype(np.result_type(dtype, np.float32))[..., None, None]
    column, row = np.arange(width, dtype=m.dtype), np.arange(height, dtype=m.dtype)[:, None]
    x = _inside((m[:, 0, 0] * column + m[:, 0, 2]) + m[:, 0, 1] * row, width, fill_mode)
    y = _inside((m[:, 1, 0] * column + m[:, 1, 2]) + m[:, 1, 1] * row, height, fill_mode)
    frame = int(fill_mode == "constant")
    stride = width + 2 * frame  # from one row to the next
    first = frame * stride + frame + np.arange(n)[:, None, None] * (height + 2 * frame) * stride
    below = 0 if height + frame == 1 else stride
    right = 0 if width + frame == 1 else 1
    if interpolation == "nearest":
        i, j = np.rint(y), np.rint(x)
    else:
        # The last cell has its far edge too, where v or u is 1; a side of one pixel is one cell.
        i = np.minimum(np.floor(y), max(height - 2 + frame, 0))
        j = np.minimum(np.floor(x), max(width - 2 + frame, 0))
    index = i.astype(np.intp)
    index *= stride
    index += j.astype(np.intp)
    index += first
    if interpolation == "nearest":
        return _Cells(index, right, below)
    u, v = ((c - c0).astype(dtype, copy=False) for c, c0 in ((x, j), (y, i)))
    return _Cells(index, right, below, u, v)


def _sample(pixels: np.ndarray, cells: _Cells) -> np.ndarray:
    """(1 - v) ((1 - u) p + u p_right) + v ((1 - u) p_below + u p_below_right), (N, H, W, C)."""
    if cells.u is None or cells.v is None:
        return pixels.take(cells.pixel, axis=0)
    # Each number once for each channel: products of equal shapes are several times faster.
    u, v = (np.repeat(part[..., None], pixels.shape[1], axis=-1) for part in (cells.u, cells.v))
    rest = 1 - u
    rows = []
    for offset in (0, cells.below):
        left = pixels.take(cells.pixel + offset, axis=0)
        left *= rest
        right = pixels.take(cells.pixel + offset + cells.right, axis=0)
        right *= u
        left += right
        rows.append(left)
    upper, lower = rows
    upper *= 1 - v
    lower *= v
    upper += lower
    return upper


def _blocks(shape: tuple[int, ...]) -> list[slice]:
    """A few images at a time: what is worked out for them stays in the processor's cache."""
    count = max(1, BLOCK // math.prod(shape[1:]))
    return [slice(start, start + count) for start in range(0, shape[0], count)]


def _inside(coordinate: np.ndarray, size: int, fill_mode: str) -> np.ndarray:
    """Where a coordinate along a side of ``size`` pixels is read: on the image or on its frame."""
    if fill_mode == "reflect":  # a triangle wave between -1/2 and size - 1/2
        coordinate = size - np.abs(np.fmod(np.abs(coordinate + 0.5), 2 * size) - size) - 0.5
    frame = int(fill_mode == "constant")
    return np.clip(coordinate, -frame, size - 1 + frame)
