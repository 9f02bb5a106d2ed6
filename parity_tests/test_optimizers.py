import inspect
import math

import keras
import numpy as np
import pytest
import torch

from keras_impl.precision import floatx
from parity_tests.panels import ADAPTERS, PACKAGES, everywhere, panel, same_error
from scratch.fast import optimizers as fast_optimizers
from triptych.common.recipes import representable

STEPS = 50
# Three roundings a step: of the decay, of the moment and of the sum that a parameter is.
TERMS = 3 * STEPS
SHAPES = {"conv.weight": (2, 3, 1, 5), "dense.bias": (3,), "norm.gamma": ()}
# The same memory in each framework: our name, PyTorch's, and Keras's attribute.
MOMENTS = [
    ("velocity", "momentum_buffer", "momentums"),
    ("first_moment", "exp_avg", "_momentums"),
    ("second_moment", "exp_avg_sq", "_velocities"),
    ("largest_second_moment", "max_exp_avg_sq", "_velocity_hats"),
]


def initial(dtype):
    rng = np.random.default_rng(0)
    return {name: np.array(rng.normal(0, 0.1, shape), dtype) for name, shape in SHAPES.items()}


def gradients(dtype, steps=STEPS):
    """Of all sizes from 1e-10 to 1, so that it shows where epsilon is added."""
    rng = np.random.default_rng(1)
    sizes = {name: 10.0 ** rng.uniform(-10, 0, shape) for name, shape in SHAPES.items()}
    return [
        {name: np.array(size * rng.normal(size=size.shape), dtype) for name, size in sizes.items()}
        for _ in range(steps)
    ]


def make(framework, kind, **options):
    """What makes the optimizer; in PyTorch, from named parameters."""
    cls = getattr(panel(framework, "optimizers"), kind)
    return lambda *params: cls(*params, **options)


