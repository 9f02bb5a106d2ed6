r"""Flips and crops: whole pixels of each image, moved.

    horizontal flip   y[n, i, j] = x[n, i, W - 1 - j]   where flips[n], else x[n, i, j]
    vertical flip     y[n, i, j] = x[n, H - 1 - i, j]   where flips[n], else x[n, i, j]
    crop              y[n, i, j] = x[n, top[n] + i, left[n] + j]

A crop is ``height`` by ``width``, no larger than the image. It may begin anywhere: outside the
image it shows fill_value (constant), the nearest pixel (a a | a b c d | d d) or the mirror image
with the edge pixel doubled (b a | a b c d | d c). To pad by p and crop at random is thus to draw
``top`` from [-p, H + p - height] and ``left`` from [-p, W + p - width].

A flip is its own inverse and its own transpose, so the gradient is flipped the same way. A crop
hands each dL/dy back to the pixel that it came from.

Images: (N, H, W, C), floating point; flips: booleans, (N,); top and left: integers, (N,). A
``ValueError`` says which argument does not fit.

Paper: He, Zhang, Ren and Sun, "Deep residual learning for image recognition", CVPR 2016, section
4.2 (a random crop of the image padded by 4 pixels, or of its flip).

Framework differences: ours are given for each image, and an image that is too small is an error.
See ``triptych differences``: augmentation-draw-per-batch, flip-one-coin, crop-at-inference,
crop-of-small-images.

Here: the layer calls the crop of ``scratch.fast.flips_and_crops``, which gives the same.
"""

import numpy as np

from scratch.affine import FILL_MODES
from triptych.common.checks import (
    check_choice,
    check_images,
    check_integer,
    check_number,
    check_per_image,
    check_size,
    remembered,
)

__all__ = [
    "horizontal_flip",
    "horizontal_flip_backward",
    "vertical_flip",
    "vertical_flip_backward",
    "crop",
    "crop_backward",
]


def horizontal_flip(images: np.ndarray, flips: np.ndarray) -> np.ndarray:
    """The left and right of the images where ``flips`` is True change places."""
    _check_flips(images, flips)
    return np.where(flips[:, None, None, None], images[:, :, ::-1], images)


def horizontal_flip_backward(grad: np.ndarray, flips: np.ndarray) -> np.ndarray:
    """dL/dimages from dL/dy."""
    _check_flips(grad, flips, "grad")
    return horizontal_flip(grad, flips)


def vertical_flip(images: np.ndarray, flips: np.ndarray) -> np.ndarray:
    """The top and bottom of the images where ``flips`` is True change places."""
    _check_flips(images, flips)
    return np.where(flips[:, None, None, None], images[:, ::-1], images)


def vertical_flip_backward(grad: np.ndarray, flips: np.ndarray) -> np.ndarray:
    """dL/dimages from dL/dy."""
    _check_flips(grad, flips, "grad")
    return vertical_flip(grad, flips)


def crop(
    images: np.ndarray,
    top: np.ndarray,
    left: np.ndarray,
    height: int,
    width: int,
    *,
    fill_mode: str = "constant",
    fill_value: float = 0.0,
) -> np.ndarray:
    """The window of ``height`` rows from ``top`` and ``width`` columns from ``left``."""
    fill_value = check_crop(images, top, left, height, width, fill_mode, fill_value)
    pixel, inside = _window(images.shape, top, left, height, width, fill_mode)
    return np.where(inside, images[pixel], np.asarray(fill_value, images.dtype))


def crop_backward(
    grad: np.ndarray,
    top: np.ndarray,
    left: np.ndarray,
    height: int,
    width: int,
    *,
    fill_mode: str = "constant",
) -> np.ndarray:
    """dL/dimages, where the images are ``height`` by ``width``, from dL/dy."""
    _check_crop_backward(grad, top, left, height, width, fill_mode)
    n, rows, columns, channels = grad.shape
    dx = np.zeros((n, height, width, channels), grad.dtype)
    pixel, inside = _window(dx.shape, top, left, rows, columns, fill_mode)
    np.add.at(dx, pixel, np.where(inside, grad, 0))
    return dx


def _window(
    shape: tuple[int, ...],
    top: np.ndarray,
    left: np.ndarray,
    height: int,
    width: int,
    fill_mode: str,
) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
    """The index of the pixels that the windows show, and whether the images have them."""
    n, rows, columns, _ = shape
    i, row_inside = _inside(top, height, rows, fill_mode)
    j, column_inside = _inside(left, width, columns, fill_mode)
    inside = row_inside[:, :, None] & column_inside[:, None, :]
    return (np.arange(n)[:, None, None], i[:, :, None], j[:, None, :]), inside[..., None]


def _inside(
    start: np.ndarray, length: int, size: int, fill_mode: str
) -> tuple[np.ndarray, np.ndarray]:
    """The pixels that a window shows along a side, (N, length), and whether they are there."""
    position = start.astype(np.intp)[:, None] + np.arange(length)
    if fill_mode == "reflect":
        position = position % (2 * size)
        position = np.minimum(position, 2 * size - 1 - position)
    pixel = np.clip(position, 0, size - 1)
    return pixel, (pixel == position) | (fill_mode != "constant")


@remembered
def _check_flips(images: np.ndarray, flips: np.ndarray, name: str = "images") -> None:
    check_images(images, name)
    check_per_image("flips", flips, "boolean", len(images))


@remembered
def check_crop(
    images: np.ndarray,
    top: np.ndarray,
    left: np.ndarray,
    height: int,
    width: int,
    fill_mode: str,
    fill_value: float,
) -> float:
    fill_value = check_number("fill_value", fill_value)
    check_images(images)
    _check_window(images.shape, top, left, height, width, fill_mode)
    return fill_value


@remembered
def _check_crop_backward(
    grad: np.ndarray, top: np.ndarray, left: np.ndarray, height: int, width: int, fill_mode: str
) -> None:
    check_images(grad, "grad")
    n, rows, columns, channels = grad.shape
    check_size("height", height)
    check_size("width", width)
    _check_window((n, height, width, channels), top, left, rows, columns, fill_mode)


def _check_window(
    shape: tuple[int, ...],
    top: np.ndarray,
    left: np.ndarray,
    height: int,
    width: int,
    fill_mode: str,
) -> None:
    n, rows, columns, _ = shape
    check_per_image("top", top, "integer", n)
    check_per_image("left", left, "integer", n)
    check_integer("height", height, minimum=1, maximum=rows)
    check_integer("width", width, minimum=1, maximum=columns)
    check_choice("fill_mode", fill_mode, FILL_MODES)
