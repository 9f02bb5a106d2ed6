import numpy as np
import pytest

from parity_tests.panels import (
    ADAPTERS,
    assert_gradient,
    assert_parameter_gradients,
    assert_survives_saving,
    everywhere,
    panel,
    same_error,
    traced,
)
from triptych.common.streams import Stream
from triptych.weights import canonical, restore

RNG = np.random.default_rng(0)
scratch = panel("scratch", "drop_connect")


def make(framework, dtype="float32", **options):
    options = {"in_features": 5, "out_features": 4, "rate": 0.25, "dtype": dtype} | options
    return panel(framework, "drop_connect").DropConnectDense(**options)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("leading", [(1,), (7,), (2, 3)])
@pytest.mark.parametrize("per_example", [True, False])
@pytest.mark.parametrize("use_bias", [True, False])
def test_three_steps_agree(parity, dtype, leading, per_example, use_bias):
    x = RNG.normal(size=(*leading, 5)).astype(dtype)
    upstream = RNG.normal(size=(*leading, 4)).astype(dtype)

    def three_steps(framework, adapter):
        layer = make(framework, dtype, per_example=per_example, use_bias=use_bias, seed=3)
        return [adapter.step(layer, x, upstream, training=t) for t in (True, True, False)]

    parity("drop_connect", everywhere(three_steps))


@pytest.mark.parametrize("per_example", [True, False])
def test_backward_is_the_gradient(per_example):
    layer = make("scratch", "float64", per_example=per_example)
    x, upstream = RNG.normal(size=(3, 2, 5)), RNG.normal(size=(3, 2, 4))
    for training in (True, False):
        step = layer.state["step"].copy()

        def loss(x=x, training=training, step=step):
            layer.state["step"][...] = step
            return (upstream * layer.forward(x, training=training)).sum()

        loss()
        grad = layer.backward(upstream)
        assert_parameter_gradients(layer, loss)
        assert_gradient(loss, x, grad)


def test_each_example_has_its_mask():
    """It is as if each were a batch by itself."""
    x, weight = RNG.normal(size=(6, 5)), RNG.normal(size=(5, 4))
    mask = scratch.draw_mask(Stream(0, "mask", 0), (6, 5, 4), 0.5)
    y = scratch.drop_connect(x, weight, None, 0.5, mask)
    for n in range(6):
        alone = scratch.drop_connect(x[n : n + 1], weight, None, 0.5, mask[n])
        np.testing.assert_allclose(y[n : n + 1], alone, rtol=1e-13)


def test_bare_torch_with_its_mask_captured(parity):
    """PyTorch's own dropout of a weight. Entry of the map: dropout-nan."""
    import torch

    x, upstream = RNG.normal(size=(6, 30)), RNG.normal(size=(6, 20))
    weight = torch.tensor(RNG.normal(size=(20, 30)), requires_grad=True)
    inputs = torch.tensor(x, requires_grad=True)
    dropped = torch.nn.functional.dropout(weight, 0.25)
    output = torch.nn.functional.linear(inputs, dropped)
    output.backward(torch.tensor(upstream))
    mask = (dropped != 0).numpy().T
    assert 0.65 < mask.mean() < 0.85
    w = weight.detach().numpy().T
    dx, dweight, _ = scratch.drop_connect_backward(upstream, x, w, 0.25, mask)
    ours = [scratch.drop_connect(x, w, None, 0.25, mask), dx, dweight]
    theirs = [output, inputs.grad, weight.grad.T]
    parity("drop_connect, native", {"scratch": ours, "torch": theirs})


def test_bare_keras_with_its_mask_captured(parity):
    """Keras's own dropout of a weight. Entry of the map: dropout-nan."""
    import keras

    x, weight = RNG.normal(size=(6, 30)), RNG.normal(size=(30, 20))
    dropped = keras.random.dropout(keras.ops.convert_to_tensor(weight), 0.25, seed=0)
    mask = keras.ops.convert_to_numpy(dropped) != 0
    assert 0.65 < mask.mean() < 0.85
    output = keras.ops.matmul(keras.ops.convert_to_tensor(x), dropped)
    ours = scratch.drop_connect(x, weight, None, 0.25, mask)
    parity("drop_connect, native", {"scratch": ours, "keras": output})


