r"""Random erasing: a rectangle of each image, of random area and shape, is filled.

    A = area of the image * U(scale)              r = exp(U(log ratio))
    h = sqrt(A r), w = sqrt(A / r), rounded       the first of ten tries with h < H and w < W
    top in {0, ..., H - h}, left in {0, ..., W - w}, each equally likely
    U(a, b): uniform between a and b

    y = value, or noise ~ N(0, 1)   inside of the rectangle
      = x                           elsewhere                        dx = dy [elsewhere]

Each image is erased with the given probability; not, if none of its tries fits. In inference images
pass unchanged.

Images: (N, H, W, C), floating point; value: a number, or None for noise; probability: a number in
[0, 1]; scale: two numbers in (0, 1]; ratio (height / width): two numbers in (0, inf). A
``ValueError`` says which argument does not fit.

Paper: Zhong, Zheng, Kang, Li and Yang, "Random erasing data augmentation", AAAI 2020.

Framework differences: drawn as torchvision does, for each image, all tries at once: 23 numbers from
the stream (seed, name, step), ten areas, ten log ratios, then top, left and the coin, and the noise
from (seed, "name/noise", step). See ``triptych differences``: erasing-probability, erasing-fill,
augmentation-draw-per-batch.

Here: the gradient is the backend's.
"""

from typing import Any, NamedTuple

import keras
from keras import ops

from keras_impl.layers import Checked, verbatim
from keras_impl.random_resized_crop import below, first, sides
from keras_impl.streams import normal, uniform
from triptych.common.boxes import TRIES
from triptych.common.checks import (
    check_draw,
    check_dtype,
    check_flag,
    check_images,
    check_integer,
    check_kind,
    check_number,
    check_per_image,
    check_range,
    check_same_shape,
    dtype_name,
    own_arrays,
)
from triptych.common.names import Draws, layer_name
from triptych.common.streams import Stream

__all__ = ["RandomErasingDraw", "draw_random_erasing", "random_erasing", "RandomErasing"]


class RandomErasingDraw(NamedTuple):
    """The rectangles of a batch, integers of shape (N,), and noise of the images' shape."""

    top: Any
    left: Any
    height: Any
    width: Any
    noise: Any | None


def draw_random_erasing(
    stream: Stream,
    shape: tuple[int, ...],
    *,
    probability: float = 0.5,
    scale: tuple[float, float] = (0.02, 0.33),
    ratio: tuple[float, float] = (0.3, 3.3),
    noise: bool = False,
    dtype: str = "float32",
) -> RandomErasingDraw:
    """Draw for a batch of images of ``shape`` (N, H, W, C); a height of 0 erases nothing."""
    _check_draw(stream, shape, probability, scale, ratio, noise, dtype)
    n, rows, columns, _ = shape
    u = uniform(stream, (n, 2 * TRIES + 3), dtype=dtype)
    u_top, u_left, coin = u[:, -3], u[:, -2], u[:, -1]
    h, w = sides(u, rows * columns, scale, ratio)
    fits = ops.logical_and(ops.logical_and(h < rows, w < columns), coin[:, None] < probability)
    h, w = first(fits, h, 0), first(fits, w, 0)
    drawn = None
    if noise:
        noise_stream = stream._replace(layer=f"{stream.layer}/noise")
        drawn = normal(noise_stream, shape, dtype=dtype)
    return RandomErasingDraw(
        top=below(u_top, rows - h + 1),
        left=below(u_left, columns - w + 1),
        height=h,
        width=w,
        noise=drawn,
    )


def random_erasing(images: Any, draw: RandomErasingDraw, *, value: float = 0.0) -> Any:
    """Fill the rectangle of each image with ``value``, or with the noise that was drawn."""
    value = _check(images, draw, value)
    if draw.noise is None:
        fill = ops.convert_to_tensor(value, dtype=images.dtype)
    else:
        fill = ops.cast(draw.noise, images.dtype)
    return ops.where(_inside(images, draw), fill, images)


def _inside(images: Any, draw: RandomErasingDraw) -> Any:
    """Booleans (N, H, W, 1): in the rectangle."""
    _, rows, columns, _ = images.shape
    i = ops.arange(rows, dtype="int64") - ops.cast(draw.top, "int64")[:, None]
    j = ops.arange(columns, dtype="int64") - ops.cast(draw.left, "int64")[:, None]
    in_rows = ops.logical_and(i >= 0, i < ops.cast(draw.height, "int64")[:, None])
    in_columns = ops.logical_and(j >= 0, j < ops.cast(draw.width, "int64")[:, None])
    return ops.logical_and(in_rows[:, :, None], in_columns[:, None, :])[..., None]


@keras.saving.register_keras_serializable("triptych")
class RandomErasing(Checked, Draws, keras.layers.Layer):
    """Erases in training, drawn from (seed, name, step)."""

    def __init__(
        self,
        probability: float = 0.5,
        *,
        scale: tuple[float, float] = (0.02, 0.33),
        ratio: tuple[float, float] = (0.3, 3.3),
        value: float | None = 0.0,
        seed: int = 0,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        name = layer_name("keras", "random_erasing", name)
        super().__init__(name=name, **kwargs)
        self.probability = check_number("probability", probability, "[0, 1]")
        self.scale = check_range("scale", scale, "(0, 1]")
        self.ratio = check_range("ratio", ratio, "(0, inf)")
        self.value = None if value is None else check_number("value", value)
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
        draw = draw_random_erasing(
            Stream(self.seed, self.name, self.step.value),
            (ops.shape(inputs)[0], *inputs.shape[1:]),
            probability=self.probability,
            scale=self.scale,
            ratio=self.ratio,
            noise=self.value is None,
            dtype="float64" if dtype_name(inputs) == "float64" else "float32",
        )
        self.step.assign_add(1)
        return random_erasing(inputs, draw, value=self.value or 0.0)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        own = {
            "probability": self.probability,
            "scale": self.scale,
            "ratio": self.ratio,
            "value": self.value,
            "seed": self.seed,
        }
        return super().get_config() | own


@own_arrays
def _check(images: Any, draw: RandomErasingDraw, value: float) -> float:
    check_images(images)
    check_kind("draw", draw, RandomErasingDraw)
    for field in ("top", "left", "height", "width"):
        check_per_image(f"draw.{field}", getattr(draw, field), "integer", images.shape[0])
    if draw.noise is not None:
        check_same_shape("draw.noise", draw.noise, images)
    return check_number("value", value)


def _check_draw(
    stream: Stream,
    shape: tuple[Any, ...],
    probability: float,
    scale: tuple[float, float],
    ratio: tuple[float, float],
    noise: bool,
    dtype: str,
) -> None:
    check_draw(stream, shape)
    check_dtype(dtype)
    check_flag("noise", noise)
    check_images(tuple(size if isinstance(size, int) else None for size in shape))
    check_number("probability", probability, "[0, 1]")
    check_range("scale", scale, "(0, 1]")
    check_range("ratio", ratio, "(0, inf)")
    check_integer("height", shape[1], minimum=1)  # a graph may not know them
    check_integer("width", shape[2], minimum=1)
