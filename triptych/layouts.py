"""How the frameworks lay out the same weights: PyTorch's orders of axes and rows, and ours."""

import math
from collections.abc import Sequence

import numpy as np

__all__ = ["chw_from_hwc", "from_torch_layout", "hwc_from_chw", "to_torch_layout"]


def hwc_from_chw(weight: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """The rows of a dense weight, (in, out), that followed PyTorch's flatten, in our order.

    ``shape`` is that of the flattened images, (height, width, channels).
    """
    height, width, channels = _check_rows(weight, shape)
    rows = weight.reshape(channels, height, width, -1)
    return np.ascontiguousarray(rows.transpose(1, 2, 0, 3)).reshape(weight.shape)


def chw_from_hwc(weight: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """The inverse of ``hwc_from_chw``, with the same ``shape``: (height, width, channels)."""
    height, width, channels = _check_rows(weight, shape)
    rows = weight.reshape(height, width, channels, -1)
    return np.ascontiguousarray(rows.transpose(2, 0, 1, 3)).reshape(weight.shape)


def from_torch_layout(name: str, array: np.ndarray) -> np.ndarray:
    """The "weight" of a PyTorch dense layer or convolution in our layout; other arrays as they are.

    (out, in) to (in, out), and (out, in, *kernel) to (*kernel, in, out) for kernels of one, two or
    three axes. A transposed convolution is turned in the same way: there the two stand for (in,
    out). An embedding's "weight" has one layout everywhere: it is no matter for this function,
    which cannot tell. ``canonical`` can: it looks at the layer.
    """
    if not _is_kernel(name, array):
        return array
    return np.ascontiguousarray(array.transpose(*range(2, array.ndim), 1, 0))


def to_torch_layout(name: str, array: np.ndarray) -> np.ndarray:
    """The inverse of ``from_torch_layout``."""
    if not _is_kernel(name, array):
        return array
    last = array.ndim - 1
    return np.ascontiguousarray(array.transpose(last, last - 1, *range(last - 1)))


def _is_kernel(name: str, array: np.ndarray) -> bool:
    if name.split(".")[-1] != "weight" or array.ndim < 2:
        return False
    if array.ndim > 5:
        raise ValueError(
            f"{name} must have 2 to 5 axes, as dense layers and convolutions do, got {array.ndim}"
        )
    return True


def _check_rows(weight: np.ndarray, shape: Sequence[int]) -> Sequence[int]:
    rows = weight.shape[0]
    if len(shape) != 3 or min(shape) < 1 or math.prod(shape) != rows:
        raise ValueError(
            "shape must be (height, width, channels) of images that flatten to the "
            f"{rows} rows of weight, got {tuple(shape)}"
        )
    return shape
