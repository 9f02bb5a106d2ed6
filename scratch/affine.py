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

Framework differences: PyTorch's ``affine_grid`` wants M in coordinates that run from -1 to 1 across
each side, and ``grid_sample`` calls nearest "border" and pads with zeros. Keras's RandomRotation
counts fractions of a turn, RandomZoom shrinks for positive factors, RandomShear moves x by a
fraction of y, the corner staying; all reflect by default. We use pixels, degrees and a constant.
"""

import math
from typing import NamedTuple

import numpy as np

from triptych.common.checks import (
    check_choice,
    check_finite,
    check_images,
    check_integer,
    check_number,
    check_per_image,
    check_same_shape,
)

__all__ = ["affine_matrices", "affine", "affine_backward"]

INTERPOLATIONS = ("bilinear", "nearest")
BLOCK = 65536  # values: a quarter of a megabyte of float32
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
    check_integer("height", height, minimum=1)
    check_integer("width", width, minimum=1)
    count = rotation.shape[0] if len(rotation.shape) else None
    given = {"rotation": rotation, "zoom": zoom, "translation_x": translation_x}
    given |= {"translation_y": translation_y, "shear": shear}
    for name, values in given.items():
        check_per_image(name, values, "floating point", count)
    radians, tangent = rotation * (np.pi / 180), np.tan(shear * (np.pi / 180))
    cosine, sine = np.cos(radians) / (1 + zoom), np.sin(radians) / (1 + zoom)
    a, b = cosine + tangent * sine, tangent * cosine - sine
    centre_x, centre_y = (width - 1) / 2, (height - 1) / 2
    x, y = centre_x + width * translation_x, centre_y + height * translation_y
    first = [a, b, centre_x - a * x - b * y]
    second = [sine, cosine, centre_y - sine * x - cosine * y]
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
    check_images(images)
    fill_value = check_number("fill_value", fill_value)
    _check(matrices, images.shape, interpolation, fill_mode)
    y = np.empty_like(images)
    for block in _blocks(images.shape):
        cells = _cells(matrices[block], images[block].shape, images.dtype, interpolation, fill_mode)
        framed = images[block]
        if fill_mode == "constant":  # a frame of one pixel stands for everything outside
            sides = ((0, 0), (1, 1), (1, 1), (0, 0))
            framed = np.pad(framed, sides, constant_values=fill_value)
        y[block] = _sample(framed.reshape(-1, images.shape[-1]), cells)
    return y


def affine_backward(
    grad: np.ndarray,
    matrices: np.ndarray,
    *,
    interpolation: str = "bilinear",
    fill_mode: str = "constant",
) -> np.ndarray:
    """dL/dimages from dL/dy."""
    check_images(grad)
    _check(matrices, grad.shape, interpolation, fill_mode)
    n, height, width, channels = grad.shape
    frame = int(fill_mode == "constant")
    cells = _cells(matrices, grad.shape, grad.dtype, interpolation, fill_mode)
    framed = np.zeros((n, height + 2 * frame, width + 2 * frame, channels), grad.dtype)
    if cells.u is None or cells.v is None:
        scatter(framed, cells.pixel, grad)
    else:
        v, u = cells.v[..., None], cells.u[..., None]
        for offset, weight in (
            (0, (1 - v) * (1 - u)),
            (cells.right, (1 - v) * u),
            (cells.below, v * (1 - u)),
            (cells.below + cells.right, v * u),
        ):
            scatter(framed, cells.pixel + offset, weight * grad)
    return framed[:, frame : height + frame, frame : width + frame]


def scatter(total: np.ndarray, index: np.ndarray, values: np.ndarray) -> None:
    """Add each value to the pixel of ``total`` (..., C) that its index counts out."""
    channels = total.shape[-1]
    if channels > 1:
        index = index[..., None] * channels + np.arange(channels)
    np.add.at(total.reshape(-1), index.ravel(), values.ravel())


class Cells(NamedTuple):
    """The pixels that each output pixel lies between, and where: (N, H, W).

    Pixels are counted through the batch in row-major order, with a frame around each image if the
    fill mode is constant. The neighbours are at pixel + right, + below and + right + below, and
    (u, v) in [0, 1] says how far the point is on its way to them; None for the nearest pixel alone.
    """

    pixel: np.ndarray
    right: int
    below: int
    u: np.ndarray | None = None
    v: np.ndarray | None = None


def _cells(
    matrices: np.ndarray,
    shape: tuple[int, ...],
    dtype: np.dtype,
    interpolation: str,
    fill_mode: str,
) -> Cells:
    n, height, width, _ = shape
    m = matrices.astype(np.result_type(dtype, np.float32))[..., None, None]
    column, row = np.arange(width, dtype=m.dtype), np.arange(height, dtype=m.dtype)[:, None]
    x = _inside((m[:, 0, 0] * column + m[:, 0, 2]) + m[:, 0, 1] * row, width, fill_mode)
    y = _inside((m[:, 1, 0] * column + m[:, 1, 2]) + m[:, 1, 1] * row, height, fill_mode)
    frame = int(fill_mode == "constant")
    stride = width + 2 * frame  # from one row to the next
    first = frame * stride + frame + np.arange(n)[:, None, None] * (height + 2 * frame) * stride
    below = 0 if height + frame == 1 else stride
    right = 0 if width + frame == 1 else 1
    if interpolation == "nearest":
        i, j = np.rint(y), np.rint(x)
    else:
        # The last cell has its far edge too, where v or u is 1; a side of one pixel is one cell.
        i = np.minimum(np.floor(y), max(height - 2 + frame, 0))
        j = np.minimum(np.floor(x), max(width - 2 + frame, 0))
    index = i.astype(np.intp)
    index *= stride
    index += j.astype(np.intp)
    index += first
    if interpolation == "nearest":
        return Cells(index, right, below)
    u, v = ((c - c0).astype(dtype, copy=False) for c, c0 in ((x, j), (y, i)))
    return Cells(index, right, below, u, v)


def _sample(pixels: np.ndarray, cells: Cells) -> np.ndarray:
    """(1 - v) ((1 - u) p + u p_right) + v ((1 - u) p_below + u p_below_right), (N, H, W, C)."""
    if cells.u is None or cells.v is None:
        return pixels.take(cells.pixel, axis=0)
    # Each number once for each channel: products of equal shapes are several times faster.
    u, v = (np.repeat(part[..., None], pixels.shape[1], axis=-1) for part in (cells.u, cells.v))
    rest = 1 - u
    rows = []
    for offset in (0, cells.below):
        left = pixels.take(cells.pixel + offset, axis=0)
        left *= rest
        right = pixels.take(cells.pixel + offset + cells.right, axis=0)
        right *= u
        left += right
        rows.append(left)
    upper, lower = rows
    upper *= 1 - v
    lower *= v
    upper += lower
    return upper


def _blocks(shape: tuple[int, ...]) -> list[slice]:
    """A few images at a time: what is worked out for them stays in the processor's cache."""
    count = max(1, BLOCK // math.prod(shape[1:]))
    return [slice(start, start + count) for start in range(0, shape[0], count)]


def _check(
    matrices: np.ndarray, shape: tuple[int, ...], interpolation: str, fill_mode: str
) -> None:
    check_choice("interpolation", interpolation, INTERPOLATIONS)
    check_choice("fill_mode", fill_mode, FILL_MODES)
    check_same_shape("matrices", matrices, (shape[0], 2, 3))
    check_finite("matrices", matrices)


def _inside(coordinate: np.ndarray, size: int, fill_mode: str) -> np.ndarray:
    """Where a coordinate along a side of ``size`` pixels is read: on the image or on its frame."""
    if fill_mode == "reflect":  # a triangle wave between -1/2 and size - 1/2
        coordinate = size - np.abs(np.fmod(np.abs(coordinate + 0.5), 2 * size) - size) - 0.5
    frame = int(fill_mode == "constant")
    return np.clip(coordinate, -frame, size - 1 + frame)
