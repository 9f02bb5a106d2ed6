r"""Augmentation: every training image is changed a little, at random, each in its own way.

    rotate, zoom, translate, shear (one affine map) -> flip left-right -> flip upside down
        -> pad and crop -> brightness -> contrast -> cutout -> noise -> clip to [0, 1]

What the recipe leaves at its default is skipped, and the clip where neither brightness nor contrast
nor noise is on: the other changes stay between the smallest and the largest of pixels and fill
value. Each image draws its rotation, zoom, translations, shear, brightness and contrast uniform in
[-range, range), a fair coin for each flip, crop offsets uniform in {-padding, ..., padding}, a
cutout centre uniform over the pixels, and noise for each pixel. In inference images pass unchanged.

The gradient is that of the changes in reverse order.

Images: (N, H, W, C), floating point in [0, 1]. A ``ValueError`` says which argument does not fit.

Framework differences: we draw for each image, from the stream (seed, name, step), 13 numbers, and
the noise from (seed, "name/noise", step): they depend on its place in the batch, but neither on the
size of the batch nor on what else the recipe has switched on. See ``triptych differences``:
augmentation-bare-call, augmentation-draw-per-batch, transforms-ignore-eval.

Here: the affine map and the crop are those of ``scratch.fast``, checked as their twins check.
"""

from typing import Any, NamedTuple

import numpy as np

from scratch.affine import affine_matrices, check_affine
from scratch.cutout import cutout, cutout_backward
from scratch.fast.affine import affine, affine_backward
from scratch.fast.flips_and_crops import crop
from scratch.flips_and_crops import (
    check_crop,
    crop_backward,
    horizontal_flip,
    horizontal_flip_backward,
    vertical_flip,
    vertical_flip_backward,
)
from scratch.intensity import (
    brightness,
    brightness_backward,
    clip,
    clip_backward,
    contrast,
    contrast_backward,
    gaussian_noise,
    gaussian_noise_backward,
)
from scratch.layers import Layer
from scratch.streams import normal, uniform
from triptych.common.checks import (
    check_draw,
    check_dtype,
    check_images,
    check_kind,
    check_per_image,
    check_same_shape,
    check_unit,
    own_arrays,
)
from triptych.common.names import Draws, layer_name
from triptych.common.recipes import AugmentationRecipe
from triptych.common.streams import Stream

__all__ = ["AugmentationDraw", "draw_augmentation", "augment", "augment_backward", "Augmentation"]


class AugmentationDraw(NamedTuple):
    """What a batch drew: arrays of shape (N,), and the noise of the images' shape."""

    rotation: np.ndarray
    zoom: np.ndarray
    translation_x: np.ndarray
    translation_y: np.ndarray
    shear: np.ndarray
    horizontal_flip: np.ndarray
    vertical_flip: np.ndarray
    crop_top: np.ndarray
    crop_left: np.ndarray
    brightness: np.ndarray
    contrast: np.ndarray
    cutout_row: np.ndarray
    cutout_column: np.ndarray
    noise: np.ndarray | None


def draw_augmentation(
    stream: Stream, shape: tuple[int, ...], recipe: AugmentationRecipe, *, dtype: str = "float32"
) -> AugmentationDraw:
    """Draw for a batch of images of ``shape`` (N, H, W, C)."""
    _check_draw(stream, shape, recipe, dtype)
    n, height, width, _ = shape
    u = uniform(stream, (n, 13), dtype=dtype).T
    offsets = 2 * recipe.crop_padding + 1
    noise = None
    if recipe.noise > 0:
        noise = normal(stream._replace(layer=f"{stream.layer}/noise"), shape, dtype=dtype)
    return AugmentationDraw(
        rotation=_symmetric(u[0], recipe.rotation),
        zoom=_symmetric(u[1], recipe.zoom),
        translation_x=_symmetric(u[2], recipe.translation),
        translation_y=_symmetric(u[3], recipe.translation),
        shear=_symmetric(u[4], recipe.shear),
        horizontal_flip=u[5] < 0.5,
        vertical_flip=u[6] < 0.5,
        crop_top=_below(u[7], offsets) - recipe.crop_padding,
        crop_left=_below(u[8], offsets) - recipe.crop_padding,
        brightness=_symmetric(u[9], recipe.brightness),
        contrast=_symmetric(u[10], recipe.contrast),
        cutout_row=_below(u[11], height),
        cutout_column=_below(u[12], width),
        noise=noise,
    )


def _symmetric(u: np.ndarray, limit: float) -> np.ndarray:
    """Numbers in [0, 1) spread over [-limit, limit)."""
    return (2 * u - 1) * limit


def _below(u: np.ndarray, count: int) -> np.ndarray:
    """Numbers in [0, 1) made integers in {0, ..., count - 1}."""
    return np.floor(u * count).astype(np.int64)


def augment(images: np.ndarray, draw: AugmentationDraw, recipe: AugmentationRecipe) -> np.ndarray:
    """Apply what was drawn, in the order above."""
    _check(images, draw, recipe)
    images = _unclipped(images, draw, recipe)
    return clip(images) if recipe.clips else images


