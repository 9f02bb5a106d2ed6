r"""Random resized crop: a part of each image, of random area and shape, resized to one size.

    A = area of the image * U(scale)              r = exp(U(log ratio))
    w = sqrt(A r), h = sqrt(A / r), rounded       the first of ten tries with 0 < w <= W, 0 < h <= H
    top in {0, ..., H - h}, left in {0, ..., W - w}, each equally likely

    y = R x C^T                                   dx = R^T dy C

R and C resize the window (see ``resize``). If none of the tries fits, the window is the largest one
in the middle whose aspect ratio is allowed. In inference the whole image is resized.

Images: (N, H, W, C), floating point; size: (height, width), or one integer for both; scale: two
numbers in (0, 1]; ratio (width / height): two numbers in (0, inf). A ``ValueError`` says which
argument does not fit.

Paper: Szegedy et al., "Going deeper with convolutions", CVPR 2015, section 6 (8 % to 100 % of the
area, aspect ratios from 3/4 to 4/3).

Framework differences: drawn as torchvision does, for each image, all tries at once: 22 numbers from
the stream (seed, name, step). Keras has no such layer. See ``triptych differences``:
augmentation-draw-per-batch, resize-antialias, crop-at-inference.

Here: the backward pass is the transpose of both resizes.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from scratch.half import half_in_float32
from scratch.layers import Layer
from scratch.resize import resize, resize_backward, resize_weights
from scratch.streams import uniform
from triptych.common.boxes import TRIES, central_crop
from triptych.common.checks import (
    check_draw,
    check_dtype,
    check_filter,
    check_images,
    check_integer,
    check_kind,
    check_pair,
    check_range,
    check_windows,
    own_arrays,
)
from triptych.common.names import Draws, layer_name
from triptych.common.streams import Stream

__all__ = [
    "ResizedCropDraw",
    "draw_resized_crop",
    "resized_crop",
    "resized_crop_backward",
    "RandomResizedCrop",
]


class ResizedCropDraw(NamedTuple):
    """The windows of a batch: integers of shape (N,)."""

    top: np.ndarray
    left: np.ndarray
    height: np.ndarray
    width: np.ndarray


def draw_resized_crop(
    stream: Stream,
    shape: tuple[int, ...],
    *,
    scale: tuple[float, float] = (0.08, 1.0),
    ratio: tuple[float, float] = (3 / 4, 4 / 3),
    dtype: str = "float32",
) -> ResizedCropDraw:
    """Draw for a batch of images of ``shape`` (N, H, W, C)."""
    _check_draw(stream, shape, scale, ratio, dtype)
    n, rows, columns, _ = shape
    u = uniform(stream, (n, 2 * TRIES + 2), dtype=dtype)
    w, h = sides(u, rows * columns, scale, ratio)
    fits = (w > 0) & (w <= columns) & (h > 0) & (h <= rows)
    top, left, height, width = central_crop(rows, columns, ratio)
    h, w = first(fits, h, height), first(fits, w, width)
    some = fits.any(axis=1)
    return ResizedCropDraw(
        top=np.where(some, below(u[:, -2], rows - h + 1), top),
        left=np.where(some, below(u[:, -1], columns - w + 1), left),
        height=h,
        width=w,
    )


def sides(
    u: np.ndarray, area: int, scale: tuple[float, float], ratio: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """sqrt(A r) and sqrt(A / r) of every try, rounded."""
    (small, large), (low, high) = scale, (math.log(limit) for limit in ratio)
    a = area * (small + (large - small) * u[:, :TRIES])
    r = np.exp(low + (high - low) * u[:, TRIES : 2 * TRIES])
    return np.rint(np.sqrt(a * r)).astype(np.int64), np.rint(np.sqrt(a / r)).astype(np.int64)


def first(fits: np.ndarray, values: np.ndarray, otherwise: int) -> np.ndarray:
    """The value of the first try that fits."""
    chosen = np.take_along_axis(values, fits.argmax(axis=1)[:, None], axis=1)[:, 0]
    return np.where(fits.any(axis=1), chosen, otherwise)


def below(u: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Numbers in [0, 1) made integers in {0, ..., count - 1}."""
    return np.floor(u * count.astype(u.dtype)).astype(np.int64)


@half_in_float32
def resized_crop(
    images: np.ndarray,
    draw: ResizedCropDraw,
    size: int | tuple[int, int],
    *,
    interpolation: str = "bilinear",
    antialias: bool = True,
) -> np.ndarray:
    """The window of each image, with (height, width) = ``size``."""
    height, width = _check(images, draw, size, interpolation, antialias)
    rows, columns = _weights(
        images, draw, images.shape[1:3], (height, width), interpolation, antialias
    )
    return np.einsum("nik,nklc,njl->nijc", rows, images, columns, optimize=True)


