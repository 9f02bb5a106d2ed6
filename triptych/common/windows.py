"""Where the windows of a convolution or a pooling lie, along one side of an image.

    padded = size + before + after            output = (padded - window) // stride + 1

    valid     before = after = 0
    p         before = after = p              symmetric, as PyTorch's ``padding=p``
    (p, q)    before = p, after = q
    same      output = ceil(size / stride),   before = total // 2,   after = total - before,
              total = max((output - 1) * stride + window - size, 0)

"same" is TensorFlow's rule: an odd total puts the extra pixel after, and what is added depends on
the size of the image. With a stride of 2, a window of 3 and an even side it adds (0, 1), where
PyTorch's usual ``padding=1`` adds (1, 1): the windows lie one pixel apart.

A dilated window, of every d-th pixel, reaches over (window - 1) d + 1 pixels, and these count.
"""

from typing import Any, NamedTuple

from triptych.common.checks import check_padding, check_pair, check_pool_padding, remembered

__all__ = [
    "Geometry",
    "Padding",
    "Size",
    "geometry",
    "output_size",
    "padding_sizes",
    "pool_geometry",
    "reach",
]

Size = int | tuple[int, int]  # an integer stands for both, the height and the width
Side = str | int | tuple[int, int]
Padding = str | Size | tuple[tuple[int, int], tuple[int, int]]  # ((top, bottom), (left, right))


def padding_sizes(size: int, window: int, stride: int, padding: Side) -> tuple[int, int]:
    """The pixels to add before and after; ``padding`` is "valid", "same", or says how many."""
    if padding == "valid":
        return 0, 0
    if padding == "same":
        total = max((-(-size // stride) - 1) * stride + window - size, 0)
        return total // 2, total - total // 2
    return padding if isinstance(padding, tuple) else (int(padding), int(padding))


def reach(window: tuple[int, int], dilation: tuple[int, int]) -> tuple[int, int]:
    """From the first pixel of a window to its last."""
    return (window[0] - 1) * dilation[0] + 1, (window[1] - 1) * dilation[1] + 1


def output_size(size: int, window: int, stride: int, padding: Side) -> int:
    """How many windows fit along a side of ``size`` pixels; there must be one."""
    before, after = padding_sizes(size, window, stride, padding)
    padded = size + before + after
    if padded < window:
        raise ValueError(
            f"x must be at least {window} pixels high and wide after padding, "
            f"as large as the window, got {padded}"
        )
    return (padded - window) // stride + 1


class Geometry(NamedTuple):
    """Of a whole image: each entry is a pair (height, width)."""

    stride: tuple[int, int]
    padding: tuple[tuple[int, int], tuple[int, int]]  # before and after
    output: tuple[int, int]
    dilation: tuple[int, int] = (1, 1)


@remembered
def geometry(
    shape: tuple[int, ...],
    window: tuple[int, int],
    stride: Any,
    padding: Any,
    dilation: Any = 1,
) -> Geometry:
    """Where the windows lie in images of ``shape`` (N, H, W, C)."""
    strides, padding = check_pair("stride", stride), check_padding(padding)
    dilations = check_pair("dilation", dilation)
    window = reach(window, dilations)
    down, right = (padding, padding) if isinstance(padding, str) else padding
    rows = shape[1], window[0], strides[0], down
    columns = shape[2], window[1], strides[1], right
    return Geometry(
        strides,
        (padding_sizes(*rows), padding_sizes(*columns)),
        (output_size(*rows), output_size(*columns)),
        dilations,
    )


@remembered
def pool_geometry(
    shape: tuple[int, ...], pool_size: Any, stride: Any, padding: Any
) -> tuple[tuple[int, int], Geometry]:
    """For pooling: ``pool_size`` as a pair, which is the stride unless given, and the windows."""
    pool = check_pair("pool_size", pool_size)
    check_pool_padding(padding, pool)
    return pool, geometry(shape, pool, pool if stride is None else stride, padding)
