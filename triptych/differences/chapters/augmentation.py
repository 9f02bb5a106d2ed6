"""Augmentation. PyTorch's side is torchvision's, where PyTorch has none of its own."""

import keras
import numpy as np
import torch
from keras import layers, ops
from torch import nn
from torch.nn import functional as F

from triptych.differences.entry import Difference
from triptych.differences.probe import array, keras_tensor, normal, outcome, tensor, torchvision_v2
from triptych.translate import (
    rotation_to_keras,
    rotation_to_theta,
    rotation_to_torch,
    translation_to_keras,
    zoom_to_keras,
)

CONSTANT = {"fill_mode": "constant", "interpolation": "bilinear"}


def pictures(count=2, height=8, width=8, channels=3):
    """Smooth images in [0, 1], channels last: interpolation errs little, a shift shows."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:height, :width]
    phases = rng.uniform(0, 6, size=(count, 1, 1, channels))
    waves = np.sin(rows[..., None] / 2 + columns[..., None] / 3 + phases)
    return 0.5 + 0.4 * waves


def keras_rotated(factor, images=None, **options):
    """Keras's RandomRotation by one factor; on TensorFlow it wants a floatx of float32."""
    keras.config.set_floatx("float32")
    layer = layers.RandomRotation((factor, factor), dtype="float32", **options)
    return layer(pictures() if images is None else images, training=True)


def first(images):
    """The same, channels first, as PyTorch wants them."""
    return tensor(images.transpose(0, 3, 1, 2))


def last(images):
    """PyTorch's images, channels last."""
    return images.permute(0, 2, 3, 1)


class AugmentationBareCall(Difference):
    """A bare call of a Keras model augments, though it does not drop.

    The layers of augmentation have `training=True` as default of their call; `predict` and
    `evaluate` switch them off, `model(x)` does not.
    """

    pytorch = "nothing in an `nn.Module` in eval mode is random"
    keras = "`model(x)` with `RandomFlip`, `RandomRotation`, ... inside: augmented"
    mapping = "`model(x, training=False)`"
    links = (
        "keras-team/keras#17385",
        "keras-team/autokeras#1524",
    )
    asked = 3
    words = "bare model(x) augments augmentation layers active inference call training default"

    def in_pytorch(mapped):
        model = nn.Sequential(nn.Dropout(0.5), nn.Identity()).eval()
        return model(tensor(pictures()))

    def in_keras(mapped):
        model = keras.Sequential(
            [keras.Input((8, 8, 3)), layers.RandomTranslation(0.5, 0.5, seed=1)]
        )
        return model(pictures(), training=False) if mapped else model(pictures())


class TransformsIgnoreEval(Difference):
    """torchvision's transforms go on after `eval()`; Keras's layers stop in `predict`."""

    pytorch = "a transform in a model augments in both modes"
    keras = "only in `fit`, and in a bare call"
    mapping = "keep transforms in the data set, not in the model"
    needs = ("torchvision",)
    words = "torchvision transforms eval mode still active model augmentation inside nn.Module"

    def in_pytorch(mapped):
        flip = torchvision_v2().RandomHorizontalFlip(p=1.0)
        model = nn.Sequential(nn.Identity() if mapped else flip).eval()
        return last(model(first(pictures())))

    def in_keras(mapped):
        model = keras.Sequential([keras.Input((8, 8, 3)), layers.RandomFlip("horizontal", seed=1)])
        return model.predict(pictures(), verbose=0)


class AugmentationDrawPerBatch(Difference):
    """A torchvision transform draws once for a batch, a Keras layer once for each image.

    Keras's RandomCrop is the exception: one draw for a batch.
    """

    pytorch = "`v2.RandomHorizontalFlip()` of (N, C, H, W): all or none"
    keras = "`RandomFlip('horizontal')`: a coin for each"
    mapping = "call the transform image by image, as a data set does"
    needs = ("torchvision",)
    links = (
        "keras-team/keras#16399",
        "pytorch/vision#2929",
        "pytorch/vision#8484",
    )
    asked = 4
    words = "same augmentation for whole batch random per image torchvision batch tensor"

    def in_pytorch(mapped):
        flip, images = torchvision_v2().RandomHorizontalFlip(), first(pictures(1).repeat(64, 0))
        flipped = torch.stack([flip(image) for image in images]) if mapped else flip(images)
        return bool((flipped != flipped[:1]).any())

    def in_keras(mapped):
        layer = layers.RandomFlip("horizontal", seed=0)
        flipped = array(layer(pictures(1).repeat(64, 0), training=True))
        return bool((flipped != flipped[:1]).any())


