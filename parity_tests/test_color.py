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

SHAPES = [(3, 7, 10, 3), (1, 1, 1, 3), (2, 5, 4, 1)]
NAMES = ["grayscale", "saturation", "hue"]


def apply(framework, name, images, values):
    function = getattr(panel(framework, "color"), name)
    return function(images) if name == "grayscale" else function(images, values)


def backward(name, grad, images, values):
    scratch = panel("scratch", "color")
    if name == "grayscale":
        return scratch.grayscale_backward(grad)
    if name == "saturation":
        return scratch.saturation_backward(grad, values)
    return scratch.hue_backward(grad, images, values)


def values_for(name, count, dtype="float64"):
    low, high = (0, 2) if name == "saturation" else (-0.5, 0.5)
    return np.random.default_rng(0).uniform(low, high, count).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", NAMES)
def test_output_and_gradient_agree(parity, dtype, shape, name):
    rng = np.random.default_rng(1)
    images, upstream = rng.uniform(size=(2, *shape)).astype(dtype)
    values = values_for(name, shape[0], dtype)

    def call(framework, adapter):
        if framework == "scratch":
            output = apply(framework, name, images, values)
            return [output, backward(name, upstream, images, values)]
        tensor = adapter.tensor(values)
        output, grads = adapter.vjp(
            lambda x: apply(framework, name, x, tensor), (images,), upstream
        )
        return [output, *grads]

    # A hue divides by the largest minus the smallest channel, whose digits cancel: of these
    # images, not below 1/100 of them.
    parity("color", everywhere(call), terms=100 if name == "hue" else 3)


@pytest.mark.parametrize("name", NAMES)
def test_backward_is_the_gradient(name):
    for shape in ((2, 3, 4, 3), (1, 2, 2, 1)):
        images, upstream = np.random.default_rng(2).uniform(size=(2, *shape))
        values = values_for(name, shape[0])
        assert_gradient(
            lambda x, name=name, upstream=upstream, values=values: (
                upstream * apply("scratch", name, x, values)
            ).sum(),
            images,
            backward(name, upstream, images, values),
        )


def test_ties_have_one_gradient(parity):
    """Grey pixels, and those with two equal channels, where the largest one is not one."""
    rows = [[0.5, 0.5, 0.5], [0, 0, 0], [0.75, 0.75, 0.25], [0.25, 0.75, 0.75], [0.5, 0.25, 0.5]]
    images = np.array(rows).reshape(1, 1, 5, 3)
    upstream = np.random.default_rng(3).normal(size=images.shape)
    shift = np.array([0.0625])

    def call(framework, adapter):
        if framework == "scratch":
            return backward("hue", upstream, images, shift)
        tensor = adapter.tensor(shift)
        return adapter.vjp(lambda x: apply(framework, "hue", x, tensor), (images,), upstream)[1]

    measured = {f: np.reshape(r, images.shape) for f, r in everywhere(call).items()}
    parity("color", measured)


@pytest.mark.skipif(not find_spec("torchvision"), reason="torchvision is not installed")
def test_bare_torchvision(parity):
    """Its functions for one image after the other; its hue is float32, as Keras's below."""
    functional = torchvision_v2().functional
    images = np.random.default_rng(4).uniform(size=(6, 7, 10, 3))
    first = torch.tensor(images.transpose(0, 3, 1, 2))
    scratch = panel("scratch", "color")
    for name, function, bound in (
        ("saturation", functional.adjust_saturation, 1e-14),
        ("hue", functional.adjust_hue, 3e-6),
    ):
        values = values_for(name, 6)
        native = torch.stack([function(x, v) for x, v in zip(first, values, strict=True)])
        ours = np.clip(apply("scratch", name, images, values), 0, 1)
        both = {"scratch": ours, "torch": native.double().numpy().transpose(0, 2, 3, 1)}
        parity("color, native", both, tolerance=bound)
    native = functional.rgb_to_grayscale(first, 3).numpy().transpose(0, 2, 3, 1)
    both = {"scratch": scratch.grayscale(images), "torch": native}
    parity("color, native", both, tolerance=1e-14)


