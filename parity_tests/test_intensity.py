import numpy as np
import pytest

from parity_tests.panels import assert_gradient, everywhere, panel, same_error

SHAPES = [(4, 28, 28, 1), (3, 7, 10, 3), (1, 1, 1, 2), (1, 2, 5, 1)]


def module(framework):
    return panel(framework, "intensity")


def forward(m, name, x, values):
    """``values``: one for each image, noise of the images' shape, or nothing."""
    if name == "gaussian_noise":
        return m.gaussian_noise(x, values, 0.25)
    return m.clip(x) if name == "clip" else getattr(m, name)(x, values)


def backward(name, grad, x, values):
    scratch = module("scratch")
    if name == "contrast":
        return scratch.contrast_backward(grad, values)
    if name == "clip":
        return scratch.clip_backward(grad, x)
    return getattr(scratch, f"{name}_backward")(grad)


NAMES = ["brightness", "contrast", "gaussian_noise", "clip"]


def values_for(name, shape, dtype="float64"):
    rng = np.random.default_rng(0)
    values = {
        "brightness": rng.uniform(-0.5, 0.5, shape[0]),
        "contrast": rng.uniform(0.5, 1.5, shape[0]),
        "gaussian_noise": rng.normal(size=shape),
        "clip": np.zeros(shape[0]),
    }[name]
    return values.astype(dtype)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", NAMES)
def test_output_and_gradient_agree(parity, dtype, shape, name):
    rng = np.random.default_rng(1)
    images, upstream = rng.normal(0.5, 0.5, size=(2, *shape)).astype(dtype)
    values = values_for(name, shape, dtype)

    def call(framework, adapter):
        if framework == "scratch":
            output = forward(module(framework), name, images, values)
            return [output, backward(name, upstream, images, values)]
        tensor = adapter.tensor(values)
        output, grads = adapter.vjp(
            lambda x: forward(module(framework), name, x, tensor), (images,), upstream
        )
        return [output, *grads]

    # The mean of an image is the one long sum.
    terms = shape[1] * shape[2] if name == "contrast" else 1
    parity("intensity", everywhere(call), terms=terms)


@pytest.mark.parametrize("name", NAMES)
def test_backward_is_the_gradient(name):
    images, upstream = np.random.default_rng(2).normal(0.5, 0.5, size=(2, 2, 3, 4, 2))
    values = values_for(name, images.shape)
    assert_gradient(
        lambda x: (upstream * forward(module("scratch"), name, x, values)).sum(),
        images,
        backward(name, upstream, images, values),
    )


def test_what_they_do():
    scratch = module("scratch")
    images = np.random.default_rng(3).uniform(size=(2, 5, 6, 3))
    shift, factor = np.array([0.25, -0.5]), np.array([0.5, 2.0])
    np.testing.assert_array_equal(scratch.brightness(images, shift)[1], images[1] - 0.5)
    stretched = scratch.contrast(images, factor)
    # About the mean of each channel of each image: it stays, and the spread is multiplied.
    np.testing.assert_allclose(stretched.mean((1, 2)), images.mean((1, 2)), rtol=1e-14)
    spread = images.std((1, 2)) * factor[:, None]
    np.testing.assert_allclose(stretched.std((1, 2)), spread, rtol=1e-14)
    # Around the mean and back, or noise of 0.125 added: a few units in the last place of float64.
    same = scratch.contrast(images, np.ones(2))
    np.testing.assert_allclose(same, images, rtol=1e-14)
    flat = scratch.contrast(images, np.zeros(2))
    means = np.broadcast_to(images.mean((1, 2), keepdims=True), flat.shape)
    np.testing.assert_allclose(flat, means, rtol=1e-14)  # float64: a few units in the last place
    noisy = scratch.gaussian_noise(images, np.ones_like(images), 0.125)
    np.testing.assert_allclose(noisy, images + 0.125, rtol=1e-15)