class Run:
    """Parameters and an optimizer of one framework, behind the same few methods."""

    def __init__(self, framework, make, dtype):
        self.framework, self.adapter = framework, ADAPTERS[framework]
        self.params = {name: self.parameter(name, w) for name, w in initial(dtype).items()}
        with floatx(dtype):
            self.optimizer = make(*[self.params.items()][: framework == "torch"])
        if framework == "keras":
            self.optimizer.build(list(self.params.values()))

    def parameter(self, name, w):
        if self.framework == "scratch":
            return w
        if self.framework == "torch":
            return torch.nn.Parameter(torch.tensor(w))
        key = name.split(".")[-1].replace("weight", "kernel")
        return keras.Variable(w, dtype=w.dtype.name, name=key)

    def step(self, grads):
        if self.framework == "scratch":
            self.optimizer.step(self.params, grads)
        elif self.framework == "torch":
            for name, w in self.params.items():
                w.grad = torch.tensor(grads[name])
            self.optimizer.step()
        else:
            tensors = [self.adapter.tensor(grads[name]) for name in self.params]
            self.optimizer.apply(tensors, list(self.params.values()))

    def set_learning_rate(self, value):
        if self.framework == "torch":
            for group in self.optimizer.param_groups:
                group["lr"] = value
        else:
            self.optimizer.learning_rate = value

    def now(self):
        """Parameters and moments, by name."""
        found = dict(self.params)
        for i, (name, w) in enumerate(self.params.items()):
            for ours, in_torch, in_keras in MOMENTS:
                if self.framework == "scratch":
                    value = self.optimizer.state.get(f"{name}.{ours}")
                elif self.framework == "torch":
                    value = self.optimizer.state.get(w, {}).get(in_torch)
                else:
                    values = getattr(self.optimizer, in_keras, None)
                    value = values[i].value if values else None
                if value is not None:
                    found[f"{name}.{ours}"] = value
        return {key: self.adapter.numpy(value) for key, value in found.items()}

    def train(self, grads):
        """Parameters and moments after every step; the learning rate drops half way."""
        found = []
        for step, grad in enumerate(grads):
            if step == len(grads) // 2:
                self.set_learning_rate(2.0**-12)
            self.step(grad)
            found.append(self.now())
        return {key: np.stack([now[key] for now in found]) for key in found[0]}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("SGD", {}),
        ("SGD", {"momentum": 0.9, "weight_decay": 0.25}),
        ("SGD", {"learning_rate": 0.125, "momentum": 0.7, "nesterov": True, "weight_decay": 0.25}),
        ("Adam", {}),
        ("Adam", {"learning_rate": 0.125, "beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-3}),
        ("Adam", {"beta_1": 0.0, "beta_2": 0.0, "weight_decay": 0.25}),
        ("AdamW", {"weight_decay": representable(0.01)}),  # Keras rounds it
        ("Adam", {"amsgrad": True, "beta_2": 0.875}),
        ("AdamW", {"amsgrad": True, "beta_2": 0.75, "weight_decay": 0.25}),
    ],
)
def test_fifty_steps_agree(parity, dtype, kind, options):
    def train(framework, adapter):
        return Run(framework, make(framework, kind, **options), dtype).train(gradients(dtype))

    parity(kind.lower(), everywhere(train), terms=TERMS)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("SGD", {}),
        ("SGD", {"momentum": 0.9}),
        ("SGD", {"momentum": 0.9, "nesterov": True}),
        ("SGD", {"momentum": 0.9, "dampening": 0.3}),
        ("SGD", {"weight_decay": 0.1}),
        ("SGD", {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
        ("SGD", {"momentum": 0.9, "dampening": 0.3, "weight_decay": 0.1}),
        ("Adam", {}),
        ("Adam", {"weight_decay": 0.1}),
        ("AdamW", {}),
        ("Adam", {"amsgrad": True}),
        ("Adam", {"amsgrad": True, "betas": (0.9, 0.75), "weight_decay": 0.1}),
        ("AdamW", {"lr": 0.1, "betas": (0.8, 0.95), "eps": 1e-3, "weight_decay": 0.1}),
    ],
)
def test_bare_torch(parity, dtype, kind, options):
    """Entries of the map: adam-weight-decay, sgd-weight-decay, sgd-dampening."""

    def bare(named):
        return getattr(torch.optim, kind)([w for _, w in named], **options)

    theirs = Run("torch", bare, dtype)
    group = theirs.optimizer.param_groups[0]
    words = {"learning_rate": group["lr"], "weight_decay": group["weight_decay"]}
    words |= {"decay_all": True} | ({} if kind == "AdamW" else {"coupled_weight_decay": True})
    if kind == "SGD":
        words |= {key: group[key] for key in ("momentum", "nesterov", "dampening")}
    else:
        words |= {"beta_1": group["betas"][0], "beta_2": group["betas"][1], "epsilon": group["eps"]}
        words["amsgrad"] = group["amsgrad"]
    ours = Run("scratch", make("scratch", kind, **words), dtype)
    trained = {"scratch": ours.train(gradients(dtype)), "torch": theirs.train(gradients(dtype))}
    parity(f"{kind.lower()}, native", trained, terms=TERMS)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("SGD", {}),
        ("SGD", {"momentum": 0.9, "weight_decay": 0.1}),
        ("SGD", {"momentum": 0.9, "nesterov": True}),
        ("Adam", {}),
        ("Adam", {"weight_decay": 0.1}),
        ("Adam", {"amsgrad": True}),
        ("Adam", {"amsgrad": True, "beta_2": 0.75}),
        ("AdamW", {}),
    ],
)
def test_bare_keras(parity, dtype, kind, options):
    """Entries of the map: adam-epsilon, adamw-decay-default, sgd-momentum-learning-rate,
    amsgrad-maximum."""
    cls = getattr(keras.optimizers, kind)
    config = {key: value for key, value in cls(**options).get_config().items() if key != "name"}
    if dtype == "float64":
        # Keras rounds some of these numbers to float32 and some not (beta_1 in the bias correction,
        # but not in the moment). Given rounded ones, it computes with what it is given.
        config = {k: representable(v) if isinstance(v, float) else v for k, v in config.items()}
    theirs = Run("keras", lambda: cls(**config), dtype)
    words = {"decay_all": True, "weight_decay": config["weight_decay"] or 0.0}
    words["learning_rate"] = config["learning_rate"]
    if kind == "SGD":
        words |= {key: config[key] for key in ("momentum", "nesterov")}
        words["learning_rate_in_velocity"] = True
    else:
        words |= {key: config[key] for key in ("beta_1", "beta_2", "epsilon", "amsgrad")}
        words["epsilon_hat"] = True
    ours = Run("scratch", make("scratch", kind, **words), dtype)
    trained = {"scratch": ours.train(gradients(dtype)), "keras": theirs.train(gradients(dtype))}
    for key in trained["keras"]:
        if key.endswith("velocity"):  # Keras's points downhill
            trained["keras"][key] *= -1
    parity(f"{kind.lower()}, native", trained, terms=TERMS)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("shape", [(300, 203), (3, 41_000), (70_001,), (7, 0, 3)])
