"""Whole runs: the same curve and the same weights from one recipe in the three frameworks."""

import os
import subprocess
import sys
from dataclasses import asdict, replace

import keras
import numpy as np
import pytest
import torch

from examples.mnist import RECIPES
from examples.xor import NETWORKS
from keras_impl.precision import floatx
from parity_tests.panels import ADAPTERS, PACKAGES, everywhere, panel, same_error
from triptych.common.datasets import Dataset, DatasetUnavailable, digits, mnist, noisy_xor, xor
from triptych.common.history import History
from triptych.common.recipes import (
    AugmentationRecipe,
    AveragingRecipe,
    EarlyStoppingRecipe,
    Recipe,
    ScheduleRecipe,
)
from triptych.common.watchers import Run, Watcher

SMALL = Recipe(
    input_shape=(2,),
    hidden=(8,),
    outputs=1,
    loss="binary",
    activation="tanh",
    learning_rate=0.03125,
    batch_size=7,
    passes_per_epoch=2,
    epochs=4,
    dtype="float64",
)


def run(
    recipe: Recipe,
    dataset: Dataset,
    model_name: str = "mlp",
    watchers=lambda framework: (),
    frameworks=tuple(ADAPTERS),
):
    """Train in each framework: histories, and the trained weights."""
    histories, weights = {}, {}
    for framework in frameworks:
        adapter = ADAPTERS[framework]
        model = getattr(panel(framework, "models"), model_name)(recipe)
        training = panel(framework, "training")
        histories[framework] = training.fit(
            model, recipe, dataset, progress=False, watchers=watchers(framework)
        )
        weights[framework] = adapter.weights(model)
    return histories, weights


def curves(histories):
    return {
        framework: {
            "step_loss": history.step_loss,
            "loss": history.loss,
            "validation_loss": history.validation_loss,
            "validation_accuracy": history.validation_accuracy,
            "learning_rate": history.learning_rate,
            "gradient_norm": history.gradient_norm or [0.0],
        }
        for framework, history in histories.items()
    }


@pytest.mark.parametrize("network", NETWORKS)
def test_xor_500_steps(parity, network):
    """Loss within 1e-12 and weights within 1e-10, absolutely as well as relatively."""
    histories, weights = run(NETWORKS[network], xor("float64"))
    assert len(histories["scratch"].step_loss) == 500
    # Adam divides by the size of the gradient, so a rounding error of a step is a rounding error of
    # the weights times learning_rate / |g|: 500 steps of it, not one sum, hence the bounds.
    parity("training, XOR", curves(histories), tolerance=1e-12)
    parity("training, XOR weights", weights, tolerance=1e-10)
    reference = histories["scratch"].step_loss
    for framework in histories:
        assert np.abs(np.subtract(histories[framework].step_loss, reference)).max() <= 1e-12
        for name, value in weights[framework].items():
            assert np.abs(value - weights["scratch"][name]).max() <= 1e-10, name


@pytest.mark.once
@pytest.mark.parametrize("framework", ["scratch", "torch"])
def test_a_step_of_xor_makes_few_checks(framework):
    """What a step has in common with the step before is not checked again."""

    def checks_of(passes):
        recipe = replace(NETWORKS["dropout, batch norm, L2"], epochs=1, passes_per_epoch=passes)
        model = panel(framework, "models").mlp(recipe)
        calls = 0

        def count(frame, event, argument):
            nonlocal calls
            code = frame.f_code
            calls += event == "call" and code.co_name.startswith("check_")

        sys.setprofile(count)
        try:
            panel(framework, "training").fit(model, recipe, xor("float64"), progress=False)
        finally:
            sys.setprofile(None)
        return calls

    checks_of(1)
    # Those that read values: the labels, their kind and their range, for the loss and its gradient.
    assert (checks_of(30) - checks_of(10)) / 20 <= 8


