import json
from dataclasses import asdict

import numpy as np
import pytest

from parity_tests.panels import ADAPTERS, assert_gradient, everywhere, panel, same_error
from parity_tests.test_affine import PARAMETERS, coordinate_error, reference_weights, step
from triptych.common.recipes import AugmentationRecipe
from triptych.common.streams import Stream
from triptych.comparison import derived_bound

AFFINE = AugmentationRecipe(rotation=10.0, zoom=0.1, translation=0.1, shear=5.0)
EVERYTHING = AugmentationRecipe(
    rotation=30.0,
    zoom=0.2,
    translation=0.1,
    shear=10.0,
    fill_mode="reflect",
    fill_value=0.25,
    horizontal_flip=True,
    vertical_flip=True,
    crop_padding=2,
    brightness=0.25,
    contrast=0.25,
    cutout=3,
    noise=0.125,
)
RECIPES = {
    "nothing": AugmentationRecipe(),
    "affine": AFFINE,
    "nearest": AugmentationRecipe(rotation=30.0, interpolation="nearest", fill_value=1.0),
    "flips and crop": AugmentationRecipe(horizontal_flip=True, crop_padding=3, fill_value=0.5),
    "intensity": AugmentationRecipe(brightness=0.5, contrast=0.25),
    "cutout and noise": AugmentationRecipe(cutout=4, noise=0.25),
    "everything": EVERYTHING,
}
STREAM = Stream(0, "augmentation")
SHAPE = (3, 7, 10, 3)  # one for nearly all: JAX compiles every operation for every shape
CASES = [(name, dtype, SHAPE) for name in RECIPES for dtype in ("float64", "float32")]
CASES += [("everything", "float64", (1, 28, 28, 1))]


def make(framework, recipe, dtype="float64", **options):
    keras = {"dtype": dtype} if framework == "keras" else {}
    options = {"name": "augmentation"} | options
    return panel(framework, "augmentation").Augmentation(recipe, **options, **keras)


def draw(framework, shape, recipe, stream=STREAM, dtype="float64"):
    drawn = panel(framework, "augmentation").draw_augmentation(stream, shape, recipe, dtype=dtype)
    numpy = ADAPTERS[framework].numpy
    return {key: numpy(value) for key, value in drawn._asdict().items() if value is not None}


def tolerances(recipe, stream, images, upstream, results):
    """Allowed relative errors of output and gradient.

    The affine map is the one step whose error is not a few roundings: see test_affine.py. Here the
    matrices are computed too, which moves a point by 40 eps * side more. The reflecting crop shows
    a pixel at most 4 times, and contrast, a sum of H W terms, amplifies by at most 1 + 2c.
    """
    dtype, (_, height, width, _) = images.dtype.name, images.shape
    terms, output, gradient = height * width, 0.0, 0.0
    if recipe.moves and recipe.interpolation == "bilinear":
        drawn = draw("scratch", images.shape, recipe, stream, dtype)
        matrices = panel("scratch", "affine").affine_matrices(
            height, width, **{name: drawn[name] for name in PARAMETERS}
        )
        error = coordinate_error(matrices, height, width, dtype)
        error += 40 * np.finfo(dtype).eps * max(height, width)
        error *= 1 + 2 * recipe.contrast
        weights = [
            reference_weights(m, height, width, "bilinear", recipe.fill_mode) for m in matrices
        ]
        seen = 4 * max(int((w[:, :-1] != 0).sum(axis=0).max()) for w in weights)
        fill = recipe.fill_value if recipe.fill_mode == "constant" else None
        output = error * sum(step(images, fill)) / np.abs(results["output"]).max()
        gradient = 2 * error * seen * np.abs(upstream).max() / np.abs(results["gradient.x"]).max()
        terms += seen
    allowed = [derived_bound(dtype, terms) + output, derived_bound(dtype, terms) + gradient]
    return [min(bound, 1e-12) if dtype == "float64" else bound for bound in allowed]


