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

Here: ``keras.ops.image.affine_transform`` takes M as it is, but on TensorFlow it computes in
float32, its gradient is the inverse map instead of the transpose, and halves round away from zero;
on PyTorch it goes image by image. So the sum is written out, and its gradient is the backend's.
"""

import math
from typing import Any

import keras
from keras import ops

from triptych.common.checks import (
    check_choice,
    check_finite,
    check_floating,
    check_floats,
    check_images,
    check_known_batch,
    check_number,
    check_per_image,
    check_same_shape,
    check_size,
    remembered,
)

__all__ = ["affine_matrices", "affine"]

INTERPOLATIONS = ("bilinear", "nearest")
FILL_MODES = ("constant", "nearest", "reflect")


def affine_matrices(
    height: int,
    width: int,
    *,
    rotation: Any,
    zoom: Any,
    translation_x: Any,
    translation_y: Any,
    shear: Any,
) -> Any:
    """M of every image, (N, 2, 3): from output pixels to input pixels."""
    height, width = _check_parameters(
        height, width, rotation, zoom, translation_x, translation_y, shear
    )
    radians, tangent = rotation * (math.pi / 180), ops.tan(shear * (math.pi / 180))
    cosine, sine = ops.cos(radians) / (1 + zoom), ops.sin(radians) / (1 + zoom)
    a, b = cosine + tangent * sine, tangent * cosine - sine  # A = [[a, b], [sine, cosine]]
    centre_x, centre_y = (width - 1) / 2, (height - 1) / 2
    moved_x, moved_y = centre_x + width * translation_x, centre_y + height * translation_y
    first = [a, b, centre_x - a * moved_x - b * moved_y]
    second = [sine, cosine, centre_y - sine * moved_x - cosine * moved_y]
    return ops.stack([ops.stack(first, axis=-1), ops.stack(second, axis=-1)], axis=1)


def affine(
    images: Any,
    matrices: Any,
    *,
    interpolation: str = "bilinear",
    fill_mode: str = "constant",
    fill_value: float = 0.0,
) -> Any:
    """The equations above: each output pixel is sampled where its matrix points."""
    fill_value = _check(images, matrices, interpolation, fill_mode, fill_value)
    index, corners = _corners(matrices, images, interpolation, fill_mode)
    if fill_mode == "constant":  # a frame of one pixel stands for everything outside
        images = ops.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=fill_value)
    pixels = ops.reshape(images, (-1, images.shape[-1]))
    return sum(weight * ops.take(pixels, index + offset, axis=0) for offset, weight in corners)


def _corners(
    matrices: Any, images: Any, interpolation: str, fill_mode: str
) -> tuple[Any, list[tuple[int, Any]]]:
    """Which pixels each output pixel is made of: those at index + offset, times weight.

    ``index`` (N, H, W) counts the pixels of the batch in row-major order, with a frame around each
    image if the fill mode is constant; the weights are (N, H, W, 1).
    """
    n, (height, width) = ops.shape(images)[0], images.shape[1:3]
    dtype = keras.backend.result_type(images.dtype, "float32")
    m = ops.cast(matrices, dtype)[..., None, None]
    column, row = ops.arange(width, dtype=dtype), ops.arange(height, dtype=dtype)[:, None]
    x = _inside((m[:, 0, 0] * column + m[:, 0, 2]) + m[:, 0, 1] * row, width, fill_mode)
    y = _inside((m[:, 1, 0] * column + m[:, 1, 2]) + m[:, 1, 1] * row, height, fill_mode)
    frame = int(fill_mode == "constant")
    stride = width + 2 * frame  # from one row to the next
    first = ops.arange(n, dtype="int32")[:, None, None] * ((height + 2 * frame) * stride)
    first += frame * stride + frame
    if interpolation == "nearest":
        i, j = ops.cast(ops.round(y), "int32"), ops.cast(ops.round(x), "int32")
        return first + i * stride + j, [(0, ops.ones((), images.dtype))]
    # The last cell has its far edge too, where v or u is 1; a side of one pixel is one cell.
    i = ops.minimum(ops.floor(y), max(height - 2 + frame, 0))
    j = ops.minimum(ops.floor(x), max(width - 2 + frame, 0))
    v, u = (ops.cast(c - c0, images.dtype)[..., None] for c, c0 in ((y, i), (x, j)))
    below = 0 if height + frame == 1 else stride
    right = 0 if width + frame == 1 else 1
    corners = [
        (0, (1 - v) * (1 - u)),
        (right, (1 - v) * u),
        (below, v * (1 - u)),
        (below + right, v * u),
    ]
    return first + ops.cast(i, "int32") * stride + ops.cast(j, "int32"), corners


def _inside(coordinate: Any, size: int, fill_mode: str) -> Any:
    """Where a coordinate along a side of ``size`` pixels is read: on the image or on its frame."""
    if fill_mode == "reflect":  # a triangle wave between -1/2 and size - 1/2
        coordinate = size - ops.abs(ops.mod(ops.abs(coordinate + 0.5), 2 * size) - size) - 0.5
    frame = int(fill_mode == "constant")
    return ops.clip(coordinate, -frame, size - 1 + frame)


@remembered
def _check_parameters(
    height: int,
    width: int,
    rotation: Any,
    zoom: Any,
    translation_x: Any,
    translation_y: Any,
    shear: Any,
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
    images: Any, matrices: Any, interpolation: str, fill_mode: str, fill_value: float
) -> float:
    fill_value = _check_kinds(images, matrices, interpolation, fill_mode, fill_value)
    check_finite("matrices", matrices)
    return fill_value


@remembered
def _check_kinds(
    images: Any, matrices: Any, interpolation: str, fill_mode: str, fill_value: float
) -> float:
    check_images(images)
    check_known_batch(images)
    check_choice("interpolation", interpolation, INTERPOLATIONS)
    check_choice("fill_mode", fill_mode, FILL_MODES)
    fill_value = check_number("fill_value", fill_value)
    check_floating("matrices", matrices)
    check_same_shape("matrices", matrices, (images.shape[0], 2, 3))
    return fill_value
