"""The benchmarks: the timer itself, that the work is the same, and that everything runs."""

import json
import os
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from benchmarks import __main__ as command
from benchmarks import augmentation, bare_keras, bare_torch, memory, networks, sequences, timing
from benchmarks.machine import machine
from benchmarks.networks import CNN, MLP, cnn_contestants, random_images
from benchmarks.processes import Processes
from benchmarks.report import duration
from benchmarks.timing import Section, Task, repeated, summary, take_turns, timed
from examples.xor import NETWORKS
from parity_tests import small_sections
from scratch.models import transformer
from triptych.common.history import History
from triptych.panels import panel

pytestmark = pytest.mark.once


@pytest.fixture(autouse=True)
def nothing_is_swept_up(monkeypatch):
    """Before it times a call, ``timed`` collects garbage: half a second beside three frameworks."""
    monkeypatch.setattr(timing, "gc", SimpleNamespace(collect=lambda: 0))


class Clock:
    """Time goes on only when a contestant works."""

    def __init__(self) -> None:
        self.now, self.calls = 0.0, []

    def __call__(self) -> float:
        return self.now

    def contestant(self, name, durations, counted=None):
        durations = iter(durations)

        def run():
            self.calls.append(name)
            self.now += next(durations)
            return counted

        return run

    def sleep(self, seconds) -> None:
        self.calls.append("rest")
        self.now += 1000

    def timed(self, name, durations, counted=None):
        contestant = self.contestant(name, durations, counted)
        return partial(timed, contestant, clock=self, sleep=self.sleep)


def test_contestants_take_turns_and_the_first_call_is_not_counted():
    clock = Clock()
    contestants = {
        "a": clock.timed("a", [100, 1, 2, 6, 3]),
        "b": clock.timed("b", [200, 10, 30, 20, 40]),
        "c": clock.timed("c", [300, 5, 5, 5, 5], counted=0.25),
    }
    done = []
    seconds = take_turns(contestants, 4, done=lambda: done.append(clock.calls[-1]))
    assert seconds == {"a": [1, 2, 6, 3], "b": [10, 30, 20, 40], "c": [0.25] * 4}
    turns = "".join(call for call in clock.calls if call != "rest")
    assert turns == "abc" + "abc" + "bca" + "cab" + "abc"
    assert clock.calls == [x for turn in turns for x in ("rest", turn)]
    assert done == list(turns)


def test_warming_up_can_be_left_out():
    clock = Clock()
    contestants = {"a": clock.timed("a", [3, 4]), "b": clock.timed("b", [5, 6])}
    assert take_turns(contestants, 2, warm_up=False) == {"a": [3, 4], "b": [5, 6]}


def test_every_contestant_has_a_process_of_its_own():
    with Processes(small_sections.processes, quick=True) as processes:
        ids = {name: ask() for name, ask in processes.contestants("ids").items()}
        assert len({*ids.values(), float(os.getpid())}) == 3
        with pytest.raises(RuntimeError, match=r"NumPy panel failed(.|\n)*no such thing"):
            processes.contestants("bad")["NumPy panel"]()
        assert processes.contestants("again")["NumPy panel"]() == ids["NumPy panel"]
        assert {"NumPy", "cores"} <= {*processes.machine()["versions"], *processes.machine()}
    assert not any(process.is_alive() for process, _ in processes.processes.values())


def test_summary():
    task = Task({}, "b", units=2, pairs=[("a", "b"), ("c", "a")])
    seconds = {"a": [4.0, 2.0, 60.0], "b": [8.0, 9.0, 7.0], "c": [2.0, 1.0]}
    result = summary(task, seconds)
    assert result["median"] == {"a": 2, "b": 4, "c": 0.75}
    assert result["fastest"] == {"a": 1, "b": 3.5, "c": 0.5}
    assert result["ratio"] == {"a": 0.5, "b": 1, "c": 0.1875}
    assert result["pairs"] == {"a / b": 0.5, "c / a": 0.375}
    assert result["seconds"] == seconds


def test_repeated():
    calls = []
    assert repeated(lambda: calls.append(1), 3)() is None
    assert calls == [1, 1, 1]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (12.34, "12.3 s"),
        (0.9999, "1.00 s"),
        (0.0241, "24.1 ms"),
        (7.9e-4, "790 µs"),
        (4e-7, "0.40 µs"),
    ],
)
def test_duration(seconds, text):
    assert duration(seconds) == text


def test_only_the_second_epoch_of_a_panel_counts(monkeypatch):
    add_epoch = History.add_epoch
    run = networks.panel_epoch("scratch", "mlp", replace(MLP, hidden=(2,)), random_images(128))
    ends = iter([10.0, 13.5])
    monkeypatch.setattr(networks, "time", SimpleNamespace(perf_counter=lambda: next(ends)))
    assert run() == 3.5
    assert History.add_epoch is add_epoch


