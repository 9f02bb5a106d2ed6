import numpy as np
import pytest

from parity_tests.panels import ADAPTERS, everywhere, panel, same_error
from triptych.common.recipes import AugmentationRecipe, Recipe

RNG = np.random.default_rng(0)
scratch = panel("scratch", "uncertainty")
RECIPE = Recipe(
    input_shape=(6, 6, 1),
    channels=(3,),
    hidden=(8,),
    outputs=4,
    dropout=0.5,
    spatial_dropout=0.25,
    batch_norm=True,
    augmentation=AugmentationRecipe(rotation=10.0),
    dtype="float64",
)
IMAGES = RNG.random((5, 6, 6, 1))


def rows(*shape, dtype="float64"):
    exp = np.exp(3 * RNG.normal(size=shape)).astype(dtype)
    return exp / exp.sum(axis=-1, keepdims=True)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_measures_agree(parity, dtype):
    p = rows(7, 30, 4, dtype=dtype)
    p[:, 0] = [1, 0, 0, 0]  # certain
    labels = RNG.integers(0, 4, 30)

    def call(framework, adapter):
        module = panel(framework, "uncertainty")
        mean, y = adapter.tensor(p[0]), adapter.tensor(labels)
        found = module.reliability(mean, y, bins=6)
        return [
            *module.uncertainty(adapter.tensor(p)),
            found.confidence,
            found.accuracy,
            module.calibration_error(mean, y, bins=6),
        ]

    parity("uncertainty", everywhere(call))
    counts = everywhere(
        lambda f, a: a.numpy(
            panel(f, "uncertainty").reliability(a.tensor(p[0]), a.tensor(labels), bins=6).examples
        )
    )
    for count in counts.values():
        np.testing.assert_array_equal(count, counts["scratch"])
        assert count.sum() == 30


def test_bounds_and_limits():
    p = rows(50, 200, 5)
    found = scratch.uncertainty(p)
    assert (found.mutual_information > 0).all()
    assert (found.mutual_information < found.entropy).all()
    assert (found.entropy <= np.log(5)).all()
    alike = scratch.uncertainty(np.broadcast_to(p[:1], (9, 200, 5)).copy())
    np.testing.assert_allclose(alike.mutual_information, 0, atol=1e-14)
    np.testing.assert_allclose(alike.variance, 0, atol=1e-30)
    even = scratch.uncertainty(np.full((3, 2, 4), 0.25))
    np.testing.assert_allclose(even.entropy, np.log(4), rtol=1e-14)
    # Passes that are certain of different classes: all the doubt is about the model.
    torn = scratch.uncertainty(np.eye(2)[:, np.newaxis, :])
    np.testing.assert_allclose(torn.entropy, np.log(2), rtol=1e-14)
    np.testing.assert_allclose(torn.mutual_information, np.log(2), rtol=1e-14)


@pytest.mark.parametrize("framework", ADAPTERS)
def test_calibration_on_the_edges_of_bins(framework):
    """A confidence of b / bins belongs to the bin below it."""
    p = np.array([[0.5, 0.25, 0.25], [0.25, 0.75, 0.0], [1.0, 0.0, 0.0]])
    own, labels = ADAPTERS[framework], np.array([0, 0, 0])
    found = panel(framework, "uncertainty").reliability(own.tensor(p), own.tensor(labels), bins=4)
    np.testing.assert_array_equal(own.numpy(found.examples), [0, 1, 1, 1])
    np.testing.assert_array_equal(own.numpy(found.accuracy), [0, 1, 0, 1])


def test_calibration_by_hand():
    p = np.array([[0.9, 0.1], [0.8, 0.2], [0.4, 0.6], [0.3, 0.7]])
    labels = np.array([0, 1, 1, 1])
    found = scratch.reliability(p, labels, bins=2)
    np.testing.assert_array_equal(found.examples, [0, 4])
    assert found.confidence[1] == pytest.approx(0.75, rel=1e-15)
    assert found.accuracy[1] == 0.75
    assert scratch.calibration_error(p, labels, bins=2) == pytest.approx(0, abs=1e-15)
    expected = (abs(0 - 0.8) + abs(1 - 0.6) + abs(1 - 0.7) + abs(1 - 0.9)) / 4
    assert scratch.calibration_error(p, labels, bins=10) == pytest.approx(expected, rel=1e-14)


def test_labels_drawn_from_the_probabilities_are_calibrated():
    p = rows(40000, 3)
    labels = (RNG.random((40000, 1)) > p.cumsum(axis=1)).sum(axis=1)
    assert scratch.calibration_error(p, labels) < 0.01
    assert scratch.calibration_error(p, (labels + 1) % 3) > 0.3


