r"""2-D convolution: every output pixel is a weighted sum over a window of the input.

    y[n, i, j, o] = b[o] + sum_{u, v, c} x[n, p, q, g + c] w[u, v, c, o]

    p = i s_h + u d_h,   q = j s_w + v d_w         s the stride, d the dilation
    g = floor(o / (out / groups)) (in / groups)    the first channel of the group that o is in

    dx[n, p, q, g + c] += sum_o dy[n, i, j, o] w[u, v, c, o]     for all i, j, u, v, o in the group
    dw[u, v, c, o]      = sum_{n, i, j} x[n, p, q, g + c] dy[n, i, j, o]
    db[o]               = sum_{n, i, j} dy[n, i, j, o]

where x stands for the input with its padding of zeros, whose gradient is dropped. (Strictly it is a
cross-correlation, as in every framework: the kernel is not flipped.) With ``groups``, c counts the
in / groups channels of a group: each group is a convolution by itself, of its own channels by its
own filters. "Depthwise" is groups = in, with out / in filters for each channel.

``x`` (N, H, W, in), ``weight`` in the layout of the panel, ``bias`` (out,) or None; ``stride`` and
``dilation`` are integers or pairs (height, width); ``groups`` divides in and out. ``padding``:
"valid" (none), "same" (TensorFlow's rule, see ``triptych.common.windows``) or the pixels to add: an
integer, a pair (height, width), or ((top, bottom), (left, right)). A ``ValueError`` says which
argument does not fit.

Paper: LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition",
Proc. IEEE 1998 (convolution); Yu and Koltun, "Multi-scale context aggregation by dilated
convolutions", ICLR 2016; Krizhevsky, Sutskever and Hinton, "ImageNet classification with deep
convolutional neural networks", NeurIPS 2012 (groups).

Framework differences: we do as Keras does, with explicit padding too. See ``triptych differences``:
data-format, kernel-layout, depthwise-kernel, same-padding-stride, same-padding-refused,
explicit-padding, dilation-and-stride, depthwise-strides, depthwise-initial-weights,
dense-initial-weights.

Here: ``weight`` keeps PyTorch's layout, (out, in / groups, height, width). It is PyTorch's
``F.conv2d`` and its gradient, with padding of our own where two sides differ; of a 1x1 kernel, the
pixels between its strides are taken out first. The images that PyTorch is shown are a view of ours:
its memory format "channels last", nothing copied.
"""

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from torch_impl.layers import autocast, check_precision, glorot_uniform
from triptych.common.checks import (
    check_dtype,
    check_filter_groups,
    check_flag,
    check_floats,
    check_maps,
    check_padding,
    check_pair,
    check_same_shape,
    check_size,
    dtype_name,
    given,
    remembered,
    shape_of,
)
from triptych.common.names import Draws, layer_name
from triptych.common.windows import Geometry, Padding, Size, geometry

__all__ = ["conv2d", "Conv2D"]


def conv2d(
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None = None,
    *,
    stride: Size = 1,
    padding: Padding = "valid",
    dilation: Size = 1,
    groups: int = 1,
) -> torch.Tensor:
    """The equation above, of shape (N, height, width, out)."""
    windows = _check(x, weight, bias, stride, padding, dilation, groups, autocast(x))
    (top, bottom), (left, right) = windows.padding
    images = x.permute(0, 3, 1, 2)
    sides, (down, across) = (top, left), windows.stride
    # PyTorch's gradient is wrong then on processors without AVX-512: uxlfoundation/oneDNN#6035.
    single = weight.shape[2:] == (1, 1) and (down, across) != (1, 1)
    if top != bottom or left != right or single:
        images, sides = F.pad(images, (left, right, top, bottom)), (0, 0)
    if single:
        images, down, across = images[:, :, ::down, ::across], 1, 1
    y = F.conv2d(images, weight, bias, (down, across), sides, windows.dilation, groups)
    return y.permute(0, 2, 3, 1)


class Conv2D(Draws, nn.Conv2d):
    stride: tuple[int, int]
    padding: str | tuple[Any, Any]
    dilation: tuple[int, int]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        *,
        stride: Size = 1,
        padding: Padding = "valid",
        dilation: Size = 1,
        groups: int = 1,
        use_bias: bool = True,
        seed: int = 0,
        name: str | None = None,
        dtype: str = "float32",
    ) -> None:
        self.seed, self.name = seed, layer_name("torch", "conv", name)
        check_size("in_channels", in_channels)
        check_size("out_channels", out_channels)
        super().__init__(
            in_channels,
            out_channels,
            check_pair("kernel_size", kernel_size),
            stride=check_pair("stride", stride),
            dilation=check_pair("dilation", dilation),
            groups=check_filter_groups(groups, in_channels, out_channels),
            bias=check_flag("use_bias", use_bias),
            dtype=getattr(torch, check_dtype(dtype)),
        )
        self.padding = check_padding(padding)  # PyTorch would refuse "same" with a stride

    def reset_parameters(self) -> None:
        """``nn.Conv2d`` calls this once the parameters exist."""
        out_channels, in_channels, *kernel_size = self.weight.shape
        drawn = glorot_uniform(
            (*kernel_size, in_channels, out_channels),
            seed=self.seed,
            name=self.name,
            dtype=dtype_name(self.weight),
        )
        with torch.no_grad():
            self.weight.copy_(drawn.permute(3, 2, 0, 1))
            if self.bias is not None:
                self.bias.zero_()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        check_maps(x, self.in_channels)
        check_precision(x, self.weight)
        return conv2d(
            x,
            self.weight,
            self.bias,
            stride=self.stride,
            padding=self.padding,
            dilation=self.dilation,
            groups=self.groups,
        )


@remembered
def _check(
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    stride: Size,
    padding: Padding,
    dilation: Size,
    groups: int,
    casts: bool,
) -> Geometry:
    shape = tuple(shape_of(weight, "weight"))
    if len(shape) != 4 or 0 in shape:
        raise ValueError(f"weight must have shape (out, in / groups, height, width), got {shape}")
    out_channels, in_group, height, width = weight.shape
    in_channels = in_group * check_size("groups", groups)
    check_filter_groups(groups, in_channels, out_channels)
    check_maps(x, in_channels)
    if not casts:
        check_floats(x=x, weight=weight, **given(bias=bias))
    if bias is not None:
        check_same_shape("bias", bias, (out_channels,))
    return geometry(tuple(x.shape), (height, width), stride, padding, dilation)
