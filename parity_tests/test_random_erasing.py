from importlib.util import find_spec

import numpy as np
import pytest
import torch

from parity_tests.panels import (
    ADAPTERS,
    DTYPES,
    assert_gradient,
    assert_survives_saving,
    everywhere,
    panel,
    same_error,
    traced,
)
from parity_tests.test_random_resized_crop import torchvision_draw
from triptych.common.streams import Stream
from triptych.differences.probe import torchvision_v2

STREAM = Stream(0, "erasing")
SHAPE = (8, 9, 14, 2)


def make(framework, dtype="float64", **options):
    keras = {"dtype": dtype} if framework == "keras" else {}
    options = {"name": "erasing"} | options
    return panel(framework, "random_erasing").RandomErasing(**options, **keras)


def draw(framework, shape=SHAPE, stream=STREAM, **options):
    module = panel(framework, "random_erasing")
    drawn = module.draw_random_erasing(stream, shape, **options)
    numpy = ADAPTERS[framework].numpy
    return {key: numpy(v) for key, v in drawn._asdict().items() if v is not None}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("value", [0.0, 0.25, None])
def test_three_steps_agree(parity, dtype, value):
    images, upstream = np.random.default_rng(0).uniform(size=(2, *SHAPE)).astype(dtype)
    for training in (True, False):

        def three_steps(framework, adapter, training=training):
            layer = make(framework, dtype, seed=3, value=value, probability=0.75)
            return [adapter.step(layer, images, upstream, training=training) for _ in range(3)]

        measured = everywhere(three_steps)
        parity("random_erasing", measured, tolerance=0.0)
        changed = [(s["output"] != images).any((1, 2, 3)) for s in measured["scratch"]]
        assert np.any(changed) == training
        assert np.all(changed) != training or not training


def test_backward_is_the_gradient():
    rng, scratch = np.random.default_rng(1), panel("scratch", "random_erasing")
    images, upstream = rng.uniform(size=(2, 3, 5, 6, 1))
    for noise in (True, False):
        drawn = scratch.draw_random_erasing(STREAM, images.shape, probability=1.0, noise=noise)
        assert_gradient(
            lambda x, drawn=drawn: (upstream * scratch.random_erasing(x, drawn, value=0.5)).sum(),
            images,
            scratch.random_erasing_backward(upstream, drawn),
        )


@pytest.mark.parametrize("dtype", DTYPES)
def test_draws_are_equal(parity, dtype):
    for options in ({"noise": True}, {"scale": (0.5, 0.9), "ratio": (3.0, 4.0)}):
        shape = (300, 9, 14, 1)
        drawn = everywhere(lambda f, a, o=options, s=shape: draw(f, s, dtype=dtype, **o))
        parity("random_erasing", drawn, tolerance=0.0)
    few = draw("scratch", (3, *SHAPE[1:]), noise=True)
    for name, values in draw("scratch", noise=True).items():
        np.testing.assert_array_equal(values[:3], few[name])


@pytest.mark.skipif(not find_spec("torchvision"), reason="torchvision is not installed")
@pytest.mark.parametrize("options", [{}, {"scale": (0.5, 0.9), "ratio": (0.2, 0.4)}])
def test_bare_torchvision(parity, monkeypatch, options):
    """Its transform, on our uniform numbers: the same rectangles, or none where no try fits.

    Entries of the map: erasing-probability, erasing-fill.
    """
    images = np.random.default_rng(2).uniform(size=(40, 12, 17, 2))
    u = panel("scratch", "streams").uniform(STREAM, (40, 23), dtype="float64")
    ours = draw("scratch", images.shape, dtype="float64", probability=1.0, **options)
    transform = torchvision_v2().RandomErasing(p=1.0, value=0.25, **options)
    drawn = panel("scratch", "random_erasing").RandomErasingDraw(**ours, noise=None)
    output = panel("scratch", "random_erasing").random_erasing(images, drawn, value=0.25)
    natives, none = [], 0
    for image in range(40):
        x = torch.tensor(images[image].transpose(2, 0, 1))
        box = torchvision_draw(monkeypatch, transform, x, u[image])
        natives.append(transform.transform(x, box).numpy().transpose(1, 2, 0))
        none += (natives[image] == images[image]).all()
        for name, key in (("top", "i"), ("left", "j"), ("height", "h"), ("width", "w")):
            assert box["v"] is None or ours[name][image] == box[key]
    assert (none > 0) == bool(options)
    both = {"scratch": output, "torch": np.stack(natives)}
    parity("random_erasing, native", both, tolerance=0.0)


