import copy

import numpy as np
import pytest

from parity_tests.panels import (
    ADAPTERS,
    DTYPES,
    assert_gradient,
    assert_parameter_gradients,
    everywhere,
    panel,
    same_error,
)

# A sum of this many terms is behind a number of the network below: of the features (3, 6, 6, 6 and
# 4) and of the batch of 9, twice in each batch norm, on the way down and again on the way up.
TERMS = 2 * (3 + 6 + 6 + 6 + 4 + 4 * 9)


class Maker:
    """The layers of one framework in one dtype, which layers without weights take from x."""

    def __init__(self, framework, dtype):
        self.framework, self.dtype = framework, dtype
        self.keras = {"dtype": dtype} if framework == "keras" else {}

    def dense(self, in_features, out_features, name, **options):
        options = {"seed": 5} | options | {"dtype": self.dtype, "name": name}
        return panel(self.framework, "layers").Dense(in_features, out_features, **options)

    def relu(self, name="relu"):
        return panel(self.framework, "layers").ReLU(name=name, **self.keras)

    def batch_norm(self, features, name):
        module = panel(self.framework, "batch_norm")
        return module.BatchNorm(features, name=name, dtype=self.dtype)

    def dropout(self, name):
        module = panel(self.framework, "dropout")
        return module.Dropout(0.25, seed=5, name=name, **self.keras)

    def stochastic_depth(self, name):
        module = panel(self.framework, "stochastic_depth")
        return module.StochasticDepth(0.25, seed=5, name=name, **self.keras)

    def residual(self, *args, **options):
        return panel(self.framework, "residual").Residual(*args, **options)

    def sequential(self, layers, **options):
        return panel(self.framework, "layers").Sequential(layers, **options)


def make_network(framework, dtype):
    """From (N, 3) to (N, 1); a block with a block inside, and a block that changes the shape.

    The blocks have layers of one name; those that draw numbers have a name or a seed of their own.
    """
    make = Maker(framework, dtype)
    inner = make.residual([make.dense(6, 6, "dense_1", seed=6), make.relu()], name="inner")
    layers = [
        make.dense(3, 6, "dense_1"),
        make.residual(
            [
                make.batch_norm(6, "batch_norm_1"),
                make.relu("relu_1"),
                make.sequential([make.dense(6, 6, "dense_2", use_bias=False)], name="row"),
                make.dropout("dropout_1"),
                inner,
                make.stochastic_depth("stochastic_depth_1"),
            ],
            name="residual_1",
        ),
        make.residual(
            [
                make.dense(6, 4, "dense_1", use_bias=False, seed=7),
                make.batch_norm(4, "batch_norm_1"),
                make.stochastic_depth("stochastic_depth_2"),
            ],
            [make.dense(6, 4, "projection"), make.dropout("dropout_2")],
            name="residual_2",
        ),
        make.relu("relu"),
        make.dense(4, 1, "output"),
    ]
    return make.sequential(layers)


NORM = ("gamma", "beta", "running_mean", "running_variance")
WEIGHTS = {
    "dense_1.weight": (3, 6),
    "dense_1.bias": (6,),
    **{f"residual_1.batch_norm_1.{key}": (6,) for key in NORM},
    "residual_1.row.dense_2.weight": (6, 6),
    "residual_1.dropout_1.step": (),
    "residual_1.inner.dense_1.weight": (6, 6),
    "residual_1.inner.dense_1.bias": (6,),
    "residual_1.stochastic_depth_1.step": (),
    "residual_2.dense_1.weight": (6, 4),
    **{f"residual_2.batch_norm_1.{key}": (4,) for key in NORM},
    "residual_2.stochastic_depth_2.step": (),
    "residual_2.projection.weight": (6, 4),
    "residual_2.projection.bias": (4,),
    "residual_2.dropout_2.step": (),
    "output.weight": (4, 1),
    "output.bias": (1,),
}
PARAMETERS = [name for name in WEIGHTS if not name.endswith(("mean", "variance", "step"))]


