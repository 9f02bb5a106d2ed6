"""Crops that find each pixel by one number: NumPy takes by three an order of magnitude slower."""

import numpy as np

__all__ = ["crop"]


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
    n, rows, columns, channels = images.shape
    i, row_inside = _inside(top, height, rows, fill_mode)
    j, column_inside = _inside(left, width, columns, fill_mode)
    pixel = (np.arange(n)[:, None, None] * rows + i[:, :, None]) * columns + j[:, None, :]
    y = images.reshape(-1, channels).take(pixel, axis=0)
    if fill_mode == "constant":
        y[~row_inside] = fill_value
        y.swapaxes(1, 2)[~column_inside] = fill_value
    return y


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
