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

Here: ``keras.ops.image.resize`` on TensorFlow computes in float32 whatever it is given, and rounds
to the nearest pixel in float32. So the sums are written out, with weights that are integers until
they are divided by their sum. The gradient is the backend's.
"""

from typing import Any

import keras
from keras import ops

from triptych.common.checks import (
    check_dtype,
    check_filter,
    check_images,
    check_pair,
    check_size,
    check_windows,
    remembered,
)

__all__ = ["resize_weights", "resize"]


def resize_weights(
    start: Any,
    length: Any,
    size: int,
    count: int,
    *,
    interpolation: str = "bilinear",
    antialias: bool = False,
    dtype: str = "float32",
) -> Any:
    """R of each window, (N, count, size)."""
    _check_weights(start, length, size, count, interpolation, antialias, dtype)
    start = ops.cast(start, "int64")[:, None, None]
    length = ops.cast(length, "int64")[:, None, None]
    i, k = ops.arange(count, dtype=start.dtype)[:, None], ops.arange(size, dtype=start.dtype)
    if interpolation == "nearest":
        return ops.cast(ops.equal(k - start, (2 * i + 1) * length // (2 * count)), dtype)
    # k - p and s, times 2 L'.
    distance = ops.abs(2 * count * (k - start) + count - (2 * i + 1) * length)
    width = 2 * (ops.maximum(length, count) if antialias else count)
    inside = ops.logical_and(k >= start, k < start + length)
    weights = ops.cast(ops.where(inside, ops.maximum(width - distance, 0), 0), dtype)
    return weights / ops.sum(weights, axis=-1, keepdims=True)


def resize(
    images: Any,
    size: int | tuple[int, int],
    *,
    interpolation: str = "bilinear",
    antialias: bool = False,
) -> Any:
    """The images with (height, width) = ``size``."""
    height, width = _check(images, size, interpolation, antialias)
    dtype = keras.backend.result_type(images.dtype, "float32")
    kind = interpolation, antialias, dtype
    rows, columns = _side(images.shape[1], height, *kind), _side(images.shape[2], width, *kind)
    resized = ops.einsum("ik,nklc->nilc", rows, ops.cast(images, dtype))
    return ops.cast(ops.einsum("jl,nilc->nijc", columns, resized), images.dtype)


def _side(size: int, count: int, interpolation: str, antialias: bool, dtype: str) -> Any:
    """R of a whole side."""
    start, length = ops.zeros((1,), "int64"), ops.full((1,), size, "int64")
    kind: dict[str, Any] = {"interpolation": interpolation, "antialias": antialias}
    return resize_weights(start, length, size, count, dtype=dtype, **kind)[0]


def _check_weights(
    start: Any,
    length: Any,
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
    images: Any,
    size: int | tuple[int, int],
    interpolation: str,
    antialias: bool,
) -> tuple[int, int]:
    check_images(images)
    check_filter(interpolation, antialias)
    return check_pair("size", size)