def draw(dtype, *shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def random_weights(weights, seed=0):
    """Values of the same shapes and dtypes; a variance is positive, a step an integer."""
    rng = np.random.default_rng(seed)
    values = {key: rng.uniform(0.5, 1.5, array.shape) for key, array in weights.items()}
    values |= {key: np.array(i) for i, key in enumerate(values) if key.endswith("step")}
    return {key: value.astype(weights[key].dtype) for key, value in values.items()}


@pytest.mark.parametrize("dtype", DTYPES)
def test_three_steps_and_inference_agree(parity, dtype):
    """Output, the gradient of every parameter, and all state."""
    x, upstream = draw(dtype, 4, 9, 3), draw(dtype, 4, 9, 1, seed=1)

    def steps(framework, adapter):
        network = make_network(framework, dtype)
        return [adapter.step(network, x[i], upstream[i], training=i < 3) for i in range(4)]

    found = everywhere(steps)
    assert set(found["scratch"][0]) == {
        "output", "gradient.x", *(f"gradient.{name}" for name in PARAMETERS),
        *(f"state.{name}" for name in WEIGHTS.keys() - PARAMETERS),
    }  # fmt: skip
    parity("residual", found, terms=TERMS)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("shape", [(1, 1), (5, 1), (2, 3, 4)])
def test_one_block(parity, dtype, shape):
    x, upstream = draw(dtype, *shape), draw(dtype, *shape[:-1], 2, seed=1)

    def step(framework, adapter):
        make = Maker(framework, dtype)
        branch = [make.dense(shape[-1], 2, "dense_1"), make.relu()]
        block = make.residual(branch, [make.dense(shape[-1], 2, "dense_2")])
        return adapter.step(block, x, upstream)

    found = everywhere(step)
    assert {"gradient.dense_1.weight", "gradient.dense_2.bias"} < found["scratch"].keys()
    parity("residual", found, terms=int(np.prod(shape)) + 1)


def test_no_layers_are_the_identity():
    """y = x + x, and x stays what it is, though it is what both paths return."""
    x, upstream = draw("float64", 4, 3), draw("float64", 4, 3, seed=1)
    given = x.copy(), upstream.copy()
    for framework, adapter in ADAPTERS.items():
        for block in (Maker(framework, "float64").residual([]), make_skipped(framework)):
            found = adapter.step(block, x, upstream, training=False)
            np.testing.assert_array_equal(found["output"], 2 * x)
            np.testing.assert_array_equal(found["gradient.x"], 2 * upstream)
            np.testing.assert_array_equal((x, upstream), given)


def make_skipped(framework):
    make = Maker(framework, "float64")
    return make.residual([make.stochastic_depth("stochastic_depth")])


def native_torch(x, upstream, weights):
    import torch
    from torch import nn

    dense_1, dense_2 = nn.Linear(5, 4), nn.Linear(4, 5)
    for layer, name in ((dense_1, "dense_1"), (dense_2, "dense_2")):
        layer.to(torch.float64)
        with torch.no_grad():
            layer.weight.copy_(torch.tensor(weights[f"{name}.weight"].T))
            layer.bias.copy_(torch.tensor(weights[f"{name}.bias"]))
    tensor = torch.tensor(x, requires_grad=True)
    output = tensor + nn.Sequential(dense_1, nn.ReLU(), dense_2)(tensor)
    output.backward(torch.tensor(upstream))
    kernel = dense_1.weight.grad.T.numpy()
    return [output.detach().numpy(), tensor.grad.numpy(), kernel, dense_1.bias.grad.numpy()]


def native_keras(x, upstream, weights):
    adapter = ADAPTERS["keras"]
    layers = adapter.keras.layers
    dense_1 = layers.Dense(4, name="dense_1", dtype="float64", activation="relu")
    dense_2 = layers.Dense(5, name="dense_2", dtype="float64")
    inputs = adapter.keras.Input((5,), dtype="float64")
    output = layers.Add(dtype="float64")([inputs, dense_2(dense_1(inputs))])
    model = adapter.keras.Model(inputs, output)
    adapter.load(model, weights)
    found = adapter.step(model, x, upstream)
    names = ("x", "dense_1.weight", "dense_1.bias")
    return [found["output"], *(found[f"gradient.{name}"] for name in names)]


@pytest.mark.parametrize(
    ("framework", "native"), [("torch", native_torch), ("keras", native_keras)]
)
def test_bare_layers_and_their_sum(parity, framework, native):
    x, upstream = draw("float64", 2, 7, 5)
    make = Maker("scratch", "float64")
    branch = [make.dense(5, 4, "dense_1"), make.relu(), make.dense(4, 5, "dense_2")]
    block = make.residual(branch)
    block.set_weights(random_weights(block.get_weights()))
    output, dx = block(x), block.backward(upstream)
    scratch = [output, dx, branch[0].grads["weight"], branch[0].grads["bias"]]
    bare = native(x, upstream, block.get_weights())
    parity("residual, native", {"scratch": scratch, framework: bare}, terms=5 + 4 + 7)


# --- The gradient by hand -----------------------------------------------------------------------


def test_backward_is_the_gradient():
    x, upstream = draw("float64", 9, 3), draw("float64", 9, 1, seed=1)
    network = make_network("scratch", "float64")
    steps = [array for name, array in network.arrays() if name.endswith("step")]
    assert len(steps) == 4

    def loss(x):
        for step in steps:
            step[...] = 1  # the same masks each time
        return (upstream * network(x, training=True)).sum()

    loss(x)
    dx = network.backward(upstream)
    assert_gradient(loss, x, dx)
    assert [name for name, _, _ in network.parameters()] == PARAMETERS
    assert_parameter_gradients(network, lambda: loss(x))


@pytest.mark.parametrize("first", [1, 2])
def test_parameters_have_the_same_gradients_without_that_of_x(first):
    """For a block that comes first, so that it is the one asked to leave dL/dx out."""
    x, upstream = draw("float64", 9, 6), draw("float64", 9, 1, seed=1)
    results = []
    for backward in ("backward", "backward_parameters"):
        full = make_network("scratch", "float64")
        network = Maker("scratch", "float64").sequential(full.layers[first:])
        network(x, training=True)
        getattr(network, backward)(upstream)
        results.append({name: layer.grads[key] for name, layer, key in network.parameters()})
    expected = (f"residual_{first}", "residual_2", "output")
    assert list(results[0]) == [name for name in PARAMETERS if name.startswith(expected)]
    for name, grad in results[0].items():
        np.testing.assert_array_equal(results[1][name], grad, err_msg=name)


@pytest.mark.parametrize("training", [True, False])
def test_nothing_of_the_caller_or_of_a_layer_changes(training):
    """ReLU keeps the array that it returned: the sum must not be written into it."""
    x, upstream = draw("float64", 2, 6, 3)
    make = Maker("scratch", "float64")
    relu = make.relu()
    block = make.residual(
        [make.dense(3, 3, "dense"), relu], [make.dropout("a"), make.stochastic_depth("b")]
    )
    given = x.copy(), upstream.copy()
    y = block(x, training=training)
    kept = y.copy()
    assert (relu._y >= 0).all()
    np.testing.assert_array_equal(block.backward(upstream), block.backward(upstream))
    np.testing.assert_array_equal((x, upstream), given)
    np.testing.assert_array_equal(y, kept)


# --- Weights ------------------------------------------------------------------------------------


def test_weights_go_from_any_panel_to_any_other(parity):
    networks = everywhere(lambda f, a: make_network(f, "float64"))
    initial = everywhere(lambda f, a: a.weights(networks[f]))
    parity("residual", initial, tolerance=0)
    assert {key: array.shape for key, array in initial["scratch"].items()} == WEIGHTS
    for framework in ("scratch", "torch"):  # Keras lists what is trained before what is not
        assert list(initial[framework]) == list(WEIGHTS)

    weights = random_weights(initial["scratch"])
    for framework, adapter in ADAPTERS.items():
        adapter.load(networks[framework], weights)
        for key, array in adapter.weights(networks[framework]).items():
            np.testing.assert_array_equal(array, weights[key], err_msg=f"{framework} {key}")
    x, upstream = draw("float64", 9, 3), draw("float64", 9, 1, seed=1)
    parity("residual", everywhere(lambda f, a: a.step(networks[f], x, upstream)), terms=TERMS)


def assert_same_future(adapter, network, copied):
    """Equal weights and state, and equal steps from there: in training, then in inference."""
    x, upstream = draw("float64", 9, 3), draw("float64", 9, 1, seed=1)
    weights = adapter.weights(network)
    assert adapter.weights(copied).keys() == weights.keys()
    for key, array in adapter.weights(copied).items():
        np.testing.assert_array_equal(array, weights[key])
    for training in (True, False):
        expected, found = (
            adapter.step(model, x, upstream, training=training) for model in (network, copied)
        )
        assert found.keys() == expected.keys()
        for key in expected:
            np.testing.assert_array_equal(found[key], expected[key], err_msg=key)


def randomized(framework):
    network, adapter = make_network(framework, "float64"), ADAPTERS[framework]
    adapter.load(network, random_weights(adapter.weights(network)))
    return network


def test_torch_state_dict_and_copies(tmp_path):
    import torch

    network = randomized("torch")
    assert [name for name, _ in network.named_parameters()] == PARAMETERS
    torch.save(network.state_dict(), tmp_path / "network.pt")
    loaded = make_network("torch", "float64")
    loaded.load_state_dict(torch.load(tmp_path / "network.pt"))
    assert_same_future(ADAPTERS["torch"], network, loaded)
    copied = copy.deepcopy(network)
    assert_same_future(ADAPTERS["torch"], network, copied)
    with torch.no_grad():
        for parameter in copied.parameters():
            parameter.zero_()
    assert network.get_submodule("residual_1.row.dense_2").weight.all()
    assert "shortcut=['projection', 'dropout_2']" in str(network)


def test_keras_save_and_load_round_trip(tmp_path):
    network = randomized("keras")
    network.build((None, 3))
    network.save(tmp_path / "network.keras")
    loaded = ADAPTERS["keras"].keras.saving.load_model(tmp_path / "network.keras")
    assert [type(layer) for layer in loaded.layers] == [type(layer) for layer in network.layers]
    for path in ("branch", "shortcut"):
        configs = [
            [layer.get_config() for layer in getattr(model.layers[2], path)]
            for model in (network, loaded)
        ]
        assert configs[0] == configs[1]
    assert_same_future(ADAPTERS["keras"], network, loaded)
    for model in (
        network,
        loaded,
    ):  # Keras goes by the path of a variable: no two may have the same
        paths = [variable.path for variable in model.variables]
        assert "residual_1/inner/dense_1/kernel" in paths
        assert len(set(paths)) == len(paths)


def test_keras_builds_what_is_inside(tmp_path):
    """Keras's own layers have no weights before they are built."""
    keras = ADAPTERS["keras"].keras
    block = Maker("keras", "float32").residual(
        [keras.layers.Dense(7), keras.layers.Dense(2, name="last")], [keras.layers.Dense(2)]
    )
    model = keras.Sequential([keras.Input((3,)), block])
    assert sorted(tuple(w.shape) for w in model.weights) == [
        (2,),
        (2,),
        (3, 2),
        (3, 7),
        (7,),
        (7, 2),
    ]
    x = draw("float32", 4, 3)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))


