"""Layers without a name have streams of their own, and two that would share one are refused."""

import copy
import re

import keras
import numpy as np
import pytest
import torch

import triptych
from parity_tests.panels import ADAPTERS, PACKAGES, panel, same_error
from triptych.common.datasets import xor
from triptych.common.names import check_streams, layer_name, reset_names
from triptych.common.recipes import AugmentationRecipe, Recipe
from triptych.weights import canonical, restore

X = np.ones((50, 40, 6), "float32")


def layers_of(framework, count=2):
    """``count`` of each kind that drops things, without names."""
    dropout = panel(framework, "dropout").Dropout
    return [dropout(0.5) for _ in range(count)]


def own_scratch(layers):
    """Layers held by a layer of the user's own."""
    base = panel("scratch", "layers").Layer

    class Own(base):
        def __init__(self):
            super().__init__("own")
            self.first, self.others = layers[0], layers[1:]

        def forward(self, x, *, training=False):
            for layer in (self.first, *self.others):
                x = layer(x, training=training)
            return x

    return Own()


class OwnTorch(torch.nn.Module):
    def __init__(self, layers):
        super().__init__()
        self.first, self.others = layers[0], torch.nn.ModuleList(layers[1:])

    def forward(self, x):
        for layer in (self.first, *self.others):
            x = layer(x)
        return x


class OwnKeras(keras.Model):
    def __init__(self, layers):
        super().__init__()
        self.first, self.others = layers[0], layers[1:]

    def call(self, x, training=False):
        for layer in (self.first, *self.others):
            x = layer(x, training=training)
        return x


def sequential(framework, layers):
    return panel(framework, "layers").Sequential(layers)


def nested(framework, layers):
    return sequential(framework, [sequential(framework, [layer]) for layer in layers])


def blocks(framework, layers):
    """Each layer in a residual block of its own."""
    residual = panel(framework, "residual").Residual
    return residual([residual([layer]) for layer in layers])


OWN = {"scratch": own_scratch, "torch": OwnTorch, "keras": OwnKeras}
BARE = {
    "scratch": own_scratch,
    "torch": lambda ls: torch.nn.Sequential(*ls),
    "keras": keras.Sequential,
}
HOLDERS = {
    "ours": lambda framework, layers: sequential(framework, layers),
    "nested": nested,
    "own": lambda framework, layers: OWN[framework](layers),
    "bare": lambda framework, layers: BARE[framework](layers),
}


def run(framework, model, x):
    adapter = ADAPTERS[framework]
    y = (
        model.train()(adapter.tensor(x))
        if framework == "torch"
        else model(adapter.tensor(x), training=True)
    )
    return adapter.numpy(y)


@pytest.mark.parametrize("holder", HOLDERS)
def test_two_layers_without_names_draw_each_their_own(holder):
    results = {}
    for framework in PACKAGES:
        model = HOLDERS[holder](framework, layers_of(framework))
        results[framework] = run(framework, model, X)
        # Each drops half of what it gets: 12,000 draws, 0.25 within six standard deviations.
        assert abs((results[framework] > 0).mean() - 0.25) < 0.024, framework
    for framework, y in results.items():
        np.testing.assert_array_equal(y, results["scratch"], err_msg=framework)


@pytest.mark.parametrize(
    ("file", "kind", "count"),
    [
        ("dropout", "Dropout", 12000),
        ("spatial_dropout", "SpatialDropout2D", 300),
        ("stochastic_depth", "StochasticDepth", 50),
    ],
)
def test_every_kind_that_drops(file, kind, count):
    drop = {}
    for framework in PACKAGES:
        make = getattr(panel(framework, file), kind)
        first, second = make(0.5), make(0.5)
        x = np.ones((50, 8, 5, 6), "float32")
        drop[framework] = [run(framework, layer, x) for layer in (first, second)]
        kept = (drop[framework][0] * drop[framework][1] > 0).mean()
        assert abs(kept - 0.25) < 6 * (0.25 * 0.75 / count) ** 0.5, framework
        for ours, plain in zip(drop[framework], drop["scratch"], strict=True):
            np.testing.assert_array_equal(ours, plain, err_msg=framework)


@pytest.mark.parametrize(
    ("file", "kind", "sizes"), [("layers", "Dense", (6, 4)), ("convolution", "Conv2D", (2, 4, 3))]
)
def test_two_default_layers_start_with_their_own_weights(file, kind, sizes):
    for framework in PACKAGES:
        make = getattr(panel(framework, file), kind)
        weights = [ADAPTERS[framework].weights(make(*sizes)) for _ in range(2)]
        first, second = (next(iter(each.values())) for each in weights)
        assert first.shape == second.shape
        assert not np.array_equal(first, second), framework


def test_the_same_program_has_the_same_names_in_each_panel():
    for framework in PACKAGES:
        layers = panel(framework, "layers")
        made = [
            layers.Dense(2, 2),
            layers.ReLU(),
            layers.Dense(2, 2),
            layers.Dense(2, 2, name="mine"),
            layers.Dense(2, 2),
        ]
        assert [layer.name for layer in made] == ["dense", "relu", "dense__2", "mine", "dense__3"]