@pytest.mark.parametrize("per_example", [True, False])
def test_expectation_is_kept(per_example):
    """The mean over many masks is the output in inference, which is that of a dense layer."""
    x = RNG.normal(size=(2, 5)).astype("float32")
    layer = make("scratch", per_example=per_example)
    drawn = np.array([layer(x, training=True) for _ in range(4000)])
    # The factor of a weight has the variance rate / (1 - rate) = 1/3.
    deviation = np.sqrt(x**2 @ layer.params["weight"] ** 2 / 3 / 4000)
    assert (np.abs(drawn.mean(axis=0) - layer(x)) < 5 * deviation).all()
    dense = panel("scratch", "layers").Dense(5, 4, name=layer.name)
    np.testing.assert_array_equal(layer(x), dense(x))


def test_mask_is_not_that_of_the_weights():
    """Were both drawn from one stream, which weights are dropped would depend on their size."""
    layer = make("scratch", in_features=2000, out_features=1)
    mask = scratch.draw_mask(Stream(0, f"{layer.name}.mask", 0), (2000, 1), 0.5)
    assert abs(np.corrcoef(layer.params["weight"][:, 0], mask[:, 0])[0, 1]) < 0.1


def test_weights_travel():
    x = RNG.normal(size=(3, 5)).astype("float32")
    expected = make("scratch", seed=9, name="source")(x)
    for framework in ADAPTERS:
        target = make("scratch")
        restore(target, canonical(make(framework, seed=9, name="source")))
        np.testing.assert_allclose(target(x), expected, rtol=1e-6)


@pytest.mark.parametrize("per_example", [True, False])
def test_keras_in_a_graph(per_example):
    x = RNG.normal(size=(3, 5)).astype("float32")
    layer, expected = (make(f, per_example=per_example, seed=3) for f in ("keras", "scratch"))
    for call in traced(lambda x: layer(x, training=True), (None, 5), "float32"):
        layer.step.assign(0)
        expected.state["step"][...] = 0
        found = ADAPTERS["keras"].numpy(call(x))
        np.testing.assert_allclose(found, expected(x, training=True), rtol=0, atol=1e-6)


def test_keras_layer_survives_saving(tmp_path):
    layer = make("keras", per_example=True, out_features=5)
    assert_survives_saving(layer, np.ones((2, 5), "float32"), tmp_path / "model.keras")


@pytest.mark.parametrize("rate", [-0.1, 1, float("nan"), "a half", None, True])
def test_bad_rate(rate):
    same_error(lambda f, a: make(f, rate=rate), f"rate must be a number in [0, 1), got {rate!r}")


def test_bad_arguments():
    same_error(lambda f, a: make(f, per_example=1), "per_example must be True or False, got 1")
    same_error(
        lambda f, a: make(f)(a.tensor(np.ones((2, 4), "float32"))),
        "x must have 5 features in its last axis (shape (N, ..., 5)), got shape (2, 4)",
    )


def test_bad_arrays():
    x, weight, bias = np.ones((2, 3), "float32"), np.ones((3, 4), "float32"), np.ones(4, "float32")

    def refused(message, **changed):
        arrays = {"x": x, "weight": weight, "bias": bias, "mask": weight > 0}

        def call(framework, adapter):
            given = {
                name: None if value is None else adapter.tensor(value)
                for name, value in (arrays | changed).items()
            }
            panel(framework, "drop_connect").drop_connect(**given, rate=0.5)

        same_error(call, message)

    refused("weight must have shape (in, out), got (3,)", weight=weight[:, 0])
    refused("bias must have shape (4,), got (3,)", bias=bias[:3])
    refused("mask must have shape (3, 4), got (3, 1)", mask=weight[:, :1] > 0)
    refused("mask must have shape (2, 3, 4), got (1, 3, 4)", mask=weight[None] > 0)
    refused("mask must be boolean, got float32", mask=weight)
    refused("mask must be given in training, got None", mask=None)
    refused("x must be floating point, got int64", x=x.astype(int))