class FlipOneCoin(Difference):
    """Keras's RandomFlip, by default, throws one coin for both directions: both or none.

    A quarter of the images should have either flip alone; none has.
    """

    pytorch = "two transforms, two coins"
    keras = (
        "`RandomFlip('horizontal_and_vertical')`: the images as they are, or turned by 180 degrees"
    )
    mapping = "two layers, 'horizontal' and 'vertical'"
    needs = ("torchvision",)
    words = "RandomFlip horizontal_and_vertical both never only one direction"

    def in_pytorch(mapped):
        v2, image = torchvision_v2(), tensor(np.arange(4.0).reshape(1, 2, 2))
        flips = v2.Compose([v2.RandomHorizontalFlip(), v2.RandomVerticalFlip()])
        return len({tuple(flips(image).ravel().tolist()) for _ in range(200)})

    def in_keras(mapped):
        images = np.arange(4.0).reshape(1, 2, 2, 1).repeat(200, 0)
        if mapped:
            flips = layers.RandomFlip("horizontal", seed=0), layers.RandomFlip("vertical", seed=1)
        else:
            flips = (layers.RandomFlip(seed=0),)
        for flip in flips:
            images = array(flip(images, training=True))
        return len({tuple(image.ravel().tolist()) for image in images})


class RotationUnits(Difference):
    """torchvision rotates by degrees, Keras by fractions of a turn; both counter-clockwise.

    Newer versions of Keras refuse factors above 1; older ones turn that often.
    """

    pytorch = "`rotate(image, 90)`: degrees"
    keras = "`RandomRotation(0.25)`: a quarter of a turn"
    mapping = "factor = degrees / 360"
    bound = 1e-5
    because = "Keras computes the transformation in float32"
    needs = ("torchvision",)
    words = "rotation degrees radians factor fraction RandomRotation angle counter-clockwise"

    def in_pytorch(mapped):
        return last(torchvision_v2().functional.rotate(first(pictures()), 90.0))

    def in_keras(mapped):
        factor = rotation_to_keras(90.0) if mapped else 90.0
        return outcome(lambda: array(keras_rotated(factor, **CONSTANT)), "in the range")


class AffineAngleSign(Difference):
    """torchvision's `affine` turns clockwise, its `rotate` and Keras counter-clockwise."""

    pytorch = "`affine(angle=90)` is `rotate(-90)`"
    keras = "counter-clockwise"
    mapping = "the other sign for `affine`"
    bound = 1e-5
    because = "Keras computes the transformation in float32"
    needs = ("torchvision",)
    words = "images rotated in the wrong direction affine rotate opposite clockwise sign angle"

    def in_pytorch(mapped):
        angle = rotation_to_torch(0.25, "affine") if mapped else rotation_to_torch(0.25)
        options = {"translate": [0, 0], "scale": 1.0, "shear": [0.0, 0.0]}
        return last(torchvision_v2().functional.affine(first(pictures()), angle=angle, **options))

    def in_keras(mapped):
        return keras_rotated(0.25, **CONSTANT)


class RotationGrid(Difference):
    """PyTorch's grid runs from -1 to 1 along each side: a rotation of it shears oblong images."""

    pytorch = "`affine_grid` with [cos, -sin; sin, cos]: right for squares only"
    keras = "rotates in pixels"
    mapping = "[cos, -sin * H / W; sin * W / H, cos]: translate.rotation_to_theta"
    bound = 1e-5
    because = "Keras computes the transformation in float32"
    words = "affine_grid grid_sample rotation theta non-square aspect ratio sheared distorted"

    def in_pytorch(mapped):
        images = first(pictures(height=6, width=10))
        theta = rotation_to_theta(0.1, 6, 10) if mapped else rotation_to_theta(0.1, 1, 1)
        grid = F.affine_grid(tensor(theta)[None].expand(2, 2, 3), images.shape, align_corners=False)
        return last(F.grid_sample(images, grid, align_corners=False))

    def in_keras(mapped):
        return keras_rotated(0.1, pictures(height=6, width=10), **CONSTANT)


