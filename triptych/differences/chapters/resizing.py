"""Resizing: which pixels are looked at, and how they are weighed."""

import torch
from keras import layers, ops
from torch.nn import functional as F

from triptych.differences.entry import Difference
from triptych.differences.probe import array, keras_tensor, normal, outcome, tensor, torchvision_v2


def resized(size, height=8, width=8, **options):
    """By PyTorch's function, channels last."""
    images = tensor(normal(1, 2, height, width))
    return F.interpolate(images, size=size, **options).permute(0, 2, 3, 1)


def keras_resized(size, height=8, width=8, **options):
    """By Keras's op."""
    images = keras_tensor(normal(1, 2, height, width).transpose(0, 2, 3, 1))
    return ops.image.resize(images, size, **options)


class ResizeDefault(Difference):
    """Resizing takes the nearest pixel in PyTorch, if nothing is said, and is bilinear in Keras."""

    pytorch = "`F.interpolate(mode='nearest')`"
    keras = "`Resizing(interpolation='bilinear')`, `ops.image.resize`"
    mapping = "`mode='bilinear'`"
    bound = 1e-6
    because = "Keras on TensorFlow resizes in float32"
    words = "interpolate resize default nearest bilinear mode"

    def in_pytorch(mapped):
        return resized((12, 12), **({"mode": "bilinear"} if mapped else {}))

    def in_keras(mapped):
        return keras_resized((12, 12))


class ResizeAlignCorners(Difference):
    """Only PyTorch can put the corners of the two grids on each other; Keras's pixels have halves.

    Both default to half-pixel centres. Models of PyTorch 0.3 and TensorFlow 1 were trained with
    other grids.
    """

    pytorch = "`align_corners=True`: the corner pixels stay where they are"
    keras = "half-pixel centres, always"
    mapping = "`align_corners=False`, the default"
    bound = 1e-6
    because = "Keras on TensorFlow resizes in float32"
    links = (
        "pytorch/pytorch#10604",
        "tensorflow/tensorflow#6720",
        "google/flax#2214",
        "pytorch/xla#8897",
    )
    asked = 5
    words = "align_corners half pixel centers upsample bilinear resize different segmentation"

    def in_pytorch(mapped):
        return resized((12, 12), mode="bilinear", align_corners=not mapped)

    def in_keras(mapped):
        return keras_resized((12, 12))


class ResizeAntialias(Difference):
    """torchvision smooths when it shrinks, PyTorch's function and Keras do not.

    Every second pixel of a fine pattern is lost without it.
    """

    pytorch = "torchvision's `resize(antialias=True)`; `F.interpolate(antialias=False)`"
    keras = "`antialias=False`"
    mapping = "`antialias=True` on both sides"
    bound = 1e-6
    because = "Keras resizes in float32"
    needs = ("torchvision",)
    links = (
        "pytorch/vision#2950",
        "pytorch/vision#7160",
        "pytorch/vision#3615",
        "mindee/doctr#402",
    )
    asked = 5
    words = "antialias downscale resize torchvision PIL smooth moire evaluation accuracy drop"

    def in_pytorch(mapped):
        images = tensor(normal(1, 2, 12, 12))
        return torchvision_v2().functional.resize(images, [5, 5]).permute(0, 2, 3, 1)

    def in_keras(mapped):
        return keras_resized((5, 5), 12, 12, antialias=mapped)


class ResizeNearestRounding(Difference):
    """The nearest pixel: PyTorch's "nearest" rounds down, Keras's looks at the centres."""

    pytorch = "'nearest': floor(i * scale); 'nearest-exact': floor((i + 1/2) * scale)"
    keras = "floor((i + 1/2) * scale)"
    mapping = "`mode='nearest-exact'`"
    links = (
        "pytorch/pytorch#64501",
        "opencv/opencv#9096",
        "opencv/opencv#10146",
    )
    asked = 3
    words = "nearest nearest-exact interpolation off by one pixel resize mask labels"

    def in_pytorch(mapped):
        return resized((5, 5), mode="nearest-exact" if mapped else "nearest")

    def in_keras(mapped):
        return keras_resized((5, 5), interpolation="nearest")


