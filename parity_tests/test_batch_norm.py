import numpy as np
import pytest

from parity_tests.panels import ADAPTERS, assert_gradient, everywhere, panel, same_error
from scratch import batch_norm
from scratch.fast import batch_norm as fast

# With 2 values per feature x_hat is 1 and -1 but for epsilon, and dx cancels down to a multiple of
# it: a large epsilon keeps enough of dx for a relative error to mean something.
CASES = [
    ((2, 1), 0.5, True),
    ((7, 5), 1e-5, True),
    ((3, 4, 2), 1e-3, False),
    ((4, 3, 5, 2), 1e-5, True),
]
ONE_VALUE = "batch norm in training needs at least 2 values per feature, got 1 "
SCRATCH = panel("scratch", "batch_norm")


def values_per_feature(shape):
    return int(np.prod(shape[:-1]))


def draw(dtype, *shape, seed=0):
    return np.random.default_rng(seed).normal(0.5, 2, size=shape).astype(dtype)


def make(framework, features, **options):
    return panel(framework, "batch_norm").BatchNorm(features, **options)


def load(adapter, layer, dtype):
    """Parameters and statistics unlike the initial ones, positive where they have to be."""
    rng = np.random.default_rng(9)
    shapes = {key: array.shape for key, array in adapter.weights(layer).items()}
    weights = {key: rng.uniform(0.5, 2, shape).astype(dtype) for key, shape in shapes.items()}
    adapter.load(layer, weights)
    return layer


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("shape", "epsilon", "affine"), CASES)
def test_five_training_steps_then_inference(parity, dtype, shape, epsilon, affine):
    """Output, gradients of x, gamma and beta, and running statistics, after each step."""
    x, upstream = draw(dtype, 2, 6, *shape)

    def steps(framework, adapter):
        layer = make(framework, shape[-1], epsilon=epsilon, affine=affine, dtype=dtype)
        load(adapter, layer, dtype)
        return [
            adapter.step(layer, x[i], upstream[i], training=training)
            for i, training in enumerate([True] * 5 + [False])
        ]

    # Two sums over the batch in a row: the mean is inside the variance, and both inside dx.
    found = everywhere(steps)
    assert set(found["scratch"][0]) == {
        "output", "gradient.x", "state.running_mean", "state.running_variance",
        *(["gradient.gamma", "gradient.beta"] if affine else []),
    }  # fmt: skip
    parity("batch_norm", found, terms=2 * values_per_feature(shape))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("scaled", [True, False])
def test_pure_functions(parity, dtype, scaled):
    x, gamma, beta = draw(dtype, 9, 2, 4), draw(dtype, 4, seed=1), draw(dtype, 4, seed=2)

    def call(framework, adapter):
        functions = panel(framework, "batch_norm")
        parameters = [adapter.tensor(gamma), adapter.tensor(beta)] if scaled else [None, None]
        tensor = adapter.tensor(x)
        y, mean, variance = functions.batch_norm_train(tensor, *parameters, epsilon=0.01)
        again = functions.batch_norm_inference(tensor, *parameters, mean, variance, epsilon=0.01)
        running = functions.update_running(mean, variance, momentum=0.7)
        return {"train": [y, mean, variance], "inference": again, "running": running}

    results = everywhere(call)
    parity("batch_norm", results, terms=2 * 18)
    # With the batch's own statistics, inference is training, but for a mean that is rounded once
    # more.
    inference, (train, _, _) = results["scratch"]["inference"], results["scratch"]["train"]
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(inference, train, rtol=8 * eps, atol=8 * eps)


