import sys

import numpy as np
import pytest

from parity_tests.panels import (
    ADAPTERS,
    assert_gradient,
    assert_parameter_gradients,
    everywhere,
    panel,
    same_error,
    traced,
)
from triptych.common import checks

SCRATCH = panel("scratch", "layers")
ACTIVATIONS = ["ReLU", "Tanh", "Sigmoid"]


def make(framework, kind, *, dtype="float32", **options):
    """A layer without weights takes its dtype from x; a Keras model that of its first layer."""
    keras = {"dtype": dtype} if framework == "keras" else {}
    return getattr(panel(framework, "layers"), kind)(**options, **keras)


def make_dense(framework, in_features, out_features, **options):
    return panel(framework, "layers").Dense(in_features, out_features, **options)


def draw(dtype, *shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def make_network(framework, dtype):
    """Every kind of layer with weights or state, from (N, 2, 3) to (N, 1)."""
    batch_norm, dropout = panel(framework, "batch_norm"), panel(framework, "dropout")
    keras = {"dtype": dtype} if framework == "keras" else {}
    layers = [
        make(framework, "Flatten", dtype=dtype),
        make_dense(framework, 6, 8, use_bias=False, seed=5, name="dense_1", dtype=dtype),
        batch_norm.BatchNorm(8, name="batch_norm_1", dtype=dtype),
        make(framework, "ReLU", name="relu_1", dtype=dtype),
        dropout.Dropout(0.25, seed=5, name="dropout_1", **keras),
        make_dense(framework, 8, 4, seed=5, name="dense_2", dtype=dtype),
        make(framework, "Tanh", name="tanh_1", dtype=dtype),
        make_dense(framework, 4, 1, seed=5, name="output", dtype=dtype),
        make(framework, "Sigmoid", dtype=dtype),
    ]
    return panel(framework, "layers").Sequential(layers)


NETWORK_WEIGHTS = {
    "dense_1.weight": (6, 8),
    "batch_norm_1.gamma": (8,),
    "batch_norm_1.beta": (8,),
    "batch_norm_1.running_mean": (8,),
    "batch_norm_1.running_variance": (8,),
    "dropout_1.step": (),
    "dense_2.weight": (8, 4),
    "dense_2.bias": (4,),
    "output.weight": (4, 1),
    "output.bias": (1,),
}


def random_weights(weights, seed=0):
    """Values of the same shapes and dtypes; a variance is positive."""
    rng = np.random.default_rng(seed)
    values = {key: rng.uniform(-1, 1, array.shape) for key, array in weights.items()}
    return {
        key: (value**2 + 1 if key.endswith("variance") else value).astype(weights[key].dtype)
        for key, value in values.items()
    }


# --- One layer ----------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_glorot_uniform_is_bit_identical(parity, dtype):
    for shape in [(1, 1), (7, 5), (64, 3)]:
        options = {"seed": 11, "name": "dense_1", "dtype": dtype}
        parity(
            "layers",
            everywhere(
                lambda f, a, shape=shape, options=options: [
                    panel(f, "layers").glorot_uniform(shape, **options),
                    a.weights(make_dense(f, *shape, **options))["weight"],
                ]
            ),
            tolerance=0,
        )


def test_glorot_uniform_fills_its_interval():
    weight = SCRATCH.glorot_uniform((300, 100), seed=0, name="dense", dtype="float64")
    limit = np.sqrt(6 / 400)
    assert weight.shape == (300, 100)
    assert limit * 0.999 < weight.max() <= limit
    assert -limit <= weight.min() < -limit * 0.999
    # The standard errors of the mean and of the mean square of 30,000 draws.
    assert abs(weight.mean()) < 5 * limit / np.sqrt(3 * 30_000)
    assert abs(np.mean(weight**2) / (limit**2 / 3) - 1) < 5 * np.sqrt(0.8 / 30_000)
    other_seed = SCRATCH.glorot_uniform((300, 100), seed=1, name="dense", dtype="float64")
    other_name = SCRATCH.glorot_uniform((300, 100), seed=0, name="dense_2", dtype="float64")
    for other in (other_seed, other_name):
        assert abs(np.corrcoef(weight.ravel(), other.ravel())[0, 1]) < 5 / np.sqrt(30_000)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    ("shape", "use_bias"), [((1, 1, 1), True), ((7, 5, 3), False), ((2, 4, 3, 5), True)]
)
def test_dense(parity, dtype, shape, use_bias):
    """``shape``: of x, then the number of outputs."""
    *leading, inputs, outputs = shape
    x, upstream = draw(dtype, *leading, inputs), draw(dtype, *leading, outputs, seed=1)

    def step(framework, adapter):
        layer = make_dense(framework, inputs, outputs, use_bias=use_bias, dtype=dtype)
        adapter.load(layer, random_weights(adapter.weights(layer)))
        return adapter.step(layer, x, upstream)

    found = everywhere(step)
    keys = {"output", "gradient.x", "gradient.weight", *(["gradient.bias"] if use_bias else [])}
    assert set(found["scratch"]) == keys
    parity("layers", found, terms=max(inputs + 1, outputs, int(np.prod(leading))))