class RotationInterpolation(Difference):
    """torchvision rotates with the nearest pixel, Keras bilinearly, if nothing is said."""

    pytorch = "`interpolation=NEAREST`"
    keras = "`interpolation='bilinear'`"
    mapping = "say it"
    bound = 1e-5
    because = "Keras computes the transformation in float32"
    needs = ("torchvision",)
    words = "rotation interpolation nearest bilinear default jagged"

    def in_pytorch(mapped):
        v2 = torchvision_v2()
        mode = v2.InterpolationMode.BILINEAR if mapped else v2.InterpolationMode.NEAREST
        return last(v2.functional.rotate(first(pictures()), 36.0, mode))[:, 2:6, 2:6]

    def in_keras(mapped):
        return keras_rotated(0.1, **CONSTANT)[:, 2:6, 2:6]


class AugmentationFill(Difference):
    """What comes in from outside is black in torchvision, a mirror image in Keras."""

    pytorch = "`fill=0`; of `grid_sample` zeros"
    keras = "`fill_mode='reflect'`"
    mapping = "`padding_mode='reflection'` with align_corners=False; 'nearest' is 'border'"
    bound = 1e-5
    because = "Keras computes the transformation in float32"
    words = "fill_mode reflect constant border padding_mode outside black corners"

    def in_pytorch(mapped):
        images, theta = first(pictures()), tensor(rotation_to_theta(0.1, 8, 8))[None]
        grid = F.affine_grid(theta.expand(2, 2, 3), images.shape, align_corners=False)
        mode = "reflection" if mapped else "zeros"
        return last(F.grid_sample(images, grid, padding_mode=mode, align_corners=False))

    def in_keras(mapped):
        return keras_rotated(0.1)


class ZoomSign(Difference):
    """A larger number zooms in with torchvision and out with Keras."""

    pytorch = "`affine(scale=1.25)`: larger"
    keras = "`RandomZoom(0.25)`: smaller"
    mapping = "factor = 1 / scale - 1"
    bound = 1e-5
    because = "Keras computes the transformation in float32"
    needs = ("torchvision",)
    words = "zoom in out factor sign scale RandomZoom RandomAffine"

    def in_pytorch(mapped):
        v2, options = torchvision_v2(), {"angle": 0.0, "translate": [0, 0], "shear": [0.0, 0.0]}
        bilinear = v2.InterpolationMode.BILINEAR
        return last(
            v2.functional.affine(first(pictures()), scale=1.25, interpolation=bilinear, **options)
        )

    def in_keras(mapped):
        factor = zoom_to_keras(1.25) if mapped else 0.25
        return layers.RandomZoom((factor, factor), **CONSTANT)(pictures(), training=True)


class TranslationUnits(Difference):
    """torchvision shifts by pixels, Keras by a fraction of the side; down and right in both."""

    pytorch = "`affine(translate=[dx, dy])`: pixels, x first"
    keras = "`RandomTranslation(height_factor, width_factor)`: fractions, y first"
    mapping = "factor = pixels / side"
    bound = 1e-5
    because = "Keras computes the transformation in float32"
    needs = ("torchvision",)
    words = "translation shift pixels fraction RandomTranslation height_factor width_factor"

    def in_pytorch(mapped):
        options = {"angle": 0.0, "translate": [2, 1], "scale": 1.0, "shear": [0.0, 0.0]}
        return last(torchvision_v2().functional.affine(first(pictures()), **options))

    def in_keras(mapped):
        down, right = (translation_to_keras(n, 8) if mapped else n for n in (1, 2))

        def shifted():
            layer = layers.RandomTranslation((down, down), (right, right), **CONSTANT)
            return array(layer(pictures(), training=True))

        return outcome(shifted, "in the range")


