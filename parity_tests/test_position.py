import math

import numpy as np
import pytest

from parity_tests.panels import (
    ADAPTERS,
    DTYPES,
    PACKAGES,
    assert_gradient,
    everywhere,
    panel,
    same_error,
    traced,
)
from triptych.weights import canonical

SCRATCH = panel("scratch", "position")
KINDS = ["SinusoidalPositions", "LearnedPositions"]
SHAPES = [(1, 1, 1), (2, 5, 6), (3, 7, 5), (4, 1, 2)]


def draw(dtype, *shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def make(framework, kind, steps, features, **options):
    return getattr(panel(framework, "position"), kind)(steps, features, **options)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("steps", "features"), [(1, 1), (600, 16), (50, 7), (3, 2)])
def test_sinusoidal_table(parity, steps, features, dtype):
    """In float32 too, where the sine of an angle that was rounded would be off by 1e-5."""

    def call(framework, adapter):
        return panel(framework, "position").sinusoidal_positions(steps, features, dtype=dtype)

    found = everywhere(call)
    parity("position", found, terms=4)
    for t in (0, steps // 2, steps - 1):
        for i in range(features):
            angle = t / 10000 ** (2 * (i // 2) / features)
            expected = math.sin(angle) if i % 2 == 0 else math.cos(angle)
            assert abs(found["scratch"][t, i] - expected) <= np.finfo(dtype).eps


def test_a_step_turns_each_pair_by_one_angle():
    """p of step t + k is a rotation of p of step t, whatever t is."""
    p = SCRATCH.sinusoidal_positions(40, 8, dtype="float64")
    pairs = p[:, 0::2] * 1j + p[:, 1::2]
    turned = pairs[7:] / pairs[:-7]
    np.testing.assert_allclose(turned, np.broadcast_to(turned[0], turned.shape), atol=1e-13)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", SHAPES)
def test_layer(parity, shape, kind, dtype):
    x, upstream = draw(dtype, 2, *shape)

    def step(framework, adapter):
        layer = make(framework, kind, 7, shape[-1], dtype=dtype, name="positions")
        return [adapter.step(layer, x, upstream), adapter.step(layer, x, upstream, training=False)]

    found = everywhere(step)
    parity("position", found, terms=shape[0] + 2)
    if kind == "LearnedPositions":
        gradient = found["scratch"][0]["gradient.weight"]
        np.testing.assert_allclose(gradient[: shape[1]], upstream.sum(axis=0), atol=1e-5)
        assert not np.any(gradient[shape[1] :])


def test_backward_is_the_gradient():
    x, p, upstream = (
        draw("float64", 2, 3, 4),
        draw("float64", 5, 4),
        draw("float64", 2, 3, 4, seed=1),
    )
    dx, dp = SCRATCH.add_positions_backward(upstream, p)
    assert_gradient(lambda x: (upstream * SCRATCH.add_positions(x, p)).sum(), x, dx)
    assert_gradient(lambda p: (upstream * SCRATCH.add_positions(x, p)).sum(), p, dp)


def test_initial_table_is_the_same():
    options = {"seed": 3, "name": "positions"}
    found = everywhere(lambda f, a: canonical(make(f, "LearnedPositions", 90, 20, **options)))
    for framework in PACKAGES:
        np.testing.assert_array_equal(found[framework]["weight"], found["scratch"]["weight"])
    table = found["scratch"]["weight"]
    assert abs(table.std() - 0.02) < 5 * 0.02 / math.sqrt(2 * table.size)
    assert "p" not in canonical(make("torch", "SinusoidalPositions", 3, 2))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", ["known", "any"])
def test_compiled(size, kind):
    x = draw("float32", 3, 4, 6)
    layer, adapter = make("keras", kind, 9, 6), ADAPTERS["keras"]
    expected = adapter.numpy(layer(adapter.tensor(x)))
    for compiled in traced(layer, x.shape if size == "known" else (None, None, 6), "float32"):
        np.testing.assert_array_equal(adapter.numpy(compiled(adapter.tensor(x))), expected)


@pytest.mark.parametrize("kind", KINDS)
def test_keras_layer_survives_saving(tmp_path, kind):
    import keras

    layer = make("keras", kind, 9, 6, name="positions")
    model = panel("keras", "layers").Sequential([keras.Input((4, 6)), layer])
    x = draw("float32", 3, 4, 6)
    model.save(tmp_path / "model.keras")
    copy = keras.saving.load_model(tmp_path / "model.keras")
    assert copy.layers[0].get_config() == layer.get_config()
    adapter = ADAPTERS["keras"]
    expected, found = (adapter.numpy(m(adapter.tensor(x))) for m in (model, copy))
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("kind", KINDS)
def test_bad_arguments(kind):
    same_error(lambda f, a: make(f, kind, 0, 4), "steps must be an integer >= 1, got 0")
    same_error(lambda f, a: make(f, kind, 4, "4"), "features must be an integer >= 1, got '4'")

    def apply(x):
        return lambda f, a: make(f, kind, 5, 4)(a.tensor(x))

    x = draw("float32", 2, 6, 4)
    same_error(apply(x), "x must have at most 5 steps, got 6")
    same_error(apply(x[:, :3, :3]), "x must have shape (N, T, 4), got shape (2, 3, 3)")
    same_error(apply(x[0]), "x must have shape (N, T, 4), got shape (6, 4)")
    same_error(apply(x[:0]), "x must hold at least one row, got shape (0, 6, 4)")
    same_error(
        apply(x[:, :2].astype("float64")),
        "x must have the layer's dtype, float32, got float64: convert it, or make the layer with "
        "dtype='float64'",
    )