@pytest.mark.once
@pytest.mark.parametrize("form", [batch_norm, fast])
@pytest.mark.parametrize(("shape", "error"), [((256, 3), 1e-6), ((60000, 3), 1e-3)])
def test_features_far_from_0(form, shape, error):
    """Of 100.3 +- 0.001 in float32, the frameworks lose every digit (docs/findings.md)."""
    noise = 0.001 * np.random.default_rng(0).normal(size=shape)
    for x, atol in ((100.3 + noise, error), (np.full(shape, 100.3), 20 * error)):
        x = x.astype(np.float32)
        exact = x.astype(float)
        centred = exact - exact.mean(0)
        expected = centred / np.sqrt(exact.var(0) + 1e-5)
        y, mean, variance = form.batch_norm_train(x, None, None, epsilon=1e-5)
        np.testing.assert_allclose(y, expected, rtol=0, atol=atol)
        np.testing.assert_allclose(mean, exact.mean(0), rtol=5e-7)
        np.testing.assert_allclose(variance, exact.var(0), rtol=0.02, atol=2e-9)
        grad = np.random.default_rng(1).normal(size=shape).astype(np.float32)
        dx, dgamma, _ = form.batch_norm_backward(
            grad, x, None, mean, variance, epsilon=1e-5, training=True
        )
        np.testing.assert_allclose(dgamma, (grad * expected).sum(0), rtol=0.01, atol=100 * atol)
        assert np.isfinite(dx).all()


def test_by_hand():
    """Mean 2 and variance 4 of (0, 4); then 0.75 of the old statistics (0, 1) is kept."""
    layer = SCRATCH.BatchNorm(1, momentum=0.75, epsilon=5.0, dtype="float64")
    layer.params["gamma"][:], layer.params["beta"][:] = 6, 10
    y = layer(np.array([[0.0], [4.0]]), training=True)
    np.testing.assert_array_equal(y, [[6], [14]])
    np.testing.assert_array_equal(layer.state["running_mean"], [0.5])
    np.testing.assert_array_equal(layer.state["running_variance"], [1.75])


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("scaled", [True, False])
@pytest.mark.parametrize("shape", [(6, 3), (2, 1), (2, 3, 2, 2)])
def test_backward_is_the_gradient(training, scaled, shape):
    x, upstream = draw("float64", 2, *shape, seed=4)
    gamma, beta, mean = draw("float64", 3, shape[-1], seed=5)
    variance = mean**2 + 0.1

    def loss(x, gamma, beta):
        if training:
            y = SCRATCH.batch_norm_train(x, gamma, beta, epsilon=0.1)[0]
        else:
            y = SCRATCH.batch_norm_inference(x, gamma, beta, mean, variance, epsilon=0.1)
        return (upstream * y).sum()

    if training:
        _, mean, variance = SCRATCH.batch_norm_train(x, None, None, epsilon=0.1)
    dx, dgamma, dbeta = SCRATCH.batch_norm_backward(
        upstream, x, gamma if scaled else None, mean, variance, epsilon=0.1, training=training
    )
    if not scaled:
        assert_gradient(lambda x: loss(x, None, None), x, dx)
        return
    assert_gradient(lambda x: loss(x, gamma, beta), x, dx)
    assert_gradient(lambda gamma: loss(x, gamma, beta), gamma, dgamma)
    assert_gradient(lambda beta: loss(x, gamma, beta), beta, dbeta)


