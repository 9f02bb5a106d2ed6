import math

import keras
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import ElasticNet, Lasso, Ridge

from parity_tests.panels import ADAPTERS, assert_gradient, everywhere, panel, same_error
from triptych.common.recipes import representable

PENALTIES = [
    ("L1", {"strength": 0.1}),
    ("L1", {"strength": 0.0}),
    ("L2", {"strength": 0.3}),
    ("ElasticNet", {"alpha": 0.7, "l1_ratio": 0.2}),
    ("ElasticNet", {"alpha": 0.7, "l1_ratio": 0.0}),
    ("ElasticNet", {"alpha": 0.7, "l1_ratio": 1.0}),
]


def make(framework, kind, options):
    return getattr(panel(framework, "penalties"), kind)(**options)


def weights(shape, dtype="float64"):
    """Some are exactly zero, and some are below the thresholds."""
    w = np.array(np.random.default_rng(0).normal(size=shape))
    w[np.abs(w) < 0.1] = 0.0
    return w.astype(dtype)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("shape", [(), (1,), (30, 7), (3, 3, 2, 5)])
@pytest.mark.parametrize(("kind", "options"), PENALTIES)
def test_the_panels_agree(parity, dtype, shape, kind, options):
    w = weights(shape, dtype)

    def call(framework, adapter):
        penalty, tensor = make(framework, kind, options), adapter.tensor(w)
        return {
            "penalty": penalty.penalty(tensor),
            "gradient": penalty.gradient(tensor),
            "proximal": penalty.proximal(tensor, 0.7),
        }

    parity("penalties", everywhere(call), terms=w.size)


@pytest.mark.parametrize(("kind", "options"), PENALTIES)
def test_gradient(parity, kind, options):
    penalty, w = make("scratch", kind, options), weights((6, 5))
    nonzero = w[w != 0]
    assert_gradient(penalty.penalty, nonzero, penalty.gradient(nonzero))
    assert (penalty.gradient(w)[w == 0] == 0).all()
    assert (w == 0).any()

    def autodiff(framework, adapter):
        return adapter.vjp(make(framework, kind, options).penalty, (w,), np.array(1.0))[1]

    frameworks = {f: autodiff(f, ADAPTERS[f]) for f in ("torch", "keras")}
    parity("penalties", {"scratch": [penalty.gradient(w)]} | frameworks)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_bare_keras_regularizers(parity, dtype):
    """Entries of the map: l2-factor."""
    w = weights((30, 7), dtype)
    l1, l2, alpha, ratio = 0.5, representable(0.3), 0.75, 0.25  # Keras rounds them to float32
    tensor = ADAPTERS["keras"].tensor(w)
    bare = {
        "l1": keras.regularizers.L1(l1)(tensor),
        "l2": keras.regularizers.L2(l2 / 2)(tensor),
        "elastic_net": keras.regularizers.L1L2(alpha * ratio, alpha * (1 - ratio) / 2)(tensor),
    }
    scratch = panel("scratch", "penalties")
    ours = {
        "l1": scratch.l1_penalty(w, l1),
        "l2": scratch.l2_penalty(w, l2),
        "elastic_net": scratch.elastic_net_penalty(w, alpha, ratio),
    }
    # Our classes are theirs, with the same factors in them.
    own = {
        "l1": keras.regularizers.L1.__call__(make("keras", "L1", {"strength": l1}), tensor),
        "l2": keras.regularizers.L2.__call__(make("keras", "L2", {"strength": l2}), tensor),
        "elastic_net": keras.regularizers.L1L2.__call__(
            make("keras", "ElasticNet", {"alpha": alpha, "l1_ratio": ratio}), tensor
        ),
    }
    parity("penalties, native", {"scratch": ours, "keras": bare, "own": own}, terms=w.size)


def test_bare_torch_weight_decay_and_softshrink(parity):
    """Entries of the map: l2-factor, l2-scope."""
    w = weights((30, 7))
    parameter = torch.nn.Parameter(torch.zeros(30, 7, dtype=torch.float64))
    with torch.no_grad():
        parameter.copy_(torch.tensor(w))
    parameter.grad = torch.zeros_like(parameter)
    torch.optim.SGD([parameter], lr=1.0, weight_decay=0.3).step()
    soft = torch.nn.functional.softshrink(torch.tensor(w), 0.3)
    scratch = panel("scratch", "penalties")
    parity(
        "penalties, native",
        {
            "scratch": [w - scratch.l2_gradient(w, 0.3), scratch.l1_proximal(w, 0.6, 0.5)],
            "torch": [parameter, soft],
        },
    )


# The objective is sum((y - X w)**2) / (2 n) + penalty(w). It is that of scikit-learn's Lasso and
# ElasticNet; its Ridge minimizes 2 n times ours, sum((y - X w)**2) + n * strength * sum(w**2).
ROWS = 40
LINEAR_MODELS = [
    ("L2", {"strength": 0.3}, Ridge(ROWS * 0.3, fit_intercept=False, tol=1e-14)),
    ("L1", {"strength": 0.3}, Lasso(0.3, fit_intercept=False, tol=1e-14, max_iter=10_000)),
    (
        "ElasticNet",
        {"alpha": 0.7, "l1_ratio": 0.6},
        ElasticNet(0.7, l1_ratio=0.6, fit_intercept=False, tol=1e-14, max_iter=10_000),
    ),
]


