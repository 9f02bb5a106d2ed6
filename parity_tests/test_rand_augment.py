import doctest
from importlib.util import find_spec

import numpy as np
import pytest
import torch

import triptych.common.rand_augment
from parity_tests.panels import (
    ADAPTERS,
    assert_gradient,
    assert_survives_saving,
    everywhere,
    panel,
    same_error,
    traced,
)
from triptych.common.rand_augment import OPERATIONS, strengths
from triptych.common.streams import Stream
from triptych.differences.probe import torchvision_v2
from triptych.extras import keras_backend

COUNT = len(OPERATIONS)
# Few shapes, as JAX compiles every operation for each of them.
SIDES = (40, 9, 12)
CHANNELS = [1, 3] if keras_backend() == "tensorflow" else [3]
STREAM = Stream(0, "rand_augment")


def make(framework, dtype="float64", **options):
    keras = {"dtype": dtype} if framework == "keras" else {}
    options = {"name": "rand_augment"} | options
    return panel(framework, "rand_augment").RandAugment(**options, **keras)


def grey_levels(shape, dtype="float64", seed=0):
    """As images are: of 8 bits, some of them black and white all over."""
    images = np.random.default_rng(seed).integers(0, 256, shape) / 255
    images[:2] = np.arange(2).reshape(2, 1, 1, 1)
    return images.astype(dtype)


def drawn(framework, operation, negative):
    """A draw of one's own: arrays (N, num_ops)."""
    tensor = ADAPTERS[framework].tensor
    draw = panel(framework, "rand_augment").RandAugmentDraw
    return draw(tensor(np.array(operation)), tensor(np.array(negative)))


def each_once(framework, images, negative, **options):
    """Every change of the first image: an image for each."""
    repeated = np.repeat(images[:1], COUNT, axis=0)
    draw = drawn(framework, np.arange(COUNT)[:, None], np.full((COUNT, 1), negative))
    function = panel(framework, "rand_augment").rand_augment
    return function(ADAPTERS[framework].tensor(repeated), draw, **options)


@pytest.mark.parametrize("channels", CHANNELS)
@pytest.mark.parametrize("magnitude", [9.0, 30.0])
def test_outputs_of_grey_levels_agree(parity, channels, magnitude):
    """Over three steps, in float64, with every pair of changes: no rounding decides a level."""
    images = grey_levels((*SIDES, channels), seed=int(magnitude))

    def three_steps(framework, adapter):
        layer, training = make(framework, magnitude=magnitude, seed=3), {"training": True}
        training = {} if framework == "torch" else training
        return [adapter.numpy(layer(adapter.tensor(images), **training)) for _ in range(3)]

    parity("rand_augment", everywhere(three_steps), tolerance=1e-12)


@pytest.mark.parametrize("channels", CHANNELS)
@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
def test_steps_and_gradients_agree(parity, channels, interpolation):
    rng = np.random.default_rng(1)
    images, upstream = rng.uniform(size=(2, *SIDES, channels))
    options = {"num_ops": 3, "interpolation": interpolation, "fill_value": 0.25, "seed": 5}

    def three_steps(framework, adapter):
        layer = make(framework, **options)
        return [adapter.step(layer, images, upstream) for _ in range(3)]

    measured = everywhere(three_steps)
    parity("rand_augment", measured, tolerance=1e-12)
    assert measured["scratch"][2]["state.step"] == 3


@pytest.mark.parametrize("negative", [False, True])
def test_each_change_in_float32(parity, negative):
    """One change, as in float32 two may put a pixel on either side of a threshold.

    Points that are sampled are off by 2e-6 of a side of 12 pixels, values by that times a step.
    """
    images = grey_levels((3, 9, 12, 3), "float32")[2:]
    measured = everywhere(lambda f, a: each_once(f, images, negative))
    parity("rand_augment", measured, tolerance=2 * 12 * 2e-6)
    assert (np.abs(measured["scratch"] - images).max(axis=(1, 2, 3))[1:] > 1e-3).all()


