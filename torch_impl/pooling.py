r"""Pooling: each window of an image becomes one number, its maximum or its mean.

    max       y[n, i, j, c] = max over the window of x      dy goes to the maximum, to the first one
                                                            in row-major order if there are several
    average   y[n, i, j, c] = mean over the window of x     dy / k goes to each of the k pixels
    global    y[n, c]       = mean over the whole image     dy / (H W) goes to each pixel
              y[n, c]       = max over the whole image      dy / m goes to each of the m pixels
                                                            that have it
    steps     y[n, c]       = mean over the real steps      dy / t goes to each of the t steps

Padding takes no part: it is -inf for the maximum, and k counts the pixels of the image alone. With
``count_include_pad`` it is zeros that count: k is the size of the window.

``x`` (N, H, W, C), or sequences (N, T, C), with ``mask`` (N, T) True where a step is real, or None;
where none is real, y is 0. ``pool_size`` and ``stride`` are integers or pairs (height, width),
``stride`` being ``pool_size`` unless given; ``padding`` is that of a convolution, smaller than the
window on every side. A ``ValueError`` says which argument does not fit.

Papers: LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document
recognition", Proc. IEEE 1998 (average); Lin, Chen and Yan, "Network in network", ICLR 2014 (global
average); Oquab, Bottou, Laptev and Sivic, "Is object localization for free?", CVPR 2015 (global
maximum).

Framework differences: we leave the padding out of the mean, as Keras does, unless told otherwise,
and share the gradient of a global maximum, as Keras and PyTorch's ``amax`` do. See ``triptych
differences``: average-pool-padding, max-pool-padding, global-max-ties, max-pool-nan,
average-pool-same-on-pytorch.

Here: these are PyTorch's ``F.max_pool2d``, ``F.avg_pool2d`` and ``amax`` and their gradients, with
padding of our own where PyTorch refuses it. The gradient of a maximum that is NaN goes to the last
NaN.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

from triptych.common.checks import (
    check_flag,
    check_floating,
    check_maps,
    check_pair,
    check_pool_padding,
    check_sequences,
    check_steps_mask,
    remembered,
)
from triptych.common.names import layer_name
from triptych.common.windows import Geometry, Padding, Size, pool_geometry

__all__ = [
    "max_pool2d",
    "average_pool2d",
    "global_average_pool2d",
    "global_max_pool2d",
    "global_average_pool1d",
    "MaxPool2D",
    "AveragePool2D",
    "GlobalAveragePool2D",
    "GlobalMaxPool2D",
    "GlobalAveragePool1D",
]


def max_pool2d(
    x: torch.Tensor, pool_size: Size, *, stride: Size | None = None, padding: Padding = "valid"
) -> torch.Tensor:
    """The largest value of each window, (N, height, width, C)."""
    pool, windows = _check(x, pool_size, stride, padding)
    images, amounts = x.permute(0, 3, 1, 2), _symmetric(pool, windows)
    if amounts is None:
        images, amounts = _pad(images, windows, -math.inf), (0, 0)
    return F.max_pool2d(images, pool, windows.stride, amounts).permute(0, 2, 3, 1)


def average_pool2d(
    x: torch.Tensor,
    pool_size: Size,
    *,
    stride: Size | None = None,
    padding: Padding = "valid",
    count_include_pad: bool = False,
) -> torch.Tensor:
    """The mean of each window, (N, height, width, C)."""
    pool, windows = _check_average(x, pool_size, stride, padding, count_include_pad)
    images, amounts = x.permute(0, 3, 1, 2), _symmetric(pool, windows)
    if images.is_cuda:
        # In channels_last CUDA's gradient is wrong (docs/findings.md); a single channel is both.
        images = images.clone(memory_format=torch.contiguous_format)
    if amounts is not None:
        y = F.avg_pool2d(images, pool, windows.stride, amounts, count_include_pad=count_include_pad)
    elif count_include_pad:
        y = F.avg_pool2d(_pad(images, windows, 0), pool, windows.stride)
    else:
        inside = torch.ones_like(images[:1, :1])
        y = _sum_pool(images, pool, windows) / _sum_pool(inside, pool, windows)
    return y.permute(0, 2, 3, 1)


def global_average_pool2d(x: torch.Tensor) -> torch.Tensor:
    """The mean of each feature map, (N, C)."""
    _check_maps(x)
    return x.mean(dim=(1, 2))


def global_max_pool2d(x: torch.Tensor) -> torch.Tensor:
    """The largest value of each feature map, (N, C)."""
    _check_maps(x)
    return x.amax(dim=(1, 2))


def global_average_pool1d(x: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
    """The mean of each feature over the real steps, (N, C)."""
    _check_steps(x, mask)
    if mask is None:
        return x.mean(dim=1)
    shares = mask.to(x.dtype) / mask.sum(dim=1, keepdim=True).clamp(min=1).to(x.dtype)
    return (x * shares[:, :, None]).sum(dim=1)


class MaxPool2D(nn.Module):
    def __init__(
        self,
        pool_size: Size = 2,
        *,
        stride: Size | None = None,
        padding: Padding = "valid",
        name: str | None = None,
    ) -> None:
        super().__init__()
        self.name = layer_name("torch", "max_pool", name)
        self.pool_size = check_pair("pool_size", pool_size)
        self.stride = self.pool_size if stride is None else check_pair("stride", stride)
        self.padding = check_pool_padding(padding, self.pool_size)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return max_pool2d(x, self.pool_size, stride=self.stride, padding=self.padding)

    def extra_repr(self) -> str:
        return f"{self.pool_size}, stride={self.stride}, padding={self.padding!r}"


class AveragePool2D(nn.Module):
    def __init__(
        self,
        pool_size: Size = 2,
        *,
        stride: Size | None = None,
        padding: Padding = "valid",
        count_include_pad: bool = False,
        name: str | None = None,
    ) -> None:
        super().__init__()
        self.name = layer_name("torch", "average_pool", name)
        self.pool_size = check_pair("pool_size", pool_size)
        self.stride = self.pool_size if stride is None else check_pair("stride", stride)
        self.padding = check_pool_padding(padding, self.pool_size)
        self.count_include_pad = check_flag("count_include_pad", count_include_pad)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return average_pool2d(
            x,
            self.pool_size,
            stride=self.stride,
            padding=self.padding,
            count_include_pad=self.count_include_pad,
        )

    def extra_repr(self) -> str:
        counts = f"count_include_pad={self.count_include_pad}"
        return f"{self.pool_size}, stride={self.stride}, padding={self.padding!r}, {counts}"


class GlobalAveragePool2D(nn.Module):
    def __init__(self, *, name: str | None = None) -> None:
        super().__init__()
        self.name = layer_name("torch", "global_average_pool", name)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return global_average_pool2d(x)


class GlobalMaxPool2D(nn.Module):
    def __init__(self, *, name: str | None = None) -> None:
        super().__init__()
        self.name = layer_name("torch", "global_max_pool", name)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return global_max_pool2d(x)


class GlobalAveragePool1D(nn.Module):
    """Of sequences (N, T, C)."""

    takes_mask = True

    def __init__(self, *, name: str | None = None) -> None:
        super().__init__()
        self.name = layer_name("torch", "average_steps", name)

    def compute_mask(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> None:
        return None

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        return global_average_pool1d(x, mask)


def _symmetric(pool: tuple[int, int], windows: Geometry) -> tuple[int, int] | None:
    """The padding as PyTorch's pooling takes it: equal sides, of half a window at most."""
    (top, bottom), (left, right) = windows.padding
    fits = top == bottom and left == right and 2 * top <= pool[0] and 2 * left <= pool[1]
    return (top, left) if fits else None


