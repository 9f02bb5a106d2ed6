import numpy as np
import pytest

from parity_tests.panels import ADAPTERS, everywhere, panel, same_error
from triptych.common.datasets import xor
from triptych.common.recipes import Recipe

RNG = np.random.default_rng(0)
scratch = panel("scratch", "weight_constraints")
FUNCTIONS = {
    "max_norm": (1.5,),
    "unit_norm": (),
    "min_max_norm": (0.5, 1.5),
    "non_negative": (),
}


def weights(dtype="float64"):
    found = [RNG.normal(size=shape).astype(dtype) for shape in [(6, 4), (4,), (3, 3, 2, 5)]]
    found[0][:, 1] = 0
    found[0][:, 2] *= 0.01
    return found


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_agree(parity, dtype, name):
    ws = weights(dtype)
    options = {} if name == "non_negative" else {"axis": -1}

    def call(framework, adapter):
        function = getattr(panel(framework, "weight_constraints"), name)
        return [function(adapter.tensor(w), *FUNCTIONS[name], **options) for w in ws]

    parity("weight_constraints", everywhere(call))


def test_norms():
    w = weights()[0]
    before = np.linalg.norm(w, axis=0)
    bounded = np.linalg.norm(scratch.max_norm(w, 1.5), axis=0)
    np.testing.assert_allclose(bounded, np.minimum(before, 1.5), rtol=1e-14)
    assert np.array_equal(scratch.max_norm(w, 1e3), w)  # what is allowed keeps its bits
    unit = np.linalg.norm(scratch.unit_norm(w), axis=0)
    np.testing.assert_allclose(unit, [1, 0, 1, 1], rtol=1e-14)
    for rate in (1.0, 0.25):
        norm = np.linalg.norm(scratch.min_max_norm(w, 0.5, 1.5, rate=rate), axis=0)
        expected = rate * np.clip(before, 0.5, 1.5) + (1 - rate) * before
        expected[1] = 0
        np.testing.assert_allclose(norm, expected, rtol=1e-14)
    assert (scratch.non_negative(w) >= 0).all()
    assert (scratch.non_negative(w)[w > 0] == w[w > 0]).all()


def test_bare_keras(parity):
    """Entries of the map: max-norm-below-limit, max-norm-axis, unit-norm-epsilon."""
    from keras import constraints

    dense, kernel = weights()[0], weights()[2]
    for w, axis in ((dense, 0), (kernel, [0, 1, 2])):
        pairs = [
            (scratch.max_norm(w, 1.5, epsilon=1e-7, always=True), constraints.MaxNorm(1.5, axis)),
            (scratch.unit_norm(w, epsilon=1e-7), constraints.UnitNorm(axis)),
            (
                scratch.min_max_norm(w, 0.5, 1.5, rate=0.25, epsilon=1e-7),
                constraints.MinMaxNorm(0.5, 1.5, 0.25, axis),
            ),
            (scratch.non_negative(w), constraints.NonNeg()),
        ]
        for ours, theirs in pairs:
            found = theirs(ADAPTERS["keras"].tensor(w))
            parity("weight_constraints, native", {"scratch": ours, "keras": found})


def test_bare_torch(parity):
    """Entry of the map: max-norm-below-limit. PyTorch's renorm takes the axis that counts units."""
    import torch

    dense, kernel = weights()[0], weights()[2]
    for w in (dense, kernel):
        tensor = torch.tensor(np.moveaxis(w, -1, 0).copy())
        found = np.moveaxis(torch.renorm(tensor, 2, 0, 1.5).numpy(), 0, -1)
        ours = scratch.max_norm(w, 1.5, epsilon=1e-7)
        parity("weight_constraints, native", {"scratch": ours, "torch": found})


SETTINGS = {
    "input_shape": (2,),
    "hidden": (6,),
    "outputs": 1,
    "loss": "binary",
    "passes_per_epoch": 4,
    "epochs": 2,
    "batch_size": 16,
    "learning_rate": 0.1,
    "dtype": "float64",
}


