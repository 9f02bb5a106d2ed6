import copy

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
scratch = panel("scratch", "variational_dense")
OPTIONS = {"in_features": 5, "out_features": 4, "log_sigma2": -2.0}


def make(framework, dtype="float32", **options):
    options = OPTIONS | {"dtype": dtype} | options
    return panel(framework, "variational_dense").VariationalDense(**options)


def scattered(layer, adapter):
    """Weights with a log alpha on both sides of the threshold."""
    weights = adapter.weights(layer)
    weights["log_sigma2"] = np.linspace(-9, 6, 20).reshape(5, 4).astype(weights["weight"].dtype)
    adapter.load(layer, weights)
    return layer


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("leading", [(1,), (7,), (2, 3)])
@pytest.mark.parametrize("use_bias", [True, False])
def test_three_steps_agree(parity, dtype, leading, use_bias):
    x = RNG.normal(size=(*leading, 5)).astype(dtype)
    upstream = RNG.normal(size=(*leading, 4)).astype(dtype)

    def three_steps(framework, adapter):
        layer = scattered(make(framework, dtype, use_bias=use_bias, seed=3), adapter)
        return [adapter.step(layer, x, upstream) for _ in range(3)]

    parity("variational_dense", everywhere(three_steps))


def test_inference_agrees(parity):
    x, upstream = RNG.normal(size=(6, 5)), RNG.normal(size=(6, 4))

    def infer(framework, adapter):
        layer = scattered(make(framework, "float64", seed=3), adapter)
        found = adapter.step(layer, x, upstream, training=False)
        assert not np.any(found.pop("gradient.log_sigma2", 0))  # PyTorch gives none
        kept = adapter.numpy(layer.kept())
        assert 0 < kept.sum() < kept.size
        return [found, adapter.numpy(layer.log_alpha()), kept]

    found = everywhere(infer)
    assert not found["scratch"][0]["gradient.weight"][~found["scratch"][2]].any()
    parity("variational_dense", found)


def test_kl_agrees(parity):
    """Its value and its gradients, of small weights and of a weight of 0 as well."""
    weight = RNG.normal(size=(5, 4)) * 10.0 ** RNG.uniform(-6, 0, size=(5, 4))
    weight[0, 0] = 0
    log_sigma2 = RNG.uniform(-12, 6, size=(5, 4))

    def kl(framework, adapter):
        module = panel(framework, "variational_dense")
        divergence = panel(framework, "variational_dropout")
        if framework == "scratch":
            log_alpha = scratch.log_alpha(weight, log_sigma2)
            grad = divergence.kl_divergence_backward(log_alpha)
            return [
                divergence.kl_divergence(log_alpha),
                *scratch.log_alpha_backward(grad, weight),
            ]
        value, grads = adapter.vjp(
            lambda w, s: divergence.kl_divergence(module.log_alpha(w, s)),
            (weight, log_sigma2),
            np.ones(()),
        )
        return [value, *grads]

    parity("variational_dense, KL", everywhere(kl))


def test_backward_is_the_gradient():
    """Of the data and of KL: all that ``grads`` holds after both, and dL/dx."""
    layer = make("scratch", "float64", seed=2)
    layer.params["log_sigma2"] += RNG.normal(size=(5, 4))
    x, upstream = RNG.normal(size=(3, 2, 5)), RNG.normal(size=(3, 2, 4))
    for training in (True, False):
        step = layer.state["step"].copy()

        def loss(x=x, training=training, step=step):
            layer.state["step"][...] = step
            data = (upstream * layer.forward(x, training=training)).sum()
            return data + 0.25 * layer.kl()

        loss()
        grad = layer.backward(upstream)
        layer.kl_backward(0.25)
        assert_parameter_gradients(layer, loss)
        assert_gradient(loss, x, grad)


def test_local_reparameterization():
    """y has the mean and the variance that drawing each weight from N(w, sigma^2) gives it."""
    x, weight, log_sigma2 = RNG.normal(size=3), RNG.normal(size=(3, 2)), RNG.normal(size=(3, 2))
    noise = RNG.normal(size=(40_000, 2))
    rows = np.broadcast_to(x, (40_000, 3))
    y = scratch.variational_dense(rows, weight, None, log_sigma2, noise)
    drawn = weight + np.exp(log_sigma2 / 2) * RNG.normal(size=(40_000, 3, 2))
    expected = np.einsum("i,nij->nj", x, drawn)
    deviation = expected.std(axis=0)
    assert (abs(y.mean(axis=0) - expected.mean(axis=0)) < 0.03 * deviation).all()
    np.testing.assert_allclose(y.std(axis=0), deviation, rtol=0.03)


