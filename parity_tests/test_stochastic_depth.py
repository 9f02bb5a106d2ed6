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

SCRATCH = panel("scratch", "stochastic_depth")
SHAPES = [(1, 1), (7,), (6, 5), (5, 3, 3, 2)]
FORMS = [(training, inverted) for training in (True, False) for inverted in (True, False)]


def make(framework, dtype, **options):
    keras = {"dtype": dtype} if framework == "keras" else {}
    return panel(framework, "stochastic_depth").StochasticDepth(**options, **keras)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("training", "inverted"), FORMS)
def test_three_steps_agree(parity, dtype, shape, training, inverted):
    x, upstream = np.random.default_rng(0).normal(size=(2, *shape)).astype(dtype)

    def three_steps(framework, adapter):
        layer = make(framework, dtype, rate=0.25, inverted=inverted, seed=3)
        return [adapter.step(layer, x, upstream, training=training) for _ in range(3)]

    parity("stochastic_depth", everywhere(three_steps))


def test_whole_samples_are_dropped():
    """By the equations of the paper and of its inverted form; the draws of two steps differ."""
    x = np.random.default_rng(1).normal(size=(40, 3, 2))
    keeps = [SCRATCH.draw_keep(Stream(5, "stochastic_depth", i), 40, 0.3) for i in range(2)]
    assert (keeps[0] != keeps[1]).any()
    for inverted, factor, inference in ((True, 1 / 0.7, x), (False, 1, x * 0.7)):
        options = {"inverted": inverted, "seed": 5, "name": "stochastic_depth"}
        layer = make("scratch", "float64", rate=0.3, **options)
        for keep in keeps:
            y = layer(x, training=True)
            assert not y[~keep].any()
            np.testing.assert_array_equal(y[keep], x[keep] * factor)
        np.testing.assert_array_equal(layer(x), inference)


def test_linear_decay(parity):
    """The ResNet-110 of the paper: 54 blocks, of which the last is left out half of the time."""
    rates = everywhere(lambda f, a: panel(f, "stochastic_depth").linear_decay(0.5, 54))
    parity("stochastic_depth", rates, tolerance=0)
    assert len(rates["scratch"]) == 54
    assert rates["scratch"][0] == 0.5 / 54
    assert rates["scratch"][-1] == 0.5
    np.testing.assert_allclose(np.diff(rates["scratch"]), 0.5 / 54, rtol=1e-13)
    assert SCRATCH.linear_decay(0.25, 1) == [0.25]
    assert SCRATCH.linear_decay(0.75, 3) == [0.25, 0.5, 0.75]
    assert SCRATCH.linear_decay(0, 2) == [0, 0]


def native_torch(x, upstream, rate):
    """Samples stand in for the channels of one image: Dropout1d drops whole ones."""
    import torch

    tensor = torch.tensor(x, requires_grad=True)
    output = torch.nn.Dropout1d(rate)(tensor.reshape(1, len(x), -1)).reshape(x.shape)
    output.backward(torch.tensor(upstream))
    return [output.detach().numpy(), tensor.grad.numpy()]


def native_keras(x, upstream, rate):
    adapter = ADAPTERS["keras"]
    layer = adapter.keras.layers.Dropout(rate, noise_shape=(None, 1, 1, 1), dtype=x.dtype.name)
    output, gradients = adapter.vjp(lambda x: layer(x, training=True), (x,), upstream)
    return [output, *gradients]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    ("framework", "native"), [("torch", native_torch), ("keras", native_keras)]
)
def test_bare_layer_with_its_draw_captured(parity, framework, native, dtype):
    x, upstream = np.random.default_rng(2).uniform(1, 2, size=(2, 1000, 3, 2, 2)).astype(dtype)
    output, gradient = native(x, upstream, 0.25)
    keep = output[:, 0, 0, 0] != 0
    assert 0.67 < keep.mean() < 0.83
    found = [
        SCRATCH.stochastic_depth(x, 0.25, keep),
        SCRATCH.stochastic_depth_backward(upstream, 0.25, keep),
    ]
    parity("stochastic_depth, native", {"scratch": found, framework: [output, gradient]})


def test_backward_is_the_gradient():
    x, upstream = np.random.default_rng(3).normal(size=(2, 6, 2, 3))
    keep = SCRATCH.draw_keep(Stream(0, "stochastic_depth"), 6, 0.5)
    assert 0 < keep.mean() < 1
    given = upstream.copy()
    for training, inverted in FORMS:
        options = {"training": training, "inverted": inverted}
        assert_gradient(
            lambda x, options=options: (
                upstream * SCRATCH.stochastic_depth(x, 0.5, keep, **options)
            ).sum(),
            x,
            SCRATCH.stochastic_depth_backward(upstream, 0.5, keep, **options),
        )
    np.testing.assert_array_equal(upstream, given)


