from dataclasses import replace

import numpy as np
import pytest

from parity_tests.panels import ADAPTERS, everywhere, panel, same_error
from triptych.common.averaging import ema_decay
from triptych.common.datasets import xor
from triptych.common.recipes import EarlyStoppingRecipe, Recipe

RNG = np.random.default_rng(0)
scratch = panel("scratch", "averaging")
RECIPE = Recipe(
    input_shape=(2,),
    hidden=(5,),
    outputs=1,
    loss="binary",
    batch_norm=True,
    batch_size=16,
    passes_per_epoch=3,
    epochs=4,
    learning_rate=0.05,
    dtype="float64",
)


def arrays(framework, model):
    return ADAPTERS[framework].weights(model)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_updates_agree(parity, dtype):
    average, w = RNG.normal(size=(2, 5, 3)).astype(dtype)

    def call(framework, adapter):
        averaging = panel(framework, "averaging")
        a, b = adapter.tensor(average), adapter.tensor(w)
        return [averaging.ema_update(a, b, 0.9), averaging.swa_update(a, b, 3)]

    parity("averaging", everywhere(call))


def test_means():
    """A moving average weighs the past geometrically; SWA is the mean."""
    ws = RNG.normal(size=(6, 4))
    average = ws[0]
    for w in ws[1:]:
        average = scratch.ema_update(average, w, 0.75)
    factors = [0.75**5, *(0.25 * 0.75 ** (5 - t) for t in range(1, 6))]
    np.testing.assert_allclose(average, np.average(ws, axis=0, weights=factors), rtol=1e-14)
    assert sum(factors) == pytest.approx(1, rel=1e-15)
    average = ws[0]
    for k, w in enumerate(ws[1:], start=1):
        average = scratch.swa_update(average, w, k)
    np.testing.assert_allclose(average, ws.mean(axis=0), rtol=1e-13)


def test_warmup_is_below_the_decay():
    decays = [ema_decay(t, 0.99, warmup=True) for t in range(2000)]
    assert decays[0] == 0.1
    assert decays == sorted(decays)
    assert decays[-1] == 0.99
    assert ema_decay(0, 0.99) == 0.99


def dataset():
    return xor("float64")


def fitted(framework, watchers, recipe=RECIPE):
    model = panel(framework, "models").mlp(recipe)
    history = panel(framework, "training").fit(
        model, recipe, dataset(), progress=False, watchers=watchers
    )
    return model, history


WATCHERS = {
    "ema": lambda a: a.ExponentialMovingAverage(0.75),
    "warmup": lambda a: a.ExponentialMovingAverage(0.75, warmup=True),
    "swa": lambda a: a.StochasticWeightAveraging(1, batch_size=7),
}


@pytest.mark.parametrize("kind", WATCHERS)
def test_runs_agree(parity, kind):
    def run(framework, adapter):
        model, history = fitted(framework, [WATCHERS[kind](panel(framework, "averaging"))])
        return [np.array(history.step_loss), np.array(history.validation_loss)] + [
            array for _, array in sorted(arrays(framework, model).items())
        ]

    parity("averaging", everywhere(run), tolerance=1e-12)


@pytest.mark.parametrize("kind", WATCHERS)
def test_training_goes_on_with_the_trained_weights(kind):
    """The average is measured, and changes no step."""
    for framework in ("scratch", "torch", "keras"):
        _, plain = fitted(framework, [])
        _, averaged = fitted(framework, [WATCHERS[kind](panel(framework, "averaging"))])
        assert averaged.step_loss == plain.step_loss
        assert averaged.validation_loss[1:] != plain.validation_loss[1:]


def test_early_stopping_keeps_the_best_average():
    stopping = EarlyStoppingRecipe(patience=2)
    recipe = replace(RECIPE, early_stopping=stopping, learning_rate=0.5)
    for framework in ("scratch", "torch", "keras"):
        ema = panel(framework, "averaging").ExponentialMovingAverage(0.5)
        model, history = fitted(framework, [ema], recipe)
        loss, _ = panel(framework, "training").evaluate(
            model, recipe, dataset().x_validation, dataset().y_validation
        )
        assert loss == pytest.approx(min(history.validation_loss), rel=1e-12)


def test_ema_is_the_average_of_a_loop():
    """A loop of one's own, as the docstring shows, gives what ``fit`` gives."""
    seen = []

    class Keep(panel("scratch", "training").Watcher):
        def after_step(self, run):
            seen.append({n: a.copy() for n, a in run.model.get_weights().items()})

    model, _ = fitted("scratch", [Keep(), scratch.ExponentialMovingAverage(0.75)])
    average = seen[0]
    for weights in seen[1:]:
        average = {n: 0.75 * average[n] + 0.25 * weights[n] for n in average}
    # Some roundings of float64, in each step.
    for name, layer, key in model.parameters():
        np.testing.assert_allclose(layer.params[key], average[name], rtol=1e-12)


def test_batch_norm_is_that_of_the_batches(parity):
    x = RNG.normal(2.0, 3.0, size=(23, 2))

    def update(framework, adapter):
        model = panel(framework, "models").mlp(RECIPE)
        panel(framework, "averaging").update_batch_norm(model, adapter.tensor(x), batch_size=11)
        return {n: a for n, a in arrays(framework, model).items() if "running" in n}

    found = everywhere(update)
    parity("averaging", found)
    model = panel("scratch", "models").mlp(RECIPE)
    hidden = x @ model.layers[1].params["weight"]
    means = [hidden[:11].mean(axis=0), hidden[11:22].mean(axis=0)]  # the last row is alone
    np.testing.assert_allclose(
        found["scratch"]["batch_norm_1.running_mean"], np.mean(means, axis=0), rtol=1e-13
    )


