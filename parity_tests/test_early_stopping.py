import math

import keras
import numpy as np
import pytest
import torch

from parity_tests.panels import ADAPTERS, PACKAGES, everywhere, panel, same_error
from triptych.common.history import History
from triptych.common.watchers import Run

NAN, INF = math.nan, math.inf


def make_model(framework):
    """One weight, one bias and one counter: parameters and state."""
    layers = panel(framework, "layers")
    dense = layers.Dense(1, 1, name="dense_1")
    dropout = panel(framework, "dropout").Dropout(0.5, name="dropout_1")
    start = [keras.Input((1,))] if framework == "keras" else []
    return layers.Sequential([*start, dense, dropout])


MODELS = {framework: make_model(framework) for framework in PACKAGES}


def fill(framework, value):
    adapter, model = ADAPTERS[framework], MODELS[framework]
    weights = adapter.weights(model)
    adapter.load(model, {name: np.full_like(array, value) for name, array in weights.items()})


def filled_with(framework):
    """The number that every weight and all state hold."""
    arrays = ADAPTERS[framework].weights(MODELS[framework]).values()
    assert len(arrays) == 3
    (value,) = {float(number) for array in arrays for number in array.ravel()}
    return value


def watch(framework, stopping, values):
    """Weights of 100 + epoch after each epoch, until ``stopping`` stops or the values run out."""
    model = MODELS[framework]
    epoch, stop = 0, False
    if framework == "keras":
        stopping.set_model(model)
        model.stop_training = False
        stopping.on_train_begin()
    for epoch, value in enumerate(values):
        fill(framework, 100 + epoch)
        if framework == "keras":
            stopping.on_epoch_end(epoch, {"loss": 1.0, "val_loss": value, "val_accuracy": -value})
            stop = model.stop_training
        else:
            stop = stopping.update(epoch, value, model)
        if stop:
            break
    if framework == "keras":
        stopping.on_train_end()
    else:
        stopping.restore(model)
    return summary(stopping, epoch, stop, filled_with(framework))


def summary(stopping, epoch, stop, weight):
    return {
        "best": stopping.best,
        "best_epoch": stopping.best_epoch,
        "wait": stopping.wait,
        "stopped_epoch": stopping.stopped_epoch,
        "last_epoch": epoch,
        "stop": stop,
        "weight": weight,
    }


def run(framework, values, **options):
    stopping = panel(framework, "early_stopping").EarlyStopping(**options)
    return watch(framework, stopping, values)


def by_definition(
    values,
    patience=0,
    min_delta=0.0,
    mode="min",
    baseline=None,
    start_from_epoch=0,
    restore_best_weights=True,
):
    """The same, worked out from the whole sequence instead of epoch by epoch."""
    sign = 1 if mode == "min" else -1

    def beats(value, other):
        return sign * value + min_delta < sign * other

    records = []  # epochs that beat the record before them
    for epoch, value in enumerate(values):
        if epoch >= start_from_epoch and not math.isnan(value):
            record = values[records[-1]] if records else None
            if record is None or beats(value, record):
                records.append(epoch)

    def wait(epoch):
        """How many epochs were looked at since the last record that beat the baseline."""
        beat = [r for r in records if baseline is None or beats(values[r], baseline)]
        return epoch - max([start_from_epoch - 1, *(r for r in beat if r <= epoch)])

    stops = [
        epoch
        for epoch in range(max(start_from_epoch, 1), len(values))
        if epoch not in records and wait(epoch) >= patience
    ]
    last = stops[0] if stops else len(values) - 1
    records = [epoch for epoch in records if epoch <= last]
    best = records[-1] if records else None
    restored = best if restore_best_weights and records else last
    return {
        "best": None if best is None else values[best],
        "best_epoch": best,
        "wait": max(wait(last), 0),
        "stopped_epoch": stops[0] if stops else 0,
        "last_epoch": last,
        "stop": bool(stops),
        "weight": 100 + restored,
    }