def test_bare_keras(parity):
    """Its layers, with the factors that they drew; it saturates in HSV, by S, up to 1.

    Entries of the map: saturation-centre, hue-units, brightness-range.
    """
    import keras

    images = np.random.default_rng(5).uniform(size=(6, 7, 10, 3)).astype(np.float32)
    numpy, scratch = keras.ops.convert_to_numpy, panel("scratch", "color")

    def captured(layer):
        drawn = layer.get_random_transformation(images, training=True)
        tensor = keras.ops.convert_to_tensor(images)
        return numpy(layer.transform_images(tensor, drawn, training=True)), drawn

    # In float32 a hue is off by some eps of its six sixths, divided by the chroma. Keras computes
    # it for a saturation too, and an RGB image from it.
    native, drawn = captured(keras.layers.RandomHue((0.5, 1.0), value_range=(0, 1), seed=1))
    ours = scratch.hue(images, numpy(drawn["factor"]))
    parity("color, native", {"scratch": ours, "keras": native}, tolerance=3e-6)

    native, drawn = captured(keras.layers.RandomSaturation((0.2, 0.8), value_range=(0, 1), seed=1))
    factor = numpy(drawn["factor"])[:, None, None, None]
    largest, smallest = images.max(-1, keepdims=True), images.min(-1, keepdims=True)
    ours = largest - np.minimum(factor, largest / (largest - smallest)) * (largest - images)
    parity("color, native", {"scratch": ours, "keras": native}, tolerance=3e-6)

    native = numpy(keras.layers.RandomGrayscale(1.0)(images, training=True))
    ours = scratch.grayscale(images)
    parity("color, native", {"scratch": ours, "keras": np.broadcast_to(native, ours.shape)})


def test_what_they_do():
    scratch = panel("scratch", "color")
    images = np.random.default_rng(6).uniform(size=(2, 5, 6, 3))
    zeros, ones = np.zeros(2), np.ones(2)
    np.testing.assert_allclose(scratch.hue(images, zeros), images, atol=1e-15)
    np.testing.assert_allclose(scratch.hue(images, ones), images, atol=1e-14)  # all round
    np.testing.assert_array_equal(scratch.saturation(images, ones), images)
    grey = scratch.grayscale(images)
    np.testing.assert_array_equal(scratch.saturation(images, zeros), grey)
    assert (grey == grey[..., :1]).all()
    turned = scratch.hue(images, np.full(2, 1 / 3))  # red is green, green is blue, blue is red
    np.testing.assert_allclose(turned, np.roll(images, 1, axis=-1), atol=1e-14)
    for extreme in (np.max, np.min):
        half = scratch.hue(images, np.full(2, 0.5))
        np.testing.assert_allclose(extreme(half, -1), extreme(images, -1), atol=1e-15)
    one = images[..., :1]
    for name in NAMES:
        np.testing.assert_array_equal(apply("scratch", name, one, values_for(name, 2)), one)


def test_keras_graphs():
    images = np.random.default_rng(7).uniform(size=(3, 5, 4, 3)).astype(np.float32)
    values = values_for("hue", 3, "float32")
    expected = [apply("scratch", name, images, values) for name in NAMES]
    tensor = ADAPTERS["keras"].tensor(values)

    def call(x):
        return [apply("keras", name, x, tensor) for name in NAMES]

    for graph in traced(call, (None, 5, 4, 3), "float32"):
        outputs = map(ADAPTERS["keras"].numpy, graph(ADAPTERS["keras"].tensor(images)))
        np.testing.assert_allclose(list(outputs), expected, atol=5e-7)


def test_inputs_are_left_alone():
    images = np.random.default_rng(8).uniform(size=(2, 3, 4, 3))
    for name in NAMES:
        values = values_for(name, 2)

        def unchanged(framework, adapter, name=name, values=values):
            given = adapter.tensor(images), adapter.tensor(values)
            apply(framework, name, *given)
            np.testing.assert_array_equal(adapter.numpy(given[0]), images)
            np.testing.assert_array_equal(adapter.numpy(given[1]), values)

        everywhere(unchanged)
        frozen = images.copy()
        backward(name, images, images, values)
        np.testing.assert_array_equal(images, frozen)


def test_bad_input():
    images, ones = np.zeros((2, 4, 5, 3), np.float32), np.ones(2, np.float32)

    def call(name, images, values=ones):
        return lambda f, a: apply(f, name, a.tensor(images), a.tensor(values))

    for name in NAMES:
        integers = "images must be floating point in [0, 1], got uint8: divide by 255 first"
        same_error(call(name, images.astype(np.uint8)), integers)
        two = "images must have 1 or 3 channels, got shape (2, 4, 5, 2)"
        same_error(call(name, images[..., :2]), two)
        rank = "images must have shape (N, H, W, C), got shape (4, 5, 3)"
        same_error(call(name, images[0]), rank)
    same_error(
        call("saturation", images, ones[:1]),
        "factor must be floating point of shape (2,), got float32 of shape (1,)",
    )
    same_error(
        call("hue", images, np.ones(2, int)),
        "shift must be floating point of shape (2,), got int64 of shape (2,)",
    )
    with pytest.raises(ValueError, match=r"grad must have shape \(2, 4, 5, 3\)"):
        panel("scratch", "color").hue_backward(images[:1], images, ones)
