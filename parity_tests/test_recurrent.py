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
from triptych.translate import gru_to_keras, lstm_to_keras, simple_rnn_to_keras
from triptych.weights import canonical, restore

SCRATCH = panel("scratch", "recurrent")
KINDS = {"rnn": ("RNN", 1), "lstm": ("LSTM", 4), "gru": ("GRU", 3)}
# N, T, in, units: also of one step, one feature, one unit.
SHAPES = [(2, 5, 3, 4), (1, 1, 1, 1), (3, 7, 1, 2), (4, 2, 5, 1)]
OPTIONS = {
    "plain": {},
    "reverse": {"reverse": True},
    "no bias": {"use_bias": False},
    "last": {"return_sequences": False},
    "last of reverse": {"return_sequences": False, "reverse": True},
    "dropout": {"recurrent_dropout": 0.25},
    "zoneout": {"zoneout": 0.25},
    "both": {"recurrent_dropout": 0.25, "zoneout": 0.5, "reverse": True},
}


def draw(dtype, *shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def make(framework, kind, in_features, units, **options):
    if kind != "lstm":
        options.pop("cell_zoneout", None)
    return getattr(panel(framework, "recurrent"), KINDS[kind][0])(in_features, units, **options)


def lengths_mask(count, steps, seed=5):
    """Of any length, 0 among them."""
    lengths = np.random.default_rng(seed).integers(0, steps + 1, (count, 1))
    return np.arange(steps) < lengths


def terms(steps, in_features, units):
    """Each step adds the sums of a step to what the step before was off by."""
    return steps * (in_features + units + 8)


# --- Between the panels -------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("chosen", OPTIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_layer(parity, kind, chosen, masked, dtype):
    for shape in SHAPES if chosen == "plain" else SHAPES[:1]:
        count, steps, in_features, units = shape
        options = OPTIONS[chosen] | {"seed": 3, "dtype": dtype}
        if "zoneout" in options:
            options["cell_zoneout"] = 0.125
        x = draw(dtype, count, steps, in_features)
        whole = options.get("return_sequences", True)
        upstream = draw(dtype, *((count, steps, units) if whole else (count, units)), seed=1)
        arrays = {"mask": lengths_mask(count, steps)} if masked else {}

        def three_steps(framework, adapter, arrays=arrays, options=options, x=x, up=upstream):
            layer = make(framework, kind, x.shape[2], up.shape[-1], **options)
            found = [adapter.step(layer, x, up, **arrays) for _ in range(2)]
            return [*found, adapter.step(layer, x, up, training=False, **arrays)]

        parity("recurrent", everywhere(three_steps), terms=terms(steps, in_features, units))


@pytest.mark.parametrize("return_sequences", [True, False])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_bidirectional(parity, kind, masked, return_sequences):
    x = draw("float64", 3, 5, 4)
    upstream = draw("float64", *((3, 5, 4) if return_sequences else (3, 4)), seed=1)
    arrays = {"mask": lengths_mask(3, 5)} if masked else {}
    options = {"seed": 2, "dtype": "float64", "return_sequences": return_sequences}

    def step(framework, adapter):
        module = panel(framework, "recurrent")
        first = make(framework, kind, 4, 2, name="forwards", **options)
        second = make(framework, kind, 4, 2, name="backwards", reverse=True, **options)
        keras = {"dtype": "float64"} if framework == "keras" else {}
        return adapter.step(module.Bidirectional(first, second, **keras), x, upstream, **arrays)

    found = everywhere(step)
    parity("recurrent", found, terms=terms(5, 4, 2))
    assert "gradient.backwards.recurrent_weight" in found["scratch"]


@pytest.mark.parametrize("kind", KINDS)
def test_zones_need_no_rate(parity, kind):
    """They say where a state stays; ``zoneout`` is for inference."""
    gates, zones = KINDS[kind][1], np.random.default_rng(6).random((2, 6, 4)) < 0.3
    x, w, u = draw("float64", 2, 6, 3), draw("float64", 3, 4 * gates), draw("float64", 4, 4 * gates)

    def call(framework, adapter):
        function = getattr(panel(framework, "recurrent"), kind)
        weights = (w.T, u.T) if framework == "torch" else (w, u)
        own = (adapter.tensor(array) for array in (x, *weights))
        return adapter.numpy(function(*own, None, None, zones=adapter.tensor(zones)))

    found = everywhere(call)
    parity("recurrent", found, terms=terms(6, 3, 4))
    h, stays = found["scratch"], zones[:, 1:]
    np.testing.assert_array_equal(h[:, 1:][stays], h[:, :-1][stays])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_functions_with_all_given(parity, kind, dtype):
    """Masks of dropout and zoneout by hand, two biases that differ, padding in the middle."""
    gates = KINDS[kind][1]
    arrays = [
        draw(dtype, 2, 6, 3),
        draw(dtype, 3, gates * 4, seed=1),
        draw(dtype, 4, gates * 4, seed=2),
        draw(dtype, gates * 4, seed=3),
        draw(dtype, gates * 4, seed=4),
    ]
    upstream = draw(dtype, 2, 6, 4, seed=5)
    rng = np.random.default_rng(6)
    given = {"mask": rng.random((2, 6)) < 0.7, "keep": rng.random((2, 4)) < 0.7}
    given["zones"] = rng.random((2, 6, 4)) < 0.3
    if kind == "lstm":
        given["cell_zones"] = rng.random((2, 6, 4)) < 0.3
    numbers = {"rate": 0.25, "zoneout": 0.25, "reverse": True}

    def call(framework, adapter):
        module = panel(framework, "recurrent")
        function = getattr(module, kind)
        if framework == "scratch":
            y = function(*arrays, **given, **numbers)
            return [y, *getattr(module, f"{kind}_backward")(upstream, *arrays, **given, **numbers)]
        own = {name: adapter.tensor(array) for name, array in given.items()}

        def of_ours(x, weight, recurrent_weight, bias, recurrent_bias):
            if framework == "torch":
                weight, recurrent_weight = weight.T, recurrent_weight.T
            biases = bias, recurrent_bias
            return function(x, weight, recurrent_weight, *biases, **own, **numbers)

        y, grads = adapter.vjp(of_ours, tuple(arrays), upstream)
        return [y, *grads]

    parity("recurrent", everywhere(call), terms=terms(6, 3, 4))


@pytest.mark.parametrize("kind", KINDS)
def test_initial_weights_are_the_same(kind):
    found = everywhere(lambda f, a: canonical(make(f, kind, 5, 4, seed=7, name="layer")))
    for framework in PACKAGES:
        assert found[framework].keys() == found["scratch"].keys()
        for key, array in found["scratch"].items():
            np.testing.assert_array_equal(found[framework][key], array)
    weights, gates = found["scratch"], KINDS[kind][1]
    limit = np.sqrt(6 / (5 + 4 * gates))
    assert 0.8 * limit < np.abs(weights["weight"]).max() <= limit
    expected = np.zeros(4 * gates)
    if kind == "lstm":
        expected[4:8] = 1
    np.testing.assert_array_equal(weights["bias"], expected)
    assert not np.any(weights["recurrent_bias"])


# --- Alone --------------------------------------------------------------------------------------


@pytest.mark.parametrize("chosen", ["plain", "both", "last of reverse", "no bias"])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_backward_is_the_gradient(kind, masked, chosen):
    options = OPTIONS[chosen] | {"seed": 1, "dtype": "float64"}
    if "zoneout" in options:
        options["cell_zoneout"] = 0.25
    layer = make("scratch", kind, 3, 2, **options)
    x = draw("float64", 2, 4, 3)
    whole = options.get("return_sequences", True)
    upstream = draw("float64", *((2, 4, 2) if whole else (2, 2)), seed=1)
    mask = np.array([[1, 1, 0, 1], [1, 1, 1, 0]], bool) if masked else None

    def loss(x=x):
        layer.state["step"] = np.zeros((), np.int64)
        return float((upstream * layer.forward(x, mask=mask, training=True)).sum())

    loss()
    assert_gradient(loss, x, layer.backward(upstream))
    assert_parameter_gradients(layer, loss)


@pytest.mark.parametrize("kind", KINDS)
def test_step_backward_is_the_gradient(kind):
    units, gates = 3, KINDS[kind][1]
    a, s = draw("float64", 2, 2, gates * units)
    h, c, dh, dc = draw("float64", 4, 2, units, seed=1)
    if kind == "rnn":
        da = SCRATCH.rnn_step_backward(dh, SCRATCH.rnn_step(a, s))
        assert_gradient(lambda a: (dh * SCRATCH.rnn_step(a, s)).sum(), a, da)
    elif kind == "lstm":
        _, _, *kept = SCRATCH.lstm_step(a, s, c)
        da, old_dc = SCRATCH.lstm_step_backward(dh, dc, c, *kept)

        def loss(a=a, c=c):
            h, new, *_ = SCRATCH.lstm_step(a, s, c)
            return (dh * h).sum() + (dc * new).sum()

        assert_gradient(lambda a: loss(a=a), a, da)
        assert_gradient(lambda c: loss(c=c), c, old_dc)
    else:
        _, gates = SCRATCH.gru_step(a, s, h)
        da, ds, old_dh = SCRATCH.gru_step_backward(dh, h, gates)
        assert_gradient(lambda a: (dh * SCRATCH.gru_step(a, s, h)[0]).sum(), a, da)
        assert_gradient(lambda s: (dh * SCRATCH.gru_step(a, s, h)[0]).sum(), s, ds)
        assert_gradient(lambda h: (dh * SCRATCH.gru_step(a, s, h)[0]).sum(), h, old_dh)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("reverse", [False, True])
def test_sequences_of_any_length(kind, reverse):
    """In a padded batch each has the last state that it has alone."""
    layer = make("scratch", kind, 3, 4, reverse=reverse, return_sequences=False, dtype="float64")
    x = draw("float64", 3, 6, 3)
    lengths = [6, 2, 4]
    mask = np.arange(6) < np.array(lengths)[:, np.newaxis]
    x[~mask] = 1e3
    together = layer.forward(x, mask=mask)
    for row, length in enumerate(lengths):
        alone = layer.forward(x[row : row + 1, :length])
        np.testing.assert_allclose(together[row], alone[0], rtol=0, atol=1e-15)


def test_recurrent_dropout_is_one_mask_for_all_steps():
    layer = make("scratch", "rnn", 1, 6, recurrent_dropout=0.5, seed=3, dtype="float64")
    layer.params["weight"][...] = 0
    layer.params["bias"][...] = 0.25
    layer.params["recurrent_weight"][...] = np.eye(6)
    y = layer.forward(np.zeros((40, 5, 1)), training=True)
    keep = layer._options.keep
    assert 0.3 < keep.mean() < 0.7
    alone = np.tanh(0.25)
    np.testing.assert_allclose(y[:, 1:][~keep[:, np.newaxis].repeat(4, 1)], alone, rtol=1e-14)
    assert np.all(np.diff(y, axis=1)[keep[:, np.newaxis].repeat(4, 1)] > 0)
    second = layer.forward(np.zeros((40, 5, 1)), training=True)
    assert np.any(second != y)


def test_zoneout_keeps_states_and_inference_takes_the_mean():
    layer = make("scratch", "rnn", 2, 5, zoneout=0.25, seed=3, dtype="float64")
    x = draw("float64", 200, 6, 2)
    y = layer.forward(x, training=True)
    before = np.concatenate([np.zeros((200, 1, 5)), y[:, :-1]], axis=1)
    (zones,) = layer._options.zones
    assert abs(zones.mean() - 0.25) < 5 * np.sqrt(0.25 * 0.75 / zones.size)
    np.testing.assert_array_equal(y == before, zones)
    y = layer.forward(x[:, :1])
    plain = make("scratch", "rnn", 2, 5, seed=3, name=layer.name, dtype="float64").forward(x[:, :1])
    np.testing.assert_allclose(y, 0.75 * plain, rtol=1e-14)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", ["known", "any"])
def test_compiled(size, kind):
    x = draw("float32", 3, 5, 4)
    adapter, layer = ADAPTERS["keras"], make("keras", kind, 4, 3, seed=1)
    expected = adapter.numpy(layer(adapter.tensor(x)))
    for compiled in traced(layer, x.shape if size == "known" else (None, None, 4), "float32"):
        found = adapter.numpy(compiled(adapter.tensor(x)))
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_keras_layer_survives_saving(tmp_path, kind):
    options = {"recurrent_dropout": 0.25, "zoneout": 0.25, "cell_zoneout": 0.5}
    layer = make("keras", kind, 4, 4, seed=3, name="layer", **options)
    assert_survives_saving(layer, draw("float32", 3, 5, 4), tmp_path / "model.keras")


def test_keras_bidirectional_survives_saving(tmp_path):
    import keras

    module = panel("keras", "recurrent")
    both = [module.GRU(4, 3, reverse=r, seed=1, name=n) for r, n in ((False, "f"), (True, "b"))]
    model = panel("keras", "layers").Sequential([module.Bidirectional(*both, name="both")])
    adapter = ADAPTERS["keras"]
    x = adapter.tensor(draw("float32", 3, 5, 4))
    expected = adapter.numpy(model(x))
    model.save(tmp_path / "model.keras")
    copy = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(adapter.numpy(copy(x)), expected)


# --- Against the frameworks' own -----------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_bare_torch(parity, kind, use_bias, dtype):
    """Forward and backward, with the weights of PyTorch's own in our layer."""
    import torch

    torch.manual_seed(0)
    own = getattr(torch.nn, KINDS[kind][0])
    bare = own(3, 4, bias=use_bias, batch_first=True, dtype=getattr(torch, dtype))
    x, upstream = draw(dtype, 2, 6, 3), draw(dtype, 2, 6, 4, seed=1)
    tensor = torch.tensor(x, requires_grad=True)
    output = bare(tensor)[0]
    output.backward(torch.tensor(upstream))
    layer = make("scratch", kind, 3, 4, use_bias=use_bias, dtype=dtype)
    restore(layer, canonical(layer) | canonical(bare))
    found = ADAPTERS["scratch"].step(layer, x, upstream)
    ours = [found["output"], found["gradient.x"], *(found[f"gradient.{k}"] for k in layer.params)]
    grads = [p.grad.numpy().T if p.ndim > 1 else p.grad.numpy() for p in bare.parameters()]
    theirs = [output.detach().numpy(), tensor.grad.numpy(), *grads]
    parity("recurrent, native", {"scratch": ours, "torch": theirs}, terms=terms(6, 3, 4))


@pytest.mark.parametrize("kind", KINDS)
def test_packed_sequences_of_torch(parity, kind):
    """Padding gives zeros there, and the last state here: where steps are real, they agree."""
    import torch

    torch.manual_seed(0)
    bare = getattr(torch.nn, KINDS[kind][0])(3, 4, batch_first=True, dtype=torch.float64)
    x, lengths = draw("float64", 3, 6, 3), [6, 2, 4]
    mask = np.arange(6) < np.array(lengths)[:, np.newaxis]
    packed = torch.nn.utils.rnn.pack_padded_sequence(
        torch.tensor(x), torch.tensor(lengths), batch_first=True, enforce_sorted=False
    )
    theirs, state = bare(packed)
    theirs = torch.nn.utils.rnn.pad_packed_sequence(theirs, batch_first=True)[0].detach().numpy()
    last = (state[0] if kind == "lstm" else state)[0].detach().numpy()
    layer = make("scratch", kind, 3, 4, dtype="float64")
    restore(layer, canonical(layer) | canonical(bare))
    ours = layer.forward(x, mask=mask)
    found = {"scratch": [ours[mask], ours[:, -1]], "torch": [theirs[mask], last]}
    parity("recurrent, native", found, terms=terms(6, 3, 4))
    assert not np.any(theirs[~mask])


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_weights_make_the_round_trip(kind, bidirectional, layers):
    """From PyTorch's own into the layers of each panel and back: bit for bit, the same outputs."""
    import torch

    torch.manual_seed(1)
    own = getattr(torch.nn, KINDS[kind][0])
    options = {"num_layers": layers, "bidirectional": bidirectional, "batch_first": True}
    bare = own(3, 4, **options, dtype=torch.float64)
    weights = canonical(bare)
    x = draw("float64", 2, 5, 3)
    theirs = bare(torch.tensor(x))[0].detach().numpy()

    def build(framework):
        module, rows = panel(framework, "recurrent"), []
        for i in range(layers):
            features, name = 3 if i == 0 else 4 * (1 + bidirectional), f"layer_{i + 1}"
            same = {"dtype": "float64"}
            if not bidirectional:
                rows.append(make(framework, kind, features, 4, name=name, **same))
                continue
            first = make(framework, kind, features, 4, name="forwards", seed=2 * i, **same)
            second = make(
                framework, kind, features, 4, name="backwards", reverse=True, seed=2 * i + 1, **same
            )
            keras = same if framework == "keras" else {}
            rows.append(module.Bidirectional(first, second, name=name, **keras))
        return rows[0] if layers == 1 else panel(framework, "layers").Sequential(rows)

    for framework in PACKAGES:
        model, adapter = build(framework), ADAPTERS[framework]
        if framework == "keras":
            model(adapter.tensor(x))
        restore(model, canonical(model) | weights)
        back = own(3, 4, **options, dtype=torch.float64)
        restore(back, {k: v for k, v in canonical(model).items() if not k.endswith("step")})
        for name, array in bare.state_dict().items():
            np.testing.assert_array_equal(back.state_dict()[name].numpy(), array.numpy())
        np.testing.assert_allclose(adapter.numpy(model(adapter.tensor(x))), theirs, atol=1e-14)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_bare_keras(parity, kind, reverse, masked):
    """Keras's own, with our weights: its one bias is the sum of two, but for a GRU."""
    import keras

    layer = make("scratch", kind, 3, 4, reverse=reverse, seed=1, dtype="float64")
    for key in ("bias", "recurrent_bias"):
        layer.params[key] = draw("float64", *layer.params[key].shape, seed=len(key))
    convert = {"rnn": simple_rnn_to_keras, "lstm": lstm_to_keras, "gru": gru_to_keras}[kind]
    own = {"rnn": "SimpleRNN", "lstm": "LSTM", "gru": "GRU"}[kind]
    p = layer.params
    converted = convert(p["weight"].T, p["recurrent_weight"].T, p["bias"], p["recurrent_bias"])
    bare = getattr(keras.layers, own)(
        4, return_sequences=True, go_backwards=reverse, dtype="float64"
    )
    bare.build((2, 5, 3))
    bare.set_weights(converted)
    x = draw("float64", 2, 5, 3)
    mask = np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]], bool) if masked else None
    tensor = ADAPTERS["keras"].tensor
    theirs = bare(tensor(x), mask=None if mask is None else tensor(mask))
    theirs = ADAPTERS["keras"].numpy(theirs)
    if reverse:  # Keras returns them in the order in which they were computed
        theirs = theirs[:, ::-1]
    found = {"scratch": layer.forward(x, mask=mask), "keras": theirs}
    parity("recurrent, native", found, terms=terms(5, 3, 4))


