import contextlib
import errno
import hashlib
import io
import json
import math
import os
import re
import signal
import stat
import subprocess
import sys
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from examples.mnist import RECIPES
from parity_tests.panels import ADAPTERS, DTYPES, PACKAGES, panel
from triptych.common.datasets import Dataset
from triptych.common.recipes import Recipe
from triptych.weights import (
    canonical,
    chw_from_hwc,
    from_torch_layout,
    hwc_from_chw,
    load,
    rename,
    restore,
    save,
    to_torch_layout,
)

# Not square, so that a height taken for a width shows.
SMALL = {"input_shape": (8, 12, 1), "hidden": (5,), "batch_size": 6, "epochs": 1}
SMALL |= {"batch_norm_epsilon": 2.0**-8, "batch_norm_momentum": 0.75, "schedule": None}

CHANNELS = {"mlp": (), "cnn": (3, 4), "resnet": (3, 4)}
# The longest sums one after the other: the images through the dense layers; two convolutions and
# the dense layers; a first convolution, two blocks of two and the mean of the maps.
TERMS = {"mlp": 96 + 5, "cnn": 9 + 27 + 24 + 5, "resnet": 9 + 27 + 27 + 27 + 36 + 24 + 4 + 5}


def recipe_of(name, dtype, **options):
    augmentation = RECIPES[name].augmentation if name == "mlp" else None
    options = SMALL | {"channels": CHANNELS[name], "augmentation": augmentation} | options
    return replace(RECIPES[name], dtype=dtype, **options)


def build(framework, name, recipe):
    return getattr(panel(framework, "models"), name)(recipe)


def batch(dtype, count=6, seed=0, channels=1):
    return np.random.default_rng(seed).random((count, 8, 12, channels)).astype(dtype)


def upstream(dtype, count=6):
    return np.random.default_rng(1).normal(size=(count, 10)).astype(dtype)


def trained(framework, name, recipe, steps=3):
    """A model after a few steps of gradient descent."""
    model, adapter = build(framework, name, recipe), ADAPTERS[framework]
    for step in range(steps):
        found = adapter.step(model, batch(recipe.dtype, seed=step), upstream(recipe.dtype))
        weights = adapter.weights(model)
        for key in weights:
            if f"gradient.{key}" in found:
                weights[key] -= 2.0**-6 * found[f"gradient.{key}"]
        adapter.load(model, weights)
    return model


def logits(framework, model, x):
    """In inference mode."""
    if framework == "scratch":
        return model(x)
    if framework == "torch":
        model.eval()
    adapter = ADAPTERS[framework]
    return adapter.numpy(model(adapter.tensor(x)))


def assert_equal(found, expected):
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert found[name].dtype == array.dtype, name
        np.testing.assert_array_equal(found[name], array, err_msg=name)


# --- Between the panels -------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", CHANNELS)
def test_nine_directions(parity, tmp_path, name, dtype):
    """From each of three, into each of three: the same numbers, inference and training step."""
    recipe = recipe_of(name, dtype, augmentation=None)
    targets = {f: build(f, name, replace(recipe, seed=7)) for f in PACKAGES}
    x = batch(dtype, 5, seed=9)
    for source in PACKAGES:
        model = trained(source, name, recipe)
        weights, expected = canonical(model), logits(source, model, x)
        for key, array in canonical(build(source, name, recipe)).items():
            assert (array != weights[key]).any(), key  # what does not travel would show
        save(model, tmp_path / source)
        found = {f"{source}, saved": expected}
        for framework, target in targets.items():
            load(target, tmp_path / source)
            assert_equal(canonical(target), weights)
            found[framework] = logits(framework, target, x)
        np.testing.assert_array_equal(found[source], expected)
        result = {f: found[f] for f in PACKAGES}
        # The logits are no larger than what they are sums of: the bound holds at their scale.
        parity("weights", result, terms=TERMS[name], reference=source)


def test_training_goes_on(parity, tmp_path):
    """``fit`` after ``load``: the same losses everywhere, also because the masks continue."""
    recipe = recipe_of("mlp", "float64", augmentation=None)
    save(trained("keras", "mlp", recipe), tmp_path / "mlp")
    labels = np.random.default_rng(2).integers(0, 10, 12)
    dataset = Dataset("random", *[batch("float64", 12), labels] * 3, classes=10)

    def losses(framework, weights=None):
        model = build(framework, "mlp", recipe)
        load(model, tmp_path / "mlp")
        restore(model, canonical(model) | (weights or {}))
        return panel(framework, "training").fit(model, recipe, dataset, progress=False).step_loss

    found = {framework: losses(framework) for framework in PACKAGES}
    assert len(found["scratch"]) == 2
    # A step of Adam divides a gradient by its own size, so one rounding error of a small gradient
    # is one of the weights times learning_rate / |g|: the limit of one step, not a sum's bound.
    parity("weights", found, tolerance=1e-12)
    restarted = losses("scratch", {"dropout_1.step": np.array(0)})
    assert abs(restarted[0] - found["scratch"][0]) > 1e-3


@pytest.mark.parametrize("name", CHANNELS)
def test_a_training_step_goes_on(parity, name):
    """Output, gradients and state, with the masks that come next."""
    recipe = recipe_of(name, "float64", augmentation=None)
    weights = canonical(trained("scratch", name, recipe, steps=2))
    found = {}
    for framework, adapter in ADAPTERS.items():
        model = build(framework, name, recipe)
        restore(model, weights)
        found[framework] = adapter.step(model, batch("float64", seed=2), upstream("float64"))
        assert all(value == 3 for key, value in found[framework].items() if key.endswith("step"))
    # There and back, and sums over the batch and all pixels in between.
    parity("weights", found, terms=2 * TERMS[name] + 6 * 8 * 12)


