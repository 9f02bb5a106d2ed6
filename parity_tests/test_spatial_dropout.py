import numpy as np
import pytest

from parity_tests.panels import (
    ADAPTERS,
    assert_gradient,
    assert_survives_saving,
    everywhere,
    panel,
    same_error,
)
from triptych.common.streams import Stream

SCRATCH = panel("scratch", "spatial_dropout")
SHAPES = [(1, 1, 1, 1), (3, 2, 5, 4), (2, 4, 1, 3)]


def make(framework, dtype, **options):
    keras = {"dtype": dtype} if framework == "keras" else {}
    return panel(framework, "spatial_dropout").SpatialDropout2D(**options, **keras)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("training", [True, False])
def test_three_steps_agree(parity, dtype, shape, training):
    x, upstream = np.random.default_rng(0).normal(size=(2, *shape)).astype(dtype)

    def three_steps(framework, adapter):
        layer = make(framework, dtype, rate=0.25, seed=3)
        return [adapter.step(layer, x, upstream, training=training) for _ in range(3)]

    parity("spatial_dropout", everywhere(three_steps))


def test_whole_maps_are_dropped():
    """The fast product is the plain one, bit for bit, and the masks of two steps differ."""
    x = np.random.default_rng(1).normal(size=(6, 3, 2, 5)).astype(np.float32)
    layer = make("scratch", "float32", rate=0.3)
    masks = [SCRATCH.draw_mask(Stream(0, "spatial_dropout", i), x.shape, 0.3) for i in range(2)]
    assert (masks[0] != masks[1]).any()
    for mask in masks:
        assert mask.shape == (6, 5)
        factor = mask.astype(np.float32) * np.float32(1 / 0.7)
        np.testing.assert_array_equal(layer(x, training=True), x * factor[:, None, None, :])
    strided = np.asfortranarray(x)
    np.testing.assert_array_equal(
        SCRATCH.spatial_dropout(strided, 0.3, masks[1]), x * factor[:, None, None, :]
    )
    assert layer(x) is x


def native_torch(x, upstream, rate):
    """PyTorch's channels stand second."""
    import torch

    tensor = torch.tensor(x.transpose(0, 3, 1, 2), requires_grad=True)
    output = torch.nn.Dropout2d(rate)(tensor)
    output.backward(torch.tensor(upstream.transpose(0, 3, 1, 2)))
    return [array.detach().numpy().transpose(0, 2, 3, 1) for array in (output, tensor.grad)]


def native_keras(x, upstream, rate):
    adapter = ADAPTERS["keras"]
    layer = adapter.keras.layers.SpatialDropout2D(rate, dtype=x.dtype.name)
    output, gradients = adapter.vjp(lambda x: layer(x, training=True), (x,), upstream)
    return [output, *gradients]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    ("framework", "native"), [("torch", native_torch), ("keras", native_keras)]
)
def test_bare_layer_with_its_mask_captured(parity, framework, native, dtype):
    """Entries of the map: spatial-dropout-rank, dropout-nan."""
    x, upstream = np.random.default_rng(2).uniform(1, 2, size=(2, 64, 3, 4, 32)).astype(dtype)
    output, gradient = native(x, upstream, 0.25)
    mask = output[:, 0, 0, :] != 0
    assert 0.7 < mask.mean() < 0.8
    found = [
        SCRATCH.spatial_dropout(x, 0.25, mask),
        SCRATCH.spatial_dropout_backward(upstream, 0.25, mask),
    ]
    parity("spatial_dropout, native", {"scratch": found, framework: [output, gradient]})


def test_backward_is_the_gradient():
    x, upstream = np.random.default_rng(3).normal(size=(2, 3, 2, 3, 4))
    mask = SCRATCH.draw_mask(Stream(0, "spatial_dropout"), x.shape, 0.5)
    assert 0 < mask.mean() < 1
    given = upstream.copy()
    for training in (True, False):
        assert_gradient(
            lambda x, training=training: (
                upstream * SCRATCH.spatial_dropout(x, 0.5, mask, training=training)
            ).sum(),
            x,
            SCRATCH.spatial_dropout_backward(upstream, 0.5, mask, training=training),
        )
    np.testing.assert_array_equal(upstream, given)


def test_float32_stays_float32():
    """Nor is the rate rounded: 1 / (1 - rate) is taken in float64."""
    x = np.ones((2, 3, 3, 2), np.float32)
    mask = np.ones((2, 2), bool)
    for framework, adapter in ADAPTERS.items():
        apply = panel(framework, "spatial_dropout").spatial_dropout
        for dtype in ("float32", "float64"):
            y = adapter.numpy(apply(adapter.tensor(x.astype(dtype)), 0.3, adapter.tensor(mask)))
            assert y.dtype == dtype
            np.testing.assert_array_equal(y, np.full(x.shape, 1 / 0.7, dtype), framework)