# --- The same work --------------------------------------------------------------------------------

# What the frameworks call the layers of a panel.
KINDS = {
    "Linear": "Dense",
    "Conv2d": "Conv2D",
    "BatchNorm1d": "BatchNorm",
    "BatchNorm2d": "BatchNorm",
    "BatchNormalization": "BatchNorm",
    "Dropout2d": "SpatialDropout2D",
    "MaxPool2d": "MaxPool2D",
    "MaxPooling2D": "MaxPool2D",
}


def kinds(layers) -> list[tuple[str, float | None]]:
    """The layers of a model, and the rates of those that drop something."""
    found = []
    for layer in layers:
        name = type(layer).__name__
        rate = getattr(layer, "rate", getattr(layer, "p", None))
        if name != "Flatten":
            # A recipe rounds its rates to float32.
            found.append((KINDS.get(name, name), None if rate is None else round(rate, 6)))
    return found


@pytest.mark.parametrize(
    ("name", "recipe"), [("mlp", MLP), ("cnn", CNN), ("xor", NETWORKS["dropout, batch norm, L2"])]
)
def test_bare_models_are_those_of_the_panels(name, recipe):
    ours = getattr(panel("scratch", "models"), "mlp" if name == "xor" else name)(recipe)
    sizes = sorted(layer.params[key].size for _, layer, key in ours.parameters())
    bare = getattr(bare_torch, name)()
    assert sorted(parameter.numel() for parameter in bare.parameters()) == sizes
    assert kinds(bare) == kinds(ours.layers)
    if name != "xor":
        bare = getattr(bare_keras, name)()
        assert sorted(np.prod(v.shape) for v in bare.trainable_variables) == sizes
        assert kinds(bare.layers) == kinds(ours.layers)


def test_rotations_show_the_same_images():
    rng = np.random.default_rng(0)
    for shape in ((5, 9, 9, 1), (4, 12, 8, 3)):
        images = rng.random(shape, np.float32)
        degrees = rng.uniform(-15, 15, len(images)).astype(np.float32)
        expected = augmentation.rotate_numpy(images, degrees)
        assert np.abs(expected - images).max() > 0.1
        nchw = torch.from_numpy(images.transpose(0, 3, 1, 2).copy())
        turned = augmentation.rotate_torch(nchw, torch.from_numpy(degrees))
        results = {
            "torch": turned.permute(0, 2, 3, 1).numpy(),
            "opencv": augmentation.rotate_opencv(images, degrees),
            "scipy": augmentation.rotate_scipy(images, degrees),
        }
        for name, result in results.items():
            np.testing.assert_allclose(result, expected, atol=1e-5, err_msg=name)


def test_keras_rotates_as_the_others_do():
    images = np.random.default_rng(0).random((2, 9, 9, 1), np.float32)
    turn = 10 / 360
    layer = keras.layers.RandomRotation((turn, turn), fill_mode="constant")
    expected = augmentation.rotate_numpy(images, np.full(2, 10, np.float32))
    turned = keras.ops.convert_to_numpy(layer(images, training=True))
    np.testing.assert_allclose(turned, expected, atol=1e-5)


# --- Everything runs ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", command.SECTIONS)
def test_every_contestant_works(name):
    for title, task in command.SECTIONS[name](True).tasks.items():
        assert {"NumPy panel", task.reference} <= set(task.contestants)
        assert len(task.contestants) >= 3
        assert {name for pair in task.pairs for name in pair} <= set(task.contestants)
        for contestant, make in task.contestants.items():
            seconds = timed(make(), pause=0)
            assert seconds > 0, (title, contestant)


