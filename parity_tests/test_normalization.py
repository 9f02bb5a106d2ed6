import copy

import numpy as np
import pytest

from parity_tests.panels import (
    ADAPTERS,
    DTYPES,
    assert_gradient,
    everywhere,
    panel,
    same_error,
    traced,
)

SCRATCH = panel("scratch", "normalization")
KINDS = ("LayerNorm", "RMSNorm", "GroupNorm", "InstanceNorm")
FUNCTIONS = {
    "LayerNorm": "layer_norm",
    "RMSNorm": "rms_norm",
    "GroupNorm": "group_norm",
    "InstanceNorm": "instance_norm",
}
# Kind, shape, groups. Of two values x_hat is 1 and -1 but for epsilon, and dx cancels down to a
# multiple of it: a large epsilon, where n is small, keeps enough of dx for a relative error.
CASES = [
    ("LayerNorm", (7, 5), None),
    ("LayerNorm", (2, 3, 4, 6), None),
    ("RMSNorm", (7, 5), None),
    ("RMSNorm", (2, 3, 6), None),
    ("GroupNorm", (3, 6), 2),
    ("GroupNorm", (2, 5, 4), 4),
    ("GroupNorm", (1, 4, 3, 6), 3),
    ("InstanceNorm", (2, 5, 3), None),
    ("InstanceNorm", (3, 4, 5, 2), None),
]
ONE_VALUE = [
    ("LayerNorm", (3, 1), None),
    ("GroupNorm", (1, 4), 4),
    ("InstanceNorm", (1, 1, 1, 3), None),
    ("InstanceNorm", (2, 3), None),
]


