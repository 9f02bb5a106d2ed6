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

Here: windows are resized by matrices, so that one product does for a batch of them; whole images by
PyTorch's own op. In training a compiled or exported graph is one for a size of batch.
"""

import math
from typing import Any, NamedTuple

import torch
from torch import nn

from torch_impl.resize import resize, resize_weights
from torch_impl.streams import Device, uniform
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
    own_arrays,
)
from triptych.common.names import Draws, layer_name
from triptych.common.streams import Stream

__all__ = ["ResizedCropDraw", "draw_resized_crop", "resized_crop", "RandomResizedCrop"]


class ResizedCropDraw(NamedTuple):
    """The windows of a batch: integers of shape (N,)."""

    top: torch.Tensor
    left: torch.Tensor
    height: torch.Tensor
    width: torch.Tensor


def draw_resized_crop(
    stream: Stream,
    shape: tuple[int, ...],
    *,
    scale: tuple[float, float] = (0.08, 1.0),
    ratio: tuple[float, float] = (3 / 4, 4 / 3),
    dtype: str = "float32",
    device: Device = None,
) -> ResizedCropDraw:
    """Draw for a batch of images of ``shape`` (N, H, W, C)."""
    _check_draw(stream, shape, scale, ratio, dtype)
    n, rows, columns, _ = shape
    u = uniform(stream, (n, 2 * TRIES + 2), dtype=dtype, device=device)
    w, h = sides(u, rows * columns, scale, ratio)
    fits = (w > 0) & (w <= columns) & (h > 0) & (h <= rows)
    top, left, height, width = central_crop(rows, columns, ratio)
    h, w = first(fits, h, height), first(fits, w, width)
    some = fits.any(dim=1)
    return ResizedCropDraw(
        top=torch.where(some, below(u[:, -2], rows - h + 1), top),
        left=torch.where(some, below(u[:, -1], columns - w + 1), left),
        height=h,
        width=w,
    )


def sides(
    u: torch.Tensor, area: int, scale: tuple[float, float], ratio: tuple[float, float]
) -> tuple[torch.Tensor, torch.Tensor]:
    """sqrt(A r) and sqrt(A / r) of every try, rounded."""
    (small, large), (low, high) = scale, (math.log(limit) for limit in ratio)
    a = area * (small + (large - small) * u[:, :TRIES])
    r = torch.exp(low + (high - low) * u[:, TRIES : 2 * TRIES])
    return torch.round(torch.sqrt(a * r)).long(), torch.round(torch.sqrt(a / r)).long()


def first(fits: torch.Tensor, values: torch.Tensor, otherwise: int) -> torch.Tensor:
    """The value of the first try that fits."""
    order = torch.arange(TRIES, 0, -1, device=fits.device)
    chosen = values.gather(1, (fits * order).argmax(dim=1)[:, None])[:, 0]
    return torch.where(fits.any(dim=1), chosen, otherwise)


def below(u: torch.Tensor, count: torch.Tensor) -> torch.Tensor:
    """Numbers in [0, 1) made integers in {0, ..., count - 1}."""
    return torch.floor(u * count).long()


def resized_crop(
    images: torch.Tensor,
    draw: ResizedCropDraw,
    size: int | tuple[int, int],
    *,
    interpolation: str = "bilinear",
    antialias: bool = True,
) -> torch.Tensor:
    """The window of each image, with (height, width) = ``size``."""
    height, width = _check(images, draw, size, interpolation, antialias)
    dtype = torch.promote_types(images.dtype, torch.float32)
    kind: dict[str, Any] = {"interpolation": interpolation, "antialias": antialias}
    kind["dtype"] = str(dtype).removeprefix("torch.")
    rows = resize_weights(draw.top, draw.height, images.shape[1], height, **kind)
    columns = resize_weights(draw.left, draw.width, images.shape[2], width, **kind)
    resized = torch.einsum("nik,nklc,njl->nijc", rows, images.to(dtype), columns)
    return resized.to(images.dtype)


class RandomResizedCrop(Draws, nn.Module):
    """Crops in training, drawn from (seed, name, step); in inference it resizes the images."""

    step: torch.Tensor

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
    ) -> None:
        super().__init__()
        self.name = layer_name("torch", "random_resized_crop", name)
        check_filter(interpolation, antialias)
        self.size = check_pair("size", size)
        self.scale = check_range("scale", scale, "(0, 1]")
        self.ratio = check_range("ratio", ratio, "(0, inf)")
        self.options: dict[str, Any] = {"interpolation": interpolation, "antialias": antialias}
        self.seed = check_integer("seed", seed, maximum=2**64 - 1)
        self.register_buffer("step", torch.zeros((), dtype=torch.int64))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        check_images(x)
        if not self.training:
            return resize(x, self.size, **self.options)
        stream = Stream(self.seed, self.name, self.step)
        draw = draw_resized_crop(
            stream,
            tuple(x.shape),
            scale=self.scale,
            ratio=self.ratio,
            dtype="float64" if x.dtype == torch.float64 else "float32",
            device=x.device,
        )
        self.step += 1
        return resized_crop(x, draw, self.size, **self.options)

    def extra_repr(self) -> str:
        return f"size={self.size}, scale={self.scale}, ratio={self.ratio}"


@own_arrays
def _check(
    images: torch.Tensor, draw: ResizedCropDraw, size: Any, interpolation: str, antialias: bool
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
    check_images(tuple(shape))
    check_range("scale", scale, "(0, 1]")
    check_range("ratio", ratio, "(0, inf)")