class BrightnessMultiplies(Difference):
    """Brightness multiplies in torchvision and adds in Keras."""

    pytorch = "`adjust_brightness(x, b)`: b * x, 1 leaves it"
    keras = "`RandomBrightness(f)`: x + f * range, 0 leaves it"
    mapping = "none for all pixels; they agree on the mean where f = (b - 1) * mean"
    needs = ("torchvision",)
    words = "brightness factor multiply add shift ColorJitter RandomBrightness"

    def in_pytorch(mapped):
        return last(torchvision_v2().functional.adjust_brightness(first(pictures()), 1.0625)).mean()

    def in_keras(mapped):
        factor = float(0.0625 * pictures().mean()) if mapped else 0.0625
        layer = layers.RandomBrightness((factor, factor), value_range=(0, 1))
        return array(layer(pictures(), training=True)).mean()

    bound = 1e-6
    because = "only the means agree; Keras draws its factor in float32"


class BrightnessRange(Difference):
    """Keras's layers of colour take images of 0 to 255 for granted.

    On images in [0, 1], a brightness of 0.2 adds 51: everything is white. Contrast, saturation,
    hue, sharpness and erasing have the same default.
    """

    pytorch = "float images are in [0, 1]"
    keras = "`value_range=(0, 255)`"
    mapping = "`value_range=(0, 1)`"
    links = (
        "keras-team/keras-cv#427",
        "keras-team/keras-cv#429",
        "keras-team/keras-preprocessing#114",
    )
    asked = 2
    words = "value_range 0 255 white images brightness contrast RandomBrightness float"

    def in_pytorch(mapped):
        return (tensor(pictures()) + 0.125).clamp(0, 1)

    def in_keras(mapped):
        options = {"value_range": (0, 1)} if mapped else {}
        return layers.RandomBrightness((0.125, 0.125), **options)(pictures(), training=True)

    bound = 1e-6
    because = "Keras draws its factor in float32"


class ContrastMean(Difference):
    """Contrast is about the mean of the grey image in torchvision, of each channel in Keras."""

    pytorch = "one mean for the image, of 0.299 R + 0.587 G + 0.114 B"
    keras = "a mean for each channel"
    mapping = "equal for images of one channel"
    needs = ("torchvision",)
    words = "contrast mean grayscale channel adjust_contrast"

    def in_pytorch(mapped):
        images = first(pictures(channels=1 if mapped else 3))
        return last(torchvision_v2().functional.adjust_contrast(images, 0.5))

    def in_keras(mapped):
        images = keras_tensor(pictures(channels=1 if mapped else 3))
        layer = layers.RandomContrast(0.5, value_range=(0, 1))
        factor = {"contrast_factor": keras_tensor(np.full((2, 1, 1, 1), 0.5))}
        return layer.transform_images(images, factor, training=True)

    bound = 1e-6
    because = "Keras computes it in float32"


class ContrastOneSided(Difference):
    """Keras's RandomContrast with one number never lowers the contrast: factors lie in [1, 1 + c].

    A pair (c, c) draws from [1 - c, 1 + c], as the documentation has it for both.
    """

    pytorch = "`ColorJitter(contrast=c)`: factors in [1 - c, 1 + c]"
    keras = "`RandomContrast(c)`: factors in [1, 1 + c]"
    mapping = "`RandomContrast((c, c))`"
    needs = ("torchvision",)
    words = "RandomContrast one sided only increases factor range lower upper"

    def in_pytorch(mapped):
        images = first(pictures(1))
        jitter = torchvision_v2().ColorJitter(contrast=0.3)
        deviations = [float(jitter(images).std()) for _ in range(50)]
        return min(deviations) < float(images.std())

    def in_keras(mapped):
        images = pictures(1).repeat(50, 0)
        factor = (0.3, 0.3) if mapped else 0.3
        layer = layers.RandomContrast(factor, value_range=(0, 1), seed=0)
        deviations = array(layer(images, training=True)).std(axis=(1, 2, 3))
        return bool(deviations.min() < 0.999 * images[0].std())