def test_without_noise_it_is_a_dense_layer(parity):
    """In inference, with nothing pruned: the untouched layers of PyTorch and Keras."""
    import keras
    import torch

    x = RNG.normal(size=(6, 5))
    layer = make("scratch", "float64", threshold=float("inf"))
    weight, bias = layer.params["weight"], RNG.normal(size=4)
    layer.params["bias"][...] = bias
    bare = torch.nn.Linear(5, 4, dtype=torch.float64)
    bare.load_state_dict({"weight": torch.tensor(weight.T), "bias": torch.tensor(bias)})
    dense = keras.layers.Dense(4, dtype="float64")
    dense.build((None, 5))
    dense.set_weights([weight, bias])
    found = {"scratch": layer(x), "torch": bare(torch.tensor(x)), "keras": dense(x)}
    parity("variational_dense, native", found)


def test_noise_is_not_that_of_the_weights():
    """Were both drawn from one stream, the first noise would follow the initial weights."""
    layer = make("scratch", "float64", out_features=1, in_features=2000, use_bias=False)
    draw_noise = panel("scratch", "variational_dropout").draw_noise
    noise = draw_noise(Stream(0, f"{layer.name}.noise", 0), (2000, 1), dtype="float64")
    assert abs(np.corrcoef(layer.params["weight"][:, 0], noise[:, 0])[0, 1]) < 0.1


@pytest.mark.once
def test_state_dict_and_copies():
    import torch

    x = torch.ones(3, 5)
    layer = make("torch", seed=3)
    layer(x)
    fresh = make("torch", seed=3, name=layer.name)
    fresh.load_state_dict(layer.state_dict())
    expected, copied = layer(x), copy.deepcopy(fresh)(x)
    assert torch.equal(fresh(x), expected)
    assert torch.equal(copied, expected)


def test_weights_travel():
    """From each panel to each: log_sigma2 too, which PyTorch keeps as (out, in)."""

    def randomized(framework, adapter):
        return scattered(make(framework, seed=9), adapter)

    sources = everywhere(randomized)
    x = RNG.normal(size=(3, 5)).astype("float32")
    expected = sources["scratch"](x)
    for source in sources.values():
        weights = canonical(source)
        assert weights["log_sigma2"].shape == (5, 4)
        target = make("scratch")
        restore(target, weights)
        np.testing.assert_allclose(target(x), expected, rtol=1e-6)


def test_keras_in_a_graph():
    x = RNG.normal(size=(3, 5)).astype("float32")
    layer, expected = make("keras", seed=3), make("scratch", seed=3)
    for call in traced(lambda x: layer(x, training=True), (None, 5), "float32"):
        layer.step.assign(0)
        expected.state["step"][...] = 0
        found = ADAPTERS["keras"].numpy(call(x))
        np.testing.assert_allclose(found, expected(x, training=True), rtol=0, atol=1e-6)


def test_keras_layer_survives_saving(tmp_path):
    layer = make("keras", threshold=2.0, out_features=5)
    assert_survives_saving(layer, np.ones((2, 5), "float32"), tmp_path / "model.keras")


def test_bad_arguments():
    message = "log_sigma2 must be a number in (-inf, inf), got None"
    same_error(lambda f, a: make(f, log_sigma2=None), message)
    message = "threshold must be a number in (-inf, inf], got nan"
    same_error(lambda f, a: make(f, threshold=float("nan")), message)
    same_error(
        lambda f, a: make(f)(a.tensor(np.ones((2, 4), "float32"))),
        "x must have 5 features in its last axis (shape (N, ..., 5)), got shape (2, 4)",
    )


def test_bad_arrays():
    x, weight, bias = np.ones((2, 3), "float32"), np.ones((3, 4), "float32"), np.ones(4, "float32")
    noise = np.ones((2, 4), "float32")

    def refused(message, **changed):
        arrays = {"x": x, "weight": weight, "bias": bias, "log_sigma2": weight, "noise": noise}

        def call(framework, adapter):
            given = {
                name: None if value is None else adapter.tensor(value)
                for name, value in (arrays | changed).items()
            }
            panel(framework, "variational_dense").variational_dense(**given)

        same_error(call, message)

    refused("weight must have shape (in, out), got (3,)", weight=weight[:, 0])
    refused("bias must have shape (4,), got (3,)", bias=bias[:3])
    refused("log_sigma2 must have shape (3, 4), got (3, 1)", log_sigma2=weight[:, :1])
    refused("noise must have shape (2, 4), got (2, 3)", noise=noise[:, :3])
    refused("noise must be given in training, got None", noise=None)
    refused("x must be floating point, got int64", x=x.astype(int))
    refused(
        "weight must have the dtype of x, float32, got float64", weight=weight.astype("float64")
    )


@pytest.mark.once
def test_the_example_in_small(tmp_path):
    """Every panel, on few digits: the figure, the table and the verdicts are written."""
    from typer.testing import CliRunner

    from triptych.cli import app

    options = "--dataset digits --epochs 1 --seeds 2 --no-progress"
    command = ["variational-dropout", *options.split(), "--out", str(tmp_path)]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    assert (tmp_path / "variational-dropout.png").stat().st_size > 10_000
    assert (tmp_path / "variational-dropout.txt").stat().st_size > 500
    for promise in ("can be pruned", "costs less than", "as good as the dense"):
        assert promise in " ".join(result.output.split())
