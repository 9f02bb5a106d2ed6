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

Framework differences: torchvision draws one flip and one crop per call, for a whole batch; Keras's
RandomFlip draws per image, but one coin for both directions, and RandomCrop per batch, enlarging
images that are too small. Ours are given per image, and an image that is too small is an error.
"""

import numpy as np

from scratch.affine import FILL_MODES, scatter
from triptych.common.checks import (
    check_choice,
    check_images,
    check_integer,
    check_number,
    check_per_image,
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
    return _flip(images, flips, axis=2)


def horizontal_flip_backward(grad: np.ndarray, flips: np.ndarray) -> np.ndarray:
    """dL/dimages from dL/dy."""
    return horizontal_flip(grad, flips)


def vertical_flip(images: np.ndarray, flips: np.ndarray) -> np.ndarray:
    """The top and bottom of the images where ``flips`` is True change places."""
    return _flip(images, flips, axis=1)


def vertical_flip_backward(grad: np.ndarray, flips: np.ndarray) -> np.ndarray:
    """dL/dimages from dL/dy."""
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
    fill_value = check_number("fill_value", fill_value)
    index, inside = _window(images, top, left, height, width, fill_mode)
    cropped = images.reshape(-1, images.shape[-1]).take(index, axis=0)
    if fill_mode == "constant":
        cropped[~inside] = fill_value
    return cropped


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
    n, rows, columns, channels = grad.shape
    total = np.zeros((n, height, width, channels), grad.dtype)
    index, inside = _window(total, top, left, rows, columns, fill_mode)
    if fill_mode == "constant":
        grad = grad * inside[..., None]
    scatter(total, index, grad)
    return total


def _flip(images: np.ndarray, flips: np.ndarray, axis: int) -> np.ndarray:
    check_images(images)
    check_per_image("flips", flips, "boolean", len(images))
    return np.where(flips[:, None, None, None], np.flip(images, axis), images)


def _window(
    images: np.ndarray,
    top: np.ndarray,
    left: np.ndarray,
    height: int,
    width: int,
    fill_mode: str,
) -> tuple[np.ndarray, np.ndarray]:
    """The pixel of the batch that each pixel of the windows shows, and whether it is there."""
    check_images(images)
    n, rows, columns, _ = images.shape
    check_per_image("top", top, "integer", n)
    check_per_image("left", left, "integer", n)
    check_integer("height", height, minimum=1, maximum=rows)
    check_integer("width", width, minimum=1, maximum=columns)
    check_choice("fill_mode", fill_mode, FILL_MODES)
    i, row_inside = _inside(top, height, rows, fill_mode)
    j, column_inside = _inside(left, width, columns, fill_mode)
    inside = row_inside[:, :, None] & column_inside[:, None, :]
    image = np.arange(n)[:, None, None]
    return (image * rows + i[:, :, None]) * columns + j[:, None, :], inside


def _inside(
    start: np.ndarray, length: int, size: int, fill_mode: str
) -> tuple[np.ndarray, np.ndarray]:
    """The pixels that a window shows along a side, (N, length), and whether they are there."""
    position = start.astype(np.intp)[:, None] + np.arange(length)
    if fill_mode == "reflect":
        position = position % (2 * size)
        position = np.minimum(position, 2 * size - 1 - position)
    pixel = np.clip(position, 0, size - 1)
    return pixel, pixel == position
