import numpy as np
import pytest

from parity_tests.panels import ADAPTERS, everywhere, panel, same_error
from triptych.common.datasets import Dataset
from triptych.common.history import History
from triptych.common.watchers import Run

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_mean_agrees(parity, dtype):
    grads = [[RNG.normal(size=shape).astype(dtype) for shape in [(3, 2), (2,)]] for _ in range(3)]

    def call(framework, adapter):
        mean = panel(framework, "gradient_accumulation").mean_gradients
        return mean([[adapter.tensor(g) for g in each] for each in grads])

    parity("gradient_accumulation", everywhere(call))


def dataset(examples=96):
    x = RNG.normal(size=(examples, 5))
    y = RNG.integers(0, 3, examples)
    return Dataset("points", x, y, x[:12], y[:12], x[:12], y[:12], 3)


def run(framework, data, **options):
    from triptych.common.recipes import Recipe

    settings = {"clip_norm": 0.25, "learning_rate": 0.05, "dtype": "float64", "epochs": 2}
    recipe = Recipe(input_shape=(5,), hidden=(4,), outputs=3, **settings | options)
    model = panel(framework, "models").mlp(recipe)
    history = panel(framework, "training").fit(model, recipe, data, progress=False)
    return history, ADAPTERS[framework].weights(model)


def test_runs_agree_and_equal_large_batches(parity):
    """Four batches of 12 are one of 48: in the weights, and in the norms before clipping."""
    data = dataset()
    small = everywhere(lambda f, a: run(f, data, batch_size=12, accumulate=4))
    large = everywhere(lambda f, a: run(f, data, batch_size=48))
    parity(
        "gradient_accumulation", {f: weights for f, (_, weights) in small.items()}, tolerance=1e-12
    )
    for framework, (history, weights) in small.items():
        assert len(history.gradient_norm) == 4
        np.testing.assert_allclose(
            history.gradient_norm, large[framework][0].gradient_norm, rtol=1e-12
        )
        for name, array in large[framework][1].items():
            np.testing.assert_allclose(weights[name], array, rtol=1e-12)


def test_sums_left_at_the_end_of_an_epoch_go_on(parity):
    data = dataset(60)  # five batches of 12, and a step for every two
    runs = everywhere(lambda f, a: run(f, data, batch_size=12, accumulate=2))
    parity(
        "gradient_accumulation", {f: weights for f, (_, weights) in runs.items()}, tolerance=1e-12
    )
    assert all(len(history.gradient_norm) == 5 for history, _ in runs.values())


def test_a_loop_of_ones_own():
    """As the docstrings show: scratch and PyTorch step once in three micro-batches."""
    torch_optimizers, scratch_optimizers = (panel(f, "optimizers") for f in ("torch", "scratch"))
    x, y = RNG.normal(size=(9, 2)), RNG.normal(size=(9, 1))
    dense = panel("scratch", "layers").Dense(2, 1, name="d", dtype="float64")
    adam = scratch_optimizers.Adam(0.25)
    accumulation = panel("scratch", "gradient_accumulation").GradientAccumulation(3)
    progress = Run(dense, adam, History("scratch"))
    for i in range(0, 9, 3):
        out = dense.forward(x[i : i + 3], training=True)
        dense.backward((out - y[i : i + 3]) * (2 / 3))
        progress.grads = dict(dense.grads)
        accumulation.after_gradients(progress)
        params = {name: dense.params[name] for name in progress.grads}
        adam.step(params, progress.grads)
    assert int(adam.state["step"]) == 1

    import torch

    layer = panel("torch", "layers").Dense(2, 1, name="d", dtype="float64")
    optimizer = torch_optimizers.Adam(layer.named_parameters(), 0.25)
    optimizer.zero_grad()
    (layer(torch.tensor(x)) - torch.tensor(y)).square().mean().backward()
    optimizer.step()
    np.testing.assert_allclose(dense.params["weight"], layer.weight.detach().numpy().T, rtol=1e-12)


@pytest.mark.parametrize("steps", [0, -1, 1.5, "two", None, True])
def test_bad_steps(steps):
    for framework in ("scratch", "torch"):
        with pytest.raises(ValueError, match="steps must be an integer >= 1, got"):
            panel(framework, "gradient_accumulation").GradientAccumulation(steps)


def test_bad_gradients():
    a = np.ones((2, 3))

    def mean(grads):
        return lambda f, ad: panel(f, "gradient_accumulation").mean_gradients(
            [[ad.tensor(g) for g in each] for each in grads]
        )

    same_error(mean([]), "grads must be a list of lists of arrays, got []")
    same_error(mean([[a], [a, a]]), "grads[1] must have 1 arrays, as grads[0], got 2")
    same_error(mean([[a], [a[:1]]]), "grads[1][0] must have shape (2, 3), got (1, 3)")