def make_block(framework, dtype):
    """A small network, because XLA takes seconds to compile the large one."""
    make = Maker(framework, dtype)
    branch = [
        make.dense(3, 1, "dense_1", use_bias=False),
        make.batch_norm(1, "batch_norm_1"),
        make.stochastic_depth("stochastic_depth_1"),
    ]
    return make.sequential([make.residual(branch, [make.dense(3, 1, "projection")])])


def test_keras_builds_without_counting():
    """The symbolic call that builds the layers in a training pass is none of the passes."""
    x = draw("float32", 9, 3)
    network = make_network("keras", "float32")
    network(ADAPTERS["keras"].tensor(x), training=True)
    weights = ADAPTERS["keras"].weights(network)
    assert {int(value) for name, value in weights.items() if name.endswith("step")} == {1}
    scratch = make_network("scratch", "float32")
    scratch(x, training=True)
    mean = "residual_1.batch_norm_1.running_mean"
    np.testing.assert_allclose(weights[mean], scratch.get_weights()[mean], rtol=1e-5)


@pytest.mark.parametrize(("build", "jit"), [(make_network, False), (make_block, True)])
def test_keras_trains_as_scratch_does(parity, build, jit):
    """Two steps of ``fit``, of 9 and of 4 samples, in a graph that knows no batch size."""
    keras = ADAPTERS["keras"].keras
    x, y = draw("float32", 13, 3), draw("float32", 13, 1, seed=1)
    model, network = build("keras", "float32"), build("scratch", "float32")
    jit = jit and keras.backend.backend() != "torch"  # Keras warns of TorchDynamo
    model.compile(keras.optimizers.SGD(2.0**-4), "mse", jit_compile=jit)
    model.fit(x, y, batch_size=9, shuffle=False, verbose=0)
    for batch in (slice(0, 9), slice(9, 13)):
        error = network(x[batch], training=True) - y[batch]
        network.backward(2 * error / error.size)
        for _, layer, key in network.parameters():
            layer.params[key] -= 2.0**-4 * layer.grads[key]
    weights = {"scratch": network.get_weights(), "keras": ADAPTERS["keras"].weights(model)}
    parity("residual", weights, terms=2 * TERMS)
    predictions = {"scratch": network(x), "keras": model.predict(x, verbose=0)}
    parity("residual", predictions, terms=3 * TERMS)