def random_runs(seed, special, count=300):
    """Short sequences with ties, plateaus and small gains, and the arguments to go with them."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        values = rng.integers(0, 40, rng.integers(1, 15)) / 16
        if rng.random() < 0.5:
            values = np.sort(values)[::-1]  # a loss that falls
        if rng.random() < 0.5:
            values = np.repeat(values, rng.integers(1, 4, len(values)))
        odd = rng.random(len(values)) < 0.2
        values[odd] = rng.choice([*special, values[0]], odd.sum())
        options = {
            "patience": int(rng.integers(0, 5)),
            "min_delta": float(rng.choice([0.0, 0.0625, 0.25])),
            "mode": str(rng.choice(["min", "max"])),
            "baseline": None if rng.random() < 0.5 else float(rng.integers(0, 40) / 16),
            "start_from_epoch": int(rng.choice([0, 0, 1, 3, 6])),
            "restore_best_weights": bool(rng.random() < 0.8),
        }
        yield values.tolist(), options


def columns(summaries):
    """One array for each quantity, with -1 for what is None."""
    return {
        key: np.array([-1 if s[key] is None else s[key] for s in summaries]) for key in summaries[0]
    }


def test_random_sequences_agree(parity):
    runs = list(random_runs(0, [NAN, NAN, INF, -INF]))
    results = {f: [run(f, values, **options) for values, options in runs] for f in PACKAGES}
    for framework in PACKAGES:
        for (values, options), result in zip(runs, results[framework], strict=True):
            assert result == by_definition(values, **options), (framework, values, options)
    parity("early_stopping", {name: columns(result) for name, result in results.items()})
    # The runs are worth something: they stop, run out, improve and never improve.
    ends = columns(results["scratch"])
    assert 50 < ends["stop"].sum() < 250
    assert (ends["best_epoch"] == -1).sum() > 10
    assert (ends["best_epoch"] == ends["last_epoch"]).sum() > 10
    assert (ends["best_epoch"] > 0).sum() > 50


class BareModel:
    """All that Keras's callback asks of a model."""

    stop_training = False

    def get_weights(self):
        return self.weights

    def set_weights(self, weights):
        self.weights = weights


def bare_keras(values, **options):
    """The untouched callback on the same weights."""
    stopping, model = keras.callbacks.EarlyStopping(**options), BareModel()
    stopping.set_model(model)
    stopping.on_train_begin()
    for epoch, value in enumerate(values):
        model.set_weights(100.0 + epoch)
        stopping.on_epoch_end(epoch, {"val_loss": value})
        if model.stop_training:
            break
    stopping.on_train_end()
    return summary(stopping, epoch, model.stop_training, model.get_weights())


def test_keras_at_its_defaults(parity):
    """Keras's defaults are ours but for ``restore_best_weights``, and for NaN.

    Entries of the map: early-stopping-restore, early-stopping-first-nan,
    early-stopping-float32.
    """
    runs = [values for values, _ in random_runs(1, [INF, -INF], count=100)]
    ours = [run("scratch", values, restore_best_weights=False) for values in runs]
    bare = [bare_keras(values) for values in runs]
    parity("early_stopping, native", {"scratch": columns(ours), "keras": columns(bare)})


def test_keras_with_other_arguments(parity):
    """Entries of the map: early-stopping-baseline."""
    runs = list(random_runs(2, [INF, -INF], count=1000))
    ours, bare = [], []
    for values, options in runs:
        if len(values) > options["start_from_epoch"]:  # else it never begins, and best is None
            ours.append(run("scratch", values, **options))
            bare.append(bare_keras(values, **options))
    assert len(ours) > 700
    parity("early_stopping, native", {"scratch": columns(ours), "keras": columns(bare)})


