r"""Cutout: a square of each image is replaced by a constant.

    y[n, i, j] = value        where 0 <= i - row[n] + side // 2 < side, and the same for the column
               = x[n, i, j]   elsewhere                                     dx = dy [elsewhere]

The square has ``side`` by ``side`` pixels about the pixel (row, column), one more above and to the
left of it than below and to the right if the side is even. The centre may be any pixel, so part of
the square may fall outside the image, as in the paper, where that turned out to matter.

Images: (N, H, W, C), floating point; row and column: integers, (N,); side: an integer >= 0. A
``ValueError`` says which argument does not fit.

Paper: DeVries and Taylor, "Improved regularization of convolutional neural networks with cutout",
arXiv 1708.04552, 2017. Their code rounds an odd side down to the next even one.

Framework differences: our square may reach over the border, where torchvision's RandomErasing and
Keras's draw a rectangle that lies inside. See ``triptych differences``: erasing-probability,
erasing-fill.
"""

import numpy as np

from triptych.common.checks import (
    check_images,
    check_number,
    check_per_image,
    check_size,
    remembered,
)

__all__ = ["cutout", "cutout_backward"]


def cutout(
    images: np.ndarray,
    row: np.ndarray,
    column: np.ndarray,
    side: int,
    *,
    fill_value: float = 0.0,
) -> np.ndarray:
    """Fill the square of ``side`` pixels about each image's (row, column)."""
    fill_value = _check(images, row, column, side, fill_value)
    square = _square(images, row, column, side)
    return np.where(square, np.asarray(fill_value, images.dtype), images)


def cutout_backward(grad: np.ndarray, row: np.ndarray, column: np.ndarray, side: int) -> np.ndarray:
    """dL/dimages from dL/dy."""
    _check(grad, row, column, side, name="grad")
    return cutout(grad, row, column, side)


def _square(images: np.ndarray, row: np.ndarray, column: np.ndarray, side: int) -> np.ndarray:
    """Booleans (N, H, W, 1): inside the square."""
    _, height, width, _ = images.shape
    i = np.arange(height) - row[:, None] + side // 2
    j = np.arange(width) - column[:, None] + side // 2
    in_rows, in_columns = (i >= 0) & (i < side), (j >= 0) & (j < side)
    return (in_rows[:, :, None] & in_columns[:, None, :])[..., None]


@remembered
def _check(
    images: np.ndarray,
    row: np.ndarray,
    column: np.ndarray,
    side: int,
    fill_value: float = 0.0,
    name: str = "images",
) -> float:
    fill_value = check_number("fill_value", fill_value)
    check_images(images, name)
    check_per_image("row", row, "integer", len(images))
    check_per_image("column", column, "integer", len(images))
    check_size("side", side, minimum=0)
    return fill_value
