"""The two models of sequences of words: whole runs, weights that travel, what a recipe refuses."""

from dataclasses import replace

import numpy as np
import pytest

from parity_tests.panels import ADAPTERS, PACKAGES, panel, same_error
from parity_tests.test_training import curves, run
from triptych.common.datasets import Dataset, DatasetUnavailable, sentiment
from triptych.common.recipes import Recipe
from triptych.common.text import lengths_of
from triptych.weights import canonical, load, save

STEPS, WORDS = 12, 9
MODELS = ["recurrent", "transformer"]

# Everything on that one of the two models has.
RECIPE = Recipe(
    input_shape=(STEPS,),
    vocabulary=WORDS,
    width=8,
    heads=2,
    blocks=2,
    recurrent=(6, 5),
    bidirectional=True,
    hidden=(6,),
    outputs=2,
    activation="gelu",
    dropout=0.25,
    embedding_dropout=0.125,
    attention_dropout=0.125,
    recurrent_dropout=0.25,
    zoneout=0.125,
    stochastic_depth=0.25,
    label_smoothing=0.125,
    l2=0.001,
    weight_decay=0.03125,
    clip_norm=0.25,
    optimizer="adamw",
    learning_rate=0.0078125,
    batch_size=16,
    passes_per_epoch=5,
    epochs=5,
    dtype="float64",
)


def draw(count, seed):
    """Sequences of 1 to STEPS words, padded with 0; 1 where most words are below 4."""
    rng = np.random.default_rng(seed)
    x = rng.integers(1, WORDS, (count, STEPS))
    x[np.arange(STEPS) >= rng.integers(1, STEPS + 1, (count, 1))] = 0
    small = ((x > 0) & (x < 4)).sum(axis=1)
    return x, (2 * small > (x > 0).sum(axis=1)).astype(np.int64)


DATA = Dataset("words", *draw(64, 0), *draw(32, 1), *draw(32, 2), classes=2)


@pytest.mark.parametrize("model", MODELS)
def test_100_steps_with_everything_on(parity, model):
    """The curves differ by 1e-9 at most, and each regularizer takes part in them."""
    histories, weights = run(RECIPE, DATA, model)
    assert len(histories["scratch"].step_loss) == 100
    parity("training, sequences", curves(histories), tolerance=1e-9)
    parity("training, sequences", weights, tolerance=1e-9)
    assert histories["scratch"].step_loss[-1] < 0.8 * histories["scratch"].step_loss[0]


@pytest.mark.once  # JAX takes minutes to compile 16 steps
@pytest.mark.parametrize("model", MODELS)
def test_100_steps_on_the_reviews(parity, model):
    try:
        data = sentiment(16, download=False)
    except DatasetUnavailable as error:
        pytest.skip(str(error))
    recipe = replace(
        RECIPE,
        input_shape=data.x_train.shape[1:],
        vocabulary=len(data.vocabulary),
        batch_size=64,
        passes_per_epoch=1,
    )
    histories, weights = run(recipe, data, model)
    assert len(histories["scratch"].step_loss) == 105
    parity("training, reviews", curves(histories), tolerance=1e-9)
    parity("training, reviews", weights, tolerance=1e-9)


COMMON = ["dropout", "embedding_dropout", "label_smoothing", "l2", "weight_decay", "clip_norm"]
OWN = {
    "recurrent": ["recurrent_dropout", "zoneout", "bidirectional", "recurrent", "width"],
    "transformer": ["attention_dropout", "stochastic_depth", "positions", "blocks", "heads"],
}
OFF = {"optimizer": "adam", "clip_norm": np.inf, "bidirectional": False, "recurrent": (6,)}
OFF |= {"positions": "learned", "blocks": 1, "heads": 4, "width": 4}


@pytest.mark.once
@pytest.mark.parametrize(
    ("model", "field"), [(model, field) for model in MODELS for field in COMMON + OWN[model]]
)
def test_each_takes_part(model, field):
    """Without it the run is another."""
    found = []
    off = {"optimizer": "adam"} if field == "weight_decay" else {}
    for options in ({}, off | {field: OFF.get(field, 0.0)}):
        recipe = replace(RECIPE, epochs=1, **options)
        histories, _ = run(recipe, DATA, model, frameworks=["scratch"])
        found.append(histories["scratch"].step_loss)
    assert np.abs(np.subtract(*found)).max() > 1e-4


