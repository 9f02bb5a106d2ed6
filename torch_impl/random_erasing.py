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

Here: the gradient is PyTorch's autograd.
"""

from typing import Any, NamedTuple

import torch
from torch import nn

from torch_impl.random_resized_crop import below, first, sides
from torch_impl.streams import Device, normal, uniform
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

__all__ = ["RandomErasingDraw", "draw_random_erasing", "random_erasing", "RandomErasing"]


class RandomErasingDraw(NamedTuple):
    """The rectangles of a batch, integers of shape (N,), and noise of the images' shape."""

    top: torch.Tensor
    left: torch.Tensor
    height: torch.Tensor
    width: torch.Tensor
    noise: torch.Tensor | None


def draw_random_erasing(
    stream: Stream,
    shape: tuple[int, ...],
    *,
    probability: float = 0.5,
    scale: tuple[float, float] = (0.02, 0.33),
    ratio: tuple[float, float] = (0.3, 3.3),
    noise: bool = False,
    dtype: str = "float32",
    device: Device = None,
) -> RandomErasingDraw:
    """Draw for a batch of images of ``shape`` (N, H, W, C); a height of 0 erases nothing."""
    _check_draw(stream, shape, probability, scale, ratio, noise, dtype)
    n, rows, columns, _ = shape
    u = uniform(stream, (n, 2 * TRIES + 3), dtype=dtype, device=device)
    u_top, u_left, coin = u[:, -3], u[:, -2], u[:, -1]
    h, w = sides(u, rows * columns, scale, ratio)
    fits = (h < rows) & (w < columns) & (coin[:, None] < probability)
    h, w = first(fits, h, 0), first(fits, w, 0)
    drawn = None
    if noise:
        noise_stream = stream._replace(layer=f"{stream.layer}/noise")
        drawn = normal(noise_stream, shape, dtype=dtype, device=device)
    return RandomErasingDraw(
        top=below(u_top, rows - h + 1),
        left=below(u_left, columns - w + 1),
        height=h,
        width=w,
        noise=drawn,
    )


def random_erasing(
    images: torch.Tensor, draw: RandomErasingDraw, *, value: float = 0.0
) -> torch.Tensor:
    """Fill the rectangle of each image with ``value``, or with the noise that was drawn."""
    value = _check(images, draw, value)
    fill = images.new_full((), value) if draw.noise is None else draw.noise.to(images.dtype)
    return torch.where(_inside(images, draw), fill, images)


def _inside(images: torch.Tensor, draw: RandomErasingDraw) -> torch.Tensor:
    """Booleans (N, H, W, 1): in the rectangle."""
    _, rows, columns, _ = images.shape
    i = torch.arange(rows, device=images.device) - draw.top[:, None]
    j = torch.arange(columns, device=images.device) - draw.left[:, None]
    in_rows = (i >= 0) & (i < draw.height[:, None])
    in_columns = (j >= 0) & (j < draw.width[:, None])
    return (in_rows[:, :, None] & in_columns[:, None, :])[..., None]


class RandomErasing(Draws, nn.Module):
    """Erases in training, drawn from (seed, name, step)."""

    step: torch.Tensor

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
        super().__init__()
        self.name = layer_name("torch", "random_erasing", name)
        self.probability = check_number("probability", probability, "[0, 1]")
        self.scale = check_range("scale", scale, "(0, 1]")
        self.ratio = check_range("ratio", ratio, "(0, inf)")
        self.value = None if value is None else check_number("value", value)
        self.seed = check_integer("seed", seed, maximum=2**64 - 1)
        self.register_buffer("step", torch.zeros((), dtype=torch.int64))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        check_images(x)
        if not self.training:
            return x
        draw = draw_random_erasing(
            Stream(self.seed, self.name, self.step),
            tuple(x.shape),
            probability=self.probability,
            scale=self.scale,
            ratio=self.ratio,
            noise=self.value is None,
            dtype="float64" if x.dtype == torch.float64 else "float32",
            device=x.device,
        )
        self.step += 1
        return random_erasing(x, draw, value=self.value or 0.0)

    def extra_repr(self) -> str:
        return f"probability={self.probability}, scale={self.scale}, ratio={self.ratio}"


@own_arrays
def _check(images: torch.Tensor, draw: RandomErasingDraw, value: float) -> float:
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
    check_images(tuple(shape))
    check_number("probability", probability, "[0, 1]")
    check_range("scale", scale, "(0, 1]")
    check_range("ratio", ratio, "(0, inf)")
