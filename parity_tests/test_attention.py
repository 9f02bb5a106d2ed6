import numpy as np
import pytest

from parity_tests.panels import (
    ADAPTERS,
    DTYPES,
    PACKAGES,
    assert_gradient,
    assert_parameter_gradients,
    assert_survives_saving,
    everywhere,
    panel,
    same_error,
    traced,
)
from triptych.translate import attention_to_keras
from triptych.weights import canonical, restore

SCRATCH = panel("scratch", "attention")

# N, heads, T, S, d; of one step, one head, one feature too.
SHAPES = [(2, 3, 5, 7, 4), (1, 1, 1, 1, 1), (3, 2, 1, 6, 5), (2, 1, 4, 1, 3), (1, 4, 9, 9, 8)]
MASKS = ["none", "causal", "keys", "any", "nothing"]
# N, T, C, heads
LAYERS = [(2, 5, 8, 2), (1, 1, 3, 3), (3, 7, 6, 1), (2, 4, 12, 4)]


def draw(dtype, *shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def make_mask(kind, count, steps, keys):
    """What may be seen; "nothing" has rows that see nothing, and an example that sees nothing."""
    rng = np.random.default_rng(9)
    if kind == "none":
        return None
    if kind == "causal":
        return np.tri(steps, keys, keys - steps, dtype=bool)[np.newaxis]
    if kind == "keys":
        return (np.arange(keys) < rng.integers(1, keys + 1, (count, 1)))[:, np.newaxis]
    mask = rng.random((count, steps, keys)) < 0.6
    if kind == "any":
        mask[..., 0] = True
    else:
        mask[:, steps // 2] = False
        mask[0] = False
    return mask


def inputs(shape, dtype):
    count, heads, steps, keys, size = shape
    return (
        draw(dtype, count, heads, steps, size),
        draw(dtype, count, heads, keys, size, seed=1),
        draw(dtype, count, heads, keys, size, seed=2),
        draw(dtype, count, heads, steps, size, seed=3),
    )


def make(framework, features, heads, **options):
    return panel(framework, "attention").MultiHeadAttention(features, heads, **options)


def terms(steps, features):
    """Of the sums that follow one another: the projections, the scores, the mean, the weights."""
    return 4 * features + 3 * steps + 8


# --- Between the panels -------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", MASKS)
@pytest.mark.parametrize("shape", SHAPES)
def test_function(parity, shape, kind, dtype):
    q, k, v, upstream = inputs(shape, dtype)
    count, heads, steps, keys, size = shape
    mask = make_mask(kind, count, steps, keys)
    keep = np.random.default_rng(4).random((count, heads, steps, keys)) < 0.75
    for kept in (None, keep):
        options = {"rate": 0.25} if kept is not None else {}

        def call(framework, adapter, kept=kept, options=options):
            module = panel(framework, "attention")
            if framework == "scratch":
                options = options | {"keep": kept}
                y = module.scaled_dot_product_attention(q, k, v, mask, **options)
                grads = module.scaled_dot_product_attention_backward(
                    upstream, q, k, v, mask, **options
                )
            else:
                own = None if mask is None else adapter.tensor(mask)
                drops = options | {"keep": None if kept is None else adapter.tensor(kept)}
                y, grads = adapter.vjp(
                    lambda q, k, v: module.scaled_dot_product_attention(q, k, v, own, **drops),
                    (q, k, v),
                    upstream,
                )
            return [y, *grads]

        found = everywhere(call)
        parity("attention", found, terms=size + keys + steps + 8)
        if kind == "nothing":
            for y, dq, dk, dv in found.values():
                assert not np.any(y[:, :, steps // 2])
                assert not np.any(dq[0])
                assert not np.any(dk[0])
                assert not np.any(dv[0])


@pytest.mark.parametrize("kind", MASKS)
def test_weights(parity, kind):
    q, k, _, _ = inputs((3, 2, 5, 7, 4), "float64")
    mask = make_mask(kind, 3, 5, 7)

    def call(framework, adapter):
        own = None if mask is None else adapter.tensor(mask)
        weights = panel(framework, "attention").attention_weights
        return weights(adapter.tensor(q), adapter.tensor(k), own)

    found = everywhere(call)
    parity("attention", found, terms=20)
    sums = found["scratch"].sum(axis=-1)
    seen = np.ones((3, 5)) if mask is None else np.broadcast_to(mask.any(axis=-1), (3, 5))
    np.testing.assert_allclose(sums, np.broadcast_to(seen[:, np.newaxis], sums.shape), rtol=1e-14)
    if mask is not None:
        hidden = np.broadcast_to(~mask[:, np.newaxis], found["scratch"].shape)
        assert not np.any(found["scratch"][hidden])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("use_bias", [True, False])
def test_multi_head_function_of_three_inputs(parity, use_bias, dtype):
    """Attention to another sequence, whose keys and values differ."""
    query, upstream = draw(dtype, 2, 4, 6), draw(dtype, 2, 4, 6, seed=1)
    key, value = draw(dtype, 2, 7, 6, seed=2), draw(dtype, 2, 7, 6, seed=3)
    weights = [draw(dtype, 6, 18, seed=4), draw(dtype, 18, seed=5)]
    weights += [draw(dtype, 6, 6, seed=6), draw(dtype, 6, seed=7)]
    if not use_bias:
        weights[1] = weights[3] = None
    mask = make_mask("nothing", 2, 4, 7)
    given = [array for array in (query, key, value, *weights) if array is not None]

    def call(framework, adapter):
        module = panel(framework, "attention")
        if framework == "scratch":
            arrays = query, key, value, *weights
            y = module.multi_head_attention(*arrays, heads=3, mask=mask)
            grads = module.multi_head_attention_backward(upstream, *arrays, heads=3, mask=mask)
            present = [array is not None for array in arrays]
            return [y, *(g for g, there in zip(grads, present, strict=True) if there)]

        def function(*tensors):
            tensors = list(tensors)
            if not use_bias:
                tensors[4:4], tensors[6:6] = [None], [None]
            if framework == "torch":
                tensors[3], tensors[5] = tensors[3].T, tensors[5].T
            own = adapter.tensor(mask)
            return module.multi_head_attention(*tensors, heads=3, mask=own)

        y, grads = adapter.vjp(function, tuple(given), upstream)
        return [y, *grads]

    parity("attention", everywhere(call), terms=terms(7, 6))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("case", LAYERS)
def test_layer(parity, case, masked, causal, dtype):
    count, steps, features, heads = case
    x, upstream = draw(dtype, 2, count, steps, features)
    arrays = {}
    if masked:
        lengths = np.random.default_rng(5).integers(0, steps + 1, (count, 1))  # 0: nothing is real
        arrays["mask"] = np.arange(steps) < lengths

    def three_steps(framework, adapter):
        layer = make(framework, features, heads, rate=0.25, causal=causal, seed=3, dtype=dtype)
        found = [adapter.step(layer, x, upstream, **arrays) for _ in range(2)]
        return [*found, adapter.step(layer, x, upstream, training=False, **arrays)]

    parity("attention", everywhere(three_steps), terms=terms(steps, features))


@pytest.mark.parametrize("use_bias", [True, False])
def test_initial_weights_are_the_same(use_bias):
    options = {"seed": 7, "name": "attention", "use_bias": use_bias}
    found = everywhere(lambda f, a: canonical(make(f, 12, 3, **options)))
    assert ("in_bias" in found["scratch"]) == use_bias
    for framework in PACKAGES:
        assert found[framework].keys() == found["scratch"].keys()
        for key, array in found["scratch"].items():
            np.testing.assert_array_equal(found[framework][key], array)
    limit = np.sqrt(6 / (12 + 36))
    weight = found["scratch"]["in_weight"]
    assert 0.9 * limit < np.abs(weight).max() <= limit
    assert not np.array_equal(found["scratch"]["out_weight"], weight[:, :12])


# --- Alone --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", MASKS)
@pytest.mark.parametrize("dropped", [False, True])
def test_backward_is_the_gradient(kind, dropped):
    shape = (2, 2, 3, 4, 2)
    q, k, v, upstream = inputs(shape, "float64")
    mask = make_mask(kind, 2, 3, 4)
    options = {}
    if dropped:
        options = {"rate": 0.25, "keep": np.random.default_rng(1).random((2, 2, 3, 4)) < 0.75}
    function = SCRATCH.scaled_dot_product_attention
    grads = SCRATCH.scaled_dot_product_attention_backward(upstream, q, k, v, mask, **options)
    for i, grad in enumerate(grads):

        def loss(array, i=i):
            arrays = [q, k, v]
            arrays[i] = array
            return (upstream * function(*arrays, mask, **options)).sum()

        assert_gradient(loss, (q, k, v)[i], grad)


def test_layer_backward_is_the_gradient():
    x, upstream = draw("float64", 2, 2, 4, 6)
    mask = np.arange(4) < np.array([[3], [4]])
    layer = make("scratch", 6, 2, causal=True, seed=1, dtype="float64")

    def loss(x=x):
        return float((upstream * layer.forward(x, mask=mask, training=True)).sum())

    loss()
    assert_gradient(loss, x, layer.backward(upstream))
    assert_parameter_gradients(layer, loss)


def test_layer_is_its_functions():
    """What the layer does sooner is what the functions say."""
    x, upstream = draw("float64", 2, 3, 5, 8)
    mask = make_mask("keys", 3, 5, 5)[:, 0]
    layer = make("scratch", 8, 2, rate=0.25, causal=True, seed=1, dtype="float64")
    y, dx = layer.forward(x, mask=mask, training=True), layer.backward(upstream)
    keep = layer._kept[5]
    assert 0.1 < 1 - keep.mean() < 0.4
    seen = mask[:, np.newaxis] & SCRATCH.causal_mask(5)
    arrays = (x, x, x, *(layer.params[key] for key in layer.params))
    options = {"heads": 2, "mask": seen, "rate": 0.25, "keep": keep}
    np.testing.assert_allclose(
        y, SCRATCH.multi_head_attention(*arrays, **options), rtol=0, atol=1e-14
    )
    dq, dk, dv, *grads = SCRATCH.multi_head_attention_backward(upstream, *arrays, **options)
    # The layer takes the three products as one: other sums of some dozens of numbers near 1.
    np.testing.assert_allclose(dx, dq + dk + dv, rtol=0, atol=1e-13)
    for key, grad in zip(layer.params, grads, strict=True):
        np.testing.assert_allclose(layer.grads[key], grad, rtol=0, atol=1e-13)


def test_padding_and_future_do_not_matter():
    """What may not be seen may be anything, NaN but for."""
    x = draw("float64", 2, 6, 4)
    layer = make("scratch", 4, 2, causal=True, seed=1, dtype="float64")
    mask = np.arange(6) < np.array([[4], [6]])
    y = layer.forward(x, mask=mask)
    x[0, 4:] = 1e6
    np.testing.assert_array_equal(layer.forward(x, mask=mask)[0, :4], y[0, :4])
    x[1, 3:] = 1e6
    np.testing.assert_array_equal(layer.forward(x, mask=mask)[1, :3], y[1, :3])


@pytest.mark.parametrize("size", ["known", "any"])
def test_compiled(size):
    x = draw("float32", 2, 5, 8)
    layer = make("keras", 8, 2, causal=True, seed=1)
    expected = ADAPTERS["keras"].numpy(layer(ADAPTERS["keras"].tensor(x)))
    shape = x.shape if size == "known" else (None, None, 8)
    for compiled in traced(layer, shape, "float32"):
        found = ADAPTERS["keras"].numpy(compiled(ADAPTERS["keras"].tensor(x)))
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


def test_keras_layer_survives_saving(tmp_path):
    layer = make("keras", 8, 2, rate=0.25, causal=True, seed=3, name="attention")
    assert_survives_saving(layer, draw("float32", 3, 5, 8), tmp_path / "model.keras")


def test_mask_of_keras_arrives():
    """What ``Embedding(mask_zero=True)`` makes reaches the layer, and what comes after it."""
    import keras

    tokens = np.array([[3, 1, 0, 0], [2, 2, 1, 0]])
    layer = make("keras", 6, 2, seed=1, name="attention")
    model = keras.Sequential([keras.layers.Embedding(5, 6, mask_zero=True), layer])
    table = model.layers[0]
    embedded = ADAPTERS["keras"].numpy(table(tokens))
    ours = make("scratch", 6, 2, seed=1, name="attention").forward(embedded, mask=tokens != 0)
    np.testing.assert_allclose(ADAPTERS["keras"].numpy(model(tokens)), ours, rtol=0, atol=1e-6)


# --- Against the frameworks' own -----------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", ["none", "causal", "keys", "any"])
@pytest.mark.parametrize("use_bias", [True, False])
def test_bare_torch(parity, kind, use_bias, dtype):
    """``nn.MultiheadAttention``, forward and backward, with its weights in our layers and back."""
    import torch

    x, upstream = draw(dtype, 2, 3, 5, 8)
    mask = make_mask(kind, 3, 5, 5)
    torch.manual_seed(0)
    kind_of = getattr(torch, dtype)
    bare = torch.nn.MultiheadAttention(8, 2, bias=use_bias, batch_first=True, dtype=kind_of)
    for parameter in bare.parameters():
        torch.nn.init.normal_(parameter)
    weights = canonical(bare)
    tensor = torch.tensor(x, requires_grad=True)
    hidden = None if mask is None else torch.tensor(~np.broadcast_to(mask, (3, 5, 5)).repeat(2, 0))
    output = bare(tensor, tensor, tensor, attn_mask=hidden, need_weights=False)[0]
    output.backward(torch.tensor(upstream))
    layer = make("scratch", 8, 2, use_bias=use_bias, dtype=dtype)
    restore(layer, canonical(layer) | weights)
    layer_mask = {"mask": mask[:, 0]} if kind == "keys" else {}
    if kind in ("none", "causal", "keys"):
        layer.causal = kind == "causal"
        found = ADAPTERS["scratch"].step(layer, x, upstream, **layer_mask)
        names = [key for key in layer.params]
        ours = [found["output"], found["gradient.x"], *(found[f"gradient.{n}"] for n in names)]
    else:
        arrays = (x, x, x, *(weights.get(key) for key in ("in_weight", "in_bias")))
        arrays += tuple(weights.get(key) for key in ("out_weight", "out_bias"))
        y = SCRATCH.multi_head_attention(*arrays, heads=2, mask=mask)
        dq, dk, dv, *grads = SCRATCH.multi_head_attention_backward(
            upstream, *arrays, heads=2, mask=mask
        )
        ours = [
            y,
            dq + dk + dv,
            *(g for g, w in zip(grads, arrays[3:], strict=True) if w is not None),
        ]
    gradients = {
        key: p.grad.numpy().T if p.ndim > 1 else p.grad.numpy()
        for key, p in (
            ("in_weight", bare.in_proj_weight),
            ("in_bias", bare.in_proj_bias),
            ("out_weight", bare.out_proj.weight),
            ("out_bias", bare.out_proj.bias),
        )
        if p is not None
    }
    theirs = [output.detach().numpy(), tensor.grad.numpy(), *gradients.values()]
    parity("attention, native", {"scratch": ours, "torch": theirs}, terms=terms(15, 8))


@pytest.mark.parametrize("dtype", DTYPES)
def test_weights_make_the_round_trip(dtype):
    """From ``nn.MultiheadAttention`` into each panel's layer and back: bit for bit."""
    import torch

    torch.manual_seed(1)
    kind = getattr(torch, dtype)
    bare = torch.nn.MultiheadAttention(12, 3, batch_first=True, dtype=kind)
    torch.nn.init.normal_(bare.in_proj_bias)
    torch.nn.init.normal_(bare.out_proj.bias)
    weights = canonical(bare)
    assert sorted(weights) == ["in_bias", "in_weight", "out_bias", "out_weight"]
    np.testing.assert_array_equal(weights["in_weight"].T, bare.in_proj_weight.detach().numpy())
    for framework in PACKAGES:
        layer = make(framework, 12, 3, dtype=dtype)
        restore(layer, canonical(layer) | weights)
        back = torch.nn.MultiheadAttention(12, 3, batch_first=True, dtype=kind)
        kept = {key: array for key, array in canonical(layer).items() if key != "step"}
        restore(back, kept)
        for name, array in bare.state_dict().items():
            np.testing.assert_array_equal(back.state_dict()[name].numpy(), array.numpy())


@pytest.mark.parametrize("kind", ["none", "causal", "keys", "any"])
def test_bare_keras(parity, kind):
    """``keras.layers.MultiHeadAttention`` with the same weights."""
    import keras

    x = draw("float64", 3, 5, 8)
    mask = make_mask(kind, 3, 5, 5)
    weights = {k: w for k, w in canonical(make("scratch", 8, 2, seed=4, dtype="float64")).items()}
    weights["in_bias"], weights["out_bias"] = (
        draw("float64", 24, seed=5),
        draw("float64", 8, seed=6),
    )
    bare = keras.layers.MultiHeadAttention(2, 4, dtype="float64")
    bare.build(x.shape, x.shape)
    state = {
        "in_proj_weight": weights["in_weight"].T,
        "in_proj_bias": weights["in_bias"],
        "out_proj_weight": weights["out_weight"].T,
        "out_proj_bias": weights["out_bias"],
    }
    bare.set_weights(attention_to_keras(heads=2, **state))
    options = {}
    if mask is not None:
        options["attention_mask"] = ADAPTERS["keras"].tensor(np.broadcast_to(mask, (3, 5, 5)))
    tensor = ADAPTERS["keras"].tensor(x)
    theirs, _ = bare(tensor, tensor, return_attention_scores=True, **options)
    arrays = (
        x,
        x,
        x,
        *(weights[key] for key in ("in_weight", "in_bias", "out_weight", "out_bias")),
    )
    ours = SCRATCH.multi_head_attention(*arrays, heads=2, mask=mask)
    found = {"scratch": ours, "keras": ADAPTERS["keras"].numpy(theirs)}
    parity("attention, native", found, terms=terms(5, 8))


# --- Refusals -------------------------------------------------------------------------------------


def refused(message, function="scaled_dot_product_attention", *, arrays, **options):
    def call(framework, adapter):
        given = [None if array is None else adapter.tensor(array) for array in arrays]
        named = {
            key: adapter.tensor(value) if isinstance(value, np.ndarray) else value
            for key, value in options.items()
        }
        getattr(panel(framework, "attention"), function)(*given, **named)

    same_error(call, message)


Q = np.ones((2, 3, 4, 5), np.float32)


@pytest.mark.parametrize(
    ("arrays", "options", "message"),
    [
        ((Q[0], Q, Q), {}, "q must have shape (N, heads, T, d), got shape (3, 4, 5)"),
        ((Q[:0], Q[:0], Q[:0]), {}, "q must hold at least one row, got shape (0, 3, 4, 5)"),
        ((Q, Q[:, :1], Q), {}, "k must have shape (2, 3, None, 5), got (2, 1, 4, 5)"),
        ((Q, Q[:, :, :2], Q), {}, "v must have shape (2, 3, 2, 5), got (2, 3, 4, 5)"),
        ((Q, Q.astype("float64"), Q), {}, "k must have the dtype of q, float32, got float64"),
        ((Q.astype(int), Q, Q), {}, "q must be floating point, got int64"),
        (
            (Q, Q, Q, np.ones((2, 4, 3), bool)),
            {},
            "mask must be boolean of shape (2 or 1, 4 or 1, 4), got bool of shape (2, 4, 3)",
        ),
        (
            (Q, Q, Q, np.ones((2, 4, 4), np.float32)),
            {},
            "mask must be boolean of shape (2 or 1, 4 or 1, 4), got float32 of shape (2, 4, 4)",
        ),
        (
            (Q, Q, Q, np.ones((2, 4), bool)),
            {},
            "mask must be boolean of shape (2 or 1, 4 or 1, 4), got bool of shape (2, 4)",
        ),
        (
            (Q, Q, Q),
            {"keep": np.ones((2, 3, 4, 1), bool)},
            "keep must have shape (2, 3, 4, 4), got (2, 3, 4, 1)",
        ),
        ((Q, Q, Q), {"rate": 1.0}, "rate must be a number in [0, 1), got 1.0"),
    ],
)
def test_bad_arguments(arrays, options, message):
    refused(message, arrays=arrays, **options)


@pytest.mark.parametrize(
    ("features", "heads", "message"),
    [
        (8, 3, "heads must divide the 8 features, got 3"),
        (0, 1, "features must be an integer >= 1, got 0"),
        (8, 0, "heads must be an integer >= 1, got 0"),
        (8, 2.0, "heads must be an integer >= 1, got 2.0"),
    ],
)
def test_bad_sizes(features, heads, message):
    same_error(lambda f, a: make(f, features, heads), message)


def test_bad_inputs_of_the_layer():
    x = np.ones((2, 3, 4), np.float32)

    def apply(x, **arrays):
        def call(framework, adapter):
            given = {name: adapter.tensor(array) for name, array in arrays.items()}
            make(framework, 4, 2)(adapter.tensor(x), **given)

        return call

    same_error(apply(x[0]), "x must have shape (N, T, 4), got shape (3, 4)")
    same_error(apply(x[..., :3]), "x must have shape (N, T, 4), got shape (2, 3, 3)")
    same_error(apply(x[:, :0]), "x must hold at least one row, got shape (2, 0, 4)")
    same_error(apply(x, mask=np.ones((2, 4), bool)), "mask must have shape (2, 3), got (2, 4)")
    same_error(apply(x, mask=np.ones((2, 3), np.float32)), "mask must be boolean, got float32")
    same_error(
        apply(x.astype("float64")),
        "x must have the layer's dtype, float32, got float64: convert it, or make the layer with "
        "dtype='float64'",
    )
