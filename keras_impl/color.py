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

Here: the equations are written out, channel by channel; the gradient is the backend's.
"""

from typing import Any

from keras import ops

from triptych.common.checks import check_colors, check_per_image, remembered

__all__ = ["grayscale", "saturation", "hue"]

GREY = (0.2989, 0.587, 0.114)
CHANNELS = (5, 3, 1)  # n of R, G, B


def grayscale(images: Any) -> Any:
    """The grey of each pixel, in all of its channels."""
    check_colors(images)
    if images.shape[-1] == 1:
        return images
    red, green, blue = ops.unstack(images, axis=-1)
    weights = ops.unstack(ops.convert_to_tensor(GREY, dtype=images.dtype))
    grey = weights[0] * red + weights[1] * green + weights[2] * blue
    return ops.stack([grey] * 3, axis=-1)


def saturation(images: Any, factor: Any) -> Any:
    """Blend each image with its grey scale, or away from it."""
    _check(images, factor=factor)
    if images.shape[-1] == 1:
        return images
    factor = ops.cast(factor, images.dtype)[:, None, None, None]
    return factor * images + (1 - factor) * grayscale(images)


def hue(images: Any, shift: Any) -> Any:
    """Turn the colours of each image by its fraction of the circle."""
    _check(images, shift=shift)
    if images.shape[-1] == 1:
        return images
    red, green, blue = ops.unstack(images, axis=-1)
    is_red, is_green = ops.logical_and(red >= green, red >= blue), green >= blue
    largest = ops.where(is_red, red, ops.where(is_green, green, blue))
    low_red, low_green = ops.logical_and(red <= green, red <= blue), green <= blue
    smallest = ops.where(low_red, red, ops.where(low_green, green, blue))
    chroma = largest - smallest
    local = ops.where(is_red, green - blue, ops.where(is_green, blue - red, red - green))
    local = local / ops.where(ops.equal(chroma, 0), ops.ones_like(chroma), chroma)
    sextant = ops.where(is_red, local, ops.where(is_green, 2 + local, 4 + local))
    sextant = sextant + 6 * ops.cast(shift, images.dtype)[:, None, None]
    return ops.stack([largest - chroma * _trapezoid(n + sextant) for n in CHANNELS], axis=-1)


def _trapezoid(k: Any) -> Any:
    """t(k), case by case: at the corners the gradient of ``clip`` is another."""
    k = ops.mod(k, 6)
    rest = ops.where(k < 4, 4 - k, ops.zeros_like(k))
    return ops.where(k < 1, k, ops.where(k < 3, ops.ones_like(k), rest))


@remembered
def _check(images: Any, **per_image: Any) -> None:
    check_colors(images)
    for parameter, values in per_image.items():
        check_per_image(parameter, values, "floating point", images.shape[0])