def check_everywhere(values, options, **expected):
    for framework, result in everywhere(lambda f, a: run(f, values, **options)).items():
        assert {key: result[key] for key in expected} == expected, framework


def test_stop_and_restore():
    values = [5.0, 4.0, 3.0, 3.5, 3.0, 1.0]
    expected = {"best": 3.0, "best_epoch": 2, "wait": 2, "stopped_epoch": 4, "weight": 102}
    check_everywhere(values, {"patience": 2}, **expected)
    keep = {"patience": 2, "restore_best_weights": False}
    check_everywhere(values, keep, **(expected | {"weight": 104}))


def test_patience_0_acts_as_1():
    for patience in (0, 1):
        check_everywhere([2.0, 1.0, 1.0], {"patience": patience}, stopped_epoch=2, weight=101)


def test_the_epochs_run_out():
    values = [5.0, 2.0, 3.0, 4.0]
    check_everywhere(values, {"patience": 3}, stop=False, stopped_epoch=0, best_epoch=1, weight=101)


def test_a_gain_of_exactly_min_delta_is_none():
    values = [1.0, 0.75, 0.5]
    check_everywhere(values, {"patience": 9, "min_delta": 0.25}, best=0.5, best_epoch=2)
    check_everywhere(values[:2], {"patience": 9, "min_delta": 0.25}, best=1.0, best_epoch=0)


def test_epochs_before_the_start_do_not_count():
    values = [1.0, 9.0, 9.0, 5.0, 6.0, 4.0]
    options = {"patience": 2, "start_from_epoch": 3}
    check_everywhere(values, options, best=4.0, best_epoch=5, wait=0, stop=False)
    check_everywhere(values[:3], options, best=None, best_epoch=None, wait=0, weight=102)


def test_a_baseline_that_is_not_beaten():
    options = {"patience": 2, "baseline": 1.0}
    check_everywhere([3.0, 3.0, 3.0], options, stopped_epoch=1, weight=100, best=3.0)
    # As long as each epoch is the best, it goes on; then it has waited long enough.
    check_everywhere([3.0, 2.5, 2.0, 1.5, 1.0], options, stop=False, wait=5, best=1.0)
    check_everywhere([3.0, 2.5, 2.0, 2.0], options, stopped_epoch=3, weight=102)
    check_everywhere([3.0, 0.5, 0.75, 0.625], options, stopped_epoch=3, weight=101)
    check_everywhere([3.0, 0.5, 0.75], options, stop=False, wait=1)


def test_a_monitor_of_ones_own():
    """A function of the history: here, how far the two losses lie apart."""

    def gap(history):
        return history.validation_loss[-1] - history.loss[-1]

    history, found = History("any", loss=[1.0] * 5, validation_loss=[3.0, 2.0, 2.5, 2.25, 1.0]), {}
    for framework in PACKAGES:
        model, stopping = (
            MODELS[framework],
            panel(framework, "early_stopping").EarlyStopping(
                2, monitor=gap, restore_best_weights=False
            ),
        )
        run = Run(model, None, History("any"))
        for epoch in range(5):
            run.epoch = epoch
            for curve in ("loss", "validation_loss"):
                getattr(run.history, curve).append(getattr(history, curve)[epoch])
            if framework == "keras":
                if epoch == 0:
                    stopping.set_model(model)
                    stopping.set_params({"history": run.history})
                    stopping.on_train_begin()
                    model.stop_training = False
                stopping.on_epoch_end(epoch, {})
                run.stop = model.stop_training
            else:
                stopping.after_epoch(run)
            if run.stop:
                break
        found[framework] = (stopping.best, stopping.best_epoch, stopping.stopped_epoch)
    assert set(found.values()) == {(1.0, 1, 3)}


def test_a_function_of_the_logs_in_keras():
    model = trainable_model("keras")
    stopping = panel("keras", "early_stopping").EarlyStopping(
        1, monitor=lambda logs: -logs["loss"], restore_best_weights=False
    )
    train_keras(model, stopping, 9)
    assert (stopping.best_epoch, stopping.stopped_epoch) == (0, 1)  # the loss falls


