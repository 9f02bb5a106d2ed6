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
scratch = panel("scratch", "alpha_dropout")


def make(framework, dtype="float32", **options):
    keras = {"dtype": dtype} if framework == "keras" else {}
    return panel(framework, "alpha_dropout").AlphaDropout(**options, **keras)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("shape", [(1, 1), (7, 5), (2, 3, 3, 2)])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("rate", [0.0, 0.3])
def test_three_steps_agree(parity, dtype, shape, training, rate):
    x, upstream = RNG.normal(size=(2, *shape)).astype(dtype)

    def three_steps(framework, adapter):
        layer = make(framework, dtype, rate=rate, seed=3)
        return [adapter.step(layer, x, upstream, training=training) for _ in range(3)]

    parity("alpha_dropout", everywhere(three_steps))


def test_backward_is_the_gradient():
    x, upstream = RNG.normal(size=(2, 6, 5))
    mask = RNG.random((6, 5)) > 0.4
    grad = scratch.alpha_dropout_backward(upstream, 0.4, mask)
    assert_gradient(lambda x: (upstream * scratch.alpha_dropout(x, 0.4, mask)).sum(), x, grad)


@pytest.mark.parametrize("rate", [0.05, 0.5])
def test_mean_and_variance_stay(rate):
    """Of inputs that have 0 and 1, as SELU keeps them; those of plain dropout do not."""
    x = RNG.normal(size=(1000, 500))
    mask = scratch.draw_mask(Stream(0, "alpha", 0), x.shape, rate)
    y = scratch.alpha_dropout(x, rate, mask)
    assert abs(y.mean()) < 0.01
    assert abs(y.var() - 1) < 0.01
    plain = panel("scratch", "dropout").dropout(x, rate, mask)
    assert abs(plain.var() - 1) > 0.04


def test_bare_layers_with_their_masks(parity):
    """Entry of the map: alpha-dropout-function-default. A layer's mask is read off its output."""
    import keras
    import torch

    x = RNG.normal(size=(40, 30))
    dropped = scratch.alpha_dropout(np.zeros(1), 0.3, np.array([False]))[0]
    theirs = torch.nn.AlphaDropout(0.3)(torch.tensor(x)).numpy()
    ours = scratch.alpha_dropout(x, 0.3, ~np.isclose(theirs, dropped, rtol=1e-12))
    # PyTorch has alpha' to 16 digits.
    parity("alpha_dropout, native", {"scratch": ours, "torch": theirs}, terms=4)
    layer = keras.layers.AlphaDropout(0.3, seed=1, dtype="float64")
    theirs = keras.ops.convert_to_numpy(layer(x, training=True))
    ours = scratch.alpha_dropout(x, 0.3, ~np.isclose(theirs, dropped, rtol=1e-12))
    parity("alpha_dropout, native", {"scratch": ours, "keras": theirs}, tolerance=1e-12)


def test_keras_layer_survives_saving(tmp_path):
    assert_survives_saving(
        make("keras", rate=0.5), np.ones((2, 3), "float32"), tmp_path / "model.keras"
    )


@pytest.mark.parametrize("rate", [-0.1, 1, float("nan"), "a half", None, True])
def test_bad_rate(rate):
    same_error(lambda f, a: make(f, rate=rate), f"rate must be a number in [0, 1), got {rate!r}")


def test_bad_arrays():
    x = np.ones((2, 3), np.float32)

    def apply(x, mask):
        def call(framework, adapter):
            given = None if mask is None else adapter.tensor(mask)
            panel(framework, "alpha_dropout").alpha_dropout(adapter.tensor(x), 0.5, given)

        return call

    same_error(apply(x, x[:, :1] > 0), "mask must have shape (2, 3), got (2, 1)")
    same_error(apply(x, x), "mask must be boolean, got float32")
    same_error(apply(x, None), "mask must be given in training, got None")
    same_error(apply(x.astype(int), x > 0), "x must be floating point, got int64")