@pytest.mark.parametrize(("name", "dtype", "shape"), CASES)
def test_three_steps_agree(parity, name, dtype, shape):
    rng = np.random.default_rng(0)
    images, upstream = rng.uniform(size=(2, *shape)).astype(dtype)

    def three_steps(framework, adapter):
        layer = make(framework, RECIPES[name], dtype, seed=3)
        return [adapter.step(layer, images, upstream) for _ in range(3)]

    measured = everywhere(three_steps)
    for i in range(3):
        results = {framework: steps[i] for framework, steps in measured.items()}
        stream = Stream(3, "augmentation", i)
        output, gradient = tolerances(RECIPES[name], stream, images, upstream, results["scratch"])
        for key, tolerance in (("output", output), ("gradient.x", gradient), ("state.step", 0.0)):
            one = {framework: {key: result[key]} for framework, result in results.items()}
            parity("augmentation", one, tolerance=tolerance)
    moved = [np.abs(steps["output"] - images).max() for steps in measured["scratch"]]
    assert (min(moved) > 0.01) == (name != "nothing")
    assert measured["scratch"][2]["state.step"] == 3


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_draws_are_equal_to_the_last_bit(parity, dtype):
    for recipe, stream in ((EVERYTHING, Stream(5, "augmentation", 2**33)), (AFFINE, Stream(0))):
        drawn = everywhere(
            lambda f, a, recipe=recipe, stream=stream: draw(f, SHAPE, recipe, stream, dtype)
        )
        parity("augmentation", drawn, tolerance=0.0)


def test_distributions():
    n, height, width = 40_000, 7, 10
    drawn = draw("scratch", (n, height, width, 1), EVERYTHING)
    limits = {
        "rotation": EVERYTHING.rotation,
        "zoom": EVERYTHING.zoom,
        "translation_x": EVERYTHING.translation,
        "translation_y": EVERYTHING.translation,
        "shear": EVERYTHING.shear,
        "brightness": EVERYTHING.brightness,
        "contrast": EVERYTHING.contrast,
    }
    for name, limit in limits.items():
        values = drawn[name] / limit
        assert -1 <= values.min() < -0.999, name
        assert 0.999 < values.max() < 1, name
        # 5 standard errors: a mean of 0, and a variance of 1/3, whose own variance is 4/45.
        assert abs(values.mean()) < 5 * np.sqrt(1 / 3 / n), name
        assert abs(values.var() - 1 / 3) < 5 * np.sqrt(4 / 45 / n), name
    counts = {
        "horizontal_flip": (0, 1),
        "vertical_flip": (0, 1),
        "crop_top": (-2, 2),
        "crop_left": (-2, 2),
        "cutout_row": (0, height - 1),
        "cutout_column": (0, width - 1),
    }
    for name, (low, high) in counts.items():
        values, found = np.unique(drawn[name].astype(int), return_counts=True)
        assert values.tolist() == list(range(low, high + 1)), name
        share = 1 / len(values)
        assert np.abs(found / n - share).max() < 5 * np.sqrt(share * (1 - share) / n), name
    columns = np.stack([drawn[name] for name in (*limits, *counts)]).astype(float)
    correlations = np.corrcoef(columns) - np.eye(len(columns))
    assert np.abs(correlations).max() < 5 / np.sqrt(n)
    noise = draw("scratch", (40, 30, 30, 1), EVERYTHING)["noise"]
    assert abs(noise.mean()) < 5 / np.sqrt(noise.size)
    assert abs(noise.var() - 1) < 5 * np.sqrt(2 / noise.size)


def test_an_image_draws_the_same_whatever_else_is_drawn():
    many = draw("scratch", (8, 7, 10, 2), EVERYTHING)
    few = draw("scratch", (3, 7, 10, 2), EVERYTHING)
    for name, values in few.items():
        np.testing.assert_array_equal(values, many[name][:3], err_msg=name)
    only = draw("scratch", (8, 7, 10, 2), AugmentationRecipe(rotation=30.0))
    np.testing.assert_array_equal(only["rotation"], many["rotation"])
    assert "noise" not in only
    others = [Stream(1, "augmentation"), Stream(0, "other"), Stream(0, "augmentation", 1)]
    for stream in others:
        other = draw("scratch", (8, 7, 10, 2), EVERYTHING, stream)
        assert (other["rotation"] != many["rotation"]).all()
        assert (other["noise"] != many["noise"]).mean() > 0.99