def test_accuracy_is_maximized():
    options = {"monitor": "validation_accuracy", "mode": "max", "patience": 1}
    for framework in PACKAGES:
        values = np.array([0.25, 0.5, 0.375])
        if framework == "keras":
            values = -values  # ``watch`` logs -value as val_accuracy
        result = run(framework, values.tolist(), **options)
        assert (result["best"], result["stopped_epoch"], result["weight"]) == (0.5, 2, 101)


@pytest.mark.parametrize("mode", ["min", "max"])
def test_nan_is_never_the_best(mode):
    up = 1 if mode == "max" else -1
    options = {"mode": mode, "patience": 2}
    check_everywhere([NAN, up * 1.0, up * 2.0, NAN], options, best=up * 2.0, best_epoch=2, wait=1)
    check_everywhere([up * 1.0, NAN, up * 2.0], options, best=up * 2.0, weight=102)
    check_everywhere([up * 1.0, NAN, NAN, up * 2.0], options, stopped_epoch=2, weight=100)
    # Nothing but NaN: no best epoch, so the weights stay as they are.
    check_everywhere([NAN] * 5, options, best=None, best_epoch=None, stopped_epoch=1, weight=101)
    # Epoch 0 stops no run.
    check_everywhere([NAN, up * 1.0], {"mode": mode}, best=up * 1.0, stop=False, weight=101)


@pytest.mark.parametrize("mode", ["min", "max"])
def test_infinity_compares_as_usual(mode):
    worst = INF if mode == "min" else -INF
    options = {"mode": mode, "patience": 2}
    check_everywhere([worst, worst, 1.0], options, best=1.0, best_epoch=2)
    check_everywhere([worst, worst, worst], options, best=worst, best_epoch=0, stopped_epoch=2)
    check_everywhere([1.0, -worst, 1.0, -worst], options, best=-worst, best_epoch=1, weight=101)


def test_finding_bare_keras_lets_a_first_nan_be_the_best():
    values = [NAN, 3.0, 2.0, 1.0]
    bare = bare_keras(values, mode="min", patience=2, restore_best_weights=True)
    assert math.isnan(bare["best"])
    assert (bare["best_epoch"], bare["stopped_epoch"], bare["weight"]) == (0, 2, 100)
    check_everywhere(values, {"patience": 2}, best=1.0, stop=False, weight=103)


def test_finding_bare_keras_compares_in_float32():
    """``ops.less`` of two Python floats makes float32 tensors, except in JAX's 64-bit mode."""
    values = [1.0 - epoch * 1e-9 for epoch in range(4)]
    bare = bare_keras(values, mode="min", patience=2)
    assert bare["best_epoch"] == (3 if keras.backend.backend() == "jax" else 0)
    check_everywhere(values, {"patience": 2}, best_epoch=3, stop=False, weight=103)


def test_improves_in_every_precision():
    for framework in PACKAGES:
        improves = panel(framework, "early_stopping").improves
        for number in (float, np.float32, np.float64, np.array, torch.tensor):
            assert improves(number(0.5), 1.0) is True
            assert improves(number(0.5), 1.0, min_delta=0.5) is False
            assert improves(number(0.5), 0.25, mode="max") is True
            assert improves(number(0.5), None) is True
            assert improves(number(NAN), None) is False
        # 16777216 is 2**24: in float32 the sum would be rounded to it.
        assert improves(np.float32(2**24), 2**24 + 1.5, min_delta=1.0) is True


def test_the_weights_are_copies():
    for framework in ("scratch", "torch"):
        stopping = panel(framework, "early_stopping").EarlyStopping(5)
        model = MODELS[framework]
        fill(framework, 1)
        stopping.update(0, 1.0, model)
        fill(framework, 2)
        stopping.update(1, 2.0, model)
        for _ in range(2):  # what is kept stays, whatever is done to the model it was given back to
            stopping.restore(model)
            assert filled_with(framework) == 1
            fill(framework, 3)


