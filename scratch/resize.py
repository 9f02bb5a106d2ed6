r"""Resizing: every pixel of the new image is a weighted mean of pixels of the old one.

    y[n, i, j] = sum over k, l of R[i, k] C[j, l] x[n, k, l]            dx = R^T dy C
    p_i = (i + 1/2) L / L' - 1/2           the centre of new row i, counted in old rows
    nearest    R[i, k] = 1 where k = floor(p_i + 1/2), else 0
    bilinear   R[i, k] = t((k - p_i) / s) / sum over k of the same,  t(d) = max(0, 1 - |d|)
               s = 1, or with antialias s = max(1, L / L')

R makes L' rows of L, and C the same of columns: a resize goes along one axis and then along the
other. The centres of the pixels are at half-integers of a grid whose outer edges coincide. Beyond
the outer pixels the weights that are left are divided by their own sum, which repeats the border.
With antialias the triangle t is as wide as the step between new pixels, so that shrinking
averages all old pixels instead of looking at two.

``resize_weights`` has the weights of windows, one for each image: rows ``start`` to ``start +
length`` of a side of ``size`` pixels, resized to ``count``.

Images: (N, H, W, C), floating point; size: (height, width), or one integer for both; start and
length: integers, (N,), the windows inside of the side. A ``ValueError`` says which argument does
not fit.

Framework differences: half-pixel centres, as both have them, and no antialias unless it is asked
for. The nearest of two equally near pixels is the later one, exactly: PyTorch and TensorFlow round
L / L' to float32 and take the earlier one at some sizes (4 to 41). See ``triptych differences``:
resize-default, resize-align-corners, resize-antialias, resize-nearest-rounding,
up-sampling-corners, resize-shorter-side.

Here: ``align_corners`` is PyTorch's p_i = i (L - 1) / (L' - 1); without ``half_pixel_centers`` p_i
= i L / L', and the nearest is its floor, as PyTorch's "nearest", OpenCV and TensorFlow 1 have it.
"""

import numpy as np

from scratch.half import half_in_float32
from triptych.common.checks import (
    check_dtype,
    check_filter,
    check_images,
    check_pair,
    check_size,
    check_windows,
    remembered,
)

__all__ = ["resize_weights", "resize", "resize_backward"]


def resize_weights(
    start: np.ndarray,
    length: np.ndarray,
    size: int,
    count: int,
    *,
    interpolation: str = "bilinear",
    antialias: bool = False,
    align_corners: bool = False,
    half_pixel_centers: bool = True,
    dtype: str = "float32",
) -> np.ndarray:
    """R of each window, (N, count, size)."""
    _check_weights(start, length, size, count, interpolation, antialias, dtype)
    start, length = start.astype(np.int64)[:, None, None], length.astype(np.int64)[:, None, None]
    i, k = np.arange(count)[:, None], np.arange(size)
    if interpolation == "nearest":
        nearest = (2 * i + 1) * length // (2 * count) if half_pixel_centers else i * length // count
        return (k - start == nearest).astype(dtype)
    if align_corners:
        point = i * (length - 1) / max(count - 1, 1)
    elif half_pixel_centers:
        point = (i + 0.5) * length / count - 0.5
    else:
        point = i * length / count
    width = np.maximum(1, length / count) if antialias else 1
    weights = np.maximum(0, 1 - np.abs(k - start - point) / width)
    weights = np.where((k >= start) & (k < start + length), weights, 0)
    return (weights / weights.sum(axis=-1, keepdims=True)).astype(dtype)


@half_in_float32
def resize(
    images: np.ndarray,
    size: int | tuple[int, int],
    *,
    interpolation: str = "bilinear",
    antialias: bool = False,
    align_corners: bool = False,
    half_pixel_centers: bool = True,
) -> np.ndarray:
    """The images with (height, width) = ``size``."""
    height, width = _check(images, size, interpolation, antialias)
    kind = interpolation, antialias, align_corners, half_pixel_centers, images.dtype.name
    rows, columns = _side(images.shape[1], height, *kind), _side(images.shape[2], width, *kind)
    return np.einsum("ik,nklc,jl->nijc", rows, images, columns, optimize=True)


@half_in_float32
def resize_backward(
    grad: np.ndarray,
    size: int | tuple[int, int],
    *,
    interpolation: str = "bilinear",
    antialias: bool = False,
    align_corners: bool = False,
    half_pixel_centers: bool = True,
) -> np.ndarray:
    """dL/dimages, where the images had (height, width) = ``size``, from dL/dy."""
    height, width = _check(grad, size, interpolation, antialias, name="grad")
    kind = interpolation, antialias, align_corners, half_pixel_centers, grad.dtype.name
    rows, columns = _side(height, grad.shape[1], *kind), _side(width, grad.shape[2], *kind)
    return np.einsum("ik,nijc,jl->nklc", rows, grad, columns, optimize=True)


def _side(
    size: int,
    count: int,
    interpolation: str,
    antialias: bool,
    align_corners: bool,
    half_pixel_centers: bool,
    dtype: str,
) -> np.ndarray:
    """R of a whole side."""
    return resize_weights(
        np.array([0]),
        np.array([size]),
        size,
        count,
        interpolation=interpolation,
        antialias=antialias,
        align_corners=align_corners,
        half_pixel_centers=half_pixel_centers,
        dtype=dtype,
    )[0]


def _check_weights(
    start: np.ndarray,
    length: np.ndarray,
    size: int,
    count: int,
    interpolation: str,
    antialias: bool,
    dtype: str,
) -> None:
    _check_kinds(size, count, interpolation, antialias, dtype)
    check_windows(start, length, size)


@remembered
def _check_kinds(size: int, count: int, interpolation: str, antialias: bool, dtype: str) -> None:
    check_size("size", size)
    check_size("count", count)
    check_dtype(dtype)
    check_filter(interpolation, antialias)


@remembered
def _check(
    images: np.ndarray,
    size: int | tuple[int, int],
    interpolation: str,
    antialias: bool,
    name: str = "images",
) -> tuple[int, int]:
    check_images(images, name)
    check_filter(interpolation, antialias)
    return check_pair("size", size)
