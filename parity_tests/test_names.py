"""Layers without a name have streams of their own, and two that would share one are refused."""

import copy
import re

import keras
import numpy as np
import pytest
import torch

from parity_tests.panels import ADAPTERS, PACKAGES, panel
from triptych.common.datasets import xor
from triptych.common.names import check_streams, layer_name, reset_names
from triptych.common.recipes import Recipe

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
    for name in ("", "a.b", "a/b", "a b", "é", 3, True, b"a"):
        message = (
            "name must be letters (a to z), digits, '_' and '-', or None for a name of its own, "
            f"got {name!r}"
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


def network(framework, holder, seeds=(0, 0)):
    """Two layers that drop by one name, with dense layers around them."""
    layers, dropout = panel(framework, "layers"), panel(framework, "dropout").Dropout
    inside = [
        layers.Dense(2, 3),
        dropout(0.5, seed=seeds[0], name="twin"),
        layers.Dense(3, 3),
        dropout(0.5, seed=seeds[1], name="twin"),
        layers.Dense(3, 1),
    ]
    return HOLDERS[holder](framework, inside)


MESSAGE = (
    r"layers must draw from streams that differ, but \S+ and \S+ have seed 0 and names 'twin' and "
    "'twin': give one of them another name, or another seed"
)


@pytest.mark.parametrize("framework", PACKAGES)
def test_fit_refuses_layers_that_share_a_stream(framework):
    fit = panel(framework, "training").fit
    with pytest.raises(ValueError, match=MESSAGE):
        fit(network(framework, "own"), RECIPE, xor("float32"), progress=False)


@pytest.mark.parametrize("framework", PACKAGES)
def test_containers_refuse_layers_that_share_a_stream(framework):
    with pytest.raises(ValueError, match=MESSAGE):
        network(framework, "nested")
    network(framework, "nested", seeds=(0, 1))


@pytest.mark.parametrize("framework", PACKAGES)
def test_a_layer_that_stands_in_a_model_twice_is_one(framework):
    layer = panel(framework, "dropout").Dropout(0.5)
    check_streams([("a", layer), ("b", layer)])


def test_layers_of_the_frameworks_have_generators_of_their_own():
    bare = keras.layers.Dropout(0.5, seed=0, name="twin")
    ours = panel("keras", "dropout").Dropout(0.5, name="twin")
    check_streams([("a", bare), ("b", ours), ("c", torch.nn.Dropout(0.5))])