@pytest.mark.skipif(not find_spec("torchvision"), reason="torchvision is not installed")
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("negative", [False, True])
def test_bare_torchvision(parity, channels, negative):
    """Its functions, with the numbers of its RandAugment.

    Entries of the map: rotation-interpolation, shear-units, posterize-levels.
    """
    v2 = torchvision_v2()
    functional, bilinear = v2.functional, v2.InterpolationMode.BILINEAR
    images = grey_levels((3, 9, 12, channels))[2:]
    x = torch.tensor(images.transpose(0, 3, 1, 2))
    sign = -1 if negative else 1

    def affine(**options):
        defaults = {"angle": 0.0, "translate": [0, 0], "scale": 1.0, "shear": [0.0, 0.0]}
        return functional.affine(x, **(defaults | options), interpolation=bilinear)

    lean = float(np.degrees(np.arctan(0.09)))
    across, down = (sign * 9 / 30 * 150 / 331 * side for side in (12, 9))
    eight_bits = (255 * x).round().to(torch.uint8)
    theirs = {
        "identity": x,
        "shear_x": affine(shear=[sign * lean, 0.0]),
        "shear_y": affine(shear=[0.0, sign * lean]),
        "translate_x": affine(translate=[across, 0]),
        "translate_y": affine(translate=[0, down]),
        "rotate": functional.rotate(x, sign * 9.0, bilinear),
        "brightness": functional.adjust_brightness(x, 1 + sign * 0.27),
        "color": functional.adjust_saturation(x, 1 + sign * 0.27),
        "contrast": functional.adjust_contrast(x, 1 + sign * 0.27),
        "sharpness": functional.adjust_sharpness(x, 1 + sign * 0.27),
        "posterize": functional.posterize(eight_bits, 7) / 255.0,
        "solarize": functional.solarize(x, 0.7),
        "autocontrast": functional.autocontrast(x),
    }
    assert list(theirs) == list(OPERATIONS)
    ours = each_once("scratch", images, negative)
    for name, output, native in zip(OPERATIONS, ours, theirs.values(), strict=True):
        native = native.double().numpy().transpose(0, 2, 3, 1)[0]
        # Posterized images are float32 there; moved ones are sampled by the same formula.
        bound = 1e-6 if name == "posterize" else 1e-12
        both = {"scratch": output, "torch": native}
        parity("rand_augment, native", both, tolerance=bound)


@pytest.mark.parametrize(("channels", "negative"), [(3, False), (3, True), (1, False)])
def test_backward_is_the_gradient(channels, negative):
    rng, scratch = np.random.default_rng(3), panel("scratch", "rand_augment")
    images, upstream = rng.uniform(size=(1, 4, 5, channels)), rng.normal(size=(4, 5, channels))
    for operation in range(COUNT):
        # Alone, and between two others.
        for order in ([operation], [5, operation, 9]):
            draw = drawn("scratch", [order], [[negative] * len(order)])

            def loss(x, draw=draw):
                return (upstream * scratch.rand_augment(x, draw, magnitude=9)).sum()

            if order == [operation] or OPERATIONS[operation] not in ("posterize", "solarize"):
                grad = scratch.rand_augment_backward(upstream[None], images, draw, magnitude=9)
                assert_gradient(loss, images, grad)


def test_draws(parity):
    def draw(framework, count=500, stream=STREAM):
        return panel(framework, "rand_augment").draw_rand_augment(stream, count, 2)

    measured = everywhere(lambda f, a: [a.numpy(value) for value in draw(f)])
    parity("rand_augment", measured, tolerance=0.0)
    few, many = draw("scratch", 7), draw("scratch", 40_000)
    np.testing.assert_array_equal(few.operation, many.operation[:7])
    np.testing.assert_array_equal(few.negative, many.negative[:7])
    for values in many.operation.T:
        share = np.bincount(values, minlength=COUNT) / len(values)
        assert len(share) == COUNT
        # 5 standard errors.
        assert np.abs(share - 1 / COUNT).max() < 5 * np.sqrt(1 / COUNT / len(values))
    columns = np.stack([*many.operation.T, *many.negative.T]).astype(float)
    assert abs(columns[2:].mean() - 0.5) < 5 * np.sqrt(0.25 / columns[2:].size)
    assert np.abs(np.corrcoef(columns) - np.eye(4)).max() < 5 / np.sqrt(len(many.operation))
    for stream in (Stream(1, "rand_augment"), Stream(0, "other"), Stream(0, "rand_augment", 1)):
        assert (draw("scratch", stream=stream).operation != draw("scratch").operation).mean() > 0.8


def test_strengths():
    assert doctest.testmod(triptych.common.rand_augment).failed == 0
    nothing = strengths(0)
    assert nothing[:5] == (0, 0, 0, 0, 0)
    assert nothing.bits == 8
    assert strengths(30).bits == 4
    # The levels of 8 bits that are inverted: those from 1 - m on.
    for magnitude in range(31):
        inverted = [level for level in range(256) if level / 255 >= strengths(magnitude).threshold]
        exact = [level for level in range(256) if 30 * level >= 255 * (30 - magnitude)]
        assert inverted == exact, magnitude
    images = grey_levels((4, 6, 5, 3))[2:]
    same = each_once("scratch", images, False, magnitude=0)[: OPERATIONS.index("solarize")]
    np.testing.assert_allclose(same, np.repeat(images[:1], len(same), axis=0), atol=1e-15)


def test_one_channel_has_no_color():
    images = grey_levels((3, 6, 5, 1))[2:]
    output = each_once("scratch", images, False)[OPERATIONS.index("color")]
    np.testing.assert_array_equal(output, images[0])