# --- Refusals -------------------------------------------------------------------------------------


X, W, U, B = (np.ones(s, np.float32) for s in ((2, 3, 4), (4, 8), (2, 8), (8,)))


@pytest.mark.parametrize(
    ("arrays", "options", "message"),
    [
        ((X[0], W, U, B, B), {}, "x must have shape (N, T, features), got shape (3, 4)"),
        ((X[:, :0], W, U, B, B), {}, "x must hold at least one row, got shape (2, 0, 4)"),
        ((X, W, U, B, B[:4]), {}, "recurrent_bias must have shape (8,), got (4,)"),
        (
            (X, W, U, B, None),
            {},
            "bias and recurrent_bias must both be given, or both be None",
        ),
        ((X, W, U, B.astype(float), B), {}, "bias must have the dtype of x, float32, got float64"),
        ((X, W, U, B, B), {"rate": 1}, "rate must be a number in [0, 1), got 1"),
        ((X, W, U, B, B), {"zoneout": -0.1}, "zoneout must be a number in [0, 1), got -0.1"),
        ((X, W, U, B, B), {"reverse": 1}, "reverse must be True or False, got 1"),
        (
            (X, W, U, B, B),
            {"mask": np.ones((2, 4), bool)},
            "mask must have shape (2, 3), got (2, 4)",
        ),
        (
            (X, W, U, B, B),
            {"keep": np.ones((2, 3), bool)},
            "keep must have shape (2, 2), got (2, 3)",
        ),
        (
            (X, W, U, B, B),
            {"zones": np.ones((2, 3, 2), np.float32)},
            "zones must be boolean, got float32",
        ),
        (
            (X, W, U, B, B),
            {"cell_zones": np.ones((2, 3), bool)},
            "cell_zones must have shape (2, 3, 2), got (2, 3)",
        ),
    ],
)
def test_bad_arguments(arrays, options, message):
    def call(framework, adapter):
        given = [None if array is None else adapter.tensor(array) for array in arrays]
        if framework == "torch":
            given[1], given[2] = given[1].T, given[2].T
        named = {
            key: adapter.tensor(value) if isinstance(value, np.ndarray) else value
            for key, value in options.items()
        }
        panel(framework, "recurrent").lstm(*given, **named)

    same_error(call, message)


