from importlib.util import find_spec

import numpy as np
import pytest
import torch

from parity_tests.panels import (
    ADAPTERS,
    DTYPES,
    assert_gradient,
    everywhere,
    panel,
    same_error,
    traced,
)
from triptych.differences.probe import torchvision_v2

SHAPES = [(3, 7, 10, 3), (1, 2, 5, 1), (2, 1, 1, 2), (2, 3, 3, 1)]
OPTIONS = {"posterize": 3, "solarize": 0.625, "autocontrast": None, "sharpness": None}


def apply(framework, name, images, factor):
    function = getattr(panel(framework, "tone"), name)
    if name == "sharpness":
        return function(images, factor)
    return function(images) if OPTIONS[name] is None else function(images, OPTIONS[name])


def backward(name, grad, images, factor):
    scratch = panel("scratch", "tone")
    if name == "posterize":
        return scratch.posterize_backward(grad)
    if name == "solarize":
        return scratch.solarize_backward(grad, images, OPTIONS[name])
    if name == "autocontrast":
        return scratch.autocontrast_backward(grad, images)
    return scratch.sharpness_backward(grad, factor)


def factors(count, dtype="float64"):
    return np.random.default_rng(0).uniform(0, 2, count).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", OPTIONS)
def test_output_and_gradient_agree(parity, dtype, shape, name):
    rng = np.random.default_rng(1)
    # Grey levels, so that some are equal: the extremes of an image too.
    images = (rng.integers(0, 8, shape) / 7).astype(dtype)
    upstream = rng.normal(size=shape).astype(dtype)
    factor = factors(shape[0], dtype)

    def call(framework, adapter):
        if framework == "scratch":
            output = apply(framework, name, images, factor)
            return [output, backward(name, upstream, images, factor)]
        tensor = adapter.tensor(factor)
        output, grads = adapter.vjp(
            lambda x: apply(framework, name, x, tensor), (images,), upstream
        )
        return [output, *grads]

    terms = {"autocontrast": 2 * shape[1] * shape[2], "sharpness": 10}.get(name, 1)
    parity("tone", everywhere(call), terms=terms)


@pytest.mark.parametrize("name", OPTIONS)
def test_backward_is_the_gradient(name):
    images, upstream = np.random.default_rng(2).uniform(size=(2, 2, 4, 5, 2))
    assert_gradient(
        lambda x: (upstream * apply("scratch", name, x, factors(2))).sum(),
        images,
        backward(name, upstream, images, factors(2)),
    )


@pytest.mark.skipif(not find_spec("torchvision"), reason="torchvision is not installed")
def test_bare_torchvision(parity):
    """Its functions; posterized as it does with uint8. Entries of the map: posterize-levels."""
    functional = torchvision_v2().functional
    levels = np.random.default_rng(3).integers(0, 256, (2, 7, 10, 3))
    levels[1, ..., 0] = 17  # a flat channel
    images, factor = levels / 255, np.array([0.5, 1.75])
    first = torch.tensor(images.transpose(0, 3, 1, 2))
    sharp = [functional.adjust_sharpness(x, f) for x, f in zip(first, factor, strict=True)]
    natives = {
        "solarize": functional.solarize(first, 0.625),
        "autocontrast": functional.autocontrast(first),
        "sharpness": torch.stack(sharp),
    }
    for bits in range(1, 9):
        native = functional.posterize(torch.tensor(levels, dtype=torch.uint8), bits).numpy()
        ours = panel("scratch", "tone").posterize(images, bits)
        np.testing.assert_array_equal(np.rint(255 * ours), native)
        np.testing.assert_allclose(ours, native / 255, rtol=1e-15)
    for name, native in natives.items():
        ours = np.clip(apply("scratch", name, images, factor), 0, 1)
        both = {"scratch": ours, "torch": native.numpy().transpose(0, 2, 3, 1)}
        parity("tone, native", both, tolerance=1e-14)


def test_bare_keras(parity):
    """Its layers; sharpness inside of the border. Entries of the map: sharpness-centre."""
    import keras

    levels = np.random.default_rng(4).integers(0, 256, (2, 7, 10, 3))
    images = (levels / 255).astype(np.float32)
    numpy, scratch = keras.ops.convert_to_numpy, panel("scratch", "tone")
    unit = {"value_range": (0, 1)}

    native = numpy(keras.layers.AutoContrast(**unit)(images, training=True))
    # It multiplies by 255, which rounds, and subtracts products: a few eps of 255 / (high - low).
    both = {"scratch": scratch.autocontrast(images), "keras": native}
    parity("tone, native", both, tolerance=2e-6)

    layer = keras.layers.RandomSharpness((0.25, 0.25), **unit)
    native = numpy(layer(images, training=True))[:, 1:-1, 1:-1]
    ours = scratch.sharpness(images, np.full(2, 0.5, np.float32))[:, 1:-1, 1:-1]
    parity("tone, native", {"scratch": ours, "keras": native}, terms=10)

    layer = keras.layers.Solarization(addition_factor=0.0, threshold_factor=0.625, **unit)
    drawn = layer.get_random_transformation(images, training=True)
    native = numpy(layer.transform_images(images, drawn))
    for image, threshold, output in zip(images, numpy(drawn["thresholds"]), native, strict=True):
        ours = scratch.solarize(image[None], float(threshold.ravel()[0]) / 255)[0]
        np.testing.assert_allclose(output, ours, atol=1e-6)

    # It has 8-bit levels by floor(255 x): half a level more makes it the nearest.
    shift = {"shift_factor": keras.ops.convert_to_tensor([5, 5], "uint8")}
    layer = keras.layers.RandomPosterization((3, 3), **unit)
    native = numpy(layer.transform_images(images + np.float32(0.25 / 255), shift, training=True))
    both = {"scratch": scratch.posterize(images, 3), "keras": native}
    parity("tone, native", both, tolerance=1e-6)