def test_torch_buffers_and_flags_are_restored():
    model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    stopping = panel("torch", "early_stopping").EarlyStopping()
    model(torch.ones(4, 3))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    stopping.update(0, 1.0, model)
    model(torch.full((4, 3), 5.0))
    assert not torch.equal(before["1.running_mean"], model.state_dict()["1.running_mean"])
    stopping.restore(model)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_one_object_watches_one_run():
    """Keras's own hook starts anew in each ``fit``; without it, the old best would be kept."""
    for framework in ("scratch", "torch"):
        stopping = panel(framework, "early_stopping").EarlyStopping(3)
        watch(framework, stopping, [3.0, 2.0, 1.0])
        with pytest.raises(ValueError, match=r"^epoch must be an integer >= 3, got 0$"):
            watch(framework, stopping, [3.0, 2.0, 1.0])
    stopping = panel("keras", "early_stopping").EarlyStopping(3)
    watch("keras", stopping, [3.0, 2.0, 1.0])
    assert watch("keras", stopping, [9.0, 8.0])["best_epoch"] == 1
    assert watch("keras", stopping, [NAN])["best_epoch"] is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"patience": -1}, "patience must be an integer >= 0, got -1"),
        ({"patience": 1.5}, "patience must be an integer >= 0, got 1.5"),
        ({"patience": True}, "patience must be an integer >= 0, got True"),
        ({"min_delta": -0.5}, "min_delta must be a number in [0, inf), got -0.5"),
        ({"min_delta": NAN}, "min_delta must be a number in [0, inf), got nan"),
        ({"min_delta": INF}, "min_delta must be a number in [0, inf), got inf"),
        ({"min_delta": "none"}, "min_delta must be a number in [0, inf), got 'none'"),
        ({"mode": "auto"}, "mode must be one of 'min', 'max', got 'auto'"),
        ({"mode": None}, "mode must be one of 'min', 'max', got None"),
        ({"baseline": NAN}, "baseline must be a number in (-inf, inf), got nan"),
        ({"baseline": "loss"}, "baseline must be a number in (-inf, inf), got 'loss'"),
        ({"start_from_epoch": -3}, "start_from_epoch must be an integer >= 0, got -3"),
        (
            {"monitor": "val_loss"},
            "monitor must be one of 'validation_loss', 'validation_accuracy', got 'val_loss'",
        ),
        (
            {"restore_best_weights": 1},
            "restore_best_weights must be True or False, got 1",
        ),
    ],
)
def test_bad_arguments(options, message):
    same_error(lambda f, a: panel(f, "early_stopping").EarlyStopping(**options), message)
    (name,) = options
    if name in ("min_delta", "mode"):
        same_error(lambda f, a: panel(f, "early_stopping").improves(1.0, 2.0, **options), message)


def test_bad_weights_of_a_scratch_model():
    model = make_model("scratch")
    weights = model.get_weights()
    names = ["dense_1.weight", "dense_1.bias", "dropout_1.step"]
    assert list(weights) == names
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (the text is compared below)
        model.set_weights({"dense_1.weight": weights["dense_1.weight"]})
    assert str(caught.value) == f"weights must have the names {names}, got ['dense_1.weight']"
    changed = {name: array + 1 for name, array in weights.items()}
    changed["dense_1.bias"] = np.ones((1, 1))
    with pytest.raises(ValueError, match=r"^dense_1.bias must have shape \(1,\), got \(1, 1\)$"):
        model.set_weights(changed)
    for name, array in model.get_weights().items():  # nothing was written
        assert np.array_equal(array, weights[name]), name


# A real training. The slope is 2 in the training data and 1 in the validation data; the weight
# begins near 0, so the validation loss falls until the weight passes 1, and grows after that.

