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

Here: the gradient is PyTorch's autograd.
"""

from typing import Any, NamedTuple

import torch
from torch import nn

from torch_impl.affine import affine, affine_matrices
from torch_impl.cutout import cutout
from torch_impl.flips_and_crops import crop, horizontal_flip, vertical_flip
from torch_impl.intensity import brightness, clip, contrast, gaussian_noise
from torch_impl.streams import Device, normal, uniform
from triptych.common.checks import (
    check_draw,
    check_dtype,
    check_images,
    check_kind,
    check_per_image,
    check_unit,
    own_arrays,
)
from triptych.common.names import Draws, layer_name
from triptych.common.recipes import AugmentationRecipe
from triptych.common.streams import Stream

__all__ = ["AugmentationDraw", "draw_augmentation", "augment", "Augmentation"]


class AugmentationDraw(NamedTuple):
    """What a batch drew: tensors of shape (N,), and the noise of the images' shape."""

    rotation: torch.Tensor
    zoom: torch.Tensor
    translation_x: torch.Tensor
    translation_y: torch.Tensor
    shear: torch.Tensor
    horizontal_flip: torch.Tensor
    vertical_flip: torch.Tensor
    crop_top: torch.Tensor
    crop_left: torch.Tensor
    brightness: torch.Tensor
    contrast: torch.Tensor
    cutout_row: torch.Tensor
    cutout_column: torch.Tensor
    noise: torch.Tensor | None


def draw_augmentation(
    stream: Stream,
    shape: tuple[int, ...],
    recipe: AugmentationRecipe,
    *,
    dtype: str = "float32",
    device: Device = None,
) -> AugmentationDraw:
    """Draw for a batch of images of ``shape`` (N, H, W, C)."""
    _check_draw(stream, shape, recipe, dtype)
    n, height, width, _ = shape
    u = uniform(stream, (n, 13), dtype=dtype, device=device).T
    offsets = 2 * recipe.crop_padding + 1
    noise = None
    if recipe.noise > 0:
        noise_stream = stream._replace(layer=f"{stream.layer}/noise")
        noise = normal(noise_stream, shape, dtype=dtype, device=device)
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


def _symmetric(u: torch.Tensor, limit: float) -> torch.Tensor:
    """Numbers in [0, 1) spread over [-limit, limit)."""
    return (2 * u - 1) * limit


def _below(u: torch.Tensor, count: int) -> torch.Tensor:
    """Numbers in [0, 1) made integers in {0, ..., count - 1}."""
    return torch.floor(u * count).long()


def augment(
    images: torch.Tensor, draw: AugmentationDraw, recipe: AugmentationRecipe
) -> torch.Tensor:
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


def _matrices(images: torch.Tensor, draw: AugmentationDraw) -> torch.Tensor:
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


class Augmentation(Draws, nn.Module):
    """Augmentation in training; its draws come from (seed, name, step), its steps are counted."""

    step: torch.Tensor

    def __init__(
        self, recipe: AugmentationRecipe, *, seed: int = 0, name: str | None = None
    ) -> None:
        super().__init__()
        self.recipe, self.seed = recipe, seed
        self.name = layer_name("torch", "augmentation", name)
        self.register_buffer("step", torch.zeros((), dtype=torch.int64))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        check_images(x)
        if not self.training:
            return x
        stream = Stream(self.seed, self.name, self.step)
        dtype = "float64" if x.dtype == torch.float64 else "float32"
        draw = draw_augmentation(stream, tuple(x.shape), self.recipe, dtype=dtype, device=x.device)
        self.step += 1
        return augment(x, draw, self.recipe)

    def extra_repr(self) -> str:
        return str(self.recipe)


@own_arrays
def _check(images: torch.Tensor, draw: AugmentationDraw, recipe: AugmentationRecipe) -> None:
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