def test_what_they_do():
    scratch = panel("scratch", "tone")
    images = np.random.default_rng(5).uniform(size=(2, 5, 6, 3))
    levels = np.arange(256).reshape(1, 16, 16, 1) / 255
    np.testing.assert_allclose(scratch.posterize(levels, 8), levels, rtol=1e-15)
    for bits in range(1, 8):
        assert len(np.unique(scratch.posterize(levels, bits))) == 2**bits
    np.testing.assert_array_equal(scratch.solarize(images, 0.0), 1 - images)
    np.testing.assert_array_equal(scratch.solarize(images * 0.9, 1.0), images * 0.9)
    stretched = scratch.autocontrast(images)
    assert (stretched.min((1, 2)) == 0).all()
    assert (stretched.max((1, 2)) == 1).all()
    flat = np.full((1, 4, 4, 1), 0.3)
    np.testing.assert_array_equal(scratch.autocontrast(flat), flat)
    np.testing.assert_array_equal(scratch.sharpness(images, np.ones(2)), images)
    np.testing.assert_allclose(scratch.sharpness(flat, np.zeros(1)), flat, rtol=1e-15)
    point = np.zeros((1, 5, 5, 1))
    point[0, 2, 2] = 13
    smooth = scratch.sharpness(point, np.zeros(1))[0, :, :, 0]
    expected = np.pad(np.array([[1, 1, 1], [1, 5, 1], [1, 1, 1.0]]), 1)
    np.testing.assert_allclose(smooth, expected, rtol=1e-15)


def test_keras_graphs():
    images = np.random.default_rng(6).uniform(size=(3, 5, 4, 1)).astype(np.float32)
    factor = factors(3, "float32")
    expected = [apply("scratch", name, images, factor) for name in OPTIONS]
    tensor = ADAPTERS["keras"].tensor(factor)

    def call(x):
        return [apply("keras", name, x, tensor) for name in OPTIONS]

    for graph in traced(call, (None, 5, 4, 1), "float32"):
        outputs = map(ADAPTERS["keras"].numpy, graph(ADAPTERS["keras"].tensor(images)))
        np.testing.assert_allclose(list(outputs), expected, atol=5e-7)


def test_inputs_are_left_alone():
    images = np.random.default_rng(7).uniform(size=(2, 3, 4, 3))
    for name in OPTIONS:

        def unchanged(framework, adapter, name=name):
            given = adapter.tensor(images), adapter.tensor(factors(2))
            apply(framework, name, *given)
            np.testing.assert_array_equal(adapter.numpy(given[0]), images)

        everywhere(unchanged)
        frozen = images.copy()
        backward(name, images, images, factors(2))
        np.testing.assert_array_equal(images, frozen)


def test_bad_input():
    images, ones = np.zeros((2, 4, 5, 3), np.float32), np.ones(2, np.float32)

    def call(name, *values):
        def refused(framework, adapter):
            given = [adapter.tensor(v) if isinstance(v, np.ndarray) else v for v in values]
            getattr(panel(framework, "tone"), name)(*given)

        return refused

    for name, others in (
        ("posterize", (3,)),
        ("solarize", (0.5,)),
        ("autocontrast", ()),
        ("sharpness", (ones,)),
    ):
        integers = "images must be floating point in [0, 1], got uint8: divide by 255 first"
        same_error(call(name, images.astype(np.uint8), *others), integers)
        rank = "images must have shape (N, H, W, C), got shape (4, 5, 3)"
        same_error(call(name, images[0], *others), rank)
    same_error(call("posterize", images, 0), "bits must be an integer in [1, 8], got 0")
    same_error(call("posterize", images, 9), "bits must be an integer in [1, 8], got 9")
    same_error(call("solarize", images, 1.5), "threshold must be a number in [0, 1], got 1.5")
    same_error(
        call("sharpness", images, ones[:1]),
        "factor must be floating point of shape (2,), got float32 of shape (1,)",
    )