@pytest.mark.parametrize(("kind", "options", "model"), LINEAR_MODELS)
def test_proximal_gradient_gives_the_coefficients_of_scikit_learn(parity, kind, options, model):
    rng = np.random.default_rng(4)
    x = rng.normal(size=(ROWS, 6))
    y = x @ np.array([2.0, -1.0, 0.2, 0.0, 0.0, 0.5]) + 0.1 * rng.normal(size=ROWS)
    step_size = ROWS / np.linalg.eigvalsh(x.T @ x).max()  # 1 / Lipschitz constant of the gradient

    def fit(framework, adapter):
        penalty = make(framework, kind, options)
        gram, moment = adapter.tensor(x.T @ x / ROWS), adapter.tensor(x.T @ y[:, None] / ROWS)
        w = adapter.tensor(np.zeros((6, 1)))
        for _ in range(200):
            w = penalty.proximal(w - step_size * (gram @ w - moment), step_size)
        return adapter.numpy(w)[:, 0]

    coefficients = {"scikit-learn": model.fit(x, y).coef_} | everywhere(fit)
    parity("penalties, scikit-learn", coefficients, terms=ROWS)
    zeros = {name: tuple(np.flatnonzero(w == 0)) for name, w in coefficients.items()}
    assert len(set(zeros.values())) == 1, zeros
    assert bool(zeros["scratch"]) == (kind != "L2")


numbers = st.floats(-100, 100)


@given(
    penalty=st.one_of(
        st.tuples(st.just("L1"), st.fixed_dictionaries({"strength": st.floats(0, 10)})),
        st.tuples(st.just("L2"), st.fixed_dictionaries({"strength": st.floats(0, 10)})),
        st.tuples(
            st.just("ElasticNet"),
            st.fixed_dictionaries({"alpha": st.floats(0, 10), "l1_ratio": st.floats(0, 1)}),
        ),
    ),
    w=numbers,
    other=numbers,
    step_size=st.floats(1e-3, 10),
)
def test_the_proximal_step_is_the_minimum(penalty, w, other, step_size):
    """The objective is strongly convex: away from its minimum u it grows at least as fast as

    objective(v) >= objective(u) + (v - u)**2 / (2 * step_size), which no other u satisfies.
    """
    penalty = make("scratch", *penalty)

    def objective(u):
        return (u - w) ** 2 / (2 * step_size) + penalty.penalty(u)

    w = np.array(w)
    u = penalty.proximal(w, step_size)
    for v in (other, w, 0.0, u - 1e-3, u + 1e-3):
        v = np.array(v)
        slack = 1e-14 * (objective(v) + objective(u) + w**2 / step_size)
        assert objective(v) >= objective(u) + (v - u) ** 2 / (2 * step_size) - slack


def small_model(framework, **options):
    layers, batch_norm = panel(framework, "layers"), panel(framework, "batch_norm")
    return layers.Sequential(
        [
            layers.Dense(5, 4, seed=6, dtype="float64", name="dense_1", **options),
            batch_norm.BatchNorm(4, dtype="float64"),
            layers.Dense(4, 1, seed=6, dtype="float64", name="dense_2", **options),
        ]
    )


def test_only_weights_are_penalized(parity):
    def total(framework, adapter):
        model, penalties = small_model(framework), panel(framework, "penalties")
        name = "kernel" if framework == "keras" else "weight"
        found = [key.replace("/", ".") for key in penalties.penalized(model)]
        assert found == [f"dense_1.{name}", f"dense_2.{name}"]
        return penalties.total_penalty(model, penalties.L1(0.1))

    parity("penalties", everywhere(total), terms=24)
    # PyTorch's own norms call their scale "weight".
    assert panel("torch", "penalties").penalized(torch.nn.BatchNorm1d(3)) == {}


def test_a_model_without_weights_has_no_penalty():
    for framework in ADAPTERS:
        layers, penalties = panel(framework, "layers"), panel(framework, "penalties")
        model = layers.Sequential([layers.ReLU()])
        assert penalties.penalized(model) == {}
        assert penalties.total_penalty(model, penalties.L2(0.1)) == 0.0


STEPS = 3


