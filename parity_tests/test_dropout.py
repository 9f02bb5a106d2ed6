import numpy as np
import pytest

from parity_tests.panels import ADAPTERS, assert_gradient, everywhere, panel, same_error
from triptych.common.streams import Stream

SHAPES = [(1, 1), (7, 5), (4, 3, 3, 2)]


def make(framework, dtype, **options):
    keras = {"dtype": dtype} if framework == "keras" else {}
    return panel(framework, "dropout").Dropout(**options, **keras)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("inverted", [True, False])
@pytest.mark.parametrize("training", [True, False])
def test_three_steps_agree(parity, dtype, shape, inverted, training):
    rng = np.random.default_rng(0)
    x, upstream = rng.normal(size=(2, *shape)).astype(dtype)

    def three_steps(framework, adapter):
        layer = make(framework, dtype, rate=0.25, inverted=inverted, seed=3)
        return [adapter.step(layer, x, upstream, training=training) for _ in range(3)]

    parity("dropout", everywhere(three_steps))


def test_bare_torch_dropout_with_its_mask_captured(parity):
    """Entries of the map: dropout-nan."""
    import torch

    x = np.random.default_rng(1).normal(size=(64, 32))
    bare = torch.nn.Dropout(0.3)
    tensor = torch.tensor(x, requires_grad=True)
    output = bare(tensor)
    output.sum().backward()
    mask = (tensor.grad != 0).numpy()
    assert 0.6 < mask.mean() < 0.8
    scratch = panel("scratch", "dropout")
    parity(
        "dropout, native",
        {
            "scratch": [
                scratch.dropout(x, 0.3, mask),
                scratch.dropout_backward(np.ones_like(x), 0.3, mask),
            ],
            "torch": [output, tensor.grad],
        },
    )


def test_bare_keras_dropout_with_its_mask_captured(parity):
    """Entries of the map: dropout-nan, dropout-bare-call."""
    import keras

    x = np.random.default_rng(5).normal(size=(64, 32))
    dropped = keras.random.dropout(keras.ops.convert_to_tensor(x), 0.25, seed=0)
    output = keras.ops.convert_to_numpy(dropped)
    mask = output != 0
    assert 0.6 < mask.mean() < 0.9
    ours = panel("scratch", "dropout").dropout(x, 0.25, mask)
    parity("dropout, native", {"scratch": ours, "keras": output})


def test_backward_is_the_gradient():
    rng = np.random.default_rng(2)
    x, upstream = rng.normal(size=(2, 6, 5))
    scratch = panel("scratch", "dropout")
    mask = scratch.draw_mask(Stream(0, "dropout"), x.shape, 0.5)
    for training in (True, False):
        for inverted in (True, False):
            options = {"training": training, "inverted": inverted}
            assert_gradient(
                lambda x, options=options: (
                    upstream * scratch.dropout(x, 0.5, mask, **options)
                ).sum(),
                x,
                scratch.dropout_backward(upstream, 0.5, mask, **options),
            )


def test_expectation_is_kept():
    """The mean over many masks is the inference output, for both forms."""
    x = np.full((1000, 400), 2.0)
    for inverted in (True, False):
        layer = make("scratch", "float64", rate=0.25, inverted=inverted)
        # Standard error of the mean: 2 * sqrt(.25 / .75 / 400_000) = 0.0018 for the inverted form.
        assert abs(layer(x, training=True).mean() - layer(x).mean()) < 5 * 0.0018


@pytest.mark.parametrize("rate", [1.0, -0.1, 2, float("nan"), "a half", None, True])
def test_bad_rate(rate):
    message = f"rate must be a number in [0, 1), got {rate!r}"
    same_error(lambda f, a: make(f, "float32", rate=rate), message)


def test_bad_arrays():
    x = np.ones((2, 3), np.float32)

    def apply(x, mask):
        def call(framework, adapter):
            masked = None if mask is None else adapter.tensor(mask)
            panel(framework, "dropout").dropout(adapter.tensor(x), 0.5, masked)

        return call

    same_error(apply(x, np.ones((2, 1), bool)), "mask must have shape (2, 3), got (2, 1)")
    same_error(apply(x, None), "mask must be given in training, got None")
    same_error(apply(x, np.ones((2, 3), np.float32)), "mask must be boolean, got float32")
    same_error(apply(x.astype(int), x > 0), "x must be floating point, got int64")


def test_bad_layers():
    def layer(**options):
        return lambda framework, adapter: make(framework, "float32", rate=0.5, **options)

    same_error(layer(inverted="no"), "inverted must be True or False, got 'no'")
    same_error(layer(seed=-1), f"seed must be an integer in [0, {2**64 - 1}], got -1")
    empty, integers = np.ones((0, 3), np.float32), np.ones((2, 3), np.int64)
    same_error(
        lambda f, a: make(f, "float32", rate=0.5)(a.tensor(empty)),
        "x must hold at least one row, got shape (0, 3)",
    )
    # Keras casts the input of a layer to the layer's dtype, so integers never reach ours.
    for framework in ("scratch", "torch"):
        with pytest.raises(ValueError, match="x must be floating point, got int64"):
            make(framework, "float32", rate=0.5)(ADAPTERS[framework].tensor(integers))


@pytest.mark.parametrize("noise_shape", [(None, 1, None), (1, None, 1), (1, 1, 1)])
def test_noise_shape_shares_draws(parity, noise_shape):
    """Three steps, and the mask is one along the axes that have 1."""
    x, upstream = np.random.default_rng(0).normal(size=(2, 4, 3, 5))

    def three_steps(framework, adapter):
        keras = {"dtype": "float64"} if framework == "keras" else {}
        layer = panel(framework, "dropout").Dropout(0.5, noise_shape=noise_shape, seed=1, **keras)
        return [adapter.step(layer, x, upstream) for _ in range(3)]

    parity("dropout", everywhere(three_steps))
    mask = panel("scratch", "dropout").draw_mask(
        Stream(1, "dropout", 0), (40, 30, 50), 0.5, noise_shape=noise_shape
    )
    for axis, shared in enumerate(noise_shape):
        same = (mask == mask.take([0], axis)).all()
        assert same == (shared == 1)


def test_noise_shape_of_bare_keras(parity):
    """One draw along the axes that have 1, as Keras has it; the mask is read off its output."""
    import keras

    x = np.random.default_rng(0).normal(size=(6, 5, 4))
    layer = keras.layers.Dropout(0.25, noise_shape=(None, 1, None), seed=2, dtype="float64")
    theirs = keras.ops.convert_to_numpy(layer(x, training=True))
    mask = theirs != 0
    assert (mask == mask[:, :1]).all()
    assert 0 < mask.mean() < 1
    ours = panel("scratch", "dropout").dropout(x, 0.25, mask)
    parity("dropout, native", {"scratch": ours, "keras": theirs})


@pytest.mark.parametrize("noise_shape", [(2, 1), (None,), (None, 1, 1), "all", (None, True)])
def test_bad_noise_shape(noise_shape):
    def draw(framework, adapter):
        stream = Stream(1, "dropout", 0)
        panel(framework, "dropout").draw_mask(stream, (4, 3), 0.5, noise_shape=noise_shape)

    message = "noise_shape must be None, or have None or 1 for each of 2 axes, got "
    same_error(draw, message + repr(noise_shape))
