import copy
import decimal
import math

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
from scratch.fast import activations as fast

SCRATCH = panel("scratch", "activations")
# Function, layer, arguments. A slope that float32 has not: 0.01.
CASES = [
    ("gelu", "GELU", {"approximate": False}),
    ("gelu", "GELU", {"approximate": True}),
    ("silu", "SiLU", {}),
    ("leaky_relu", "LeakyReLU", {"negative_slope": 0.01}),
    ("leaky_relu", "LeakyReLU", {"negative_slope": 0.0}),
    ("leaky_relu", "LeakyReLU", {"negative_slope": 2.0}),
    ("selu", "SELU", {}),
]


def terms(function, options):
    """Gradients have 1 - s and 1 - t^2, where s and t come near 1. A rounding of s counts x times,
    up to x = 36, where s is 1; one of t x sqrt(2 / pi) (1 + 3 * 0.044715 x^2) times, up to x = 7.2.
    """
    return {"silu": 36, "gelu": 46 if options.get("approximate") else 1}.get(function, 1)


LEFT_OF_0 = {"gelu": 0.5, "silu": 0.5, "leaky_relu": 0.01}  # the gradients there
LEFT_OF_0 |= {"selu": 1.0507009873554805 * 1.6732632423543772}


def draw(dtype, *shape, seed=0):
    return np.random.default_rng(seed).normal(0, 3, size=shape).astype(dtype)


def make(framework, layer, **options):
    keras = {"dtype": "float64"} if framework == "keras" else {}
    return getattr(panel(framework, "activations"), layer)(**options, **keras)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(1,), (40, 5), (2, 3, 4, 1)])
@pytest.mark.parametrize(("function", "layer", "options"), CASES)
def test_layers_agree(parity, dtype, shape, function, layer, options):
    """Of the dtype of their input, whatever that is; in either mode."""
    x, upstream = draw(dtype, 2, *shape)

    def steps(framework, adapter):
        made = make(framework, layer, **options)
        return [adapter.step(made, x, upstream, training=training) for training in (True, False)]

    parity("activations", everywhere(steps), terms=terms(function, options))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("function", "layer", "options"), CASES)
def test_functions_far_out_and_at_0(parity, dtype, function, layer, options):
    """Nothing overflows, each value on its own scale; at 0 the gradient is that of the left."""
    points = np.array([-1000, -90, -30, -1e-3, -1e-30, -0.0, 0, 1e-30, 1e-3, 30, 90, 1000], dtype)

    def call(framework, adapter):
        made = getattr(panel(framework, "activations"), function)
        if framework == "scratch":
            backward = getattr(panel(framework, "activations"), function + "_backward")
            ones = np.ones_like(points)
            return [made(points, **options), backward(ones, points, **options)]
        output, (grad,) = adapter.vjp(lambda x: made(x, **options), (points,), np.ones_like(points))
        return [output, grad]

    found = everywhere(call)
    for i, x in enumerate(points):
        each = {
            framework: {"output": output[i : i + 1], "gradient": grad[i : i + 1]}
            for framework, (output, grad) in found.items()
        }
        if x >= -1:  # left of that only 0 or nearly is left: on what scale is a matter of the form
            parity("activations", each, terms=terms(function, options))
    for framework, (output, grad) in found.items():
        assert np.isfinite(output).all(), framework
        assert np.isfinite(grad).all(), framework
        at_0 = options.get("negative_slope", LEFT_OF_0[function])
        rtol = 4 * np.finfo(dtype).eps
        np.testing.assert_allclose(grad[5:7], at_0, rtol=rtol, err_msg=framework)


