import keras
import numpy as np
import pytest
import torch

from parity_tests.panels import PACKAGES, everywhere, panel, same_error
from parity_tests.test_optimizers import TERMS, Run, gradients
from triptych.common.recipes import representable

# The same memory in each framework: our name, PyTorch's, and Keras's attribute.
MOMENTS = [
    ("mean_square", "square_avg", "_velocities"),
    ("mean", "grad_avg", "_average_gradients"),
    ("velocity", "momentum_buffer", "_momentums"),
]


@pytest.fixture(autouse=True)
def moments(monkeypatch):
    monkeypatch.setattr("parity_tests.test_optimizers.MOMENTS", MOMENTS)


def make(framework, **options):
    return lambda *params: panel(framework, "rmsprop").RMSprop(*params, **options)


OPTIONS = [
    {},
    {"momentum": 0.9, "weight_decay": 0.25},
    {"learning_rate": 0.125, "rho": 0.75, "centered": True, "epsilon": 1e-3},
    {"momentum": 0.75, "centered": True, "rho": 0.875, "epsilon": 1e-2},
]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("options", OPTIONS)
def test_fifty_steps_agree(parity, dtype, options):
    def train(framework, adapter):
        return Run(framework, make(framework, **options), dtype).train(gradients(dtype))

    parity("rmsprop", everywhere(train), terms=TERMS)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"momentum": 0.9, "weight_decay": 0.1},
        {"centered": True, "alpha": 0.75, "eps": 1e-3},
    ],
)
def test_bare_torch(parity, dtype, options):
    """Entries of the map: rmsprop-defaults, adam-weight-decay."""
    theirs = Run(
        "torch", lambda named: torch.optim.RMSprop([w for _, w in named], **options), dtype
    )
    group = theirs.optimizer.param_groups[0]
    words = {"learning_rate": group["lr"], "rho": group["alpha"], "epsilon": group["eps"]}
    words |= {key: group[key] for key in ("momentum", "centered", "weight_decay")}
    ours = Run(
        "scratch", make("scratch", **words, coupled_weight_decay=True, decay_all=True), dtype
    )
    found = {"scratch": ours.train(gradients(dtype)), "torch": theirs.train(gradients(dtype))}
    parity("rmsprop, native", found, terms=TERMS)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    "options", [{}, {"momentum": 0.875, "weight_decay": 0.125}, {"centered": True, "rho": 0.75}]
)
def test_bare_keras(parity, dtype, options):
    """Entries of the map: rmsprop-epsilon, rmsprop-defaults."""
    config = keras.optimizers.RMSprop(**options).get_config()
    config = {key: value for key, value in config.items() if key != "name"}
    if dtype == "float64":  # Keras rounds some of them to float32
        config = {k: representable(v) if isinstance(v, float) else v for k, v in config.items()}
    theirs = Run("keras", lambda: keras.optimizers.RMSprop(**config), dtype)
    words = {
        key: config[key] for key in ("learning_rate", "rho", "momentum", "epsilon", "centered")
    }
    words |= {"weight_decay": config["weight_decay"] or 0.0, "decay_all": True}
    words |= {"epsilon_in_root": True, "learning_rate_in_velocity": True}
    ours = Run("scratch", make("scratch", **words), dtype)
    found = {"scratch": ours.train(gradients(dtype)), "keras": theirs.train(gradients(dtype))}
    parity("rmsprop, native", found, terms=TERMS)


def test_a_restored_optimizer_goes_on():
    options, grads = {"momentum": 0.5, "centered": True}, gradients("float32", 10)
    for framework in PACKAGES:
        whole, half, rest = (
            Run(framework, make(framework, **options), "float32") for _ in range(3)
        )
        for grad in grads[:5]:
            whole.step(grad)
            half.step(grad)
        rest.params.clear()
        rest.params.update(half.params)
        if framework == "scratch":
            rest.optimizer.state = dict(half.optimizer.state)
        elif framework == "torch":
            rest.optimizer = make(framework, **options)(half.params.items())
            rest.optimizer.load_state_dict(half.optimizer.state_dict())
        else:
            rest.optimizer = make(framework, **options)()
            rest.optimizer.build(list(half.params.values()))
            store = {}
            half.optimizer.save_own_variables(store)
            rest.optimizer.load_own_variables(store)
        for grad in grads[5:]:
            whole.step(grad)
            rest.step(grad)
        for key, value in whole.now().items():
            np.testing.assert_array_equal(rest.now()[key], value, err_msg=f"{framework} {key}")


def test_keras_in_a_compiled_training():
    optimizer = make("keras", momentum=0.5, centered=True, weight_decay=0.25)()
    copy = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert type(copy) is type(optimizer)
    assert copy.get_config() == optimizer.get_config()
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(optimizer, loss="mse", jit_compile=keras.backend.backend() != "torch")
    losses = model.fit(np.eye(2), np.ones((2, 1)), epochs=30, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rho": 1.0}, "rho must be a number in [0, 1), got 1.0"),
        ({"momentum": -0.5}, "momentum must be a number in [0, 1), got -0.5"),
        ({"epsilon": 0.0}, "epsilon must be a number in (0, inf), got 0.0"),
        ({"learning_rate": 0.0}, "learning_rate must be a number in (0, inf), got 0.0"),
        ({"weight_decay": -1.0}, "weight_decay must be a number in [0, inf), got -1.0"),
        ({"centered": 1}, "centered must be True or False, got 1"),
    ],
)
def test_bad_arguments(options, message):
    same_error(lambda f, a: Run(f, make(f, **options), "float32"), message)
