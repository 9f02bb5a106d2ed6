import numpy as np
import pytest

from parity_tests.panels import ADAPTERS, everywhere, panel, same_error
from triptych.common.datasets import xor
from triptych.common.recipes import Recipe
from triptych.common.watchers import Watcher

RNG = np.random.default_rng(0)
SETTINGS = {
    "input_shape": (2,),
    "hidden": (5,),
    "outputs": 1,
    "loss": "binary",
    "batch_size": 16,
    "passes_per_epoch": 2,
    "epochs": 2,
    "learning_rate": 0.05,
    "dtype": "float64",
}
scratch = panel("scratch", "training_noise")


def run(framework, watchers=(), **options):
    recipe = Recipe(**SETTINGS | options)
    model = panel(framework, "models").mlp(recipe)
    history = panel(framework, "training").fit(
        model, recipe, xor("float64"), progress=False, watchers=watchers
    )
    return [np.array(history.step_loss), ADAPTERS[framework].weights(model)]


@pytest.mark.parametrize(
    "options",
    [
        {"weight_noise": 0.25},
        {"gradient_noise": 0.125},
        {"weight_noise": 0.25, "gradient_noise": 0.125, "clip_norm": 0.25, "accumulate": 2},
        {"weight_noise": 0.25, "optimizer": "adamw", "weight_decay": 0.125},
    ],
)
def test_runs_agree(parity, options):
    noisy = everywhere(lambda f, a: run(f, **options))
    parity("training_noise", noisy, tolerance=1e-12)
    plain = {k: v for k, v in options.items() if "noise" not in k}
    assert np.abs(noisy["scratch"][0] - run("scratch", **plain)[0]).max() > 1e-3


def test_a_step_leaves_no_noise_behind():
    """With a rate of next to nothing, the weights stay what they were."""
    for framework in ("scratch", "torch", "keras"):
        recipe = Recipe(**SETTINGS)
        before = ADAPTERS[framework].weights(panel(framework, "models").mlp(recipe))
        after = run(framework, weight_noise=0.5, learning_rate=1e-30, optimizer="sgd")[1]
        for name, array in before.items():
            np.testing.assert_allclose(after[name], array, rtol=0, atol=1e-28)


class Seen(Watcher):
    """The weights during the pass, and the gradients after it."""

    def __init__(self):
        self.weights, self.grads = [], []

    def before_step(self, run):
        self.weights.append({n: a.copy() for n, a in run.model.get_weights().items()})

    def after_gradients(self, run):
        self.grads.append({n: g.copy() for n, g in run.grads.items()})


def test_weights_have_the_noise_and_biases_none():
    noise, seen, clean = scratch.WeightNoise(0.5, seed=1), Seen(), Seen()
    run("scratch", [clean, noise, seen], optimizer="sgd", learning_rate=1e-30)
    moved = [
        noisy["dense_1.weight"] - plain["dense_1.weight"]
        for noisy, plain in zip(seen.weights, clean.weights, strict=True)
    ]
    assert len({array.tobytes() for array in moved}) == len(moved)  # drawn anew for each step
    assert 0.35 < np.std(moved) < 0.65
    for noisy, plain in zip(seen.weights, clean.weights, strict=True):
        np.testing.assert_array_equal(noisy["dense_1.bias"], plain["dense_1.bias"])


def test_gradient_noise_anneals():
    noise = scratch.GradientNoise(0.5, gamma=0.55)
    zeros = [np.zeros((300, 200)), np.zeros(1000)]
    for step in (0, 1, 99):
        noisy = noise.add(zeros, step)
        assert np.std(noisy[0]) == pytest.approx(np.sqrt(0.5 / (1 + step) ** 0.55), rel=0.01)
        assert abs(noisy[0].mean()) < 0.01
    a, b = noise.add([np.zeros(1000), np.zeros(1000)], 0)
    assert abs(np.corrcoef(a, b)[0, 1]) < 0.1


def test_layouts_draw_alike():
    """A dense layer's and a convolution's noise is the same, whatever the layout."""
    import torch

    ours = scratch.GradientNoise(1.0).add([np.zeros((3, 2)), np.zeros((3, 3, 2, 4))], 5)
    theirs = (
        panel("torch", "training_noise")
        .GradientNoise(1.0)
        .add(
            [torch.zeros(2, 3, dtype=torch.float64), torch.zeros(4, 2, 3, 3, dtype=torch.float64)],
            5,
        )
    )
    np.testing.assert_array_equal(theirs[0].numpy().T, ours[0])
    np.testing.assert_array_equal(theirs[1].numpy().transpose(2, 3, 1, 0), ours[1])


def test_keras_in_model_fit_saved_and_loaded(tmp_path):
    """Both as the docstrings show, in a graph; the optimizer keeps them when it is saved."""
    import keras

    noise = panel("keras", "training_noise")
    x, y = RNG.normal(size=(32, 2)), RNG.normal(size=(32, 1))
    transforms = [noise.WeightNoise(0.5, name="w"), noise.GradientNoise(0.25, name="g")]
    model = keras.Sequential([panel("keras", "layers").Dense(2, 1, name="d")])
    model.compile(panel("keras", "optimizers").SGD(1e-30, transforms=transforms), "mse")
    before = model.get_weights()
    model.fit(x, y, epochs=2, batch_size=8, verbose=0, callbacks=transforms[:1])
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-28)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    kinds = [type(transform).__name__ for transform in loaded.optimizer.transforms]
    assert kinds == ["WeightNoise", "GradientNoise"]
    assert loaded.optimizer.transforms[0].stddev == 0.5
    loaded.fit(x, y, verbose=0, callbacks=loaded.optimizer.transforms[:1])


@pytest.mark.parametrize("value", [0, -1.0, float("nan"), float("inf"), "a half", None])
def test_bad_numbers(value):
    message = f"stddev must be a number in (0, inf), got {value!r}"
    same_error(lambda f, a: panel(f, "training_noise").WeightNoise(value), message)
    message = f"eta must be a number in (0, inf), got {value!r}"
    same_error(lambda f, a: panel(f, "training_noise").GradientNoise(value), message)
    if value != 0:
        message = f"gamma must be a number in [0, inf), got {value!r}"
        same_error(lambda f, a: panel(f, "training_noise").GradientNoise(gamma=value), message)
