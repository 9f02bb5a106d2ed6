"""The windows of a convolution or a pooling, as slices of the images."""

from collections.abc import Callable

import numpy as np

from triptych.common.windows import Geometry

__all__ = ["pad", "padded_shape", "crop", "shifted", "groupwise"]


def pad(x: np.ndarray, windows: Geometry, value: float = 0.0) -> np.ndarray:
    """x with ``value`` around each image; x itself where there is nothing to add."""
    rows, columns = windows.padding
    if not any((*rows, *columns)):
        return x
    return np.pad(x, ((0, 0), rows, columns, (0, 0)), constant_values=value)


def padded_shape(shape: tuple[int, ...], windows: Geometry) -> tuple[int, ...]:
    """That of ``pad(x, windows)`` for x of ``shape``."""
    n, height, width, channels = shape
    rows, columns = windows.padding
    return n, height + sum(rows), width + sum(columns), channels


def crop(padded: np.ndarray, shape: tuple[int, ...], windows: Geometry) -> np.ndarray:
    """What lies inside the padding, of ``shape``."""
    (top, _), (left, _) = windows.padding
    return padded[:, top : top + shape[1], left : left + shape[2]]


def shifted(padded: np.ndarray, u: int, v: int, windows: Geometry) -> np.ndarray:
    """Pixel (u, v) of every window, (N, height, width, C): a view."""
    (height, width), (down, right) = windows.output, windows.stride
    row, column = u * windows.dilation[0], v * windows.dilation[1]
    return padded[:, row : row + height * down : down, column : column + width * right : right]


def groupwise(function: Callable[..., np.ndarray], groups: int, *arrays: np.ndarray) -> np.ndarray:
    """``function`` of each group of channels, runs of the last axis of every array and the result.

    One group is no copy of anything.
    """
    if groups == 1:
        return function(*arrays)
    runs = zip(*(np.split(array, groups, axis=-1) for array in arrays), strict=True)
    return np.concatenate([function(*run) for run in runs], axis=-1)