class ErasingProbability(Difference):
    """Random erasing: torchvision erases half of the images, Keras draws how likely it is.

    A factor of 1 means a probability that is itself drawn from [0, 1].
    """

    pytorch = "`RandomErasing(p=0.5)`"
    keras = "`RandomErasing(factor=1.0)`: p ~ U(0, 1); (1, 1) is always"
    mapping = "`p=1` and `factor=(1, 1)`"
    needs = ("torchvision",)
    bound = 0.02
    because = "the share of 200 images that each framework erases by its own draws"
    differs = 0.021
    words = "random erasing probability factor cutout p always"

    def in_pytorch(mapped):
        erase, ones = torchvision_v2().RandomErasing(p=1.0), torch.ones(3, 32, 32)
        return np.mean([bool((erase(ones) == 0).any()) for _ in range(200)])

    def in_keras(mapped):
        factor = (1.0, 1.0) if mapped else 1.0
        layer = layers.RandomErasing(factor, fill_value=0.0, value_range=(0, 1), seed=0)
        erased = array(layer(np.ones((200, 32, 32, 3)), training=True))
        return (erased == 0).any(axis=(1, 2, 3)).mean()


class ErasingFill(Difference):
    """Erased pixels are black in torchvision, noise in Keras."""

    pytorch = "`value=0`"
    keras = "`fill_value=None`: clipped normal noise"
    mapping = "`fill_value=0`"
    needs = ("torchvision",)
    words = "random erasing fill value noise black cutout"

    def in_pytorch(mapped):
        erased = torchvision_v2().RandomErasing(p=1.0)(torch.full((3, 32, 32), 0.5))
        return len(set(erased.ravel().tolist()))

    def in_keras(mapped):
        options = {"fill_value": 0.0} if mapped else {}
        layer = layers.RandomErasing((1.0, 1.0), value_range=(0, 1), seed=0, **options)
        return len(set(array(layer(np.full((1, 32, 32, 3), 0.5), training=True)).ravel().tolist()))


class MixupDraw(Difference):
    """Mixup: one lambda for a batch from Beta(1, 1) in torchvision, one for each image in Keras.

    Keras draws from Beta(0.2, 0.2), mostly near 0 or 1, and pairs by a shuffle where torchvision
    rolls the batch by one.
    """

    pytorch = "`v2.MixUp(alpha=1.0)`: one lambda; integer labels"
    keras = "`MixUp(alpha=0.2)`: a lambda for each image; one-hot labels"
    mapping = "torchvision's transform for pairs of images, one after the other"
    needs = ("torchvision",)
    links = (
        "clovaai/CutMix-PyTorch#4",
        "TorchSSL/TorchSSL#69",
        "huggingface/pytorch-image-models#218",
    )
    asked = 3
    words = "mixup lambda per batch per sample alpha beta distribution"

    def in_pytorch(mapped):
        mixup, labels = torchvision_v2().MixUp(num_classes=16), torch.arange(16)
        images = torch.arange(16.0)[:, None, None, None].expand(16, 1, 2, 2)
        if not mapped:
            return len(set(mixup(images, labels)[1].max(1).values.round(decimals=6).tolist())) > 1
        pairs = [mixup(images[i : i + 2], labels[i : i + 2])[1] for i in range(0, 16, 2)]
        return len({round(float(pair.max()), 6) for pair in pairs}) > 1

    def in_keras(mapped):
        layer = layers.MixUp(seed=0)
        images = np.arange(16.0)[:, None, None, None] * np.ones((16, 2, 2, 1))
        mixed = layer({"images": images, "labels": np.eye(16)}, training=True)
        return len(set(array(mixed["labels"]).max(1).round(6).tolist())) > 1


