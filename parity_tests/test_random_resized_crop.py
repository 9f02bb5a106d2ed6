import doctest
from importlib.util import find_spec

import numpy as np
import pytest
import torch

import triptych.common.boxes
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
from triptych.common.boxes import central_crop
from triptych.common.streams import Stream
from triptych.comparison import derived_bound
from triptych.differences.probe import torchvision_v2

STREAM = Stream(0, "crop")
SHAPE = (6, 9, 14, 2)


def make(framework, dtype="float64", **options):
    keras = {"dtype": dtype} if framework == "keras" else {}
    options = {"size": (5, 8), "name": "crop"} | options
    return panel(framework, "random_resized_crop").RandomResizedCrop(**options, **keras)


def draw(framework, shape=SHAPE, stream=STREAM, **options):
    module = panel(framework, "random_resized_crop")
    drawn = module.draw_resized_crop(stream, shape, **options)
    return {key: ADAPTERS[framework].numpy(value) for key, value in drawn._asdict().items()}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "options",
    [{}, {"antialias": False, "size": 12}, {"interpolation": "nearest", "antialias": False}],
)
def test_three_steps_agree(parity, dtype, options):
    rng = np.random.default_rng(0)
    images = rng.uniform(size=SHAPE).astype(dtype)
    new = options.get("size", (5, 8))
    new = (new, new) if isinstance(new, int) else new
    upstream = rng.normal(size=(6, *new, 2)).astype(dtype)
    # Weights are exact but for the division by their sum; a pixel sums over both sides at most.
    terms = sum(SHAPE[1:3]) + sum(new)
    for training in (True, False):

        def three_steps(framework, adapter, training=training):
            layer = make(framework, dtype, seed=3, **options)
            return [adapter.step(layer, images, upstream, training=training) for _ in range(3)]

        measured = everywhere(three_steps)
        # Whole images are resized by PyTorch's own op, whose points are rounded: see test_resize.
        bound = derived_bound(dtype, terms) if training else 40 * derived_bound(dtype, terms)
        tolerance = min(bound, 1e-12) if dtype == "float64" else bound
        parity("random_resized_crop", measured, tolerance=tolerance)
        assert measured["scratch"][2]["state.step"] == 3 * training
        assert measured["scratch"][0]["output"].shape == upstream.shape


def test_backward_is_the_gradient():
    rng, scratch = np.random.default_rng(1), panel("scratch", "random_resized_crop")
    images, upstream = rng.uniform(size=(2, 4, 6, 1)), rng.normal(size=(2, 3, 7, 1))
    drawn = scratch.draw_resized_crop(STREAM, images.shape)
    for antialias in (True, False):
        assert_gradient(
            lambda x, antialias=antialias: (
                upstream * scratch.resized_crop(x, drawn, (3, 7), antialias=antialias)
            ).sum(),
            images,
            scratch.resized_crop_backward(upstream, drawn, (4, 6), antialias=antialias),
        )


@pytest.mark.parametrize("dtype", DTYPES)
def test_draws_are_equal(parity, dtype):
    for options in ({}, {"scale": (0.5, 1.0), "ratio": (3.0, 4.0)}):
        shape = (300, *SHAPE[1:])
        drawn = everywhere(lambda f, a, o=options, s=shape: draw(f, s, dtype=dtype, **o))
        parity("random_resized_crop", drawn, tolerance=0.0)
    few = draw("scratch", (3, *SHAPE[1:]))
    for name, values in draw("scratch").items():
        np.testing.assert_array_equal(values[:3], few[name])


def torchvision_draw(monkeypatch, transform, image, u):
    """What its transform draws, with our uniform numbers: ten areas, ten ratios, and the place."""
    tries, places = iter(u[:20].reshape(2, 10).T.ravel()), iter(u[20:])

    def uniform(tensor, low, high):
        return tensor.fill_(float(low + (high - low) * next(tries)))

    def randint(low, high, size):
        return torch.tensor(int(next(places) * high))

    with monkeypatch.context() as patch:
        patch.setattr(torch.Tensor, "uniform_", uniform)
        patch.setattr(torch, "randint", randint)
        return transform.make_params([image])


@pytest.mark.skipif(not find_spec("torchvision"), reason="torchvision is not installed")
@pytest.mark.parametrize(
    "options", [{}, {"scale": (0.6, 1.0), "ratio": (0.3, 0.6)}, {"ratio": (2.5, 4.0)}]
)
def test_bare_torchvision(parity, monkeypatch, options):
    """Its transform, on our uniform numbers: the same windows, and the same pixels."""
    images = np.random.default_rng(2).uniform(size=(40, 12, 17, 2))
    u = panel("scratch", "streams").uniform(STREAM, (40, 22), dtype="float64")
    ours = draw("scratch", images.shape, dtype="float64", **options)
    transform = torchvision_v2().RandomResizedCrop((5, 8), **options)
    drawn = panel("scratch", "random_resized_crop").ResizedCropDraw(**ours)
    output = panel("scratch", "random_resized_crop").resized_crop(images, drawn, (5, 8))
    windows, natives = [], []
    for image in range(40):
        x = torch.tensor(images[image].transpose(2, 0, 1))
        window = torchvision_draw(monkeypatch, transform, x, u[image])
        windows.append(window)
        natives.append(transform.transform(x, window).numpy().transpose(1, 2, 0))
    both = {"scratch": output, "torch": np.stack(natives)}
    parity("random_resized_crop, native", both, tolerance=1e-13)
    for name, values in ours.items():
        assert values.tolist() == [window[name] for window in windows], name


