"""Convolutions, their padding and their kernels."""

import keras
import numpy as np
import torch
from keras import layers
from torch import nn
from torch.nn import functional as F

from triptych.differences.entry import Difference
from triptych.differences.probe import keras_tensor, normal, outcome, tensor
from triptych.translate import kernel_to_keras, padding_to_keras, same_padding_to_torch


class SamePaddingStride(Difference):
    """With a stride, "same" pads more at the end in Keras; PyTorch's padding=1 pads both sides.

    The sizes are equal and the pixels are not: at an even size a stride of 2 looks at others.
    """

    pytorch = "`padding=1` on both sides; `padding='same'` refuses a stride"
    keras = "`padding='same'`: total // 2 before, the rest after"
    mapping = "`F.pad` by translate.same_padding_to_torch, then no padding"
    links = (
        "pytorch/pytorch#3867",
        "pytorch/pytorch#67551",
        "taehoonlee/tensornets#25",
        "tensorflow/tensorflow#10747",
    )
    asked = 8
    words = "same padding stride 2 asymmetric conv2d downsampling resnet shifted"

    def in_pytorch(mapped):
        x, weight = tensor(normal(1, 2, 8, 8)), tensor(normal(3, 2, 3, 3, seed=1))
        if mapped:
            sides = same_padding_to_torch(8, 3, stride=2)
            return F.conv2d(F.pad(x, sides * 2), weight, stride=2).permute(0, 2, 3, 1)
        return F.conv2d(x, weight, stride=2, padding=1).permute(0, 2, 3, 1)

    def in_keras(mapped):
        layer = layers.Conv2D(3, 3, strides=2, padding="same", use_bias=False)
        layer.build((None, 8, 8, 2))
        layer.kernel.assign(kernel_to_keras(normal(3, 2, 3, 3, seed=1), "convolution"))
        return layer(normal(1, 2, 8, 8).transpose(0, 2, 3, 1))


class SamePaddingRefused(Difference):
    """PyTorch refuses "same" with a stride above 1; Keras takes it."""

    pytorch = "ValueError: padding='same' is not supported for strided convolutions"
    keras = "size ceil(n / stride)"
    mapping = "`F.pad` by translate.same_padding_to_torch, then no padding"
    words = "padding='same' is not supported for strided convolutions"
    links = ("pytorch/pytorch#67551",)

    def in_pytorch(mapped):
        if mapped:
            x = F.pad(torch.zeros(1, 2, 9, 9), same_padding_to_torch(9, 3, stride=2) * 2)
            return nn.Conv2d(2, 3, 3, stride=2)(x).shape[2:]
        return outcome(
            lambda: nn.Conv2d(2, 3, 3, stride=2, padding="same"),
            "not supported for strided convolutions",
        )

    def in_keras(mapped):
        return layers.Conv2D(3, 3, strides=2, padding="same")(np.zeros((1, 9, 9, 2))).shape[1:3]


class ExplicitPadding(Difference):
    """Keras's convolutions take "valid" or "same", PyTorch's any number of pixels."""

    pytorch = "`Conv2d(padding=2)`"
    keras = "`padding='same'` is 1 pixel for a kernel of 3"
    mapping = "`ZeroPadding2D` before a valid convolution"
    words = "explicit padding number pixels ZeroPadding2D conv2d"

    def in_pytorch(mapped):
        weight = tensor(normal(3, 2, 3, 3, seed=1))
        return F.conv2d(tensor(normal(1, 2, 7, 7)), weight, padding=2).permute(0, 2, 3, 1)

    def in_keras(mapped):
        x = normal(1, 2, 7, 7).transpose(0, 2, 3, 1)
        if mapped:
            x = layers.ZeroPadding2D(padding_to_keras(2, 7, 3))(x)
        layer = layers.Conv2D(3, 3, padding="valid" if mapped else "same", use_bias=False)
        layer.build(x.shape)
        layer.kernel.assign(kernel_to_keras(normal(3, 2, 3, 3, seed=1), "convolution"))
        return layer(x)


class PaddingMode(Difference):
    """PyTorch's convolutions can reflect, repeat or wrap at the border; Keras's pad with 0."""

    pytorch = "`padding_mode='reflect'`, 'replicate', 'circular'"
    keras = "zeros"
    mapping = "`keras.ops.pad(x, ..., mode='reflect')` before a valid convolution"
    links = (
        "keras-team/keras#19988",
        "keras-team/tf-keras#766",
        "AlexanderLutsenko/nobuco#49",
    )
    asked = 3
    words = "padding_mode reflect replicate circular border convolution"

    def in_pytorch(mapped):
        layer = nn.Conv2d(2, 3, 3, padding=1, padding_mode="reflect", bias=False)
        layer.weight.data = tensor(normal(3, 2, 3, 3, seed=1))
        return layer(tensor(normal(1, 2, 7, 7))).permute(0, 2, 3, 1)

    def in_keras(mapped):
        x = keras_tensor(normal(1, 2, 7, 7).transpose(0, 2, 3, 1))
        if mapped:
            x = keras.ops.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="reflect")
        layer = layers.Conv2D(3, 3, padding="valid" if mapped else "same", use_bias=False)
        layer.build(x.shape)
        layer.kernel.assign(kernel_to_keras(normal(3, 2, 3, 3, seed=1), "convolution"))
        return layer(x)