def test_a_panel_counts_for_itself_and_from_the_start_again():
    assert layer_name("scratch", "dropout", None) == "dropout"
    assert layer_name("torch", "dropout", None) == "dropout"
    assert layer_name("torch", "dropout", None) == "dropout__2"
    reset_names()
    assert layer_name("torch", "dropout", None) == "dropout"


def test_names_that_one_framework_has_no_room_for():
    for name in ("", "a.b", "a/b", "a b", "_a", "é", 3, True, b"a"):
        message = (
            "name must be letters (a to z), digits, '_' and '-', the first a letter or a digit, "
            f"or None for a name of its own, got {name!r}"
        )
        for framework in PACKAGES:
            with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
                panel(framework, "dropout").Dropout(0.5, name=name)


def test_a_copy_keeps_its_name():
    layers = panel("keras", "dropout").Dropout(0.5), panel("keras", "dropout").Dropout(0.5)
    again = keras.models.clone_model(keras.Sequential(layers))
    assert [layer.name for layer in again.layers] == ["dropout", "dropout__2"]
    config = layers[1].get_config()
    assert type(layers[1]).from_config(config).name == "dropout__2"
    for framework in PACKAGES:
        layer = panel(framework, "layers").Dense(2, 2)
        assert copy.deepcopy(layer).name == layer.name
    assert panel("keras", "dropout").Dropout(0.5).name == "dropout__3"


RECIPE = Recipe(input_shape=(2,), hidden=(3,), outputs=1, loss="binary", epochs=1, batch_size=4)


def twins(framework, **options):
    """Two layers that drop by one name, among dense layers."""
    layers, dropout = panel(framework, "layers"), panel(framework, "dropout").Dropout
    return [
        layers.Dense(2, 3),
        dropout(0.5, name="twin"),
        layers.Dense(3, 3),
        dropout(0.5, **({"name": "twin"} | options)),
        layers.Dense(3, 1),
    ]


def refusal(first, second):
    return (
        f"layers of a model must draw from streams that differ, got {first} and {second}: "
        "give one of them another name or another seed"
    )


TWIN = "Dropout(seed=0, name='twin')"


@pytest.mark.parametrize("deep", [False, True])
def test_fit_refuses_layers_that_share_a_stream(deep):
    def fit(framework, adapter, **options):
        layers = twins(framework, **options)
        if deep:
            layers = [layers[0], OWN[framework](layers[1:4]), layers[4]]
        model = OWN[framework](layers)
        panel(framework, "training").fit(model, RECIPE, xor("float32"), progress=False)

    same_error(fit, refusal(TWIN, TWIN))
    for framework in ("torch", "keras"):  # in NumPy one's own model has to go backward too
        fit(framework, None, seed=1)


def test_containers_refuse_layers_that_share_a_stream():
    for holder in (nested, blocks):
        same_error(lambda f, a, holder=holder: holder(f, twins(f)), refusal(TWIN, TWIN))
        for framework in PACKAGES:
            holder(framework, twins(framework, seed=1))
            holder(framework, twins(framework, name="other"))


KINDS = {
    "Dropout": ("dropout", (0.5,)),
    "SpatialDropout2D": ("spatial_dropout", (0.5,)),
    "StochasticDepth": ("stochastic_depth", (0.5,)),
    "Augmentation": ("augmentation", (AugmentationRecipe(rotation=5.0),)),
    "Dense": ("layers", (2, 2)),
    "Conv2D": ("convolution", (2, 2, 3)),
    "BatchNorm": ("batch_norm", (2,)),
}


@pytest.mark.parametrize("holder", [nested, blocks])
def test_what_shares_random_numbers_is_refused(holder):
    """Of whatever kind the layers are; and nothing else is."""

    def hold(*kinds):
        return lambda f, a: holder(f, [make(f, kind) for kind in kinds])

    def make(framework, kind):
        file, sizes = KINDS[kind]
        return getattr(panel(framework, file), kind)(*sizes, name="twin")

    for kind in KINDS:
        if kind == "BatchNorm":
            continue
        own = f"{kind}(seed=0, name='twin')"
        same_error(hold(kind, kind), refusal(own, own))
        same_error(hold("Dropout", kind), refusal(TWIN, own))
    for framework in PACKAGES:
        hold("BatchNorm", "BatchNorm")(framework, None)
        hold("BatchNorm", "Dense")(framework, None)


def test_copies_in_one_model_are_refused():
    def copies(framework, adapter):
        block = panel(framework, "dropout").Dropout(0.5)
        nested(framework, [block, copy.deepcopy(block)])

    same_error(
        copies, refusal("Dropout(seed=0, name='dropout')", "Dropout(seed=0, name='dropout')")
    )


@pytest.mark.parametrize("framework", PACKAGES)
def test_a_layer_that_stands_in_a_model_twice_is_one(framework):
    layer = panel(framework, "dropout").Dropout(0.5)
    check_streams([layer, layer])
    nested(framework, [layer, layer])