@pytest.mark.parametrize("shape", [(4, 3), (2, 3, 3)])
def test_dense_backward_is_the_gradient(shape):
    x, upstream = draw("float64", *shape), draw("float64", *shape[:-1], 2, seed=1)
    layer = make_dense("scratch", 3, 2, dtype="float64")
    layer(x)
    assert_gradient(lambda x: (upstream * layer(x)).sum(), x, layer.backward(upstream))
    for key in ("weight", "bias"):
        original = layer.params[key]

        def loss(value, key=key):
            layer.params[key] = value
            return (upstream * layer(x)).sum()

        assert_gradient(loss, original, layer.grads[key])
        layer.params[key] = original


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("kind", ACTIVATIONS)
@pytest.mark.parametrize("shape", [(6, 5), (3, 2, 2, 4)])
def test_activations(parity, dtype, kind, shape):
    x, upstream = 3 * draw(dtype, *shape), draw(dtype, *shape, seed=1)
    found = everywhere(lambda f, a: a.step(make(f, kind, dtype=dtype), x, upstream))
    parity("layers", found)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("kind", ACTIVATIONS)
def test_activations_at_zero_and_far_out(parity, dtype, kind):
    """ReLU has the gradient 0 at 0; tanh and sigmoid saturate without a warning or a NaN."""
    x = np.array([[0, -0.0, 1000, -1000, 30, -30, 1e-6]], dtype)
    found = everywhere(lambda f, a: a.step(make(f, kind, dtype=dtype), x, np.ones_like(x)))
    # Each number on its own: beside the largest one, a wrong small one would not show.
    rows = {
        name: {f"{key}.{i}": array[:, i] for key, array in step.items() for i in range(4)}
        for name, step in found.items()
    }
    parity("layers", rows)
    parity("layers", found)
    expected = {
        "ReLU": ([0, 0, 1000, 0], [0, 0, 1, 0]),
        "Tanh": ([0, 0, 1, -1], [1, 1, 0, 0]),
        "Sigmoid": ([0.5, 0.5, 1, 0], [0.25, 0.25, 0, 0]),
    }
    for key, values in zip(("output", "gradient.x"), expected[kind], strict=True):
        np.testing.assert_array_equal(found["scratch"][key][0, :4], values)


@pytest.mark.parametrize("kind", ACTIVATIONS)
def test_activation_backward_is_the_gradient(kind):
    x, upstream = draw("float64", 2, 5, 4)
    layer = make("scratch", kind)
    layer(x)
    assert_gradient(lambda x: (upstream * layer(x)).sum(), x, layer.backward(upstream))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("shape", [(1, 1), (3, 4), (2, 3, 4, 2), (1, 5, 1, 3)])
@pytest.mark.parametrize("order", ["hwc", "chw"])
def test_flatten(parity, dtype, shape, order):
    shape = (*shape, 1, 1)[:4] if order == "chw" else shape
    x = draw(dtype, *shape)
    upstream = draw(dtype, shape[0], x[0].size, seed=1)
    options = {"order": order, "dtype": dtype}
    found = everywhere(lambda f, a: a.step(make(f, "Flatten", **options), x, upstream))
    parity("layers", found, tolerance=0)
    axes = (0, 3, 1, 2) if order == "chw" else range(len(shape))
    expected = x.transpose(*axes).reshape(shape[0], -1)
    np.testing.assert_array_equal(found["scratch"]["output"], expected)
    layer = make("scratch", "Flatten", order=order)
    # It only moves numbers about: what comes back is what went in.
    np.testing.assert_array_equal(layer.backward(layer(x)), x)