def test_distributions():
    n, rows, columns = 20_000, 60, 80
    drawn = draw("scratch", (n, rows, columns, 1), dtype="float64")
    assert drawn["height"].min() >= 1
    assert drawn["top"].min() >= 0
    assert (drawn["top"] + drawn["height"]).max() <= rows
    assert (drawn["left"] + drawn["width"]).max() <= columns
    small = drawn["height"] * drawn["width"] < rows * columns / 2  # whose shape has its full range
    area = drawn["height"][small] * drawn["width"][small] / (rows * columns)
    assert 0.07 < area.min() < 0.1
    # Uniform areas; sides are rounded, which moves a mean of 0.29 by less than 0.01.
    assert abs(area.mean() - (0.08 + 0.5) / 2) < 0.01
    ratio = np.log(drawn["width"][small] / drawn["height"][small])
    assert abs(ratio.mean()) < 0.02
    assert abs(ratio.std() - np.log(16 / 9) / np.sqrt(12)) < 0.01
    # The place, as a share of what is free, is uniform: 1/2 on average, within 5 errors.
    free = columns - drawn["width"]
    share = drawn["left"][free > 10] / free[free > 10]
    assert abs(share.mean() - 0.5) < 5 * np.sqrt(1 / 12 / len(share))


def test_the_central_crop():
    assert doctest.testmod(triptych.common.boxes).failed == 0
    assert central_crop(10, 40, (3 / 4, 4 / 3)) == (0, 13, 10, 13)
    assert central_crop(40, 10, (3 / 4, 4 / 3)) == (13, 0, 13, 10)
    assert central_crop(9, 10, (3 / 4, 4 / 3)) == (0, 0, 9, 10)
    drawn = draw("scratch", (4, 2, 60, 1), scale=(1.0, 1.0))  # no try fits
    assert {name: set(v.tolist()) for name, v in drawn.items()} == {
        "top": {0},
        "left": {28},
        "height": {2},
        "width": {3},
    }


def test_whole_images():
    """Scale 1 and the image's own ratio: a resize."""
    images = np.random.default_rng(3).uniform(size=(2, 8, 12, 1))
    layer = make("scratch", scale=(1.0, 1.0), ratio=(1.5, 1.5))
    expected = panel("scratch", "resize").resize(images, (5, 8), antialias=True)
    np.testing.assert_allclose(layer(images, training=True), expected, rtol=1e-14)
    np.testing.assert_array_equal(layer(images), expected)


def test_keras_graphs_and_saving(tmp_path):
    images = np.random.default_rng(4).uniform(size=SHAPE).astype(np.float32)
    expected = make("scratch")(images, training=True)

    def call(x):
        drawn = panel("keras", "random_resized_crop").draw_resized_crop(STREAM, SHAPE)
        return panel("keras", "random_resized_crop").resized_crop(x, drawn, (5, 8))

    for graph in traced(call, (None, *SHAPE[1:]), "float32"):
        output = ADAPTERS["keras"].numpy(graph(ADAPTERS["keras"].tensor(images)))
        np.testing.assert_allclose(output, expected, rtol=1e-6)
    layer = make("keras", "float32", size=SHAPE[1:3], scale=(0.25, 0.5), seed=4)
    assert_survives_saving(layer, images, tmp_path / "model.keras")


def test_keras_fit():
    import keras

    images = np.random.default_rng(5).uniform(size=(7, 9, 14, 2)).astype(np.float32)
    layer = make("keras", "float32")
    model = keras.Sequential(
        [keras.Input((9, 14, 2)), layer, keras.layers.Flatten(), keras.layers.Dense(1)]
    )
    model.compile("sgd", "mse")
    model.fit(images, np.zeros((7, 1)), batch_size=4, epochs=1, verbose=0)
    assert int(layer.step.value) == 2
    assert model.predict(images, verbose=0).shape == (7, 1)


def test_images_are_left_alone():
    images = np.random.default_rng(6).uniform(size=SHAPE)

    def unchanged(framework, adapter):
        x = adapter.tensor(images)
        make(framework)(x, **({} if framework == "torch" else {"training": True}))
        np.testing.assert_array_equal(adapter.numpy(x), images)

    everywhere(unchanged)


def test_bad_input():
    images = np.zeros((2, 4, 5, 1), np.float32)

    def called(images, **options):
        return lambda f, a: make(f, "float32", **options)(
            a.tensor(images), **({} if f == "torch" else {"training": True})
        )

    same_error(called(images[0]), "images must have shape (N, H, W, C), got shape (4, 5, 1)")
    for options, message in (
        ({"scale": (0.0, 1.0)}, "scale must be two numbers in (0, 1], the smaller first, got (0.0"),
        (
            {"scale": (0.5, 0.25)},
            "scale must be two numbers in (0, 1], the smaller first, got (0.5",
        ),
        ({"scale": 0.5}, "scale must be two numbers in (0, 1], the smaller first, got 0.5"),
        ({"ratio": (1, 2, 3)}, "ratio must be two numbers in (0, inf), the smaller first, got (1"),
        (
            {"interpolation": "nearest"},
            "antialias must be False where interpolation is 'nearest', got True",
        ),
    ):
        for framework in ADAPTERS:
            with pytest.raises(ValueError) as caught:  # noqa: PT011
                make(framework, "float32", **options)
            assert str(caught.value).startswith(message)

    def applied(framework, adapter):
        module = panel(framework, "random_resized_crop")
        drawn = module.draw_resized_crop(STREAM, (count, 4, 5, 1))
        module.resized_crop(adapter.tensor(images), drawn._replace(top=drawn.top + 9), 3)

    count = 3
    same_error(applied, "draw.top must be integer of shape (2,), got int64 of shape (3,)")
    count = 2
    for framework, adapter in ADAPTERS.items():
        with pytest.raises(ValueError, match=r"draw\.height must be windows"):
            applied(framework, adapter)
