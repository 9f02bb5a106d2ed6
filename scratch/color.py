r"""Colour: grey scale, saturation and hue.

    grey         g = 0.2989 R + 0.587 G + 0.114 B, in each of the three channels
    saturation   y = factor x + (1 - factor) g
    hue          y = V - (V - m) t((n + h + 6 shift) mod 6),  n = 5, 3, 1 for R, G, B
                 V and m: the largest and smallest of R, G, B
                 h = (G - B)/(V - m) if V is R, 2 + (B - R)/(V - m) if G, 4 + (R - G)/(V - m) if B
                 t(k) = min(k, 4 - k) cut to [0, 1]
    its dx       V has dV + d(V - m), m has -d(V - m), after has dh / (V - m), before -dh / (V - m)
                 dV = sum dy,  dh = -sum dy (V - m) t'(k),  t' = 1 in [0, 1), -1 in [3, 4), else 0
                 d(V - m) = -sum dy t(k) - dh * local / (V - m)
                 local = h less its 0, 2 or 4 = (after - before) / (V - m)
                 after and before: V's neighbours in the circle of R, G, B

That is HSV there and back, in one line: h is the hue in sixths of the circle of colours, and a
shift of 1/2 is the opposite colour. Brightest and darkest channel keep their values. A saturation
of 0 is grey, 1 changes nothing, and more than 1 may leave [0, 1]: the clip belongs at the end of
all changes. Where two channels are equally large or small, the first of R, G, B has the gradient.

Images: (N, H, W, 3), or (N, H, W, 1), which have no colour and stay as they are; floating point.
factor and shift: floating point, (N,). A ``ValueError`` says which argument does not fit.

Framework differences: grey as both have it (the weights add up to 0.9999), saturation and hue as
torchvision. See ``triptych differences``: saturation-centre, hue-units, brightness-range.

Here: the backward passes hand each channel what it has in V, m, h and g.
"""

import numpy as np

from scratch.half import half_in_float32
from triptych.common.checks import (
    check_colors,
    check_per_image,
    check_same_shape,
    remembered,
)

__all__ = [
    "grayscale",
    "grayscale_backward",
    "saturation",
    "saturation_backward",
    "hue",
    "hue_backward",
]

GREY = (0.2989, 0.587, 0.114)
CHANNELS = np.array([5, 3, 1])  # n of R, G, B


@half_in_float32
def grayscale(images: np.ndarray) -> np.ndarray:
    """The grey of each pixel, in all of its channels."""
    check_colors(images)
    if images.shape[-1] == 1:
        return images
    red, green, blue = np.moveaxis(images, -1, 0)
    grey = GREY[0] * red + GREY[1] * green + GREY[2] * blue
    return np.stack([grey] * 3, axis=-1)


@half_in_float32
def grayscale_backward(grad: np.ndarray) -> np.ndarray:
    """dL/dimages from dL/dy."""
    check_colors(grad, "grad")
    if grad.shape[-1] == 1:
        return grad
    return grad.sum(axis=-1, keepdims=True) * np.array(GREY, grad.dtype)


@half_in_float32
def saturation(images: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """Blend each image with its grey scale, or away from it."""
    _check(images, factor=factor)
    factor = factor.astype(images.dtype)[:, None, None, None]
    if images.shape[-1] == 1:
        return images
    return factor * images + (1 - factor) * grayscale(images)


@half_in_float32
def saturation_backward(grad: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """dL/dimages from dL/dy."""
    _check(grad, "grad", factor=factor)
    factor = factor.astype(grad.dtype)[:, None, None, None]
    if grad.shape[-1] == 1:
        return grad
    return factor * grad + grayscale_backward((1 - factor) * grad)


@half_in_float32
def hue(images: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Turn the colours of each image by its fraction of the circle."""
    _check(images, shift=shift)
    if images.shape[-1] == 1:
        return images
    largest, chroma, sextant, _, _ = _sextant(images)
    k = _position(sextant, shift)
    t = np.select([k < 1, k < 3, k < 4], [k, np.ones_like(k), 4 - k], 0)
    return largest - chroma * t


@half_in_float32
def hue_backward(grad: np.ndarray, images: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """dL/dimages from dL/dy and the images."""
    _check_hue(grad, images, shift)
    if images.shape[-1] == 1:
        return grad
    _, chroma, sextant, local, unit = _sextant(images)
    k = _position(sextant, shift)
    t = np.select([k < 1, k < 3, k < 4], [k, np.ones_like(k), 4 - k], 0)
    slope = (k < 1).astype(k.dtype) - ((k >= 3) & (k < 4))
    divisor = np.where(chroma == 0, 1, chroma)
    dsextant = -(grad * chroma * slope).sum(axis=-1, keepdims=True)
    dchroma = -(grad * t).sum(axis=-1, keepdims=True) - dsextant * local / divisor
    # h is 0, 2 or 4 plus (the channel after the largest - the one before it) / chroma.
    dx = (grad.sum(axis=-1, keepdims=True) + dchroma) * unit
    dx -= dchroma * np.eye(3, dtype=grad.dtype)[images.argmin(axis=-1)]
    after, before = np.roll(unit, 1, axis=-1), np.roll(unit, -1, axis=-1)
    return dx + dsextant / divisor * (after - before)


def _sextant(images: np.ndarray) -> tuple[np.ndarray, ...]:
    """V, V - m, h, h without its 0, 2 or 4, and 1 at the channel that is V."""
    largest = images.max(axis=-1, keepdims=True)
    chroma = largest - images.min(axis=-1, keepdims=True)
    unit = np.eye(3, dtype=images.dtype)[images.argmax(axis=-1)]
    after, before = np.roll(images, -1, axis=-1), np.roll(images, 1, axis=-1)
    local = ((after - before) * unit).sum(axis=-1, keepdims=True)
    local = local / np.where(chroma == 0, 1, chroma)
    sixths = (unit * np.array([0, 2, 4], unit.dtype)).sum(axis=-1, keepdims=True)
    return largest, chroma, sixths + local, local, unit


def _position(sextant: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """k of each channel, in [0, 6)."""
    shift = shift.astype(sextant.dtype)[:, None, None, None]
    return (CHANNELS.astype(sextant.dtype) + (sextant + 6 * shift)) % 6


@remembered
def _check(images: np.ndarray, name: str = "images", **per_image: np.ndarray) -> None:
    check_colors(images, name)
    for parameter, values in per_image.items():
        check_per_image(parameter, values, "floating point", len(images))


@remembered
def _check_hue(grad: np.ndarray, images: np.ndarray, shift: np.ndarray) -> None:
    check_colors(images)
    check_colors(grad, "grad")
    check_same_shape("grad", grad, images)
    check_per_image("shift", shift, "floating point", len(images))
