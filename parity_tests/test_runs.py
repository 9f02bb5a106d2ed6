"""Runs that cannot go well: refused before the first step, or ended with a word."""

import importlib
import math
import re
import warnings
from dataclasses import replace

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from parity_tests.panels import ADAPTERS, PACKAGES, panel, same_error
from triptych.common.datasets import Dataset
from triptych.common.divergence import divergence
from triptych.common.early_stopping import EarlyStopping
from triptych.common.recipes import AugmentationRecipe, EarlyStoppingRecipe, Recipe
from triptych.common.streams import Stream

STREAM = Stream(1, "augmentation")
MLP = Recipe(
    input_shape=(2,), hidden=(4,), outputs=1, loss="binary", epochs=3, batch_size=2, optimizer="sgd"
)
CNN = Recipe(input_shape=(4, 4, 1), channels=(2,), hidden=(3,), outputs=2, epochs=1, batch_size=4)


def points(count, **changed):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(count, 2)).astype("float32"), np.arange(count) % 2
    return Dataset("points", *(changed.get("x", x), y) * 3, classes=2)


def images(high=1.0):
    x = np.linspace(0, high, 8 * 16, dtype="float32").reshape(8, 4, 4, 1)
    return Dataset("images", *(x, np.arange(8) % 2) * 3, classes=2)


def fit(framework, recipe, dataset, network="mlp", **options):
    model = getattr(panel(framework, "models"), network)(recipe)
    with np.errstate(all="ignore"):  # NumPy tells of what is too large
        history = panel(framework, "training").fit(
            model, recipe, dataset, progress=False, **options
        )
    return model, history


ONE_ROW = (
    "batch_size must leave 2 examples for the last batch, which batch norm needs, got 2 for 5 "
    "examples: choose another, or drop_last=True"
)


def test_a_last_batch_of_one_row_and_batch_norm():
    recipe = replace(MLP, batch_norm=True)
    same_error(lambda f, a: fit(f, recipe, points(5)), ONE_ROW)
    for framework in PACKAGES:
        fit(framework, replace(recipe, drop_last=True), points(5))
        fit(framework, recipe, points(4))
        fit(framework, MLP, points(5))  # without batch norm
        # Feature maps have more values than one for each feature.
        maps = replace(CNN, batch_size=7, batch_norm=True, hidden=())
        fit(framework, maps, images(), network="cnn")


@pytest.mark.parametrize("framework", PACKAGES)
def test_looking_at_one_row_changes_nothing(framework):
    recipe = replace(MLP, batch_norm=True, dropout=0.5)
    model = panel(framework, "models").mlp(recipe)
    before = ADAPTERS[framework].weights(model)
    with pytest.raises(ValueError, match="drop_last=True"):
        panel(framework, "training").fit(model, recipe, points(5), progress=False)
    for name, array in ADAPTERS[framework].weights(model).items():
        np.testing.assert_array_equal(array, before[name], err_msg=name)


@pytest.mark.once
def test_bare_batch_norm_of_pytorch():
    import torch

    model = torch.nn.Sequential(
        torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3), torch.nn.Linear(3, 1)
    )
    with pytest.raises(ValueError, match=re.escape(ONE_ROW)):
        panel("torch", "training").fit(model, MLP, points(5), progress=False)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_data_that_are_not_finite(value):
    x = np.ones((4, 2), "float32")
    x[2, 1] = value
    message = "x_train must be finite, got NaN or infinity"
    same_error(lambda f, a: fit(f, MLP, points(4, x=x)), message)


def test_images_of_0_to_255():
    bright = replace(CNN, augmentation=AugmentationRecipe(brightness=0.1))
    message = (
        "x_train must lie in [0, 1], to which they are clipped, got values from 0 to 255: divide "
        "by 255 first"
    )
    same_error(lambda f, a: fit(f, bright, images(255.0), network="cnn"), message)

    def augment(framework, adapter):
        module, x = panel(framework, "augmentation"), images(255.0).x_train
        draw = module.draw_augmentation(STREAM, x.shape, bright.augmentation)
        return module.augment(adapter.tensor(x), draw, bright.augmentation)

    same_error(augment, message.replace("x_train", "images"))
    moved = replace(CNN, augmentation=AugmentationRecipe(rotation=5.0))
    for framework in PACKAGES:  # what is not clipped may have values of any size
        fit(framework, moved, images(255.0), network="cnn")


