import numpy as np
import pytest

from parity_tests.panels import (
    ADAPTERS,
    DTYPES,
    PACKAGES,
    assert_gradient,
    everywhere,
    panel,
    same_error,
    traced,
)
from triptych.weights import canonical, restore

SCRATCH = panel("scratch", "embedding")
WORDS, FEATURES = 7, 3


def tokens(*shape, words=WORDS, seed=0, kind="int64"):
    return np.random.default_rng(seed).integers(0, words, shape).astype(kind)


def draw(dtype, *shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def make(framework, words=WORDS, features=FEATURES, **options):
    return panel(framework, "embedding").Embedding(words, features, **options)


# --- Between the panels -------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(1, 1), (4, 6), (5,), (2, 3, 2), (40, 3)])
@pytest.mark.parametrize("dropped", [False, True])
def test_function(parity, shape, dropped, dtype):
    x, w = tokens(*shape), draw(dtype, WORDS, FEATURES)
    upstream = draw(dtype, *shape, FEATURES, seed=1)
    keep = np.array([1, 0, 1, 1, 0, 1, 1], bool) if dropped else None
    options = {"rate": 0.25} if dropped else {}

    def call(framework, adapter):
        module = panel(framework, "embedding")
        if framework == "scratch":
            grad = module.embedding_backward(upstream, x, w, keep=keep, **options)
            return [module.embedding(x, w, keep=keep, **options), grad]
        kept = None if keep is None else adapter.tensor(keep)
        own = adapter.tensor(x)
        y, grads = adapter.vjp(
            lambda w: module.embedding(own, w, keep=kept, **options), (w,), upstream
        )
        return [y, *grads]

    parity("embedding", everywhere(call), terms=x.size + 2)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("padding_index", [None, 0, WORDS - 1])
@pytest.mark.parametrize("rate", [0.0, 0.25])
def test_layer(parity, padding_index, rate, dtype):
    x, upstream = tokens(4, 9), draw(dtype, 4, 9, FEATURES, seed=1)
    options = {"padding_index": padding_index, "rate": rate, "seed": 3, "dtype": dtype}

    def steps(framework, adapter):
        layer = make(framework, **options)
        found = [adapter.step(layer, x, upstream) for _ in range(2)]
        return [*found, adapter.step(layer, x, upstream, training=False)]

    found = everywhere(steps)
    parity("embedding", found, terms=x.size + 2)
    if padding_index is not None:
        for first, *_ in found.values():
            assert not np.any(first["output"][x == padding_index])
            assert not np.any(first["gradient.weight"][padding_index])
            assert np.any(first["gradient.weight"])


@pytest.mark.parametrize("padding_index", [None, 2])
def test_initial_rows_are_the_same(padding_index):
    options = {"words": 400, "features": 30, "padding_index": padding_index, "seed": 5}
    found = everywhere(lambda f, a: canonical(make(f, name="embedding", **options))["weight"])
    for framework in PACKAGES:
        np.testing.assert_array_equal(found[framework], found["scratch"])
    rows = np.delete(found["scratch"], [] if padding_index is None else padding_index, axis=0)
    assert abs(rows.mean()) < 5 / np.sqrt(rows.size)
    assert abs(rows.std() - 1) < 5 / np.sqrt(2 * rows.size)


@pytest.mark.parametrize("kind", ["int32", "int64", "uint8"])
def test_kinds_of_integers(kind):
    x = tokens(3, 4, kind=kind)
    found = everywhere(lambda f, a: a.numpy(make(f, seed=1, name="e")(a.tensor(x))))
    for framework in PACKAGES:
        np.testing.assert_array_equal(found[framework], found["scratch"])


# --- Alone --------------------------------------------------------------------------------------


@pytest.mark.parametrize("padding_index", [None, 4])
def test_backward_is_the_gradient(padding_index):
    x, w = tokens(3, 5), draw("float64", WORDS, FEATURES)
    upstream = draw("float64", 3, 5, FEATURES, seed=1)
    keep = np.array([1, 0, 1, 1, 1, 1, 1], bool)
    options = {"rate": 0.25, "keep": keep}
    grad = SCRATCH.embedding_backward(upstream, x, w, padding_index=padding_index, **options)

    def loss(w):
        y = SCRATCH.embedding(x, w, **options)
        if padding_index is not None:
            y = np.where((x == padding_index)[..., np.newaxis], 0, y)
        return (upstream * y).sum()

    assert_gradient(loss, w, grad)


def test_a_dropped_word_is_dropped_wherever_it_stands():
    layer = make("scratch", 50, 4, rate=0.5, seed=1)
    x = tokens(30, 20, words=50)
    y = layer.forward(x, training=True)
    zero = ~y.any(axis=-1)
    for word in range(50):
        assert len(set(zero[x == word])) == 1
    assert 0.2 < zero.mean() < 0.8
    np.testing.assert_array_equal(y[~zero], 2 * layer.params["weight"][x[~zero]])
    again = layer.forward(x, training=True)
    assert np.any(again.any(axis=-1) == zero)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_padding_stays_0_while_it_trains(optimizer):
    module = panel("scratch", "optimizers")
    layer = make("scratch", padding_index=1, seed=2, dtype="float64")
    kind = {"sgd": module.SGD, "adam": module.Adam}[optimizer]
    step = kind(learning_rate=0.1, weight_decay=0.1)
    before = layer.params["weight"].copy()
    for seed in range(3):
        x = tokens(4, 5, seed=seed)
        layer.forward(x, training=True)
        layer.backward(draw("float64", 4, 5, FEATURES, seed=seed))
        step.step(layer.params, layer.grads)
    assert not np.any(layer.params["weight"][1])
    assert np.all(np.any(layer.params["weight"] != before, axis=1)[[0, 2, 3, 4, 5, 6]])


def test_mask_reaches_the_layers_behind(parity):
    """In a row of layers, also through a residual block: the same as the mask given by hand."""
    x, upstream = tokens(3, 6), draw("float64", 3, 6, 4, seed=1)
    x[:, 4:] = 0

    def row(framework, adapter):
        attention, layers = panel(framework, "attention"), panel(framework, "layers")
        residual = panel(framework, "residual").Residual
        own = {"dtype": "float64"}
        keras = own if framework == "keras" else {}
        block = residual(
            [attention.MultiHeadAttention(4, 2, seed=1, name="a", **own)], name="r", **keras
        )
        table = make(framework, 7, 4, padding_index=0, seed=1, name="e", **own)
        start = [adapter.keras.Input((6,), dtype="int64")] if framework == "keras" else []
        model = layers.Sequential([*start, table, block], name="model")
        return adapter.step(model, x, upstream)

    found = everywhere(row)
    parity("embedding", found, terms=60)
    attention = panel("scratch", "attention").MultiHeadAttention(
        4, 2, seed=1, name="a", dtype="float64"
    )
    embedded = make("scratch", 7, 4, padding_index=0, seed=1, name="e", dtype="float64").forward(x)
    by_hand = embedded + attention.forward(embedded, mask=x != 0)
    np.testing.assert_array_equal(found["scratch"]["output"], by_hand)
    assert np.abs(by_hand - embedded - attention.forward(embedded)).max() > 0.01


@pytest.mark.parametrize("size", ["known", "any"])
def test_compiled(size):
    x = tokens(4, 5)
    layer = make("keras", padding_index=0, seed=1)
    adapter = ADAPTERS["keras"]
    expected = adapter.numpy(layer(adapter.tensor(x)))
    for compiled in traced(layer, x.shape if size == "known" else (None, None), "int64"):
        np.testing.assert_array_equal(adapter.numpy(compiled(adapter.tensor(x))), expected)


def test_keras_layer_survives_saving(tmp_path):
    import keras

    layer = make("keras", padding_index=2, rate=0.25, seed=3, name="embedding")
    model = panel("keras", "layers").Sequential([keras.Input((4,), dtype="int64"), layer])
    x, upstream = tokens(3, 4), draw("float32", 3, 4, FEATURES)
    ADAPTERS["keras"].step(model, x, upstream)
    model.save(tmp_path / "model.keras")
    copy = keras.saving.load_model(tmp_path / "model.keras")
    assert copy.layers[0].get_config() == layer.get_config()
    expected, found = (ADAPTERS["keras"].step(m, x, upstream) for m in (model, copy))
    assert expected["state.embedding.step"] == 2
    for key in expected:
        np.testing.assert_array_equal(found[key], expected[key])


# --- Against the frameworks' own -----------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("padding_index", [None, 3])
def test_bare_torch(parity, padding_index, dtype):
    import torch

    torch.manual_seed(0)
    kind = getattr(torch, dtype)
    bare = torch.nn.Embedding(WORDS, FEATURES, padding_idx=padding_index, dtype=kind)
    x, upstream = tokens(4, 9), draw(dtype, 4, 9, FEATURES)
    output = bare(torch.tensor(x))
    output.backward(torch.tensor(upstream))
    layer = make("scratch", padding_index=padding_index, dtype=dtype)
    restore(layer, canonical(layer) | canonical(bare))
    found = ADAPTERS["scratch"].step(layer, x, upstream)
    ours = [found["output"], found["gradient.weight"]]
    theirs = [output.detach().numpy(), bare.weight.grad.numpy()]
    parity("embedding, native", {"scratch": ours, "torch": theirs}, terms=x.size)


@pytest.mark.parametrize("padding_index", [None, 0])
def test_bare_keras(parity, padding_index):
    import keras

    bare = keras.layers.Embedding(
        WORDS, FEATURES, mask_zero=padding_index is not None, dtype="float64"
    )
    bare.build()
    x = tokens(4, 9)
    layer = make("scratch", padding_index=padding_index, dtype="float64")
    restore(layer, canonical(layer) | canonical(bare))
    tensor = ADAPTERS["keras"].tensor(x)
    found = {"scratch": layer.forward(x), "keras": ADAPTERS["keras"].numpy(bare(tensor))}
    parity("embedding, native", found)
    if padding_index is not None:
        mask = ADAPTERS["keras"].numpy(bare.compute_mask(tensor))
        np.testing.assert_array_equal(layer.compute_mask(x), mask)


@pytest.mark.parametrize("limit", [0.5, 1.5])
def test_max_norm_of_torch(parity, limit):
    """``nn.Embedding(max_norm=)`` shortens the rows it looks up; ``max_norm`` all of them."""
    import torch

    w, x = draw("float64", WORDS, FEATURES), tokens(2, 3)
    bare = torch.nn.Embedding.from_pretrained(torch.tensor(w), max_norm=limit)
    output = bare(torch.tensor(x))
    shortened = panel("scratch", "weight_constraints").max_norm(w, limit, axis=0, epsilon=1e-7)
    assert np.any(shortened != w)
    ours = SCRATCH.embedding(x, shortened)
    parity("embedding, native", {"scratch": ours, "torch": output.numpy()}, terms=FEATURES + 4)


# --- Refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.ones((2, 3), np.float32), "x must be integers, got float32"),
        (np.ones((2, 3), bool), "x must be integers, got bool"),
        (np.ones((0, 3), int), "x must hold at least one row, got shape (0, 3)"),
        (np.array([[0, 7]]), "x must lie in [0, 6], got integers from 0 to 7"),
        (np.array([[-1, 2]]), "x must lie in [0, 6], got integers from -1 to 2"),
    ],
)
def test_bad_words(x, message):
    def function(framework, adapter):
        w = adapter.tensor(draw("float32", WORDS, FEATURES))
        panel(framework, "embedding").embedding(adapter.tensor(x), w)

    same_error(function, message)
    same_error(lambda f, a: make(f)(a.tensor(x)), message)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"words": 0}, "words must be an integer >= 1, got 0"),
        ({"features": 1.5}, "features must be an integer >= 1, got 1.5"),
        ({"padding_index": 7}, "padding_index must be an integer in [0, 6], got 7"),
        ({"padding_index": -1}, "padding_index must be an integer in [0, 6], got -1"),
        ({"rate": 1}, "rate must be a number in [0, 1), got 1"),
        ({"dtype": "int64"}, "dtype must be one of 'float32', 'float64', got 'int64'"),
    ],
)
def test_bad_options(options, message):
    same_error(lambda f, a: make(f, **options), message)
