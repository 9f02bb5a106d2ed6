import numpy as np
import pytest

from parity_tests.panels import ADAPTERS, everywhere, panel, same_error
from triptych.common.parameter_groups import ParameterGroup, group_of, layer_wise

RNG = np.random.default_rng(0)
GROUPS = [
    ParameterGroup("output.*", learning_rate=4.0, weight_decay=0.0),
    ParameterGroup("*.bias", learning_rate=0.3, weight_decay=0.5),
    ParameterGroup("first.*", learning_rate=2.0),
]
OPTIMIZERS = {
    "SGD": ("optimizers", {"momentum": 0.5, "weight_decay": 0.125}),
    "Adam": ("optimizers", {}),
    "AdamW": ("optimizers", {"weight_decay": 0.125}),
    "RMSprop": ("rmsprop", {"weight_decay": 0.125}),
}
SIZES = {"first": (2, 3), "dense_1": (3, 4), "output": (4, 1)}


def model(framework):
    layers = panel(framework, "layers")
    return layers.Sequential(
        [layers.Dense(*size, name=name, dtype="float64") for name, size in SIZES.items()],
        name="sequential",
    )


def three_steps(framework, kind, groups):
    """Steps with gradients that are drawn, and the weights after them."""
    rng, made, adapter = np.random.default_rng(5), model(framework), ADAPTERS[framework]
    file, options = OPTIMIZERS[kind]
    make = getattr(panel(framework, file), kind)
    options = options | {"learning_rate": 0.125, "groups": groups}
    shapes = [shape for size in SIZES.values() for shape in (size, size[1:])]
    names = [f"{name}.{key}" for name in SIZES for key in ("weight", "bias")]
    if framework == "torch":
        optimizer = make(made.named_parameters(), **options)
    else:
        optimizer = make(**options)
    if framework == "keras":
        made(np.zeros((1, 2)))
    for _ in range(3):
        grads = [rng.normal(size=shape) for shape in shapes]
        if framework == "scratch":
            params = {name: layer.params[key] for name, layer, key in made.parameters()}
            optimizer.step(params, dict(zip(names, grads, strict=True)))
        elif framework == "torch":
            for parameter, grad in zip(made.parameters(), grads, strict=True):
                parameter.grad = adapter.tensor(grad.T.copy())
            optimizer.step()
        else:
            optimizer.apply([adapter.tensor(grad) for grad in grads], made.trainable_variables)
    return adapter.weights(made)


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_steps_agree(parity, kind):
    after = everywhere(lambda f, a: three_steps(f, kind, GROUPS))
    parity("parameter_groups", after, tolerance=1e-12)
    plain = three_steps("scratch", kind, [])
    first = ADAPTERS["scratch"].weights(model("scratch"))
    for name, array in after["scratch"].items():
        changed = np.abs(array - first[name]).max() > 0
        assert changed
        assert (name == "dense_1.weight") == np.array_equal(array, plain[name])


@pytest.mark.parametrize("kind", ["SGD", "AdamW"])
def test_bare_torch(parity, kind):
    """PyTorch's own parameter groups, made by hand; its SGD decays by the gradient, so without."""
    import torch

    made = {name: torch.nn.Linear(*size).double() for name, size in SIZES.items()}
    for name, size in SIZES.items():
        with torch.no_grad():
            made[name].weight.fill_(0.5)
            made[name].bias.fill_(0.25)
        assert made[name].weight.shape == size[::-1]
    decay = 0.0 if kind == "SGD" else 0.125
    rest = {"weight_decay": 0.0 if kind == "SGD" else 0.5, "lr": 0.03}
    groups = [
        {"params": made["output"].parameters(), "lr": 0.4, "weight_decay": 0.0},
        {"params": [made["first"].bias, made["dense_1"].bias], **rest},
        {"params": [made["first"].weight], "lr": 0.2},
        {"params": [made["dense_1"].weight]},
    ]
    theirs = getattr(torch.optim, kind)(groups, lr=0.1, weight_decay=decay)
    params = {
        f"{name}.{key}": np.full(size if key == "weight" else size[1:], value)
        for name, size in SIZES.items()
        for key, value in (("weight", 0.5), ("bias", 0.25))
    }
    mine = [
        ParameterGroup("output.*", 4.0, 0.0),
        ParameterGroup("*.bias", 0.3, rest["weight_decay"]),
        ParameterGroup("first.*", 2.0),
    ]
    ours = getattr(panel("scratch", "optimizers"), kind)(0.1, weight_decay=decay, groups=mine)
    for _ in range(3):
        grads = {name: RNG.normal(size=w.shape) for name, w in params.items()}
        for name, linear in made.items():
            linear.weight.grad = torch.tensor(grads[f"{name}.weight"].T.copy())
            linear.bias.grad = torch.tensor(grads[f"{name}.bias"])
        theirs.step()
        ours.step(params, grads)
    found = {
        f"{name}.{key}": getattr(linear, key).detach().numpy().T
        for name, linear in made.items()
        for key in ("weight", "bias")
    }
    parity("parameter_groups, native", {"scratch": params, "torch": found})


def test_layer_wise_rates():
    names = [
        "conv_1.weight",
        "conv_1.bias",
        "batch_norm_1.gamma",
        "dense_2.weight",
        "output.weight",
    ]
    factors = [group_of(name, layer_wise(names, 0.5)).learning_rate for name in names]
    assert factors == [0.25, 0.25, 0.25, 0.5, 1.0]


def test_a_schedule_changes_all_rates():
    import torch

    made = model("torch")
    optimizer = panel("torch", "optimizers").Adam(
        made.named_parameters(), 0.1, groups=[ParameterGroup("output.*", 0.5)]
    )
    schedule = panel("torch", "schedules").StepDecay(
        optimizer, learning_rate=0.1, factor=0.5, every=1
    )
    optimizer.step()
    schedule.step()
    assert {g["factor"]: g["lr"] for g in optimizer.param_groups} == {1.0: 0.05, 0.5: 0.025}
    assert isinstance(optimizer, torch.optim.Optimizer)


def test_keras_optimizer_is_saved_with_its_groups():
    import keras

    optimizer = panel("keras", "optimizers").AdamW(0.1, groups=GROUPS)
    config = keras.saving.serialize_keras_object(optimizer)
    assert keras.saving.deserialize_keras_object(config).groups == GROUPS


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pattern": 1}, "pattern must be text, got 1"),
        ({"learning_rate": -1}, "learning_rate must be a number in (0, inf), got -1"),
        ({"weight_decay": "some"}, "weight_decay must be a number in [0, inf), got 'some'"),
    ],
)
def test_bad_group(options, message):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (the text is compared below)
        ParameterGroup(**({"pattern": "*"} | options))
    assert str(caught.value) == message


def test_bad_groups():
    def make(groups):
        def call(framework, adapter):
            params = [model("torch").named_parameters()] if framework == "torch" else []
            panel(framework, "optimizers").Adam(*params, groups=groups)

        return call

    same_error(make("all"), "groups must be a list of ParameterGroup, got 'all'")
    same_error(make([1]), "groups[0] must be a ParameterGroup, got 1")