def torch_native(bare, batches, upstreams):
    """Training steps and one of inference of a bare ``torch.nn.BatchNorm``, channels moved last."""
    import torch

    results = []
    for i, (x, upstream) in enumerate(zip(batches, upstreams, strict=True)):
        bare.train(i < len(batches) - 1).zero_grad()
        inputs = torch.tensor(np.moveaxis(x, -1, 1), requires_grad=True)
        output = bare(inputs)
        output.backward(torch.tensor(np.moveaxis(upstream, -1, 1)))
        results.append(
            {
                "output": output.movedim(1, -1),
                "gradient.x": inputs.grad.movedim(1, -1),
                "gradient.gamma": bare.weight.grad.clone(),
                "gradient.beta": bare.bias.grad.clone(),
                "state.running_mean": bare.running_mean.clone(),
                "state.running_variance": bare.running_var.clone(),
            }
        )
    return results


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("shape", [(7, 5), (4, 3, 5, 2)])
def test_bare_torch_batch_norm_at_its_defaults(parity, dtype, shape):
    """Entries of the map: batch-norm-momentum, batch-norm-epsilon, batch-norm-running-variance."""
    import torch

    batches, upstreams = draw(dtype, 2, 6, *shape, seed=6)
    kind = torch.nn.BatchNorm1d if len(shape) == 2 else torch.nn.BatchNorm2d
    bare = kind(shape[-1], dtype=getattr(torch, dtype))
    layer = SCRATCH.BatchNorm(
        shape[-1], momentum=0.9, epsilon=1e-5, unbiased_running_variance=True, dtype=dtype
    )
    parity(
        "batch_norm, native",
        {
            "scratch": [
                ADAPTERS["scratch"].step(layer, x, upstream, training=i < 5)
                for i, (x, upstream) in enumerate(zip(batches, upstreams, strict=True))
            ],
            "torch": torch_native(bare, batches, upstreams),
        },
        terms=2 * values_per_feature(shape),
    )


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("shape", [(7, 5), (4, 3, 5, 2)])
def test_bare_keras_batch_normalization_at_its_defaults(parity, dtype, shape):
    """Entries of the map: batch-norm-momentum, batch-norm-epsilon."""
    import keras

    batches, upstreams = draw(dtype, 2, 6, *shape, seed=7)
    layers = {
        "scratch": SCRATCH.BatchNorm(shape[-1], momentum=0.99, epsilon=1e-3, dtype=dtype),
        "keras": keras.layers.BatchNormalization(dtype=dtype),
    }
    parity(
        "batch_norm, native",
        {
            name: [
                ADAPTERS[name].step(layer, x, upstream, training=i < 5)
                for i, (x, upstream) in enumerate(zip(batches, upstreams, strict=True))
            ]
            for name, layer in layers.items()
        },
        terms=2 * values_per_feature(shape),
    )


def test_far_from_zero_float32_keeps_its_digits():
    """The variance as E[x^2] - E[x]^2 would be off by (mean / deviation)^2 * 2**-24 = 6 %."""
    x = (np.random.default_rng(8).normal(size=(512, 3)) + 1000).astype(np.float32)
    exact, _, variance = SCRATCH.batch_norm_train(x.astype(float), None, None, epsilon=1e-5)

    def call(framework, adapter):
        train = panel(framework, "batch_norm").batch_norm_train
        return [adapter.numpy(a) for a in train(adapter.tensor(x), None, None, epsilon=1e-5)]

    for framework, (y, _, found) in everywhere(call).items():
        np.testing.assert_allclose(found, variance, rtol=1e-5, err_msg=framework)
        # The mean itself is known to a few units in the last place of 1000, 2**-14 each.
        np.testing.assert_allclose(y, exact, atol=8 * 2.0**-14, err_msg=framework)


def test_constant_feature_stays_finite():
    """Where the variance is 0, a negative one from rounding would make the output NaN."""
    x = np.full((128, 4), 255, np.float32) + np.array([0, 0.1, 0.2, 0.3], np.float32)

    def call(framework, adapter):
        layer = make(framework, 4)
        return adapter.step(layer, x, np.ones_like(x))

    for framework, found in everywhere(call).items():
        for key, array in found.items():
            assert np.isfinite(array).all(), (framework, key)
        assert (found["state.running_variance"] >= np.float32(0.9)).all(), framework


def test_nothing_of_the_caller_changes():
    x, upstream = draw("float64", 2, 5, 4, 3)
    for training in (True, False):
        layer = SCRATCH.BatchNorm(3, dtype="float64")
        before = x.copy(), upstream.copy()
        layer(x, training=training)
        first, second = layer.backward(upstream), layer.backward(upstream)
        np.testing.assert_array_equal(first, second)
        np.testing.assert_array_equal(before, (x, upstream))