@pytest.mark.once  # only TensorFlow has sparse gradients
@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop", "adam"])
def test_nothing_on(parity, optimizer):
    """Nothing then makes the gradient of the table dense, which lists a repeated word twice."""
    plain = Recipe(
        input_shape=(STEPS,),
        vocabulary=WORDS,
        width=4,
        heads=2,
        hidden=(),
        outputs=2,
        optimizer=optimizer,
        learning_rate=0.0078125,
        batch_size=16,
        epochs=1,
        dtype="float64",
    )
    parity("training, sequences", curves(run(plain, DATA, "transformer")[0]), tolerance=1e-12)


@pytest.mark.once  # test_recurrent has them on every backend
@pytest.mark.parametrize("cell", ["rnn", "gru"])
def test_other_cells(parity, cell):
    recipe = replace(RECIPE, cell=cell, epochs=1)
    parity("training, sequences", curves(run(recipe, DATA, "recurrent")[0]), tolerance=1e-9)


def test_learned_positions(parity):
    recipe = replace(RECIPE, positions="learned", epochs=1, max_norm=2.0, adaptive_clip=0.125)
    parity("training, sequences", curves(run(recipe, DATA, "transformer")[0]), tolerance=1e-9)


@pytest.mark.once  # other backends compile each number of steps anew, for minutes
@pytest.mark.parametrize("model", MODELS)
def test_by_length(parity, model):
    """The batches are of other sequences, and shorter: the three still see the same."""
    small = {"epochs": 1, "passes_per_epoch": 1, "blocks": 1, "recurrent": (4,)}
    recipe = replace(RECIPE, by_length=True, input_shape=(STEPS + 8,), **small)
    longer = [np.pad(x, ((0, 0), (0, 8))) for x in (DATA.x_train, DATA.x_validation, DATA.x_test)]
    data = replace(DATA, x_train=longer[0], x_validation=longer[1], x_test=longer[2])
    histories, _ = run(recipe, data, model)
    parity("training, sequences", curves(histories), tolerance=1e-9)
    plain, _ = run(replace(recipe, by_length=False), data, model, frameworks=["scratch"])
    seen = [h["scratch"].step_loss for h in (histories, plain)]
    assert np.abs(np.subtract(*seen)).max() > 1e-3


def test_batches_by_length():
    """Each example once, those of like length together, the same in the three."""
    sizes = lengths_of(DATA.x_train)
    recipe = replace(RECIPE, batch_size=8)
    for framework in PACKAGES:
        found = panel(framework, "training").batches(recipe, 64, 1, sizes)
        found = np.array([ADAPTERS[framework].numpy(batch) for batch in found]).reshape(5, 8, 8)
        for visit in found:
            assert sorted(visit.ravel()) == list(range(64))
            spread = sizes[visit].max(axis=1) - sizes[visit].min(axis=1)
            assert spread.mean() < 3
        if framework == "scratch":
            expected = found
        np.testing.assert_array_equal(found, expected)


def logits(framework, model, x):
    if framework == "scratch":
        return model(x)
    if framework == "torch":
        model.eval()
    adapter = ADAPTERS[framework]
    return adapter.numpy(model(adapter.tensor(x)))


