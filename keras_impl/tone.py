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

Here: the equations are written out; the gradient is the backend's.
"""

from typing import Any

from keras import ops

from triptych.common.checks import (
    check_images,
    check_integer,
    check_number,
    check_per_image,
    remembered,
)

__all__ = ["posterize", "solarize", "autocontrast", "sharpness"]

NEAREST = 0.5 + 2**-10


def posterize(images: Any, bits: int) -> Any:
    """Keep the first ``bits`` bits of eight."""
    bits = _check_posterize(images, bits)
    level = ops.floor(255 * images + NEAREST)
    return (level - ops.mod(level, 2 ** (8 - bits))) / 255


def solarize(images: Any, threshold: float) -> Any:
    """Invert the pixels from ``threshold`` on."""
    threshold = _check_solarize(images, threshold)
    limit = ops.convert_to_tensor(threshold, dtype=images.dtype)
    return ops.where(images < limit, images, 1 - images)


def autocontrast(images: Any) -> Any:
    """Stretch each channel of each image over [0, 1]."""
    check_images(images)
    low = ops.min(images, axis=(1, 2), keepdims=True)
    high = ops.max(images, axis=(1, 2), keepdims=True)
    flat = ops.equal(low, high)
    spread = ops.where(flat, ops.ones_like(low), high - low)
    return ops.where(flat, images, (images - low) / spread)


def sharpness(images: Any, factor: Any) -> Any:
    """Blend each image with its smoothed self, or away from it."""
    _check_sharpness(images, factor)
    factor = ops.cast(factor, images.dtype)[:, None, None, None]
    smooth = ops.where(_inside(images), _smooth(images), images)
    return factor * images + (1 - factor) * smooth


def _smooth(images: Any) -> Any:
    """5/13 of each pixel and 1/13 of those around it, with zeros outside."""
    _, height, width, _ = images.shape
    framed = ops.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
    shifted = [framed[:, i : height + i, j : width + j] for i in range(3) for j in range(3)]
    return (sum(shifted) + 4 * images) / 13


def _inside(images: Any) -> Any:
    """Booleans (H, W, 1): not on the border."""
    _, height, width, _ = images.shape
    i, j = ops.arange(height)[:, None, None], ops.arange(width)[:, None]
    rows = ops.logical_and(i > 0, i < height - 1)
    return ops.logical_and(rows, ops.logical_and(j > 0, j < width - 1))


@remembered
def _check_posterize(images: Any, bits: int) -> int:
    check_images(images)
    return check_integer("bits", bits, minimum=1, maximum=8)


@remembered
def _check_solarize(images: Any, threshold: float) -> float:
    check_images(images)
    return check_number("threshold", threshold, "[0, 1]")


@remembered
def _check_sharpness(images: Any, factor: Any) -> None:
    check_images(images)
    check_per_image("factor", factor, "floating point", images.shape[0])