@pytest.mark.once
@pytest.mark.parametrize(("function", "layer", "options"), CASES)
def test_backward_is_the_gradient(function, layer, options):
    x, upstream = draw("float64", 2, 6, 5, seed=1)
    forward, backward = getattr(SCRATCH, function), getattr(SCRATCH, function + "_backward")
    grad = backward(upstream, x, **options)
    assert_gradient(lambda x: (upstream * forward(x, **options)).sum(), x, grad)
    made = make("scratch", layer, **options)
    before = x.copy(), upstream.copy()
    np.testing.assert_allclose(made(x), forward(x, **options), rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(made.backward(upstream), grad, rtol=1e-12, atol=1e-14)
    np.testing.assert_array_equal((x, upstream), before)


def exact_erf(z):
    """2 / sqrt(pi) sum_n (-1)^n z^(2n + 1) / (n! (2n + 1)), to 50 digits for abs(z) < 7."""
    with decimal.localcontext() as context:
        context.prec = 90
        square, term, total = decimal.Decimal(z) ** 2, decimal.Decimal(z), decimal.Decimal(0)
        for n in range(400):
            total += term / (2 * n + 1)
            term *= -square / (n + 1)
        pi = decimal.Decimal("3.14159265358979323846264338327950288419716939937510582097494459")
        return 2 * total / pi.sqrt()


@pytest.mark.once
def test_erf_is_as_near_as_the_docstring_says():
    points = np.concatenate([np.linspace(-6, 6, 101), draw("float64", 50), [1e-300, 1e-9, 0.0]])
    for x in points[np.abs(points) < 9]:
        z = x / math.sqrt(2)
        exact = exact_erf(float(z))
        found = decimal.Decimal(math.erf(z))
        assert abs(found - exact) <= abs(exact) * decimal.Decimal(2.0**-52)  # 1 ulp
        with decimal.localcontext() as context:
            context.prec = 60
            phi = (1 + exact_erf(decimal.Decimal(float(x)) / decimal.Decimal(2).sqrt())) / 2
            y = decimal.Decimal(float(SCRATCH.gelu(np.array([x]))[0]))
            error = abs(y - decimal.Decimal(float(x)) * phi)
            bound = (2.3e-16 + 2.0**-52) * abs(x)
            assert error <= decimal.Decimal(bound) + decimal.Decimal("5e-324")


@pytest.mark.once
@pytest.mark.parametrize(("dtype", "left_out"), [("float64", 4.4e-17), ("float32", 1.1e-8)])
def test_normal_distribution_of_the_table(dtype, left_out):
    """What is left out, and three roundings of numbers up to 1; small ones are as good."""
    x = np.concatenate([np.linspace(-10, 10, 20001), [-np.inf, np.inf, 1e-30]]).astype(dtype)
    exact = np.array([math.erfc(-float(value) / math.sqrt(2)) / 2 for value in x])
    error = np.abs(fast._distribution(x) - exact)
    assert error.max() <= left_out + 3 * np.finfo(dtype).eps / 2
    usual = np.abs(x) < 2
    assert (error[usual] / exact[usual]).max() < 64 * np.finfo(dtype).eps
    assert fast._distribution(x).dtype == dtype
    assert np.isnan(fast._distribution(np.array([np.nan], dtype))).all()
    far = np.array([-1e30, -8.5, 8.5, 1e30], dtype)
    assert fast._distribution(far).tolist() == [0, 0, 1, 1]


def test_by_hand():
    x = np.array([-2.0, 0, 1])
    np.testing.assert_allclose(
        SCRATCH.gelu(x), [-0.04550026389635842, 0, 0.8413447460685429], rtol=1e-15
    )
    np.testing.assert_allclose(SCRATCH.silu(x), x / (1 + np.exp(-x)), rtol=1e-15)
    np.testing.assert_array_equal(SCRATCH.leaky_relu(x, negative_slope=0.5), [-1, 0, 1])
    # A layer of SELU keeps mean 0 and variance 1: integrals over the normal distribution.
    grid, step = np.linspace(-12, 12, 240001, retstep=True)
    weight = np.exp(-(grid**2) / 2) / math.sqrt(2 * math.pi) * step
    y = SCRATCH.selu(grid)
    # The sum for the mean is off by step^2 / 12 times the change of slope at 0: 2.4e-10.
    assert abs((y * weight).sum()) < 1e-9
    assert abs((y**2 * weight).sum() - 1) < 1e-12
    # The tanh form is as far from the exact one as its docstring says.
    apart = np.abs(SCRATCH.gelu(grid[::10], approximate=True) - SCRATCH.gelu(grid[::10]))
    assert 4e-4 < apart.max() < 5e-4


# --- Native: the frameworks' own at their own defaults --------------------------------------------


@pytest.mark.once
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("kind", ["GELU", "SiLU", "LeakyReLU", "SELU"])
def test_bare_torch_at_its_defaults(parity, dtype, kind):
    """Entries of the map: gelu-form, leaky-relu-slope."""
    import torch

    x, upstream = draw(dtype, 2, 9, 7, seed=2)
    found = {
        "scratch": ADAPTERS["scratch"].step(make("scratch", kind), x, upstream),
        "torch": ADAPTERS["torch"].step(getattr(torch.nn, kind)(), x, upstream),
    }
    parity("activations, native", found, terms=terms(kind.lower(), {}))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "own",
    [
        *("gelu", "ops.gelu", "silu", "selu", "leaky_relu", "LeakyReLU"),
    ],
)
def test_bare_keras_at_its_defaults(parity, dtype, own):
    """Entries of the map: gelu-form, leaky-relu-slope, leaky-relu-string,
    leaky-relu-slope-rounding.
    """
    import keras

    x, upstream = draw(dtype, 2, 9, 7, seed=3)
    rounded = ADAPTERS["keras"].backend == "tensorflow"

    def slope(value):
        """TensorFlow's op keeps it in float32."""
        return {"negative_slope": float(np.float32(value)) if rounded else value}

    bare, function, options = {
        "gelu": (keras.activations.gelu, "gelu", {}),
        "ops.gelu": (keras.ops.gelu, "gelu", {"approximate": True}),
        "silu": (keras.activations.silu, "silu", {}),
        "selu": (keras.activations.selu, "selu", {}),
        "leaky_relu": (keras.activations.leaky_relu, "leaky_relu", slope(0.2)),
        "LeakyReLU": (keras.layers.LeakyReLU(dtype=dtype), "leaky_relu", slope(0.3)),
    }[own]
    output, (grad,) = ADAPTERS["keras"].vjp(bare, (x,), upstream)
    found = {
        "scratch": [
            getattr(SCRATCH, function)(x, **options),
            getattr(SCRATCH, function + "_backward")(upstream, x, **options),
        ],
        "keras": [output, grad],
    }
    # TensorFlow has sqrt 2 and 0.044715 with the digits of float32, off by 2.4e-8 at most.
    loose = "gelu" in own and rounded and dtype == "float64"
    options = {"terms": terms(function, options)}
    parity("activations, native", found, **(options if not loose else {"tolerance": 2.4e-8}))


