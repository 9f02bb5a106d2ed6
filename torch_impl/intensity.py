r"""Brightness, contrast, noise: the values of the pixels, changed.

    brightness   y = x + shift                              dx = dy
    contrast     y = m + factor (x - m)                     dx = factor dy + (1 - factor) mean dy
    noise        y = x + deviation z,  z ~ N(0, 1)          dx = dy
    clip         y = min(max(x, 0), 1)                      dx = dy [0 <= x <= 1]

m is the mean of an image over its pixels, for each channel by itself, and so is the mean of dy: the
matrix of the contrast is symmetric. The first three may leave [0, 1]; the clip belongs at the end
of all changes. At the bounds themselves, where black and white pixels are, its gradient is 1.

Images: (N, H, W, C), floating point; shift and factor: floating point, (N,); z: the shape of the
images; deviation: a number >= 0. A ``ValueError`` says which argument does not fit.

Framework differences: we add for brightness, take the contrast about the mean of each channel, as
Keras does, and clip with a gradient of 1 at the bounds. See ``triptych differences``:
brightness-multiplies, brightness-range, contrast-mean, contrast-one-sided, clip-gradient-at-bounds.

Here: the clip is written as two selections. PyTorch's ``clamp`` has the gradient 1 at the bounds up
to version 2.13, and 0 from 2.14 on.
"""

import torch

from triptych.common.checks import (
    check_floating,
    check_images,
    check_number,
    check_per_image,
    check_same_shape,
    remembered,
)

__all__ = ["brightness", "contrast", "gaussian_noise", "clip"]


def brightness(images: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    """Add to each image its shift."""
    _check(images, shift=shift)
    return images + _per_image(shift, images)


def contrast(images: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """Stretch each image about its own mean by its factor."""
    _check(images, factor=factor)
    factor = _per_image(factor, images)
    mean = images.mean(dim=(1, 2), keepdim=True)
    return mean + factor * (images - mean)


def gaussian_noise(images: torch.Tensor, noise: torch.Tensor, deviation: float) -> torch.Tensor:
    """Add ``deviation`` times standard normal ``noise``."""
    deviation = _check_noise(images, noise, deviation)
    return images + deviation * noise.to(images.dtype)


def clip(images: torch.Tensor) -> torch.Tensor:
    """Draw what lies outside [0, 1] to its bounds."""
    check_images(images)
    zero, one = images.new_zeros(()), images.new_ones(())
    return torch.where(images < 0, zero, torch.where(images > 1, one, images))


def _per_image(values: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
    """One value for each image, shaped to be multiplied with images."""
    return values.to(images.dtype)[:, None, None, None]


@remembered
def _check(images: torch.Tensor, **per_image: torch.Tensor) -> None:
    check_images(images)
    for name, values in per_image.items():
        check_per_image(name, values, "floating point", images.shape[0])


@remembered
def _check_noise(images: torch.Tensor, noise: torch.Tensor, deviation: float) -> float:
    check_images(images)
    check_floating("noise", noise)
    check_same_shape("noise", noise, images)
    return check_number("deviation", deviation, "[0, inf)")
