import re

import numpy as np
import pytest

from parity_tests.panels import ADAPTERS, assert_gradient, everywhere, panel, same_error

SHAPES = [(4, 28, 28, 1), (4, 7, 10, 3), (4, 1, 1, 2), (1, 2, 5, 1)]
FILL_MODES = {"constant": "constant", "nearest": "edge", "reflect": "symmetric"}


def module(framework):
    return panel(framework, "flips_and_crops")


def coins(count, seed=0):
    return np.random.default_rng(seed).random(count) < 0.5


def both(framework, adapter, x, upstream, function, backward):
    """Output and gradient of ``function(module, x)``."""
    if framework == "scratch":
        return [function(module(framework), x), backward(module(framework), upstream)]
    output, grads = adapter.vjp(lambda x: function(module(framework), x), (x,), upstream)
    return [output, *grads]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", ["horizontal_flip", "vertical_flip"])
def test_flips_agree(parity, dtype, shape, name):
    images, upstream = np.random.default_rng(1).normal(size=(2, *shape)).astype(dtype)
    flips = coins(len(images))

    def flip(framework, adapter):
        return both(
            framework,
            adapter,
            images,
            upstream,
            lambda m, x: getattr(m, name)(x, adapter.tensor(flips)),
            lambda m, g: getattr(m, f"{name}_backward")(g, flips),
        )

    # Pixels are moved, not computed with: equal to the last bit.
    parity("flips_and_crops", everywhere(flip), tolerance=0.0)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("fill_mode", FILL_MODES)