@pytest.mark.parametrize("layout", ["C", "transposed", "strided"])
def test_the_classes_step_in_place_whatever_the_layout(parity, dtype, shape, layout):
    """They take the fast form of a step; here against the equations."""
    optimizers = panel("scratch", "optimizers")
    rng = np.random.default_rng(2)
    if layout == "transposed":
        storage = rng.normal(size=shape[::-1]).astype(dtype)
        w = storage.T
    else:
        storage = rng.normal(size=(*shape, 2)).astype(dtype)
        w = storage[..., 0] if layout == "strided" else storage[..., 0].copy()
    adam, sgd = w.copy(), w.copy()
    m = v = velocity = np.zeros_like(w)
    weights = {"adam.weight": w, "sgd.weight": w.copy()}
    adam_options = {"learning_rate": 0.1, "weight_decay": 0.2}
    sgd_options = adam_options | {"momentum": 0.9, "nesterov": True}
    optimizer, other = optimizers.Adam(**adam_options), optimizers.SGD(**sgd_options)
    for t in (1, 2, 3):
        g = rng.normal(size=shape).astype(dtype)
        g.flags.writeable = False
        optimizer.step({"a.weight": weights["adam.weight"]}, {"a.weight": g})
        other.step({"a.weight": weights["sgd.weight"]}, {"a.weight": g})
        adam, m, v = optimizers.adam_step(adam, g, m, v, t, **adam_options)
        sgd, velocity = optimizers.sgd_step(sgd, g, velocity, t, **sgd_options)
    state = optimizer.state | other.state
    assert weights["adam.weight"] is w
    assert np.shares_memory(w, storage) or layout == "C" or w.size == 0
    plain = [adam, m, v, sgd, velocity]
    fast = [w, state["a.weight.first_moment"], state["a.weight.second_moment"]]
    fast += [weights["sgd.weight"], state["a.weight.velocity"]]
    assert [array.dtype for array in fast] == [dtype] * 5
    if w.size > 0:
        parity("adam and sgd, plain formula", {"fast": fast, "plain": plain}, terms=9)


SGD_STEP = {"learning_rate": 0.1, "momentum": 0.9, "weight_decay": 0.2}
ADAM_STEP = {"learning_rate": 0.1, "weight_decay": 0.2}


def test_a_plain_step_leaves_its_arguments_alone_and_a_fast_one_changes_them():
    rng = np.random.default_rng(4)
    w, g, m, v = rng.normal(size=(4, 2, 3)) ** 2
    for name, arrays, options in (
        ("sgd_step", (w, g, v), SGD_STEP),
        ("adam_step", (w, g, m, v), ADAM_STEP),
    ):
        copies = [array.copy() for array in arrays]
        for array in arrays:
            array.flags.writeable = False
        plain = getattr(panel("scratch", "optimizers"), name)(*arrays, 2, **options)
        assert not any(np.shares_memory(new, old) for new in plain for old in arrays)
        copies[1].flags.writeable = False
        fast = getattr(fast_optimizers, name)(*copies, 2, **options)
        changed = copies[:1] + copies[2:]  # all but g
        assert all(new is old for new, old in zip(fast, changed, strict=True))