# --- Bad input ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("branch", "shortcut"), [("aa", ""), ("ab", "ca"), ("a", "a"), ("", "bb"), ("ba", "cdb")]
)
def test_names_that_clash(branch, shortcut):
    def block(framework, adapter):
        make = Maker(framework, "float32")
        make.residual([make.relu(name) for name in branch], [make.relu(name) for name in shortcut])

    same_error(block, f"layers must have names that differ, got {list(branch + shortcut)}")


@pytest.mark.parametrize(("inputs", "outputs"), [(3, 5), (3, 1), (1, 3)])
def test_shapes_that_differ(inputs, outputs):
    """Also those that would broadcast."""
    x = np.ones((4, inputs), np.float32)

    def alone(framework, adapter):
        make = Maker(framework, "float32")
        make.residual([make.dense(inputs, outputs, "dense")])(adapter.tensor(x))

    def inside(framework, adapter):
        make = Maker(framework, "float32")
        block = make.residual([make.relu()], [make.dense(inputs, outputs, "dense")])
        make.sequential([make.relu(), block])(adapter.tensor(x))

    message = "output of branch, like that of shortcut, must have shape {}, got {}"
    same_error(alone, message.format((4, inputs), (4, outputs)))
    same_error(inside, message.format((4, outputs), (4, inputs)))


def test_bad_input_of_a_layer_inside():
    x = np.ones((4, 2), np.float32)

    def call(framework, adapter):
        make = Maker(framework, "float32")
        make.residual([make.dense(3, 3, "dense")])(adapter.tensor(x))

    message = "x must have 3 features in its last axis (shape (N, ..., 3)), got shape (4, 2)"
    same_error(call, message)