def test_the_order_is_as_stated():
    images = np.random.default_rng(1).uniform(size=(4, 7, 10, 2))
    layer = make("scratch", EVERYTHING)
    output = layer(images, training=True)
    drawn = panel("scratch", "augmentation").draw_augmentation(
        STREAM, images.shape, EVERYTHING, dtype="float64"
    )
    affine, moves = panel("scratch", "affine"), panel("scratch", "flips_and_crops")
    intensity, cutout = panel("scratch", "intensity"), panel("scratch", "cutout")
    matrices = affine.affine_matrices(7, 10, **{name: getattr(drawn, name) for name in PARAMETERS})
    filling = {"fill_mode": "reflect", "fill_value": 0.25}
    x = affine.affine(images, matrices, **filling)
    x = moves.horizontal_flip(x, drawn.horizontal_flip)
    x = moves.vertical_flip(x, drawn.vertical_flip)
    x = moves.crop(x, drawn.crop_top, drawn.crop_left, 7, 10, **filling)
    x = intensity.brightness(x, drawn.brightness)
    x = intensity.contrast(x, 1 + drawn.contrast)
    x = cutout.cutout(x, drawn.cutout_row, drawn.cutout_column, 3, fill_value=0.25)
    x = intensity.gaussian_noise(x, drawn.noise, 0.125)
    # But for the rounding of the affine map's four products, which the layer sums in another order.
    np.testing.assert_allclose(output, np.clip(x, 0, 1), rtol=0, atol=1e-14)
    assert ((output == 0).sum(), (output == 1).sum()) != (0, 0)


ALONE = {
    "rotation": 10.0,
    "zoom": 0.1,
    "translation": 0.1,
    "shear": 5.0,
    "horizontal_flip": True,
    "vertical_flip": True,
    "crop_padding": 2,
    "brightness": 0.25,
    "contrast": 0.25,
    "cutout": 3,
    "noise": 0.125,
}


@pytest.mark.parametrize("name", ALONE)
def test_each_change_by_itself(name):
    images = np.random.default_rng(10).uniform(size=(16, 7, 10, 2))
    output = make("scratch", AugmentationRecipe(**{name: ALONE[name]}))(images, training=True)
    assert output.shape == images.shape
    changed = (output != images).any((1, 2, 3))
    assert changed.mean() > 0.9 or (name.endswith("flip") and 0.2 < changed.mean() < 0.8)
    assert output.min() >= 0
    assert output.max() <= 1
    # A flip from left to right keeps the sum of every row, one upside down that of every column.
    for axis, keeps in ((1, "vertical_flip"), (2, "horizontal_flip")):
        assert np.allclose(output.sum(axis), images.sum(axis)) == (name == keeps)


@pytest.mark.parametrize("name", RECIPES)
def test_backward_is_the_gradient(name):
    images, upstream = np.random.default_rng(2).uniform(size=(2, 2, 4, 5, 2))
    layer = make("scratch", RECIPES[name])

    def loss(x):
        layer.state["step"][...] = 1
        return (upstream * layer(x, training=True)).sum()

    loss(images)
    assert_gradient(loss, images, layer.backward(upstream))


def test_inference_leaves_images_alone(parity):
    images, upstream = np.random.default_rng(3).normal(size=(2, *SHAPE))

    def infer(framework, adapter):
        return adapter.step(make(framework, EVERYTHING), images, upstream, training=False)

    measured = everywhere(infer)
    parity("augmentation", measured, tolerance=0.0)
    np.testing.assert_array_equal(measured["scratch"]["output"], images)
    np.testing.assert_array_equal(measured["scratch"]["gradient.x"], upstream)
    assert measured["scratch"]["state.step"] == 0


def test_clipping():
    """Where pixels are brightened, and only there: other images may have any values."""
    images = np.random.default_rng(4).normal(size=(8, 7, 7, 1))
    for name, clips in (("affine", False), ("flips and crop", False), ("intensity", True)):
        output = make("scratch", RECIPES[name])(images, training=True)
        assert (output.min() == 0 and output.max() == 1) == clips


def test_images_are_left_alone():
    images = np.random.default_rng(5).uniform(size=SHAPE)
    for recipe in RECIPES.values():

        def unchanged(framework, adapter, recipe=recipe):
            x = adapter.tensor(images)
            training = {} if framework == "torch" else {"training": True}
            make(framework, recipe)(x, **training)
            np.testing.assert_array_equal(adapter.numpy(x), images)

        everywhere(unchanged)
        layer, upstream = make("scratch", recipe), images.copy()
        layer(images, training=True)
        layer.backward(upstream)
        np.testing.assert_array_equal(upstream, images)


def test_the_step_is_saved():
    images = np.random.default_rng(6).uniform(size=SHAPE)

    def resumed(framework, adapter):
        first, second = make(framework, EVERYTHING), make(framework, EVERYTHING)
        outputs = [adapter.step(first, images, images)["output"] for _ in range(2)]
        weights = adapter.weights(first)
        assert {key: int(value) for key, value in weights.items()} == {"step": 2}
        outputs.append(adapter.step(first, images, images)["output"])
        adapter.load(second, weights)
        np.testing.assert_array_equal(adapter.step(second, images, images)["output"], outputs[2])
        assert np.abs(outputs[0] - outputs[1]).max() > 0.01

    everywhere(resumed)


