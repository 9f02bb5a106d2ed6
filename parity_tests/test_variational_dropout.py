from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad

from parity_tests.panels import (
    ADAPTERS,
    assert_gradient,
    assert_survives_saving,
    everywhere,
    panel,
    same_error,
    traced,
)
from triptych.common.streams import Stream

RNG = np.random.default_rng(0)
scratch = panel("scratch", "variational_dropout")
APPROXIMATIONS = ("sigmoid", "cubic")


def make(framework, dtype="float32", **options):
    options = {"features": 5, "dtype": dtype} | options
    return panel(framework, "variational_dropout").VariationalDropout(**options)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("shape", [(1, 5), (7, 5), (2, 3, 3, 5)])
@pytest.mark.parametrize("learned", [True, False])
def test_three_steps_agree(parity, dtype, shape, learned):
    x, upstream = RNG.normal(size=(2, *shape)).astype(dtype)

    def three_steps(framework, adapter):
        layer = make(framework, dtype, alpha=0.3, learned=learned, seed=3)
        return [adapter.step(layer, x, upstream) for _ in range(3)]

    found = everywhere(three_steps)
    assert ("gradient.log_alpha" in found["scratch"][0]) == learned
    parity("variational_dropout", found)


def test_inference_agrees(parity):
    """Half of the units are pruned."""
    x, upstream = RNG.normal(size=(2, 4, 3, 5))
    start = {"log_alpha": np.array([0.0, 4.0, 3.0, 3.001, -20.0])}

    def infer(framework, adapter):
        layer = make(framework, "float64")
        adapter.load(layer, adapter.weights(layer) | start)
        found = adapter.step(layer, x, upstream, training=False)
        assert not np.any(found.pop("gradient.log_alpha", 0))  # PyTorch gives none
        return [found, adapter.numpy(layer.kept())]

    found = everywhere(infer)
    assert found["scratch"][1].tolist() == [True, False, True, False, True]
    parity("variational_dropout", found)


