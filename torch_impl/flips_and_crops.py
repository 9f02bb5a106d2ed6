r"""Flips and crops: whole pixels of each image, moved.

    horizontal flip   y[n, i, j] = x[n, i, W - 1 - j]   where flips[n], else x[n, i, j]
    vertical flip     y[n, i, j] = x[n, H - 1 - i, j]   where flips[n], else x[n, i, j]
    crop              y[n, i, j] = x[n, top[n] + i, left[n] + j]

A crop is ``height`` by ``width``, no larger than the image. It may begin anywhere: outside the
image it shows fill_value (constant), the nearest pixel (a a | a b c d | d d) or the mirror image
with the edge pixel doubled (b a | a b c d | d c). To pad by p and crop at random is thus to draw
``top`` from [-p, H + p - height] and ``left`` from [-p, W + p - width].

A flip is its own inverse and its own transpose, so the gradient is flipped the same way. A crop
hands each dL/dy back to the pixel that it came from.

Images: (N, H, W, C), floating point; flips: booleans, (N,); top and left: integers, (N,). A
``ValueError`` says which argument does not fit.

Paper: He, Zhang, Ren and Sun, "Deep residual learning for image recognition", CVPR 2016, section
4.2 (a random crop of the image padded by 4 pixels, or of its flip).

Framework differences: ours are given for each image, and an image that is too small is an error.
See ``triptych differences``: augmentation-draw-per-batch, flip-one-coin, crop-at-inference,
crop-of-small-images.

Here: the gradient is PyTorch's autograd.
"""

import torch

from torch_impl.affine import FILL_MODES
from triptych.common.checks import (
    check_choice,
    check_images,
    check_integer,
    check_number,
    check_per_image,
    remembered,
)

__all__ = ["horizontal_flip", "vertical_flip", "crop"]


def horizontal_flip(images: torch.Tensor, flips: torch.Tensor) -> torch.Tensor:
    """The left and right of the images where ``flips`` is True change places."""
    _check_flips(images, flips)
    return torch.where(flips[:, None, None, None], images.flip(2), images)


def vertical_flip(images: torch.Tensor, flips: torch.Tensor) -> torch.Tensor:
    """The top and bottom of the images where ``flips`` is True change places."""
    _check_flips(images, flips)
    return torch.where(flips[:, None, None, None], images.flip(1), images)


def crop(
    images: torch.Tensor,
    top: torch.Tensor,
    left: torch.Tensor,
    height: int,
    width: int,
    *,
    fill_mode: str = "constant",
    fill_value: float = 0.0,
) -> torch.Tensor:
    """The window of ``height`` rows from ``top`` and ``width`` columns from ``left``."""
    fill_value = _check_crop(images, top, left, height, width, fill_mode, fill_value)
    n, rows, columns, _ = images.shape
    i, row_inside = _inside(top, height, rows, fill_mode)
    j, column_inside = _inside(left, width, columns, fill_mode)
    image = torch.arange(n, device=images.device)[:, None, None]
    cropped = images[image, i[:, :, None], j[:, None, :]]
    if fill_mode == "constant":
        inside = row_inside[:, :, None] & column_inside[:, None, :]
        cropped = torch.where(inside[..., None], cropped, fill_value)
    return cropped


def _inside(
    start: torch.Tensor, length: int, size: int, fill_mode: str
) -> tuple[torch.Tensor, torch.Tensor]:
    """The pixels that a window shows along a side, (N, length), and whether they are there."""
    position = start.long()[:, None] + torch.arange(length, device=start.device)
    if fill_mode == "reflect":
        position = position % (2 * size)
        position = torch.minimum(position, 2 * size - 1 - position)
    pixel = position.clamp(0, size - 1)
    return pixel, pixel == position


@remembered
def _check_flips(images: torch.Tensor, flips: torch.Tensor) -> None:
    check_images(images)
    check_per_image("flips", flips, "boolean", images.shape[0])


@remembered
def _check_crop(
    images: torch.Tensor,
    top: torch.Tensor,
    left: torch.Tensor,
    height: int,
    width: int,
    fill_mode: str,
    fill_value: float,
) -> float:
    fill_value = check_number("fill_value", fill_value)
    check_images(images)
    n, rows, columns, _ = images.shape
    check_per_image("top", top, "integer", n)
    check_per_image("left", left, "integer", n)
    check_integer("height", height, minimum=1, maximum=rows)
    check_integer("width", width, minimum=1, maximum=columns)
    check_choice("fill_mode", fill_mode, tuple(FILL_MODES))
    return fill_value
