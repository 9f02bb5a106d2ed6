"""Padding "same" with a stride, along one axis.

    total = max((ceil(size / stride) - 1) * stride + dilation * (kernel - 1) + 1 - size, 0)

Keras puts total // 2 before and the rest after; PyTorch's ``padding=p`` puts p on both sides, and
its "same" refuses a stride.
"""

from triptych.common.checks import check_integer, check_size

__all__ = ["padding_to_keras", "same_padding_to_torch"]


def same_padding_to_torch(
    size: int, kernel: int, *, stride: int = 1, dilation: int = 1
) -> tuple[int, int]:
    """What ``torch.nn.functional.pad`` is to add before and after for Keras's "same".

    >>> same_padding_to_torch(8, 3, stride=2), same_padding_to_torch(9, 3, stride=2)
    ((0, 1), (1, 1))
    """
    size, stride = check_size("size", size), check_size("stride", stride)
    reach = check_size("dilation", dilation) * (check_size("kernel", kernel) - 1) + 1
    total = max((-(-size // stride) - 1) * stride + reach - size, 0)
    return total // 2, total - total // 2


def padding_to_keras(
    padding: int, size: int, kernel: int, *, stride: int = 1, dilation: int = 1
) -> str | tuple[int, int]:
    """What does in Keras what ``padding`` does in PyTorch.

    "valid" or "same" for the layer, or else, for a ``ZeroPadding`` layer before a "valid" one, what
    to add before and after.

    >>> padding_to_keras(1, 9, 3, stride=2), padding_to_keras(1, 8, 3, stride=2)
    ('same', (1, 1))
    """
    padding = check_integer("padding", padding)
    same = same_padding_to_torch(size, kernel, stride=stride, dilation=dilation)
    if not padding:
        return "valid"
    return "same" if same == (padding, padding) else (padding, padding)
