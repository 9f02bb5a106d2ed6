"""The programs on text and on named recipes: what they train is the same in the three."""

import ast
from dataclasses import replace

import numpy as np
import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

from examples import recipes, text
from parity_tests.panels import PACKAGES
from triptych import studies
from triptych.common import datasets
from triptych.common.datasets import brackets
from triptych.common.history import History
from triptych.common.recipes import Recipe

# Keras on other backends is measured on the same models in test_sequences and test_training.
pytestmark = pytest.mark.once


def invoke(program, *options):
    app = typer.Typer()
    app.command()(program.main)
    return CliRunner().invoke(app, [*options], terminal_width=200)


def small(data, count=64):
    """The first examples of each split."""
    parts = {f"{axis}_{split}": getattr(data, f"{axis}_{split}")[:count]
             for axis in "xy" for split in ("train", "validation", "test")}  # fmt: skip
    return replace(data, **parts)


@pytest.fixture
def few_brackets(monkeypatch):
    def load(*_, seed=0):
        return brackets(48, 16, 16, seed=seed)

    monkeypatch.setattr(datasets, "brackets", load)


@pytest.mark.usefixtures("few_brackets")
@pytest.mark.parametrize(
    ("model", "frameworks"), [("transformer", [*PACKAGES]), ("recurrent", ["scratch"])]
)
def test_text(tmp_path, model, frameworks):
    """In float64 the frameworks lie within 1e-9; each regularizer has a row."""
    options = ["--dataset", "brackets", "--epochs", "1", "--seeds", "2", "--dtype", "float64"]
    options += ["--framework", "all" if len(frameworks) > 1 else frameworks[0]]
    options += ["--model", model, "--no-progress", "--out", str(tmp_path)]
    result = invoke(text, *options)
    assert result.exit_code == 0, result.output
    for name in ("text-curves.png", "text-runs.png", "text-brought.png"):
        assert (tmp_path / name).stat().st_size > 10_000
    lines = (tmp_path / "text.txt").read_text("utf-8").splitlines()
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in lines if "│" in line]
    for kind in ("none", "all"):
        of_kind = [row for row in rows if len(row) == 6 and row[1] == kind]
        assert [row[0] for row in of_kind] == frameworks
        assert of_kind[0][5] == "-"
        assert all(float(row[5]) < 1e-9 for row in of_kind[1:])
    brought = [row[0] for row in rows if len(row) == 5]
    assert brought == ["all of them", "nothing", *text.REGULARIZERS[model]]


@pytest.mark.parametrize("model", ["transformer", "recurrent"])
def test_what_is_left_out(model):
    data = brackets(48, 16, 16)
    everything = text.recipe_for(model, text.ALL, data)
    nothing = text.recipe_for(model, text.NONE, data)
    assert (everything.vocabulary, everything.input_shape) == (6, (24,))
    for name, changes in text.REGULARIZERS[model].items():
        without = text.recipe_for(model, name, data)
        plain = {key: getattr(nothing, key) for key in changes}
        assert without == replace(everything, **plain) != everything


@pytest.mark.parametrize("name", recipes.STACKS)
def test_named_recipes(parity, name):
    """Each trains in three frameworks: two steps, in float64."""
    stack = recipes.STACKS[name]
    if stack.data == "text":
        data = brackets(64, 16, 16)
    else:
        data = small(recipes.DATA[stack.data]("float64", Console()))
    recipe = recipes.fitted(stack, data, seed=3, dtype="float64", epochs=1)
    recipe = replace(recipe, passes_per_epoch=1, batch_size=32)
    found = {each: studies.train(each, stack.model, recipe, data, False) for each in PACKAGES}
    numbers = {
        each: np.array([*run.history.step_loss, *run.history.validation_loss, run.loss])
        for each, run in found.items()
    }
    parity("training, recipes", numbers, tolerance=1e-9)
    assert len(found["scratch"].history.step_loss) == 2


def test_named_recipes_are_shown(tmp_path):
    listed = invoke(recipes).output
    for name, stack in recipes.STACKS.items():
        assert f" {name} " in listed
        assert recipes.switched_on(stack.recipe)
        code = recipes.as_code(stack.model, stack.recipe)
        call = ast.parse(code, mode="eval").body.args[0]
        assert {keyword.arg for keyword in call.keywords} == recipes.changed(stack.recipe).keys()
    assert "dropout 0.3, weight decay" in listed
    assert recipes.switched_on(Recipe(input_shape=(2,), hidden=(), outputs=2)) == []
    options = ["mlp", "--framework", "scratch", "--epochs", "2", "--no-progress"]
    result = invoke(recipes, *options, "--out", str(tmp_path))
    assert result.exit_code == 0, result.output
    assert "models.mlp(Recipe(" in result.output
    assert (tmp_path / "recipe-mlp.png").stat().st_size > 10_000
    table = (tmp_path / "recipe-mlp.txt").read_text("utf-8")
    assert "scratch" in table
    accuracy = float(table.split("%")[0].split()[-1])
    assert accuracy > 50


def test_results_of_a_run_that_ended_sooner():
    """Curves are compared over what they share."""
    runs = {}
    for name, loss in (("scratch", [0.5, 0.25]), ("torch", [0.5])):
        history = History(name, loss, [0.4], [0.4], [0.5])
        runs[name] = studies.Trained(0.5, 0.7, history)
    table = studies.results({"all": runs}, "title")
    assert list(table.columns[5].cells) == ["-", "0e+00"]