class DataFormat(Difference):
    """Images are (N, C, H, W) in PyTorch and (N, H, W, C) in Keras.

    Neither looks: what has fitting sizes is convolved along the wrong axes.
    """

    pytorch = "channels first"
    keras = "`data_format='channels_last'`"
    mapping = "`x.permute(0, 2, 3, 1)`; or `data_format='channels_first'`"
    links = (
        "gmalivenko/pytorch2keras#34",
        "gmalivenko/pytorch2keras#143",
        "tensorflow/tensorflow#49186",
        "cta-observatory/dl1-data-handler#191",
    )
    asked = 6
    words = "channels first last NCHW NHWC permute transpose data_format image"

    def in_pytorch(mapped):
        y = F.avg_pool2d(tensor(normal(1, 4, 4, 4)), 2)
        return y.permute(0, 2, 3, 1) if mapped else y

    def in_keras(mapped):
        x = normal(1, 4, 4, 4)
        return layers.AveragePooling2D(2)(x.transpose(0, 2, 3, 1) if mapped else x)


class KernelLayout(Difference):
    """A convolution's kernel is (out, in, h, w) in PyTorch, (h, w, in, out) in Keras."""

    pytorch = "`weight`: (out, in, height, width)"
    keras = "`kernel`: (height, width, in, out)"
    mapping = "`weight.permute(2, 3, 1, 0)`: translate.kernel_to_keras"
    words = "convert conv weights transpose kernel layout porting"

    def in_pytorch(mapped):
        weight = tensor(normal(3, 3, 3, 3, seed=1))
        return F.conv2d(tensor(normal(1, 3, 7, 7)), weight).permute(0, 2, 3, 1)

    def in_keras(mapped):
        layer, weight = layers.Conv2D(3, 3, use_bias=False), normal(3, 3, 3, 3, seed=1)
        layer.build((None, 7, 7, 3))
        layer.kernel.assign(kernel_to_keras(weight, "convolution") if mapped else weight)
        return layer(normal(1, 3, 7, 7).transpose(0, 2, 3, 1))


class DenseLayout(Difference):
    """A dense layer's weight is (out, in) in PyTorch, (in, out) in Keras.

    A square one fits either way.
    """

    pytorch = "`weight`: y = x @ weight.T"
    keras = "`kernel`: y = x @ kernel"
    mapping = "transpose"
    words = "linear dense weight transpose convert shape porting"

    def in_pytorch(mapped):
        return F.linear(tensor(normal(2, 4)), tensor(normal(4, 4, seed=1)))

    def in_keras(mapped):
        layer, weight = layers.Dense(4, use_bias=False), normal(4, 4, seed=1)
        layer.build((None, 4))
        layer.kernel.assign(kernel_to_keras(weight) if mapped else weight)
        return layer(normal(2, 4))


class DepthwiseKernel(Difference):
    """A depthwise convolution is a grouped one in PyTorch, a layer of its own in Keras.

    The same numbers as an ordinary kernel of 1 channel have another order.
    """

    pytorch = "`Conv2d(C, C * m, 3, groups=C)`: weight (C * m, 1, h, w)"
    keras = "`DepthwiseConv2D(3, depth_multiplier=m)`: kernel (h, w, C, m)"
    mapping = "`weight.reshape(C, m, h, w).permute(2, 3, 0, 1)`"
    links = (
        "AlexanderLutsenko/nobuco#2",
        "gmalivenko/onnx2keras#150",
        "gmalivenko/pytorch2keras#42",
        "AlexanderLutsenko/nobuco#33",
    )
    asked = 4
    words = "depthwise separable convolution groups mobilenet depth_multiplier kernel"

    def in_pytorch(mapped):
        weight = tensor(normal(6, 1, 3, 3, seed=1))
        return F.conv2d(tensor(normal(1, 3, 7, 7)), weight, groups=3).permute(0, 2, 3, 1)

    def in_keras(mapped):
        layer = layers.DepthwiseConv2D(3, depth_multiplier=2, use_bias=False)
        layer.build((None, 7, 7, 3))
        weight = normal(6, 1, 3, 3, seed=1)
        naive = weight.transpose(2, 3, 1, 0).reshape(3, 3, 2, 3).swapaxes(2, 3)
        layer.kernel.assign(kernel_to_keras(weight, "depthwise", channels=3) if mapped else naive)
        return layer(normal(1, 3, 7, 7).transpose(0, 2, 3, 1))