def run(framework, watchers=(), **options):
    recipe = Recipe(**SETTINGS | options)
    model = panel(framework, "models").mlp(recipe)
    history = panel(framework, "training").fit(
        model, recipe, xor("float64"), progress=False, watchers=watchers
    )
    return [np.array(history.step_loss), ADAPTERS[framework].weights(model)]


CONSTRAINTS = {
    "max-norm": lambda c: c.MaxNorm(0.5),
    "unit norm": lambda c: c.UnitNorm(),
    "min-max": lambda c: c.MinMaxNorm(0.5, 0.75, rate=0.5),
    "non-negative": lambda c: c.NonNegative(),
}


@pytest.mark.parametrize("kind", CONSTRAINTS)
def test_runs_agree(parity, kind):
    def constrained(framework, adapter):
        constraints = panel(framework, "weight_constraints")
        return run(framework, [constraints.WeightConstraint(CONSTRAINTS[kind](constraints))])

    runs = everywhere(constrained)
    parity("weight_constraints", runs, tolerance=1e-12)
    weight = runs["scratch"][1]["dense_1.weight"]
    norms = np.linalg.norm(weight, axis=0)
    assert {
        "max-norm": norms.max() <= 0.5 + 1e-12,
        "unit norm": np.allclose(norms, 1, rtol=0, atol=1e-14),
        "min-max": (norms < 1).all(),
        "non-negative": (weight >= 0).all(),
    }[kind]


def test_a_recipe_asks_for_max_norm():
    recipes = everywhere(lambda f, a: run(f, max_norm=0.5))
    for framework, (losses, found) in recipes.items():
        constraints = panel(framework, "weight_constraints")
        watcher = constraints.WeightConstraint(constraints.MaxNorm(0.5))
        expected = run(framework, [watcher])
        np.testing.assert_array_equal(losses, expected[0])
        for name, array in expected[1].items():
            np.testing.assert_array_equal(found[name], array)


def test_keras_constraint_of_a_layer_is_saved(tmp_path):
    import keras

    constraints = panel("keras", "weight_constraints")
    kinds = [
        constraints.MaxNorm(0.5),
        constraints.UnitNorm(),
        constraints.MinMaxNorm(0.25, 0.5, rate=0.5),
        constraints.NonNegative(),
    ]
    model = keras.Sequential(
        [keras.Input((2,)), *(keras.layers.Dense(2, kernel_constraint=kind) for kind in kinds)]
    )
    model.compile("sgd", "mse")
    model.fit(np.ones((4, 2)), np.ones((4, 2)), verbose=0)
    assert np.linalg.norm(model.get_weights()[0], axis=0).max() <= 0.5 + 1e-6
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for layer, kind in zip(loaded.layers, kinds, strict=True):
        assert type(layer.kernel_constraint) is type(kind)
        assert layer.kernel_constraint.get_config() == kind.get_config()


@pytest.mark.parametrize("value", [0, -1.0, float("nan"), float("inf"), "one", None])
def test_bad_max_norm(value):
    message = f"max_norm must be a number in (0, inf), got {value!r}"
    same_error(lambda f, a: panel(f, "weight_constraints").MaxNorm(value), message)


def test_bad_arguments():
    def make(kind, *args, **options):
        return lambda f, a: getattr(panel(f, "weight_constraints"), kind)(*args, **options)

    same_error(make("MinMaxNorm", 2.0, 1.5), "min_norm must be a number in [0, 1.5], got 2.0")
    same_error(make("MinMaxNorm", 0.5, 1.5, rate=1.5), "rate must be a number in [0, 1], got 1.5")
    same_error(
        make("WeightConstraint", "tight"),
        "constraint must have the methods __call__, got 'tight'",
    )
    same_error(
        lambda f, a: panel(f, "weight_constraints").unit_norm(a.tensor(np.ones((2, 3), int))),
        "w[0] must be floating point, got int64",
    )
