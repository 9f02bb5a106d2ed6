r"""Rotation, zoom, translation and shear of a batch of images, as one affine map.

Pixel (column x, row y) of the output shows the point M (x, y, 1) of the input. About the centre c =
((W - 1)/2, (H - 1)/2), and with the y axis pointing down,

    M (x, y, 1) = A (x - c_x - t_x, y - c_y - t_y) + c
    A = 1/(1 + zoom) [1  tan s] [cos r  -sin r]        r = rotation, s = shear
                     [0      1] [sin r   cos r]        t = (W translation_x, H translation_y)

Seen from the input: enlarge by 1 + zoom, shear, rotate, all about the centre, then move. Row 0 is
on top; a positive rotation (degrees) is counter-clockwise, a positive shear (degrees) leans the
image to the right, its upper rows moving right, a positive zoom enlarges, and a positive
translation (a fraction of the side) moves right or down.

    bilinear   y = sum over the four pixels around the point of weight * pixel; the weights are
               (1 - u)(1 - v), u(1 - v), (1 - u)v, uv, with (u, v) the point minus its floor
    nearest    y = the pixel at the rounded point; halves go to the even neighbour
    outside    constant: fill_value; nearest: the nearest pixel (a a | a b c d | d d);
               reflect: the mirror image, with the edge pixel doubled (b a | a b c d | d c)

The map is linear in the image up to the constant, so dL/dimage is its transpose: every output pixel
hands weight * dL/dy back to the pixels that it came from.

Images: (N, H, W, C), floating point; the parameters: floating point, (N,); matrices: M, (N, 2, 3),
finite. A ``ValueError`` says which argument does not fit. Coordinates have the precision of the
images, float32 at least.

Framework differences: we use pixels, degrees counter-clockwise, about the centre, and a constant
outside. See ``triptych differences``: rotation-units, affine-angle-sign, rotation-grid,
rotation-interpolation, augmentation-fill, zoom-sign, translation-units, shear-units,
affine-image-gradient.

Here: M is rewritten for ``affine_grid``, and sampling image - fill_value makes the zeros of
``grid_sample`` our constant. The gradient is PyTorch's autograd.
"""

import math

import torch
import torch.nn.functional as F

from triptych.common.checks import (
    check_choice,
    check_finite,
    check_floating,
    check_floats,
    check_images,
    check_number,
    check_per_image,
    check_same_shape,
    check_size,
    remembered,
)

__all__ = ["affine_matrices", "affine"]

INTERPOLATIONS = ("bilinear", "nearest")
FILL_MODES = {"constant": "zeros", "nearest": "border", "reflect": "reflection"}


def affine_matrices(
    height: int,
    width: int,
    *,
    rotation: torch.Tensor,
    zoom: torch.Tensor,
    translation_x: torch.Tensor,
    translation_y: torch.Tensor,
    shear: torch.Tensor,
) -> torch.Tensor:
    """M of every image, (N, 2, 3): from output pixels to input pixels."""
    height, width = _check_parameters(
        height, width, rotation, zoom, translation_x, translation_y, shear
    )
    radians, tangent = rotation * (math.pi / 180), torch.tan(shear * (math.pi / 180))
    cosine, sine = torch.cos(radians) / (1 + zoom), torch.sin(radians) / (1 + zoom)
    a, b = cosine + tangent * sine, tangent * cosine - sine  # A = [[a, b], [sine, cosine]]
    centre_x, centre_y = (width - 1) / 2, (height - 1) / 2
    moved_x, moved_y = centre_x + width * translation_x, centre_y + height * translation_y
    first = [a, b, centre_x - a * moved_x - b * moved_y]
    second = [sine, cosine, centre_y - sine * moved_x - cosine * moved_y]
    return torch.stack([torch.stack(first, dim=-1), torch.stack(second, dim=-1)], dim=1)


def affine(
    images: torch.Tensor,
    matrices: torch.Tensor,
    *,
    interpolation: str = "bilinear",
    fill_mode: str = "constant",
    fill_value: float = 0.0,
) -> torch.Tensor:
    """The equations above: each output pixel is sampled where its matrix points."""
    fill_value = _check(images, matrices, interpolation, fill_mode, fill_value)
    n, height, width, channels = images.shape
    dtype = torch.promote_types(images.dtype, torch.float32)
    theta = _normalized(matrices.to(dtype), height, width)
    grid = F.affine_grid(theta, [n, channels, height, width], align_corners=False)
    sampled = F.grid_sample(
        images.to(dtype).permute(0, 3, 1, 2) - fill_value,
        grid,
        mode=interpolation,
        padding_mode=FILL_MODES[fill_mode],
        align_corners=False,
    )
    return (sampled + fill_value).permute(0, 2, 3, 1).to(images.dtype)


def _normalized(matrices: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """The same maps between coordinates (2x + 1)/W - 1 and (2y + 1)/H - 1."""
    (a, b, c), (d, e, f) = (row.unbind(-1) for row in matrices.unbind(1))
    x = (a * (width - 1) + b * (height - 1) + 2 * c + 1) / width - 1
    y = (d * (width - 1) + e * (height - 1) + 2 * f + 1) / height - 1
    first, second = [a, b * (height / width), x], [d * (width / height), e, y]
    return torch.stack([torch.stack(first, dim=-1), torch.stack(second, dim=-1)], dim=1)


@remembered
def _check_parameters(
    height: int,
    width: int,
    rotation: torch.Tensor,
    zoom: torch.Tensor,
    translation_x: torch.Tensor,
    translation_y: torch.Tensor,
    shear: torch.Tensor,
) -> tuple[int, int]:
    height, width = check_size("height", height), check_size("width", width)
    parameters = {
        "rotation": rotation,
        "zoom": zoom,
        "translation_x": translation_x,
        "translation_y": translation_y,
        "shear": shear,
    }
    check_floats(**parameters)
    count = next(iter(rotation.shape), None)
    for name, values in parameters.items():
        check_per_image(name, values, "floating point", count)
    return height, width


def _check(
    images: torch.Tensor,
    matrices: torch.Tensor,
    interpolation: str,
    fill_mode: str,
    fill_value: float,
) -> float:
    fill_value = _check_kinds(images, matrices, interpolation, fill_mode, fill_value)
    check_finite("matrices", matrices)
    return fill_value


@remembered
def _check_kinds(
    images: torch.Tensor,
    matrices: torch.Tensor,
    interpolation: str,
    fill_mode: str,
    fill_value: float,
) -> float:
    check_images(images)
    check_choice("interpolation", interpolation, INTERPOLATIONS)
    check_choice("fill_mode", fill_mode, tuple(FILL_MODES))
    fill_value = check_number("fill_value", fill_value)
    check_floating("matrices", matrices)
    check_same_shape("matrices", matrices, (images.shape[0], 2, 3))
    return fill_value