@pytest.mark.parametrize("model", MODELS)
def test_nine_directions(parity, tmp_path, model):
    """From each of three, into each of three: the same numbers in inference."""
    recipe = replace(RECIPE, epochs=1, passes_per_epoch=1)

    def build(framework, seed=0):
        return getattr(panel(framework, "models"), model)(replace(recipe, seed=seed))

    x = draw(7, 5)[0]
    targets = {framework: build(framework, seed=7) for framework in PACKAGES}
    for source in PACKAGES:
        trained = build(source)
        panel(source, "training").fit(trained, recipe, DATA, progress=False)
        weights, expected = canonical(trained), logits(source, trained, x)
        for key, array in canonical(build(source)).items():
            # What does not travel would show; the biases of keys shift all scores of a row alike.
            assert (array != weights[key]).any(), key
        save(trained, tmp_path / source)
        found = {}
        for framework, target in targets.items():
            load(target, tmp_path / source)
            assert canonical(target).keys() == weights.keys()
            for key, array in canonical(target).items():
                np.testing.assert_array_equal(array, weights[key], err_msg=key)
            found[framework] = logits(framework, target, x)
        np.testing.assert_array_equal(found[source], expected)
        parity("training, sequences", found, tolerance=1e-12)


@pytest.mark.parametrize("model", MODELS)
def test_padding_does_not_matter(model):
    """A sentence has the logits that it has with more padding, or in another batch."""
    for framework in PACKAGES:
        net = getattr(panel(framework, "models"), model)(RECIPE)
        x = draw(6, 3)[0]
        x[:, 8:] = 0
        whole = logits(framework, net, x)
        np.testing.assert_allclose(logits(framework, net, x[:, :8]), whole, rtol=0, atol=1e-12)
        np.testing.assert_allclose(logits(framework, net, x[:1]), whole[:1], rtol=0, atol=1e-12)


@pytest.mark.parametrize("model", MODELS)
def test_evaluation_and_prediction(parity, model):
    found = {}
    for framework in PACKAGES:
        training = panel(framework, "training")
        net = getattr(panel(framework, "models"), model)(RECIPE)
        loss, accuracy = training.evaluate(net, RECIPE, DATA.x_test, DATA.y_test)
        found[framework] = [training.predict(net, RECIPE, DATA.x_test), loss, accuracy]
    parity("training, sequences", found, tolerance=1e-12)


# --- Refusals -------------------------------------------------------------------------------------


@pytest.mark.once
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"input_shape": (4, 4, 1)},
            "a vocabulary needs words: input_shape must be (steps,), got (4, 4, 1)",
        ),
        ({"mixup": 0.5}, "mixup must be 0 with a vocabulary: words have no mean"),
        (
            {"by_length": True, "vocabulary": 0},
            "by_length needs sequences of words: vocabulary must be above 0",
        ),
        ({"cell": "elman"}, "cell must be one of 'rnn', 'lstm', 'gru', got 'elman'"),
        ({"vocabulary": -1}, "vocabulary must be an integer >= 0, got -1"),
        ({"recurrent": (0,)}, "recurrent must be an integer >= 1, got 0"),
    ],
)
def test_bad_recipes(options, message):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (the text is compared below)
        replace(RECIPE, **options)
    assert str(caught.value) == message


@pytest.mark.parametrize("model", MODELS)
def test_a_model_of_words_needs_a_vocabulary(model):
    recipe = replace(RECIPE, vocabulary=0)
    message = "vocabulary must count the words, of sequences of words, got 0"
    same_error(lambda f, a: getattr(panel(f, "models"), model)(recipe), message)


def test_heads_that_do_not_divide_the_width():
    """Of a transformer; to a recurrent network they are nothing."""
    recipe = replace(RECIPE, heads=3)
    message = "heads must divide the 8 features, got 3"
    same_error(lambda f, a: panel(f, "models").transformer(recipe), message)
    for framework in PACKAGES:
        panel(framework, "models").recurrent(recipe)


def test_bad_words():
    def fit(x):
        bad = replace(DATA, x_train=x)

        def call(framework, adapter):
            net = panel(framework, "models").recurrent(RECIPE)
            panel(framework, "training").fit(net, RECIPE, bad, progress=False)

        return call

    x = DATA.x_train
    same_error(fit(x.astype(np.float32)), "x must be integers, got float32")
    too_large = x.copy()
    too_large[0, 0] = WORDS
    same_error(fit(too_large), "x must lie in [0, 8], got integers from 0 to 9")
    wide = np.concatenate([x, x], axis=1)
    same_error(fit(wide), "x must have shape (N, 12), or fewer steps, got shape (64, 24)")