def test_bare_torch(parity):
    """Entries of the map: exponential-moving-average, swa-float32,
    batch-norm-cumulative-average.
    """
    import torch
    from torch.optim import swa_utils

    for ours, theirs in (
        (scratch.ExponentialMovingAverage(0.9), swa_utils.get_ema_avg_fn(0.9)),
        (scratch.StochasticWeightAveraging(0), swa_utils.get_swa_avg_fn()),
    ):
        torch.manual_seed(0)
        model = torch.nn.Sequential(torch.nn.Linear(2, 5), torch.nn.BatchNorm1d(5)).double()
        copy = swa_utils.AveragedModel(model, avg_fn=theirs)
        dense = panel("scratch", "layers").Dense(2, 5, dtype="float64")
        for _ in range(4):
            with torch.no_grad():
                for parameter in model.parameters():
                    parameter += torch.randn_like(parameter)
            copy.update_parameters(model)
            dense.params["weight"][...] = model[0].weight.detach().numpy().T
            ours.update(dense)
        found = copy.module[0].weight.detach().numpy().T
        parity("averaging, native", {"scratch": ours.average["weight"], "torch": found})
    x = torch.tensor(RNG.normal(size=(22, 2)))
    panel("torch", "averaging").update_batch_norm(model, x, batch_size=11)
    ours = [buffer.numpy().copy() for buffer in model.buffers()][:2]
    swa_utils.update_bn([x[:11], x[11:]], model)
    theirs = [buffer.numpy() for buffer in model.buffers()][:2]
    parity("averaging, native", {"scratch": ours, "torch": theirs})


def test_bare_keras(parity):
    """Entry of the map: exponential-moving-average."""
    import keras

    def trained(**options):
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.layers.Dense(3, dtype="float64")])
        model.build((None, 2))
        model.compile(keras.optimizers.SGD(0.5, **options), "mse")
        return model

    x, y = RNG.normal(size=(8, 2)), RNG.normal(size=(8, 3))
    theirs = trained(use_ema=True, ema_momentum=0.75)
    theirs.fit(x, y, batch_size=2, epochs=2, shuffle=False, verbose=0)
    ours = trained()
    ema = panel("keras", "averaging").ExponentialMovingAverage(0.75)
    ours.fit(x, y, batch_size=2, epochs=2, shuffle=False, verbose=0, callbacks=[ema])
    assert ema.count == 8
    parity("averaging, native", {"scratch": ours.get_weights(), "keras": theirs.get_weights()})
    ema.restore(ours)
    plain = trained()
    plain.fit(x, y, batch_size=2, epochs=2, shuffle=False, verbose=0)
    parity("averaging, native", {"scratch": ours.get_weights(), "keras": plain.get_weights()})


def test_keras_swa_in_model_fit():
    """The mean of the weights after epochs 1, 2 and 3, with or without validation."""
    import keras

    x, y = RNG.normal(size=(8, 2)), RNG.normal(size=(8, 3))
    found = []
    for validation in ({}, {"validation_data": (x, y)}):
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.layers.Dense(3), keras.layers.BatchNormalization()])
        model.compile("sgd", "mse")
        seen = []

        def see(batch, logs, model=model, seen=seen):
            panel("keras", "layers").synchronize(model)
            seen.append(model.get_weights()[0])

        keep = keras.callbacks.LambdaCallback(on_train_batch_end=see)
        swa = panel("keras", "averaging").StochasticWeightAveraging(1, inputs=x.astype("float32"))
        model.fit(
            x, y, batch_size=8, epochs=4, shuffle=False, verbose=0, callbacks=[keep, swa],
            **validation,
        )  # fmt: skip
        mean = np.mean(seen[1:], axis=0)
        np.testing.assert_allclose(model.get_weights()[0], mean, rtol=0, atol=1e-6)
        found.append(model.get_weights())
    for a, b in zip(*found, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("decay", [-0.1, 1, float("nan"), "a half", None])
def test_bad_decay(decay):
    message = f"decay must be a number in [0, 1), got {decay!r}"
    same_error(lambda f, a: panel(f, "averaging").ExponentialMovingAverage(decay), message)


def test_bad_arguments():
    a = np.ones((2, 3))

    def call(function, *args):
        return lambda f, ad: getattr(panel(f, "averaging"), function)(
            *(ad.tensor(x) if isinstance(x, np.ndarray) else x for x in args)
        )

    same_error(call("ema_update", a, a[:1], 0.5), "w must have shape (2, 3), got (1, 3)")
    same_error(
        call("swa_update", a, a.astype("float32"), 1),
        "w must have the dtype of average, float64, got float32",
    )
    same_error(call("swa_update", a, a, 0), "count must be an integer >= 1, got 0")
    same_error(call("StochasticWeightAveraging", -1), "start_epoch must be an integer >= 0, got -1")
    same_error(
        lambda f, ad: panel(f, "averaging").update_batch_norm("no model", ad.tensor(a)),
        "model must be a model of this panel, got 'no model'",
    )
