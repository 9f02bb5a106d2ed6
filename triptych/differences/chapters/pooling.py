"""Pooling."""

import numpy as np
import torch
from keras import layers, ops
from torch import nn
from torch.nn import functional as F

from triptych.differences.entry import Difference
from triptych.differences.probe import keras_tensor, normal, tensor
from triptych.translate import same_padding_to_torch


class AveragePoolPadding(Difference):
    """PyTorch's average counts the zeros of its padding, Keras's "same" leaves them out."""

    pytorch = "`avg_pool2d(count_include_pad=True)`"
    keras = "divides by the pixels of the image alone"
    mapping = "`count_include_pad=False`"
    links = (
        "tf-encrypted/tf-encrypted#75",
        "apache/tvm#1144",
        "tensorflow/tensorflow#45579",
        "opencv/opencv#10867",
    )
    asked = 6
    words = "average pooling padding border count_include_pad edge smaller"

    def in_pytorch(mapped):
        x = tensor(normal(1, 2, 7, 7))
        y = F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=not mapped)
        return y.permute(0, 2, 3, 1)

    def in_keras(mapped):
        layer = layers.AveragePooling2D(3, strides=1, padding="same")
        return layer(normal(1, 2, 7, 7).transpose(0, 2, 3, 1))


class MaxPoolPadding(Difference):
    """Max pooling with "same" pads more at the end in Keras; PyTorch pads both sides alike."""

    pytorch = "`max_pool2d(padding=1)`: -inf on both sides"
    keras = "`padding='same'`: total // 2 before, the rest after"
    mapping = "`F.pad(x, sides, value=-inf)` by translate.same_padding_to_torch"
    links = (
        "onnx/onnx#388",
        "hassony2/kinetics_i3d_pytorch#4",
        "taehoonlee/tensornets#25",
        "pytorch/pytorch#3867",
    )
    asked = 4
    words = "max pooling same padding stride 2 asymmetric resnet stem shifted"

    def in_pytorch(mapped):
        x = tensor(normal(1, 2, 8, 8))
        if mapped:
            sides = same_padding_to_torch(8, 3, stride=2)
            y = F.max_pool2d(F.pad(x, sides * 2, value=-torch.inf), 3, stride=2)
        else:
            y = F.max_pool2d(x, 3, stride=2, padding=1)
        return y.permute(0, 2, 3, 1)

    def in_keras(mapped):
        layer = layers.MaxPooling2D(3, strides=2, padding="same")
        return layer(normal(1, 2, 8, 8).transpose(0, 2, 3, 1))


class PoolCeilMode(Difference):
    """PyTorch can keep a last window that hangs over the border; in Keras that is "same".

    Both drop it by default.
    """

    pytorch = "`ceil_mode=False`: size floor((n - k) / s) + 1"
    keras = "'valid' the same; 'same': ceil(n / s)"
    mapping = "`ceil_mode=True` and no padding, where the kernel is the stride"
    words = "ceil_mode pooling output size rounding odd"

    def in_pytorch(mapped):
        y = F.max_pool2d(tensor(normal(1, 2, 7, 7)), 2, ceil_mode=mapped)
        return y.permute(0, 2, 3, 1)

    def in_keras(mapped):
        return layers.MaxPooling2D(2, padding="same")(normal(1, 2, 7, 7).transpose(0, 2, 3, 1))


class GlobalPoolAxes(Difference):
    """Global pooling keeps the two axes in PyTorch, as 1 and 1, and drops them in Keras."""

    pytorch = "`AdaptiveAvgPool2d(1)`: (N, C, 1, 1)"
    keras = "`GlobalAveragePooling2D()`: (N, C)"
    mapping = "`keepdims=True`, or flatten in PyTorch"
    words = "AdaptiveAvgPool2d GlobalAveragePooling2D shape keepdims flatten"

    def in_pytorch(mapped):
        y = nn.AdaptiveAvgPool2d(1)(tensor(normal(2, 3, 4, 4)))
        return y.flatten(1) if mapped else y

    def in_keras(mapped):
        return layers.GlobalAveragePooling2D()(normal(2, 3, 4, 4).transpose(0, 2, 3, 1))