def test_passes_agree_and_leave_the_model_as_it_was(parity):
    def passes(framework, adapter):
        model = panel(framework, "models").cnn(RECIPE)
        before = adapter.weights(model)
        first, second = (
            adapter.numpy(
                panel(framework, "uncertainty").monte_carlo(model, adapter.tensor(IMAGES), passes=4)
            )
            for _ in range(2)
        )
        np.testing.assert_array_equal(first, second)  # nothing was used up
        after = adapter.weights(model)
        for name, array in before.items():
            np.testing.assert_array_equal(after[name], array)
        plain = panel(framework, "training").predict(model, RECIPE, IMAGES)
        again = panel(framework, "training").predict(model, RECIPE, IMAGES)
        np.testing.assert_array_equal(plain, again)
        return first

    probabilities = everywhere(passes)
    parity("uncertainty", probabilities, tolerance=1e-12)
    found = probabilities["scratch"]
    assert found.shape == (4, 5, 4)
    assert len({found[t].tobytes() for t in range(4)}) == 4  # each pass drops others


def test_batch_norm_is_frozen_and_augmentation_off():
    """Without dropout every pass is inference."""
    from dataclasses import replace

    recipe = replace(RECIPE, dropout=0.0, spatial_dropout=0.0)
    for framework in ("scratch", "torch", "keras"):
        adapter = ADAPTERS[framework]
        model = panel(framework, "models").cnn(recipe)
        found = adapter.numpy(
            panel(framework, "uncertainty").monte_carlo(model, adapter.tensor(IMAGES), passes=3)
        )
        logits = panel(framework, "training").predict(model, recipe, IMAGES)
        exp = np.exp(logits - logits.max(axis=1, keepdims=True))
        for each in found:
            np.testing.assert_allclose(each, exp / exp.sum(axis=1, keepdims=True), rtol=1e-12)


def test_bare_layers_of_the_frameworks():
    """Entries of the map: monte-carlo-dropout, batch-norm-freeze."""
    import keras
    import torch

    torch.manual_seed(0)
    model = torch.nn.Sequential(
        torch.nn.Linear(3, 8), torch.nn.BatchNorm1d(8), torch.nn.Dropout(0.5), torch.nn.Linear(8, 2)
    )
    found = panel("torch", "uncertainty").monte_carlo(model, torch.randn(4, 3), passes=3)
    assert model.training
    assert model[1].num_batches_tracked == 0
    assert (found[0] != found[1]).any()
    layers = keras.layers
    model = keras.Sequential(
        [layers.Dense(8), layers.BatchNormalization(), layers.Dropout(0.5), layers.Dense(2)]
    )
    model(np.ones((4, 3), "float32"))
    mean = keras.ops.convert_to_numpy(model.layers[1].moving_mean)
    found = panel("keras", "uncertainty").monte_carlo(model, np.ones((4, 3), "float32"), passes=3)
    found = keras.ops.convert_to_numpy(found)
    assert (found[0] != found[1]).any()
    assert model.layers[1].trainable
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(model.layers[1].moving_mean), mean)


def test_bad_arguments():
    p, labels = rows(3, 4), np.array([0, 1, 3])

    def call(function, *args, **options):
        return lambda f, a: getattr(panel(f, "uncertainty"), function)(
            *(a.tensor(x) if isinstance(x, np.ndarray) else x for x in args), **options
        )

    same_error(call("uncertainty", p), "probabilities must have shape (T, N, C), got (3, 4)")
    same_error(
        call("reliability", p, labels + 1), "labels must lie in [0, 3], got labels from 1 to 4"
    )
    same_error(
        call("reliability", p, labels[:2]),
        "logits and labels must have equal counts, got 3 and 2",
    )
    same_error(call("calibration_error", p, labels, bins=0), "bins must be an integer >= 1, got 0")
    same_error(
        lambda f, a: panel(f, "uncertainty").monte_carlo(None, a.tensor(IMAGES)),
        "model must be a model of this panel, got None",
    )


@pytest.mark.once
def test_the_example_in_small(tmp_path, monkeypatch):
    """Every panel, on few turned digits: the figure, the table and the verdicts are written."""
    from typer.testing import CliRunner

    from examples import uncertainty
    from triptych.cli import app

    monkeypatch.setattr(uncertainty, "TEST", 20)
    options = "--dataset digits --epochs 1 --seeds 2 --passes 2 --no-progress --framework scratch"
    result = CliRunner().invoke(app, ["uncertainty", *options.split(), "--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "uncertainty.png").stat().st_size > 10_000
    for promise in ("entropy grows", "mutual information grows", "twice as often", "calibrated"):
        assert promise in " ".join(result.output.split())