def test_inference_leaves_the_statistics():
    x = draw("float32", 6, 3)

    def call(framework, adapter):
        layer = make(framework, 3)
        before = adapter.weights(layer)
        adapter.step(layer, x, x, training=False)
        return before, adapter.weights(layer)

    for before, after in everywhere(call).values():
        assert before.keys() == after.keys()
        for key in before:
            np.testing.assert_array_equal(before[key], after[key])


def test_momentum_at_its_bounds(parity):
    """0 forgets the old statistics, 1 keeps them for ever."""
    x, upstream = draw("float64", 2, 8, 2)
    for momentum, mean, variance in ((0, x.mean(0), x.var(0)), (1, np.zeros(2), np.ones(2))):

        def step(framework, adapter, momentum=momentum):
            layer = make(framework, 2, momentum=momentum, dtype="float64")
            return adapter.step(layer, x, upstream)

        found = everywhere(step)
        parity("batch_norm", found, terms=16)
        # By hand, in another order of operations: a few roundings of float64.
        np.testing.assert_allclose(found["scratch"]["state.running_mean"], mean, rtol=1e-14)
        np.testing.assert_allclose(found["scratch"]["state.running_variance"], variance, rtol=1e-14)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_keras_graph_with_unknown_batch_size(parity, dtype):
    """Traced once, for any number of rows; the PyTorch backend has no graph and runs as it is."""
    keras, adapter = ADAPTERS["keras"].keras, ADAPTERS["keras"]
    layer = make("keras", 3, dtype=dtype)
    if adapter.backend == "tensorflow":
        import tensorflow as tf

        signature = [tf.TensorSpec((None, 4, 3), dtype)]
        run = tf.function(lambda x: layer(x, training=True), input_signature=signature)
    elif adapter.backend == "jax":
        import jax

        traced = jax.jit(lambda *arrays: layer.stateless_call(*arrays, training=True))

        def run(x):
            trained, kept = layer.trainable_variables, layer.non_trainable_variables
            y, state = traced([v.value for v in trained], [v.value for v in kept], x)
            for variable, value in zip(kept, state, strict=True):
                variable.assign(value)
            return y
    else:

        def run(x):
            return layer(x, training=True)

    expected = make("scratch", 3, dtype=dtype)
    for rows in (5, 2, 9):
        x = draw(dtype, rows, 4, 3, seed=rows)
        parity(
            "batch_norm",
            {
                "scratch": [expected(x, training=True), *expected.state.values()],
                "keras": [
                    keras.ops.convert_to_numpy(run(adapter.tensor(x))),
                    layer.moving_mean,
                    layer.moving_variance,
                ],
            },
            terms=2 * 36,
        )


def test_keras_layer_frozen_or_saved():
    layer = make("keras", 3, momentum=0.5, epsilon=0.25, affine=False, dtype="float64", name="n")
    config = layer.get_config()
    assert config["features"] == 3
    assert type(layer).from_config(config).get_config() == config
    with pytest.raises(TypeError, match="renorm"):
        make("keras", 3, renorm=True)

    x = draw("float64", 6, 3)
    layer.trainable = False
    adapter = ADAPTERS["keras"]
    frozen = adapter.numpy(layer(adapter.tensor(x), training=True))
    np.testing.assert_array_equal(frozen, adapter.numpy(layer(adapter.tensor(x))))
    np.testing.assert_array_equal(adapter.weights(layer)["running_mean"], np.zeros(3))


@pytest.mark.parametrize("momentum", [-0.1, 1.5, float("nan"), "most", None, True])
def test_bad_momentum(momentum):
    message = f"momentum must be a number in [0, 1], got {momentum!r}"
    same_error(lambda f, a: make(f, 3, momentum=momentum), message)
    vector = np.ones(3)
    same_error(
        lambda f, a: panel(f, "batch_norm").update_running(
            a.tensor(vector), a.tensor(vector), momentum=momentum
        ),
        message,
    )