class GlobalMaxTies(Difference):
    """Of equal maxima of a whole image PyTorch's layer picks one, Keras shares the gradient.

    A ReLU leaves maps of nothing but zeros, where all pixels are equal.
    """

    pytorch = "`AdaptiveMaxPool2d(1)`: the first in reading order has it all"
    keras = "`GlobalMaxPooling2D()`: each of m has 1 / m"
    mapping = "`x.amax((2, 3))` in PyTorch, which shares too"
    backends = ("tensorflow",)  # where the gradient is taken; the others share as well
    words = "global max pooling ties gradient equal maxima amax"

    def in_pytorch(mapped):
        x = tensor(np.rint(normal(1, 2, 4, 4)), gradient=True)
        y = x.amax((2, 3)) if mapped else nn.AdaptiveMaxPool2d(1)(x)
        y.sum().backward()
        return x.grad.permute(0, 2, 3, 1)

    def in_keras(mapped):
        import tensorflow as tf

        x = tf.Variable(np.rint(normal(1, 2, 4, 4)).transpose(0, 2, 3, 1))
        with tf.GradientTape() as tape:
            y = ops.sum(layers.GlobalMaxPooling2D()(x))
        return tape.gradient(y, x)


class AdaptivePooling(Difference):
    """PyTorch pools to any size, with windows that overlap; Keras's windows are all alike."""

    pytorch = "`AdaptiveAvgPool2d(3)` of 7 pixels: windows 0-2, 2-4, 4-6"
    keras = "`AveragePooling2D(2)`: 0-1, 2-3, 4-5, the last pixel left out"
    mapping = "a size that the number of windows divides"
    words = "adaptive average pooling output size keras equivalent"

    def in_pytorch(mapped):
        size = 6 if mapped else 7
        return F.adaptive_avg_pool2d(tensor(normal(1, 2, size, size)), 3).permute(0, 2, 3, 1)

    def in_keras(mapped):
        size = 6 if mapped else 7
        return layers.AveragePooling2D(2)(normal(1, 2, size, size).transpose(0, 2, 3, 1))


class MaxPoolNan(Difference):
    """Max pooling on TensorFlow's CPU overlooks NaN; PyTorch and JAX return it.

    Ties agree everywhere: the gradient goes to the first in reading order.
    """

    pytorch = "NaN"
    keras = "on TensorFlow's CPU the largest number"
    mapping = "refuse what is not finite"
    backends = ("tensorflow",)
    words = "max pooling nan ignored"

    def in_pytorch(mapped):
        x = normal(1, 1, 2, 2)
        x[0, 0, 0, 1] = 0 if mapped else np.nan
        return F.max_pool2d(tensor(x), 2).permute(0, 2, 3, 1)

    def in_keras(mapped):
        x = normal(1, 1, 2, 2)
        x[0, 0, 0, 1] = 0 if mapped else np.nan
        return layers.MaxPooling2D(2)(x.transpose(0, 2, 3, 1))


class PowerPooling(Difference):
    """PyTorch can pool by a p-norm, Keras by mean and maximum only."""

    pytorch = "`LPPool2d(2, 3)`: the root of the sum of squares of a window"
    keras = "none"
    mapping = "`sqrt(average of x**2 * pixels)` by average pooling"
    words = "lppool power average pooling p-norm"

    def in_pytorch(mapped):
        return F.lp_pool2d(tensor(normal(1, 2, 6, 6)), 2, 3).permute(0, 2, 3, 1)

    def in_keras(mapped):
        x = keras_tensor(normal(1, 2, 6, 6).transpose(0, 2, 3, 1))
        if mapped:
            return ops.sqrt(ops.average_pool(x**2, 3, strides=3) * 9)
        return ops.average_pool(x, 3, strides=3)


class AveragePoolSameOnPytorch(Difference):
    """Keras's average pooling "same" on PyTorch repeats border pixels and counts them.

    Where the padding is unequal and the window above 2; mended upstream.
    """

    pytorch = "`avg_pool2d(count_include_pad=False)` of images padded by hand"
    keras = "on PyTorch `AveragePooling2D(padding='same')` pads by repetition"
    mapping = "pad with zeros, pool ones beside it, and divide"
    links = ("keras-team/keras#23233",)
    backends = ("torch",)
    words = "average pooling same torch backend wrong border replicate"

    def in_pytorch(mapped):
        sides = same_padding_to_torch(6, 3, stride=2) * 2
        x, ones = tensor(normal(1, 1, 6, 6)), torch.ones(1, 1, 6, 6)
        total, count = (F.avg_pool2d(F.pad(each, sides), 3, stride=2) for each in (x, ones))
        return (total / count).permute(0, 2, 3, 1)

    def in_keras(mapped):
        x = keras_tensor(normal(1, 1, 6, 6).transpose(0, 2, 3, 1))
        if not mapped:
            return ops.average_pool(x, 3, strides=2, padding="same")
        sides = same_padding_to_torch(6, 3, stride=2)
        total, count = (
            ops.average_pool(ops.pad(each, ((0, 0), sides, sides, (0, 0))), 3, strides=2)
            for each in (x, ops.ones_like(x))
        )
        return total / count