def test_keras_graphs_with_unknown_batch_size():
    import keras

    images = np.random.default_rng(7).uniform(size=(7, 5, 6, 2)).astype(np.float32)
    batches, scratch = [images[:4], images[4:]], make("scratch", EVERYTHING)
    expected = [scratch(batch, training=True) for batch in batches]

    class Training(keras.Layer):
        def __init__(self):
            super().__init__()
            self.augmentation = make("keras", EVERYTHING, "float32")

        def call(self, x):
            return self.augmentation(x, training=True)

        def compute_output_shape(self, input_shape):
            return input_shape

    graphs = [keras.Sequential([keras.Input((5, 6, 2)), Training()]).predict_on_batch]
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        unknown = [tf.TensorSpec([None, 5, 6, 2])]
        graphs += [tf.function(Training(), unknown, jit_compile=jit) for jit in (False, True)]
    for graph in graphs:
        for batch, output in zip(batches, expected, strict=True):
            # As in tolerances: coordinates are off by 14 eps of a reach below 30 pixels and 40 eps
            # of 6, on each axis; no step is larger than 1, and contrast amplifies by 1.5.
            bound = (14 * 30 + 40 * 6) * 2 * 1.5 * np.finfo(np.float32).eps
            np.testing.assert_allclose(np.asarray(graph(batch)), output, rtol=0, atol=bound)


def test_keras_fit():
    import keras

    images = np.random.default_rng(8).uniform(size=(7, 5, 6, 2)).astype(np.float32)
    layer = make("keras", EVERYTHING, "float32")
    model = keras.Sequential(
        [keras.Input((5, 6, 2)), layer, keras.layers.Flatten(), keras.layers.Dense(1)]
    )
    model.compile("sgd", "mse")
    model.fit(images, np.zeros((7, 1)), batch_size=4, epochs=2, verbose=0)
    assert int(layer.step.value) == 4
    head = keras.Sequential([keras.Input((5, 6, 2)), *model.layers[1:]])
    # In inference the layer is not there.
    np.testing.assert_array_equal(model.predict(images, verbose=0), head.predict(images, verbose=0))


def test_keras_saves_and_loads(tmp_path):
    import keras

    images = np.random.default_rng(9).uniform(size=SHAPE).astype(np.float32)
    model = keras.Sequential([keras.Input(SHAPE[1:]), make("keras", EVERYTHING, "float32", seed=4)])
    model(images, training=True)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.layers[0].recipe == EVERYTHING
    assert int(loaded.layers[0].step.value) == 1
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(loaded(images, training=True)),
        keras.ops.convert_to_numpy(model(images, training=True)),
    )
    json.dumps(asdict(EVERYTHING))


def test_bad_input():
    images = np.zeros((2, 4, 5, 1), np.float32)

    def augmented(images):
        return lambda f, a: make(f, EVERYTHING, "float32")(a.tensor(images))

    def drawn(shape, dtype="float32"):
        return lambda f, a: draw(f, shape, EVERYTHING, dtype=dtype)

    integers = "images must be floating point in [0, 1], got uint8: divide by 255 first"
    same_error(augmented(images.astype(np.uint8)), integers)
    rank = "images must have shape (N, H, W, C), got shape (4, 5, 1)"
    same_error(augmented(images[0]), rank)
    same_error(drawn((4, 5, 1)), rank)
    empty = "images must hold at least one row, got shape (0, 4, 5, 1)"
    same_error(augmented(images[:0]), empty)
    same_error(drawn((0, 4, 5, 1)), empty)
    same_error(
        drawn((2, 4, 5, 1), "float16"), "dtype must be one of 'float32', 'float64', got 'float16'"
    )

    def mixed(recipe):
        """The draws of 3 images for 2."""

        def call(framework, adapter):
            module = panel(framework, "augmentation")
            three = module.draw_augmentation(Stream(0), (3, 4, 5, 1), recipe)
            module.augment(adapter.tensor(images), three, recipe)

        return call

    message = "draw.rotation must be floating point of shape (2,), got float32 of shape (3,)"
    same_error(mixed(AFFINE), message)
    crops = AugmentationRecipe(crop_padding=2)
    same_error(mixed(crops), message)