def test_the_clip_passes_gradient_at_its_bounds(parity):
    """Black and white pixels are at the bounds; beyond them nothing passes."""
    images = np.array([-0.5, 0.0, 0.5, 1.0, 1.5]).reshape(1, 1, 5, 1)
    upstream = np.ones_like(images)

    def gradient(framework, adapter):
        if framework == "scratch":
            return module(framework).clip_backward(upstream, images)
        return adapter.vjp(module(framework).clip, (images,), upstream)[1][0]

    measured = everywhere(gradient)
    parity("intensity", measured, tolerance=0.0)
    assert measured["scratch"].ravel().tolist() == [0, 1, 1, 1, 0]


def test_keras_layers(parity):
    """Each of Keras's layers clips on its own; they have their own factors, here fixed or read.

    Entries of the map: brightness-range, contrast-one-sided.
    """
    import keras

    images = np.random.default_rng(4).uniform(size=(3, 6, 7, 3)).astype(np.float32)
    scratch = module("scratch")
    layer = keras.layers.RandomBrightness((0.3, 0.3), value_range=(0, 1))
    brighter = keras.ops.convert_to_numpy(layer(images, training=True))
    shift = np.full(3, 0.3, np.float32)
    ours = scratch.clip(scratch.brightness(images, shift))
    parity("intensity, native", {"scratch": ours, "keras": brighter})

    layer = keras.layers.RandomContrast((0.5, 0.5), value_range=(0, 1))
    drawn = layer.get_random_transformation(images, training=True)
    tensor = keras.ops.convert_to_tensor(images)
    native = keras.ops.convert_to_numpy(layer.transform_images(tensor, drawn))
    factor = keras.ops.convert_to_numpy(drawn["contrast_factor"]).ravel()
    assert np.abs(factor - 1).min() > 1e-3
    ours = scratch.clip(scratch.contrast(images, factor))
    parity("intensity, native", {"scratch": ours, "keras": native}, terms=6 * 7)


def test_inputs_are_left_alone():
    images = np.random.default_rng(5).normal(size=(2, 3, 4, 1))
    for name in NAMES:
        values = values_for(name, images.shape)

        def unchanged(framework, adapter, name=name, values=values):
            given = adapter.tensor(images), adapter.tensor(values)
            forward(module(framework), name, *given)
            np.testing.assert_array_equal(adapter.numpy(given[0]), images)
            np.testing.assert_array_equal(adapter.numpy(given[1]), values)

        everywhere(unchanged)
        frozen = images.copy()
        backward(name, images, images, values)
        np.testing.assert_array_equal(images, frozen)


def test_bad_input():
    images, ones = np.zeros((2, 4, 5, 1), np.float32), np.ones(2, np.float32)

    def apply(name, *arrays):
        def call(framework, adapter):
            function = getattr(module(framework), name)
            function(*(adapter.tensor(a) if isinstance(a, np.ndarray) else a for a in arrays))

        return call

    calls = {
        "brightness": (ones,),
        "contrast": (ones,),
        "gaussian_noise": (images, 0.5),
        "clip": (),
    }
    for name, others in calls.items():
        integers = "images must be floating point in [0, 1], got uint8: divide by 255 first"
        same_error(apply(name, images.astype(np.uint8), *others), integers)
        rank = "images must have shape (N, H, W, C), got shape (4, 5, 1)"
        same_error(apply(name, images[0], *others), rank)
        empty = "images must hold at least one row, got shape (0, 4, 5, 1)"
        same_error(apply(name, images[:0], *others), empty)
    same_error(
        apply("brightness", images, ones[:1]),
        "shift must be floating point of shape (2,), got float32 of shape (1,)",
    )
    same_error(
        apply("contrast", images, np.ones(2, int)),
        "factor must be floating point of shape (2,), got int64 of shape (2,)",
    )
    same_error(
        apply("gaussian_noise", images, images[:1], 0.5),
        "noise must have shape (2, 4, 5, 1), got (1, 4, 5, 1)",
    )
    same_error(
        apply("gaussian_noise", images, images, -0.5),
        "deviation must be a number in [0, inf), got -0.5",
    )


def test_the_gradient_of_a_clip_is_not_broadcast():
    images = np.full((2, 3, 3, 1), 0.5)
    with pytest.raises(
        ValueError, match=r"grad must have shape \(2, 3, 3, 1\), got \(1, 3, 3, 1\)"
    ):
        panel("scratch", "intensity").clip_backward(images[:1], images)