class DepthwiseInitialWeights(Difference):
    """Keras draws a depthwise kernel by Glorot's rule with the fans of a kernel (C, m).

    With one filter for a channel that is what the grouped convolution has; with more it is less.
    """

    pytorch = "`xavier_uniform_` with groups=C: fans h w and h w C m"
    keras = "`DepthwiseConv2D`: fans h w C and h w m"
    mapping = "`nn.init.uniform_(weight, -l, l)`, l = sqrt(6 / (h * w * (C + m)))"
    bound = 0.01
    because = "the largest of 7,200 weights that each framework draws by itself"
    differs = 0.1
    words = "depthwise convolution initial weights glorot fan depth_multiplier"

    def in_pytorch(mapped):
        layer = nn.Conv2d(80, 800, 3, groups=80)
        if mapped:
            limit = np.sqrt(6 / (9 * (80 + 10)))
            nn.init.uniform_(layer.weight, -limit, limit)
        else:
            nn.init.xavier_uniform_(layer.weight)
        return layer.weight.abs().max()

    def in_keras(mapped):
        initializer = keras.initializers.GlorotUniform(seed=0)
        layer = layers.DepthwiseConv2D(3, depth_multiplier=10, depthwise_initializer=initializer)
        layer.build((None, 7, 7, 80))
        return np.abs(layer.kernel).max()


class DilationAndStride(Difference):
    """PyTorch dilates and strides at once; Keras's convolutions refuse the two together.

    The layers do on every backend, ``keras.ops.conv`` on TensorFlow alone.
    """

    pytorch = "`Conv2d(stride=2, dilation=2)`"
    keras = "ValueError: `strides > 1` not supported in conjunction with `dilation_rate > 1`"
    mapping = "a kernel with zeros between its pixels, not dilated"
    words = "strides > 1 not supported in conjunction with dilation_rate > 1 atrous"

    def in_pytorch(mapped):
        weight = tensor(normal(3, 2, 3, 3, seed=1))
        y = F.conv2d(tensor(normal(1, 2, 9, 9)), weight, stride=2, dilation=2)
        return y.permute(0, 2, 3, 1)

    def in_keras(mapped):
        x = normal(1, 2, 9, 9).transpose(0, 2, 3, 1)
        kernel = kernel_to_keras(normal(3, 2, 3, 3, seed=1), "convolution")
        if mapped:
            holes = np.zeros((5, 5, 2, 3))
            holes[::2, ::2] = kernel
            return keras.ops.conv(keras_tensor(x), keras_tensor(holes), 2)
        return outcome(
            lambda: layers.Conv2D(3, 3, strides=2, dilation_rate=2)(x), "in conjunction with"
        )


class DepthwiseStrides(Difference):
    """Depthwise convolutions on TensorFlow's CPU refuse strides that differ; PyTorch takes them.

    Not so when XLA compiles them, nor with dilation.
    """

    pytorch = "`Conv2d(C, C, 3, stride=(1, 2), groups=C)`"
    keras = "on TensorFlow: only supports equal length strides"
    mapping = "an ordinary convolution for each channel"
    backends = ("tensorflow",)
    words = "depthwise only supports equal length strides in the row and column dimensions"

    def in_pytorch(mapped):
        weight = tensor(normal(2, 1, 3, 3, seed=1))
        y = F.conv2d(tensor(normal(1, 2, 7, 7)), weight, stride=(1, 2), groups=2)
        return y.permute(0, 2, 3, 1)

    def in_keras(mapped):
        x = keras_tensor(normal(1, 2, 7, 7).transpose(0, 2, 3, 1))
        kernel = keras_tensor(kernel_to_keras(normal(2, 1, 3, 3, seed=1), "depthwise", channels=2))
        if mapped:
            each = (
                keras.ops.conv(x[..., c : c + 1], kernel[:, :, c : c + 1], (1, 2)) for c in (0, 1)
            )
            return keras.ops.concatenate(list(each), axis=-1)
        return outcome(
            lambda: keras.ops.depthwise_conv(x, kernel, (1, 2)), "only supports equal length"
        )


