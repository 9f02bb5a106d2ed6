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

import torch

from triptych.common.checks import (
    check_images,
    check_number,
    check_per_image,
    check_size,
    remembered,
)

__all__ = ["cutout"]


def cutout(
    images: torch.Tensor,
    row: torch.Tensor,
    column: torch.Tensor,
    side: int,
    *,
    fill_value: float = 0.0,
) -> torch.Tensor:
    """Fill the square of ``side`` pixels about each image's (row, column)."""
    fill_value = _check(images, row, column, side, fill_value)
    return torch.where(_square(images, row, column, side), fill_value, images)


def _square(
    images: torch.Tensor, row: torch.Tensor, column: torch.Tensor, side: int
) -> torch.Tensor:
    """Booleans (N, H, W, 1): inside the square."""
    _, height, width, _ = images.shape
    i = torch.arange(height, device=row.device) - row[:, None] + side // 2
    j = torch.arange(width, device=column.device) - column[:, None] + side // 2
    in_rows, in_columns = (i >= 0) & (i < side), (j >= 0) & (j < side)
    return (in_rows[:, :, None] & in_columns[:, None, :])[..., None]


@remembered
def _check(
    images: torch.Tensor, row: torch.Tensor, column: torch.Tensor, side: int, fill_value: float
) -> float:
    fill_value = check_number("fill_value", fill_value)
    check_images(images)
    check_per_image("row", row, "integer", images.shape[0])
    check_per_image("column", column, "integer", images.shape[0])
    check_size("side", side, minimum=0)
    return fill_value