@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (1, 1, 7, 2)])
def test_bare_flatten(parity, shape):
    """Of (N, C, H, W) in PyTorch, of (N, H, W, C) in Keras.

    Entries of the map: flatten-order.
    """
    import torch

    x, adapter = draw("float64", *shape), ADAPTERS["keras"]
    upstream = draw("float64", shape[0], x[0].size, seed=1)
    images = torch.tensor(x.transpose(0, 3, 1, 2)).requires_grad_()
    y = torch.nn.Flatten()(images)
    y.backward(torch.tensor(upstream))
    native = {"output": y, "gradient.x": images.grad.permute(0, 2, 3, 1)}
    step = ADAPTERS["scratch"].step(make("scratch", "Flatten", order="chw"), x, upstream)
    parity("layers, native", {"scratch": step, "torch": native}, tolerance=0)
    bare = adapter.keras.layers.Flatten(data_format="channels_last", dtype="float64")
    step = ADAPTERS["scratch"].step(make("scratch", "Flatten"), x, upstream)
    native = adapter.step(bare, x, upstream)
    parity("layers, native", {"scratch": step, "keras": native}, tolerance=0)


@pytest.mark.parametrize("order", ["hwc", "chw"])
def test_keras_flatten_saves_and_loads(tmp_path, order):
    adapter = ADAPTERS["keras"]
    inputs = adapter.keras.Input((3, 4, 2), dtype="float64")
    layer = make("keras", "Flatten", dtype="float64", order=order)
    model = adapter.keras.Model(inputs, layer(inputs))
    assert model.output_shape == (None, 24)
    model.save(tmp_path / "model.keras")
    copy = adapter.keras.saving.load_model(tmp_path / "model.keras")
    assert copy.layers[1].order == order
    assert copy.layers[1].get_config() == layer.get_config()
    x = draw("float64", 2, 3, 4, 2)
    axes = (0, 3, 1, 2) if order == "chw" else (0, 1, 2, 3)
    for run in (copy, *traced(copy, (None, 3, 4, 2), "float64")):
        y = adapter.numpy(run(adapter.tensor(x)))
        np.testing.assert_array_equal(y, x.transpose(axes).reshape(2, -1))


@pytest.mark.parametrize("kind", [*ACTIVATIONS, "Flatten", "Dense"])
def test_nothing_of_the_caller_changes(kind):
    x = draw("float64", 4, 3)
    options = {"in_features": 3, "out_features": 3, "dtype": "float64"} if kind == "Dense" else {}
    layer = getattr(SCRATCH, kind)(**options)
    before = x.copy()
    y = layer(x)
    kept = y.copy()
    upstream = draw("float64", *y.shape, seed=1)
    given = upstream.copy()
    np.testing.assert_array_equal(layer.backward(upstream), layer.backward(upstream))
    np.testing.assert_array_equal(x, before)
    np.testing.assert_array_equal(upstream, given)
    np.testing.assert_array_equal(y, kept)


# --- Layers in a row ----------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_network_agrees_over_steps(parity, dtype):
    """Three passes in training, one in inference: output, every gradient and all state."""
    x, upstream = draw(dtype, 4, 9, 2, 3), draw(dtype, 4, 9, 1, seed=1)

    def steps(framework, adapter):
        network = make_network(framework, dtype)
        return [adapter.step(network, x[i], upstream[i], training=i < 3) for i in range(4)]

    found = everywhere(steps)
    parameters = {key for key in NETWORK_WEIGHTS if key.split(".")[1] in "weight bias gamma beta"}
    assert {key for key in found["scratch"][0] if key.startswith("gradient.")} == {
        "gradient.x", *(f"gradient.{key}" for key in parameters)
    }  # fmt: skip
    # Five sums follow one another on the way down and again on the way up: 6, 9, 9, 8 and 4 terms.
    parity("layers", found, terms=2 * (6 + 9 + 9 + 8 + 4))


def test_a_network_backward_is_the_gradient():
    x, upstream = draw("float64", 5, 2, 3), draw("float64", 5, 1, seed=1)
    network = make_network("scratch", "float64")
    state = network.layers[4].state

    def loss(x):
        state["step"] = np.zeros((), np.int64)  # the same mask each time
        return (upstream * network(x, training=True)).sum()

    loss(x)
    dx = network.backward(upstream)
    assert_gradient(loss, x, dx)
    assert_parameter_gradients(network, lambda: loss(x))


def test_parameters_are_named_in_order():
    named = [name for name, _, _ in make_network("scratch", "float32").parameters()]
    state = ("running_mean", "running_variance", "step")
    assert named == [name for name in NETWORK_WEIGHTS if not name.endswith(state)]