def _pad(images: torch.Tensor, windows: Geometry, value: float) -> torch.Tensor:
    rows, columns = windows.padding
    return F.pad(images, (*columns, *rows), value=value)


def _sum_pool(images: torch.Tensor, pool: tuple[int, int], windows: Geometry) -> torch.Tensor:
    return F.avg_pool2d(_pad(images, windows, 0), pool, windows.stride, divisor_override=1)


@remembered
def _check(
    x: torch.Tensor, pool_size: Size, stride: Size | None, padding: Padding
) -> tuple[tuple[int, int], Geometry]:
    _check_maps(x)
    return pool_geometry(tuple(x.shape), pool_size, stride, padding)


@remembered
def _check_average(
    x: torch.Tensor,
    pool_size: Size,
    stride: Size | None,
    padding: Padding,
    count_include_pad: bool,
) -> tuple[tuple[int, int], Geometry]:
    check_flag("count_include_pad", count_include_pad)
    return _check(x, pool_size, stride, padding)


@remembered
def _check_maps(x: torch.Tensor) -> None:
    check_maps(x)
    check_floating("x", x)


@remembered
def _check_steps(x: torch.Tensor, mask: torch.Tensor | None) -> None:
    check_floating("x", x)
    check_sequences(x)
    check_steps_mask(mask, x)