def test_without_momentum_there_is_no_velocity():
    w, g, v = np.ones(2), np.full(2, 0.5), np.full(2, 7.0)
    for step in (panel("scratch", "optimizers").sgd_step, fast_optimizers.sgd_step):
        for given in (None, v):
            new, velocity = step(w.copy(), g, given, 2, learning_rate=0.5, dampening=0.5)
            assert (new == 0.75).all()
            assert velocity is given
    assert (v == 7).all()


@pytest.mark.parametrize("kind", ["SGD", "Adam", "AdamW"])
def test_decay_is_decoupled_and_spares_biases_and_scales(parity, kind):
    """With no gradient, weights shrink by 1 - learning_rate * weight_decay and the rest stays."""
    zeros = {name: np.zeros(shape) for name, shape in SHAPES.items()}

    def step(framework, adapter):
        run = Run(framework, make(framework, kind, learning_rate=0.5, weight_decay=0.25), "float64")
        run.step(zeros)
        return {name: adapter.numpy(w) for name, w in run.params.items()}

    left = {name: 1 - 0.5 * 0.25 * name.endswith("weight") for name in SHAPES}
    expected = {name: left[name] * w for name, w in initial("float64").items()}
    parity(kind.lower(), {"formula": expected} | everywhere(step))


@pytest.mark.parametrize("kind", ["SGD", "Adam"])
def test_a_restored_optimizer_goes_on(kind, tmp_path):
    options = {"momentum": 0.9} if kind == "SGD" else {}
    grads = gradients("float32", 10)
    for framework in PACKAGES:
        whole = Run(framework, make(framework, kind, **options), "float32")
        half = Run(framework, make(framework, kind, **options), "float32")
        for grad in grads[:5]:
            whole.step(grad)
            half.step(grad)
        rest = Run(framework, make(framework, kind, **options), "float32")
        rest.params.clear()
        rest.params.update(half.params)
        if framework == "scratch":
            np.savez(tmp_path / "state.npz", **half.optimizer.state)
            rest.optimizer.state = dict(np.load(tmp_path / "state.npz"))
        elif framework == "torch":
            torch.save(half.optimizer.state_dict(), tmp_path / "state.pt")
            rest.optimizer = make(framework, kind, **options)(half.params.items())
            rest.optimizer.load_state_dict(torch.load(tmp_path / "state.pt"))
        else:
            rest.optimizer = make(framework, kind, **options)()
            rest.optimizer.build(list(half.params.values()))
            store = {}
            half.optimizer.save_own_variables(store)
            rest.optimizer.load_own_variables(store)
        for grad in grads[5:]:
            whole.step(grad)
            rest.step(grad)
        for key, value in whole.now().items():
            np.testing.assert_array_equal(rest.now()[key], value, err_msg=f"{framework} {key}")


def regression(dtype):
    rng = np.random.default_rng(3)
    return rng.normal(size=(16, 5)).astype(dtype), rng.normal(size=(16, 3)).astype(dtype)


@pytest.mark.parametrize(("dtype", "jit_compile"), [("float64", False), ("float32", True)])
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("SGD", {"momentum": 0.875, "nesterov": True, "weight_decay": 0.125}),
        ("AdamW", {"learning_rate": 0.125, "weight_decay": 0.25}),
    ],
)
def test_keras_fit_saved_and_resumed(parity, dtype, jit_compile, kind, options, tmp_path):
    x, y = regression(dtype)
    layer = panel("scratch", "layers").Dense(5, 3, seed=1, dtype=dtype)
    optimizer = make("scratch", kind, **options)()
    for _ in range(4):
        layer.backward((layer(x, training=True) - y) * (2 / y.size))
        optimizer.step(layer.params, layer.grads)

    layers = panel("keras", "layers")
    dense = layers.Dense(5, 3, seed=1, dtype=dtype)
    model = layers.Sequential([keras.Input((5,), dtype=dtype), dense])
    if keras.backend.backend() == "torch":
        jit_compile = False  # would be torch.compile, which needs a C++ compiler
    with floatx(dtype):
        own = make("keras", kind, **options)()
        model.compile(optimizer=own, loss="mse", jit_compile=jit_compile)
        model.fit(x, y, batch_size=16, epochs=2, verbose=0)
        model.save(tmp_path / "model.keras")
        model = keras.saving.load_model(tmp_path / "model.keras")
        model.fit(x, y, batch_size=16, epochs=2, verbose=0)
    assert type(model.optimizer) is type(own)
    assert model.optimizer is not own
    fitted = {key: ADAPTERS["keras"].weights(model)[f"dense.{key}"] for key in ("weight", "bias")}
    # In each step, sums over 16 rows, 5 features and 3 outputs.
    parity(kind.lower(), {"scratch": layer.params, "keras": fitted}, terms=4 * (16 + 5 + 3))


