"""Units and signs of augmentation: their translations against both frameworks."""

import keras
import numpy as np
import pytest
from torch.nn import functional as F

from parity_tests import translations
from triptych import translate
from triptych.differences.chapters.augmentation import CONSTANT, first, keras_rotated, last
from triptych.differences.probe import array, tensor, torchvision_v2

FLOAT32 = {"rtol": 0, "atol": 2e-5}  # Keras computes its transformations in float32


pytestmark = pytest.mark.usefixtures("float64_in_both")


def settings():
    """A generator for each setting, and an oblong image for it."""
    for rng in translations.settings():
        height, width = (int(each) for each in rng.integers(4, 9, size=2))
        yield rng, rng.uniform(size=(1, height, width, 2))


@pytest.mark.parametrize("function", ["rotate", "affine"])
def test_rotation(direction, function):
    v2 = torchvision_v2()
    bilinear = v2.InterpolationMode.BILINEAR
    for rng, images in settings():
        if direction == "to_keras":
            degrees = float(rng.uniform(-360, 360))
            factor = translate.rotation_to_keras(degrees, function)
        else:
            factor = float(rng.uniform(-1, 1))
            degrees = translate.rotation_to_torch(factor, function)
        if function == "rotate":
            rotated = v2.functional.rotate(first(images), degrees, bilinear)
        else:
            rest = {"translate": [0, 0], "scale": 1.0, "shear": [0.0, 0.0]}
            rotated = v2.functional.affine(first(images), degrees, interpolation=bilinear, **rest)
        # torchvision leaves out the half pixel of border that Keras fades to black.
        inside = (slice(None), slice(1, -1), slice(1, -1))
        far = whole(images, factor)[inside]
        found, expected = (
            array(last(rotated))[inside],
            array(keras_rotated(factor, images, **CONSTANT)),
        )
        np.testing.assert_allclose(found[far], expected[inside][far], **FLOAT32)


def whole(images, factor):
    """Where a rotated pixel has all four neighbours inside of the image."""
    ones = np.ones_like(images)
    theta = translate.rotation_to_theta(factor, *images.shape[1:3])
    grid = F.affine_grid(tensor(theta)[None], first(ones).shape, align_corners=False)
    return array(last(F.grid_sample(first(ones), grid, align_corners=False))) > 1 - 1e-9


def test_rotation_by_a_grid():
    for rng, images in settings():
        factor = float(rng.uniform(-1, 1))
        theta = translate.rotation_to_theta(factor, *images.shape[1:3])
        grid = F.affine_grid(tensor(theta)[None], first(images).shape, align_corners=False)
        found = array(last(F.grid_sample(first(images), grid, align_corners=False)))
        np.testing.assert_allclose(
            found, array(keras_rotated(factor, images, **CONSTANT)), **FLOAT32
        )


def test_zoom(direction):
    v2 = torchvision_v2()
    for rng, images in settings():
        if direction == "to_keras":
            scale = float(rng.uniform(1, 2))
            factor = translate.zoom_to_keras(scale)
        else:
            factor = float(rng.uniform(-0.5, 0))
            scale = translate.zoom_to_torch(factor)
        rest = {"angle": 0.0, "translate": [0, 0], "shear": [0.0, 0.0]}
        bilinear = v2.InterpolationMode.BILINEAR
        found = v2.functional.affine(first(images), scale=scale, interpolation=bilinear, **rest)
        layer = keras.layers.RandomZoom((factor, factor), **CONSTANT)
        expected = array(layer(images, training=True))
        np.testing.assert_allclose(array(last(found)), expected, **FLOAT32)


def test_translation(direction):
    v2 = torchvision_v2()
    for rng, images in settings():
        _, height, width, _ = images.shape
        if direction == "to_keras":
            down, right = (int(each) for each in rng.integers(-3, 4, size=2))
            factors = (
                translate.translation_to_keras(down, height),
                translate.translation_to_keras(right, width),
            )
        else:
            factors = int(rng.integers(-3, 4)) / height, int(rng.integers(-3, 4)) / width
            down = round(translate.translation_to_torch(factors[0], height), 9)
            right = round(translate.translation_to_torch(factors[1], width), 9)
        rest = {"angle": 0.0, "scale": 1.0, "shear": [0.0, 0.0]}
        found = v2.functional.affine(first(images), translate=[int(right), int(down)], **rest)
        layer = keras.layers.RandomTranslation(*((each, each) for each in factors), **CONSTANT)
        expected = array(layer(images, training=True))
        np.testing.assert_allclose(array(last(found)), expected, **FLOAT32)


BAD = {
    "function must be": lambda: translate.rotation_to_keras(1.0, "shear"),
    "scale must be a number": lambda: translate.zoom_to_keras(0.0),
    "factor must be a number": lambda: translate.zoom_to_torch(-1.0),
    "side must be": lambda: translate.translation_to_keras(1.0, 0),
}


@pytest.mark.once
@pytest.mark.parametrize("text", BAD)
def test_bad_input(text):
    with pytest.raises(ValueError, match=text):
        BAD[text]()
