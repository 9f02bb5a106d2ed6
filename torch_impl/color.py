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

Here: the equations are written out, channel by channel; the gradient is PyTorch's autograd.
"""

import torch

from triptych.common.checks import check_colors, check_per_image, remembered

__all__ = ["grayscale", "saturation", "hue"]

GREY = (0.2989, 0.587, 0.114)
CHANNELS = (5, 3, 1)  # n of R, G, B


def grayscale(images: torch.Tensor) -> torch.Tensor:
    """The grey of each pixel, in all of its channels."""
    check_colors(images)
    if images.shape[-1] == 1:
        return images
    red, green, blue = images.unbind(-1)
    grey = GREY[0] * red + GREY[1] * green + GREY[2] * blue
    return torch.stack([grey] * 3, dim=-1)


def saturation(images: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """Blend each image with its grey scale, or away from it."""
    _check(images, factor=factor)
    if images.shape[-1] == 1:
        return images
    factor = factor.to(images.dtype)[:, None, None, None]
    return factor * images + (1 - factor) * grayscale(images)


def hue(images: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    """Turn the colours of each image by its fraction of the circle."""
    _check(images, shift=shift)
    if images.shape[-1] == 1:
        return images
    red, green, blue = images.unbind(-1)
    is_red, is_green = (red >= green) & (red >= blue), green >= blue
    largest = torch.where(is_red, red, torch.where(is_green, green, blue))
    low_red, low_green = (red <= green) & (red <= blue), green <= blue
    smallest = torch.where(low_red, red, torch.where(low_green, green, blue))
    chroma = largest - smallest
    local = torch.where(is_red, green - blue, torch.where(is_green, blue - red, red - green))
    local = local / torch.where(chroma == 0, 1, chroma)
    sextant = torch.where(is_red, local, torch.where(is_green, 2 + local, 4 + local))
    sextant = sextant + 6 * shift.to(images.dtype)[:, None, None]
    return torch.stack([largest - chroma * _trapezoid(n + sextant) for n in CHANNELS], dim=-1)


def _trapezoid(k: torch.Tensor) -> torch.Tensor:
    """t(k), case by case: at the corners the gradient of ``clamp`` is another."""
    k = k % 6
    return torch.where(k < 1, k, torch.where(k < 3, 1, torch.where(k < 4, 4 - k, 0)))


@remembered
def _check(images: torch.Tensor, **per_image: torch.Tensor) -> None:
    check_colors(images)
    for parameter, values in per_image.items():
        check_per_image(parameter, values, "floating point", len(images))