def test_a_run_writes_the_tables_and_the_chart(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "CONTESTANTS", ("NumPy panel",))
    monkeypatch.setattr(memory, "REFERENCE", "NumPy panel")
    monkeypatch.setitem(command.SECTIONS, "augmentation", small_sections.rotation)
    arguments = ["--quick", "--rounds", "2", "--sittings", "1", "--out", str(tmp_path)]
    sections = ["--only", "augmentation", "--only", "memory"]
    result = CliRunner().invoke(command.app, arguments + sections, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    report = json.loads((tmp_path / "bench.json").read_text("utf-8"))
    assert list(report["sections"]) == ["augmentation", "memory"]
    text = (tmp_path / "bench.txt").read_text("utf-8")
    assert max(map(len, text.splitlines())) <= 100
    for section in report["sections"].values():
        assert section["work"] in text
    for task in report["sections"]["augmentation"]["tasks"].values():
        names = set(task["seconds"])
        for table in ("median", "fastest", "ratio"):
            assert set(task[table]) == names
            assert all(value > 0 for value in task[table].values())
        assert all(len(seconds) == 2 for seconds in task["seconds"].values())
        assert task["ratio"][task["reference"]] == 1
        assert set(task["pairs"]) == {"NumPy panel / SciPy, image by image"}
    sizes = report["sections"]["memory"]["contestants"]["NumPy panel"]
    assert sizes["processes"] == [[sizes["peak"], sizes["rise"]]]
    assert 0 < sizes["rise"] < sizes["peak"]
    # A process that inherited our peak would report more than all the frameworks in this one.
    assert sizes["peak"] < memory.resident("VmHWM") / 2
    assert {"processor", "cores", "versions", "threads"} <= set(report["machine"])
    assert {"NumPy", "SciPy"} <= set(report["machine"]["versions"])
    assert (tmp_path / "bench.png").stat().st_size > 10_000


def test_the_machine_is_described():
    """With the libraries that this process has loaded."""
    found = machine()
    assert {"NumPy", "PyTorch", "Keras", "OpenCV", "SciPy"} <= set(found["versions"])
    assert found["versions"]["PyTorch"] == torch.__version__
    assert {"PyTorch", "TensorFlow", "OpenCV"} <= set(found["threads"])


def test_sittings_are_pooled():
    task = Task({"a": None, "b": None}, "a")
    section = Section("work", "note", {"step": task})
    sittings = [{"step": {"a": [1.0, 2.0], "b": [9.0, 9.0]}}, {"step": {"a": [3.0], "b": [2.0]}}]
    found = command.summarized(section, sittings)["tasks"]["step"]
    assert found["seconds"] == {"a": [1, 2, 3], "b": [9, 9, 2]}
    assert found["ratio"] == {"a": 1, "b": 4.5}


def test_memory_knows_its_contestants():
    assert set(memory.CONTESTANTS) == set(cnn_contestants(1))
    with pytest.raises(RuntimeError, match=r"NumPy failed:\n(.|\n)*must be one of PyTorch eager"):
        memory.measure("NumPy")


# --- The pages ------------------------------------------------------------------------------------


def test_marked_blocks_of_the_pages_are_filled():
    from docs.refresh import PAGES, ROOT, filled

    table = (ROOT / "docs/figures/bench.txt").read_text("utf-8").rstrip()
    for page in PAGES:
        text = (ROOT / page).read_text("utf-8")
        assert filled(filled(text, page), page) == filled(text, page)
    text = (ROOT / "docs/benchmarks.md").read_text("utf-8")
    assert f"\n```\n{table}\n```\n" in filled(text, "docs/benchmarks.md")
    with pytest.raises(SystemExit, match=r"docs/benchmarks\.md has 1 marks"):
        filled(text.replace("<!-- end", "<!-- ends"), "docs/benchmarks.md")


def test_the_transformers_are_the_same():
    """With the same weights they give the same logits."""
    bare, ours = sequences.BareTransformer().eval(), transformer(sequences.RECIPE)
    weights = {name: torch.tensor(array) for name, array in ours.arrays() if "step" not in name}
    names = {"words.weight": "embedding.weight", "places": "positions.weight"}
    names |= {"norm.weight": "layer_norm_last.gamma", "norm.bias": "layer_norm_last.beta"}
    names |= {f"head.{key}": f"output.{key}" for key in ("weight", "bias")}
    for number in range(sequences.RECIPE.blocks):
        block, attention = f"blocks.{number}.", f"attention_block_{number + 1}."
        dense, own = f"dense_block_{number + 1}.", f"attention_{number + 1}"
        for theirs, key in (("in_proj_", "in_"), ("out_proj.", "out_")):
            for kind in ("weight", "bias"):
                names[f"{block}self_attn.{theirs}{kind}"] = f"{attention}{own}.{key}{kind}"
        for theirs, key, part in (("norm1", "a", attention), ("norm2", "b", dense)):
            norm = f"{part}layer_norm_{number + 1}{key}"
            names |= {f"{block}{theirs}.weight": f"{norm}.gamma"}
            names |= {f"{block}{theirs}.bias": f"{norm}.beta"}
        for theirs, key in (("linear1", "a"), ("linear2", "b")):
            for kind in ("weight", "bias"):
                names[f"{block}{theirs}.{kind}"] = f"{dense}dense_{number + 1}{key}.{kind}"
    state = {}
    for name, key in names.items():
        across = weights[key].ndim == 2 and not name.startswith(("words", "places"))
        state[name] = weights[key].T if across else weights[key]
    bare.load_state_dict(state)
    x, _ = sequences.batch((5, 16))
    with torch.no_grad():
        theirs = bare(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(ours(x), theirs, atol=1e-5)
