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

Here: bilinear is ``torch.nn.functional.interpolate``. Its nearest pixel rounds a scale in float32,
so that is looked up instead. The weights of windows are integers until they are divided by
their sum, so exact but for that. The gradient is PyTorch's autograd.
"""

import torch
import torch.nn.functional as F

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
    start: torch.Tensor,
    length: torch.Tensor,
    size: int,
    count: int,
    *,
    interpolation: str = "bilinear",
    antialias: bool = False,
    dtype: str = "float32",
) -> torch.Tensor:
    """R of each window, (N, count, size)."""
    _check_weights(start, length, size, count, interpolation, antialias, dtype)
    start, length = start.long()[:, None, None], length.long()[:, None, None]
    i, k = (
        torch.arange(count, device=start.device)[:, None],
        torch.arange(size, device=start.device),
    )
    kind = getattr(torch, dtype)
    if interpolation == "nearest":
        return (k - start == _nearest(i, length, count)).to(kind)
    # k - p and s, times 2 L'.
    distance = (2 * count * (k - start) + count - (2 * i + 1) * length).abs()
    width = 2 * (length.clamp(min=count) if antialias else count)
    inside = (k >= start) & (k < start + length)
    weights = ((width - distance).clamp(min=0) * inside).to(kind)
    return weights / weights.sum(dim=-1, keepdim=True)


def _nearest(i: torch.Tensor, length: int | torch.Tensor, count: int) -> torch.Tensor:
    return (2 * i + 1) * length // (2 * count)


def resize(
    images: torch.Tensor,
    size: int | tuple[int, int],
    *,
    interpolation: str = "bilinear",
    antialias: bool = False,
) -> torch.Tensor:
    """The images with (height, width) = ``size``."""
    height, width = _check(images, size, interpolation, antialias)
    if interpolation == "nearest":
        _, rows, columns, _ = images.shape
        k = _nearest(torch.arange(height, device=images.device), rows, height)
        m = _nearest(torch.arange(width, device=images.device), columns, width)
        return images[:, k[:, None], m]
    resized = F.interpolate(
        images.to(torch.promote_types(images.dtype, torch.float32)).permute(0, 3, 1, 2),
        size=(height, width),
        mode="bilinear",
        antialias=antialias,
    )
    return resized.permute(0, 2, 3, 1).to(images.dtype)


def _check_weights(
    start: torch.Tensor,
    length: torch.Tensor,
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
    images: torch.Tensor,
    size: int | tuple[int, int],
    interpolation: str,
    antialias: bool,
) -> tuple[int, int]:
    check_images(images)
    check_filter(interpolation, antialias)
    return check_pair("size", size)