def test_float32_stays_float32():
    """Nor is the rate rounded: 1 / (1 - rate) is taken in float64."""
    x, keep = np.ones((2, 3)), np.ones(2, bool)
    for framework, adapter in ADAPTERS.items():
        apply = panel(framework, "stochastic_depth").stochastic_depth
        for dtype in ("float32", "float64"):
            tensor = adapter.tensor(x.astype(dtype))
            y = adapter.numpy(apply(tensor, 0.3, adapter.tensor(keep)))
            assert y.dtype == dtype
            np.testing.assert_array_equal(y, np.full(x.shape, 1 / 0.7, dtype), framework)


def test_expectation_is_kept():
    """The mean over many draws is the inference output, for both forms."""
    x = np.full((400_000, 1), 2.0)
    for inverted in (True, False):
        layer = make("scratch", "float64", rate=0.25, inverted=inverted)
        # Standard error of the mean: 2 * sqrt(.25 / .75 / 400_000) = 0.0018 for the inverted form.
        assert abs(layer(x, training=True).mean() - layer(x).mean()) < 5 * 0.0018


def test_keras_save_and_load_round_trip(tmp_path):
    x = np.random.default_rng(4).normal(size=(9, 4)).astype(np.float32)
    layer = make("keras", "float32", rate=0.25, inverted=False, seed=9, name="depth")
    assert_survives_saving(layer, x, tmp_path / "model.keras")


@pytest.mark.filterwarnings("ignore:The model does not have any trainable weights")
def test_keras_in_a_compiled_graph_for_any_batch():
    """The draws are those of the stream, for batch sizes that the graph does not know."""
    keras = ADAPTERS["keras"].keras
    layer = make("keras", "float32", rate=0.5)
    model = panel("keras", "layers").Sequential([keras.Input((3,)), layer])
    model.compile(optimizer="sgd", loss="mse", jit_compile=keras.backend.backend() != "torch")
    x = np.random.default_rng(5).normal(size=(6, 3)).astype(np.float32)
    np.testing.assert_array_equal(model.predict(x, verbose=0), x)
    for step, samples in enumerate((6, 4, 4, 1)):
        model.reset_metrics()
        loss = model.train_on_batch(x[:samples], np.zeros_like(x[:samples]))
        keep = SCRATCH.draw_keep(Stream(0, "stochastic_depth", step), samples, 0.5)
        expected = np.mean(SCRATCH.stochastic_depth(x[:samples], 0.5, keep) ** 2)
        assert float(loss) == pytest.approx(expected, rel=1e-6)
    assert int(layer.step) == 4


@pytest.mark.parametrize("rate", [1.0, -0.1, 2, float("nan"), "a half", None, True])
def test_bad_rate(rate):
    message = f"rate must be a number in [0, 1), got {rate!r}"
    x, keep, stream = np.ones((2, 3), np.float32), np.ones(2, bool), Stream(0)
    same_error(lambda f, a: make(f, "float32", rate=rate), message)
    functions = {framework: panel(framework, "stochastic_depth") for framework in ADAPTERS}
    same_error(lambda f, a: functions[f].linear_decay(rate, 3), message)
    same_error(lambda f, a: functions[f].draw_keep(stream, 2, rate), message)
    same_error(
        lambda f, a: functions[f].stochastic_depth(a.tensor(x), rate, a.tensor(keep)), message
    )


@pytest.mark.parametrize("depth", [0, -1, 2.0, None, True])
def test_bad_depth(depth):
    same_error(
        lambda f, a: panel(f, "stochastic_depth").linear_decay(0.5, depth),
        f"depth must be an integer >= 1, got {depth!r}",
    )


def test_bad_arrays():
    def apply(x, keep):
        def call(framework, adapter):
            kept = None if keep is None else adapter.tensor(keep)
            panel(framework, "stochastic_depth").stochastic_depth(adapter.tensor(x), 0.5, kept)

        return call

    x, keep = np.ones((2, 3), np.float32), np.ones(2, bool)
    same_error(apply(x, keep[:1]), "keep must have shape (2,), got (1,)")
    same_error(apply(x, x > 0), "keep must have shape (2,), got (2, 3)")
    same_error(apply(x, None), "keep must be given in training, got None")
    same_error(apply(x, keep.astype(np.float32)), "keep must be boolean, got float32")
    same_error(apply(x.astype(int), keep), "x must be floating point, got int64")
    same_error(apply(x[:0], keep), "x must hold at least one row, got shape (0, 3)")
    same_error(apply(x[0, 0], keep), "x must hold at least one row, got shape ()")


def test_bad_layers():
    def layer(**options):
        return lambda framework, adapter: make(framework, "float32", rate=0.5, **options)

    same_error(layer(inverted="no"), "inverted must be True or False, got 'no'")
    same_error(layer(seed=-1), f"seed must be an integer in [0, {2**64 - 1}], got -1")
    for shape in ((0, 3), ()):
        x = np.ones(shape, np.float32)
        same_error(
            lambda f, a, x=x: make(f, "float32", rate=0.5)(a.tensor(x)),
            f"x must hold at least one row, got shape {shape}",
        )