@pytest.mark.parametrize(("kind", "options"), [PENALTIES[0], PENALTIES[2], PENALTIES[3]])
def test_penalized_training(parity, kind, options, tmp_path):
    """Mean squared error plus penalty by gradient descent: every step's loss, and the weights."""
    rng = np.random.default_rng(7)
    x, y = rng.normal(size=(8, 5)), rng.normal(size=(8, 2))

    def train(framework, adapter):
        layers, optimizers = panel(framework, "layers"), panel(framework, "optimizers")
        penalties, penalty = panel(framework, "penalties"), make(framework, kind, options)
        dense = {"in_features": 5, "out_features": 2, "seed": 8, "dtype": "float64"}
        if framework == "keras":
            dense["kernel_regularizer"] = penalty
            model = layers.Sequential([keras.Input((5,), dtype="float64"), layers.Dense(**dense)])
        else:
            model = layers.Sequential([layers.Dense(**dense)])
        losses = []
        if framework == "scratch":
            optimizer = optimizers.SGD(0.25)
            for _ in range(STEPS):
                error = model.forward(x, training=True) - y
                losses.append((error**2).mean() + penalties.total_penalty(model, penalty))
                model.backward(2 / y.size * error)
                penalties.total_penalty_backward(model, penalty)
                (layer,) = model.layers
                optimizer.step(layer.params, layer.grads)
        elif framework == "torch":
            optimizer = optimizers.SGD(model.parameters(), 0.25)
            for _ in range(STEPS):
                optimizer.zero_grad()
                loss = torch.nn.functional.mse_loss(model(adapter.tensor(x)), adapter.tensor(y))
                loss = loss + penalties.total_penalty(model, penalty)
                loss.backward()
                optimizer.step()
                losses.append(loss.item())
        else:
            model.compile(optimizer=optimizers.SGD(0.25), loss="mse")
            history = model.fit(x, y, batch_size=8, epochs=STEPS, verbose=0)
            losses = history.history["loss"]
            model.save(tmp_path / "model.keras")
            loaded = keras.saving.load_model(tmp_path / "model.keras")
            assert type(loaded.layers[0].kernel_regularizer) is type(penalty)
            assert loaded.layers[0].kernel_regularizer.get_config() == options
            np.testing.assert_array_equal(
                adapter.numpy(sum(loaded.losses)),
                adapter.numpy(penalties.total_penalty(model, penalty)),
            )
            model = loaded
        return adapter.weights(model) | {"loss": np.array(losses, np.float64)}

    before = keras.config.floatx()
    keras.config.set_floatx("float64")  # in which Keras keeps losses
    try:
        trained = everywhere(train)
    finally:
        keras.config.set_floatx(before)
    parity("penalties", trained, terms=STEPS * (8 + 5 + 10))


BAD = [math.nan, math.inf, -0.1, "some", None, True]


@pytest.mark.parametrize("value", BAD)
def test_bad_numbers(value):
    def both(kind, good, name):
        """The class and, for the same argument, the pure functions."""
        options = good | {name: value}
        yield lambda f, a: make(f, kind, options)
        prefix = {"L1": "l1", "L2": "l2", "ElasticNet": "elastic_net"}[kind]
        for function in ("penalty", "gradient", "proximal"):
            last = (0.1,) if function == "proximal" else ()
            yield lambda f, a, function=function, last=last: getattr(
                panel(f, "penalties"), f"{prefix}_{function}"
            )(a.tensor(np.ones(3)), *options.values(), *last)

    for kind in ("L1", "L2"):
        for call in both(kind, {"strength": 1.0}, "strength"):
            same_error(call, f"strength must be a number in [0, inf), got {value!r}")
    good = {"alpha": 1.0, "l1_ratio": 0.5}
    for call in both("ElasticNet", good, "alpha"):
        same_error(call, f"alpha must be a number in [0, inf), got {value!r}")
    for call in both("ElasticNet", good, "l1_ratio"):
        same_error(call, f"l1_ratio must be a number in [0, 1], got {value!r}")
    for kind, options in PENALTIES[::2]:
        same_error(
            lambda f, a, kind=kind, options=options: make(f, kind, options).proximal(
                a.tensor(np.ones(3)), value
            ),
            f"step_size must be a number in (0, inf), got {value!r}",
        )


def test_bad_bounds():
    same_error(
        lambda f, a: make(f, "ElasticNet", {"alpha": 1.0, "l1_ratio": 1.1}),
        "l1_ratio must be a number in [0, 1], got 1.1",
    )
    same_error(
        lambda f, a: make(f, "L1", {"strength": 1.0}).proximal(a.tensor(np.ones(3)), 0.0),
        "step_size must be a number in (0, inf), got 0.0",
    )


def test_nan_is_never_a_zero():
    """A soft threshold that compares would turn a diverged weight into an exact zero."""
    w = np.array([np.nan, np.inf, -np.inf, 0.05])
    for framework, adapter in ADAPTERS.items():
        for kind, options in (PENALTIES[0], PENALTIES[3]):
            u = adapter.numpy(make(framework, kind, options).proximal(adapter.tensor(w), 1.0))
            np.testing.assert_array_equal(u, [np.nan, np.inf, -np.inf, 0.0], err_msg=framework)


def test_nan_stays_in_a_gradient():
    w = np.array([1.0, np.nan, 0.0, -2.0])

    def call(framework, adapter):
        return adapter.numpy(panel(framework, "penalties").l1_gradient(adapter.tensor(w), 0.5))

    for framework, found in everywhere(call).items():
        np.testing.assert_array_equal(found, [0.5, np.nan, 0.0, -0.5], err_msg=framework)
