r"""RandAugment: a few changes out of thirteen, drawn for each image, all of one magnitude.

    num_ops times:  x[n] <- change o of x[n],  o uniform over the thirteen, for each image by itself
    m = magnitude / 30 in [0, 1];  where there is a +-, a fair coin has the sign

    identity
    shear x, shear y           by a slope of +- 0.3 m, about the centre
    translate x, translate y   by +- 150/331 m of the side
    rotate                     by +- 30 m degrees
    brightness                 f x                                       f = 1 +- 0.9 m
    color                      f x + (1 - f) grey of the pixel
    contrast                   f x + (1 - f) mean of the grey of the image
    sharpness                  f x + (1 - f) the smoothed image
    posterize                  to 8 - round(4 m) bits
    solarize                   1 - x from 1 - m on, counted in levels of 8 bits
    autocontrast

The result of every change of values is clipped to [0, 1]. The paper's fourteenth, equalize, is left
out. Images of one channel have no colour: there color is the identity. The gradient is that of the
changes in reverse order. In inference images pass unchanged.

Images: (N, H, W, 1) or (N, H, W, 3), floating point in [0, 1]; num_ops: an integer in [1, 100];
magnitude: a number in [0, 30]; fill_value, for what comes in from outside: a number in [0, 1]. A
``ValueError`` says which argument does not fit.

Paper: Cubuk, Zoph, Shlens and Le, "RandAugment: practical automated data augmentation with a
reduced search space", NeurIPS 2020.

Framework differences: we draw for each image, from the stream (seed, name, step), take the paper's
strengths as torchvision does, shear about the centre, bilinearly, and translate by parts of pixels
too. See ``triptych differences``: rand-augment-draws, shear-units, brightness-multiplies,
posterize-levels, augmentation-fill.

Here: each change is made of the images that drew it, so that in training the layer cannot become
one graph (``torch.compile(fullgraph=True)``, ``torch.export``); the gradient is PyTorch's autograd.
"""

from typing import Any, NamedTuple

import torch
from torch import nn

from torch_impl.affine import affine, affine_matrices
from torch_impl.color import grayscale, saturation
from torch_impl.intensity import clip
from torch_impl.streams import Device, integers
from torch_impl.tone import autocontrast, posterize, sharpness, solarize
from triptych.common.checks import (
    INTERPOLATIONS,
    MOST_WORDS,
    check_choice,
    check_colors,
    check_draw,
    check_images,
    check_integer,
    check_kind,
    check_number,
    check_same_shape,
    check_unit,
    own_arrays,
    remembered,
    shape_of,
)
from triptych.common.names import Draws, layer_name
from triptych.common.rand_augment import MOST_OPS, OPERATIONS, strengths
from triptych.common.streams import Stream

__all__ = ["RandAugmentDraw", "draw_rand_augment", "rand_augment", "RandAugment"]

MOVES = OPERATIONS.index("rotate")  # the last of those that move pixels, after the identity


class RandAugmentDraw(NamedTuple):
    """What a batch drew: tensors of shape (N, num_ops)."""

    operation: torch.Tensor  # its number in OPERATIONS
    negative: torch.Tensor  # whether its sign is -


