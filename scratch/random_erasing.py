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

Here: the gradient is handed on outside of the rectangle.
"""

from typing import Any, NamedTuple

import numpy as np

from scratch.layers import Layer
from scratch.random_resized_crop import below, first, sides
from scratch.streams import normal, uniform
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
    own_arrays,
)
from triptych.common.names import Draws, layer_name
from triptych.common.streams import Stream

__all__ = [
    "RandomErasingDraw",
    "draw_random_erasing",
    "random_erasing",
    "random_erasing_backward",
    "RandomErasing",
]


class RandomErasingDraw(NamedTuple):
    """The rectangles of a batch, integers of shape (N,), and noise of the images' shape."""

    top: np.ndarray
    left: np.ndarray
    height: np.ndarray
    width: np.ndarray
    noise: np.ndarray | None


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
    fits = (h < rows) & (w < columns) & (coin[:, None] < probability)
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


def random_erasing(
    images: np.ndarray, draw: RandomErasingDraw, *, value: float = 0.0
) -> np.ndarray:
    """Fill the rectangle of each image with ``value``, or with the noise that was drawn."""
    value = _check(images, draw, value)
    fill = np.asarray(value) if draw.noise is None else draw.noise
    return np.where(_inside(images, draw), fill.astype(images.dtype), images)


def random_erasing_backward(grad: np.ndarray, draw: RandomErasingDraw) -> np.ndarray:
    """dL/dimages from dL/dy."""
    _check(grad, draw, 0.0, "grad")
    return np.where(_inside(grad, draw), np.zeros((), grad.dtype), grad)


def _inside(images: np.ndarray, draw: RandomErasingDraw) -> np.ndarray:
    """Booleans (N, H, W, 1): in the rectangle."""
    _, rows, columns, _ = images.shape
    i, j = np.arange(rows) - draw.top[:, None], np.arange(columns) - draw.left[:, None]
    in_rows = (i >= 0) & (i < draw.height[:, None])
    in_columns = (j >= 0) & (j < draw.width[:, None])
    return (in_rows[:, :, None] & in_columns[:, None, :])[..., None]


class RandomErasing(Draws, Layer):
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
    ) -> None:
        super().__init__(layer_name("scratch", "random_erasing", name))
        self.probability = check_number("probability", probability, "[0, 1]")
        self.scale = check_range("scale", scale, "(0, 1]")
        self.ratio = check_range("ratio", ratio, "(0, inf)")
        self.value = None if value is None else check_number("value", value)
        self.seed = check_integer("seed", seed, maximum=2**64 - 1)
        self.state["step"] = np.zeros((), np.int64)

    def forward(self, x: np.ndarray, *, training: bool = False) -> np.ndarray:
        check_images(x)
        self._draw: RandomErasingDraw | None = None
        if not training:
            return x
        self._draw = draw_random_erasing(
            Stream(self.seed, self.name, self.state["step"]),
            x.shape,
            probability=self.probability,
            scale=self.scale,
            ratio=self.ratio,
            noise=self.value is None,
            dtype="float64" if x.dtype == np.float64 else "float32",
        )
        self.state["step"] += 1
        return random_erasing(x, self._draw, value=self.value or 0.0)

    def backward(self, grad: np.ndarray) -> np.ndarray:
        return grad if self._draw is None else random_erasing_backward(grad, self._draw)


@own_arrays
def _check(
    images: np.ndarray, draw: RandomErasingDraw, value: float, name: str = "images"
) -> float:
    check_images(images, name)
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
    check_images(tuple(shape))
    check_number("probability", probability, "[0, 1]")
    check_range("scale", scale, "(0, 1]")
    check_range("ratio", ratio, "(0, inf)")