@pytest.mark.parametrize("kind", ["SGD", "Adam", "AdamW"])
def test_keras_configuration_round_trip(kind):
    options = {"learning_rate": 0.25, "weight_decay": 0.5, "clipnorm": 2.0}
    options |= {"momentum": 0.75, "nesterov": True} if kind == "SGD" else {"beta_1": 0.5}
    optimizer = make("keras", kind, **options)()
    copy = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert type(copy) is type(optimizer)
    assert copy.get_config() == optimizer.get_config()
    assert options.items() <= copy.get_config().items()


def test_torch_groups_hooks_closure_and_schedule():
    optimizers = panel("torch", "optimizers")
    # A bare SGD makes PyTorch wrap torch.optim.SGD.step: calling that would run the hooks twice.
    torch.optim.SGD([torch.nn.Parameter(torch.ones(1))])
    w, b = torch.nn.Parameter(torch.ones(1, 1)), torch.nn.Parameter(torch.ones(1))
    frozen = torch.nn.Parameter(torch.ones(1))
    named = [("w.weight", w), ("w.bias", b), ("frozen.weight", frozen)]
    optimizer = optimizers.SGD(named, 0.5, momentum=0.5, weight_decay=0.5)
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.5, 0.0]
    calls = []
    optimizer.register_step_post_hook(lambda *_: calls.append("hook"))
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)

    def closure():
        optimizer.zero_grad()
        loss = (w * b).sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 1.0
    assert calls == ["hook"]
    # The gradient is taken before the decay: w = 0.75 - 0.5 * b.
    assert (w.item(), b.item(), frozen.item()) == (0.25, 0.5, 1.0)
    assert set(optimizer.state) == {w, b}
    schedule.step()
    assert [group["lr"] for group in optimizer.param_groups] == [0.25, 0.25]

    chosen = [{"params": [b], "weight_decay": 1.0}, {"params": [w]}]
    for kind in (optimizers.SGD, optimizers.Adam, optimizers.AdamW):
        groups = kind(chosen, weight_decay=0.5).param_groups
        assert [group["weight_decay"] for group in groups] == [1.0, 0.5]
        assert len(kind([w, b], weight_decay=0.0).param_groups) == 1
        with pytest.raises(ValueError, match="params must be named"):
            kind([w, b], weight_decay=0.5)
    # PyTorch's own norms call their scale "weight".
    norm = torch.nn.BatchNorm1d(3)
    (group,) = optimizers.AdamW(norm.named_parameters()).param_groups
    assert group["weight_decay"] == 0.0


BAD = {
    "learning_rate": ("(0, inf)", [0.0, -1, math.nan, math.inf, "fast", None, True]),
    "weight_decay": ("[0, inf)", [-0.1, math.nan, math.inf, "some", None]),
    "momentum": ("[0, 1)", [1.0, -0.1, math.nan, "0.9", None]),
    "beta_1": ("[0, 1)", [1.0, -0.1, math.nan, "0.9"]),
    "beta_2": ("[0, 1)", [1.0, -0.1, math.nan, None]),
    "epsilon": ("(0, inf)", [0.0, -1e-8, math.nan, math.inf, None]),
}


