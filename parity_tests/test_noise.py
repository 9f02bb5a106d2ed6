import numpy as np
import pytest

from parity_tests.panels import (
    assert_gradient,
    assert_survives_saving,
    everywhere,
    panel,
    same_error,
)
from triptych.common.streams import Stream

RNG = np.random.default_rng(0)
scratch = panel("scratch", "noise")
KINDS = [("GaussianNoise", {"stddev": 0.3}), ("GaussianDropout", {"rate": 0.3})]


def make(framework, kind, dtype="float32", **options):
    keras = {"dtype": dtype} if framework == "keras" else {}
    return getattr(panel(framework, "noise"), kind)(**options, **keras)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("shape", [(1, 1), (7, 5), (2, 3, 3, 2)])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(("kind", "options"), KINDS)
def test_three_steps_agree(parity, dtype, shape, training, kind, options):
    x, upstream = RNG.normal(size=(2, *shape)).astype(dtype)

    def three_steps(framework, adapter):
        layer = make(framework, kind, dtype, seed=3, **options)
        return [adapter.step(layer, x, upstream, training=training) for _ in range(3)]

    parity("noise", everywhere(three_steps))


@pytest.mark.parametrize(("kind", "options"), KINDS)
def test_keras_layer_survives_saving(kind, options, tmp_path):
    assert_survives_saving(
        make("keras", kind, **options), np.ones((2, 3), "float32"), tmp_path / "model.keras"
    )


def test_backward_is_the_gradient():
    x, upstream, noise = RNG.normal(size=(3, 6, 5))
    grad = scratch.gaussian_noise_backward(upstream)
    assert_gradient(lambda x: (upstream * scratch.gaussian_noise(x, 0.5, noise)).sum(), x, grad)
    grad = scratch.gaussian_dropout_backward(upstream, 0.5, noise)
    assert_gradient(lambda x: (upstream * scratch.gaussian_dropout(x, 0.5, noise)).sum(), x, grad)


def test_moments():
    """The factor of Gaussian dropout has those of inverted dropout with the same rate."""
    noise = scratch.draw_noise(Stream(1, "noise", 0), (200, 500), dtype="float64")
    y = scratch.gaussian_noise(np.full((200, 500), 3.0), 0.5, noise)
    assert abs(y.mean() - 3) < 0.01
    assert abs(y.std() - 0.5) < 0.01
    y = scratch.gaussian_dropout(np.ones((200, 500)), 0.25, noise)
    assert abs(y.mean() - 1) < 0.01
    assert abs(y.var() - 0.25 / 0.75) < 0.01


@pytest.mark.parametrize(("kind", "options"), KINDS)
def test_bare_keras_with_its_noise_captured(parity, kind, options):
    """Entries of the map: gaussian-noise-layer, gaussian-dropout-layer."""
    import keras

    def bare(x):
        layer = getattr(keras.layers, kind)(**options, seed=1, dtype="float64")
        return keras.ops.convert_to_numpy(layer(x, training=True))

    x = RNG.normal(size=(64, 32))
    if kind == "GaussianNoise":
        noise = bare(np.zeros_like(x)) / 0.3
        ours = scratch.gaussian_noise(x, 0.3, noise)
    else:
        noise = (bare(np.ones_like(x)) - 1) / np.sqrt(0.3 / 0.7)
        ours = scratch.gaussian_dropout(x, 0.3, noise)
    assert 0.9 < noise.std() < 1.1  # and so Keras's rate means what ours means
    parity("noise, native", {"scratch": ours, "keras": bare(x)})


def test_half_precision_rounds_the_same_draws():
    stream = Stream(1, "noise", 0)
    full = scratch.draw_noise(stream, (50,))
    drawn = everywhere(
        lambda f, a: a.numpy(panel(f, "noise").draw_noise(stream, (50,), dtype="float16"))
    )
    for found in drawn.values():
        np.testing.assert_array_equal(found, full.astype("float16"))


@pytest.mark.parametrize("value", [-0.1, 1, float("nan"), "a half", None, True])
def test_bad_numbers(value):
    message = f"rate must be a number in [0, 1), got {value!r}"
    same_error(lambda f, a: make(f, "GaussianDropout", rate=value), message)
    if value != 1 or value is True:
        message = f"stddev must be a number in [0, inf), got {value!r}"
        same_error(lambda f, a: make(f, "GaussianNoise", stddev=value), message)


@pytest.mark.parametrize("function", ["gaussian_noise", "gaussian_dropout"])
def test_bad_arrays(function):
    x = np.ones((2, 3), np.float32)

    def apply(x, noise):
        def call(framework, adapter):
            given = None if noise is None else adapter.tensor(noise)
            getattr(panel(framework, "noise"), function)(adapter.tensor(x), 0.5, given)

        return call

    same_error(apply(x, x[:, :1]), "noise must have shape (2, 3), got (2, 1)")
    same_error(apply(x, None), "noise must be given in training, got None")
    same_error(apply(x.astype(int), x), "x must be floating point, got int64")
    same_error(
        apply(x, x.astype("float64")), "noise must have the dtype of x, float32, got float64"
    )