@half_in_float32
def resized_crop_backward(
    grad: np.ndarray,
    draw: ResizedCropDraw,
    size: int | tuple[int, int],
    *,
    interpolation: str = "bilinear",
    antialias: bool = True,
) -> np.ndarray:
    """dL/dimages, where the images had (height, width) = ``size``, from dL/dy."""
    height, width = _check_backward(grad, draw, size, interpolation, antialias)
    rows, columns = _weights(grad, draw, (height, width), grad.shape[1:3], interpolation, antialias)
    return np.einsum("nik,nijc,njl->nklc", rows, grad, columns, optimize=True)


def _weights(
    images: np.ndarray,
    draw: ResizedCropDraw,
    old: tuple[int, ...],
    new: tuple[int, ...],
    interpolation: str,
    antialias: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """R and C of each image."""
    kind: dict[str, Any] = {"interpolation": interpolation, "antialias": antialias}
    kind["dtype"] = images.dtype.name
    rows = resize_weights(draw.top, draw.height, old[0], new[0], **kind)
    return rows, resize_weights(draw.left, draw.width, old[1], new[1], **kind)


class RandomResizedCrop(Draws, Layer):
    """Crops in training, drawn from (seed, name, step); in inference it resizes the images."""

    def __init__(
        self,
        size: int | tuple[int, int],
        *,
        scale: tuple[float, float] = (0.08, 1.0),
        ratio: tuple[float, float] = (3 / 4, 4 / 3),
        interpolation: str = "bilinear",
        antialias: bool = True,
        seed: int = 0,
        name: str | None = None,
    ) -> None:
        super().__init__(layer_name("scratch", "random_resized_crop", name))
        check_filter(interpolation, antialias)
        self.size = check_pair("size", size)
        self.scale = check_range("scale", scale, "(0, 1]")
        self.ratio = check_range("ratio", ratio, "(0, inf)")
        self.options: dict[str, Any] = {"interpolation": interpolation, "antialias": antialias}
        self.seed = check_integer("seed", seed, maximum=2**64 - 1)
        self.state["step"] = np.zeros((), np.int64)

    def forward(self, x: np.ndarray, *, training: bool = False) -> np.ndarray:
        check_images(x)
        self._shape = x.shape
        self._draw: ResizedCropDraw | None = None
        if not training:
            return resize(x, self.size, **self.options)
        stream = Stream(self.seed, self.name, self.state["step"])
        dtype = "float64" if x.dtype == np.float64 else "float32"
        self._draw = draw_resized_crop(
            stream, x.shape, scale=self.scale, ratio=self.ratio, dtype=dtype
        )
        self.state["step"] += 1
        return resized_crop(x, self._draw, self.size, **self.options)

    def backward(self, grad: np.ndarray) -> np.ndarray:
        height, width = self._shape[1:3]
        if self._draw is None:
            return resize_backward(grad, (height, width), **self.options)
        return resized_crop_backward(grad, self._draw, (height, width), **self.options)


@own_arrays
def _check(
    images: np.ndarray, draw: ResizedCropDraw, size: Any, interpolation: str, antialias: bool
) -> tuple[int, int]:
    check_images(images)
    check_filter(interpolation, antialias)
    new = check_pair("size", size)
    _check_boxes(draw, images.shape[0], images.shape[1], images.shape[2])
    return new


def _check_boxes(draw: ResizedCropDraw, images: Any, height: int, width: int) -> None:
    check_kind("draw", draw, ResizedCropDraw)
    check_windows(draw.top, draw.height, height, ("draw.top", "draw.height"), images)
    check_windows(draw.left, draw.width, width, ("draw.left", "draw.width"), images)


def _check_draw(
    stream: Stream,
    shape: tuple[Any, ...],
    scale: tuple[float, float],
    ratio: tuple[float, float],
    dtype: str,
) -> None:
    check_draw(stream, shape)
    check_dtype(dtype)
    check_images(tuple(shape))
    check_range("scale", scale, "(0, 1]")
    check_range("ratio", ratio, "(0, inf)")


@own_arrays
def _check_backward(
    grad: np.ndarray, draw: ResizedCropDraw, size: Any, interpolation: str, antialias: bool
) -> tuple[int, int]:
    check_images(grad, "grad")
    check_filter(interpolation, antialias)
    old = check_pair("size", size)
    _check_boxes(draw, len(grad), *old)
    return old