class CutmixLabel(Difference):
    """CutMix: torchvision weighs labels by the pixels pasted, Keras by the box as it was drawn.

    Where the box reaches over the border, Keras's labels are off, up to 0.05 at 32 x 32.
    """

    pytorch = "lambda from the pixels of the box inside of the image"
    keras = "lambda from the continuous box"
    mapping = "count the pixels that changed, and mix the labels by them"
    needs = ("torchvision",)
    words = "cutmix label weight lambda exact pixels box clipped area"

    def in_pytorch(mapped):
        cutmix = torchvision_v2().CutMix(num_classes=2)
        images = torch.arange(2.0)[:, None, None, None].expand(2, 1, 32, 32)
        worst = 0.0
        for _ in range(20):
            mixed, labels = cutmix(images, torch.arange(2))
            worst = max(worst, float((labels[0, 1] - mixed[0].mean()).abs()))
        return worst > 1e-3

    def in_keras(mapped):
        images = np.arange(2.0)[:, None, None, None] * np.ones((2, 32, 32, 1))
        worst = 0.0
        for seed in range(20):
            layer = layers.CutMix(seed=seed)
            mixed = layer({"images": images, "labels": np.eye(2)}, training=True)
            pixels = array(mixed["images"])[0].mean()
            changed = (array(mixed["images"])[0] != images[0]).mean()
            label = changed if mapped else array(mixed["labels"])[0, 1]
            worst = max(worst, abs(label - pixels))
        return worst > 1e-3


class CropAtInference(Difference):
    """Keras's RandomCrop does not crop in inference; torchvision's always does.

    So the shape of the output is another than `compute_output_shape` says.
    """

    pytorch = "`RandomCrop(4)`: 4 x 4 always"
    keras = "with `training=False` the image in its own size"
    mapping = "`CenterCrop(4, 4)` behind it"
    needs = ("torchvision",)
    links = (
        "keras-team/keras#21868",
        "keras-team/keras#22328",
        "keras-team/keras#21871",
    )
    asked = 3
    words = "RandomCrop inference output shape center crop not cropped predict"

    def in_pytorch(mapped):
        return last(torchvision_v2().RandomCrop(4)(first(pictures()))).shape[1:3]

    def in_keras(mapped):
        images = layers.RandomCrop(4, 4)(pictures(), training=False)
        return (layers.CenterCrop(4, 4)(images) if mapped else images).shape[1:3]


class CropOfSmallImages(Difference):
    """A crop larger than the image: torchvision raises, Keras enlarges the image first."""

    pytorch = "ValueError: Required crop size is larger than input image size"
    keras = "resized so that the crop fits, then cropped"
    needs = ("torchvision",)
    words = "Required crop size larger than input image size RandomCrop small resized"

    def in_pytorch(mapped):
        return outcome(
            lambda: torchvision_v2().RandomCrop(12)(first(pictures())).shape[-1],
            "Required crop size",
        )

    def in_keras(mapped):
        layer = layers.RandomCrop(12, 12)
        return outcome(lambda: layer(pictures(), training=True).shape[2])


class NormalizeDeviation(Difference):
    """torchvision's Normalize takes the deviation, Keras's Normalization the variance."""

    pytorch = "`Normalize(mean, std)`"
    keras = "`Normalization(mean=, variance=)`"
    mapping = "variance = std**2"
    needs = ("torchvision",)
    bound = 1e-6
    because = "Keras keeps mean and variance in float32"
    words = "normalize mean std variance Normalization layer imagenet"

    def in_pytorch(mapped):
        normalize = torchvision_v2().Normalize([0.5, 0.4, 0.3], [0.2, 0.25, 0.3])
        return last(normalize(first(pictures())))

    def in_keras(mapped):
        deviation = np.array([0.2, 0.25, 0.3])
        variance = (deviation**2 if mapped else deviation).tolist()
        return layers.Normalization(mean=[0.5, 0.4, 0.3], variance=variance)(pictures())


class SaturationCentre(Difference):
    """A saturation factor of 1 leaves torchvision's image, 0.5 leaves Keras's."""

    pytorch = "`adjust_saturation(x, 1)` is x; 0 is grey"
    keras = "`RandomSaturation((0.5, 0.5))` is x; 0 is grey, 1 fully saturated"
    mapping = "0.5 for 1; elsewhere another formula, of HSV instead of a blend with grey"
    bound = 1e-5
    because = "Keras computes colours in float32"
    needs = ("torchvision",)
    words = "saturation factor RandomSaturation ColorJitter 0.5 unchanged"

    def in_pytorch(mapped):
        return last(torchvision_v2().functional.adjust_saturation(first(pictures()), 1.0))

    def in_keras(mapped):
        factor = 0.5 if mapped else 1.0
        layer = layers.RandomSaturation((factor, factor), value_range=(0, 1))
        return layer(pictures(), training=True)


