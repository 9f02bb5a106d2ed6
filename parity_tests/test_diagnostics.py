"""Diagnostics: the same numbers for the three panels' arrays, models and runs; and the verdicts."""

import doctest
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity_tests.panels import ADAPTERS, PACKAGES, everywhere, panel
from triptych import diagnosis, diagnostics
from triptych.adapters import adapter
from triptych.catalogue import TECHNIQUES
from triptych.common.datasets import noisy_xor
from triptych.common.history import History, load_histories, save_histories
from triptych.common.recipes import Recipe
from triptych.common.watchers import Run
from triptych.diagnosis import VERDICTS, diagnose
from triptych.diagnostics import (
    Diagnostics,
    dead_units,
    generalization_gap,
    gradient_norms,
    overfitting_score,
    relu_outputs,
    sparsity,
    update_ratios,
    weight_histogram,
    weight_norms,
)
from triptych.weights import canonical

RECIPE = Recipe(
    input_shape=(2,),
    hidden=(6, 5),
    outputs=1,
    loss="binary",
    dropout=0.25,
    batch_norm=True,
    l2=0.01,
    clip_norm=0.5,
    batch_size=16,
    epochs=2,
    dtype="float64",
)


# --- Measures -------------------------------------------------------------------------------------


def test_measures_of_arrays_of_every_framework(parity):
    a, b = np.random.default_rng(0).normal(size=(2, 7, 4))
    b[:, 1] = b[2] = 0
    x = np.maximum(b, 0)

    def measure(framework, adapter):
        first, second = adapter.tensor(a), adapter.tensor(b)
        return {
            "norms": np.array(weight_norms({"x.weight": first, "y.weight": second})),
            "sparsity": np.array([sparsity(second), sparsity(second, 0.5)]),
            "histogram": weight_histogram(second)[0],
            "gradients": np.array(list(gradient_norms({"x.w": first, "x.b": second}).values())),
            "updates": np.array(list(update_ratios({"x": first}, {"x": second}).values())),
            "dead": np.array(dead_units(adapter.tensor(x))),
        }

    found = everywhere(measure)
    parity("diagnostics", found)
    ours = found["scratch"]
    both = np.concatenate([a, b])
    l1, l2 = np.abs(both).sum(), np.sqrt((both**2).sum())
    np.testing.assert_allclose(ours["norms"], [l1, l2, l1 / l2], rtol=1e-14)
    assert ours["sparsity"].tolist() == [(7 + 3) / 28, np.mean(np.abs(b) <= 0.5)]
    np.testing.assert_allclose(ours["gradients"], [l2], rtol=1e-14)
    update = np.linalg.norm(b - a) / np.linalg.norm(a)
    np.testing.assert_allclose(ours["updates"], [update], rtol=1e-14)
    assert ours["dead"] == 0.25


def test_measures_of_a_model_take_its_kernels():
    def measure(framework, adapter):
        model = panel(framework, "models").mlp(RECIPE)
        weights = canonical(model)
        kernels = [weights[f"{name}.weight"] for name in ("dense_1", "dense_2", "output")]
        flat = np.concatenate([kernel.ravel() for kernel in kernels])
        assert weight_norms(model).l2 == pytest.approx(np.linalg.norm(flat), rel=1e-14)
        assert sparsity(model, 0.5) == np.mean(np.abs(flat) <= 0.5)
        counts, ends = weight_histogram(model, bins=10)
        assert counts.sum() == flat.size
        assert ends[0] == -ends[-1] == -np.abs(flat).max()
        assert len(ends) == 11
        return weight_norms(model)

    found = everywhere(measure)
    assert len(set(found.values())) == 1


def test_l1_over_l2_lies_between_one_weight_and_all_alike():
    assert weight_norms(np.array([0.0, -3.0, 0.0])).ratio == 1
    assert weight_norms(np.full(9, 0.5)).ratio == pytest.approx(3, rel=1e-15)
    assert math.isnan(weight_norms(np.zeros(3)).ratio)