def diverging(framework, recipe):
    """The history, and what was said about it."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        _, history = fit(framework, recipe, points(8))
    return history, [str(each.message) for each in caught if "diverged" in str(each.message)]


@pytest.mark.parametrize("framework", PACKAGES)
def test_a_run_that_diverges_is_ended_with_a_word(framework):
    recipe = replace(MLP, learning_rate=1e30, epochs=20, hidden=(4,), activation="relu")
    history, told = diverging(framework, recipe)
    assert told == [
        f"the run has diverged and was ended: {history.diverged} (a smaller learning rate or "
        "clip_norm may help; fit(..., terminate_on_nan=False) goes on)"
    ]
    assert history.epochs < 20
    assert not np.isfinite(history.step_loss[-1])
    assert np.isfinite(history.step_loss[:-1]).all()
    array = r"(the first array that is not finite is \S+|all weights are finite)"
    found = re.fullmatch(rf"after step (\d+) the loss is \S+, and {array}", history.diverged)
    assert int(found[1]) == len(history.step_loss)
    assert history.stopped_early is False
    _, history = fit(framework, recipe, points(8), terminate_on_nan=False)
    assert history.epochs == 20
    assert history.diverged is None


def test_where_a_run_diverged_is_the_same_in_the_panels():
    recipe = replace(MLP, learning_rate=1e30, epochs=20)
    steps = {}
    for framework in PACKAGES:
        history, _ = diverging(framework, recipe)
        steps[framework] = len(history.step_loss)
    assert len(set(steps.values())) == 1, steps


def test_weights_that_are_not_finite_behind_a_finite_loss():
    weights = [("a.weight", np.ones(2)), ("a.step", np.array(3)), ("b.weight", np.array([np.nan]))]
    expected = "after step 7 the loss is 0.5, and the first array that is not finite is b.weight"
    assert divergence(7, 0.5, weights) == expected
    assert divergence(7, 0.5, weights[:2]) is None
    assert divergence(7, np.inf, []) == "after step 7 the loss is inf, and all weights are finite"


@pytest.mark.parametrize("framework", PACKAGES)
def test_early_stopping_begins_anew_with_each_run(framework):
    stopping = panel(framework, "early_stopping").EarlyStopping(patience=1)
    recipe = replace(MLP, epochs=2)
    first = fit(framework, recipe, points(8), watchers=[stopping])[1]
    best = stopping.best
    second = fit(framework, recipe, points(8), watchers=[stopping])[1]
    assert (second.best_epoch, stopping.best) == (first.best_epoch, best)


def test_the_mode_has_to_fit_what_is_watched():
    message = "mode must be 'max' for validation_accuracy, got 'min'"

    def stopping(framework, adapter):
        panel(framework, "early_stopping").EarlyStopping(monitor="validation_accuracy")

    same_error(stopping, message)
    with pytest.raises(ValueError, match=message):
        EarlyStoppingRecipe(monitor="validation_accuracy")
    with pytest.raises(ValueError, match=message):
        panel("scratch", "schedules").ReduceOnPlateau(monitor="validation_accuracy")
    assert EarlyStopping(monitor="validation_accuracy", mode="max").mode == "max"


@pytest.mark.once
@pytest.mark.parametrize("example", ["xor", "mnist"])
def test_an_example_that_diverges_exits_with_1(example, tmp_path, monkeypatch):
    module = importlib.import_module(f"examples.{example}")
    table = module.NETWORKS if example == "xor" else module.RECIPES
    for name, recipe in table.items():
        wild = replace(recipe, optimizer="sgd", learning_rate=1e30, clip_norm=math.inf)
        monkeypatch.setitem(table, name, wild)
    app = typer.Typer()
    app.command()(module.main)
    options = ["--framework", "scratch", "--no-progress", "--out", str(tmp_path)]
    options += ["--dataset", "digits", "--epochs", "1"] if example == "mnist" else []
    with np.errstate(all="ignore"):
        result = CliRunner().invoke(app, options)
    assert result.exit_code == 1
    assert re.search(r"scratch .*has diverged and was ended: after step \d+", result.stderr)
    assert (tmp_path / f"{example}.txt").exists()