def test_weights_go_from_any_panel_to_any_other(parity):
    """One name, one layout; a network starts with the same weights, bit for bit, in each panel."""
    networks = everywhere(lambda f, a: make_network(f, "float64"))
    initial = everywhere(lambda f, a: a.weights(networks[f]))
    parity("layers", initial, tolerance=0)
    assert {key: array.shape for key, array in initial["scratch"].items()} == NETWORK_WEIGHTS

    weights = random_weights(initial["scratch"], seed=1)
    weights["dropout_1.step"] = np.array(7)
    for framework, adapter in ADAPTERS.items():
        adapter.load(networks[framework], weights)
        for key, array in adapter.weights(networks[framework]).items():
            np.testing.assert_array_equal(array, weights[key], err_msg=f"{framework} {key}")

    # In training: the mask of step 7, and running statistics that start at the loaded ones.
    x, upstream = draw("float64", 5, 2, 3), draw("float64", 5, 1, seed=2)
    found = everywhere(lambda f, a: a.step(networks[f], x, upstream))
    parity("layers", found, terms=2 * (6 + 5 + 5 + 8 + 4))


def test_weights_are_copies():
    x, upstream = draw("float32", 5, 2, 3), np.ones((5, 1), np.float32)
    for framework, adapter in ADAPTERS.items():
        network = make_network(framework, "float32")
        adapter.step(network, x, upstream, training=False)
        weights = adapter.weights(network)
        kept = {key: array.copy() for key, array in weights.items()}
        adapter.step(network, x, upstream)  # changes the running statistics and the step
        for key, array in weights.items():
            np.testing.assert_array_equal(array, kept[key], err_msg=framework)
            array[...] = 0
        after = adapter.weights(network)
        assert after["dropout_1.step"] == 1
        assert after["batch_norm_1.running_mean"].any()
        assert after["dense_1.weight"].any()


def test_torch_state_dict_round_trip(tmp_path):
    import torch

    adapter = ADAPTERS["torch"]
    x, upstream = draw("float64", 6, 2, 3), draw("float64", 6, 1, seed=1)
    network = make_network("torch", "float64")
    adapter.step(network, x, upstream)
    torch.save(network.state_dict(), tmp_path / "network.pt")
    copy = make_network("torch", "float64")
    copy.load_state_dict(torch.load(tmp_path / "network.pt"))
    assert_same_future(adapter, network, copy, x, upstream)


def test_keras_save_and_load_round_trip(tmp_path):
    adapter = ADAPTERS["keras"]
    x, upstream = draw("float64", 6, 2, 3), draw("float64", 6, 1, seed=1)
    network = make_network("keras", "float64")
    adapter.step(network, x, upstream)
    network.save(tmp_path / "network.keras")
    copy = adapter.keras.saving.load_model(tmp_path / "network.keras")
    assert [type(layer) for layer in copy.layers] == [type(layer) for layer in network.layers]
    assert type(copy) is type(network)
    configs = [[layer.get_config() for layer in model.layers] for model in (copy, network)]
    assert configs[0] == configs[1]
    assert [copy.layers[i].seed for i in (1, 4, 5, 7)] == [5] * 4
    assert [v.dtype for v in copy.weights] == [v.dtype for v in network.weights]
    assert_same_future(adapter, network, copy, x, upstream)


def assert_same_future(adapter, network, copy, x, upstream):
    """Equal weights and state, and equal steps from there: in training, then in inference."""
    assert adapter.weights(copy).keys() == adapter.weights(network).keys()
    for key, array in adapter.weights(network).items():
        np.testing.assert_array_equal(adapter.weights(copy)[key], array)
    for training in (True, False):
        expected = adapter.step(network, x, upstream, training=training)
        found = adapter.step(copy, x, upstream, training=training)
        assert found.keys() == expected.keys()
        for key in expected:
            np.testing.assert_array_equal(found[key], expected[key])


def test_a_second_pass_checks_nothing_again():
    """What was found right for one batch is remembered for the next of its kind."""
    x, upstream = draw("float64", 6, 2, 3), draw("float64", 6, 1, seed=1)
    network = make_network("scratch", "float64")
    called = []

    def look(frame, event, _):
        code = frame.f_code
        if event == "call" and code.co_filename == checks.__file__:
            called.append(code.co_name)

    for _ in range(2):
        called.clear()
        sys.setprofile(look)
        try:
            network.forward(x, training=True)
            network.backward(upstream)
        finally:
            sys.setprofile(None)
    assert len(called) > 0
    assert [name for name in called if name.startswith("check_")] == []