@pytest.mark.parametrize("approximation", APPROXIMATIONS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_kl_agrees(parity, approximation, dtype):
    """With its gradient, far out on both sides, and at alpha = 1, where the cubic form ends."""
    log_alpha = np.array([[-90, -20, -3.5, -1], [0, 0.5, 3, 60]]).astype(dtype)

    def kl(framework, adapter):
        function = panel(framework, "variational_dropout").kl_divergence
        if framework == "scratch":
            grad = scratch.kl_divergence_backward(log_alpha, approximation=approximation)
            return [function(log_alpha, approximation=approximation), grad]
        upstream = np.ones((), dtype)
        value, grads = adapter.vjp(
            lambda a: function(a, approximation=approximation), (log_alpha,), upstream
        )
        return [value, *grads]

    parity("variational_dropout, KL", everywhere(kl))


@pytest.mark.parametrize("approximation", APPROXIMATIONS)
def test_kl_backward_of_the_layer(parity, approximation):
    """A loss of data and KL, in scratch by two backward passes."""
    x, upstream = RNG.normal(size=(2, 6, 5))

    def loss(framework, adapter):
        layer = make(framework, "float64", seed=1)
        found = adapter.step(layer, x, upstream)["gradient.log_alpha"]
        if framework == "scratch":
            layer.kl_backward(0.25, approximation=approximation)
            return [layer.kl(approximation=approximation), layer.grads["log_alpha"]]
        kl = panel(framework, "variational_dropout").kl_divergence
        start = adapter.weights(layer)["log_alpha"]
        _, grads = adapter.vjp(lambda a: kl(a, approximation=approximation), (start,), np.ones(()))
        value = adapter.numpy(layer.kl(approximation=approximation))
        return [value, found + 0.25 * grads[0]]

    parity("variational_dropout, KL", everywhere(loss))


def test_backward_is_the_gradient():
    x, upstream, noise = RNG.normal(size=(3, 4, 2, 5))
    log_alpha = RNG.normal(size=5)

    def loss(x, log_alpha):
        return (upstream * scratch.variational_dropout(x, log_alpha, noise)).sum()

    dx, dlog_alpha = scratch.variational_dropout_backward(upstream, x, log_alpha, noise)
    assert_gradient(lambda x: loss(x, log_alpha), x, dx)
    assert_gradient(lambda a: loss(x, a), log_alpha, dlog_alpha)
    for approximation in APPROXIMATIONS:
        options = {"approximation": approximation}
        grad = scratch.kl_divergence_backward(log_alpha, **options)
        assert_gradient(lambda a, o=options: scratch.kl_divergence(a, **o), log_alpha, grad)


def test_kl_is_the_integral():
    """-KL = log(alpha) / 2 - E log|e| + constant with e ~ N(1, alpha); 0 for infinite alpha."""

    def true_kl(log_alpha):
        deviation = np.exp(log_alpha / 2)

        def integrand(z):
            return np.exp(-z * z / 2) / np.sqrt(2 * np.pi) * np.log(abs(1 + deviation * z))

        pole = -1 / deviation  # where the logarithm is infinite
        edges = sorted({-9.0, 9.0, float(np.clip(pole, -9, 9))})
        mean = sum(quad(integrand, a, b, limit=200)[0] for a, b in pairwise(edges))
        return mean - log_alpha / 2

    # E log|z| of a standard normal z, to which it goes.
    at_infinity = -(np.euler_gamma + np.log(2)) / 2
    points = np.linspace(-6, 6, 13)
    truth = np.array([true_kl(each) for each in points]) - at_infinity
    found = [scratch.kl_divergence(np.array([each])) for each in points]
    assert np.abs(found - truth).max() < 0.02
    small = points <= 0
    found = [scratch.kl_divergence(np.array([a]), approximation="cubic") for a in points[small]]
    assert np.ptp(found - truth[small]) < 0.05  # 0.04, from alpha = 0 to 1


def test_fixed_alpha_is_gaussian_dropout(parity):
    """With the rate alpha / (1 + alpha): the same numbers from the same noise."""
    x, noise = RNG.normal(size=(2, 6, 5))
    alpha = np.full(5, 0.25)

    def units(framework, adapter):
        function = panel(framework, "variational_dropout").variational_dropout
        return function(*map(adapter.tensor, (x, np.log(alpha), noise)))

    gaussian = panel("scratch", "noise").gaussian_dropout(x, 0.2, noise)
    for found in everywhere(units).values():
        parity("variational_dropout, fixed", {"scratch": gaussian, "units": found})
    assert "log_alpha" not in dict(make("torch", learned=False).named_parameters())
    assert not make("keras", learned=False).trainable_variables


def test_bare_keras_with_its_noise_captured(parity):
    """Entry of the map: gaussian-dropout-layer."""
    import keras

    def bare(x):
        layer = keras.layers.GaussianDropout(0.2, seed=1, dtype="float64")
        return keras.ops.convert_to_numpy(layer(x, training=True))

    x = RNG.normal(size=(64, 5))
    noise = (bare(np.ones_like(x)) - 1) / 0.5  # the deviation of alpha = 0.25
    ours = scratch.variational_dropout(x, np.full(5, np.log(0.25)), noise)
    parity("variational_dropout, native", {"scratch": ours, "keras": bare(x)})


def test_moments():
    x = np.full((20_000, 3), 2.0)
    log_alpha = np.log([0.01, 0.25, 1.0])
    noise = scratch.draw_noise(Stream(1, "noise", 0), x.shape, dtype="float64")
    y = scratch.variational_dropout(x, log_alpha, noise)
    np.testing.assert_allclose(y.mean(axis=0), 2, atol=0.06)
    np.testing.assert_allclose(y.var(axis=0), 4 * np.exp(log_alpha), rtol=0.05)


def test_keras_in_a_graph():
    x = RNG.normal(size=(4, 5)).astype("float32")
    layer = make("keras", seed=3)
    expected = make("scratch", seed=3)
    for call in traced(lambda x: layer(x, training=True), (None, 5), "float32"):
        layer.step.assign(0)
        expected.state["step"][...] = 0
        found = ADAPTERS["keras"].numpy(call(x))
        np.testing.assert_allclose(found, expected(x, training=True), rtol=1e-6)


def test_keras_layer_survives_saving(tmp_path):
    x = np.ones((2, 5), "float32")
    assert_survives_saving(make("keras", alpha=0.5), x, tmp_path / "model.keras")


def test_bad_arguments():
    message = "alpha must be a number in (0, inf), got 0"
    same_error(lambda f, a: make(f, alpha=0), message)
    message = "threshold must be a number in (-inf, inf], got 'three'"
    same_error(lambda f, a: make(f, threshold="three"), message)
    same_error(lambda f, a: make(f, learned=1), "learned must be True or False, got 1")
    message = "x must have 5 features in its last axis (shape (N, ..., 5)), got shape (2, 4)"
    same_error(lambda f, a: make(f)(a.tensor(np.ones((2, 4), "float32"))), message)
    message = "approximation must be one of 'sigmoid', 'cubic', got 'exact'"
    same_error(lambda f, a: make(f).kl(approximation="exact"), message)


def test_bad_arrays():
    x, log_alpha = np.ones((2, 3), np.float32), np.ones(3, np.float32)

    def apply(*given):
        def call(framework, adapter):
            arrays = [None if each is None else adapter.tensor(each) for each in given]
            panel(framework, "variational_dropout").variational_dropout(*arrays)

        return call

    same_error(apply(x, log_alpha, x[:, :1]), "noise must have shape (2, 3), got (2, 1)")
    same_error(apply(x, log_alpha, None), "noise must be given in training, got None")
    same_error(apply(x, log_alpha[:2], x), "log_alpha must have shape (3,), got (2,)")
    same_error(apply(x.astype(int), log_alpha, x), "x must be floating point, got int64")
    message = "noise must have the dtype of x, float32, got float64"
    same_error(apply(x, log_alpha, x.astype("float64")), message)