@pytest.mark.parametrize(("kind", "shape", "groups"), [c for c in CASES if c[0] != "RMSNorm"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_mean_costs_no_more_digits_than_it_has(kind, shape, groups, dtype):
    """Numbers round 1000 are known to 1000 eps; E[x^2] - E[x]^2 would be to 1000000."""
    x = np.round(8 * draw("float64", *shape)) / 8  # which 1000 leaves as they are
    options = {"epsilon": 0.1} | ({} if groups is None else {"groups": groups})
    exact = getattr(SCRATCH, FUNCTIONS[kind])(x, None, None, **options)

    def far(framework, adapter):
        function = getattr(panel(framework, "normalization"), FUNCTIONS[kind])
        return adapter.numpy(
            function(adapter.tensor((x + 1000).astype(dtype)), None, None, **options)
        )

    for framework, y in everywhere(far).items():
        np.testing.assert_allclose(y, exact, atol=4000 * np.finfo(dtype).eps, err_msg=framework)


def draw(dtype, *shape, seed=0):
    return np.random.default_rng(seed).normal(0.5, 2, size=shape).astype(dtype)


def make(framework, kind, features, groups=None, **options):
    given = {} if groups is None else {"groups": groups}
    return getattr(panel(framework, "normalization"), kind)(features, **given, **options)


def load(adapter, layer, dtype):
    rng = np.random.default_rng(9)
    weights = adapter.weights(layer)
    adapter.load(
        layer,
        {key: rng.uniform(0.5, 2, array.shape).astype(dtype) for key, array in weights.items()},
    )
    return layer


def terms(shape):
    """Two sums in a row: the mean is inside the variance, and both inside dx."""
    return 2 * int(np.prod(shape))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize(("kind", "shape", "groups"), [*CASES, ("RMSNorm", (3, 1), None)])
def test_training_and_inference(parity, dtype, affine, kind, shape, groups):
    """Output, and the gradients of x, gamma and beta; both modes are one and keep nothing."""
    x, upstream = draw(dtype, 2, *shape)

    def steps(framework, adapter):
        layer = make(framework, kind, shape[-1], groups, epsilon=0.25, affine=affine, dtype=dtype)
        load(adapter, layer, dtype)
        return [adapter.step(layer, x, upstream, training=training) for training in (True, False)]

    found = everywhere(steps)
    parameters = ["gamma", "beta"][: 0 if not affine else 1 if kind == "RMSNorm" else 2]
    training, inference = found["scratch"]
    assert set(training) == {"output", "gradient.x", *(f"gradient.{key}" for key in parameters)}
    for key, array in training.items():
        np.testing.assert_array_equal(array, inference[key])
    parity("normalization", found, terms=terms(shape))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize(("kind", "shape", "groups"), ONE_VALUE)
def test_of_one_value_beta_is_left(dtype, affine, kind, shape, groups):
    """Up to a few roundings of x, where a framework folds the mean into beta."""
    x, upstream = draw(dtype, 2, *shape)

    def step(framework, adapter):
        layer = make(framework, kind, shape[-1], groups, epsilon=0.25, affine=affine, dtype=dtype)
        load(adapter, layer, dtype)
        return adapter.weights(layer).get("beta", 0), adapter.step(layer, x, upstream)

    atol = 16 * np.finfo(dtype).eps * np.abs(x).max() * np.abs(upstream).max()
    for framework, (beta, found) in everywhere(step).items():
        exact = {"output": beta, "gradient.x": 0}
        if affine:
            exact |= {"gradient.gamma": 0, "gradient.beta": upstream.reshape(-1, shape[-1]).sum(0)}
        assert set(found) == set(exact)
        for key, array in found.items():
            expected = np.broadcast_to(exact[key], array.shape)
            np.testing.assert_allclose(
                array, expected, rtol=0, atol=0 if framework == "scratch" else atol, err_msg=key
            )


@pytest.mark.parametrize("given", ["gamma and beta", "gamma", "beta"])
@pytest.mark.parametrize("kind", KINDS)
def test_pure_functions(parity, kind, given):
    """gamma and beta may be there each by itself. An epsilon that float32 has not: 1e-3."""
    x, gamma, beta = draw("float64", 3, 4, 6), *draw("float64", 2, 6, seed=1)

    def call(framework, adapter):
        function = getattr(panel(framework, "normalization"), FUNCTIONS[kind])
        parameters = [
            adapter.tensor(array) if name in given else None
            for name, array in (("gamma", gamma), ("beta", beta))
        ][: 1 if kind == "RMSNorm" else 2]
        options = {"groups": 3} if kind == "GroupNorm" else {}
        return function(adapter.tensor(x), *parameters, epsilon=1e-3, **options)

    parity("normalization", everywhere(call), terms=terms((4, 6)))


@pytest.mark.parametrize("scaled", [True, False])
@pytest.mark.parametrize(("kind", "shape", "groups"), [*CASES, *ONE_VALUE])
@pytest.mark.once
def test_backward_is_the_gradient(kind, shape, groups, scaled):
    x, upstream = draw("float64", 2, *shape, seed=4)
    gamma, beta = draw("float64", 2, shape[-1], seed=5)
    if not scaled:
        gamma = beta = None
    options = {"epsilon": 0.1} | ({} if groups is None else {"groups": groups})
    function = getattr(SCRATCH, FUNCTIONS[kind])
    backward = getattr(SCRATCH, FUNCTIONS[kind] + "_backward")

    def loss(x, gamma, beta):
        return (upstream * function(x, gamma, beta, **options)).sum()

    if kind == "RMSNorm":

        def loss(x, gamma, _):
            return (upstream * function(x, gamma, **options)).sum()

    dx, *grads = backward(upstream, x, gamma, **options)
    assert_gradient(lambda x: loss(x, gamma, beta), x, dx)
    if scaled:
        assert_gradient(lambda gamma: loss(x, gamma, beta), gamma, grads[0])
    if scaled and kind != "RMSNorm":
        assert_gradient(lambda beta: loss(x, gamma, beta), beta, grads[1])


def test_by_hand():
    """Mean 2 and variance 4 of (0, 4); of their squares the mean is 8."""
    x = np.array([[0.0, 4.0]])
    ones = np.ones(2)
    y = SCRATCH.layer_norm(x, 6 * ones, 10 * ones, epsilon=5.0)
    np.testing.assert_array_equal(y, [[6, 14]])
    np.testing.assert_array_equal(SCRATCH.rms_norm(x, ones, epsilon=8.0), [[0, 1]])
    images = np.array([0.0, 4.0]).reshape(1, 2, 1, 1)
    y = SCRATCH.instance_norm(images, None, None, epsilon=5.0)
    np.testing.assert_array_equal(y.ravel(), [-2 / 3, 2 / 3])


def test_one_is_a_case_of_another():
    """One group and one place is layer norm; as many groups as features, instance norm."""
    x, gamma, beta = draw("float64", 4, 6), *draw("float64", 2, 6, seed=1)
    layer = SCRATCH.layer_norm(x, gamma, beta, epsilon=0.1)
    group = SCRATCH.group_norm(x, gamma, beta, groups=1, epsilon=0.1)
    np.testing.assert_allclose(group, layer, rtol=1e-13, atol=1e-13)
    # Without a mean, RMS norm is layer norm.
    centred = x - x.mean(-1, keepdims=True)
    np.testing.assert_allclose(
        SCRATCH.rms_norm(centred, gamma, epsilon=0.1) + beta, layer, rtol=1e-13, atol=1e-13
    )
    # Its own scale and shift come out again.
    far = SCRATCH.layer_norm(100 * x + 7, gamma, beta, epsilon=1000.0)
    np.testing.assert_allclose(far, layer, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_an_example_does_not_see_the_others(kind):
    x, groups = draw("float64", 4, 3, 6), 2 if kind == "GroupNorm" else None
    layer = make("scratch", kind, 6, groups, dtype="float64")
    np.testing.assert_array_equal(layer(x)[1:2], layer(x[1:2]))
    before, upstream = x.copy(), x[::-1].copy()
    layer(x)
    np.testing.assert_array_equal(layer.backward(upstream), layer.backward(upstream))
    np.testing.assert_array_equal(x, before)


def test_autocast_of_pytorch_casts_as_it_was_asked_to():
    import torch

    dense = panel("torch", "layers").Dense(6, 6)
    x = torch.rand(5, 6)
    for kind in KINDS:
        for affine in (True, False):
            layer = make("torch", kind, 6, 1 if kind == "GroupNorm" else None, affine=affine)
            with torch.autocast("cpu", torch.bfloat16):
                y = layer(dense(x))
            bound = 16 * torch.finfo(torch.bfloat16).eps
            torch.testing.assert_close(y.float(), layer(dense(x)), rtol=bound, atol=bound)


# --- Native: the frameworks' own layers at their own defaults -------------------------------------


def torch_native(bare, x, upstream, moved):
    """One step, with the features where PyTorch has them."""
    import torch

    there = [np.moveaxis(a, -1, 1) if moved else a for a in (x, upstream)]
    inputs = torch.tensor(there[0], requires_grad=True)
    output = bare(inputs)
    output.backward(torch.tensor(there[1]))
    found = {"output": output, "gradient.x": inputs.grad}
    if moved:
        found = {key: value.movedim(1, -1) for key, value in found.items()}
    for name, parameter in bare.named_parameters():
        found[{"weight": "gradient.gamma", "bias": "gradient.beta"}[name]] = parameter.grad
    return found


@pytest.mark.once
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("kind", KINDS)
def test_bare_torch_at_its_defaults(parity, dtype, kind):
    """Small inputs, so that epsilon counts. Entries of the map: rms-norm-epsilon, instance-norm."""
    import torch

    x, upstream = 0.05 * draw(dtype, 2, 3, 4, 5, 6, seed=6)
    like = {"dtype": getattr(torch, dtype)}
    bare, options = {
        "LayerNorm": lambda: (torch.nn.LayerNorm(6, **like), {}),
        "RMSNorm": lambda: (torch.nn.RMSNorm(6, **like), {"epsilon": np.finfo(dtype).eps}),
        "GroupNorm": lambda: (torch.nn.GroupNorm(3, 6, **like), {"groups": 3}),
        "InstanceNorm": lambda: (torch.nn.InstanceNorm2d(6, **like), {"affine": False}),
    }[kind]()
    layer = make("scratch", kind, 6, **options, dtype=dtype)
    moved = kind in ("GroupNorm", "InstanceNorm")
    parity(
        "normalization, native",
        {
            "scratch": ADAPTERS["scratch"].step(layer, x, upstream),
            "torch": torch_native(bare, x, upstream, moved),
        },
        terms=terms((4, 5, 6)),
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", KINDS)
def test_bare_keras_at_its_defaults(parity, dtype, kind):
    """Entries of the map: layer-norm-epsilon, group-norm-defaults, instance-norm."""
    import keras

    features = 64 if kind == "GroupNorm" else 6
    x, upstream = 0.05 * draw(dtype, 2, 3, 4, 5, features, seed=7)
    layers = keras.layers
    bare, options = {
        "LayerNorm": lambda: (layers.LayerNormalization(dtype=dtype), {"epsilon": 1e-3}),
        "RMSNorm": lambda: (layers.RMSNormalization(dtype=dtype), {}),
        "GroupNorm": lambda: (
            layers.GroupNormalization(dtype=dtype),
            {"groups": 32, "epsilon": 1e-3},
        ),
        "InstanceNorm": lambda: (
            layers.GroupNormalization(groups=-1, dtype=dtype),
            {"epsilon": 1e-3},
        ),
    }[kind]()
    layer = make("scratch", kind, features, **options, dtype=dtype)
    parity(
        "normalization, native",
        {
            "scratch": ADAPTERS["scratch"].step(layer, x, upstream),
            "keras": ADAPTERS["keras"].step(bare, x, upstream),
        },
        terms=terms((4, 5, 6)),
    )


# --- Frameworks -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_keras_graph_with_unknown_sizes(parity, kind):
    groups = 2 if kind == "GroupNorm" else None
    layer, ours = (
        make(f, kind, 6, groups, dtype="float64", name="n") for f in ("keras", "scratch")
    )
    for run in traced(layer, (None, None, 6), "float64"):
        for rows in (5, 1):
            x = draw("float64", rows, 3, 6, seed=rows)
            found = {"scratch": ours(x), "keras": run(ADAPTERS["keras"].tensor(x))}
            parity("normalization", found, terms=terms((3, 6)))


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_layers_survive_saving(kind, affine, tmp_path):
    import keras
    import torch

    groups = 2 if kind == "GroupNorm" else None
    options = {"epsilon": 0.25, "affine": affine, "name": "n"}
    x = draw("float32", 3, 4, 6)
    adapter = ADAPTERS["keras"]
    layer = load(adapter, make("keras", kind, 6, groups, **options), "float32")
    assert type(layer).from_config(layer.get_config()).get_config() == layer.get_config()
    model = keras.Sequential([keras.Input((4, 6)), layer])
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(adapter.numpy(loaded(x)), adapter.numpy(layer(x)))

    adapter = ADAPTERS["torch"]
    layer = load(adapter, make("torch", kind, 6, groups, **options), "float32")
    fresh = make("torch", kind, 6, groups, **options)
    fresh.load_state_dict(layer.state_dict())
    for each in (fresh, copy.deepcopy(layer)):
        assert torch.equal(each(torch.tensor(x)), layer(torch.tensor(x)))
    assert "6, epsilon=0.25" in repr(layer)


def test_layer_norm_without_bias(parity):
    x, upstream = draw("float64", 2, 5, 4)

    def step(framework, adapter):
        layer = make(framework, "LayerNorm", 4, use_bias=False, epsilon=0.1, dtype="float64")
        return adapter.step(load(adapter, layer, "float64"), x, upstream)

    found = everywhere(step)
    assert set(found["scratch"]) == {"output", "gradient.x", "gradient.gamma"}
    parity("normalization", found, terms=terms((5, 4)))
    config = make("keras", "LayerNorm", 4, use_bias=False).get_config()
    assert not config["use_bias"]
    with pytest.raises(TypeError, match=r"LayerNorm takes none of .*'axis'"):
        make("keras", "LayerNorm", 4, axis=1)


def test_nearly_constant_float32_stays_finite():
    """Where the variance is 0, a negative one from rounding would make the output NaN."""
    x = np.full((2, 4, 4, 4), 255, np.float32) + np.array([0, 0.1, 0.2, 0.3], np.float32)
    for kind in KINDS:
        groups = 4 if kind == "GroupNorm" else None

        def step(framework, adapter, kind=kind, groups=groups):
            return adapter.step(make(framework, kind, 4, groups), x, np.ones_like(x))

        for framework, found in everywhere(step).items():
            for key, array in found.items():
                assert np.isfinite(array).all(), (kind, framework, key)


# --- Refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize("epsilon", [0, -1e-5, float("inf"), float("nan"), "small", None])
@pytest.mark.parametrize("kind", KINDS)
def test_bad_epsilon(kind, epsilon):
    message = f"epsilon must be a number in (0, inf), got {epsilon!r}"
    groups = 1 if kind == "GroupNorm" else None
    same_error(lambda f, a: make(f, kind, 3, groups, epsilon=epsilon), message)

    def call(framework, adapter):
        function = getattr(panel(framework, "normalization"), FUNCTIONS[kind])
        parameters = [None] if kind == "RMSNorm" else [None, None]
        options = {} if groups is None else {"groups": groups}
        function(adapter.tensor(np.ones((2, 3))), *parameters, epsilon=epsilon, **options)

    same_error(call, message)


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (4, "groups must divide the 6 features, got 4"),
        (12, "groups must divide the 6 features, got 12"),
        (0, "groups must be an integer >= 1, got 0"),
        (-1, "groups must be an integer >= 1, got -1"),
        (True, "groups must be an integer >= 1, got True"),
        (1.5, "groups must be an integer >= 1, got 1.5"),
    ],
)
def test_bad_groups(groups, message):
    same_error(lambda f, a: make(f, "GroupNorm", 6, groups), message)
    same_error(
        lambda f, a: panel(f, "normalization").group_norm(
            a.tensor(np.ones((2, 6))), None, None, groups=groups, epsilon=0.1
        ),
        message,
    )


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_bad_input_of_a_layer(kind, affine):
    groups = 1 if kind == "GroupNorm" else None

    def call(x):
        return lambda f, a: make(f, kind, 3, groups, affine=affine)(a.tensor(x))

    last = "x must have 3 features in its last axis (shape (N, ..., 3)), got shape "
    same_error(call(np.ones((4, 2), np.float32)), last + "(4, 2)")
    same_error(call(np.ones(3, np.float32)), last + "(3,)")
    same_error(call(np.ones((0, 3), np.float32)), "x must hold at least one row, got shape (0, 3)")
    same_error(call(np.ones((4, 3), int)), "x must be floating point, got int64")
    if affine:
        same_error(
            call(np.ones((4, 3))),
            "x must have the layer's dtype, float32, got float64: convert it, or make the layer "
            "with dtype='float64'",
        )


def test_bad_arguments():
    x, vector, wrong = np.ones((4, 3)), np.ones(3), np.ones(1)

    def call(x, gamma, beta):
        return lambda f, a: panel(f, "normalization").layer_norm(
            a.tensor(x), a.tensor(gamma), a.tensor(beta), epsilon=0.1
        )

    same_error(call(x, wrong, vector), "gamma must have shape (3,), got (1,)")
    same_error(call(x, vector, wrong), "beta must have shape (3,), got (1,)")
    same_error(
        call(vector, vector, vector),
        "x must have 3 features in its last axis (shape (N, ..., 3)), got shape (3,)",
    )
    for kind in KINDS:
        groups = 1 if kind == "GroupNorm" else None
        for features in (0, 2.5, None):
            same_error(
                lambda f, a, kind=kind, features=features, g=groups: make(f, kind, features, g),
                f"features must be an integer >= 1, got {features!r}",
            )
        same_error(
            lambda f, a, kind=kind, groups=groups: make(f, kind, 3, groups, affine="yes"),
            "affine must be True or False, got 'yes'",
        )
        backward = getattr(SCRATCH, FUNCTIONS[kind] + "_backward")
        options = {} if groups is None else {"groups": groups}
        with pytest.raises(ValueError, match=r"grad must have shape \(4, 3\), got \(1, 3\)"):
            backward(x[:1], x, None, epsilon=0.1, **options)
    same_error(
        lambda f, a: make(f, "LayerNorm", 3, use_bias=1), "use_bias must be True or False, got 1"
    )
