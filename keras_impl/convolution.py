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

Here: ``weight`` has shape (height, width, in / groups, out). It is ``keras.ops.conv``, and Keras's
own layer with explicit padding besides. TensorFlow is given ``depthwise_conv``, or one convolution
for each group, and for dilation with a stride a larger kernel with zeros in it. In a graph that was
traced for images of any size, the backend's own error says that they are too small. On JAX and
PyTorch, float64 takes ``keras_impl.precision.enable_float64()`` first: without it Keras rounds to
float32. A layer with weights has the dtype that it is made with, whatever Keras's dtype policy is:
under "mixed_float16" it computes in that, and refuses float16.
"""

from typing import Any

import keras
from keras import ops

from keras_impl.layers import Checked, StreamGlorotUniform, check_precision, verbatim
from triptych.common.checks import (
    Shape,
    check_dtype,
    check_filter_groups,
    check_flag,
    check_floats,
    check_maps,
    check_padding,
    check_pair,
    check_same_shape,
    check_size,
    given,
    remembered,
    shape_of,
)
from triptych.common.names import Draws, layer_name
from triptych.common.windows import Padding, Size, output_size, padding_sizes, reach

__all__ = ["conv2d", "Conv2D"]


def conv2d(
    x: Any,
    weight: Any,
    bias: Any | None = None,
    *,
    stride: Size = 1,
    padding: Padding = "valid",
    dilation: Size = 1,
    groups: int = 1,
) -> Any:
    """The equation above, of shape (N, height, width, out)."""
    strides, padding, dilations = _check(x, weight, bias, stride, padding, dilation, groups)
    if not isinstance(padding, str):
        x, padding = pad(x, reach(weight.shape[:2], dilations), strides, padding), "valid"
    if keras.backend.backend() == "tensorflow":
        y = _on_tensorflow(x, weight, strides, padding, dilations, groups)
    else:
        options = {"data_format": "channels_last", "dilation_rate": dilations}
        y = ops.conv(x, _dense_in_memory(weight), strides, padding, **options)
    return y if bias is None else y + bias


@keras.saving.register_keras_serializable("triptych")
class Conv2D(Checked, Draws, keras.layers.Conv2D):
    has_weights = True

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
        **kwargs: Any,
    ) -> None:
        name = layer_name("keras", "conv", name)
        self.in_channels = check_size("in_channels", in_channels)
        out_channels = check_size("out_channels", out_channels)
        self.seed = seed
        kwargs.setdefault("kernel_initializer", StreamGlorotUniform(seed, name))
        super().__init__(
            out_channels,
            check_pair("kernel_size", kernel_size),
            strides=check_pair("stride", stride),
            data_format="channels_last",
            dilation_rate=1,
            groups=check_filter_groups(groups, in_channels, out_channels),
            use_bias=check_flag("use_bias", use_bias),
            name=name,
            dtype=check_dtype(dtype),
            **kwargs,
        )
        # Keras would refuse explicit padding, and dilation together with a stride.
        self.padding = check_padding(padding)
        self.dilation_rate = check_pair("dilation", dilation)
        self.build((None, None, None, in_channels))

    def check(self, inputs: Any) -> None:
        check_maps(inputs, self.in_channels)
        check_precision(inputs, self.kernel)

    @verbatim()
    def call(self, inputs: Any) -> Any:
        y = conv2d(
            inputs,
            self.kernel,
            self.bias,
            stride=self.strides,
            padding=self.padding,
            dilation=self.dilation_rate,
            groups=self.groups,
        )
        return y if self.activation is None else self.activation(y)

    @verbatim()
    def compute_output_shape(self, input_shape: Shape) -> tuple[int | None, ...]:
        window = reach(self.kernel_size, self.dilation_rate)
        sizes = output_sizes(input_shape, window, self.strides, self.padding)
        return (input_shape[0], *sizes, self.filters)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["data_format"]
        config["out_channels"] = config.pop("filters")
        config["stride"] = config.pop("strides")
        config["dilation"] = config.pop("dilation_rate")
        return config | {"in_channels": self.in_channels, "seed": self.seed}


def pad(
    x: Any, window: tuple[int, int], stride: tuple[int, int], padding: Any, value: float = 0.0
) -> Any:
    """x with ``value`` around each image."""
    sides = (padding, padding) if isinstance(padding, str) else padding
    rows, columns = (
        padding_sizes(*side) for side in zip(x.shape[1:3], window, stride, sides, strict=True)
    )
    return ops.pad(x, ((0, 0), rows, columns, (0, 0)), constant_values=value)


def output_sizes(
    shape: Shape, window: tuple[int, int], stride: tuple[int, int], padding: Any
) -> tuple[int | None, ...]:
    """How many windows fit, (height, width); None where the size of the images is not known."""
    sides = (padding, padding) if isinstance(padding, str) else padding
    return tuple(
        None if size is None else output_size(size, *side)
        for size, *side in zip(shape[1:3], window, stride, sides, strict=True)
    )


def _dense_in_memory(weight: Any) -> Any:
    """The same weights, with strides that PyTorch can give a gradient to."""
    if keras.backend.backend() != "torch" or weight.shape[-1] != 1:
        return weight
    # With one filter Keras's view of the kernel passes for channels last, though the strides are
    # not those: in float64 PyTorch refuses the gradient, "grad_weight must be contiguous".
    kernel = ops.convert_to_tensor(weight).permute(3, 2, 0, 1)
    return kernel.contiguous().permute(2, 3, 1, 0)


def _on_tensorflow(
    x: Any,
    weight: Any,
    strides: tuple[int, int],
    padding: str,
    dilations: tuple[int, int],
    groups: int,
) -> Any:
    """Without what it refuses, and without grouped convolutions, where XLA takes far longer."""
    if groups > 1 and weight.shape[2] == 1 and (strides[0] == strides[1] or max(dilations) > 1):
        options = {"data_format": "channels_last", "dilation_rate": dilations}
        depthwise = ops.reshape(weight, (*weight.shape[:2], groups, -1))
        return ops.depthwise_conv(x, depthwise, strides, padding, **options)
    if max(strides) > 1 and max(dilations) > 1:
        weight, dilations = _with_holes(weight, dilations), (1, 1)
    options = {"data_format": "channels_last", "dilation_rate": dilations}
    if groups == 1:
        return ops.conv(x, weight, strides, padding, **options)
    runs = zip(ops.split(x, groups, axis=-1), ops.split(weight, groups, axis=-1), strict=True)
    return ops.concatenate([ops.conv(*run, strides, padding, **options) for run in runs], axis=-1)


def _with_holes(weight: Any, dilations: tuple[int, int]) -> Any:
    """The kernel that does undilated what ``weight`` does dilated: zeros between its pixels."""
    height, width, *channels = weight.shape
    (down, right), (rows, columns) = dilations, reach((height, width), dilations)
    apart = ops.reshape(weight, (height, 1, width, 1, *channels))
    apart = ops.pad(apart, ((0, 0), (0, down - 1), (0, 0), (0, right - 1), (0, 0), (0, 0)))
    return ops.reshape(apart, (height * down, width * right, *channels))[:rows, :columns]


@remembered
def _check(
    x: Any,
    weight: Any,
    bias: Any | None,
    stride: Size,
    padding: Padding,
    dilation: Size,
    groups: int,
) -> tuple[tuple[int, int], Any, tuple[int, int]]:
    shape = tuple(shape_of(weight, "weight"))
    if len(shape) != 4 or 0 in shape:
        raise ValueError(f"weight must have shape (height, width, in / groups, out), got {shape}")
    channels = weight.shape[2] * check_size("groups", groups)
    check_filter_groups(groups, channels, weight.shape[3])
    check_maps(x, channels)
    check_floats(x=x, weight=weight, **given(bias=bias))
    if bias is not None:
        check_same_shape("bias", bias, weight.shape[-1:])
    strides, padding = check_pair("stride", stride), check_padding(padding)
    dilations = check_pair("dilation", dilation)
    output_sizes(
        x.shape, reach(weight.shape[:2], dilations), strides, padding
    )  # if there is no window
    return strides, padding, dilations