@pytest.mark.parametrize("kind", ["SGD", "Adam", "AdamW"])
@pytest.mark.parametrize("argument", BAD)
def test_bad_numbers(kind, argument):
    if argument in ("beta_1", "beta_2", "epsilon") if kind == "SGD" else argument == "momentum":
        return
    interval, values = BAD[argument]
    for value in values:
        same_error(
            lambda f, a, value=value: Run(f, make(f, kind, **{argument: value}), "float32"),
            f"{argument} must be a number in {interval}, got {value!r}",
        )


def test_bad_nesterov():
    same_error(
        lambda f, a: Run(f, make(f, "SGD", nesterov=True), "float32"),
        "momentum must be a number in (0, 1), got 0.0",
    )
    same_error(
        lambda f, a: Run(f, make(f, "SGD", momentum=0.9, nesterov=1), "float32"),
        "nesterov must be True or False, got 1",
    )
    with pytest.raises(ValueError, match=r"dampening must be a number in \[0, 0\], got 0.5"):
        make("scratch", "SGD", momentum=0.9, nesterov=True, dampening=0.5)()


@pytest.mark.parametrize("kind", ["SGD", "Adam", "AdamW"])
def test_scratch_refuses_gradients_that_do_not_fit_and_changes_nothing(kind):
    w = {"a.weight": np.ones((2, 3)), "b.weight": np.ones((2, 3))}
    optimizer = make("scratch", kind)()
    message = r"grads must have the names \['a.weight', 'b.weight'\], got \['a.weight'\]"
    with pytest.raises(ValueError, match=message):
        optimizer.step(w, {"a.weight": np.ones((2, 3))})
    message = r"the gradient of b.weight must have shape \(2, 3\), got \(3,\)"
    with pytest.raises(ValueError, match=message):
        optimizer.step(w, {"a.weight": np.ones((2, 3)), "b.weight": np.ones(3)})
    assert all((array == 1).all() for array in w.values())
    assert optimizer.state == {"step": 0}


@pytest.mark.parametrize("name", ["sgd_step", "adam_step"])
def test_a_plain_step_refuses_what_does_not_fit(name):
    step = getattr(panel("scratch", "optimizers"), name)
    options = SGD_STEP if name == "sgd_step" else ADAM_STEP
    letters = "wgv" if name == "sgd_step" else "wgmv"
    arrays = {letter: np.ones((2, 3)) for letter in letters}

    def refuses(message, t=1, **wrong):
        words = options | {key: value for key, value in wrong.items() if key not in arrays}
        given = [wrong.get(letter, array) for letter, array in arrays.items()]
        with pytest.raises(ValueError) as caught:  # noqa: PT011 (the text is compared below)
            step(*given, t, **words)
        assert str(caught.value) == message

    for argument, (interval, values) in BAD.items():
        if argument in inspect.signature(step).parameters:
            for value in values:
                message = f"{argument} must be a number in {interval}, got {value!r}"
                refuses(message, **{argument: value})
    for letter in letters[1:]:
        message = f"{letter} must have shape (2, 3), got (3,)"
        refuses(message, **{letter: np.ones(3)})
    refuses("t must be an integer >= 1, got 0", t=0)
    if name == "sgd_step":
        refuses("v must be an array where there is momentum, got None", v=None)
        refuses("dampening must be a number in [0, 1], got 1.5", dampening=1.5)
        refuses("dampening must be a number in [0, 0], got 0.5", nesterov=True, dampening=0.5)
        refuses("momentum must be a number in (0, 1), got 0.0", nesterov=True, momentum=0.0)


@pytest.mark.parametrize("name", ["sgd_step", "adam_step"])
def test_a_plain_step_keeps_the_dtype_whatever_the_numbers_are(name):
    """A NumPy number would make float64 of float32."""
    step = getattr(panel("scratch", "optimizers"), name)
    arrays = [np.ones(3, np.float32)] * (3 if name == "sgd_step" else 4)
    options = SGD_STEP if name == "sgd_step" else ADAM_STEP
    found = step(*arrays, 2, **{key: np.float64(value) for key, value in options.items()})
    assert {array.dtype.name for array in found} == {"float32"}