class HueUnits(Difference):
    """A hue shift of 1/2 turns colours half round in torchvision, a quarter in Keras.

    Keras also draws the sign.
    """

    pytorch = "`adjust_hue(x, 0.5)`: half of the circle, the opposite colours"
    keras = "`RandomHue((0.5, 0.5))`: factor / 2, a quarter of it, either way"
    mapping = "factor = 2 * shift"
    bound = 1e-5
    because = "both compute colours in float32"
    needs = ("torchvision",)
    words = "hue factor RandomHue ColorJitter adjust_hue range circle"

    def in_pytorch(mapped):
        return last(torchvision_v2().functional.adjust_hue(first(pictures()), 0.5))

    def in_keras(mapped):
        factor = 1.0 if mapped else 0.5
        layer = layers.RandomHue((factor, factor), value_range=(0, 1), seed=0)
        return layer(pictures(), training=True)


class SharpnessCentre(Difference):
    """A sharpness of 1 leaves torchvision's image, 0.5 leaves Keras's.

    Keras smooths the border too, with zeros outside.
    """

    pytorch = "`adjust_sharpness(x, 1)` is x; 0 is smooth; the border stays"
    keras = "`RandomSharpness((0.5, 0.5))` is x; 0 is smooth; the border gets darker"
    mapping = "factor = sharpness / 2, inside of the border"
    bound = 1e-5
    because = "Keras computes it in float32"
    needs = ("torchvision",)
    words = "sharpness factor RandomSharpness adjust_sharpness 0.5 unchanged border"

    def in_pytorch(mapped):
        y = last(torchvision_v2().functional.adjust_sharpness(first(pictures()), 0.5))
        return y[:, 1:-1, 1:-1]

    def in_keras(mapped):
        factor = 0.25 if mapped else 0.5
        layer = layers.RandomSharpness((factor, factor), value_range=(0, 1))
        return layer(pictures(), training=True)[:, 1:-1, 1:-1]


class PosterizeLevels(Difference):
    """Posterizing a float image: torchvision rounds to 2^bits levels, Keras masks 8-bit levels.

    White stays white in neither: 1 - 2^-bits in torchvision, (256 - 2^(8 - bits)) / 255 in Keras.
    """

    pytorch = "float: floor(x * 2^bits) / 2^bits; uint8: the first bits of the level"
    keras = "the first bits of the level of 8 bits, floor(255 x)"
    mapping = "uint8 images in torchvision"
    bound = 1e-6
    because = "Keras computes it in float32"
    needs = ("torchvision",)
    words = "posterize bits levels RandomPosterize RandomPosterization float uint8"

    def in_pytorch(mapped):
        posterize, images = torchvision_v2().functional.posterize, first(pictures())
        if not mapped:
            return last(posterize(images, 3))
        return last(posterize((255 * images).to(torch.uint8), 3) / 255.0)

    def in_keras(mapped):
        layer = layers.RandomPosterization((3, 3), value_range=(0, 1))
        shift = {"shift_factor": ops.convert_to_tensor([5, 5], "uint8")}
        return layer.transform_images(keras_tensor(pictures()), shift, training=True)


class RandAugmentDraws(Difference):
    """RandAugment: one strength for all in torchvision, one drawn for each image in Keras.

    Both choose one change for a whole batch. In torchvision identity is among the changes; Keras
    turns by up to half a turn where the paper has 9 degrees.
    """

    pytorch = "`RandAugment(2, magnitude=9)`: always 9/30 of the paper's largest"
    keras = "`RandAugment(num_ops=2, factor=0.5)`: uniform in [0, 0.5] of each layer's own unit"
    needs = ("torchvision",)
    words = "RandAugment magnitude factor strength num_ops identity per batch"

    def in_pytorch(mapped):
        augment = torchvision_v2().RandAugment(1)
        images = (255 * first(pictures(1).repeat(8, 0))).to(torch.uint8)
        outputs = [augment(images) for _ in range(20)]
        return any(bool((y != y[:1]).any()) for y in outputs)

    def in_keras(mapped):
        keras.config.set_floatx("float32")  # see rotation-float64
        layer = layers.RandAugment(num_ops=1, seed=0, value_range=(0, 1), dtype="float32")
        images = pictures(1).repeat(8, 0).astype("float32")
        outputs = [array(layer(images, training=True)) for _ in range(20)]
        return any(bool((y != y[:1]).any()) for y in outputs)