def test_bad_weights():
    """PyTorch's layout has the axes the other way round, and so its message."""
    for framework in ("scratch", "keras"):
        tensor = ADAPTERS[framework].tensor
        with pytest.raises(ValueError, match=r"\(units, 4 units\), got shape \(2, 6\)"):
            panel(framework, "recurrent").lstm(*map(tensor, (X, W, U[:, :6], B, B)))
        with pytest.raises(ValueError, match=r"weight must have shape \(4, 8\), got \(3, 8\)"):
            panel(framework, "recurrent").lstm(*map(tensor, (X, W[:3], U, B, B)))
    tensor = ADAPTERS["torch"].tensor
    with pytest.raises(ValueError, match=r"\(4 units, units\), got shape \(2, 8\)"):
        panel("torch", "recurrent").lstm(*map(tensor, (X, W, U, B, B)))
    with pytest.raises(ValueError, match=r"weight must have shape \(8, 4\), got \(4, 8\)"):
        panel("torch", "recurrent").lstm(*map(tensor, (X, W, U.T, B, B)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"in_features": 0}, "in_features must be an integer >= 1, got 0"),
        ({"units": 1.5}, "units must be an integer >= 1, got 1.5"),
        (
            {"recurrent_dropout": 1.0},
            "recurrent_dropout must be a number in [0, 1), got 1.0",
        ),
        ({"zoneout": "a"}, "zoneout must be a number in [0, 1), got 'a'"),
        ({"reverse": 0}, "reverse must be True or False, got 0"),
        ({"return_sequences": None}, "return_sequences must be True or False, got None"),
        ({"use_bias": 1}, "use_bias must be True or False, got 1"),
    ],
)
def test_bad_options(options, message):
    options = {"in_features": 4, "units": 2} | options
    same_error(lambda f, a: make(f, "gru", **options), message)


def test_bad_directions():
    def both(first, second):
        def call(framework, adapter):
            module = panel(framework, "recurrent")
            layers = [make(framework, "rnn", **options) for options in (first, second)]
            module.Bidirectional(*layers)

        return call

    size = {"in_features": 4, "units": 2}
    same_error(both(size, size), "backward must have reverse=True, got reverse=False")
    reverse = size | {"reverse": True}
    same_error(both(reverse, reverse), "forward must have reverse=False, got reverse=True")
    same_error(
        both(size, reverse | {"in_features": 3}),
        "backward must have the in_features of forward, 4, got 3",
    )
    same_error(
        both(size, reverse | {"return_sequences": False}),
        "backward must have the return_sequences of forward, True, got False",
    )
    same_error(
        lambda f, a: panel(f, "recurrent").Bidirectional(3, 4),
        "forward must be a recurrent layer, got 3",
    )