X = np.linspace(-1, 1, 16, dtype=np.float32)[:, None]
RATE = 0.05


def trainable_model(framework):
    layers = panel(framework, "layers")
    dense = layers.Dense(1, 1, name="dense_1", use_bias=False)
    dropout = panel(framework, "dropout").Dropout(0.125, name="dropout_1")
    start = [keras.Input((1,))] if framework == "keras" else []
    model = layers.Sequential([*start, dropout, dense])
    adapter = ADAPTERS[framework]
    weights = adapter.weights(model) | {"dense_1.weight": np.full((1, 1), 0.0625, np.float32)}
    adapter.load(model, weights)
    return model


def train_scratch(model, stopping, epochs):
    losses = []
    for epoch in range(epochs):
        model.backward(2 * (model.forward(X, training=True) - 2 * X) / len(X))
        for _, layer, key in model.parameters():
            layer.params[key] -= np.float32(RATE) * layer.grads[key]
        losses.append(evaluate("scratch", model))
        if stopping.update(epoch, losses[-1], model):
            break
    stopping.restore(model)
    return losses


def train_torch(model, stopping, epochs):
    x, losses = torch.tensor(X), []
    optimizer = torch.optim.SGD(model.parameters(), RATE)
    for epoch in range(epochs):
        model.train()
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(model(x), 2 * x).backward()
        optimizer.step()
        losses.append(evaluate("torch", model))
        if stopping.update(epoch, losses[-1], model):
            break
    stopping.restore(model)
    return losses


def train_keras(model, stopping, epochs):
    model.compile(keras.optimizers.SGD(RATE), loss="mse")
    history = model.fit(
        X, 2 * X, len(X), epochs, verbose=0, validation_data=(X, X), callbacks=[stopping]
    )
    return history.history["val_loss"]


def evaluate(framework, model):
    if framework == "scratch":
        return float(np.mean((model.forward(X) - X) ** 2))
    if framework == "torch":
        x = torch.tensor(X)
        with torch.no_grad():
            return torch.nn.functional.mse_loss(model.eval()(x), x).item()
    return model.evaluate(X, X, verbose=0)


TRAIN = {"scratch": train_scratch, "torch": train_torch, "keras": train_keras}


@pytest.mark.parametrize(("patience", "epochs"), [(3, 100), (100, 40)])
@pytest.mark.parametrize("framework", PACKAGES)
def test_a_real_training_ends_at_its_best(framework, patience, epochs):
    model = trainable_model(framework)
    stopping = panel(framework, "early_stopping").EarlyStopping(patience)
    losses = TRAIN[framework](model, stopping, epochs)
    assert 10 < stopping.best_epoch < len(losses) - 3
    assert stopping.best == min(losses) == losses[stopping.best_epoch]
    assert evaluate(framework, model) == stopping.best  # exactly
    assert losses[-1] > 1.05 * stopping.best
    steps = ADAPTERS[framework].weights(model)["dropout_1.step"]
    assert steps == stopping.best_epoch + 1  # the state goes back too: one step in each epoch
    if patience == 3:
        assert len(losses) == stopping.best_epoch + 4 == stopping.stopped_epoch + 1


def test_keras_accuracy_in_fit():
    model = trainable_model("keras")
    model.compile("sgd", loss="mse", metrics=[keras.metrics.BinaryAccuracy("accuracy")])
    stopping = panel("keras", "early_stopping").EarlyStopping(
        2, monitor="validation_accuracy", mode="max"
    )
    labels = (X > 0).astype("float32")
    history = model.fit(
        X, labels, 4, 5, verbose=0, validation_data=(X, labels), callbacks=[stopping]
    )
    accuracies = history.history["val_accuracy"]
    assert stopping.best == max(accuracies)
    assert stopping.best_epoch == accuracies.index(max(accuracies))