class ShearUnits(Difference):
    """torchvision shears by degrees about the centre, Keras by a fraction about the corner.

    Keras also draws the sign.
    """

    pytorch = "`affine(shear=[degrees, 0])`"
    keras = "`RandomShear(x_factor=)`: x + factor * y, about the corner"
    needs = ("torchvision",)
    words = "shear degrees factor corner centre RandomShear"

    def in_pytorch(mapped):
        options = {"angle": 0.0, "translate": [0, 0], "scale": 1.0, "shear": [-14.0362434, 0.0]}
        bilinear = torchvision_v2().InterpolationMode.BILINEAR
        affine = torchvision_v2().functional.affine
        return last(affine(first(pictures()), interpolation=bilinear, **options))

    def in_keras(mapped):
        return layers.RandomShear(x_factor=(0.25, 0.25), seed=0, **CONSTANT)(
            pictures(), training=True
        )


class AffineImageGradient(Difference):
    """The gradient of Keras's affine_transform for the images is wrong on TensorFlow.

    It samples with the inverse map where it should spread with the transpose, so it is off by
    about its own size.
    """

    pytorch = "`grid_sample`: the transpose of the forward pass"
    keras = "on TensorFlow the images' gradient is resampled"
    mapping = "gather the four neighbours by hand, as keras_impl/affine.py does"
    bound = 1e-5
    because = "float32"
    backends = ("tensorflow",)
    words = "affine_transform gradient wrong tensorflow ImageProjectiveTransform backprop saliency"

    def in_pytorch(mapped):
        images = first(pictures(1, channels=1)).requires_grad_()
        theta = tensor(rotation_to_theta(0.1, 8, 8))[None]
        grid = F.affine_grid(theta, images.shape, align_corners=False)
        rotated = last(F.grid_sample(images, grid, align_corners=False))
        (rotated * tensor(normal(1, 8, 8, 1))).sum().backward()
        return last(images.grad)

    def in_keras(mapped):
        import tensorflow as tf

        from keras_impl.affine import affine, affine_matrices

        images = tf.Variable(pictures(1, channels=1), dtype="float32")
        with tf.GradientTape() as tape:
            if mapped:
                names = ("zoom", "translation_x", "translation_y", "shear")
                options = dict.fromkeys(names, ops.zeros(1, "float32"))
                angle = ops.full((1,), 36.0, "float32")
                rotated = affine(images, affine_matrices(8, 8, rotation=angle, **options))
            else:
                rotated = keras_rotated(0.1, images, **CONSTANT)
            loss = ops.sum(rotated * normal(1, 8, 8, 1).astype("float32"))
        return tape.gradient(loss, images)


class RotationFloat64(Difference):
    """Keras's RandomRotation fails on TensorFlow where floatx is float64."""

    pytorch = "any float"
    keras = "on TensorFlow InvalidArgumentError: was expected to be a double tensor but is a float"
    mapping = "`keras.config.set_floatx('float32')`"
    bound = 1e-5
    because = "float32"
    backends = ("tensorflow",)
    words = "RandomRotation float64 expected to be a double tensor but is a float tensor Mul"

    def in_pytorch(mapped):
        images = first(pictures())
        grid = F.affine_grid(tensor(rotation_to_theta(0.1, 8, 8))[None], (1, 3, 8, 8), False)
        return last(F.grid_sample(images, grid.expand(2, -1, -1, -1), align_corners=False))

    def in_keras(mapped):
        if mapped:
            return keras_rotated(0.1, **CONSTANT)
        layer = layers.RandomRotation((0.1, 0.1), **CONSTANT)
        return outcome(lambda: array(layer(pictures(), training=True)), "InvalidArgumentError")
