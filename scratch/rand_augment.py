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

Here: each change is made of the images that drew it; the affine map is that of ``scratch.fast``.
"""

from typing import Any, NamedTuple

import numpy as np

from scratch.affine import affine_matrices, check_affine
from scratch.color import grayscale, grayscale_backward, saturation, saturation_backward
from scratch.fast.affine import affine, affine_backward
from scratch.intensity import clip, clip_backward
from scratch.layers import Layer
from scratch.streams import integers
from scratch.tone import (
    autocontrast,
    autocontrast_backward,
    posterize,
    posterize_backward,
    sharpness,
    sharpness_backward,
    solarize,
    solarize_backward,
)
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

__all__ = [
    "RandAugmentDraw",
    "draw_rand_augment",
    "rand_augment",
    "rand_augment_backward",
    "RandAugment",
]

MOVES = OPERATIONS.index("rotate")  # the last of those that move pixels, after the identity


class RandAugmentDraw(NamedTuple):
    """What a batch drew: arrays of shape (N, num_ops)."""

    operation: np.ndarray  # its number in OPERATIONS
    negative: np.ndarray  # whether its sign is -


def draw_rand_augment(stream: Stream, count: int, num_ops: int) -> RandAugmentDraw:
    """Draw for ``count`` images."""
    count, num_ops = _check_draw(stream, count, num_ops)
    drawn = integers(stream, (count, num_ops), 0, 2 * len(OPERATIONS))
    return RandAugmentDraw(operation=drawn // 2, negative=drawn % 2 == 1)


def rand_augment(
    images: np.ndarray,
    draw: RandAugmentDraw,
    *,
    magnitude: float = 9.0,
    interpolation: str = "bilinear",
    fill_value: float = 0.0,
) -> np.ndarray:
    """Apply what was drawn, one change after the other."""
    fill_value = _check(images, draw, magnitude, interpolation, fill_value)
    for operation, negative in zip(draw.operation.T, draw.negative.T, strict=True):
        images = _change(images, operation, negative, magnitude, interpolation, fill_value)
    return images


def rand_augment_backward(
    grad: np.ndarray,
    images: np.ndarray,
    draw: RandAugmentDraw,
    *,
    magnitude: float = 9.0,
    interpolation: str = "bilinear",
    fill_value: float = 0.0,
) -> np.ndarray:
    """dL/dimages from dL/dy and the images that ``rand_augment`` was given."""
    fill_value = _check_backward(grad, images, draw, magnitude, interpolation, fill_value)
    steps = []
    for operation, negative in zip(draw.operation.T, draw.negative.T, strict=True):
        steps.append((images, operation, negative))
        images = _change(images, operation, negative, magnitude, interpolation, fill_value)
    for images, operation, negative in reversed(steps):
        grad = _change_backward(grad, images, operation, negative, magnitude, interpolation)
    return grad


def _change(
    images: np.ndarray,
    operation: np.ndarray,
    negative: np.ndarray,
    magnitude: float,
    interpolation: str,
    fill_value: float,
) -> np.ndarray:
    """One change of each image."""
    changed, factor = images.copy(), _factor(images, negative, magnitude)
    moved = (operation > 0) & (operation <= MOVES)
    if moved.any():
        x, matrices = images[moved], _matrices(images, operation, negative, magnitude)[moved]
        check_affine(x, matrices, interpolation, "constant", fill_value)
        changed[moved] = affine(x, matrices, interpolation=interpolation, fill_value=fill_value)
    for index in range(MOVES + 1, len(OPERATIONS)):
        chosen = operation == index
        if chosen.any():
            y = _revalued(OPERATIONS[index], images[chosen], factor[chosen], magnitude)
            changed[chosen] = clip(y)
    return changed


def _change_backward(
    grad: np.ndarray,
    images: np.ndarray,
    operation: np.ndarray,
    negative: np.ndarray,
    magnitude: float,
    interpolation: str,
) -> np.ndarray:
    dx, factor = grad.copy(), _factor(images, negative, magnitude)
    moved = (operation > 0) & (operation <= MOVES)
    if moved.any():
        matrices = _matrices(images, operation, negative, magnitude)[moved]
        check_affine(grad[moved], matrices, interpolation, "constant", name="grad")
        dx[moved] = affine_backward(grad[moved], matrices, interpolation=interpolation)
    for index in range(MOVES + 1, len(OPERATIONS)):
        chosen = operation == index
        if chosen.any():
            name, x, f = OPERATIONS[index], images[chosen], factor[chosen]
            dy = clip_backward(grad[chosen], _revalued(name, x, f, magnitude))
            dx[chosen] = _revalued_backward(name, dy, x, f, magnitude)
    return dx


def _factor(images: np.ndarray, negative: np.ndarray, magnitude: float) -> np.ndarray:
    sign = 1 - 2 * negative.astype(np.result_type(images.dtype, np.float32))
    return 1 + strengths(magnitude).blend * sign


def _revalued(name: str, x: np.ndarray, factor: np.ndarray, magnitude: float) -> np.ndarray:
    """What changes values, before the clip."""
    f = factor.astype(x.dtype)[:, None, None, None]
    if name == "brightness":
        return f * x
    if name == "color":
        return saturation(x, factor)
    if name == "contrast":
        return f * x + (1 - f) * grayscale(x).mean(axis=(1, 2, 3), keepdims=True)
    if name == "sharpness":
        return sharpness(x, factor)
    if name == "posterize":
        return posterize(x, strengths(magnitude).bits)
    if name == "solarize":
        return solarize(x, strengths(magnitude).threshold)
    return autocontrast(x)


def _revalued_backward(
    name: str, grad: np.ndarray, x: np.ndarray, factor: np.ndarray, magnitude: float
) -> np.ndarray:
    f = factor.astype(x.dtype)[:, None, None, None]
    if name == "brightness":
        return f * grad
    if name == "color":
        return saturation_backward(grad, factor)
    if name == "contrast":
        mean = np.broadcast_to(grad.mean(axis=(1, 2, 3), keepdims=True), grad.shape)
        return f * grad + (1 - f) * grayscale_backward(mean)
    if name == "sharpness":
        return sharpness_backward(grad, factor)
    if name == "posterize":
        return posterize_backward(grad)
    if name == "solarize":
        return solarize_backward(grad, x, strengths(magnitude).threshold)
    return autocontrast_backward(grad, x)


def _matrices(
    images: np.ndarray, operation: np.ndarray, negative: np.ndarray, magnitude: float
) -> np.ndarray:
    """The affine map of each image, the identity where its change is another."""
    (_, height, width, _), strong = images.shape, strengths(magnitude)
    sign = 1 - 2 * negative.astype(np.result_type(images.dtype, np.float32))
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
    lean = np.array([[0, 0, 0], [1, 0, -(width - 1) / 2]], sign.dtype)
    return matrices + (strong.slope * on["shear_y"])[:, None, None] * lean


class RandAugment(Draws, Layer):
    """RandAugment in training; its draws come from (seed, name, step), its steps are counted."""

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
        super().__init__(layer_name("scratch", "rand_augment", name))
        _check_options(magnitude, interpolation, fill_value)
        self.num_ops = check_integer("num_ops", num_ops, minimum=1, maximum=MOST_OPS)
        self.options: dict[str, Any] = {
            "magnitude": magnitude,
            "interpolation": interpolation,
            "fill_value": fill_value,
        }
        self.seed = check_integer("seed", seed, maximum=2**64 - 1)
        self.state["step"] = np.zeros((), np.int64)

    def forward(self, x: np.ndarray, *, training: bool = False) -> np.ndarray:
        check_images(x)
        self._x = x
        self._draw: RandAugmentDraw | None = None
        if not training:
            return x
        stream = Stream(self.seed, self.name, self.state["step"])
        self._draw = draw_rand_augment(stream, len(x), self.num_ops)
        self.state["step"] += 1
        return rand_augment(x, self._draw, **self.options)

    def backward(self, grad: np.ndarray) -> np.ndarray:
        if self._draw is None:
            return grad
        return rand_augment_backward(grad, self._x, self._draw, **self.options)


@own_arrays
def _check(
    images: np.ndarray,
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


@own_arrays
def _check_backward(
    grad: np.ndarray,
    images: np.ndarray,
    draw: RandAugmentDraw,
    magnitude: float,
    interpolation: str,
    fill_value: float,
) -> float:
    fill_value = _check(images, draw, magnitude, interpolation, fill_value)
    check_images(grad, "grad")
    check_same_shape("grad", grad, images)
    return fill_value