def test_layers_of_the_frameworks_have_generators_of_their_own():
    bare = keras.layers.Dropout(0.5, seed=0, name="twin")
    ours = panel("keras", "dropout").Dropout(0.5, name="twin")
    check_streams([bare, ours, torch.nn.Dropout(0.5)])


def test_scratch_finds_layers_wherever_they_are_kept():
    module = panel("scratch", "layers")
    inner, own, parent = (module.Layer(name) for name in ("inner", "own", "parent"))
    inner.up, own.blocks, own.pair, parent.own = parent, {"a": [inner]}, (own, inner), own
    assert module.layers_in(parent) == [parent, own, inner]


def test_what_cannot_be_made_counts_alike():
    """Each panel gives the name before anything else can fail."""
    bad = {
        "dropout.Dropout": (2.0,),
        "spatial_dropout.SpatialDropout2D": (2.0,),
        "stochastic_depth.StochasticDepth": (2.0,),
        "batch_norm.BatchNorm": (0,),
        "layers.Dense": (0, 1),
        "layers.Sequential": (0,),
        "residual.Residual": (0,),
        "convolution.Conv2D": (0, 1, 1),
        "pooling.MaxPool2D": (0,),
        "pooling.AveragePool2D": (0,),
    }
    for name, arguments in bad.items():
        file, _, kind = name.partition(".")
        good = {"layers.Sequential": ([],), "residual.Residual": ([],), "layers.Dense": (2, 2)}
        good |= {"batch_norm.BatchNorm": (2,), "convolution.Conv2D": (1, 1, 1)}
        for framework in PACKAGES:
            make = getattr(panel(framework, file), kind)
            with pytest.raises(ValueError, match="must"):
                make(*arguments)
            found = make(*good.get(name, (0.5,) if "ropout" in name or "Depth" in name else (2,)))
            assert found.name.endswith("__2"), (framework, name, found.name)


def test_blocks_have_one_name_in_each_panel():
    for framework in PACKAGES:
        make = panel(framework, "layers").ReLU
        model = sequential(
            framework, [blocks(framework, [make()]), sequential(framework, [make()])]
        )
        names = [layer.name for layer in (model.layers if framework != "torch" else model)]
        assert (model.name, names) == ("sequential__2", ["residual__2", "sequential"]), framework


@pytest.mark.parametrize("framework", PACKAGES)
def test_models_of_recipes_do_not_count(framework):
    """Whatever was made before, and also of the kinds that a recipe has one layer of."""
    recipe = Recipe(
        input_shape=(6, 6, 1),
        channels=(2,),
        hidden=(3,),
        outputs=3,
        dropout=0.25,
        augmentation=AugmentationRecipe(rotation=5.0),
    )
    models = panel(framework, "models")
    for build in (models.mlp, models.cnn, models.resnet):
        first = canonical(build(recipe))
        network(framework)
        second = canonical(build(recipe))
        assert "augmentation.step" in first
        assert not any("__" in name for name in first)
        assert first.keys() == second.keys()
        for name, array in first.items():
            np.testing.assert_array_equal(second[name], array)


def network(framework):
    layers, dropout = panel(framework, "layers"), panel(framework, "dropout").Dropout
    return sequential(framework, [layers.Dense(4, 3), dropout(0.5), layers.Dense(3, 3)])


def test_weights_of_other_names_say_what_to_do():
    def other(framework, adapter):
        first, second = network(framework), network(framework)
        for model in (first, second) if framework == "keras" else ():
            model.build((None, 4))
        restore(second, canonical(first))

    same_error(
        other,
        "the weights are not those of this model: missing 'dense__3.bias', 'dense__3.weight', "
        "'dense__4.bias', 'dense__4.weight' and 1 more, unknown to the model 'dense.bias', "
        "'dense.weight', 'dense__2.bias', 'dense__2.weight' and 1 more; build it from the recipe "
        "that it was trained with, or rename the layers. Layers without a name are numbered as "
        "they are made: give them names, or call triptych.reset_names() before each of the two "
        "models is made",
    )


def test_weights_travel_between_programs_that_are_the_same():
    weights = canonical(network("scratch"))
    for framework in ("torch", "keras"):
        model = network(framework)
        if framework == "keras":
            model.build((None, 4))
        restore(model, weights)
    triptych.reset_names()
    restore(network("scratch"), weights)


def test_a_saved_model_has_its_names_again(tmp_path):
    model = sequential("keras", layers_of("keras"))
    expected = [run("keras", model, X) for _ in range(2)]
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert [layer.name for layer in loaded.layers] == ["dropout", "dropout__2"]
    third = run("keras", model, X)
    np.testing.assert_array_equal(run("keras", loaded, X), third)
    assert not np.array_equal(third, expected[1])

    module = sequential("torch", layers_of("torch"))
    torch.save(module, tmp_path / "module.pt")
    loaded = torch.load(tmp_path / "module.pt", weights_only=False)
    assert [layer.name for layer in loaded] == ["dropout", "dropout__2"]
    np.testing.assert_array_equal(run("torch", loaded, X), expected[0])
