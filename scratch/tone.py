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

Here: smoothing is its own transpose but for the border, whose pixels are kept.
"""

import numpy as np

from scratch.half import half_in_float32
from triptych.common.checks import (
    check_images,
    check_integer,
    check_number,
    check_per_image,
    check_same_shape,
    remembered,
)

__all__ = [
    "posterize",
    "posterize_backward",
    "solarize",
    "solarize_backward",
    "autocontrast",
    "autocontrast_backward",
    "sharpness",
    "sharpness_backward",
]

NEAREST = 0.5 + 2**-10


@half_in_float32
def posterize(images: np.ndarray, bits: int) -> np.ndarray:
    """Keep the first ``bits`` bits of eight."""
    bits = _check_posterize(images, bits)
    level = np.floor(255 * images + NEAREST)
    return (level - level % 2 ** (8 - bits)) / 255


def posterize_backward(grad: np.ndarray) -> np.ndarray:
    """dL/dimages from dL/dy: steps have no slope."""
    check_images(grad, "grad")
    return np.zeros_like(grad)


def solarize(images: np.ndarray, threshold: float) -> np.ndarray:
    """Invert the pixels from ``threshold`` on."""
    threshold = _check_solarize(images, threshold)
    return np.where(images < threshold, images, 1 - images)


def solarize_backward(grad: np.ndarray, images: np.ndarray, threshold: float) -> np.ndarray:
    """dL/dimages from dL/dy and the images."""
    threshold = _check_pair(grad, images, threshold)
    return np.where(images < threshold, grad, -grad)


@half_in_float32
def autocontrast(images: np.ndarray) -> np.ndarray:
    """Stretch each channel of each image over [0, 1]."""
    check_images(images)
    low, high = images.min(axis=(1, 2), keepdims=True), images.max(axis=(1, 2), keepdims=True)
    flat = low == high
    return np.where(flat, images, (images - low) / np.where(flat, 1, high - low))


@half_in_float32
def autocontrast_backward(grad: np.ndarray, images: np.ndarray) -> np.ndarray:
    """dL/dimages from dL/dy and the images."""
    _check_pair(grad, images)
    low, high = images.min(axis=(1, 2), keepdims=True), images.max(axis=(1, 2), keepdims=True)
    flat = low == high
    dx = grad / np.where(flat, 1, high - low)
    y = autocontrast(images)
    dlow, dhigh = (-(dx * part).sum(axis=(1, 2), keepdims=True) for part in (1 - y, y))
    for extreme, gradient in ((low, dlow), (high, dhigh)):
        there = images == extreme
        dx = dx + gradient * there / there.sum(axis=(1, 2), keepdims=True)
    return np.where(flat, grad, dx).astype(grad.dtype)


@half_in_float32
def sharpness(images: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """Blend each image with its smoothed self, or away from it."""
    _check_sharpness(images, factor)
    factor = factor.astype(images.dtype)[:, None, None, None]
    smooth = np.where(_inside(images), _smooth(images), images)
    return factor * images + (1 - factor) * smooth


@half_in_float32
def sharpness_backward(grad: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """dL/dimages from dL/dy."""
    _check_sharpness(grad, factor, "grad")
    factor = factor.astype(grad.dtype)[:, None, None, None]
    inside, dsmooth = _inside(grad), (1 - factor) * grad
    return factor * grad + _smooth(dsmooth * inside) + dsmooth * ~inside


def _smooth(images: np.ndarray) -> np.ndarray:
    """5/13 of each pixel and 1/13 of those around it, with zeros outside."""
    _, height, width, _ = images.shape
    framed = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
    shifted = [framed[:, i : height + i, j : width + j] for i in range(3) for j in range(3)]
    return (np.add.reduce(shifted) + 4 * images) / 13


def _inside(images: np.ndarray) -> np.ndarray:
    """Booleans (H, W, 1): not on the border."""
    _, height, width, _ = images.shape
    i, j = np.arange(height)[:, None, None], np.arange(width)[:, None]
    return (i > 0) & (i < height - 1) & (j > 0) & (j < width - 1)


@remembered
def _check_posterize(images: np.ndarray, bits: int) -> int:
    check_images(images)
    return check_integer("bits", bits, minimum=1, maximum=8)


@remembered
def _check_solarize(images: np.ndarray, threshold: float) -> float:
    check_images(images)
    return check_number("threshold", threshold, "[0, 1]")


@remembered
def _check_pair(grad: np.ndarray, images: np.ndarray, threshold: float = 0.0) -> float:
    check_images(images)
    check_images(grad, "grad")
    check_same_shape("grad", grad, images)
    return check_number("threshold", threshold, "[0, 1]")


@remembered
def _check_sharpness(images: np.ndarray, factor: np.ndarray, name: str = "images") -> None:
    check_images(images, name)
    check_per_image("factor", factor, "floating point", len(images))
