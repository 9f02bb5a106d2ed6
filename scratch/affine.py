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

Here: the layer calls the functions of ``scratch.fast.affine``, which give the same.
"""

from collections.abc import Iterator

import numpy as np

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

__all__ = ["affine_matrices", "affine", "affine_backward"]

INTERPOLATIONS = ("bilinear", "nearest")
FILL_MODES = ("constant", "nearest", "reflect")


def affine_matrices(
    height: int,
    width: int,
    *,
    rotation: np.ndarray,
    zoom: np.ndarray,
    translation_x: np.ndarray,
    translation_y: np.ndarray,
    shear: np.ndarray,
) -> np.ndarray:
    """M of every image, (N, 2, 3): from output pixels to input pixels."""
    height, width = _check_parameters(
        height, width, rotation, zoom, translation_x, translation_y, shear
    )
    radians, tangent = rotation * (np.pi / 180), np.tan(shear * (np.pi / 180))
    cosine, sine = np.cos(radians) / (1 + zoom), np.sin(radians) / (1 + zoom)
    a, b = cosine + tangent * sine, tangent * cosine - sine  # A = [[a, b], [sine, cosine]]
    centre_x, centre_y = (width - 1) / 2, (height - 1) / 2
    moved_x, moved_y = centre_x + width * translation_x, centre_y + height * translation_y
    first = [a, b, centre_x - a * moved_x - b * moved_y]
    second = [sine, cosine, centre_y - sine * moved_x - cosine * moved_y]
    return np.stack([np.stack(first, axis=-1), np.stack(second, axis=-1)], axis=1)


def affine(
    images: np.ndarray,
    matrices: np.ndarray,
    *,
    interpolation: str = "bilinear",
    fill_mode: str = "constant",
    fill_value: float = 0.0,
) -> np.ndarray:
    """The equations above: each output pixel is sampled where its matrix points."""
    fill_value = check_affine(images, matrices, interpolation, fill_mode, fill_value)
    output = np.zeros_like(images)
    for weight, pixel, inside in _sampled(images, matrices, interpolation, fill_mode):
        output += weight * np.where(inside, images[pixel], np.asarray(fill_value, images.dtype))
    return output


def affine_backward(
    grad: np.ndarray,
    matrices: np.ndarray,
    *,
    interpolation: str = "bilinear",
    fill_mode: str = "constant",
) -> np.ndarray:
    """dL/dimages from dL/dy."""
    check_affine(grad, matrices, interpolation, fill_mode, name="grad")
    dx = np.zeros_like(grad)
    for weight, pixel, inside in _sampled(grad, matrices, interpolation, fill_mode):
        np.add.at(dx, pixel, weight * np.where(inside, grad, 0))
    return dx


def _sampled(
    images: np.ndarray, matrices: np.ndarray, interpolation: str, fill_mode: str
) -> Iterator[tuple[np.ndarray, tuple[np.ndarray, ...], np.ndarray]]:
    """The pixels that every output pixel sums: weight, index, and whether the image has them."""
    n, height, width, _ = images.shape
    m = matrices.astype(np.result_type(images.dtype, np.float32))[..., None, None]
    x, y = np.arange(width, dtype=m.dtype), np.arange(height, dtype=m.dtype)[:, None]
    point = m[:, :, 0] * x + m[:, :, 2] + m[:, :, 1] * y  # M (x, y, 1)
    x, y = point[:, 0], point[:, 1]
    if fill_mode == "reflect":
        x, y = _reflected(x, width), _reflected(y, height)
    if interpolation == "nearest":
        corners = [(np.ones((), images.dtype), np.rint(x), np.rint(y))]
    else:
        column, row = np.floor(x), np.floor(y)
        u, v = (part.astype(images.dtype)[..., None] for part in (x - column, y - row))
        corners = [
            ((1 - u) * (1 - v), column, row),
            (u * (1 - v), column + 1, row),
            ((1 - u) * v, column, row + 1),
            (u * v, column + 1, row + 1),
        ]
    image = np.arange(n)[:, None, None]
    for weight, column, row in corners:
        i, j = np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)
        inside = (i == row) & (j == column) | (fill_mode != "constant")
        yield weight, (image, i.astype(np.intp), j.astype(np.intp)), inside[..., None]


def _reflected(x: np.ndarray, size: int) -> np.ndarray:
    """A triangle wave between -1/2 and size - 1/2, the outer sides of the edge pixels."""
    return size - np.abs(np.fmod(np.abs(x + 0.5), 2 * size) - size) - 0.5


@remembered
def _check_parameters(
    height: int,
    width: int,
    rotation: np.ndarray,
    zoom: np.ndarray,
    translation_x: np.ndarray,
    translation_y: np.ndarray,
    shear: np.ndarray,
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


def check_affine(
    images: np.ndarray,
    matrices: np.ndarray,
    interpolation: str,
    fill_mode: str,
    fill_value: float = 0.0,
    *,
    name: str = "images",
) -> float:
    fill_value = _check_kinds(images, matrices, interpolation, fill_mode, fill_value, name)
    check_finite("matrices", matrices)
    return fill_value


@remembered
def _check_kinds(
    images: np.ndarray,
    matrices: np.ndarray,
    interpolation: str,
    fill_mode: str,
    fill_value: float,
    name: str,
) -> float:
    check_images(images, name)
    check_choice("interpolation", interpolation, INTERPOLATIONS)
    check_choice("fill_mode", fill_mode, FILL_MODES)
    fill_value = check_number("fill_value", fill_value)
    check_floating("matrices", matrices)
    check_same_shape("matrices", matrices, (len(images), 2, 3))
    return fill_value