def draw_rand_augment(
    stream: Stream, count: int, num_ops: int, *, device: Device = None
) -> RandAugmentDraw:
    """Draw for ``count`` images."""
    count, num_ops = _check_draw(stream, count, num_ops)
    drawn = integers(stream, (count, num_ops), 0, 2 * len(OPERATIONS), device=device)
    return RandAugmentDraw(operation=drawn // 2, negative=drawn % 2 == 1)


def rand_augment(
    images: torch.Tensor,
    draw: RandAugmentDraw,
    *,
    magnitude: float = 9.0,
    interpolation: str = "bilinear",
    fill_value: float = 0.0,
) -> torch.Tensor:
    """Apply what was drawn, one change after the other."""
    fill_value = _check(images, draw, magnitude, interpolation, fill_value)
    for operation, negative in zip(draw.operation.T, draw.negative.T, strict=True):
        images = _change(images, operation, negative, magnitude, interpolation, fill_value)
    return images


def _change(
    images: torch.Tensor,
    operation: torch.Tensor,
    negative: torch.Tensor,
    magnitude: float,
    interpolation: str,
    fill_value: float,
) -> torch.Tensor:
    """One change of each image."""
    changed = images.clone()
    sign = 1 - 2 * negative.to(torch.promote_types(images.dtype, torch.float32))
    moved = (operation > 0) & (operation <= MOVES)
    if moved.any():
        matrices = _matrices(images, operation, sign, magnitude)[moved]
        options: dict[str, Any] = {"interpolation": interpolation, "fill_value": fill_value}
        changed[moved] = affine(images[moved], matrices, **options)
    factor = 1 + strengths(magnitude).blend * sign
    for index in range(MOVES + 1, len(OPERATIONS)):
        chosen = operation == index
        if chosen.any():
            y = _revalued(OPERATIONS[index], images[chosen], factor[chosen], magnitude)
            changed[chosen] = clip(y)
    return changed


def _revalued(name: str, x: torch.Tensor, factor: torch.Tensor, magnitude: float) -> torch.Tensor:
    """What changes values, before the clip."""
    f = factor.to(x.dtype)[:, None, None, None]
    if name == "brightness":
        return f * x
    if name == "color":
        return saturation(x, factor)
    if name == "contrast":
        return f * x + (1 - f) * grayscale(x).mean(dim=(1, 2, 3), keepdim=True)
    if name == "sharpness":
        return sharpness(x, factor)
    if name == "posterize":
        return posterize(x, strengths(magnitude).bits)
    if name == "solarize":
        return solarize(x, strengths(magnitude).threshold)
    return autocontrast(x)


def _matrices(
    images: torch.Tensor, operation: torch.Tensor, sign: torch.Tensor, magnitude: float
) -> torch.Tensor:
    """The affine map of each image, the identity where its change is another."""
    (_, height, width, _), strong = images.shape, strengths(magnitude)
    on = {name: sign * (operation == index) for index, name in enumerate(OPERATIONS)}
    matrices = affine_matrices(
        height,
        width,
        rotation=strong.rotation * on["rotate"],
        zoom=0 * sign,
        translation_x=strong.translation * on["translate_x"],
        translation_y=strong.translation * on["translate_y"],
        shear=strong.shear * on["shear_x"],
    )
    lean = sign.new_tensor([[0, 0, 0], [1, 0, -(width - 1) / 2]])
    return matrices + (strong.slope * on["shear_y"])[:, None, None] * lean


class RandAugment(Draws, nn.Module):
    """RandAugment in training; its draws come from (seed, name, step), its steps are counted."""

    step: torch.Tensor

    def __init__(
        self,
        num_ops: int = 2,
        magnitude: float = 9.0,
        *,
        interpolation: str = "bilinear",
        fill_value: float = 0.0,
        seed: int = 0,
        name: str | None = None,
    ) -> None:
        super().__init__()
        self.name = layer_name("torch", "rand_augment", name)
        _check_options(magnitude, interpolation, fill_value)
        self.num_ops = check_integer("num_ops", num_ops, minimum=1, maximum=MOST_OPS)
        self.options: dict[str, Any] = {
            "magnitude": magnitude,
            "interpolation": interpolation,
            "fill_value": fill_value,
        }
        self.seed = check_integer("seed", seed, maximum=2**64 - 1)
        self.register_buffer("step", torch.zeros((), dtype=torch.int64))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        check_images(x)
        if not self.training:
            return x
        stream = Stream(self.seed, self.name, self.step)
        draw = draw_rand_augment(stream, len(x), self.num_ops, device=x.device)
        self.step += 1
        return rand_augment(x, draw, **self.options)

    def extra_repr(self) -> str:
        return f"num_ops={self.num_ops}, magnitude={self.options['magnitude']}"


@own_arrays
def _check(
    images: torch.Tensor,
    draw: RandAugmentDraw,
    magnitude: float,
    interpolation: str,
    fill_value: float,
) -> float:
    check_colors(images)
    check_kind("draw", draw, RandAugmentDraw)
    shape = tuple(shape_of(draw.operation, "draw.operation"))
    if len(shape) != 2:
        raise ValueError(f"draw.operation must have shape (N, num_ops), got shape {shape}")
    check_same_shape("draw.operation", draw.operation, (images.shape[0], shape[1]))
    check_same_shape("draw.negative", draw.negative, draw.operation)
    check_unit("images", images)
    return _check_options(magnitude, interpolation, fill_value)


@remembered
def _check_options(magnitude: float, interpolation: str, fill_value: float) -> float:
    check_number("magnitude", magnitude, "[0, 30]")
    check_choice("interpolation", interpolation, INTERPOLATIONS)
    return check_number("fill_value", fill_value, "[0, 1]")


def _check_draw(stream: Stream, count: int, num_ops: int) -> tuple[int, int]:
    check_draw(stream, ())
    num_ops = check_integer("num_ops", num_ops, minimum=1, maximum=MOST_OPS)
    return check_integer("count", count, maximum=MOST_WORDS // num_ops), num_ops
