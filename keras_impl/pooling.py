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

Here: these are ``keras.ops.max_pool``, ``average_pool``, ``mean`` and ``max``, and Keras's own
layers with explicit padding besides. Only the average with padding is our own: on the PyTorch
backend of Keras up to 3.15, "same" repeats the pixels of the border and counts them where it pads
on one side alone. For a window of nothing but NaN TensorFlow has the lowest finite float
(tensorflow/tensorflow#125965). In a graph that was traced for images of any size, the backend's own
error says that they are too small. On JAX and PyTorch, float64 takes
``keras_impl.precision.enable_float64()`` first: without it Keras rounds to float32.
"""

import math
from typing import Any

import keras
from keras import ops

from keras_impl.convolution import output_sizes, pad
from keras_impl.layers import Checked, verbatim
from triptych.common.checks import (
    Shape,
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
from triptych.common.windows import Padding, Size

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
    x: Any, pool_size: Size, *, stride: Size | None = None, padding: Padding = "valid"
) -> Any:
    """The largest value of each window, (N, height, width, C)."""
    pool, strides, padding = _check(x, pool_size, stride, padding)
    if not isinstance(padding, str):
        x, padding = pad(x, pool, strides, padding, -math.inf), "valid"
    return ops.max_pool(x, pool, strides, padding, data_format="channels_last")


def average_pool2d(
    x: Any,
    pool_size: Size,
    *,
    stride: Size | None = None,
    padding: Padding = "valid",
    count_include_pad: bool = False,
) -> Any:
    """The mean of each window, (N, height, width, C)."""
    pool, strides, padding = _check_average(x, pool_size, stride, padding, count_include_pad)
    if padding == "valid" or (padding == "same" and keras.backend.backend() != "torch"):
        y = ops.average_pool(x, pool, strides, padding, data_format="channels_last")
        if padding == "valid" or not count_include_pad:
            return y
        ones = ops.ones_like(x[:1, :, :, :1])  # whose sums count the pixels of the image
        kernel = ops.ones((*pool, 1, 1), ones.dtype)
        inside = ops.conv(ones, kernel, strides, padding, data_format="channels_last")
        return y * inside / math.prod(pool)

    def mean_with_zeros(x: Any) -> Any:
        padded = pad(x, pool, strides, padding)
        return ops.average_pool(padded, pool, strides, "valid", data_format="channels_last")

    y = mean_with_zeros(x)
    return y if count_include_pad else y / mean_with_zeros(ops.ones_like(x[:1, :, :, :1]))


def global_average_pool2d(x: Any) -> Any:
    """The mean of each feature map, (N, C)."""
    _check_maps(x)
    return ops.mean(x, axis=(1, 2))


def global_max_pool2d(x: Any) -> Any:
    """The largest value of each feature map, (N, C)."""
    _check_maps(x)
    return ops.max(x, axis=(1, 2))


def global_average_pool1d(x: Any, mask: Any | None = None) -> Any:
    """The mean of each feature over the real steps, (N, C)."""
    _check_steps(x, mask)
    if mask is None:
        return ops.mean(x, axis=1)
    real = ops.cast(mask, x.dtype)
    shares = real / ops.maximum(ops.sum(real, axis=1, keepdims=True), 1)
    return ops.sum(x * ops.expand_dims(shares, -1), axis=1)


class Pooling(Checked, keras.layers.Layer):
    """What the layers below have in common; Keras would refuse explicit padding."""

    def check(self, inputs: Any) -> None:
        _check_maps(inputs)

    @verbatim()
    def compute_output_shape(self, input_shape: Shape) -> tuple[int | None, ...]:
        sizes = output_sizes(input_shape, self.pool_size, self.strides, self.padding)
        return (input_shape[0], *sizes, input_shape[-1])

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        config["stride"] = config.pop("strides")
        del config["data_format"]
        return config


@keras.saving.register_keras_serializable("triptych")
class MaxPool2D(Pooling, keras.layers.MaxPooling2D):
    def __init__(
        self,
        pool_size: Size = 2,
        *,
        stride: Size | None = None,
        padding: Padding = "valid",
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        name = layer_name("keras", "max_pool", name)
        pool = check_pair("pool_size", pool_size)
        strides = pool if stride is None else check_pair("stride", stride)
        super().__init__(
            pool,
            strides,
            data_format="channels_last",
            name=name,
            **kwargs,
        )
        self.padding = check_pool_padding(padding, pool)

    @verbatim()
    def call(self, inputs: Any) -> Any:
        return max_pool2d(inputs, self.pool_size, stride=self.strides, padding=self.padding)


@keras.saving.register_keras_serializable("triptych")
class AveragePool2D(Pooling, keras.layers.AveragePooling2D):
    def __init__(
        self,
        pool_size: Size = 2,
        *,
        stride: Size | None = None,
        padding: Padding = "valid",
        count_include_pad: bool = False,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        name = layer_name("keras", "average_pool", name)
        pool = check_pair("pool_size", pool_size)
        strides = pool if stride is None else check_pair("stride", stride)
        super().__init__(
            pool,
            strides,
            data_format="channels_last",
            name=name,
            **kwargs,
        )
        self.padding = check_pool_padding(padding, pool)
        self.count_include_pad = check_flag("count_include_pad", count_include_pad)

    @verbatim()
    def call(self, inputs: Any) -> Any:
        return average_pool2d(
            inputs,
            self.pool_size,
            stride=self.strides,
            padding=self.padding,
            count_include_pad=self.count_include_pad,
        )

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"count_include_pad": self.count_include_pad}


@keras.saving.register_keras_serializable("triptych")
class GlobalAveragePool2D(Checked, keras.layers.GlobalAveragePooling2D):
    def __init__(self, *, name: str | None = None, **kwargs: Any) -> None:
        name = layer_name("keras", "global_average_pool", name)
        super().__init__(data_format="channels_last", keepdims=False, name=name, **kwargs)

    def check(self, inputs: Any) -> None:
        _check_maps(inputs)

    @verbatim()
    def call(self, inputs: Any) -> Any:
        return global_average_pool2d(inputs)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        for key in ("data_format", "keepdims"):
            del config[key]
        return config


@keras.saving.register_keras_serializable("triptych")
class GlobalMaxPool2D(Checked, keras.layers.GlobalMaxPooling2D):
    def __init__(self, *, name: str | None = None, **kwargs: Any) -> None:
        name = layer_name("keras", "global_max_pool", name)
        super().__init__(data_format="channels_last", keepdims=False, name=name, **kwargs)

    def check(self, inputs: Any) -> None:
        _check_maps(inputs)

    @verbatim()
    def call(self, inputs: Any) -> Any:
        return global_max_pool2d(inputs)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        for key in ("data_format", "keepdims"):
            del config[key]
        return config


@keras.saving.register_keras_serializable("triptych")
class GlobalAveragePool1D(Checked, keras.layers.Layer):
    """Of sequences (N, T, C)."""

    passes_mask = True

    def __init__(self, *, name: str | None = None, **kwargs: Any) -> None:
        name = layer_name("keras", "average_steps", name)
        super().__init__(name=name, **kwargs)

    def check(self, inputs: Any) -> None:
        _check_steps(inputs, None)

    def compute_mask(self, x: Any, mask: Any | None = None) -> None:
        return None

    @verbatim()
    def call(self, inputs: Any, mask: Any | None = None) -> Any:
        return global_average_pool1d(inputs, mask)


@remembered
def _check(
    x: Any, pool_size: Size, stride: Size | None, padding: Padding
) -> tuple[tuple[int, int], tuple[int, int], Any]:
    _check_maps(x)
    pool = check_pair("pool_size", pool_size)
    padding = check_pool_padding(padding, pool)
    strides = pool if stride is None else check_pair("stride", stride)
    output_sizes(x.shape, pool, strides, padding)  # raises if there is no window
    return pool, strides, padding


@remembered
def _check_average(
    x: Any, pool_size: Size, stride: Size | None, padding: Padding, count_include_pad: bool
) -> tuple[tuple[int, int], tuple[int, int], Any]:
    check_flag("count_include_pad", count_include_pad)
    return _check(x, pool_size, stride, padding)


@remembered
def _check_maps(x: Any) -> None:
    check_maps(x)
    check_floating("x", x)


@remembered
def _check_steps(x: Any, mask: Any | None) -> None:
    check_floating("x", x)
    check_sequences(x)
    check_steps_mask(mask, x)
