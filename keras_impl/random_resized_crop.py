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

Here: windows are resized by matrices, so that shapes are known before the draw.
"""

import math
from typing import Any, NamedTuple

import keras
from keras import ops

from keras_impl.layers import Checked, verbatim
from keras_impl.resize import resize, resize_weights
from keras_impl.streams import uniform
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
    dtype_name,
    own_arrays,
)
from triptych.common.names import Draws, layer_name
from triptych.common.streams import Stream

__all__ = ["ResizedCropDraw", "draw_resized_crop", "resized_crop", "RandomResizedCrop"]


class ResizedCropDraw(NamedTuple):
    """The windows of a batch: integers of shape (N,)."""

    top: Any
    left: Any
    height: Any
    width: Any


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
    fits = ops.logical_and(ops.logical_and(w > 0, w <= columns), ops.logical_and(h > 0, h <= rows))
    top, left, height, width = central_crop(rows, columns, ratio)
    h, w = first(fits, h, height), first(fits, w, width)
    some = ops.any(fits, axis=1)
    return ResizedCropDraw(
        top=ops.where(some, below(u[:, -2], rows - h + 1), top),
        left=ops.where(some, below(u[:, -1], columns - w + 1), left),
        height=h,
        width=w,
    )


def sides(
    u: Any, area: int, scale: tuple[float, float], ratio: tuple[float, float]
) -> tuple[Any, Any]:
    """sqrt(A r) and sqrt(A / r) of every try, rounded."""
    (small, large), (low, high) = scale, (math.log(limit) for limit in ratio)
    a = area * (small + (large - small) * u[:, :TRIES])
    r = ops.exp(low + (high - low) * u[:, TRIES : 2 * TRIES])
    both = (ops.round(ops.sqrt(side)) for side in (a * r, a / r))
    w, h = (ops.cast(side, "int64") for side in both)
    return w, h


def first(fits: Any, values: Any, otherwise: int) -> Any:
    """The value of the first try that fits."""
    order = ops.arange(TRIES, 0, -1, dtype="int32")
    index = ops.argmax(ops.cast(fits, "int32") * order, axis=1)
    chosen = ops.take_along_axis(values, index[:, None], axis=1)[:, 0]
    return ops.where(ops.any(fits, axis=1), chosen, otherwise)


def below(u: Any, count: Any) -> Any:
    """Numbers in [0, 1) made integers in {0, ..., count - 1}."""
    return ops.cast(ops.floor(u * ops.cast(count, u.dtype)), "int64")


def resized_crop(
    images: Any,
    draw: ResizedCropDraw,
    size: int | tuple[int, int],
    *,
    interpolation: str = "bilinear",
    antialias: bool = True,
) -> Any:
    """The window of each image, with (height, width) = ``size``."""
    height, width = _check(images, draw, size, interpolation, antialias)
    dtype = keras.backend.result_type(images.dtype, "float32")
    kind: dict[str, Any] = {"interpolation": interpolation, "antialias": antialias, "dtype": dtype}
    rows = resize_weights(draw.top, draw.height, images.shape[1], height, **kind)
    columns = resize_weights(draw.left, draw.width, images.shape[2], width, **kind)
    resized = ops.einsum("nik,nklc->nilc", rows, ops.cast(images, dtype))
    return ops.cast(ops.einsum("njl,nilc->nijc", columns, resized), images.dtype)


@keras.saving.register_keras_serializable("triptych")
class RandomResizedCrop(Checked, Draws, keras.layers.Layer):
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
        **kwargs: Any,
    ) -> None:
        name = layer_name("keras", "random_resized_crop", name)
        super().__init__(name=name, **kwargs)
        check_filter(interpolation, antialias)
        self.size = check_pair("size", size)
        self.scale = check_range("scale", scale, "(0, 1]")
        self.ratio = check_range("ratio", ratio, "(0, inf)")
        self.options: dict[str, Any] = {"interpolation": interpolation, "antialias": antialias}
        self.seed = check_integer("seed", seed, maximum=2**64 - 1)
        self.step = self.add_weight(
            name="step", shape=(), initializer="zeros", dtype="int64", trainable=False
        )

    def check(self, inputs: Any) -> None:
        check_images(inputs)

    @verbatim()
    def call(self, inputs: Any, training: bool = False) -> Any:
        if not training:
            return resize(inputs, self.size, **self.options)
        stream = Stream(self.seed, self.name, self.step.value)
        draw = draw_resized_crop(
            stream,
            (ops.shape(inputs)[0], *inputs.shape[1:]),
            scale=self.scale,
            ratio=self.ratio,
            dtype="float64" if dtype_name(inputs) == "float64" else "float32",
        )
        self.step.assign_add(1)
        return resized_crop(inputs, draw, self.size, **self.options)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (input_shape[0], *self.size, input_shape[3])

    def get_config(self) -> dict[str, Any]:
        own = {"size": self.size, "scale": self.scale, "ratio": self.ratio, "seed": self.seed}
        return super().get_config() | own | self.options


@own_arrays
def _check(
    images: Any, draw: ResizedCropDraw, size: Any, interpolation: str, antialias: bool
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
    check_images(tuple(size if isinstance(size, int) else None for size in shape))
    check_range("scale", scale, "(0, 1]")
    check_range("ratio", ratio, "(0, inf)")
    check_integer("height", shape[1], minimum=1)  # a graph may not know them
    check_integer("width", shape[2], minimum=1)
