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

Here: ``weight`` has shape (height, width, in / groups, out). ``@`` sums over c, the loop over u and
v; a group is a run of the last axis, of x as of weight and dy. The
layer calls the functions of ``scratch.fast.convolution``, which give the same.
"""

from typing import Any

import numpy as np

from scratch.fast import convolution as fast
from scratch.half import half_in_float32
from scratch.layers import Layer, glorot_uniform
from scratch.windows import crop, groupwise, pad, padded_shape, shifted
from triptych.common.checks import (
    check_dtype,
    check_filter_groups,
    check_flag,
    check_floating,
    check_floats,
    check_maps,
    check_padding,
    check_pair,
    check_precision,
    check_same_shape,
    check_size,
    given,
    remembered,
    shape_of,
)
from triptych.common.names import Draws, layer_name
from triptych.common.windows import Geometry, Padding, Size, geometry

__all__ = [
    "conv2d",
    "conv2d_input_backward",
    "conv2d_weight_backward",
    "conv2d_bias_backward",
    "conv2d_backward",
    "Conv2D",
]


@half_in_float32
def conv2d(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None = None,
    *,
    stride: Size = 1,
    padding: Padding = "valid",
    dilation: Size = 1,
    groups: int = 1,
) -> np.ndarray:
    """The equation above, of shape (N, height, width, out)."""
    windows = _check(x, weight, bias, stride, padding, dilation, groups)
    taps = list(np.ndindex(weight.shape[:2]))

    def convolve(padded: np.ndarray, weight: np.ndarray) -> np.ndarray:
        return sum(shifted(padded, u, v, windows) @ weight[u, v] for u, v in taps)

    y = groupwise(convolve, groups, pad(x, windows), weight)
    return y if bias is None else y + bias


@half_in_float32
def conv2d_input_backward(
    grad: np.ndarray,
    x: np.ndarray,
    weight: np.ndarray,
    *,
    stride: Size = 1,
    padding: Padding = "valid",
    dilation: Size = 1,
    groups: int = 1,
) -> np.ndarray:
    """dL/dx from dL/dy."""
    windows = _check_backward(grad, x, weight, stride, padding, dilation, groups)

    def spread(grad: np.ndarray, weight: np.ndarray) -> np.ndarray:
        shape = (*x.shape[:3], weight.shape[2])
        dpadded = np.zeros(padded_shape(shape, windows), np.result_type(grad, weight))
        for u, v in np.ndindex(weight.shape[:2]):
            shifted(dpadded, u, v, windows)[...] += grad @ weight[u, v].T
        return dpadded

    return crop(groupwise(spread, groups, grad, weight), x.shape, windows)


@half_in_float32
def conv2d_weight_backward(
    grad: np.ndarray,
    x: np.ndarray,
    weight: np.ndarray,
    *,
    stride: Size = 1,
    padding: Padding = "valid",
    dilation: Size = 1,
    groups: int = 1,
) -> np.ndarray:
    """dL/dweight from dL/dy."""
    windows = _check_backward(grad, x, weight, stride, padding, dilation, groups)

    def correlate(padded: np.ndarray, weight: np.ndarray, grad: np.ndarray) -> np.ndarray:
        dweight = np.empty_like(weight)
        for u, v in np.ndindex(weight.shape[:2]):
            dweight[u, v] = np.einsum("nijc,nijo->co", shifted(padded, u, v, windows), grad)
        return dweight

    return groupwise(correlate, groups, pad(x, windows), weight, grad)


@half_in_float32
def conv2d_bias_backward(grad: np.ndarray) -> np.ndarray:
    """dL/dbias from dL/dy."""
    _check_grad(grad)
    return grad.sum(axis=(0, 1, 2))


@half_in_float32
def conv2d_backward(
    grad: np.ndarray,
    x: np.ndarray,
    weight: np.ndarray,
    *,
    stride: Size = 1,
    padding: Padding = "valid",
    dilation: Size = 1,
    groups: int = 1,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """dL/dx, dL/dweight and dL/dbias from dL/dy."""
    options: Any = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    dx = conv2d_input_backward(grad, x, weight, **options)
    dweight = conv2d_weight_backward(grad, x, weight, **options)
    return dx, dweight, conv2d_bias_backward(grad)


class Conv2D(Draws, Layer):
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
        super().__init__(layer_name("scratch", "conv", name))
        self.seed = seed
        self.in_channels = check_size("in_channels", in_channels)
        self.out_channels = check_size("out_channels", out_channels)
        self.kernel_size = check_pair("kernel_size", kernel_size)
        self.stride = check_pair("stride", stride)
        self.padding = check_padding(padding)
        self.dilation = check_pair("dilation", dilation)
        self.groups = check_filter_groups(groups, in_channels, out_channels)
        shape = (*self.kernel_size, in_channels // self.groups, out_channels)
        self.params["weight"] = glorot_uniform(
            shape, seed=seed, name=self.name, dtype=check_dtype(dtype)
        )
        if check_flag("use_bias", use_bias):
            self.params["bias"] = np.zeros(out_channels, dtype)

    def forward(self, x: np.ndarray, *, training: bool = False) -> np.ndarray:
        weight, bias = self.params["weight"], self.params.get("bias")
        self._windows = _check_input(
            x, weight, self.stride, self.padding, self.dilation, self.groups
        )
        self._shape = x.shape
        self._padded = pad(x, self._windows)  # once: the backward pass needs it too
        return fast.conv2d(self._padded, weight, bias, **self._options())

    def backward(self, grad: np.ndarray) -> np.ndarray:
        self.backward_parameters(grad)
        weight = self.params["weight"]
        dpadded = fast.conv2d_input_backward(grad, self._padded, weight, **self._options())
        return crop(dpadded, self._shape, self._windows)

    def backward_parameters(self, grad: np.ndarray) -> None:
        shape = len(self._padded), *self._windows.output, self.out_channels
        check_same_shape("grad", grad, shape)
        weight = self.params["weight"]
        self.grads["weight"] = fast.conv2d_weight_backward(
            grad, self._padded, weight, **self._options()
        )
        if "bias" in self.params:
            self.grads["bias"] = fast.conv2d_bias_backward(grad)

    def _options(self) -> dict[str, Any]:
        """Of a convolution of padded images."""
        return {"stride": self.stride, "dilation": self.dilation, "groups": self.groups}


@remembered
def _check(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None,
    stride: Size,
    padding: Padding,
    dilation: Size,
    groups: int,
) -> Geometry:
    shape = tuple(shape_of(weight, "weight"))
    if len(shape) != 4 or 0 in shape:
        raise ValueError(f"weight must have shape (height, width, in / groups, out), got {shape}")
    channels = weight.shape[2] * check_size("groups", groups)
    check_filter_groups(groups, channels, weight.shape[3])
    check_maps(x, channels)
    check_floats(x=x, weight=weight, **given(bias=bias))
    if bias is not None:
        check_same_shape("bias", bias, shape[-1:])
    return geometry(x.shape, shape[:2], stride, padding, dilation)


@remembered
def _check_backward(
    grad: np.ndarray,
    x: np.ndarray,
    weight: np.ndarray,
    stride: Size,
    padding: Padding,
    dilation: Size,
    groups: int,
) -> Geometry:
    windows = _check(x, weight, None, stride, padding, dilation, groups)
    check_floats(x=x, grad=grad)
    check_same_shape("grad", grad, (len(x), *windows.output, weight.shape[-1]))
    return windows


@remembered
def _check_input(
    x: np.ndarray,
    weight: np.ndarray,
    stride: Size,
    padding: Padding,
    dilation: Size,
    groups: int,
) -> Geometry:
    check_maps(x, weight.shape[2] * groups)
    check_precision(x, weight)
    return geometry(x.shape, weight.shape[:2], stride, padding, dilation)


@remembered
def _check_grad(grad: np.ndarray) -> None:
    check_maps(grad, name="grad")
    check_floating("grad", grad)