class ResizeBicubicKernel(Difference):
    """The bicubic kernel has a = -0.75 in PyTorch, -0.5 in Keras, if PyTorch does not antialias.

    With antialias=True PyTorch takes -0.5, as Pillow.
    """

    pytorch = "a = -0.75, as OpenCV; -0.5 with antialias=True"
    keras = "a = -0.5, as Pillow"
    mapping = "`antialias=True`, which changes nothing else when an image grows"
    bound = 1e-6
    because = "in float32, and inside of the border, where Keras leaves out what PyTorch repeats"
    links = (
        "Blaizzy/mlx-vlm#1241",
        "onnx/onnx#2057",
        "opencv/opencv#24165",
        "pytorch/pytorch#19650",
    )
    asked = 5
    words = "bicubic coefficient -0.75 -0.5 a cubic interpolation opencv pillow resize"
    backends = ("tensorflow",)

    def in_pytorch(mapped):
        y = resized((16, 16), mode="bicubic", antialias=mapped, align_corners=False)
        return y[:, 4:-4, 4:-4]

    def in_keras(mapped):
        return keras_resized((16, 16), interpolation="bicubic")[:, 4:-4, 4:-4]


class UpSamplingCorners(Difference):
    """An upsampling layer repeats pixels in both, but interpolates another way if told "bilinear".

    Both default to "nearest". `nn.UpsamplingBilinear2d` aligns the corners, Keras's does not.
    """

    pytorch = "`UpsamplingBilinear2d(scale_factor=2)`: align_corners=True"
    keras = "`UpSampling2D(2, interpolation='bilinear')`: half-pixel centres"
    mapping = "`nn.Upsample(scale_factor=2, mode='bilinear')`"
    bound = 1e-6
    because = "Keras on TensorFlow resizes in float32"
    words = "UpsamplingBilinear2d UpSampling2D align_corners upsample decoder unet"

    def in_pytorch(mapped):
        images = tensor(normal(1, 2, 4, 4))
        if mapped:
            y = torch.nn.Upsample(scale_factor=2, mode="bilinear")(images)
        else:
            y = torch.nn.UpsamplingBilinear2d(scale_factor=2)(images)
        return y.permute(0, 2, 3, 1)

    def in_keras(mapped):
        images = normal(1, 2, 4, 4).transpose(0, 2, 3, 1)
        return layers.UpSampling2D(2, interpolation="bilinear")(images)


class ResizeShorterSide(Difference):
    """One number is the shorter side in torchvision, and no size in Keras, which wants both.

    Keras changes the aspect ratio unless it crops or pads to it.
    """

    pytorch = "`resize(image, 4)`: 8 x 12 becomes 4 x 6"
    keras = "`Resizing(4, 4)`: 4 x 4, squeezed"
    mapping = "`CenterCrop(4)` after it, and `crop_to_aspect_ratio=True`"
    bound = 1e-5
    because = "Keras resizes in float32"
    needs = ("torchvision",)
    words = "resize int shorter side aspect ratio crop_to_aspect_ratio center crop squeezed"

    def in_pytorch(mapped):
        v2, images = torchvision_v2(), tensor(normal(1, 2, 8, 12))
        y = v2.functional.resize(images, [4], antialias=False)
        y = v2.functional.center_crop(y, [4, 4]) if mapped else y
        return y.permute(0, 2, 3, 1)

    def in_keras(mapped):
        images = normal(1, 2, 8, 12).transpose(0, 2, 3, 1)
        return layers.Resizing(4, 4, crop_to_aspect_ratio=mapped)(images)


class ResizeArea(Difference):
    """PyTorch resizes by areas, Keras does not.

    Where the sizes divide, it is an average pooling.
    """

    pytorch = "`mode='area'`: the mean of the pixels covered"
    keras = "'bilinear', 'nearest', 'bicubic', 'lanczos3', 'lanczos5'"
    mapping = "average pooling, where the sizes divide"
    words = "area interpolation shrink mean adaptive average"

    def in_pytorch(mapped):
        return resized((4, 4), mode="area")

    def in_keras(mapped):
        if mapped:
            images = keras_tensor(normal(1, 2, 8, 8).transpose(0, 2, 3, 1))
            return ops.average_pool(images, 2, strides=2)
        return keras_resized((4, 4), antialias=True)


class ResizeLanczos(Difference):
    """A Lanczos filter only smooths with antialias=True in PyTorch, which insists on it.

    Older versions of PyTorch have none.
    """

    pytorch = "`mode='lanczos'`: ValueError without `antialias=True`"
    keras = "'lanczos3', 'lanczos5', with `antialias=False`"
    mapping = "`antialias=True` on both sides, and 'lanczos3'"
    bound = 1e-6
    because = "Keras resizes in float32"
    since = "PyTorch 2.13"
    words = "lanczos resize filter pillow Lanczos mode requires antialias=True"
    backends = ("tensorflow", "jax")

    def in_pytorch(mapped):
        return outcome(
            lambda: array(resized((4, 4), mode="lanczos", antialias=mapped)),
            "Lanczos mode requires antialias=True",
        )

    def in_keras(mapped):
        return array(keras_resized((4, 4), interpolation="lanczos3", antialias=mapped))