def test_no_layers_give_x_back():
    """Keras cannot call a model that has no layers."""
    x = draw("float32", 2, 3)
    for framework in ("scratch", "torch"):
        empty = panel(framework, "layers").Sequential()
        tensor = ADAPTERS[framework].tensor(x)
        np.testing.assert_array_equal(ADAPTERS[framework].numpy(empty(tensor)), x)


# --- Bad input ----------------------------------------------------------------------------------


def test_names_that_clash():
    same_error(
        lambda f, a: panel(f, "layers").Sequential(
            [make_dense(f, 2, 2, name="a"), make(f, "ReLU"), make_dense(f, 2, 2, name="a")]
        ),
        "layers must have names that differ, got ['a', 'relu', 'a']",
    )


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((4, 2), "x must have 3 features in its last axis (shape (N, ..., 3)), got shape (4, 2)"),
        ((3,), "x must have 3 features in its last axis (shape (N, ..., 3)), got shape (3,)"),
        ((0, 3), "x must hold at least one row, got shape (0, 3)"),
    ],
)
def test_bad_shape(shape, message):
    """Also from inside a model, whether it was called before or not."""
    x, good = np.ones(shape, np.float32), np.ones((2, 3), np.float32)
    same_error(lambda f, a: make_dense(f, 3, 2)(a.tensor(x)), message)

    def inside(framework, adapter):
        model = panel(framework, "layers").Sequential(
            [make_dense(framework, 3, 2), make(framework, "ReLU")]
        )
        model(adapter.tensor(good))
        model(adapter.tensor(x))

    if len(shape) > 1:  # Keras itself refuses another number of axes than it was built for
        same_error(inside, message)


def test_bad_arguments():
    for value in (0, -3, 1.5, "two", None, True):
        for name, sizes in (("in_features", (value, 2)), ("out_features", (2, value))):
            same_error(
                lambda f, a, sizes=sizes: make_dense(f, *sizes),
                f"{name} must be an integer >= 1, got {value!r}",
            )
    same_error(
        lambda f, a: make_dense(f, 2, 2, dtype="float16"),
        "dtype must be one of 'float32', 'float64', got 'float16'",
    )
    empty = np.ones((0, 2, 2), np.float32)
    same_error(
        lambda f, a: make(f, "Flatten")(a.tensor(empty)),
        "x must hold at least one row, got shape (0, 2, 2)",
    )
    same_error(
        lambda f, a: make(f, "Flatten", order="HWC"),
        "order must be one of 'hwc', 'chw', got 'HWC'",
    )
    for shape in ((2, 3), (2, 3, 4), (2, 3, 4, 5, 1)):
        x = np.ones(shape, np.float32)
        same_error(
            lambda f, a, x=x: make(f, "Flatten", order="chw")(a.tensor(x)),
            f"x must have shape (N, H, W, C), got shape {shape}",
        )


@pytest.mark.parametrize(
    ("file", "kind", "sizes", "shape"),
    [
        ("layers", "Dense", (3, 2), (4, 3)),
        ("batch_norm", "BatchNorm", (3,), (4, 3)),
        ("convolution", "Conv2D", (3, 2, 2), (4, 5, 5, 3)),
    ],
)
@pytest.mark.parametrize(("own", "other"), [("float32", "float64"), ("float64", "float32")])
def test_a_layer_takes_its_own_dtype(file, kind, sizes, shape, own, other):
    message = (
        f"x must have the layer's dtype, {own}, got {other}: convert it, or make the layer with "
        f"dtype='{other}'"
    )

    def call(framework, adapter):
        layer = getattr(panel(framework, file), kind)(*sizes, dtype=own)
        before = adapter.weights(layer)
        try:
            layer(adapter.tensor(np.ones(shape, other)))
        finally:
            for name, array in adapter.weights(layer).items():
                assert array.dtype == before[name].dtype
                np.testing.assert_array_equal(array, before[name])

    same_error(call, message)


def test_layers_without_weights_keep_the_dtype():
    for dtype in ("float32", "float64"):

        def call(framework, adapter, dtype=dtype):
            x = adapter.tensor(np.ones((4, 3), dtype))
            for layer in (make(framework, "ReLU"), panel(framework, "dropout").Dropout(0.5)):
                y = adapter.numpy(layer(x))
                assert y.dtype == dtype, framework

        everywhere(call)