@pytest.mark.parametrize("epsilon", [0, -1e-5, float("inf"), float("nan"), "small", None])
def test_bad_epsilon(epsilon):
    message = f"epsilon must be a number in (0, inf), got {epsilon!r}"
    same_error(lambda f, a: make(f, 3, epsilon=epsilon), message)
    x = np.ones((2, 3))
    same_error(
        lambda f, a: panel(f, "batch_norm").batch_norm_train(
            a.tensor(x), None, None, epsilon=epsilon
        ),
        message,
    )


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((1, 3), ONE_VALUE + "(x has shape (1, 3))"),
        ((1, 1, 1, 3), ONE_VALUE + "(x has shape (1, 1, 1, 3))"),
        ((0, 3), "x must hold at least one row, got shape (0, 3)"),
        ((4, 0, 3), "x must hold at least one row, got shape (4, 0, 3)"),
        ((4, 2), "x must have 3 features in its last axis (shape (N, ..., 3)), got shape (4, 2)"),
        ((3,), "x must have 3 features in its last axis (shape (N, ..., 3)), got shape (3,)"),
    ],
)
@pytest.mark.parametrize("affine", [True, False])
def test_bad_shape(shape, message, affine):
    x = np.ones(shape, np.float32)

    def train(framework, adapter):
        layer = make(framework, 3, affine=affine)
        if framework == "torch":
            return layer.train()(adapter.tensor(x))
        return layer(adapter.tensor(x), training=True)

    same_error(train, message)

    def train_in_a_model(framework, adapter):
        layers = panel(framework, "layers")
        model = layers.Sequential([make(framework, 3, affine=affine)])
        if framework == "torch":
            return model.train()(adapter.tensor(x))
        return model(adapter.tensor(x), training=True)

    same_error(train_in_a_model, message)


def test_one_row_is_enough_for_inference(parity):
    x = draw("float64", 1, 3)

    def step(framework, adapter):
        layer = load(adapter, make(framework, 3, dtype="float64"), "float64")
        return adapter.step(layer, x, x, training=False)

    parity("batch_norm", everywhere(step))


def test_bad_arrays():
    x, vector, wrong = np.ones((4, 3)), np.ones(3), np.ones(1)

    def train(x, gamma, beta):
        return lambda f, a: panel(f, "batch_norm").batch_norm_train(
            a.tensor(x), a.tensor(gamma), a.tensor(beta), epsilon=0.1
        )

    def infer(mean, variance):
        return lambda f, a: panel(f, "batch_norm").batch_norm_inference(
            a.tensor(x), None, None, a.tensor(mean), a.tensor(variance), epsilon=0.1
        )

    same_error(train(x, wrong, vector), "gamma must have shape (3,), got (1,)")
    same_error(train(x, vector, wrong), "beta must have shape (3,), got (1,)")
    same_error(infer(wrong, vector), "mean must have shape (3,), got (1,)")
    same_error(infer(vector, wrong), "variance must have shape (3,), got (1,)")
    same_error(train(x.astype(int), vector, vector), "x must be floating point, got int64")
    same_error(train(np.float64(1), wrong, wrong), "x must hold at least one row, got shape ()")
    same_error(
        lambda f, a: panel(f, "batch_norm").update_running(
            a.tensor(vector), a.tensor(wrong), momentum=0.5
        ),
        "batch must have shape (3,), got (1,)",
    )
    with pytest.raises(ValueError, match=r"grad must have shape \(4, 3\), got \(1, 3\)"):
        SCRATCH.batch_norm_backward(x[:1], x, None, vector, vector, epsilon=0.1)
    for features in (0, -1, 2.5, None):
        same_error(
            lambda f, a, features=features: make(f, features),
            f"features must be an integer >= 1, got {features!r}",
        )
    same_error(
        lambda f, a: make(f, 3, dtype="int8"),
        "dtype must be one of 'float32', 'float64', got 'int8'",
    )
