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
    traced,
)
from triptych.common.datasets import Dataset
from triptych.common.recipes import Recipe
from triptych.weights import canonical, restore

RNG = np.random.default_rng(0)
scratch = panel("scratch", "spectral_norm")


def inner(framework, kind, dtype="float32", **options):
    options = {"seed": 5, "name": "inner", "dtype": dtype} | options
    if kind == "dense":
        return panel(framework, "layers").Dense(5, 4, **options)
    return panel(framework, "convolution").Conv2D(2, 4, (3, 2), groups=2, **options)


def make(framework, kind="dense", dtype="float32", **options):
    layer = inner(framework, kind, dtype)
    return panel(framework, "spectral_norm").SpectralNorm(
        layer, **{"seed": 3, "name": "n"} | options
    )


def example(kind, dtype="float64"):
    shapes = {"dense": ((7, 5), (7, 4)), "sequence": ((2, 3, 5), (2, 3, 4))}
    x, y = shapes.get(kind, ((3, 5, 4, 2), (3, 3, 3, 4)))
    return RNG.normal(size=x).astype(dtype), RNG.normal(size=y).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", ["dense", "sequence", "convolution"])
@pytest.mark.parametrize("iterations", [1, 3])
def test_three_steps_agree(parity, dtype, kind, iterations):
    x, upstream = example(kind, dtype)

    def three_steps(framework, adapter):
        layer = make(framework, kind.replace("sequence", "dense"), dtype, iterations=iterations)
        steps = []
        for training in (True, True, False):
            steps.append(adapter.step(layer, x, upstream, training=training))
            moved = canonical(layer)  # so that u and v have to follow
            moved["inner.weight"] *= np.linspace(0.5, 2, moved["inner.weight"].shape[-1])
            restore(layer, moved, cast=True)
        return steps

    parity("spectral_norm", everywhere(three_steps))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_functions_agree(parity, dtype):
    for shape in [(5, 4), (1, 1), (3, 2, 2, 4)]:
        w = RNG.normal(size=shape).astype(dtype)
        u = RNG.normal(size=shape[-1]).astype(dtype)
        v = RNG.normal(size=w.size // shape[-1]).astype(dtype)

        def call(framework, adapter, arrays=(w, u, v)):
            functions = panel(framework, "spectral_norm")
            w, u, v = map(adapter.tensor, arrays)
            u, v = functions.power_iteration(w, u, v, iterations=2)
            return [u, v, functions.spectral_norm(w, u, v)]

        parity("spectral_norm", everywhere(call))


@pytest.mark.parametrize("kind", ["dense", "convolution"])
@pytest.mark.parametrize("training", [True, False])
def test_backward_is_the_gradient(kind, training):
    """With u and v as constants: they are those that the pass has left."""
    layer = make("scratch", kind, "float64")
    x, upstream = example(kind)
    y = layer(x, training=training)
    dx = layer.backward(upstream)
    np.testing.assert_array_equal(layer(x), y)

    def loss(x=x):
        return (upstream * layer(x)).sum()

    assert_parameter_gradients(layer, loss)
    assert_gradient(loss, x, dx)
    grads = layer.layer.grads
    layer.backward_parameters(upstream)
    for name, grad in layer.layer.grads.items():
        np.testing.assert_array_equal(grad, grads[name])


def test_sigma_is_the_largest_singular_value():
    for shape in [(5, 4), (2, 7), (3, 3, 2, 4)]:
        w = RNG.normal(size=shape)
        u, v = scratch.power_iteration(
            w, np.ones(shape[-1]), np.zeros(w.size // shape[-1]), iterations=2000
        )
        matrix = w.reshape(-1, shape[-1])
        left, values, right = np.linalg.svd(matrix)
        np.testing.assert_allclose(v @ matrix @ u, values[0], rtol=1e-13)
        np.testing.assert_allclose(np.outer(v, u), np.outer(left[:, 0], right[0]), atol=1e-12)
        found = scratch.spectral_norm(w, u, v).reshape(matrix.shape)
        np.testing.assert_allclose(found, matrix / values[0], rtol=1e-12)


def test_a_normalized_layer_is_1_lipschitz():
    layer = make("scratch", "dense", "float64", iterations=500)
    layer.layer.params["weight"] *= 30
    x = RNG.normal(size=(200, 5))
    y = layer(x, training=True)
    stretched = np.linalg.norm(y[1:] - y[:-1], axis=1) / np.linalg.norm(x[1:] - x[:-1], axis=1)
    assert stretched.max() <= 1 + 1e-12
    bare = layer.layer(x)
    assert (
        np.linalg.norm(bare[1:] - bare[:-1], axis=1) > np.linalg.norm(x[1:] - x[:-1], axis=1)
    ).any()


def test_inference_keeps_u_and_v():
    x, _ = example("dense", "float32")

    def kept(framework, adapter):
        layer = make(framework)
        before = canonical(layer)
        adapter.step(layer, x, np.ones((7, 4), "float32"), training=False)
        for name, array in canonical(layer).items():
            np.testing.assert_array_equal(array, before[name])
        return []

    everywhere(kept)


def test_zeros_stay_and_are_normalized_once_they_move():
    def moved(framework, adapter):
        layer = make(framework, dtype="float64")
        zero = canonical(layer)
        zero["inner.weight"][...] = 0
        zero["v"][...] = 0
        restore(layer, zero)
        x, upstream = np.ones((2, 5)), np.ones((2, 4))
        first = adapter.step(layer, x, upstream)
        assert (first["output"] == 0).all()
        np.testing.assert_array_equal(first["gradient.inner.weight"], 2)
        np.testing.assert_array_equal(canonical(layer)["u"], zero["u"])
        restore(layer, canonical(layer) | {"inner.weight": np.eye(5, 4)})
        return adapter.step(layer, x, upstream)["output"]

    for output in everywhere(moved).values():
        assert np.abs(output).max() > 0


def test_bare_torch(parity):
    """Entry of the map: spectral-norm-order. PyTorch's is ours with the sides changed."""
    import torch
    from torch.nn.utils.parametrizations import spectral_norm

    w, (x, upstream) = RNG.normal(size=(3, 2, 2, 4)), example("convolution")
    x = RNG.normal(size=(3, 5, 4, 2))
    matrix = w.reshape(-1, 4)
    bare = torch.nn.Conv2d(2, 4, (3, 2), bias=False, dtype=torch.float64)
    spectral_norm(bare, n_power_iterations=2)
    state = bare.parametrizations.weight[0]
    bare.parametrizations.weight.original.data = torch.tensor(w.transpose(3, 2, 0, 1).copy())
    v = RNG.normal(size=len(matrix))
    order = v.reshape(3, 2, 2).transpose(2, 0, 1).ravel()  # PyTorch's rows: channels come first
    state._v.copy_(torch.tensor(order))
    output = bare(torch.tensor(x.transpose(0, 3, 1, 2).copy()))
    output.backward(torch.tensor(upstream.transpose(0, 3, 1, 2).copy()))

    v, u = scratch.power_iteration(matrix.T, v, np.zeros(4), iterations=2)
    layer = panel("scratch", "convolution").Conv2D(2, 4, (3, 2), use_bias=False, dtype="float64")
    layer.params["weight"] = scratch.spectral_norm(w, u, v)
    ours = layer(x)
    layer.backward(upstream)
    gradient = scratch.spectral_norm_backward(layer.grads["weight"], w, u, v)
    theirs = bare.parametrizations.weight.original.grad.permute(2, 3, 1, 0)
    parity(
        "spectral_norm, native",
        {
            "scratch": [u, ours, gradient],
            "torch": [state._u, output.permute(0, 2, 3, 1), theirs],
        },
    )


def test_bare_torch_as_it_was(parity):
    """``torch.nn.utils.spectral_norm``, which is deprecated, has the order of the paper."""
    import torch

    w, u = RNG.normal(size=(5, 4)), RNG.normal(size=4)
    u /= np.linalg.norm(u)
    bare = torch.nn.Linear(5, 4, bias=False, dtype=torch.float64)
    torch.nn.utils.spectral_norm(bare, n_power_iterations=3)
    bare.weight_orig.data = torch.tensor(w.T.copy())
    bare.weight_u.copy_(torch.tensor(u))
    x, upstream = example("dense")
    output = bare(torch.tensor(x))
    output.backward(torch.tensor(upstream))

    u, v = scratch.power_iteration(w, u, np.zeros(5), iterations=3)
    gradient = scratch.spectral_norm_backward(x.T @ upstream, w, u, v)
    ours = [u, v, x @ scratch.spectral_norm(w, u, v), gradient]
    theirs = [bare.weight_u, bare.weight_v, output, bare.weight_orig.grad.T]
    parity("spectral_norm, native", {"scratch": ours, "torch": theirs})


@pytest.mark.parametrize("kind", ["dense", "convolution"])
def test_bare_keras(parity, kind):
    """Entries of the map: spectral-norm-timing, spectral-norm-gradient. The kernel becomes W~."""
    import keras

    x, _ = example(kind)
    if kind == "dense":
        layer = keras.layers.Dense(4, use_bias=False, dtype="float64")
    else:
        layer = keras.layers.Conv2D(4, (3, 2), use_bias=False, dtype="float64")
    bare = keras.layers.SpectralNormalization(layer, power_iterations=2, dtype="float64")
    bare.build((None, *x.shape[1:]))
    w, u = RNG.normal(size=layer.kernel.shape), RNG.normal(size=4)
    layer.kernel.assign(w)
    bare.vector_u.assign(u[None])
    bare(ADAPTERS["keras"].tensor(x), training=True)
    u, v = scratch.power_iteration(w, u, np.zeros(w.size // 4), iterations=2)
    ours = [u, scratch.spectral_norm(w, u, v)]
    theirs = [ADAPTERS["keras"].numpy(bare.vector_u)[0], layer.kernel.value]
    parity("spectral_norm, native", {"scratch": ours, "keras": theirs})


def test_runs_agree(parity):
    """``fit`` with momentum, weight decay and clipping, which act on W."""
    recipe = Recipe(
        input_shape=(5,),
        hidden=(4,),
        outputs=4,
        loss="softmax",
        epochs=2,
        batch_size=8,
        optimizer="sgd",
        momentum=0.9,
        weight_decay=0.01,
        learning_rate=0.1,
        clip_norm=0.5,
        dtype="float64",
    )
    x, labels = RNG.normal(size=(24, 5)), RNG.integers(0, 4, 24)
    data = Dataset("drawn", x, labels, x, labels, x, labels, 4)

    def run(framework, adapter):
        layers = panel(framework, "layers")
        keras = {"dtype": "float64"} if framework == "keras" else {}
        model = layers.Sequential(  # Keras casts to the dtype of its first layer
            [
                make(framework, "dense", "float64"),
                layers.ReLU(name="relu", **keras),
                layers.Dense(4, 4, seed=1, name="output", dtype="float64"),
            ]
        )
        if framework == "keras":
            model.build((None, 5))
        history = panel(framework, "training").fit(model, recipe, data, progress=False)
        return [np.array(history.step_loss), adapter.weights(model)]

    runs = everywhere(run)
    parity("spectral_norm", runs, tolerance=1e-12)
    assert set(runs["scratch"][1]) == {
        *("n.u", "n.v", "n.inner.weight", "n.inner.bias", "output.weight", "output.bias")
    }


def test_inner_state_goes_on():
    """That of a dense layer with masks of its own, which counts its steps."""

    def steps(framework, adapter):
        layer = panel(framework, "drop_connect").DropConnectDense(5, 4, 0.5, name="inner")
        wrapped = panel(framework, "spectral_norm").SpectralNorm(layer, name="n")
        x, upstream = np.ones((2, 5), "float32"), np.ones((2, 4), "float32")
        outputs = [adapter.step(wrapped, x, upstream)["output"] for _ in range(2)]
        assert canonical(wrapped)["inner.step"] == 2
        return outputs

    outputs = everywhere(steps)
    for framework in ("torch", "keras"):
        np.testing.assert_allclose(outputs[framework], outputs["scratch"], rtol=1e-5)


def test_frozen():
    x = np.ones((2, 5), "float32")
    expected = make("scratch")(x, training=True)
    layer = make("keras")
    layer.layer.trainable = False
    found = layer(ADAPTERS["keras"].tensor(x), training=True)
    np.testing.assert_allclose(ADAPTERS["keras"].numpy(found), expected, rtol=1e-5)
    assert not layer.trainable_variables


def test_weights_travel():
    x, _ = example("dense", "float32")
    source = make("scratch", name="source")
    restore(source, canonical(source) | {"inner.weight": RNG.normal(size=(5, 4)).astype("float32")})
    expected = source(x, training=True)
    weights = canonical(source)
    for framework in ADAPTERS:
        target = make(framework)
        restore(target, weights)
        found = ADAPTERS[framework].step(target, x, np.ones((7, 4), "float32"), training=False)
        np.testing.assert_allclose(found["output"], expected, rtol=1e-5, atol=1e-6)


def test_of_bare_layers(tmp_path):
    """The frameworks' own, too: PyTorch's needs a name, and Keras's is built when it is called."""
    import keras
    import torch

    x = np.ones((2, 5), "float32")
    bare = torch.nn.Linear(5, 4, bias=False)
    bare.name = "linear"
    layer = panel("torch", "spectral_norm").SpectralNorm(bare, iterations=200)
    layer(torch.tensor(x))
    weight = bare.weight.detach().numpy()
    np.testing.assert_allclose(
        layer(torch.tensor(x)).detach().numpy(), x @ weight.T / np.linalg.norm(weight, 2), rtol=1e-4
    )
    wrapped = panel("keras", "spectral_norm").SpectralNorm(
        keras.layers.Dense(4, use_bias=False), iterations=200
    )
    model = keras.Sequential([wrapped])
    found = ADAPTERS["keras"].numpy(model(ADAPTERS["keras"].tensor(x), training=True))
    weight = ADAPTERS["keras"].numpy(wrapped.layer.kernel)
    np.testing.assert_allclose(found, x @ weight / np.linalg.norm(weight, 2), rtol=1e-4)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(
        ADAPTERS["keras"].numpy(loaded(ADAPTERS["keras"].tensor(x))), found
    )


def test_keras_in_a_graph():
    x, _ = example("dense", "float32")
    layer, expected = make("keras"), make("scratch")
    start = canonical(layer)
    for call in traced(lambda x: layer(x, training=True), (None, 5), "float32"):
        restore(layer, start)
        restore(expected, start)
        found = ADAPTERS["keras"].numpy(call(x))
        np.testing.assert_allclose(found, expected(x, training=True), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("iterations", [0, -1, 1.5, True, "one", None])
def test_bad_iterations(iterations):
    shown = repr(iterations)
    message = f"iterations must be an integer >= 1, got {shown}"
    same_error(lambda f, a: make(f, iterations=iterations), message)


def test_bad_layers():
    def message(shown):
        return f"layer must be a dense layer or a convolution, with a name, got {shown}"

    def wrap(layer):
        return lambda f, a: panel(f, "spectral_norm").SpectralNorm(layer)

    names = "layers must have names that differ, got ['u', 'u', 'v']"
    same_error(lambda f, a: wrap(panel(f, "layers").Dense(5, 4, name="u"))(f, a), names)
    for layer in (None, "dense", 3):
        same_error(wrap(layer), message(repr(layer)))
    for framework in ADAPTERS:
        relu = panel(framework, "layers").ReLU()
        with pytest.raises(ValueError, match="layer must be a dense layer or a convolution"):
            panel(framework, "spectral_norm").SpectralNorm(relu)


def test_bad_arrays():
    w = np.ones((3, 2, 4))

    def refused(message, **changed):
        arrays = {"w": w, "u": np.ones(4), "v": np.ones(6)} | changed

        def call(framework, adapter):
            given = {name: adapter.tensor(value) for name, value in arrays.items()}
            return panel(framework, "spectral_norm").spectral_norm(**given)

        same_error(call, message)

    refused("u must have shape (4,), got (3,)", u=np.ones(3))
    refused("v must have shape (6,), got (4,)", v=np.ones(4))
    refused("w must have two axes or more, none of them empty, got shape (4,)", w=np.ones(4))
    refused("w must be floating point, got int64", w=w.astype(int))
    refused("u must have the dtype of w, float64, got float32", u=np.ones(4, "float32"))


@pytest.mark.once
def test_backward_of_an_earlier_pass():
    """u and v of a pass are its own, whatever comes before its backward."""
    import torch

    x, upstream = example("dense")
    layer = make("torch", dtype="float64").eval()
    expected = ADAPTERS["torch"].step(layer, x, upstream, training=False)
    layer.zero_grad()
    y = layer.eval()(torch.tensor(x))
    layer.train()(torch.tensor(x))
    y.backward(torch.tensor(upstream))
    found = layer.inner.weight.grad.numpy().T
    np.testing.assert_array_equal(found, expected["gradient.inner.weight"])
    layer = make("scratch", dtype="float64")
    layer(x)
    state, weights = layer.state, canonical(layer)
    restore(layer, weights | {"u": -2 * state["u"], "v": state["v"] + 1})
    layer.backward(upstream)
    found = layer.layer.grads["weight"]
    np.testing.assert_allclose(found, expected["gradient.inner.weight"], rtol=1e-12)


@pytest.mark.parametrize("size", [1e-160, 1e160])
def test_weights_of_any_size(parity, size):
    w = size * RNG.normal(size=(5, 4))

    def normalized(framework, adapter):
        functions = panel(framework, "spectral_norm")
        given = map(adapter.tensor, (w, np.ones(4), np.zeros(5)))
        w_, u, v = given
        u, v = functions.power_iteration(w_, u, v, iterations=200)
        return [u, v, functions.spectral_norm(w_, u, v)]

    found = everywhere(normalized)
    parity("spectral_norm", found)
    assert np.linalg.norm(found["scratch"][2], 2) == pytest.approx(1, rel=1e-6)


def test_keras_loss_of_the_output():
    import keras

    dense = keras.layers.Dense(4, activity_regularizer="l2", kernel_regularizer="l2")
    layer = panel("keras", "spectral_norm").SpectralNorm(dense)
    layer(ADAPTERS["keras"].tensor(np.ones((2, 5), "float32")))
    assert len(layer.losses) == 2


def test_two_layers_of_one_stream_are_refused():
    def network(framework, adapter):
        layers = panel(framework, "layers")
        wraps = [
            panel(framework, "spectral_norm").SpectralNorm(
                layers.Dense(4, 4, seed=i, name="inner"), name="n"
            )
            for i in range(2)
        ]
        return layers.Sequential(
            [layers.Sequential([each], name=f"row_{i}") for i, each in enumerate(wraps)]
        )

    same_error(
        network,
        "layers of a model must draw from streams that differ, got SpectralNorm(seed=0, name='n') "
        "and SpectralNorm(seed=0, name='n'): give one of them another name or another seed",
    )