def test_gap_and_score():
    np.testing.assert_array_equal(generalization_gap([1, 2], [1.5, 1]), [0.5, -1])
    np.testing.assert_array_equal(overfitting_score([1, 2, 0, 0], [1.5, 1, 0, 1]),
                                  [1.5, 0.5, 1, math.inf])  # fmt: skip
    assert overfitting_score(0.5, 1.0) == 2
    message = r"training and validation must have the same shape, got \(1,\) and \(2,\)"
    with pytest.raises(ValueError, match=message):
        generalization_gap([1], [1, 2])


def test_dead_units_of_models_and_of_feature_maps():
    x = np.random.default_rng(1).normal(size=(20, 2))

    def measure(framework, adapter):
        model = panel(framework, "models").mlp(replace(RECIPE, batch_norm=False))
        weights = canonical(model)
        weights["dense_1.bias"][[1, 4]] = -100
        adapter.load(model, weights)
        outputs = relu_outputs(model, x)
        assert list(outputs) == ["relu_1", "relu_2"]
        assert outputs["relu_1"].shape == (20, 6)
        again = adapter.step(model, x, np.ones((20, 1)), training=False)  # nothing is left behind
        assert again["output"].shape == (20, 1)
        assert dead_units(outputs["relu_1"]) == pytest.approx(2 / 6, rel=1e-15)
        return outputs

    found = everywhere(measure)
    for name in PACKAGES:
        for key, array in found["scratch"].items():
            np.testing.assert_allclose(found[name][key], array, rtol=1e-12)

    maps = np.zeros((3, 4, 4, 5))
    maps[1, 2, 3, 0] = 1
    assert dead_units(maps) == 0.8
    assert dead_units(maps.transpose(0, 3, 1, 2), axis=1) == 0.8
    residual = Recipe(input_shape=(4, 4, 1), channels=(2,), hidden=(), outputs=2)
    images = np.random.default_rng(2).random((3, 4, 4, 1)).astype(np.float32)
    names = {
        name: list(relu_outputs(panel(name, "models").resnet(residual), images))
        for name in PACKAGES
    }
    assert sorted(names["scratch"]) == ["relu_0", "relu_1a", "relu_1b"]
    assert {tuple(sorted(found)) for found in names.values()} == {tuple(sorted(names["keras"]))}


def test_dense_layers_with_an_activation_of_their_own_count_in_keras():
    import keras

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(4, "relu", name="hidden")])
    outputs = relu_outputs(model, np.ones((3, 2), np.float32))
    assert {name: array.shape for name, array in outputs.items()} == {"hidden": (3, 4)}


def test_what_is_refused():
    for call, message in [
        (lambda: weight_norms({}), "weights must be one number at least, got none"),
        (lambda: weight_norms("weights"), "model must be a Layer of scratch, a torch.nn.Module or"),
        (lambda: sparsity(np.ones(2), -1), r"threshold must be a number in \[0, inf\), got -1"),
        (lambda: weight_histogram(np.ones(2), 0), "bins must be an integer >= 1, got 0"),
        (lambda: dead_units(np.ones(3)), r"activations must have shape \(N, ..., units\), got \(3"),
        (lambda: update_ratios({"a": 1}, {"b": 1}), "before and after must have the same names"),
        (lambda: Diagnostics(every=0), "every must be an integer >= 1, got 0"),
        (lambda: Diagnostics().watcher("jax"), "jax"),
        (lambda: weight_norms(np.array(["a"])), "an array of numbers was expected, got ndarray"),
    ]:
        with pytest.raises(ValueError, match=message):
            call()


# --- The recorder ---------------------------------------------------------------------------------


def recorded(framework, recipe=RECIPE, every=1):
    recorder = Diagnostics(every)
    model = panel(framework, "models").mlp(recipe)
    data = noisy_xor(n_train=48, n_validation=8, n_test=8, dtype=recipe.dtype)
    fit = panel(framework, "training").fit
    watchers = [recorder.watcher(framework)]
    fit(model, recipe, data, progress=False, watchers=watchers)
    return recorder, model, data


