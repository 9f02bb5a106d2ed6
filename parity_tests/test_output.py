"""What a run writes: looked at before it begins, kept as it goes, and never lost for a figure."""

import errno
import os
from dataclasses import replace

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from examples import mnist, xor
from triptych import plots
from triptych.common.datasets import Dataset, digits
from triptych.output import Output
from triptych.weights import load

pytestmark = pytest.mark.once


def invoke(example, *args, code=0):
    app = typer.Typer()
    app.command()(example.main)
    result = CliRunner().invoke(app, ["--no-progress", *map(str, args)], env={"COLUMNS": "200"})
    assert result.exit_code == code, result.output
    return result


@pytest.fixture
def small(monkeypatch):
    """Few images, few steps, NumPy and PyTorch."""
    whole = digits()
    parts = [x[:64] for x in (whole.x_train, whole.y_train, whole.x_test, whole.y_test)]
    data = Dataset("digits", *parts[:2], *parts, classes=10)
    monkeypatch.setattr(mnist, "load", lambda *_: data)
    monkeypatch.setattr(mnist, "chosen", lambda _: ("scratch", "torch"))
    for model, recipe in mnist.RECIPES.items():
        small = {"hidden": (5,)} if recipe.hidden else {}
        monkeypatch.setitem(mnist.RECIPES, model, replace(recipe, **small))


FILES = [
    *("mnist-augmented.png", "mnist-calibration.png", "mnist-confusion.png", "mnist-curves.png"),
    *("mnist-gradients.png", "mnist-histories.json", "mnist-layers.png", "mnist-misclassified.png"),
    *("mnist-scratch.safetensors", "mnist-torch.safetensors", "mnist.txt"),
]


@pytest.mark.usefixtures("small")
def test_weights_are_saved_before_the_next_framework_trains(tmp_path, monkeypatch):
    train, models = mnist.train, []

    def watched(framework, *args):
        there = [f"mnist-{name}.safetensors" for name in ("scratch", "torch")[: len(models)]]
        assert os.listdir(tmp_path / "new" / "out") == there
        if framework == "torch":
            raise KeyboardInterrupt
        run = train(framework, *args)
        models.append(run.model)
        return run

    monkeypatch.setattr(mnist, "train", watched)
    out = tmp_path / "new" / "out"
    invoke(mnist, "--epochs", 1, "--out", out, code=130)
    (model,) = models
    expected = model.get_weights()
    for array in dict(model.arrays()).values():
        array[...] = 1
    load(model, out / "mnist-scratch.safetensors")
    for name, array in model.get_weights().items():
        np.testing.assert_array_equal(array, expected[name])


@pytest.mark.usefixtures("small")
def test_what_cannot_be_written_costs_itself(tmp_path, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("no\nfont")

    def full(model, path):
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    result = invoke(mnist, "--epochs", 1, "--out", tmp_path)
    assert result.stderr == ""
    assert sorted(os.listdir(tmp_path)) == FILES
    for name in FILES:
        (tmp_path / name).unlink()
        assert name in result.stdout
    monkeypatch.setattr(plots, "curves", broken)
    monkeypatch.setattr(mnist, "save", full)
    result = invoke(mnist, "--epochs", 1, "--out", tmp_path, code=1)
    scratch, torch = (tmp_path / f"mnist-{name}.safetensors" for name in ("scratch", "torch"))
    error = "is not written: No space left on device"
    assert result.stderr == (
        f"{scratch} {error}\n{torch} {error}\n"
        f"{tmp_path / 'mnist-curves.png'} is not written: RuntimeError: no font\n"
    )
    lost = ("mnist-curves.png", "mnist-scratch.safetensors", "mnist-torch.safetensors")
    assert sorted(os.listdir(tmp_path)) == [name for name in FILES if name not in lost]
    assert not [name for name in lost if name in result.stdout]
    assert "test accuracy" in result.stdout


def test_xor_keeps_the_rest_too(tmp_path, monkeypatch):
    def broken(*_, **__):
        raise ValueError("no font")

    monkeypatch.setattr(plots, "decision_boundaries", broken)
    monkeypatch.setattr(xor, "NETWORKS", {k: replace(v, epochs=1) for k, v in xor.NETWORKS.items()})
    result = invoke(xor, "--framework", "scratch", "--out", tmp_path, code=1)
    path = tmp_path / "xor-boundaries.png"
    assert result.stderr == f"{path} is not written: ValueError: no font\n"
    kept = ["xor-curves.png", "xor-effects.png", "xor-histories.json", "xor-masks.png", "xor.txt"]
    assert sorted(os.listdir(tmp_path)) == kept


@pytest.mark.parametrize("example", [xor, mnist])
def test_a_folder_that_cannot_be_used_is_refused_before_training(tmp_path, monkeypatch, example):
    def never(*_):
        raise AssertionError

    for name in ("train", "load", "noisy_xor"):
        monkeypatch.setattr(example, name, never, raising=False)
    (tmp_path / "file").touch()
    for out, why in {
        tmp_path / "file": "File exists",
        tmp_path / "file" / "under": "Not a directory",
    }.items():
        result = invoke(example, "--framework", "scratch", "--out", out, code=2)
        assert f"Invalid value for --out: nothing can be written to {out}: {why}" in result.stderr

    def refuse(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    result = invoke(example, "--framework", "scratch", "--out", tmp_path, code=2)
    assert f"nothing can be written to {tmp_path}: Permission denied" in result.stderr


def test_the_trial_leaves_nothing(tmp_path):
    assert Output(tmp_path / "a" / "b").written == []
    assert list((tmp_path / "a").rglob("*")) == [tmp_path / "a" / "b"]