def test_expectation_is_kept():
    layer = make("scratch", "float64", rate=0.25)
    mean = layer(np.full((1000, 1, 1, 400), 2.0), training=True).mean()
    # Standard error of the mean: 2 * sqrt(.25 / .75 / 400_000) = 0.0018.
    assert abs(mean - 2) < 5 * 0.0018


def test_keras_save_and_load_round_trip(tmp_path):
    x = np.random.default_rng(4).normal(size=(4, 3, 3, 8)).astype(np.float32)
    layer = make("keras", "float32", rate=0.25, seed=9, name="maps")
    assert_survives_saving(layer, x, tmp_path / "model.keras")


@pytest.mark.filterwarnings("ignore:The model does not have any trainable weights")
def test_keras_in_a_compiled_graph_for_any_batch():
    """The masks are those of the stream, for batch sizes that the graph does not know."""
    keras = ADAPTERS["keras"].keras
    layer = make("keras", "float32", rate=0.5)
    model = panel("keras", "layers").Sequential([keras.Input((2, 3, 4)), layer])
    model.compile(optimizer="sgd", loss="mse", jit_compile=keras.backend.backend() != "torch")
    x = np.random.default_rng(5).normal(size=(6, 2, 3, 4)).astype(np.float32)
    np.testing.assert_array_equal(model.predict(x, verbose=0), x)
    for step, images in enumerate((6, 4, 4, 1)):
        model.reset_metrics()
        loss = model.train_on_batch(x[:images], np.zeros_like(x[:images]))
        mask = SCRATCH.draw_mask(Stream(0, "spatial_dropout", step), x[:images].shape, 0.5)
        expected = np.mean(SCRATCH.spatial_dropout(x[:images], 0.5, mask) ** 2)
        assert float(loss) == pytest.approx(expected, rel=1e-6)
    assert int(layer.step) == 4


@pytest.mark.parametrize("rate", [1.0, -0.1, 2, float("nan"), "a half", None, True])
def test_bad_rate(rate):
    message = f"rate must be a number in [0, 1), got {rate!r}"
    same_error(lambda f, a: make(f, "float32", rate=rate), message)
    x, mask, stream = np.ones((2, 1, 1, 3), np.float32), np.ones((2, 3), bool), Stream(0)
    same_error(lambda f, a: panel(f, "spatial_dropout").draw_mask(stream, x.shape, rate), message)
    same_error(
        lambda f, a: panel(f, "spatial_dropout").spatial_dropout(a.tensor(x), rate, a.tensor(mask)),
        message,
    )


def test_bad_arrays():
    x = np.ones((2, 5, 4, 3), np.float32)

    def apply(x, mask):
        def call(framework, adapter):
            masked = None if mask is None else adapter.tensor(mask)
            panel(framework, "spatial_dropout").spatial_dropout(adapter.tensor(x), 0.5, masked)

        return call

    mask = np.ones((2, 3), bool)
    same_error(apply(x, mask[:1]), "mask must have shape (2, 3), got (1, 3)")
    same_error(apply(x, mask.T), "mask must have shape (2, 3), got (3, 2)")
    same_error(apply(x, x > 0), "mask must have shape (2, 3), got (2, 5, 4, 3)")
    same_error(apply(x, None), "mask must be given in training, got None")
    same_error(apply(x, mask.astype(np.float32)), "mask must be boolean, got float32")
    same_error(apply(x.astype(int), mask), "x must be floating point, got int64")
    same_error(apply(x[0], mask), "x must have shape (N, H, W, C), got shape (5, 4, 3)")


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((2, 3), "x must have shape (N, H, W, C), got shape (2, 3)"),
        ((2, 3, 4, 5, 6), "x must have shape (N, H, W, C), got shape (2, 3, 4, 5, 6)"),
        ((0, 3, 4, 5), "x must hold at least one row, got shape (0, 3, 4, 5)"),
    ],
)
def test_bad_shape(shape, message):
    x, stream = np.ones(shape, np.float32), Stream(0)
    same_error(lambda f, a: make(f, "float32", rate=0.5)(a.tensor(x)), message)
    same_error(lambda f, a: panel(f, "spatial_dropout").draw_mask(stream, shape, 0.5), message)


def test_bad_input_of_the_numpy_layer():
    """Its fast form checks nothing. (Keras casts the input of a layer to the layer's dtype.)"""
    x, layer = np.ones((2, 3, 4, 5), np.float32), make("scratch", "float32", rate=0.5)
    with pytest.raises(ValueError, match="x must be floating point, got int64"):
        layer(x.astype(int))
    layer(x, training=True)
    with pytest.raises(ValueError, match=r"mask must have shape \(1, 5\), got \(2, 5\)"):
        layer.backward(x[:1])
    with pytest.raises(
        ValueError, match=r"grad must have shape \(N, H, W, C\), got shape \(2, 5\)"
    ):
        layer.backward(x[:, 0, 0])


def test_bad_seed():
    same_error(
        lambda f, a: make(f, "float32", rate=0.5, seed=-1),
        f"seed must be an integer in [0, {2**64 - 1}], got -1",
    )
