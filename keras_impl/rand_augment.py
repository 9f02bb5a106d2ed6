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

Here: every change is made of all images and then chosen from, so that shapes are known before the
draw. The gradient is the backend's.
"""

from typing import Any, NamedTuple

import keras
from keras import ops

from keras_impl.affine import affine, affine_matrices
from keras_impl.color import grayscale, saturation
from keras_impl.intensity import clip
from keras_impl.layers import Checked, verbatim
from keras_impl.streams import integers
from keras_impl.tone import autocontrast, posterize, sharpness, solarize
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

    operation: Any  # its number in OPERATIONS
    negative: Any  # whether its sign is -


def draw_rand_augment(stream: Stream, count: int, num_ops: int) -> RandAugmentDraw:
    """Draw for ``count`` images."""
    count, num_ops = _check_draw(stream, count, num_ops)
    drawn = integers(stream, (count, num_ops), 0, 2 * len(OPERATIONS))
    return RandAugmentDraw(operation=drawn // 2, negative=ops.equal(ops.mod(drawn, 2), 1))


def rand_augment(
    images: Any,
    draw: RandAugmentDraw,
    *,
    magnitude: float = 9.0,
    interpolation: str = "bilinear",
    fill_value: float = 0.0,
) -> Any:
    """Apply what was drawn, one change after the other."""
    fill_value = _check(images, draw, magnitude, interpolation, fill_value)
    for index in range(draw.operation.shape[1]):
        operation, negative = draw.operation[:, index], draw.negative[:, index]
        images = _change(images, operation, negative, magnitude, interpolation, fill_value)
    return images


def _change(
    images: Any,
    operation: Any,
    negative: Any,
    magnitude: float,
    interpolation: str,
    fill_value: float,
) -> Any:
    """One change of each image."""
    dtype = keras.backend.result_type(images.dtype, "float32")
    sign = 1 - 2 * ops.cast(negative, dtype)
    matrices = _matrices(images, operation, sign, magnitude)
    options: dict[str, Any] = {"interpolation": interpolation, "fill_value": fill_value}
    moved = ops.logical_and(operation > 0, operation <= MOVES)[:, None, None, None]
    changed = ops.where(moved, affine(images, matrices, **options), images)
    factor = 1 + strengths(magnitude).blend * sign
    for index in range(MOVES + 1, len(OPERATIONS)):
        chosen = ops.equal(operation, index)[:, None, None, None]
        y = _revalued(OPERATIONS[index], images, factor, magnitude)
        changed = ops.where(chosen, clip(y), changed)
    return changed


def _revalued(name: str, x: Any, factor: Any, magnitude: float) -> Any:
    """What changes values, before the clip."""
    f = ops.cast(factor, x.dtype)[:, None, None, None]
    if name == "brightness":
        return f * x
    if name == "color":
        return saturation(x, factor)
    if name == "contrast":
        return f * x + (1 - f) * ops.mean(grayscale(x), axis=(1, 2, 3), keepdims=True)
    if name == "sharpness":
        return sharpness(x, factor)
    if name == "posterize":
        return posterize(x, strengths(magnitude).bits)
    if name == "solarize":
        return solarize(x, strengths(magnitude).threshold)
    return autocontrast(x)


def _matrices(images: Any, operation: Any, sign: Any, magnitude: float) -> Any:
    """The affine map of each image, the identity where its change is another."""
    (_, height, width, _), strong = images.shape, strengths(magnitude)
    on = {
        name: sign * ops.cast(ops.equal(operation, index), sign.dtype)
        for index, name in enumerate(OPERATIONS)
    }
    matrices = affine_matrices(
        height,
        width,
        rotation=strong.rotation * on["rotate"],
        zoom=0 * sign,
        translation_x=strong.translation * on["translate_x"],
        translation_y=strong.translation * on["translate_y"],
        shear=strong.shear * on["shear_x"],
    )
    lean = ops.convert_to_tensor([[0, 0, 0], [1, 0, -(width - 1) / 2]], dtype=sign.dtype)
    return matrices + (strong.slope * on["shear_y"])[:, None, None] * lean


@keras.saving.register_keras_serializable("triptych")
class RandAugment(Checked, Draws, keras.layers.Layer):
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
        **kwargs: Any,
    ) -> None:
        name = layer_name("keras", "rand_augment", name)
        super().__init__(name=name, **kwargs)
        _check_options(magnitude, interpolation, fill_value)
        self.num_ops = check_integer("num_ops", num_ops, minimum=1, maximum=MOST_OPS)
        self.options: dict[str, Any] = {
            "magnitude": magnitude,
            "interpolation": interpolation,
            "fill_value": fill_value,
        }
        self.seed = check_integer("seed", seed, maximum=2**64 - 1)
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
        draw = draw_rand_augment(stream, ops.shape(inputs)[0], self.num_ops)
        self.step.assign_add(1)
        return rand_augment(inputs, draw, **self.options)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        own = {"num_ops": self.num_ops, "seed": self.seed}
        return super().get_config() | own | self.options


@own_arrays
def _check(
    images: Any, draw: RandAugmentDraw, magnitude: float, interpolation: str, fill_value: float
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


def _check_draw(stream: Stream, count: Any, num_ops: int) -> tuple[Any, int]:
    check_draw(stream, ())
    num_ops = check_integer("num_ops", num_ops, minimum=1, maximum=MOST_OPS)
    if ops.is_tensor(count):  # in a graph, where its value cannot be read
        return count, num_ops
    return check_integer("count", count, maximum=MOST_WORDS // num_ops), num_ops