def augment_backward(
    grad: np.ndarray, images: np.ndarray, draw: AugmentationDraw, recipe: AugmentationRecipe
) -> np.ndarray:
    """dL/dimages from dL/dy and the images that ``augment`` was given."""
    _check_backward(grad, images, draw, recipe)
    if recipe.clips:
        grad = clip_backward(grad, _unclipped(images, draw, recipe))
    if recipe.noise:
        grad = gaussian_noise_backward(grad)
    if recipe.cutout:
        grad = cutout_backward(grad, draw.cutout_row, draw.cutout_column, recipe.cutout)
    if recipe.contrast:
        grad = contrast_backward(grad, 1 + draw.contrast)
    if recipe.brightness:
        grad = brightness_backward(grad)
    if recipe.crop_padding:
        _, height, width, _ = images.shape
        mode = recipe.fill_mode
        grad = crop_backward(grad, draw.crop_top, draw.crop_left, height, width, fill_mode=mode)
    if recipe.vertical_flip:
        grad = vertical_flip_backward(grad, draw.vertical_flip)
    if recipe.horizontal_flip:
        grad = horizontal_flip_backward(grad, draw.horizontal_flip)
    if recipe.moves:
        grad = _moved_backward(grad, draw, recipe)
    return grad


def _unclipped(
    images: np.ndarray, draw: AugmentationDraw, recipe: AugmentationRecipe
) -> np.ndarray:
    _, height, width, _ = images.shape
    filling: dict[str, Any] = {"fill_mode": recipe.fill_mode, "fill_value": recipe.fill_value}
    if recipe.moves:
        matrices = _matrices(images, draw)
        check_affine(images, matrices, recipe.interpolation, **filling)
        images = affine(images, matrices, interpolation=recipe.interpolation, **filling)
    if recipe.horizontal_flip:
        images = horizontal_flip(images, draw.horizontal_flip)
    if recipe.vertical_flip:
        images = vertical_flip(images, draw.vertical_flip)
    if recipe.crop_padding:
        window = draw.crop_top, draw.crop_left, height, width
        check_crop(images, *window, **filling)
        images = crop(images, *window, **filling)
    if recipe.brightness:
        images = brightness(images, draw.brightness)
    if recipe.contrast:
        images = contrast(images, 1 + draw.contrast)
    if recipe.cutout:
        row, column = draw.cutout_row, draw.cutout_column
        images = cutout(images, row, column, recipe.cutout, fill_value=recipe.fill_value)
    if draw.noise is not None:
        images = gaussian_noise(images, draw.noise, recipe.noise)
    return images


def _moved_backward(
    grad: np.ndarray, draw: AugmentationDraw, recipe: AugmentationRecipe
) -> np.ndarray:
    matrices, mode = _matrices(grad, draw), recipe.fill_mode
    check_affine(grad, matrices, recipe.interpolation, mode)
    return affine_backward(grad, matrices, interpolation=recipe.interpolation, fill_mode=mode)


def _matrices(images: np.ndarray, draw: AugmentationDraw) -> np.ndarray:
    _, height, width, _ = images.shape
    return affine_matrices(
        height,
        width,
        rotation=draw.rotation,
        zoom=draw.zoom,
        translation_x=draw.translation_x,
        translation_y=draw.translation_y,
        shear=draw.shear,
    )


class Augmentation(Draws, Layer):
    """Augmentation in training; its draws come from (seed, name, step), its steps are counted."""

    def __init__(
        self, recipe: AugmentationRecipe, *, seed: int = 0, name: str | None = None
    ) -> None:
        super().__init__(layer_name("scratch", "augmentation", name))
        self.recipe, self.seed = recipe, seed
        self.state["step"] = np.zeros((), np.int64)

    def forward(self, x: np.ndarray, *, training: bool = False) -> np.ndarray:
        check_images(x)
        self._x, self._draw = x, None
        if not training:
            return x
        stream = Stream(self.seed, self.name, self.state["step"])
        dtype = "float64" if x.dtype == np.float64 else "float32"
        self._draw = draw_augmentation(stream, x.shape, self.recipe, dtype=dtype)
        self.state["step"] += 1
        return augment(x, self._draw, self.recipe)

    def backward(self, grad: np.ndarray) -> np.ndarray:
        if self._draw is None:
            return grad
        return augment_backward(grad, self._x, self._draw, self.recipe)


@own_arrays
def _check(images: np.ndarray, draw: AugmentationDraw, recipe: AugmentationRecipe) -> None:
    check_images(images)
    check_kind("draw", draw, AugmentationDraw)
    check_kind("recipe", recipe, AugmentationRecipe)
    check_per_image("draw.rotation", draw.rotation, "floating point", images.shape[0])
    if recipe.clips:
        check_unit("images", images)


def _check_draw(
    stream: Stream, shape: tuple[int, ...], recipe: AugmentationRecipe, dtype: str
) -> None:
    check_draw(stream, shape)
    check_kind("recipe", recipe, AugmentationRecipe)
    check_dtype(dtype)
    check_images(tuple(shape))


@own_arrays
def _check_backward(
    grad: np.ndarray, images: np.ndarray, draw: AugmentationDraw, recipe: AugmentationRecipe
) -> None:
    _check(images, draw, recipe)
    check_images(grad, "grad")
    check_same_shape("grad", grad, images)
