r"""Tone: grey levels and edges of an image, changed.

    posterize     y = (q - q mod 2^(8 - bits)) / 255,  q = floor(255 x + 1/2 + 2^-10)         dx = 0
    solarize      y = x below the threshold, else 1 - x                            dx = dy, else -dy
    autocontrast  y = (x - m) / (M - m), where M and m are the extremes of a channel of an image
    sharpness     y = factor x + (1 - factor) s
                  s = (5 x + the 8 pixels around it) / 13; on the border of the image x itself

The gradient of the autocontrast is that of M and m too, shared evenly by the pixels that have that
value; a channel of one value stays as it is. Posterizing keeps the first ``bits`` bits of q, the
nearest grey level of eight bits; images that were sheared have pixels just between two levels, and
with the 2^-10 no rounding of the last digit decides where they go. A sharpness of 0 is smooth, 1
changes nothing, and more than 1 may leave [0, 1].

Images: (N, H, W, C), floating point in [0, 1]; factor: floating point, (N,); bits: an integer in
[1, 8]; threshold: a number in [0, 1]. A ``ValueError`` says which argument does not fit.

Framework differences: we posterize to the levels of 8 bits, as Pillow and Keras. See ``triptych
differences``: posterize-levels, sharpness-centre, brightness-range.

Here: smoothing is average pooling, times 9; the gradient is PyTorch's autograd.
"""

import torch

from torch_impl.pooling import average_pool2d
from triptych.common.checks import (
    check_images,
    check_integer,
    check_number,
    check_per_image,
    remembered,
)

__all__ = ["posterize", "solarize", "autocontrast", "sharpness"]

NEAREST = 0.5 + 2**-10


def posterize(images: torch.Tensor, bits: int) -> torch.Tensor:
    """Keep the first ``bits`` bits of eight."""
    bits = _check_posterize(images, bits)
    level = torch.floor(255 * images + NEAREST)
    return (level - level % 2 ** (8 - bits)) / 255


def solarize(images: torch.Tensor, threshold: float) -> torch.Tensor:
    """Invert the pixels from ``threshold`` on."""
    threshold = _check_solarize(images, threshold)
    return torch.where(images < threshold, images, 1 - images)


def autocontrast(images: torch.Tensor) -> torch.Tensor:
    """Stretch each channel of each image over [0, 1]."""
    check_images(images)
    low, high = images.amin(dim=(1, 2), keepdim=True), images.amax(dim=(1, 2), keepdim=True)
    flat = low == high
    return torch.where(flat, images, (images - low) / torch.where(flat, 1, high - low))


def sharpness(images: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """Blend each image with its smoothed self, or away from it."""
    _check_sharpness(images, factor)
    factor = factor.to(images.dtype)[:, None, None, None]
    smooth = torch.where(_inside(images), _smooth(images), images)
    return factor * images + (1 - factor) * smooth


def _smooth(images: torch.Tensor) -> torch.Tensor:
    """5/13 of each pixel and 1/13 of those around it, with zeros outside."""
    around = average_pool2d(images, 3, stride=1, padding="same", count_include_pad=True)
    return (9 * around + 4 * images) / 13


def _inside(images: torch.Tensor) -> torch.Tensor:
    """Booleans (H, W, 1): not on the border."""
    inside = torch.zeros(images.shape[1:3], dtype=torch.bool, device=images.device)
    inside[1:-1, 1:-1] = True
    return inside[..., None]


@remembered
def _check_posterize(images: torch.Tensor, bits: int) -> int:
    check_images(images)
    return check_integer("bits", bits, minimum=1, maximum=8)


@remembered
def _check_solarize(images: torch.Tensor, threshold: float) -> float:
    check_images(images)
    return check_number("threshold", threshold, "[0, 1]")


@remembered
def _check_sharpness(images: torch.Tensor, factor: torch.Tensor) -> None:
    check_images(images)
    check_per_image("factor", factor, "floating point", len(images))