def test_the_recorders_of_three_runs_agree(parity):
    def run(framework, adapter):
        recorder, model, _ = recorded(framework)
        assert recorder.steps == [1, 2, 3, 4, 5, 6]
        assert recorder.l2[-1] == pytest.approx(weight_norms(model).l2, rel=1e-14)
        layers = ["batch_norm_1", "batch_norm_2", "dense_1", "dense_2", "output"]
        assert sorted(recorder.gradient_norms) == sorted(recorder.update_ratios) == layers
        return {
            "l1": np.array(recorder.l1),
            "l2": np.array(recorder.l2),
            "gradients": {k: np.array(v) for k, v in recorder.gradient_norms.items()},
            "updates": {k: np.array(v) for k, v in recorder.update_ratios.items()},
        }

    found = everywhere(run)
    parity("diagnostics, a run", found, tolerance=1e-12)
    total = np.sqrt(sum(v**2 for v in found["scratch"]["gradients"].values()))
    assert (total <= 0.5 + 1e-12).all()  # clipped
    assert (total >= 0.4).any()


@pytest.mark.parametrize("framework", PACKAGES)
def test_a_recorder_begins_anew_changes_nothing_and_may_skip_steps(framework):
    recipe = replace(RECIPE, hidden=(3,), batch_norm=False, dropout=0.0)
    recorder, model, data = recorded(framework, recipe, every=2)
    assert recorder.steps == [2, 4, 6]
    assert len(recorder.l1) == len(recorder.gradient_norms["output"]) == 3
    alone, fit = panel(framework, "models").mlp(recipe), panel(framework, "training").fit
    fit(alone, recipe, data, progress=False)
    for name, array in canonical(model).items():
        np.testing.assert_array_equal(array, canonical(alone)[name])
    shorter = replace(recipe, epochs=1)
    fit(alone, shorter, data, progress=False, watchers=[recorder.watcher(framework)])
    assert recorder.steps == [2]
    if framework == "keras":
        assert "gradient_norms" not in {v.name for v in alone.optimizer.variables}
        assert "apply" not in vars(alone.optimizer)


def test_bare_keras_with_an_optimizer_of_its_own():
    import keras

    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, name="only")])
    model.compile(optimizer=keras.optimizers.SGD(0.5), loss="mse")
    x, y = np.random.default_rng(0).normal(size=(2, 8, 2)).astype(np.float32)
    y = y[:, :1]
    before = canonical(model)
    residual = x @ before["only.weight"] + before["only.bias"] - y
    grads = {"only.weight": x.T @ residual / 4, "only.bias": residual.mean(0) * 2}
    recorder = Diagnostics()
    model.fit(x, y, batch_size=8, epochs=1, verbose=0, callbacks=[recorder.watcher("keras")])
    expected = gradient_norms(grads)["only"]
    assert recorder.gradient_norms["only"] == [pytest.approx(expected, rel=1e-6)]
    after = {name: array - 0.5 * grads[name] for name, array in before.items()}
    ratio = update_ratios(before, after)["only"]
    assert recorder.update_ratios["only"] == [pytest.approx(ratio, rel=1e-6)]