class TransposedConvolutionSize(Difference):
    """A transposed convolution's padding cuts the output in PyTorch, and sets its size in Keras.

    Keras's "same" gives n * stride, cut unevenly where kernel - stride is odd.
    """

    pytorch = "(n - 1) * s - 2 p + k + output_padding"
    keras = "'same': n * s; 'valid': (n - 1) * s + max(k, s)"
    mapping = "no padding in PyTorch, then cut (k - s) // 2 before and the rest after"
    links = (
        "keras-team/keras#22876",
        "pytorch/pytorch#80301",
        "gmalivenko/pytorch2keras#7",
        "pytorch/vision#2205",
    )
    asked = 7
    words = "ConvTranspose2d Conv2DTranspose output_padding same size upsampling deconvolution"

    def in_pytorch(mapped):
        weight = tensor(normal(2, 3, 3, 3, seed=1))
        x = tensor(normal(1, 2, 4, 4))
        if mapped:
            y = F.conv_transpose2d(x, weight, stride=2)[..., :8, :8]
        else:
            y = F.conv_transpose2d(x, weight, stride=2, padding=1)
        return y.permute(0, 2, 3, 1)

    def in_keras(mapped):
        layer = layers.Conv2DTranspose(3, 3, strides=2, padding="same", use_bias=False)
        layer.build((None, 4, 4, 2))
        layer.kernel.assign(kernel_to_keras(normal(2, 3, 3, 3, seed=1), "transposed"))
        return layer(normal(1, 2, 4, 4).transpose(0, 2, 3, 1))


class FlattenOrder(Difference):
    """PyTorch flattens images channels first, Keras channels last.

    The dense weights after it have the right shape and the wrong rows.
    """

    pytorch = "channel, row, column"
    keras = "row, column, channel"
    mapping = "reorder the rows: `translate.kernel_to_keras(weight, flattened=(h, w, c))`"
    links = (
        "gzuidhof/nn-transfer#16",
        "gzuidhof/nn-transfer#17",
        "microsoft/MMdnn#250",
        "keras-team/keras#9696",
    )
    asked = 6
    words = "flatten linear after conv converted weights wrong output order dense"

    def in_pytorch(mapped):
        x, weight = tensor(normal(2, 3, 4, 5)), tensor(normal(6, 60, seed=1))
        return F.linear(x.flatten(1), weight)

    def in_keras(mapped):
        weight = normal(6, 60, seed=1)
        kernel = kernel_to_keras(weight, flattened=(4, 5, 3)) if mapped else weight.T
        layer = layers.Dense(6, use_bias=False)
        layer.build((None, 60))
        layer.kernel.assign(kernel)
        return layer(layers.Flatten()(normal(2, 3, 4, 5).transpose(0, 2, 3, 1)))


class SeparableConvolution(Difference):
    """Keras has separable convolutions, with one bias; the two layers in PyTorch have two."""

    pytorch = "`Conv2d(groups=C)` then `Conv2d(1)`: each with a bias"
    keras = "`SeparableConv2D`: depthwise without a bias, pointwise with one"
    mapping = "`bias=False` in the first"
    words = "separable convolution pointwise depthwise xception bias"

    def in_pytorch(mapped):
        depthwise = nn.Conv2d(3, 3, 3, groups=3, bias=not mapped)
        pointwise = nn.Conv2d(3, 4, 1)
        return sum(p.numel() for layer in (depthwise, pointwise) for p in layer.parameters())

    def in_keras(mapped):
        layer = layers.SeparableConv2D(4, 3)
        layer.build((None, 7, 7, 3))
        return layer.count_params()


class OneFilterOnPytorch(Difference):
    """Keras's Conv2D with one filter on PyTorch cannot go backward in float64 on the CPU.

    The view of the kernel that Keras hands over passes for channels last without its strides.
    """

    pytorch = "a gradient"
    keras = "on PyTorch RuntimeError: grad_weight must be contiguous, for kernels like (2, 3)"
    mapping = "a kernel copied into PyTorch's own order"
    backends = ("torch",)
    words = "conv2d one filter grad_weight must be contiguous torch backend backward"

    def in_pytorch(mapped):
        weight = tensor(normal(1, 2, 2, 3, seed=1), gradient=True)

        def gradient():
            F.conv2d(tensor(normal(1, 2, 6, 6)), weight).sum().backward()
            return weight.grad.permute(2, 3, 1, 0)

        return outcome(gradient)

    def in_keras(mapped):
        layer = layers.Conv2D(1, (2, 3), use_bias=False)
        layer.build((None, 6, 6, 2))
        weight = normal(1, 2, 2, 3, seed=1)
        layer.kernel.assign(kernel_to_keras(weight, "convolution"))
        x = keras_tensor(normal(1, 2, 6, 6).transpose(0, 2, 3, 1))

        def gradient():
            if mapped:
                kernel = layer.kernel.value.permute(3, 2, 0, 1).contiguous()
                F.conv2d(x.permute(0, 3, 1, 2), kernel).sum().backward()
            else:
                layer(x).sum().backward()
            return layer.kernel.value.grad

        return outcome(gradient, "grad_weight must be contiguous")