def test_distributions():
    n, rows, columns = 20_000, 60, 80
    drawn = draw("scratch", (n, rows, columns, 1), dtype="float64", probability=0.25)
    some = drawn["height"] > 0
    assert abs(some.mean() - 0.25) < 5 * np.sqrt(0.25 * 0.75 / n)
    h, w = drawn["height"][some], drawn["width"][some]
    assert (drawn["top"] + drawn["height"]).max() <= rows
    assert (drawn["left"] + drawn["width"]).max() <= columns
    assert max(h.max() - rows, w.max() - columns) < 0
    area = h * w / (rows * columns)
    assert area.min() > 0.018
    assert area.max() < 0.34
    ratio = np.log(h / w)
    assert abs(ratio[area < 0.1].mean()) < 0.05  # of large areas, not every shape fits
    free = columns - w
    share = drawn["left"][some] / free
    assert abs(share.mean() - 0.5) < 0.5 / free.min() + 5 * np.sqrt(1 / 12 / len(share))
    noise = draw("scratch", (20, 30, 30, 1), noise=True)["noise"]
    assert abs(noise.mean()) < 5 / np.sqrt(noise.size)
    assert abs(noise.var() - 1) < 5 * np.sqrt(2 / noise.size)


def test_what_it_does():
    images = np.random.default_rng(3).uniform(size=SHAPE)
    layer = make("scratch", probability=1.0, value=-1.0)
    output = layer(images, training=True)
    drawn = draw("scratch", dtype="float64", probability=1.0)
    for n, image in enumerate(output):
        rows = slice(drawn["top"][n], drawn["top"][n] + drawn["height"][n])
        columns = slice(drawn["left"][n], drawn["left"][n] + drawn["width"][n])
        expected = images[n].copy()
        expected[rows, columns] = -1
        np.testing.assert_array_equal(image, expected)
    same = make("scratch", probability=0.0)(images, training=True)
    np.testing.assert_array_equal(same, images)
    np.testing.assert_array_equal(make("scratch")(images), images)


def test_keras_graphs_and_saving(tmp_path):
    images = np.random.default_rng(4).uniform(size=SHAPE).astype(np.float32)
    expected = make("scratch", value=None)(images, training=True)

    def call(x):
        drawn = panel("keras", "random_erasing").draw_random_erasing(STREAM, SHAPE, noise=True)
        return panel("keras", "random_erasing").random_erasing(x, drawn)

    for graph in traced(call, (None, *SHAPE[1:]), "float32"):
        output = ADAPTERS["keras"].numpy(graph(ADAPTERS["keras"].tensor(images)))
        np.testing.assert_array_equal(output, expected)
    layer = make("keras", "float32", value=None, probability=0.75, scale=(0.1, 0.5), seed=4)
    assert_survives_saving(layer, images, tmp_path / "model.keras")


def test_keras_fit():
    import keras

    images = np.random.default_rng(5).uniform(size=(7, 5, 6, 1)).astype(np.float32)
    layer = make("keras", "float32", value=None)
    model = keras.Sequential(
        [keras.Input((5, 6, 1)), layer, keras.layers.Flatten(), keras.layers.Dense(1)]
    )
    model.compile("sgd", "mse")
    model.fit(images, np.zeros((7, 1)), batch_size=4, epochs=1, verbose=0)
    assert int(layer.step.value) == 2


def test_images_are_left_alone():
    images = np.random.default_rng(6).uniform(size=SHAPE)

    def unchanged(framework, adapter):
        x = adapter.tensor(images)
        make(framework)(x, **({} if framework == "torch" else {"training": True}))
        np.testing.assert_array_equal(adapter.numpy(x), images)

    everywhere(unchanged)


def test_bad_input():
    images = np.zeros((2, 4, 5, 1), np.float32)

    def called(framework, adapter):
        training = {} if framework == "torch" else {"training": True}
        make(framework, "float32")(adapter.tensor(images[0]), **training)

    same_error(called, "images must have shape (N, H, W, C), got shape (4, 5, 1)")
    for options, message in (
        ({"probability": 1.5}, "probability must be a number in [0, 1], got 1.5"),
        ({"value": "black"}, "value must be a number in (-inf, inf), got 'black'"),
        (
            {"scale": (0.5, 0.25)},
            "scale must be two numbers in (0, 1], the smaller first, got (0.5, 0.25)",
        ),
        (
            {"ratio": (0.0, 1.0)},
            "ratio must be two numbers in (0, inf), the smaller first, got (0.0, 1.0)",
        ),
    ):
        same_error(lambda f, a, options=options: make(f, "float32", **options), message)

    def three(framework, adapter):
        drawn = panel(framework, "random_erasing").draw_random_erasing(STREAM, (3, 4, 5, 1))
        panel(framework, "random_erasing").random_erasing(adapter.tensor(images), drawn)

    same_error(three, "draw.top must be integer of shape (2,), got int64 of shape (3,)")
