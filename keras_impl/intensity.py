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

Here: the clip is written as two selections, whose gradient is the same on every backend.
"""

from typing import Any

from keras import ops

from triptych.common.checks import (
    check_floating,
    check_images,
    check_number,
    check_per_image,
    check_same_shape,
    remembered,
)

__all__ = ["brightness", "contrast", "gaussian_noise", "clip"]


def brightness(images: Any, shift: Any) -> Any:
    """Add to each image its shift."""
    _check(images, shift=shift)
    return images + _per_image(shift, images)


def contrast(images: Any, factor: Any) -> Any:
    """Stretch each image about its own mean by its factor."""
    _check(images, factor=factor)
    factor = _per_image(factor, images)
    mean = ops.mean(images, axis=(1, 2), keepdims=True)
    return mean + factor * (images - mean)


def gaussian_noise(images: Any, noise: Any, deviation: float) -> Any:
    """Add ``deviation`` times standard normal ``noise``."""
    deviation = _check_noise(images, noise, deviation)
    return images + deviation * ops.cast(noise, images.dtype)


def clip(images: Any) -> Any:
    """Draw what lies outside [0, 1] to its bounds."""
    check_images(images)
    zero, one = ops.zeros((), images.dtype), ops.ones((), images.dtype)
    return ops.where(images < 0, zero, ops.where(images > 1, one, images))


def _per_image(values: Any, images: Any) -> Any:
    """One value for each image, shaped to be multiplied with images."""
    return ops.cast(values, images.dtype)[:, None, None, None]


@remembered
def _check(images: Any, **per_image: Any) -> None:
    check_images(images)
    for name, values in per_image.items():
        check_per_image(name, values, "floating point", images.shape[0])


@remembered
def _check_noise(images: Any, noise: Any, deviation: float) -> float:
    check_images(images)
    check_floating("noise", noise)
    check_same_shape("noise", noise, images)
    return check_number("deviation", deviation, "[0, inf)")