@pytest.mark.parametrize("smaller", [False, True])
def test_crops_agree(parity, dtype, shape, fill_mode, smaller):
    n, height, width, channels = shape
    rows, columns = ((height + 1) // 2, (width + 1) // 2) if smaller else (height, width)
    rng = np.random.default_rng(2)
    images = rng.normal(size=shape).astype(dtype)
    upstream = rng.normal(size=(n, rows, columns, channels)).astype(dtype)
    top, left = rng.integers(-5, 6, (2, n))

    def crop(framework, adapter):
        offsets = adapter.tensor(top), adapter.tensor(left)
        return both(
            framework,
            adapter,
            images,
            upstream,
            lambda m, x: m.crop(x, *offsets, rows, columns, fill_mode=fill_mode, fill_value=0.5),
            lambda m, g: m.crop_backward(g, top, left, height, width, fill_mode=fill_mode),
        )

    # A pixel's gradient sums at most all of the window, where the nearest pixel fills it.
    parity("flips_and_crops", everywhere(crop), terms=rows * columns)


@pytest.mark.parametrize("framework", ["scratch", "torch", "keras"])
def test_flips_are_numpys_and_undo_themselves(framework):
    adapter = ADAPTERS[framework]
    images, flips = np.random.default_rng(3).normal(size=(6, 3, 4, 2)), coins(6)
    assert set(flips) == {True, False}
    for name, axis in (("horizontal_flip", 1), ("vertical_flip", 0)):
        flip = getattr(module(framework), name)
        flipped = flip(adapter.tensor(images), adapter.tensor(flips))
        for before, after, turned in zip(images, adapter.numpy(flipped), flips, strict=True):
            np.testing.assert_array_equal(after, np.flip(before, axis) if turned else before)
        twice = adapter.numpy(flip(flipped, adapter.tensor(flips)))
        np.testing.assert_array_equal(twice, images)


@pytest.mark.parametrize("framework", ["scratch", "torch", "keras"])
@pytest.mark.parametrize("fill_mode", FILL_MODES)
def test_a_crop_is_a_slice_of_the_padded_image(framework, fill_mode):
    adapter = ADAPTERS[framework]
    images = np.random.default_rng(4).normal(size=(5, 3, 4, 2))
    fill = {"constant_values": 0.25} if fill_mode == "constant" else {}
    # Far enough for a reflection of a reflection.
    padded = np.pad(images, ((0, 0), (9, 9), (9, 9), (0, 0)), FILL_MODES[fill_mode], **fill)
    top, left = np.array([0, 1, -2, 3, -9]), np.array([0, -1, 1, 9, -8])
    offsets = adapter.tensor(top), adapter.tensor(left.astype(np.int32))
    cropped = module(framework).crop(
        adapter.tensor(images), *offsets, 3, 2, fill_mode=fill_mode, fill_value=0.25
    )
    for n, window in enumerate(adapter.numpy(cropped)):
        i, j = 9 + top[n], 9 + left[n]
        np.testing.assert_array_equal(window, padded[n, i : i + 3, j : j + 2])


def test_backward_is_the_gradient():
    scratch = module("scratch")
    images, upstream = np.random.default_rng(5).normal(size=(2, 3, 3, 4, 2))
    flips = coins(3)
    for name in ("horizontal_flip", "vertical_flip"):
        flip, backward = getattr(scratch, name), getattr(scratch, f"{name}_backward")
        assert_gradient(
            lambda x, flip=flip: (upstream * flip(x, flips)).sum(),
            images,
            backward(upstream, flips),
        )
    top, left = np.array([0, -2, 7]), np.array([1, -1, 3])
    for fill_mode in FILL_MODES:
        window = upstream[:, :2, :3]
        assert_gradient(
            lambda x, up=window, mode=fill_mode: (
                up * scratch.crop(x, top, left, 2, 3, fill_mode=mode)
            ).sum(),
            images,
            scratch.crop_backward(window, top, left, 3, 4, fill_mode=fill_mode),
        )


def test_keras_random_flip(parity):
    """Its coins are read off its output.

    Entries of the map: flip-one-coin.
    """
    import keras

    images = np.random.default_rng(6).uniform(size=(64, 3, 4, 1)).astype(np.float32)
    for name, axis in (("horizontal", 2), ("vertical", 1)):
        native = keras.layers.RandomFlip(name, seed=1)(images, training=True)
        native = keras.ops.convert_to_numpy(native)
        flips = (native == np.flip(images, axis)).all((1, 2, 3))
        assert 16 < flips.sum() < 48
        flipped = getattr(module("scratch"), f"{name}_flip")(images, flips)
        parity("flips_and_crops, native", {"scratch": flipped, "keras": native}, tolerance=0.0)


def test_inputs_are_left_alone():
    images, flips = np.random.default_rng(7).normal(size=(2, 3, 4, 1)), np.array([True, False])
    offsets = np.array([1, -2])

    def unchanged(framework, adapter):
        m, x = module(framework), adapter.tensor(images)
        m.horizontal_flip(x, adapter.tensor(flips))
        m.vertical_flip(x, adapter.tensor(flips))
        m.crop(x, adapter.tensor(offsets), adapter.tensor(offsets), 3, 4, fill_value=1.0)
        np.testing.assert_array_equal(adapter.numpy(x), images)

    everywhere(unchanged)
    frozen = images.copy()
    module("scratch").crop_backward(images, offsets, offsets, 3, 4)
    np.testing.assert_array_equal(images, frozen)


def test_bad_input():
    images, flips = np.zeros((2, 4, 5, 1), np.float32), np.zeros(2, bool)
    offsets = np.zeros(2, int)

    def flip(images=images, flips=flips):
        def call(framework, adapter):
            module(framework).vertical_flip(adapter.tensor(images), adapter.tensor(flips))

        return call

    def crop(images=images, top=offsets, left=offsets, height=4, width=5, **options):
        def call(framework, adapter):
            tensors = [adapter.tensor(array) for array in (images, top, left)]
            module(framework).crop(*tensors, height, width, **options)

        return call

    integers = "images must be floating point in [0, 1], got int64: divide by 255 first"
    for call in (flip, crop):
        same_error(call(images=images.astype(int)), integers)
        rank = "images must have shape (N, H, W, C), got shape (4, 5, 1)"
        same_error(call(images=images[0]), rank)
        empty = "images must hold at least one row, got shape (0, 4, 5, 1)"
        same_error(call(images=images[:0]), empty)
    same_error(flip(flips=flips[:1]), "flips must be boolean of shape (2,), got bool of shape (1,)")
    same_error(flip(flips=offsets), "flips must be boolean of shape (2,), got int64 of shape (2,)")
    same_error(crop(height=5), "height must be an integer in [1, 4], got 5")
    same_error(crop(width=6), "width must be an integer in [1, 5], got 6")
    same_error(crop(width=0), "width must be an integer in [1, 5], got 0")
    same_error(
        crop(top=np.zeros(3, int)), "top must be integer of shape (2,), got int64 of shape (3,)"
    )
    same_error(
        crop(left=np.zeros(2)), "left must be integer of shape (2,), got float64 of shape (2,)"
    )
    same_error(
        crop(fill_mode="wrap"),
        "fill_mode must be one of 'constant', 'nearest', 'reflect', got 'wrap'",
    )
    same_error(crop(fill_value="0"), "fill_value must be a number in (-inf, inf), got '0'")


def test_bad_input_of_the_backward_pass():
    scratch, offsets = module("scratch"), np.zeros(2, int)
    grad = np.zeros((2, 4, 5, 1), np.float32)

    def back(height, width, grad=grad):
        return scratch.crop_backward(grad, offsets, offsets, height, width)

    assert back(6, 7).shape == (2, 6, 7, 1)
    for height, width, message in (
        (np.array(6), 7, "height must be an integer >= 1, got array(6)"),
        (6.5, 7, "height must be an integer >= 1, got 6.5"),
        (6, True, "width must be an integer >= 1, got True"),
        (3, 7, "height must be an integer in [1, 3], got 4"),
        (6, 4, "width must be an integer in [1, 4], got 5"),
    ):
        for _ in range(2):
            with pytest.raises(ValueError, match=re.escape(message)):
                back(height, width)
    with pytest.raises(ValueError, match=r"grad must have shape \(N, H, W, C\)"):
        back(6, 7, grad[0])


def test_windows_far_outside():
    """An offset beyond what int32 holds is far outside, and not back at 0."""
    images = np.random.default_rng(0).uniform(size=(2, 4, 5, 1))
    for far in (2**31, 2**32, 2**32 + 1, -(2**32)):
        top, left = np.array([far, 0]), np.array([0, far])

        def call(framework, adapter, top=top, left=left):
            crop = panel(framework, "flips_and_crops").crop
            window = adapter.tensor(top), adapter.tensor(left), 3, 3
            return adapter.numpy(crop(adapter.tensor(images), *window, fill_value=0.5))

        for framework, found in everywhere(call).items():
            np.testing.assert_array_equal(found, 0.5, err_msg=framework)
