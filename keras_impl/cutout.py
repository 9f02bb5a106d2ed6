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

from typing import Any

from keras import ops

from keras_impl.flips_and_crops import whole
from triptych.common.checks import (
    check_images,
    check_number,
    check_per_image,
    check_size,
    remembered,
)

__all__ = ["cutout"]


def cutout(
    images: Any,
    row: Any,
    column: Any,
    side: int,
    *,
    fill_value: float = 0.0,
) -> Any:
    """Fill the square of ``side`` pixels about each image's (row, column)."""
    fill_value = _check(images, row, column, side, fill_value)
    square = _square(images, row, column, side)
    return ops.where(square, ops.convert_to_tensor(fill_value, dtype=images.dtype), images)


def _square(images: Any, row: Any, column: Any, side: int) -> Any:
    """Booleans (N, H, W, 1): inside the square."""
    _, height, width, _ = images.shape
    i = _distance(row, height) + side // 2
    j = _distance(column, width) + side // 2
    in_rows = ops.logical_and(i >= 0, i < side)
    in_columns = ops.logical_and(j >= 0, j < side)
    return ops.logical_and(in_rows[:, :, None], in_columns[:, None, :])[..., None]


def _distance(centre: Any, size: int) -> Any:
    """Of each pixel along a side from each image's centre, which may lie far outside."""
    centre = whole(centre)
    return ops.arange(size, dtype=centre.dtype) - centre[:, None]


@remembered
def _check(images: Any, row: Any, column: Any, side: int, fill_value: float) -> float:
    fill_value = check_number("fill_value", fill_value)
    check_images(images)
    check_per_image("row", row, "integer", images.shape[0])
    check_per_image("column", column, "integer", images.shape[0])
    check_size("side", side, minimum=0)
    return fill_value