VARIANTS = {
    "sgd": {"optimizer": "sgd", "momentum": 0.5, "nesterov": True, "weight_decay": 0.125},
    "adamw, l1": {"optimizer": "adamw", "weight_decay": 0.25, "l1": 2.0**-10},
    "all": {
        "hidden": (8, 6),
        "activation": "sigmoid",
        "batch_norm": True,
        "dropout": 0.25,
        "l1": 2.0**-12,
        "l2": 2.0**-8,
        "drop_last": True,
        "early_stopping": EarlyStoppingRecipe(monitor="validation_accuracy", mode="max"),
    },
    "step": {"schedule": ScheduleRecipe(kind="step", factor=0.5), "clip_norm": 0.5},
    "exponential": {"schedule": ScheduleRecipe(kind="exponential", every=2), "clip_norm": 0.25},
    "cosine, sgd": {
        "optimizer": "sgd",
        "momentum": 0.5,
        "weight_decay": 0.125,
        "schedule": ScheduleRecipe(kind="cosine", warmup=1, floor=2.0**-10),
    },
    "plateau": {
        "epochs": 8,
        "learning_rate": 0.25,
        "schedule": ScheduleRecipe(kind="plateau", factor=0.5, patience=1, floor=2.0**-5),
        "early_stopping": EarlyStoppingRecipe(patience=6),
    },
    "label smoothing": {"loss": "softmax", "outputs": 2, "label_smoothing": 0.125, "l2": 2.0**-8},
    "mixup": {"loss": "softmax", "outputs": 2, "mixup": 0.5, "activation": "gelu"},
    "mixup, smoothing, class weights": {
        "loss": "softmax",
        "outputs": 2,
        "mixup": 0.5,
        "label_smoothing": 0.125,
        "class_weights": (0.5, 2.0),
        "activation": "selu",
    },
    "class weights": {
        "loss": "softmax",
        "outputs": 2,
        "class_weights": (0.5, 2.0),
        "activation": "leaky_relu",
    },
    "noise, clipped per unit": {
        "weight_noise": 0.125,
        "gradient_noise": 2.0**-6,
        "adaptive_clip": 0.0625,
        "max_norm": 1.0,
        "activation": "silu",
    },
    "noise and a constraint while gradients add up": {
        "weight_noise": 0.125,
        "accumulate": 2,
        "max_norm": 0.5,
    },
    "average, early stopping": {
        "averaging": AveragingRecipe(kind="ema", decay=0.75, warmup=True),
        "early_stopping": EarlyStoppingRecipe(patience=3),
        "epochs": 6,
    },
    "swa": {
        "batch_norm": True,
        "dropout": 0.25,
        "averaging": AveragingRecipe(kind="swa", start_epoch=1),
    },
    "rmsprop, multi-step, warm-up": {
        "optimizer": "rmsprop",
        "momentum": 0.5,
        "schedule": ScheduleRecipe(kind="multi_step", milestones=(1, 2), factor=0.5, warmup=1),
    },
    "amsgrad, polynomial": {
        "amsgrad": True,
        "schedule": ScheduleRecipe(kind="polynomial", power=2.0, floor=2.0**-10, warmup=1),
    },
    "layer-wise rates": {
        "hidden": (8, 6),
        "batch_norm": True,
        "layer_decay": 0.5,
        "optimizer": "adamw",
        "weight_decay": 0.125,
        "schedule": ScheduleRecipe(kind="plateau", factor=0.5, patience=1, floor=2.0**-5),
        "learning_rate": 0.25,
        "epochs": 8,
    },
    "warm restarts": {"schedule": ScheduleRecipe(kind="warm_restarts", t_mult=2)},
    "one cycle": {"schedule": ScheduleRecipe(kind="one_cycle")},
    "accumulation, step": {
        "accumulate": 2,
        "schedule": ScheduleRecipe(kind="step", factor=0.5),
    },
    "accumulation": {"accumulate": 3, "optimizer": "sgd", "momentum": 0.5, "weight_noise": 0.125},
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_option_of_a_recipe(parity, variant):
    recipe = replace(SMALL, **VARIANTS[variant])
    histories, weights = run(recipe, noisy_xor(30, 25, 20, seed=1, dtype="float64"))
    parity("training", curves(histories), tolerance=1e-12)
    parity("training, weights", weights, tolerance=1e-10)
    ends = {(h.epochs, h.best_epoch, h.stopped_early) for h in histories.values()}
    assert len(ends) == 1
    rates, norms = histories["scratch"].learning_rate, histories["scratch"].gradient_norm
    assert (len(set(rates)) == 1) == (recipe.schedule is None)
    assert len(norms) == (len(histories["scratch"].step_loss) if recipe.clips_gradients else 0)
    if recipe.clips_gradients:  # some are clipped, and some are not
        assert min(norms) < recipe.clip_norm < max(norms)


def test_early_stopping_ends_the_run_and_restores(parity):
    stopping = EarlyStoppingRecipe(patience=2, min_delta=0.0)
    recipe = replace(SMALL, epochs=40, learning_rate=0.25, early_stopping=stopping)
    dataset = noisy_xor(30, 25, 20, noise=0.5, seed=3, dtype="float64")
    histories, weights = run(recipe, dataset)
    history = histories["scratch"]
    assert history.stopped_early
    assert history.epochs == history.best_epoch + 3 < 40
    assert {h.best_epoch for h in histories.values()} == {history.best_epoch}
    parity("training", curves(histories), tolerance=1e-12)
    for framework, adapter in everywhere(lambda framework, adapter: adapter).items():
        model = panel(framework, "models").mlp(recipe)
        adapter.load(model, weights[framework])
        x, y = dataset.x_validation, dataset.y_validation
        loss, _ = panel(framework, "training").evaluate(model, recipe, x, y)
        assert loss == pytest.approx(min(history.validation_loss), rel=1e-12)


# Watchers, in loops of one's own and in ``fit``.


def own_scratch(model, recipe, data, make):
    training, losses = panel("scratch", "training"), panel("scratch", "losses")
    optimizer = panel("scratch", "optimizers").Adam(**recipe.optimizer_options())
    clipping, schedule, plateau, stopping = (make(name) for name in WATCHERS)
    own = Run(model, optimizer, History("own"))
    params = {name: layer.params[key] for name, layer, key in model.parameters()}
    step = 0
    for epoch in range(recipe.epochs):
        for batch in training.batches(recipe, len(data.x_train), epoch):
            logits = model.forward(data.x_train[batch], training=True)
            model.backward(losses.binary_cross_entropy_backward(logits, data.y_train[batch]))
            own.grads = {name: layer.grads[key] for name, layer, key in model.parameters()}
            clipping.after_gradients(own)
            if schedule:
                optimizer.learning_rate = schedule(step)
            optimizer.step(params, own.grads)
            step += 1
        loss, _ = training.evaluate(model, recipe, data.x_validation, data.y_validation)
        if plateau:
            plateau.update(epoch, loss, optimizer)
        if stopping.update(epoch, loss, model):
            break
    stopping.restore(model)
    return own.history.gradient_norm, stopping


def own_torch(model, recipe, data, make):
    training, losses = panel("torch", "training"), panel("torch", "losses")
    options = recipe.optimizer_options()
    optimizer = panel("torch", "optimizers").Adam(model.named_parameters(), **options)
    clipping, stopping = make("clipping"), make("stopping")
    schedule, plateau = make("schedule", optimizer), make("plateau", optimizer)
    own = Run(model, optimizer, History("own"))
    x, y = torch.from_numpy(data.x_train), torch.from_numpy(data.y_train)
    for epoch in range(recipe.epochs):
        model.train()
        for batch in training.batches(recipe, len(x), epoch):
            optimizer.zero_grad()
            losses.binary_cross_entropy(model(x[batch]), y[batch]).backward()
            clipping.after_gradients(own)
            optimizer.step()
            if schedule:
                schedule.step()
        loss, _ = training.evaluate(model, recipe, data.x_validation, data.y_validation)
        if plateau:
            plateau.step(loss)
        if stopping.update(epoch, loss, model):
            break
    stopping.restore(model)
    return own.history.gradient_norm, stopping


def own_keras(model, recipe, data, make):
    """Keras's own ``fit``; it gets the batches in our order from a generator."""
    training = panel("keras", "training")
    clipping, schedule, plateau, stopping = (make(name) for name in WATCHERS)
    options = recipe.optimizer_options() | {"global_clipnorm": recipe.clip_norm}
    if schedule:
        options["learning_rate"] = schedule

    def stream():
        for epoch in range(recipe.epochs):
            for batch in training.batches(recipe, len(data.x_train), epoch):
                yield data.x_train[batch], data.y_train[batch]

    with floatx(recipe.dtype):
        loss = keras.losses.BinaryCrossentropy(from_logits=True)
        model.compile(panel("keras", "optimizers").Adam(**options), loss=loss)
        model.fit(
            stream(),
            epochs=recipe.epochs,
            steps_per_epoch=recipe.steps_per_epoch(len(data.x_train)),
            shuffle=False,
            validation_data=(data.x_validation, data.y_validation),
            callbacks=[watcher for watcher in (clipping, plateau, stopping) if watcher],
            verbose=0,
        )
    return clipping.norms, stopping


OWN = {"scratch": own_scratch, "torch": own_torch, "keras": own_keras}
WATCHERS = ("clipping", "schedule", "plateau", "stopping")


@pytest.mark.parametrize("kind", ["cosine", "plateau"])
@pytest.mark.parametrize("framework", PACKAGES)
def test_a_loop_of_ones_own_gets_what_fit_gets(framework, kind):
    """Bit for bit: the watchers of a recipe, called as their docstrings show it."""
    schedule = ScheduleRecipe(kind=kind, factor=0.5, patience=1, warmup=int(kind == "cosine"))
    stopping = EarlyStoppingRecipe(patience=3)
    recipe = replace(
        SMALL,
        epochs=40,
        learning_rate=0.25,
        clip_norm=0.5,
        schedule=schedule,
        early_stopping=stopping,
    )
    data = noisy_xor(30, 25, 20, noise=0.5, seed=3, dtype="float64")

    def make(name, *args):
        clipping, schedules = panel(framework, "gradient_clipping"), panel(framework, "schedules")
        options = recipe.schedule_options(len(data.x_train))
        if name == "clipping" and framework == "keras":
            return clipping.GradientNorms()
        if name == "clipping":
            return clipping.GlobalNormClipping(recipe.clip_norm)
        if name == "stopping":
            return panel(framework, "early_stopping").EarlyStopping(**asdict(stopping))
        if name == "plateau":
            return schedules.ReduceOnPlateau(*args, **options) if kind == "plateau" else None
        return schedules.CosineDecay(*args, **options) if kind == "cosine" else None

    ours, own = (panel(framework, "models").mlp(recipe) for _ in range(2))
    history = panel(framework, "training").fit(ours, recipe, data, progress=False)
    norms, stopped = OWN[framework](own, recipe, data, make)
    assert history.stopped_early
    assert len(set(history.learning_rate)) > 2
    assert min(norms) < recipe.clip_norm < max(norms)
    assert norms == history.gradient_norm
    assert (stopped.best_epoch, stopped.stopped_epoch + 1) == (history.best_epoch, history.epochs)
    ours, own = ADAPTERS[framework].weights(ours), ADAPTERS[framework].weights(own)
    for name in ours:
        np.testing.assert_array_equal(own[name], ours[name], name)


class Recorder(Watcher):
    """What a run looks like at each moment; ``stop_after`` an epoch."""

    def __init__(self, stop_after=None):
        self.seen, self.stop_after = [], stop_after

    def see(self, moment, run):
        self.seen.append((moment, run.epoch, run.step, run.history.epochs))
        self.run = run

    def after_gradients(self, run):
        self.see("gradients", run)

    def after_step(self, run):
        self.see("step", run)

    def after_epoch(self, run):
        self.see("epoch", run)
        run.stop = run.epoch == self.stop_after

    def after_training(self, run):
        self.see("training", run)


class KerasRecorder(keras.callbacks.Callback):
    def __init__(self, stop_after=None):
        super().__init__()
        self.seen, self.stop_after, self.epoch, self.step = [], stop_after, 0, 0

    def see(self, moment):
        self.seen.append((moment, self.epoch, self.step, self.params["history"].epochs))

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_begin(self, batch, logs=None):
        assert batch == self.step % self.params["steps"]
        self.see("gradients")  # which are about to be known

    def on_train_batch_end(self, batch, logs=None):
        self.step += 1
        assert self.step == int(self.model.optimizer.iterations)
        assert logs["loss"] > 0
        self.see("step")

    def on_epoch_end(self, epoch, logs=None):
        assert logs["val_loss"] == self.params["history"].validation_loss[-1]
        assert {"loss", "val_accuracy"} < set(logs)
        self.see("epoch")
        self.model.stop_training = epoch == self.stop_after

    def on_train_end(self, logs=None):
        self.see("training")


@pytest.mark.parametrize("stop_after", [None, 1])
def test_the_moments_of_a_run(stop_after):
    recorders = {framework: [Recorder(stop_after)] for framework in ("scratch", "torch")}
    recorders["keras"] = [KerasRecorder(stop_after)]
    recipe = replace(SMALL, batch_size=15, passes_per_epoch=1, epochs=3)
    dataset = noisy_xor(30, 25, 20, dtype="float64")
    histories, _ = run(recipe, dataset, watchers=recorders.__getitem__)
    epochs, expected = 3 if stop_after is None else 2, []
    for epoch in range(epochs):
        for step in (2 * epoch, 2 * epoch + 1):
            expected += [("gradients", epoch, step, epoch), ("step", epoch, step + 1, epoch)]
        expected.append(("epoch", epoch, 2 * epoch + 2, epoch + 1))
    expected.append(("training", epochs - 1, 2 * epochs, epochs))
    for framework, (recorder,) in recorders.items():
        assert recorder.seen == expected, framework
        assert histories[framework].stopped_early == (stop_after is not None)
        assert histories[framework].epochs == epochs


def test_a_watcher_by_hand_is_that_of_the_recipe():
    rule = EarlyStoppingRecipe(patience=2)
    recipe = replace(SMALL, epochs=40, learning_rate=0.25)
    dataset = noisy_xor(30, 25, 20, noise=0.5, seed=3, dtype="float64")

    def by_hand(framework):
        return [panel(framework, "early_stopping").EarlyStopping(**asdict(rule))]

    found, weights = run(recipe, dataset, watchers=by_hand)
    expected, expected_weights = run(replace(recipe, early_stopping=rule), dataset)
    assert expected["scratch"].stopped_early
    for framework in PACKAGES:
        found[framework].seconds = expected[framework].seconds
        assert found[framework] == expected[framework]
        for name, array in weights[framework].items():
            np.testing.assert_array_equal(array, expected_weights[framework][name])


class Check(Watcher):
    """Comes after the recipe's own: it sees clipped gradients, and replaces them by none."""

    def after_gradients(self, run):
        norm = panel("scratch", "gradient_clipping").global_norm(list(run.grads.values()))
        assert norm <= 0.125 * (1 + 1e-12) < run.history.gradient_norm[-1]
        run.grads = {name: np.zeros_like(grad) for name, grad in run.grads.items()}

    def after_epoch(self, run):
        assert run.stop == (run.epoch == 1)


def test_the_users_watchers_come_after_those_of_the_recipe():
    rule = EarlyStoppingRecipe(patience=1)
    recipe = replace(SMALL, optimizer="sgd", clip_norm=0.125, early_stopping=rule)
    model = panel("scratch", "models").mlp(recipe)
    before, dataset = model.get_weights(), noisy_xor(30, 25, 20, dtype="float64")
    history = panel("scratch", "training").fit(
        model, recipe, dataset, progress=False, watchers=[Check()]
    )
    assert history.epochs == 2  # nothing is learned
    for name, array in model.get_weights().items():
        np.testing.assert_array_equal(array, before[name])


# Models of one's own, with a layer that nothing uses and one that is frozen.


class OwnScratch(panel("scratch", "layers").Sequential):
    """``unused`` has arrays, and no part in the pass."""

    def __init__(self, layers):
        super().__init__(layers)
        self.along = panel("scratch", "layers").Sequential(
            [layer for layer in layers if layer.name != "unused"]
        )

    def forward(self, x, *, training=False):
        return self.along.forward(x, training=training)

    def backward_parameters(self, grad):
        self.along.backward(grad)


class Frozen(Watcher):
    """In NumPy a parameter is frozen by taking its gradient away."""

    def after_gradients(self, run):
        run.grads = {n: grad for n, grad in run.grads.items() if not n.startswith("frozen")}


class OwnTorch(torch.nn.Module):
    def __init__(self, layers):
        super().__init__()
        for layer in layers:
            self.add_module(layer.name, layer)
        self.frozen.requires_grad_(False)

    def forward(self, x):
        return self.last(torch.tanh(self.frozen(torch.tanh(self.first(x)))))


class OwnKeras(keras.Model):
    def __init__(self, layers):
        super().__init__(dtype="float64")  # to which it casts what it is given
        self.unused, self.first, self.frozen, self.last = layers
        self.frozen.trainable = False

    def call(self, x, training=False):
        return self.last(keras.ops.tanh(self.frozen(keras.ops.tanh(self.first(x)))))


def own_model(framework, **options):
    layers = panel(framework, "layers")
    sizes = {"unused": (3, 3), "first": (2, 8), "frozen": (8, 8), "last": (8, 1)}
    made = {
        name: layers.Dense(*size, name=name, seed=1, dtype="float64", **options)
        for name, size in sizes.items()
    }
    if framework == "keras":
        model = OwnKeras(made.values())
        model(np.zeros((1, 2)))
        return model
    if framework == "torch":
        return OwnTorch(made.values())
    for name in ("first", "frozen"):
        made[name + "_tanh"] = layers.Tanh(name=name + "_tanh")
    order = ("unused", "first", "first_tanh", "frozen", "frozen_tanh", "last")
    return OwnScratch([made[name] for name in order])


@pytest.mark.filterwarnings("ignore:Gradients do not exist for variables:UserWarning")
@pytest.mark.parametrize(
    "options",
    [
        {"optimizer": "adam", "clip_norm": 0.25},
        {"optimizer": "sgd", "momentum": 0.5, "nesterov": True, "clip_norm": 0.25},
        {
            "optimizer": "adamw",
            "weight_decay": 0.125,
            "schedule": ScheduleRecipe(kind="plateau", patience=1),
            "early_stopping": EarlyStoppingRecipe(patience=3),
        },
    ],
)
def test_own_model_with_an_unused_and_a_frozen_layer(parity, options):
    recipe = replace(SMALL, **options)
    data = noisy_xor(30, 25, 20, seed=1, dtype="float64")
    histories, weights = {}, {}
    for framework, adapter in ADAPTERS.items():
        model, own = own_model(framework), recipe
        before = adapter.weights(model)
        watchers = [KerasRecorder() if framework == "keras" else Recorder()]
        if framework == "scratch":  # what is frozen there is so before the norm is taken
            clipping = panel("scratch", "gradient_clipping").GlobalNormClipping
            watchers = [Frozen(), *([clipping(recipe.clip_norm)] if recipe.clips_gradients else [])]
            own = replace(recipe, clip_norm=float("inf"))
        fit = panel(framework, "training").fit
        histories[framework] = fit(model, own, data, progress=False, watchers=watchers)
        weights[framework] = after = adapter.weights(model)
        for name, array in after.items():
            changed = (array != before[name]).any()
            if not name.startswith("unused") or adapter.name != "keras":
                assert changed == name.startswith(("first", "last")), (framework, name)
        # JAX has zeros where the others have no gradient, so weight decay still acts there.
        for key in [key for key in after if key.startswith("unused")]:
            del after[key]
    parity("training", curves(histories), tolerance=1e-12)
    parity("training, weights", weights, tolerance=1e-10)


@pytest.mark.filterwarnings("ignore:Gradients do not exist for variables:UserWarning")
def test_own_model_whose_unused_layer_is_penalized(parity):
    """The penalty is a loss too: it shrinks weights that nothing else has a use for."""
    recipe = replace(SMALL, l2=2.0**-4, optimizer="sgd")
    data = noisy_xor(30, 25, 20, seed=1, dtype="float64")
    histories, weights = {}, {}
    for framework, adapter in ADAPTERS.items():
        l2 = panel(framework, "penalties").L2(recipe.l2)
        model = own_model(framework, **({"kernel_regularizer": l2} if framework == "keras" else {}))
        if framework == "torch":
            model.frozen.requires_grad_(True)
        if framework == "keras":
            model.frozen.trainable = True
        fit = panel(framework, "training").fit
        histories[framework] = fit(model, recipe, data, progress=False)
        weights[framework] = adapter.weights(model)
    parity("training", curves(histories), tolerance=1e-12)
    parity("training, weights", weights, tolerance=1e-10)


def test_own_layer_that_one_step_uses_and_the_next_does_not():
    """Its gradients from the step before are no gradients of this one."""
    data = noisy_xor(30, 25, 20, seed=1, dtype="float64")
    recipe = replace(SMALL, optimizer="sgd", batch_size=30, passes_per_epoch=1, epochs=2)
    seen = []

    class Sometimes(Watcher):
        def after_gradients(self, run):
            seen.append(sorted(run.grads))
            run.model.along.layers = run.model.along.layers[-1:]

    layers = panel("scratch", "layers")
    sizes = {"a": (2, 2), "b": (2, 1)}
    model = OwnScratch(
        [layers.Dense(*size, name=name, dtype="float64") for name, size in sizes.items()]
    )
    panel("scratch", "training").fit(model, recipe, data, progress=False, watchers=[Sometimes()])
    assert seen == [["a.bias", "a.weight", "b.bias", "b.weight"], ["b.bias", "b.weight"]]


@pytest.mark.once
def test_a_step_leaves_out_gradients_that_are_none():
    model = own_model("torch")
    found = ADAPTERS["torch"].step(model, np.ones((3, 2)), np.ones((3, 1)))
    gradients = {"x", "first.weight", "first.bias", "last.weight", "last.bias"}
    assert set(found) == {"output", *(f"gradient.{name}" for name in gradients)}


@pytest.mark.once
def test_frozen_weights_have_no_penalty():
    model = own_model("torch")
    penalties = panel("torch", "penalties")
    assert list(penalties.penalized(model)) == ["unused.weight", "first.weight", "last.weight"]


def test_bad_watchers():
    def fit(watchers):
        def call(framework, adapter):
            model = panel(framework, "models").mlp(SMALL)
            data = noisy_xor(30, 25, 20, dtype="float64")
            panel(framework, "training").fit(model, SMALL, data, progress=False, watchers=watchers)

        return call

    same_error(fit(3), "watchers must be a list of watchers, got 3")
    message = "watchers[0] must be a Watcher (in Keras a Callback), got 'early stopping'"
    same_error(fit(["early stopping"]), message)


def test_float32_agrees_until_rounding_has_grown(parity):
    """A few steps: each adds a rounding error, and the next ones carry it on."""
    recipe = replace(SMALL, dtype="float32", batch_norm=True, dropout=0.25, epochs=1)
    histories, weights = run(recipe, noisy_xor(30, 25, 20, seed=2))
    steps = len(histories["scratch"].step_loss)
    bound = 2 * steps * 8 * np.finfo(np.float32).eps
    for framework, history in histories.items():
        gap = np.abs(np.subtract(history.step_loss, histories["scratch"].step_loss))
        assert gap.max() <= bound, framework
        assert all(value.dtype in (np.float32, np.int64) for value in weights[framework].values())


def test_digits_with_augmentation(parity):
    recipe = Recipe(
        input_shape=(8, 8, 1),
        hidden=(32,),
        outputs=10,
        learning_rate=2.0**-6,
        dropout=0.25,
        batch_norm=True,
        l2=2.0**-12,
        batch_size=64,
        augmentation=AugmentationRecipe(rotation=10.0, translation=0.125, zoom=0.125, noise=0.125),
        passes_per_epoch=2,
        epochs=2,
        dtype="float64",
    )
    histories, weights = run(recipe, digits("float64"))
    assert histories["scratch"].validation_accuracy[-1] > 0.5
    parity("training, digits", curves(histories), tolerance=1e-12)
    parity("training, digits weights", weights, tolerance=1e-10)


PIPELINE = Recipe(
    input_shape=(8, 8, 1),
    channels=(3, 4),
    hidden=(6,),
    outputs=10,
    label_smoothing=0.125,
    spatial_dropout=0.25,
    stochastic_depth=0.5,
    dropout=0.25,
    batch_norm=True,
    optimizer="adamw",
    weight_decay=0.125,
    learning_rate=2.0**-6,
    schedule=ScheduleRecipe(kind="cosine", warmup=1),
    clip_norm=2.0,
    early_stopping=EarlyStoppingRecipe(patience=1),
    batch_size=64,
    augmentation=AugmentationRecipe(rotation=10.0, translation=0.125),
    epochs=2,
    dtype="float64",
)


@pytest.mark.parametrize("model", ["cnn", "resnet"])
def test_convolutions_with_everything_on(parity, model):
    recipe = replace(PIPELINE, blocks=2 if model == "resnet" else 1)
    data = digits("float64")
    data = replace(data, x_train=data.x_train[:600], y_train=data.y_train[:600])
    histories, weights = run(recipe, data, model)
    parity(f"training, {model}", curves(histories), tolerance=1e-12)
    parity(f"training, {model} weights", weights, tolerance=1e-10)


@pytest.mark.parametrize("model", ["cnn", "resnet"])
def test_convolutions_without_batch_norm(parity, model):
    """Then they have biases; and images that no stride divides."""
    off = {"batch_norm": False, "spatial_dropout": 0.0, "stochastic_depth": 0.0, "dropout": 0.0}
    recipe = replace(PIPELINE, **off, augmentation=None, schedule=None, epochs=1, l1=2.0**-10)
    recipe = replace(recipe, input_shape=(7, 5, 1), optimizer="sgd", weight_decay=0.0)
    data = digits("float64")
    splits = {name: getattr(data, name)[:100, :7, 1:6] for name in ("x_train", "x_validation")}
    labels = {name: getattr(data, name)[:100] for name in ("y_train", "y_validation")}
    histories, weights = run(recipe, replace(data, **splits, **labels), model)
    assert "conv_1.bias" in weights["scratch"] or "residual_1.conv_1a.bias" in weights["scratch"]
    parity(f"training, {model}", curves(histories), tolerance=1e-12)
    parity(f"training, {model} weights", weights, tolerance=1e-10)


def test_what_the_models_are_made_of():
    cnn = {"conv_1.weight": (3, 3, 1, 3), "conv_2.weight": (3, 3, 3, 4), "dense_3.weight": (16, 6)}
    resnet = {
        "conv_0.weight": (3, 3, 1, 3),
        "residual_1.conv_1a.weight": (3, 3, 3, 3),
        "residual_2.conv_2a.weight": (3, 3, 3, 4),
        "residual_2.conv_2b.weight": (3, 3, 4, 4),
        "residual_2.conv_2c.weight": (1, 1, 3, 4),
        "residual_2.stochastic_depth_2.step": (),
        "dense_3.weight": (4, 6),
    }
    for name, expected in (("cnn", cnn), ("resnet", resnet)):
        weights = {
            framework: adapter.weights(getattr(panel(framework, "models"), name)(PIPELINE))
            for framework, adapter in everywhere(lambda framework, adapter: adapter).items()
        }
        for framework in weights:
            shapes = {key: array.shape for key, array in weights[framework].items()}
            assert shapes == {key: array.shape for key, array in weights["scratch"].items()}
            assert expected.items() <= shapes.items()
            assert not any(key.startswith("conv") and key.endswith("bias") for key in shapes)
            for key, array in weights[framework].items():
                np.testing.assert_array_equal(array, weights["scratch"][key])
    for model in ("cnn", "resnet"):
        same_error(
            lambda f, a, model=model: getattr(panel(f, "models"), model)(
                replace(PIPELINE, channels=())
            ),
            "channels must count the feature maps of a stage at least, got ()",
        )


def load_mnist(images: int) -> Dataset:
    try:
        data = mnist("float64", download=False)
    except DatasetUnavailable as error:
        pytest.skip(str(error))
    return replace(
        data,
        x_train=data.x_train[:images],
        y_train=data.y_train[:images],
        x_validation=data.x_validation[:500],
        y_validation=data.y_validation[:500],
    )


@pytest.mark.once  # what three frameworks need for these many steps
@pytest.mark.parametrize(("model", "batch", "steps"), [("mlp", 128, 100), ("cnn", 32, 100)])
def test_mnist_in_float64(parity, model, batch, steps):
    """The example's networks, everything on: the loss curves within 1e-10."""
    data = load_mnist(batch * steps)
    schedule = ScheduleRecipe(kind="cosine")
    recipe = replace(RECIPES[model], dtype="float64", batch_size=batch, epochs=1, schedule=schedule)
    histories, _ = run(recipe, data, model)
    assert len(histories["scratch"].step_loss) == steps
    assert histories["scratch"].validation_accuracy[-1] > 0.85
    parity(f"training, MNIST {model}", curves(histories), tolerance=1e-10)
    reference = histories["scratch"].step_loss
    for history in histories.values():
        assert np.abs(np.subtract(history.step_loss, reference)).max() <= 1e-10


EIGHT = {
    "mixup": 0.25,
    "cutmix": 1.0,
    "weight_noise": 2.0**-6,
    "max_norm": 1.0,
    "averaging": AveragingRecipe(kind="ema", decay=0.875, warmup=True),
    "adaptive_clip": 0.0625,
    "rand_augment": 2,
    "class_weights": tuple(0.5 + digit / 8 for digit in range(10)),
}


@pytest.mark.once
def test_mnist_with_eight_techniques_more(parity):
    """Mixup, CutMix, noise on the weights, max-norm, a moving average, adaptive clipping,
    RandAugment and class weights, all at once: the curves of 100 steps within 1e-9.
    """
    recipe = replace(
        RECIPES["mlp"],
        dtype="float64",
        batch_size=64,
        epochs=2,
        schedule=ScheduleRecipe(kind="cosine"),
        **EIGHT,
    )
    histories, _ = run(recipe, load_mnist(64 * 50), "mlp")
    reference = histories["scratch"].step_loss
    assert len(reference) == 100
    parity("training, MNIST with eight more", curves(histories), tolerance=1e-9)
    for history in histories.values():
        assert np.abs(np.subtract(history.step_loss, reference)).max() <= 1e-9
    # Each of them takes part: without it the run is another.
    few = load_mnist(64 * 3)
    whole = run(replace(recipe, epochs=1), few, "mlp", frameworks=("scratch",))[0]["scratch"]
    for name in EIGHT:
        without = replace(recipe, epochs=1, **{name: getattr(RECIPES["mlp"], name)})
        history = run(without, few, "mlp", frameworks=("scratch",))[0]["scratch"]
        assert history.step_loss + history.validation_loss != (
            whole.step_loss + whole.validation_loss
        ), name


@pytest.mark.once
@pytest.mark.parametrize("network", NETWORKS)
def test_xor_is_solved_with_every_seed(network):
    """100 seeds in NumPy; the other panels follow its curve, as is measured above."""
    dataset, training = xor("float64"), panel("scratch", "training")
    for seed in range(100):
        recipe = replace(NETWORKS[network], seed=seed)
        model = panel("scratch", "models").mlp(recipe)
        training.fit(model, recipe, dataset, progress=False)
        _, accuracy = training.evaluate(model, recipe, dataset.x_test, dataset.y_test)
        assert accuracy == 1, seed


def test_batches_are_the_same_and_visit_everything_once():
    recipe = replace(SMALL, batch_size=8, passes_per_epoch=3, seed=5)
    found = {
        framework: [np.asarray(b) for b in panel(framework, "training").batches(recipe, 30, 2)]
        for framework in ("scratch", "torch", "keras")
    }
    for batches in found.values():
        assert [len(b) for b in batches] == [8, 8, 8, 6] * 3
        for visit in range(3):
            seen = np.concatenate(batches[4 * visit : 4 * visit + 4])
            assert sorted(seen) == list(range(30))
        for ours, theirs in zip(batches, found["scratch"], strict=True):
            np.testing.assert_array_equal(ours, theirs)
    assert (found["scratch"][0] != found["scratch"][4]).any()


def test_fit_leaves_the_data_alone():
    dataset = noisy_xor(30, 25, 20, dtype="float64")
    before = dataset.x_train.copy(), dataset.y_train.copy()
    run(replace(SMALL, epochs=1), dataset)
    np.testing.assert_array_equal(dataset.x_train, before[0])
    np.testing.assert_array_equal(dataset.y_train, before[1])


def test_bad_batches():
    def train(framework, adapter):
        recipe = replace(SMALL, batch_size=64, drop_last=True)
        model = panel(framework, "models").mlp(recipe)
        panel(framework, "training").fit(model, recipe, noisy_xor(30, 25, 20), progress=False)

    message = "batch_size must be at most the number of training examples (30) with drop_last, "
    same_error(train, message + "got 64")


def test_what_a_model_cannot_learn_or_predict():
    labels = noisy_xor(30, 25, 20, dtype="float64")
    three = Dataset(
        "three", *[labels.x_train, labels.y_train % 2 + np.arange(30) % 2] * 3, classes=3
    )
    bytes_ = (labels.x_train * 9).astype(np.uint8)
    integers = Dataset("integers", *[bytes_, labels.y_train] * 3, classes=2)
    wide = np.zeros((30, 3))

    def fit(dataset):
        def call(framework, adapter):
            model = panel(framework, "models").mlp(SMALL)
            panel(framework, "training").fit(model, SMALL, dataset, progress=False)

        return call

    def predict(x):
        def call(framework, adapter):
            model = panel(framework, "models").mlp(SMALL)
            panel(framework, "training").predict(model, SMALL, x)

        return call

    same_error(fit(three), "labels must lie in [0, 1], got labels from 0 to 2")
    for call in (fit(integers), predict(bytes_)):
        same_error(call, "x must be floating point, got uint8")
    same_error(predict(wide), "x must have shape (None, 2), got (30, 3)")
    same_error(predict(wide[:0, :2]), "x must hold at least one row, got shape (0, 2)")


def test_fit_leaves_the_global_generators_alone():
    """In the two panels whose loops are ours; Keras's own ``fit`` takes a seed on PyTorch."""
    before = torch.get_rng_state()
    numpy_before = np.random.get_state()[1].copy()  # noqa: NPY002
    recipe = replace(SMALL, epochs=1, dropout=0.25)
    for framework in ("scratch", "torch"):
        model = panel(framework, "models").mlp(recipe)
        dataset = noisy_xor(30, 25, 20, dtype="float64")
        panel(framework, "training").fit(model, recipe, dataset, progress=False)
    assert torch.equal(torch.get_rng_state(), before)
    assert (np.random.get_state()[1] == numpy_before).all()  # noqa: NPY002


@pytest.mark.once
@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_float64_without_being_told(backend):
    """A fresh process, where nothing has switched float64 on in Keras yet.

    Layers made by hand say once what they will do; the models of a recipe switch it on.
    """
    program = """
import warnings
import numpy as np
from triptych.panels import panel
from parity_tests.test_training import SMALL
layers = panel("keras", "layers")
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    assert layers.Dense(3, 2).dtype == "float32"
    assert not caught, caught
    made = [layers.Dense(3, 2, dtype="float64") for _ in range(2)]
said = [str(warning.message) for warning in caught]
assert len(said) == (BACKEND != "tensorflow"), said
assert all(f"Keras on {BACKEND} rounds float64 to float32: call" in text for text in said), said
x = np.random.default_rng(0).normal(size=(5, 2))
logits = [panel(f, "training").predict(panel(f, "models").mlp(SMALL), SMALL, x) for f in FRAMEWORKS]
assert logits[1].dtype == np.float64
assert np.abs(logits[0] - logits[1]).max() < 1e-15, np.abs(logits[0] - logits[1]).max()
"""
    program = program.replace("FRAMEWORKS", "('scratch', 'keras')")
    program = program.replace("BACKEND", repr(backend))
    environment = os.environ | {"KERAS_BACKEND": backend}
    subprocess.run([sys.executable, "-c", program], check=True, env=environment)
