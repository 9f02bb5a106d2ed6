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
"""

import numpy as np

from scratch.half import half_in_float32
from triptych.common.checks import (
    check_floating,
    check_images,
    check_number,
    check_per_image,
    check_same_shape,
    remembered,
)

__all__ = [
    "brightness",
    "brightness_backward",
    "contrast",
    "contrast_backward",
    "gaussian_noise",
    "gaussian_noise_backward",
    "clip",
    "clip_backward",
]


def brightness(images: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Add to each image its shift."""
    _check(images, shift=shift)
    return images + _per_image(shift, images)


def brightness_backward(grad: np.ndarray) -> np.ndarray:
    """dL/dimages from dL/dy."""
    check_images(grad, "grad")
    return grad


@half_in_float32
def contrast(images: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """Stretch each image about its own mean by its factor."""
    _check(images, factor=factor)
    factor = _per_image(factor, images)
    mean = images.mean(axis=(1, 2), keepdims=True)
    return mean + factor * (images - mean)


@half_in_float32
def contrast_backward(grad: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """dL/dimages from dL/dy: the same map."""
    check_images(grad, "grad")
    return contrast(grad, factor)


def gaussian_noise(images: np.ndarray, noise: np.ndarray, deviation: float) -> np.ndarray:
    """Add ``deviation`` times standard normal ``noise``."""
    deviation = _check_noise(images, noise, deviation)
    return images + deviation * noise.astype(images.dtype, copy=False)


def gaussian_noise_backward(grad: np.ndarray) -> np.ndarray:
    """dL/dimages from dL/dy."""
    check_images(grad, "grad")
    return grad


def clip(images: np.ndarray) -> np.ndarray:
    """Draw what lies outside [0, 1] to its bounds."""
    check_images(images)
    return np.clip(images, 0, 1)


def clip_backward(grad: np.ndarray, images: np.ndarray) -> np.ndarray:
    """dL/dimages from dL/dy and the images before the clip."""
    _check_clip(grad, images)
    return grad * ((images >= 0) & (images <= 1))


def _per_image(values: np.ndarray, images: np.ndarray) -> np.ndarray:
    """One value for each image, shaped to be multiplied with images."""
    return values.astype(images.dtype)[:, None, None, None]


@remembered
def _check(images: np.ndarray, **per_image: np.ndarray) -> None:
    check_images(images)
    for name, values in per_image.items():
        check_per_image(name, values, "floating point", len(images))


@remembered
def _check_noise(images: np.ndarray, noise: np.ndarray, deviation: float) -> float:
    check_images(images)
    check_floating("noise", noise)
    check_same_shape("noise", noise, images)
    return check_number("deviation", deviation, "[0, inf)")


@remembered
def _check_clip(grad: np.ndarray, images: np.ndarray) -> None:
    check_images(images)
    check_images(grad, "grad")
    check_same_shape("grad", grad, images)