def test_inference_leaves_images_alone(parity):
    images, upstream = np.random.default_rng(4).normal(size=(2, 3, 5, 6, 1))

    def infer(framework, adapter):
        return adapter.step(make(framework), images, upstream, training=False)

    measured = everywhere(infer)
    parity("rand_augment", measured, tolerance=0.0)
    np.testing.assert_array_equal(measured["scratch"]["output"], images)
    assert measured["scratch"]["state.step"] == 0


def test_images_are_left_alone():
    images = grey_levels((*SIDES, 3))

    def unchanged(framework, adapter):
        x = adapter.tensor(images)
        make(framework)(x, **({} if framework == "torch" else {"training": True}))
        np.testing.assert_array_equal(adapter.numpy(x), images)

    everywhere(unchanged)
    layer, upstream = make("scratch"), images.copy()
    layer(images, training=True)
    layer.backward(upstream)
    np.testing.assert_array_equal(upstream, images)


def test_the_step_is_saved(tmp_path):
    images = grey_levels((*SIDES, 3))

    def resumed(framework, adapter):
        first, second = make(framework), make(framework)
        adapter.step(first, images, images)
        adapter.load(second, adapter.weights(first))
        outputs = [adapter.step(layer, images, images)["output"] for layer in (first, second)]
        np.testing.assert_array_equal(*outputs)

    everywhere(resumed)
    layer = make("keras", "float32", num_ops=3, magnitude=7.0, interpolation="nearest", seed=2)
    assert_survives_saving(layer, images.astype(np.float32), tmp_path / "model.keras")


def test_keras_graphs():
    """Every change, compiled."""
    images = np.repeat(grey_levels((3, 9, 12, 3), "float32")[2:], COUNT, axis=0)
    expected = each_once("scratch", images, False)
    draw = drawn("keras", np.arange(COUNT)[:, None], np.full((COUNT, 1), False))

    def call(x):
        return panel("keras", "rand_augment").rand_augment(x, draw)

    for graph in traced(call, (None, 9, 12, 3), "float32"):
        output = ADAPTERS["keras"].numpy(graph(ADAPTERS["keras"].tensor(images)))
        np.testing.assert_allclose(output, expected, atol=2 * 12 * 2e-6)  # as above


def test_keras_fit():
    import keras

    images = grey_levels((7, 5, 6, 1), "float32")
    layer = make("keras", "float32")
    model = keras.Sequential(
        [keras.Input((5, 6, 1)), layer, keras.layers.Flatten(), keras.layers.Dense(1)]
    )
    model.compile("sgd", "mse")
    model.fit(images, np.zeros((7, 1)), batch_size=4, epochs=2, verbose=0)
    assert int(layer.step.value) == 4


def test_bad_input():
    images = np.zeros((2, 4, 5, 1), np.float32)

    def called(images):
        return lambda f, a: make(f, "float32")(
            a.tensor(images), **({} if f == "torch" else {"training": True})
        )

    same_error(
        called(images.astype(np.uint8)),
        "images must be floating point in [0, 1], got uint8: divide by 255 first",
    )
    same_error(called(images[0]), "images must have shape (N, H, W, C), got shape (4, 5, 1)")
    same_error(
        called(np.zeros((2, 4, 5, 2), np.float32)),
        "images must have 1 or 3 channels, got shape (2, 4, 5, 2)",
    )
    same_error(
        called(images + 3),
        "images must lie in [0, 1], to which they are clipped, got values from 3 to 3: "
        "divide by 255 first",
    )
    for options, message in (
        ({"num_ops": 0}, "num_ops must be an integer in [1, 100], got 0"),
        ({"magnitude": 31}, "magnitude must be a number in [0, 30], got 31"),
        ({"fill_value": 2}, "fill_value must be a number in [0, 1], got 2"),
        (
            {"interpolation": "cubic"},
            "interpolation must be one of 'bilinear', 'nearest', got 'cubic'",
        ),
        ({"seed": -1}, f"seed must be an integer in [0, {2**64 - 1}], got -1"),
    ):
        same_error(lambda f, a, options=options: make(f, "float32", **options), message)

    def apply(operation, negative):
        def call(framework, adapter):
            draw = drawn(framework, operation, negative)
            panel(framework, "rand_augment").rand_augment(adapter.tensor(images), draw)

        return call

    same_error(
        apply([[1, 2]], [[True, False]]), "draw.operation must have shape (2, 2), got (1, 2)"
    )
    same_error(
        apply([1, 2], [True, False]), "draw.operation must have shape (N, num_ops), got shape (2,)"
    )
    same_error(
        apply([[1], [2]], [[True, True]] * 2), "draw.negative must have shape (2, 1), got (2, 2)"
    )
