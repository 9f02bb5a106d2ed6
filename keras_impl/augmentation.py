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

Here: the gradient is the backend's. On JAX and PyTorch, float64 takes
``keras_impl.precision.enable_float64()`` first: without it Keras rounds to float32.
"""

from dataclasses import asdict
from typing import Any, NamedTuple

import keras
from keras import ops

from keras_impl.affine import affine, affine_matrices
from keras_impl.cutout import cutout
from keras_impl.flips_and_crops import crop, horizontal_flip, vertical_flip
from keras_impl.intensity import brightness, clip, contrast, gaussian_noise
from keras_impl.layers import Checked, verbatim
from keras_impl.streams import normal, uniform
from triptych.common.checks import (
    check_draw,
    check_dtype,
    check_images,
    check_integer,
    check_kind,
    check_per_image,
    check_unit,
    dtype_name,
    own_arrays,
)
from triptych.common.names import Draws, layer_name
from triptych.common.recipes import AugmentationRecipe
from triptych.common.streams import Stream

__all__ = ["AugmentationDraw", "draw_augmentation", "augment", "Augmentation"]


class AugmentationDraw(NamedTuple):
    """What a batch drew: tensors of shape (N,), and the noise of the images' shape."""

    rotation: Any
    zoom: Any
    translation_x: Any
    translation_y: Any
    shear: Any
    horizontal_flip: Any
    vertical_flip: Any
    crop_top: Any
    crop_left: Any
    brightness: Any
    contrast: Any
    cutout_row: Any
    cutout_column: Any
    noise: Any | None


def draw_augmentation(
    stream: Stream, shape: tuple[int, ...], recipe: AugmentationRecipe, *, dtype: str = "float32"
) -> AugmentationDraw:
    """Draw for a batch of images of ``shape`` (N, H, W, C)."""
    _check_draw(stream, shape, recipe, dtype)
    n, height, width, _ = shape
    u = ops.transpose(uniform(stream, (n, 13), dtype=dtype))
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


def _symmetric(u: Any, limit: float) -> Any:
    """Numbers in [0, 1) spread over [-limit, limit)."""
    return (2 * u - 1) * limit


def _below(u: Any, count: int) -> Any:
    """Numbers in [0, 1) made integers in {0, ..., count - 1}."""
    return ops.cast(ops.floor(u * count), "int64")


def augment(images: Any, draw: AugmentationDraw, recipe: AugmentationRecipe) -> Any:
    """Apply what was drawn, in the order above."""
    _check(images, draw, recipe)
    _, height, width, _ = images.shape
    filling: dict[str, Any] = {"fill_mode": recipe.fill_mode, "fill_value": recipe.fill_value}
    if recipe.moves:
        matrices = _matrices(images, draw)
        images = affine(images, matrices, interpolation=recipe.interpolation, **filling)
    if recipe.horizontal_flip:
        images = horizontal_flip(images, draw.horizontal_flip)
    if recipe.vertical_flip:
        images = vertical_flip(images, draw.vertical_flip)
    if recipe.crop_padding:
        images = crop(images, draw.crop_top, draw.crop_left, height, width, **filling)
    if recipe.brightness:
        images = brightness(images, draw.brightness)
    if recipe.contrast:
        images = contrast(images, 1 + draw.contrast)
    if recipe.cutout:
        row, column = draw.cutout_row, draw.cutout_column
        images = cutout(images, row, column, recipe.cutout, fill_value=recipe.fill_value)
    if draw.noise is not None:
        images = gaussian_noise(images, draw.noise, recipe.noise)
    return clip(images) if recipe.clips else images


def _matrices(images: Any, draw: AugmentationDraw) -> Any:
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


@keras.saving.register_keras_serializable("triptych")
class Augmentation(Checked, Draws, keras.layers.Layer):
    """Augmentation in training; its draws come from (seed, name, step), its steps are counted."""

    def __init__(
        self,
        recipe: AugmentationRecipe,
        *,
        seed: int = 0,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        name = layer_name("keras", "augmentation", name)
        super().__init__(name=name, **kwargs)
        self.recipe, self.seed = recipe, seed
        self.step = self.add_weight(
            name="step", shape=(), initializer="zeros", dtype="int64", trainable=False
        )

    def check(self, inputs: Any) -> None:
        check_images(inputs)

    @verbatim()
    def call(self, inputs: Any, training: bool = False) -> Any:
        if not training:
            return inputs
        stream = Stream(self.seed, self.name, self.step.value)
        dtype = "float64" if dtype_name(inputs) == "float64" else "float32"
        shape = (ops.shape(inputs)[0], *inputs.shape[1:])
        draw = draw_augmentation(stream, shape, self.recipe, dtype=dtype)
        self.step.assign_add(1)
        return augment(inputs, draw, self.recipe)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"recipe": asdict(self.recipe), "seed": self.seed}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Augmentation":
        return cls(**(config | {"recipe": AugmentationRecipe(**config["recipe"])}))


@own_arrays
def _check(images: Any, draw: AugmentationDraw, recipe: AugmentationRecipe) -> None:
    check_images(images)
    check_kind("draw", draw, AugmentationDraw)
    check_kind("recipe", recipe, AugmentationRecipe)
    check_per_image("draw.rotation", draw.rotation, "floating point", images.shape[0])
    if recipe.clips:
        check_unit("images", images)


def _check_draw(
    stream: Stream, shape: tuple[Any, ...], recipe: AugmentationRecipe, dtype: str
) -> None:
    check_draw(stream, shape)
    check_kind("recipe", recipe, AugmentationRecipe)
    check_dtype(dtype)
    check_images(tuple(size if isinstance(size, int) else None for size in shape))
    check_integer("height", shape[1], minimum=1)  # a graph may not know them
    check_integer("width", shape[2], minimum=1)