# --- Frameworks -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("function", "layer", "options"), CASES)
def test_keras_graph_with_unknown_sizes(parity, function, layer, options):
    made = make("keras", layer, **options)
    for run in traced(made, (None, None, 6), "float64"):
        for rows in (5, 1):
            x = draw("float64", rows, 3, 6, seed=rows)
            ours = getattr(SCRATCH, function)(x, **options)
            parity(
                "activations",
                {"scratch": ours, "keras": run(ADAPTERS["keras"].tensor(x))},
                terms=terms(function, options),
            )


@pytest.mark.parametrize(("function", "layer", "options"), CASES[1:])
def test_layers_survive_saving(function, layer, options, tmp_path):
    import keras
    import torch

    x, adapter = draw("float64", 3, 4), ADAPTERS["keras"]
    made = make("keras", layer, **options, name="n")
    assert type(made).from_config(made.get_config()).get_config() == made.get_config()
    model = keras.Sequential([keras.Input((4,), dtype="float64"), made])
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    x_there = adapter.tensor(x)
    np.testing.assert_array_equal(adapter.numpy(loaded(x_there)), adapter.numpy(made(x_there)))
    made = make("torch", layer, **options, name="n")
    assert torch.equal(copy.deepcopy(made)(torch.tensor(x)), made(torch.tensor(x)))
    assert made.name == "n"
    for value in options.values():
        assert str(value) in repr(made)


# --- Refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize("slope", [-0.1, float("nan"), float("inf"), "steep", None, True])
def test_bad_slope(slope):
    message = f"negative_slope must be a number in [0, inf), got {slope!r}"
    same_error(lambda f, a: make(f, "LeakyReLU", negative_slope=slope), message)
    same_error(
        lambda f, a: panel(f, "activations").leaky_relu(a.tensor(np.ones(3)), negative_slope=slope),
        message,
    )


@pytest.mark.parametrize("approximate", ["tanh", 1, None])
def test_bad_form(approximate):
    message = f"approximate must be True or False, got {approximate!r}"
    same_error(lambda f, a: make(f, "GELU", approximate=approximate), message)
    same_error(
        lambda f, a: panel(f, "activations").gelu(a.tensor(np.ones(3)), approximate=approximate),
        message,
    )


@pytest.mark.parametrize(("function", "layer", "options"), CASES)
def test_bad_arrays(function, layer, options):
    for x, message in (
        (np.ones((2, 3), int), "x must be floating point, got int64"),
        (np.ones((0, 3)), "x must hold at least one row, got shape (0, 3)"),
    ):
        same_error(
            lambda f, a, x=x: getattr(panel(f, "activations"), function)(a.tensor(x)), message
        )
        same_error(lambda f, a, x=x: make(f, layer, **options)(a.tensor(x)), message)
    with pytest.raises(ValueError, match=r"grad must have shape \(2, 3\), got \(1, 3\)"):
        getattr(SCRATCH, function + "_backward")(np.ones((1, 3)), np.ones((2, 3)))