# --- Bare models --------------------------------------------------------------------------------

# Shape of what is flattened: 8x12 pooled twice, 4 channels.
MAPS = (2, 3, 4)
TORCH_LAYERS = {"0": "conv_1", "1": "batch_norm_1", "4": "conv_2", "5": "batch_norm_2"}
TORCH_LAYERS |= {"9": "dense_3", "10": "batch_norm_3", "13": "output"}


def bare_torch():
    """Channels first, PyTorch's flatten, and its batch norm, after a few training passes."""
    import torch
    from torch import nn

    norm = {"momentum": 0.25, "eps": 2.0**-8}
    model = nn.Sequential(
        *(nn.Conv2d(1, 3, 3, padding=1, bias=False), nn.BatchNorm2d(3, **norm)),
        *(nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(3, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4, **norm)),
        *(nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
        *(nn.Linear(24, 5, bias=False), nn.BatchNorm1d(5, **norm), nn.ReLU(), nn.Dropout()),
        nn.Linear(5, 10),
    ).to(torch.float64)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.uniform_(-1, 1, generator=generator)
        for seed in range(3):
            model(torch.tensor(batch("float64", seed=seed).transpose(0, 3, 1, 2)))
    return model.eval()


def torch_logits(model, x):
    import torch

    with torch.no_grad():
        return model.eval()(torch.tensor(x.transpose(0, 3, 1, 2))).numpy()


def bare_keras(seed):
    keras, layers = ADAPTERS["keras"].keras, ADAPTERS["keras"].keras.layers
    norm = {"momentum": 0.75, "epsilon": 2.0**-8, "dtype": "float64"}
    kept = {"use_bias": False, "dtype": "float64"}
    model = keras.Sequential(
        [
            keras.Input((8, 12, 1), dtype="float64"),
            layers.Conv2D(3, 3, padding="same", name="first", **kept),
            layers.BatchNormalization(name="first_norm", **norm),
            layers.ReLU(dtype="float64"),
            layers.MaxPooling2D(dtype="float64"),
            layers.Conv2D(4, 3, padding="same", name="second", **kept),
            layers.BatchNormalization(name="second_norm", **norm),
            layers.ReLU(dtype="float64"),
            layers.MaxPooling2D(dtype="float64"),
            layers.Flatten(dtype="float64"),
            layers.Dense(5, name="third", **kept),
            layers.BatchNormalization(name="third_norm", **norm),
            layers.ReLU(dtype="float64"),
            layers.Dropout(0.5, dtype="float64"),
            layers.Dense(10, name="last", dtype="float64"),
        ]
    )
    rng = np.random.default_rng(seed)
    for variable in model.weights:
        variable.assign(rng.uniform(0.25, 1, size=variable.shape))
    return model


KERAS_LAYERS = {"first": "conv_1", "first_norm": "batch_norm_1", "second": "conv_2"}
KERAS_LAYERS |= {"second_norm": "batch_norm_2", "third": "dense_3", "third_norm": "batch_norm_3"}
KERAS_LAYERS |= {"last": "output"}


def into_panels(weights, x):
    """The logits of each panel's CNN with these weights."""
    found = {}
    for framework in PACKAGES:
        model = build(framework, "cnn", recipe_of("cnn", "float64"))
        restore(model, canonical(model) | weights)  # the bare model has no counter of draws
        found[framework] = logits(framework, model, x)
    return found


def test_bare_torch_model_into_the_panels(parity):
    """Entries of the map: flatten-order, kernel-layout, dense-layout."""
    bare, x = bare_torch(), batch("float64", 5, seed=9)
    weights = rename(canonical(bare), TORCH_LAYERS)
    wrong = into_panels(weights, x)["scratch"]
    weights["dense_3.weight"] = hwc_from_chw(weights["dense_3.weight"], MAPS)
    expected = torch_logits(bare, x)
    parity("weights, native", {"bare torch": expected, **into_panels(weights, x)})
    assert np.abs(wrong - expected).max() > 0.1  # the order of the flatten matters here


def test_bare_keras_model_into_the_panels(parity):
    bare, x = bare_keras(seed=0), batch("float64", 5, seed=9)
    weights = rename(canonical(bare), KERAS_LAYERS)
    expected = logits("keras", bare, x)
    parity("weights, native", {"bare keras": expected, **into_panels(weights, x)})


def test_bare_models_into_each_other(parity, tmp_path):
    """From PyTorch to Keras, through a file, and from a NumPy model back to PyTorch."""
    torch_model, keras_model, x = bare_torch(), bare_keras(seed=0), batch("float64", 5, seed=9)
    own = {ours: theirs for theirs, ours in KERAS_LAYERS.items()}
    weights = rename(canonical(torch_model), {a: own[b] for a, b in TORCH_LAYERS.items()})
    weights["third.weight"] = hwc_from_chw(weights["third.weight"], MAPS)
    restore(keras_model, weights)
    found = {"torch": torch_logits(torch_model, x), "keras": logits("keras", keras_model, x)}
    parity("weights, native", found)

    save(keras_model, tmp_path / "bare")
    load(bare_keras(seed=1), tmp_path / "bare")
    scratch = trained("scratch", "cnn", recipe_of("cnn", "float64"))
    weights = {name: array for name, array in canonical(scratch).items() if "step" not in name}
    weights = rename(weights, {ours: theirs for theirs, ours in TORCH_LAYERS.items()})
    weights["9.weight"] = chw_from_hwc(weights["9.weight"], MAPS)
    passes = int(torch_model[1].num_batches_tracked)
    restore(torch_model, weights)
    assert torch_model[1].num_batches_tracked == passes == 3
    assert_equal(canonical(torch_model), weights)
    found = {"scratch": scratch(x), "torch": torch_logits(torch_model, x)}
    parity("weights, native", found)


@pytest.mark.once
def test_flatten_order_by_its_definition():
    height, width, channels, units = 2, 3, 4, 5
    maps = np.random.default_rng(0).normal(size=(height, width, channels))
    theirs = np.random.default_rng(1).normal(size=(24, units))
    kept = theirs.copy()
    ours = hwc_from_chw(theirs, (height, width, channels))
    for h, w, c in np.ndindex(height, width, channels):
        row = theirs[c * height * width + h * width + w]
        np.testing.assert_array_equal(ours[h * width * channels + w * channels + c], row)
    np.testing.assert_allclose(
        maps.reshape(-1) @ ours, maps.transpose(2, 0, 1).reshape(-1) @ theirs, rtol=1e-12
    )
    np.testing.assert_array_equal(chw_from_hwc(ours, (height, width, channels)), theirs)
    np.testing.assert_array_equal(theirs, kept)
    gamma = np.arange(24.0)  # of a batch norm after the flatten
    np.testing.assert_array_equal(
        hwc_from_chw(gamma, (2, 3, 4)), gamma.reshape(4, 2, 3).transpose(1, 2, 0).ravel()
    )


@pytest.mark.once
def test_layouts_by_their_definition():
    rng = np.random.default_rng(0)
    dense, kernel, gamma = rng.normal(size=(2, 3)), rng.normal(size=(2, 3, 4, 5)), np.ones(3)
    for name in ("weight", "conv_1.weight"):
        np.testing.assert_array_equal(from_torch_layout(name, dense), dense.T)
        ours = from_torch_layout(name, kernel)
        assert ours.shape == (4, 5, 3, 2)
        assert ours[1, 2, 0, 1] == kernel[1, 0, 1, 2]
        np.testing.assert_array_equal(to_torch_layout(name, ours), kernel)
        np.testing.assert_array_equal(to_torch_layout(name, dense.T), dense)
        assert from_torch_layout(name, gamma) is gamma
    assert from_torch_layout("layer.running_mean", dense) is dense
    assert to_torch_layout("layer.running_mean", dense) is dense
    for axes in (3, 5):
        kernel = rng.normal(size=range(2, 2 + axes))
        ours = from_torch_layout("weight", kernel)
        assert ours.shape == (*kernel.shape[2:], 3, 2)
        np.testing.assert_array_equal(ours[..., 1, 0], kernel[0, 1])
        np.testing.assert_array_equal(to_torch_layout("weight", ours), kernel)
    for turn in (from_torch_layout, to_torch_layout):
        with pytest.raises(ValueError, match=r"^weight must have 2 to 5 axes, .*, got 6$"):
            turn("weight", np.ones((1,) * 6))


# --- Layers by their kind -----------------------------------------------------------------------

# PyTorch's layer, Keras's, and the shape of a batch for Keras: channels last. Where layouts differ,
# sizes are such that the wrong one fits.
KINDS = {
    "dense, square": ("Linear(3, 3)", "Dense(3)", (2, 3)),
    "dense": ("Linear(3, 5, bias=False)", "Dense(5, use_bias=False)", (2, 4, 3)),
    "conv 1d, 3 to 3": ("Conv1d(3, 3, 3)", "Conv1D(3, 3)", (2, 7, 3)),
    "conv 1d, 7 to 4": ("Conv1d(7, 4, 4, stride=2)", "Conv1D(4, 4, strides=2)", (2, 9, 7)),
    "conv 1d, 4 to 4": ("Conv1d(4, 4, 4, dilation=2)", "Conv1D(4, 4, dilation_rate=2)", (2, 9, 4)),
    "conv 1d, groups": ("Conv1d(4, 6, 2, groups=2)", "Conv1D(6, 2, groups=2)", (2, 7, 4)),
    "conv 2d": ("Conv2d(3, 3, 3)", "Conv2D(3, 3)", (2, 5, 6, 3)),
    "conv 2d, odd": (
        "Conv2d(2, 1, (2, 3), stride=2)",
        "Conv2D(1, (2, 3), strides=2)",
        (2, 5, 6, 2),
    ),
    "conv 2d, groups": ("Conv2d(4, 4, 2, groups=2)", "Conv2D(4, 2, groups=2)", (2, 5, 6, 4)),
    "conv 3d, 2 to 2": ("Conv3d(2, 2, 2)", "Conv3D(2, 2)", (2, 3, 4, 5, 2)),
    "conv 3d": ("Conv3d(2, 3, (1, 2, 3))", "Conv3D(3, (1, 2, 3))", (2, 3, 4, 5, 2)),
    "transposed 1d": ("ConvTranspose1d(3, 3, 3)", "Conv1DTranspose(3, 3)", (2, 5, 3)),
    "transposed 1d, stride": (
        "ConvTranspose1d(4, 2, 3, stride=2)",
        "Conv1DTranspose(2, 3, strides=2)",
        (2, 5, 4),
    ),
    "transposed 2d": ("ConvTranspose2d(2, 2, 2)", "Conv2DTranspose(2, 2)", (2, 4, 3, 2)),
    "transposed 2d, stride": (
        "ConvTranspose2d(3, 2, (3, 2), stride=2)",
        "Conv2DTranspose(2, (3, 2), strides=2)",
        (2, 4, 3, 3),
    ),
    "transposed 3d": ("ConvTranspose3d(2, 2, 2)", "Conv3DTranspose(2, 2)", (2, 3, 4, 2, 2)),
    "depthwise 1d": (
        "Conv1d(3, 6, 3, groups=3)",
        "DepthwiseConv1D(3, depth_multiplier=2)",
        (2, 7, 3),
    ),
    "depthwise 2d": ("Conv2d(3, 3, 3, groups=3)", "DepthwiseConv2D(3)", (2, 5, 6, 3)),
    "depthwise 2d, twice": (
        "Conv2d(2, 4, (2, 3), groups=2)",
        "DepthwiseConv2D((2, 3), depth_multiplier=2)",
        (2, 5, 6, 2),
    ),
    "separable 1d": (
        "Sequential(OrderedDict(depthwise=nn.Conv1d(2, 4, 3, groups=2, bias=False),"
        " pointwise=nn.Conv1d(4, 4, 1)))",
        "SeparableConv1D(4, 3, depth_multiplier=2)",
        (2, 7, 2),
    ),
    "separable 2d": (
        "Sequential(OrderedDict(depthwise=nn.Conv2d(3, 3, 3, groups=3, bias=False),"
        " pointwise=nn.Conv2d(3, 3, 1)))",
        "SeparableConv2D(3, 3)",
        (2, 5, 6, 3),
    ),
    "batch norm 1d": ("BatchNorm1d(3, eps=1e-3)", "BatchNormalization()", (4, 3)),
    "batch norm 2d": ("BatchNorm2d(3, eps=1e-3)", "BatchNormalization()", (2, 5, 6, 3)),
    "batch norm 3d": ("BatchNorm3d(3, eps=1e-3)", "BatchNormalization()", (2, 3, 4, 5, 3)),
    "layer norm": ("LayerNorm(4, eps=1e-3)", "LayerNormalization()", (3, 4)),
    "group norm": ("GroupNorm(2, 6, eps=1e-3)", "GroupNormalization(2)", (2, 5, 4, 6)),
    "instance norm": (
        "InstanceNorm2d(3, eps=1e-3, affine=True)",
        "GroupNormalization(groups=-1)",
        (2, 5, 4, 3),
    ),
    "RMS norm": ("RMSNorm(4, eps=1e-6)", "RMSNormalization()", (3, 4)),
    "embedding, square": ("Embedding(4, 4)", "Embedding(4, 4)", "tokens"),
    "embedding": ("Embedding(4, 3)", "Embedding(4, 3)", "tokens"),
    "slope": ("PReLU(3)", "PReLU(shared_axes=[1, 2])", (2, 5, 4, 3)),
    "one slope": ("PReLU()", "PReLU(shared_axes=[1])", (2, 5, 1)),
}


def torch_layer(text):
    import torch
    from torch import nn

    layer = eval(f"nn.{text}", {"nn": nn, "OrderedDict": OrderedDict}).to(torch.float64)
    return layer.eval()


def keras_layer(text, shape):
    keras = ADAPTERS["keras"].keras
    layer = eval(f"layers.{text[:-1]}, dtype='float64')".replace("(, ", "("), vars(keras))
    layer.build(shape)
    return layer


def randomize(model, seed):
    """Every array that travels; variances are above 0."""
    rng = np.random.default_rng(seed)
    restore(model, {k: rng.uniform(0.25, 1, size=a.shape) for k, a in canonical(model).items()})


@pytest.mark.parametrize("kind", KINDS)
def test_bare_layers_of_each_kind(parity, tmp_path, kind):
    """Equal outputs, from PyTorch to Keras, from Keras to PyTorch, and through a file."""
    import torch

    torch_text, keras_text, shape = KINDS[kind]
    if shape == "tokens":
        x, images = np.array([[0, 3, 1], [2, 2, 0]]), lambda y: y
        shape = x.shape
    elif "Linear" in torch_text or len(shape) == 2 or "LayerNorm" in torch_text:
        x, images = np.random.default_rng(0).normal(size=shape), lambda y: y
    else:
        x, images = np.random.default_rng(0).normal(size=shape), lambda y: np.moveaxis(y, -1, 1)

    def outputs(torch_model, keras_model):
        with torch.no_grad():
            found = {"torch": torch_model(torch.tensor(images(x))).numpy()}
        keras = ADAPTERS["keras"]
        return found | {"keras": images(keras.numpy(keras_model(keras.tensor(x))))}

    ours, theirs = torch_layer(torch_text), keras_layer(keras_text, shape)
    randomize(ours, 1)
    before = canonical(ours)
    restore(theirs, before)
    assert_equal(canonical(theirs), before)
    parity("weights, native", outputs(ours, theirs), terms=64)

    randomize(theirs, 2)
    save(theirs, tmp_path / "layer")
    load(ours, tmp_path / "layer")
    assert_equal(canonical(ours), canonical(theirs))
    for key, array in before.items():
        assert (array != canonical(ours)[key]).any()
    parity("weights, native", outputs(ours, theirs), terms=64)


KNOWN = (
    "Converted are dense, convolution (transposed, depthwise and separable too), embedding, batch, "
    "layer, group, instance and RMS norm, PReLU, and of PyTorch RNN, LSTM, GRU and "
    "MultiheadAttention; of others only arrays with one axis or none"
)
GATES = "PyTorch has (gates * units, in) and two biases, Keras (in, gates * units) and "
REFUSED_TORCH = {
    "LSTM(3, 3, proj_size=2)": ("weight_hr_l0", (2, 3), GATES + "one; both in the order input, "),
    "GRUCell(3, 3)": ("weight_ih", (9, 3), GATES + "its update gate before the reset gate, "),
    "LSTMCell(3, 3)": ("weight_ih", (12, 3), GATES + "one; both in the order input, forget, "),
    "MultiheadAttention(4, 2, kdim=3)": ("q_proj_weight", (4, 4), "PyTorch has one array for "),
    "MultiheadAttention(4, 2, add_bias_kv=True)": ("bias_k", (1, 1, 4), "PyTorch has one array "),
    "Bilinear(3, 3, 3)": ("weight", (3, 3, 3), "Keras has no such layer. "),
    "LayerNorm([3, 3, 3])": ("weight", (3, 3, 3), "over several axes it has their order, (C, "),
}
REFUSED_KERAS = {
    "LSTM(3)": ("lstm_cell/kernel", (3, 12), (2, 4, 3), GATES + "one; both in the order input, "),
    "GRU(3)": ("gru_cell/kernel", (3, 9), (2, 4, 3), GATES + "its update gate before the "),
    "SimpleRNN(3)": ("simple_rnn_cell/kernel", (3, 3), (2, 4, 3), GATES + "one. "),
    "EinsumDense('ab,bc->ac', 3)": ("kernel", (3, 3), (2, 3), "its axes are those of its equation"),
    "PReLU()": ("alpha", (3, 3), (2, 3, 3), "it has a slope for every pixel; shared_axes=[1, 2] "),
    "LayerNormalization(axis=[1, 2])": ("gamma", (3, 3), (2, 3, 3), "over several axes it has "),
}


def refused_kind(model, name, shape, kind, note):
    start = f"{name}, of shape {shape}, belongs to a layer of kind {kind}, which is not converted: "
    for call in (canonical, lambda model: restore(model, {}), lambda model: save(model, "file")):
        with pytest.raises(ValueError) as caught:  # noqa: PT011 (the text is compared below)
            call(model)
        assert start + note in str(caught.value)
        assert str(caught.value).endswith(KNOWN)


@pytest.mark.once
@pytest.mark.parametrize("text", REFUSED_TORCH)
def test_other_kinds_of_pytorch_are_refused(text):
    from torch import nn

    name, shape, note = REFUSED_TORCH[text]
    refused_kind(torch_layer(text), name, shape, text.partition("(")[0], note)
    inside = nn.Sequential(nn.Linear(3, 3), nn.Sequential(torch_layer(text)))
    refused_kind(inside, f"1.0.{name}", shape, text.partition("(")[0], note)


@pytest.mark.parametrize("text", REFUSED_KERAS)
def test_other_kinds_of_keras_are_refused(text):
    name, shape, x_shape, note = REFUSED_KERAS[text]
    layer = keras_layer(text, x_shape)
    kind = text.partition("(")[0]
    kind += "Cell" if "cell" in name else ""
    keras = ADAPTERS["keras"].keras
    model = keras.Sequential([keras.Input(x_shape[1:], x_shape[0]), layer])
    for own in (layer, model):
        refused_kind(own, name, shape, kind, note)


@pytest.mark.once
def test_arrays_of_ones_own_module():
    """With one axis there is nothing to turn; with two, no one knows what they mean."""
    import torch
    from torch import nn

    class Own(nn.Module):
        def __init__(self, shape):
            super().__init__()
            self.weight = nn.Parameter(torch.rand(shape))
            self.dense = nn.Linear(3, 3)

    assert list(canonical(Own((3,)))) == ["weight", "dense.weight", "dense.bias"]
    refused_kind(Own((3, 3)), "weight", (3, 3), "Own", "what its axes mean is not known. ")
    refused_kind(
        nn.utils.parametrizations.weight_norm(nn.Linear(3, 3)),
        *("parametrizations.weight.original0", (3, 1), "ParametrizationList"),
        "what its axes mean is not known. ",
    )
    with pytest.raises(
        ValueError, match=r"^0\.weight has no shape before the model is called once$"
    ):
        canonical(nn.Sequential(nn.LazyLinear(3)))

    class Extra(nn.Linear):
        def get_extra_state(self):
            return {"calls": 3}

    with pytest.raises(ValueError, match=r"^_extra_state is no array but a state of Extra's own$"):
        canonical(Extra(3, 3))


def test_arrays_of_ones_own_keras_layer():
    """Layers inside it have names below it, and its own arrays are held to the same rule."""
    keras = ADAPTERS["keras"].keras

    class Own(keras.layers.Layer):
        def __init__(self, shape):
            super().__init__()
            self.shape, self.inner = shape, keras.layers.Dense(3, name="inner")

        def build(self, input_shape):
            self.shift = self.add_weight(name="kernel", shape=self.shape)
            self.inner.build(input_shape)

        def call(self, x):
            return self.inner(x)

    for shape in ((3,), (3, 3)):
        model = keras.Sequential([keras.Input((3,)), Own(shape)])
        name = model.layers[0].name
        if shape == (3,):
            assert set(canonical(model)) == {
                f"{name}.{key}" for key in ("kernel", "inner.weight", "inner.bias")
            }
        else:
            refused_kind(model, "kernel", shape, "Own", "what its axes mean is not known. ")


# --- The file -----------------------------------------------------------------------------------


@pytest.mark.parametrize("framework", PACKAGES)
def test_what_is_in_the_file(tmp_path, framework):
    """Bit for bit, with counters as they are, and text that says what it is."""
    model = build(framework, "mlp", recipe_of("mlp", "float32"))
    weights = canonical(model)
    weights["output.bias"][:4] = np.finfo(np.float32).max, -0.0, 1e-45, -1.5
    weights["dropout_1.step"] = np.array(2**40 + 1)
    restore(model, weights)
    path = tmp_path / "new" / "folder" / "mlp.safetensors"
    save(model, path)
    with safe_open(path, framework="numpy") as file:
        metadata = file.metadata()
        checksum = metadata.pop("sha256")
        assert metadata == {
            "format": "triptych",
            "version": "2",
            "framework": framework,
            "dtype": "float32",
        }
        stored = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    assert sorted(stored) == [
        *("augmentation.step", "batch_norm_1.beta", "batch_norm_1.gamma"),
        *("batch_norm_1.running_mean", "batch_norm_1.running_variance"),
        *("dense_1.weight", "dropout_1.step", "output.bias", "output.weight"),
    ]
    other = build(framework, "mlp", recipe_of("mlp", "float32", seed=7))
    load(other, str(path))
    for found in (stored, canonical(other)):
        assert_equal(found, weights)
        for name, array in weights.items():
            assert found[name].tobytes() == array.tobytes(), name
    assert stored["dropout_1.step"].shape == ()
    assert stored["dropout_1.step"].dtype == np.int64
    digest = hashlib.sha256(json.dumps(sorted(map(list, metadata.items()))).encode())
    for name, array in sorted(weights.items()):
        digest.update(json.dumps([name, array.dtype.name, list(array.shape)]).encode())
        digest.update(array.tobytes())
    assert checksum == digest.hexdigest()


@pytest.mark.parametrize("framework", PACKAGES)
def test_arrays_are_copies(framework):
    model = build(framework, "cnn", recipe_of("cnn", "float32"))
    expected = canonical(model)
    for array in canonical(model).values():
        array[...] = 5
    assert_equal(canonical(model), expected)
    given = {name: np.array(array + 1) for name, array in expected.items()}
    kept = {name: array.copy() for name, array in given.items()}
    restore(model, given)
    for array in given.values():
        array[...] = 5
    assert_equal(canonical(model), kept)


@pytest.mark.once
def test_arrays_of_any_strides(tmp_path):
    """safetensors writes memory as it lies: arrays with other strides would come back scrambled."""
    import torch

    for layer, memory_format in {
        torch.nn.Conv2d: torch.channels_last,
        torch.nn.Conv3d: torch.channels_last_3d,
    }.items():
        bare, other = layer(3, 4, 2).to(memory_format=memory_format), layer(3, 4, 2)
        assert not bare.weight.is_contiguous()
        save(bare, tmp_path / "bare")
        load(other, tmp_path / "bare")
        assert torch.equal(other.weight, bare.weight)


@pytest.mark.once
def test_no_framework_is_imported(tmp_path):
    program = """
import sys
from triptych.common.recipes import Recipe
from scratch.models import mlp
from triptych.weights import canonical, load, save
model = mlp(Recipe(input_shape=(2,), hidden=(3,), outputs=1))
save(model, sys.argv[1])
load(model, sys.argv[1])
assert not {"torch", "keras", "tensorflow", "jax"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "mlp")], check=True)


# --- What does not fit --------------------------------------------------------------------------


def refused(framework, weights, message, *, dtype="float32", **options):
    """The error, and a model that is as it was."""
    model = build(framework, "mlp", recipe_of("mlp", dtype))
    before = canonical(model)
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (the text is compared below)
        restore(model, weights, **options)
    assert str(caught.value) == message
    assert_equal(canonical(model), before)


def changed(dtype="float32"):
    """The weights of the MLP, every one another."""
    weights = canonical(build("scratch", "mlp", recipe_of("mlp", dtype)))
    return {name: array + 1 for name, array in weights.items()}


@pytest.mark.parametrize("framework", PACKAGES)
def test_names_shapes_and_dtypes(framework):
    weights = changed()
    none = {"else.weight": np.ones((1, 1), np.float32)}
    advice = "; build it from the recipe that it was trained with, or rename the layers"
    refused(
        framework,
        none,
        "the weights are not those of this model: missing 'augmentation.step', "
        "'batch_norm_1.beta', 'batch_norm_1.gamma', 'batch_norm_1.running_mean' and 5 more, "
        "unknown to the model 'else.weight'" + advice,
    )
    refused(
        framework,
        weights | none,
        "the weights are not those of this model: missing none, unknown to the model 'else.weight'"
        + advice,
    )
    advice = ": build it from the recipe that it was trained with"
    refused(
        framework,
        weights | {"output.weight": np.ones((10, 5), np.float32)},
        "output.weight has shape (10, 5), the model needs (5, 10)" + advice,
    )
    refused(
        framework,
        weights | {"output.bias": np.ones((1,)), "dropout_1.step": np.ones((1,), int)},
        "dropout_1.step has shape (1,), the model needs (); 1 more differ" + advice,
    )
    rounds = ": cast=True rounds it, or build the model in float64"
    refused(
        framework,
        weights | {"output.bias": np.ones(10)},
        "output.bias is float64, the model needs float32" + rounds,
    )
    step = np.array(3.0)
    for options in ({}, {"cast": True}):
        refused(
            framework,
            weights | {"dropout_1.step": step},
            "dropout_1.step is float64, the model needs int64",
            **options,
        )
        refused(
            framework,
            weights | {"output.bias": np.arange(10)},
            "output.bias is int64, the model needs float32",
            **options,
        )


@pytest.mark.parametrize("framework", PACKAGES)
def test_from_one_dtype_to_the_other(tmp_path, framework):
    narrow, wide = changed("float32"), changed("float64")
    model = build(framework, "mlp", recipe_of("mlp", "float64"))
    restore(model, narrow)
    for name, array in canonical(model).items():
        assert array.dtype == (np.int64 if "step" in name else np.float64)
        np.testing.assert_array_equal(array, narrow[name])
    wide["output.weight"] += np.pi
    restore(model, wide)
    save(model, tmp_path / "wide")
    model = build(framework, "mlp", recipe_of("mlp", "float32"))
    with pytest.raises(ValueError, match="is float64, the model needs float32: cast=True"):
        load(model, tmp_path / "wide")
    load(model, tmp_path / "wide", cast=True)
    for name, array in canonical(model).items():
        np.testing.assert_array_equal(array, wide[name].astype(array.dtype))
        assert array.dtype == (np.int64 if "step" in name else np.float32)


@pytest.mark.once
def test_files_that_cannot_be_read(tmp_path):
    model = build("scratch", "mlp", recipe_of("mlp", "float32"))
    before = canonical(model)
    wrote = "path must be a file that save wrote, got "

    def fails(error, path, message):
        with pytest.raises(error) as caught:
            load(model, path)
        assert str(caught.value).startswith(message)
        assert_equal(canonical(model), before)

    fails(FileNotFoundError, tmp_path / "none", f"{wrote}{tmp_path / 'none'}, which does not exist")
    fails(FileNotFoundError, tmp_path, f"{wrote}{tmp_path}, which is a folder")
    save(model, tmp_path / "whole")
    content = (tmp_path / "whole").read_bytes()
    for name, part in {"half": content[:-20], "empty": b"", "text": b"no weights at all"}.items():
        path = tmp_path / name
        path.write_bytes(part)
        fails(
            ValueError,
            path,
            f"path must be a safetensors file, got {path}, which is none or is damaged (",
        )
    path = tmp_path / "theirs"
    save_file(before, path)
    fails(ValueError, path, f"{wrote}{path}, which does not say how its arrays are named")
    path = tmp_path / "later"
    for version in ("1", "3"):
        save_file(before, path, {"format": "triptych", "version": version})
        message = f"{path} has format version {version}, this Triptych reads version 2: upgrade"
        fails(ValueError, path, message)
    save_file(before, path, {"format": "triptych", "version": "2"})
    fails(ValueError, path, f"{path} is damaged: its content is not what save wrote, the SHA-256 ")
    path = tmp_path / "other"
    save(build("scratch", "mlp", recipe_of("mlp", "float32", outputs=3)), path)
    message = f"{path}: output.bias has shape (3,), the model needs (10,); 1 more differ: "
    fails(ValueError, path, message)


@pytest.mark.once
def test_a_file_that_may_not_be_read(tmp_path):
    model = small_model()
    save(model, tmp_path / "file")
    with no_permission(tmp_path / "file"), pytest.raises(PermissionError) as caught:
        load(model, tmp_path / "file")
    assert caught.value.filename == str(tmp_path / "file")
    os.mkfifo(tmp_path / "pipe")  # to open it would wait for a writer
    for what in (tmp_path / "pipe", Path(os.devnull)):
        with pytest.raises(FileNotFoundError, match=f"got {what}, which is a device or a pipe$"):
            load(model, what)


@pytest.mark.once
def test_every_flipped_byte_is_noticed(tmp_path):
    model, path = small_model(), tmp_path / "file"
    save(model, path)
    before, content = canonical(model), path.read_bytes()
    for position in range(len(content)):
        damaged = bytearray(content)
        damaged[position] ^= 1 << position % 8
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=re.escape(str(path))):
            load(model, path)
    assert_equal(canonical(model), before)


BAD_VALUES = [
    ("output.bias", np.nan, "output.bias must be finite, got nan: the training has diverged, or "),
    ("output.weight", -np.inf, "output.weight must be finite, got -inf: the training has "),
    ("batch_norm_1.running_variance", -0.25, "batch_norm_1.running_variance must be >= 0, got -0."),
    ("dropout_1.step", -1, "dropout_1.step must be in [0, 2**62), got -1"),
    ("dropout_1.step", 2**62, f"dropout_1.step must be in [0, 2**62), got {2**62}"),
]


@pytest.mark.parametrize("framework", PACKAGES)
@pytest.mark.parametrize(("name", "value", "message"), BAD_VALUES)
def test_values_that_cannot_be(tmp_path, framework, name, value, message):
    model, path = build(framework, "mlp", recipe_of("mlp", "float32")), tmp_path / "file"
    before = canonical(model)
    weights = canonical(model)
    weights[name].flat[-1] = value
    ADAPTERS[framework].load(model, weights)
    save(model, path)
    ADAPTERS[framework].load(model, before)
    for call, start in ((restore, ""), (load, f"{path}: ")):
        with pytest.raises(ValueError, match=f"^{re.escape(start + message)}"):
            call(model, weights if call is restore else path)
        assert_equal(canonical(model), before)


@pytest.mark.parametrize("framework", PACKAGES)
def test_a_cast_that_would_be_infinite(framework):
    weights = changed("float64")
    weights["output.bias"][3] = -1e300
    message = "output.bias has -1e+300, which is too large for float32: build the model in float64"
    refused(framework, weights, message, cast=True)


# --- How it is written --------------------------------------------------------------------------


def small_model(outputs=1):
    recipe = Recipe(input_shape=(2,), hidden=(3,), outputs=outputs, dropout=0.5, batch_norm=True)
    return panel("scratch", "models").mlp(recipe)


@contextlib.contextmanager
def no_permission(path):
    """As if the user might neither read nor write it: the superuser may, whatever the mode."""
    opening, allowed = io.open, os.access

    def refuse(file, *args, **options):
        if not isinstance(file, int) and Path(file) == path:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(file))
        return opening(file, *args, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(io, "open", refuse)
        patch.setattr(os, "access", lambda file, mode: Path(file) != path and allowed(file, mode))
        yield


@pytest.mark.once
def test_the_mode_is_that_of_any_new_file_or_of_the_one_replaced(tmp_path):
    path, mask = tmp_path / "file", os.umask(0o027)
    try:
        save(small_model(), path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        path.chmod(0o604)
        save(small_model(), path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o604
    finally:
        os.umask(mask)
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.once
def test_a_symbolic_link_is_followed(tmp_path):
    """To a file, to none yet, and by way of another link."""
    (tmp_path / "elsewhere").mkdir()
    for target in ("elsewhere/file", "elsewhere/new/file"):
        link, second = tmp_path / "link", tmp_path / "second"
        link.symlink_to(target)
        second.symlink_to("link")
        save(small_model(), second)
        save(small_model(), second)
        assert link.is_symlink()
        assert second.is_symlink()
        assert not (tmp_path / target).is_symlink()
        load(small_model(), tmp_path / target)
        link.unlink()
        second.unlink()
    assert [path.name for path in (tmp_path / "elsewhere").rglob(".*")] == []


@pytest.mark.once
def test_only_files_are_written(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "null").symlink_to(os.devnull)
    for name, what in {
        "pipe": "a device or a pipe",
        "folder": "a folder",
        "null": "a device or a pipe",
    }.items():
        message = f"path must be a file or a new name, got {tmp_path / name}, which is {what}"
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            save(small_model(), tmp_path / name)
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)
    assert sorted(os.listdir(tmp_path)) == ["folder", "null", "pipe"]


@pytest.mark.once
def test_errors_of_the_system_name_the_path_and_leave_the_file(tmp_path, monkeypatch):
    path = tmp_path / "file"
    save(small_model(), path)
    content = path.read_bytes()

    def fails(error, path):
        with pytest.raises(error) as caught:
            save(small_model(2), path)
        assert caught.value.filename == str(path)
        assert caught.value.strerror == os.strerror(caught.value.errno)
        assert os.listdir(tmp_path) == ["file"]

    fails(NotADirectoryError, path / "under")
    fails(OSError, tmp_path / ("long" * 100))
    with no_permission(path):
        fails(PermissionError, path)

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # as write does: without a path

    monkeypatch.setattr(os, "fsync", full)
    fails(OSError, path)

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        save(small_model(2), path)
    assert os.listdir(tmp_path) == ["file"]
    assert path.read_bytes() == content


@pytest.mark.once
def test_what_a_killed_save_leaves_is_swept_by_the_next(tmp_path):
    program = """
import os, signal, sys
from scratch.layers import Dense
from triptych.weights import save
os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)
save(Dense(1, 1), sys.argv[1])
"""
    path = tmp_path / "file"
    save(small_model(), path)
    content = path.read_bytes()
    command = [sys.executable, "-c", program, str(path)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert path.read_bytes() == content
    assert len(os.listdir(tmp_path)) == 2
    (tmp_path / ".triptych-1.tmp").touch()  # of a process that lives
    (tmp_path / f".triptych-{os.getpid()}.tmp").touch()  # of one that had our number
    (tmp_path / ".triptych-mine.tmp").touch()
    save(small_model(), tmp_path / "another")
    assert sorted(os.listdir(tmp_path)) == [
        *(".triptych-1.tmp", ".triptych-mine.tmp", "another", "file"),
    ]


def test_what_is_no_model(tmp_path):
    with pytest.raises(ValueError, match=r"^model must be a Layer of scratch, .*, got dict$"):
        save({}, tmp_path / "file")
    keras = ADAPTERS["keras"].keras
    unbuilt = keras.Sequential([keras.layers.Dense(2)])
    with pytest.raises(ValueError, match="model has no weights before it is built"):
        save(unbuilt, tmp_path / "file")
    outer = [keras.Sequential([keras.layers.Dense(2, name="twin")], name="outer") for _ in "ab"]
    model = type("Own", (keras.Model,), {"call": lambda self, x: outer[1](outer[0](x))})()
    model.outer = outer
    model(np.ones((1, 2), np.float32))
    with pytest.raises(ValueError, match=r"^model has 4 arrays under only 2 names, 'outer\.twin\."):
        save(model, tmp_path / "file")
    assert not (tmp_path / "file").exists()


@pytest.mark.once
def test_renaming_what_is_not_there():
    weights = {"0.weight": np.ones((2, 1)), "0.bias": np.ones(1), "1.weight": np.ones((1, 1))}
    kept = dict(weights)
    renamed = rename(weights, {"0": "1", "1": "deep.0"})
    assert list(renamed) == ["1.weight", "1.bias", "deep.0.weight"]
    assert renamed["deep.0.weight"] is kept["1.weight"]
    start = "layers must rename each of '0', '1', which have weights; missing "
    for layers, end in {("0",): "'1', unknown none", ("0", "1", "2"): "none, unknown '2'"}.items():
        with pytest.raises(ValueError, match=f"^{start}{end}$"):
            rename(weights, {name: f"new_{name}" for name in layers})
    with pytest.raises(ValueError, match=r"^layers must have new names that differ, got 'a', 'a'$"):
        rename(weights, {"0": "a", "1": "a"})
    assert weights == kept


@pytest.mark.once
@pytest.mark.parametrize("shape", [(2, 3, 3), (24,), (2, -3, -4), (1, 2, 3, 4)])
def test_rows_that_do_not_fit(shape):
    weight = np.ones((24, 5))
    message = (
        "shape must be (height, width, channels) of images that flatten to the 24 rows of weight, "
        f"got {shape}"
    )
    assert math.prod(MAPS) == len(weight)
    for reorder in (hwc_from_chw, chw_from_hwc):
        with pytest.raises(ValueError) as caught:  # noqa: PT011 (the text is compared below)
            reorder(weight, shape)
        assert str(caught.value) == message