def test_a_loop_of_ones_own():
    torch = pytest.importorskip("torch")
    model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.ReLU(), torch.nn.Linear(2, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    recorder = Diagnostics()
    watcher, run = recorder.watcher("torch"), Run(model, optimizer, History("torch"))
    watcher.before_training(run)
    for _ in range(3):
        optimizer.zero_grad()
        model(torch.ones(4, 3)).square().mean().backward()
        grads = {name: p.grad.clone() for name, p in model.named_parameters()}
        watcher.after_gradients(run)
        optimizer.step()
        run.step += 1
        watcher.after_step(run)
        for layer, norm in gradient_norms(grads).items():
            assert recorder.gradient_norms[layer][-1] == norm
    assert recorder.steps == [1, 2, 3]
    assert recorder.l2[-1] == weight_norms(model).l2


# --- The verdict ----------------------------------------------------------------------------------

RUNS = json.loads((Path(__file__).parent / "histories.json").read_text("utf-8"))
MEANS = {"noisy": "not enough evidence", "too short": "not enough evidence"}


@pytest.mark.once
@pytest.mark.parametrize("group", ["known", "held out"])
def test_the_verdict_on_runs_whose_outcome_is_known(group):
    """The limits were chosen by the first sixty alone."""
    kinds = [run["kind"] for run in RUNS[group]]
    assert {kind: kinds.count(kind) for kind in kinds} == dict.fromkeys(
        ["underfitting", "good fit", "overfitting", "divergence", "noisy", "too short"], 10
    )
    wrong = []
    for number, run in enumerate(RUNS[group]):
        found = diagnose(History(**run["history"]))
        if found.verdict != MEANS.get(run["kind"], run["kind"]):
            wrong.append((number, run["kind"], found))
        assert found.verdict in VERDICTS
        assert found.because
        assert {name for name, _ in found.first} <= set(TECHNIQUES)
    assert not wrong


def smooth(training, validation, accuracy=(), epochs=10, **more):
    """A history whose losses fall from 1 to what is given."""
    fall = 0.5 ** np.arange(epochs)
    loss = (training + (1 - training) * fall).tolist()
    val = (validation + (1 - validation) * fall).tolist()
    return History("scratch", [1.0, *loss], loss, val, list(accuracy) or [math.nan], **more)


@pytest.mark.once
@pytest.mark.parametrize(
    ("history", "verdict", "says"),
    [
        (History("scratch"), "not enough evidence", "not one epoch has ended"),
        (smooth(0.1, 0.1, epochs=1), "not enough evidence", "1 epoch: a tendency shows from 5 on"),
        (smooth(0.1, 0.1, epochs=4), "not enough evidence", "4 epochs"),
        (smooth(0.05, 0.05), "good fit", "as well on examples it has not seen"),
        (smooth(0.05, 0.5), "overfitting", "times as high as on those"),
        (smooth(0.0, 0.5, best_epoch=3), "overfitting", "Early stopping chose epoch 4"),
        (smooth(0.8, 0.8), "underfitting", "not do well even on the examples"),
        (smooth(0.8, 0.8, [0.95] * 10), "good fit", "95.0% of the validation examples"),
        (smooth(0.2, 0.2, [0.5] * 10), "underfitting", "50.0% of the validation examples"),
        (smooth(0.2, math.nan), "not enough evidence", "There is no validation loss"),
        (smooth(0.9, math.nan), "underfitting", "ends at 90% of what it began with"),
        (smooth(0.2, 0.2, diverged="after step 3"), "divergence", "not finite: after step 3"),
        (History("torch", [1.0, math.inf], [0.9], [0.1]), "divergence", "a loss is not finite"),
        (History("keras", [1.0], [0.3, *[0.1] * 9], [0.1] * 5), "good fit", "as well on"),
        (smooth(3.0, 3.0), "divergence", "ends at 2.99"),
        (smooth(-1.0, 0.2), "not enough evidence", "The loss is negative"),
        (History("keras", [], [], [], [0.5, 0.6] * 5), "not enough evidence", "no training loss"),
        (History("torch", [0.0] * 9, [0.0] * 9, [0.0] * 9, [1.0] * 9), "good fit", "same examples"),
        (History("torch", [], [0.9, 0.5, 0.3, 0.2, 0.1], [0.9, 0.6, 0.3, 0.2, 0.1]), "good fit", "")
    ],
)  # fmt: skip
def test_the_verdict_at_the_edges(history, verdict, says):
    found = diagnose(history)
    assert found.verdict == verdict
    assert says in " ".join(found.because)


@pytest.mark.once
def test_a_rise_and_a_spike_and_a_run_that_never_settles():
    losses = [0.5, 0.3, 0.2, 0.15, 0.1, 0.08, 0.06, 0.05, 0.05, 0.05]
    rising = History(
        "torch", [1.0], losses, [0.5, 0.35, 0.3, 0.3, 0.31, 0.34, 0.37, 0.4, 0.43, 0.46]
    )
    found = diagnose(rising)
    assert found.verdict == "overfitting"
    assert "lowest after epoch 3, at 0.3, and has risen since" in " ".join(found.because)
    assert found.first[0][0] == "early_stopping"
    spiked = History("torch", [1.0, 80.0], [9.0, *[0.99] * 9], [0.99] * 10)
    assert diagnose(spiked).verdict == "divergence"
    wild = History("torch", [1.0], losses, [0.5, 0.1, 0.6, 0.1, 0.4, 0.05, 0.5, 0.03, 0.3, 0.1])
    assert diagnose(wild).verdict == "not enough evidence"
    assert "back and forth" in " ".join(diagnose(wild).because)
    with pytest.raises(ValueError, match="history must be a History"):
        diagnose({})


@pytest.mark.once
@given(
    st.lists(st.floats(allow_nan=True, width=32), max_size=12),
    st.lists(st.floats(allow_nan=True, width=32), max_size=12),
    st.lists(st.floats(0, 1), max_size=12),
)
def test_no_history_is_too_strange(losses, validation, accuracy):
    found = diagnose(History("scratch", losses, losses, validation, accuracy))
    assert found.verdict in VERDICTS
    assert all(isinstance(value, float) for value in found.numbers.values())


@pytest.mark.once
@given(st.floats(0.01, 100), st.sampled_from(range(60)))
def test_the_unit_of_the_loss_does_not_matter(factor, number):
    """Bits or nats, a sum or a mean."""
    history = History(**RUNS["known"][number]["history"])
    scaled = replace(
        history,
        step_loss=[factor * loss for loss in history.step_loss],
        loss=[factor * loss for loss in history.loss],
        validation_loss=[factor * loss for loss in history.validation_loss],
    )
    assert diagnose(scaled).verdict == diagnose(history).verdict


# --- Files ----------------------------------------------------------------------------------------


@pytest.mark.once
def test_histories_in_a_file(tmp_path):
    path = tmp_path / "histories.json"
    histories = {"a": smooth(0.1, 0.2), "b": smooth(0.3, 0.3, [0.5, 0.6])}
    save_histories(histories, path)
    loaded = load_histories(path)
    assert list(loaded) == ["a", "b"]
    assert loaded["b"] == histories["b"]
    histories["b"].save(path)
    assert load_histories(path) == {"scratch": histories["b"]}
    for text in (
        *("", "[]", "3", '{"a": 3}', '{"a": {"loss": []}}', '{"framework": "x", "y": 1}'),
        *('{"a": {"framework": "x", "loss": "y"}}', '{"framework": "x", "loss": ["y"]}'),
    ):
        path.write_text(text, "utf-8")
        with pytest.raises(
            ValueError, match=r"path must be a file that save wrote, got .*json, wh"
        ):
            load_histories(path)
    with pytest.raises(FileNotFoundError):
        load_histories(tmp_path / "none")


def test_adapters_name_what_is_trained():
    for framework in PACKAGES:
        model = panel(framework, "models").mlp(RECIPE)
        names = [name for name in canonical(model) if not name.startswith("dropout")]
        names = [name for name in names if "running" not in name]
        assert sorted(adapter(framework).trained(model)) == sorted(names)
        assert ADAPTERS[framework].name == framework


@pytest.mark.once
def test_bfloat16_and_the_numbers_that_numpy_lacks():
    import ml_dtypes
    import torch

    values = np.array([[1.5, -2.0], [0.0, 0.25]])
    for array in (torch.tensor(values, dtype=torch.bfloat16), values.astype(ml_dtypes.bfloat16)):
        assert weight_norms(array) == weight_norms(values)
        assert dead_units(array) == 0


@pytest.mark.once
@pytest.mark.parametrize("module", [diagnosis, diagnostics])
def test_the_examples_in_the_docstrings(module):
    found = doctest.testmod(module)
    assert found.attempted > 0
    assert found.failed == 0
