import numpy as np
import pytest
from scipy.ndimage import maximum_filter, uniform_filter

from parity_tests.panels import (
    ADAPTERS,
    DTYPES,
    assert_gradient,
    everywhere,
    panel,
    same_error,
    traced,
)
from triptych.common.windows import geometry

SCRATCH = panel("scratch", "pooling")
KINDS = {"max": "MaxPool2D", "average": "AveragePool2D"}

# Shape of x (N, H, W, C), pool size, stride, padding.
GEOMETRIES = [
    ((2, 4, 6, 3), 2, None, "valid"),
    ((2, 7, 5, 3), 2, None, "valid"),  # a row and a column are left over
    ((1, 1, 1, 1), 1, None, "valid"),
    ((2, 5, 5, 8), 2, 1, "valid"),
    ((2, 9, 8, 2), 2, 3, "valid"),  # stride > window
    ((2, 9, 8, 2), 2, 3, "same"),
    ((2, 7, 6, 3), 2, None, "same"),
    ((2, 7, 8, 2), 3, 2, "same"),  # stride 2: an odd and an even side
    ((2, 8, 8, 1), 3, 2, "same"),
    ((2, 5, 6, 2), 3, 1, "same"),
    ((1, 5, 6, 1), (4, 2), (1, 3), "same"),
    ((2, 6, 5, 2), 3, 2, 1),  # explicit padding
    ((2, 6, 5, 2), (2, 3), (1, 2), (1, 2)),  # of more than half a window
    ((1, 2, 2, 9), 3, 1, (2, 1)),
    ((2, 4, 4, 16), (1, 3), (2, 1), 0),
    ((1, 3, 4, 5), (3, 4), None, "valid"),  # as large as the window, and smaller
    ((1, 2, 3, 1), (4, 5), 2, "same"),
    ((2, 6, 5, 2), (3, 2), 2, ((0, 1), (1, 0))),  # unequal padding
    ((1, 4, 6, 3), 3, (1, 2), ((2, 0), (1, 2))),
]
SMALL = [GEOMETRIES[i] for i in (1, 5, 7, 10, 11, 12, 16, 17)]
PADDED = [GEOMETRIES[i] for i in (0, 7, 10, 11, 12, 16, 17, 18)]


def draw(dtype, *shape, seed=0):
    """Far below zero: a maximum that takes the zeros of a padding for pixels shows."""
    return (np.random.default_rng(seed).normal(size=shape) - 4).astype(dtype)


def arrays(shape, pool_size, stride, padding, dtype="float64"):
    """x and dL/dy for a geometry."""
    output = windows_of(shape, pool_size, stride, padding)[1].output
    return draw(dtype, *shape), draw(dtype, shape[0], *output, shape[-1], seed=1)


def windows_of(shape, pool_size, stride, padding):
    pool = pool_size if isinstance(pool_size, tuple) else (pool_size,) * 2
    return pool, geometry(shape, pool, pool if stride is None else stride, padding)


def make(framework, kind, case=GEOMETRIES[0], dtype="float32", **options):
    keras = {"dtype": dtype} if framework == "keras" else {}
    _, pool_size, stride, padding = case
    layer = getattr(panel(framework, "pooling"), KINDS[kind])
    return layer(pool_size, stride=stride, padding=padding, **options, **keras)


def make_global(framework, dtype="float32", kind="Average", **options):
    keras = {"dtype": dtype} if framework == "keras" else {}
    layer = getattr(panel(framework, "pooling"), f"Global{kind}Pool2D")
    return layer(**options, **keras)


def by_hand(kind, x, pool_size, stride, padding):
    """One window at a time, cut off where the image ends."""
    pool, windows = windows_of(x.shape, pool_size, stride, padding)
    (down, right), ((top, _), (left, _)), output, _ = windows
    y = np.empty((len(x), *output, x.shape[-1]))
    for i, j in np.ndindex(output):
        row, column = i * down - top, j * right - left
        rows = slice(max(row, 0), row + pool[0])
        window = x[:, rows, max(column, 0) : column + pool[1]]
        y[:, i, j] = getattr(window, {"max": "max", "average": "mean"}[kind])(axis=(1, 2))
    return y


# --- The three panels ---------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", GEOMETRIES)
def test_pooling(parity, dtype, kind, case):
    x, upstream = arrays(*case, dtype)
    found = everywhere(lambda f, a: a.step(make(f, kind, case, dtype), x, upstream))
    assert set(found["scratch"]) == {"output", "gradient.x"}
    parity("pooling", found, terms=np.prod(windows_of(*case)[0]))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", GEOMETRIES)
def test_pooling_by_hand(parity, kind, case):
    """The functions, and where x or dL/dy is not one block of memory."""
    x, _ = arrays(*case)
    x = np.asfortranarray(x)

    def call(framework, adapter):
        function = getattr(panel(framework, "pooling"), f"{kind}_pool2d")
        return function(adapter.tensor(x), case[1], stride=case[2], padding=case[3])

    found = {"by hand": by_hand(kind, x, *case[1:])} | everywhere(call)
    parity("pooling", found, terms=np.prod(windows_of(*case)[0]))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (2, 3, 5, 4), (3, 7, 1, 2)])
def test_global_average(parity, dtype, shape):
    x, upstream = draw(dtype, *shape), draw(dtype, shape[0], shape[-1], seed=1)
    found = everywhere(lambda f, a: a.step(make_global(f, dtype), x, upstream))
    found["by hand"] = {
        "output": x.mean(axis=(1, 2), dtype="float64").astype(dtype),
        "gradient.x": np.ones_like(x) * (upstream / (shape[1] * shape[2]))[:, None, None],
    }
    parity("pooling", found, terms=shape[1] * shape[2])

    def call(framework, adapter):
        return panel(framework, "pooling").global_average_pool2d(adapter.tensor(x))

    parity("pooling", everywhere(call), terms=shape[1] * shape[2])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", PADDED)
def test_zeros_that_count(parity, dtype, case):
    """``count_include_pad``, layer and function."""
    x, upstream = arrays(*case, dtype)
    pool, windows = windows_of(*case)
    counted = {"count_include_pad": True}

    def step(framework, adapter):
        layer = make(framework, "average", case, dtype, **counted)
        average = panel(framework, "pooling").average_pool2d
        options = {"stride": case[2], "padding": case[3]} | counted
        by_function = average(adapter.tensor(x), case[1], **options)
        return adapter.step(layer, x, upstream) | {"function": by_function}

    found = everywhere(step)
    parity("pooling", found, terms=np.prod(pool))
    padded = np.pad(x.astype("float64"), ((0, 0), *windows.padding, (0, 0)))
    expected = by_hand("average", padded, pool, windows.stride, "valid").astype(dtype)
    parity("pooling", {"by hand": expected} | {"scratch": found["scratch"]["output"]}, terms=20)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (2, 3, 5, 4), (3, 7, 1, 2)])
@pytest.mark.parametrize("ties", [False, True])
def test_global_max(parity, dtype, shape, ties):
    """Equal maxima share the gradient."""
    x, upstream = draw(dtype, *shape), draw(dtype, shape[0], shape[-1], seed=1)
    x = np.rint(x) if ties else x
    found = everywhere(lambda f, a: a.step(make_global(f, dtype, "Max"), x, upstream))
    y = x.max(axis=(1, 2))
    largest = x == y[:, None, None]
    share = upstream / largest.sum(axis=(1, 2))
    found["by hand"] = {
        "output": y,
        "gradient.x": (largest * share[:, None, None]).astype(dtype),
    }
    assert (largest.sum(axis=(1, 2)).max() > 1) == (ties and shape[1] > 1)
    parity("pooling", found, terms=1)

    def call(framework, adapter):
        return panel(framework, "pooling").global_max_pool2d(adapter.tensor(x))

    parity("pooling", everywhere(call), terms=1)


def test_global_max_of_nan():
    x, upstream = draw("float64", 2, 3, 3, 2), np.ones((2, 2))
    x[0, 1, 1, 0] = np.nan
    for framework, adapter in ADAPTERS.items():
        found = adapter.step(make_global(framework, "float64", "Max"), x, upstream)
        assert np.isnan(found["output"]).tolist() == [[True, False], [False, False]], framework
        nan = np.isnan(found["gradient.x"])
        assert nan[0, ..., 0].all(), framework
        assert nan.sum() == 9, framework


def test_the_first_of_equal_global_maxima():
    x = np.array([[1, 5, 2], [5, 5, 2], [5, 1, 2]], float).reshape(1, 3, 3, 1)
    upstream = np.full((1, 1), 6.0)
    dx = SCRATCH.global_max_pool2d_backward(upstream, x)
    np.testing.assert_array_equal(dx.reshape(9), [0, 1.5, 0, 1.5, 1.5, 0, 1.5, 0, 0])
    dx = SCRATCH.global_max_pool2d_backward(upstream, x, first=True)
    np.testing.assert_array_equal(dx.reshape(9), [0, 6, 0, 0, 0, 0, 0, 0, 0])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("case", GEOMETRIES)
@pytest.mark.parametrize("values", [(0, 0), (0, 1), (-2, 1)])
def test_the_first_of_equal_maxima_has_the_gradient(parity, dtype, case, values):
    """Also of all values of a window, as a ReLU leaves them."""
    x, upstream = arrays(*case, dtype)
    low, high = values
    x = np.random.default_rng(2).integers(low, high + 1, x.shape).astype(dtype)
    found = everywhere(lambda f, a: a.step(make(f, "max", case, dtype), x, upstream))
    parity("pooling", found, terms=np.prod(windows_of(*case)[0]))


def test_which_of_equal_maxima_is_the_first():
    """Row by row: right of it comes before below it."""
    x = np.array([[1, 5, 2], [5, 5, 2], [5, 1, 2]], float).reshape(1, 3, 3, 1)
    dx = SCRATCH.max_pool2d_backward(np.ones((1, 1, 1, 1)), x, 3)
    np.testing.assert_array_equal(np.flatnonzero(dx), [1])
    dx = SCRATCH.max_pool2d_backward(
        np.array([[1.0, 10], [100, 1000]]).reshape(1, 2, 2, 1), x, 2, stride=1
    )
    np.testing.assert_array_equal(dx.reshape(3, 3), [[0, 11, 0], [100, 1000, 0], [0, 0, 0]])


@pytest.mark.parametrize("case", SMALL)
def test_backward_is_the_gradient(case):
    _, pool_size, stride, padding = case
    options = {"stride": stride, "padding": padding}
    x, upstream = arrays(*case)
    for kind in KINDS:
        forward = getattr(SCRATCH, f"{kind}_pool2d")
        dx = getattr(SCRATCH, f"{kind}_pool2d_backward")(upstream, x, pool_size, **options)
        assert_gradient(
            lambda x, forward=forward: (upstream * forward(x, pool_size, **options)).sum(), x, dx
        )
        layer = make("scratch", kind, case)
        layer(x)
        np.testing.assert_array_equal(layer.backward(upstream), dx)
    counted = options | {"count_include_pad": True}
    assert_gradient(
        lambda x: (upstream * SCRATCH.average_pool2d(x, pool_size, **counted)).sum(),
        x,
        SCRATCH.average_pool2d_backward(upstream, x, pool_size, **counted),
    )
    upstream = upstream[:, 0, 0]
    for kind in KINDS:
        forward = getattr(SCRATCH, f"global_{kind}_pool2d")
        assert_gradient(
            lambda x, forward=forward: (upstream * forward(x)).sum(),
            x,
            getattr(SCRATCH, f"global_{kind}_pool2d_backward")(upstream, x),
        )


def test_nothing_of_the_caller_changes():
    for case in (GEOMETRIES[0], GEOMETRIES[7], GEOMETRIES[12]):
        layers = [make("scratch", kind, case) for kind in KINDS]
        layers += [make_global("scratch", kind=kind) for kind in ("Average", "Max")]
        for layer in layers:
            x = draw("float64", *case[0])
            y = layer(x)
            upstream = draw("float64", *y.shape, seed=1)
            given = [array.copy() for array in (x, y, upstream)]
            np.testing.assert_array_equal(layer.backward(upstream), layer.backward(upstream))
            for array, before in zip((x, y, upstream), given, strict=True):
                np.testing.assert_array_equal(array, before)


def test_nan_in_a_window():
    """Its maximum is NaN; the others are not. Not so for Keras on TensorFlow, see keras_impl."""
    x = draw("float64", 2, 4, 6, 3)
    x[1, 2, 3, 1] = np.nan
    expected = by_hand("max", x, 2, None, "valid")
    assert np.isnan(expected).sum() == 1
    for framework, adapter in ADAPTERS.items():
        if framework != "keras" or adapter.backend != "tensorflow":
            y = panel(framework, "pooling").max_pool2d(adapter.tensor(x), 2)
            np.testing.assert_array_equal(adapter.numpy(y), expected)


def test_the_gradient_of_nan():
    """It goes to the last pixel of the window, whichever is NaN."""
    x, upstream = np.zeros((1, 2, 2, 1)), np.ones((1, 1, 1, 1))
    x[0, 0, 1] = np.nan
    layer = make("scratch", "max")
    layer(x)
    for dx in (SCRATCH.max_pool2d_backward(upstream, x, 2), layer.backward(upstream)):
        np.testing.assert_array_equal(np.flatnonzero(dx), [3])


# --- The frameworks' own ------------------------------------------------------------------------


def scratch_step(layer, x, upstream):
    return ADAPTERS["scratch"].step(layer, x, upstream)


def torch_step(bare, x, upstream):
    """PyTorch's own layer on (N, C, H, W)."""
    import torch

    images = torch.tensor(x.transpose(0, 3, 1, 2)).requires_grad_()
    y = bare(images)
    y.backward(torch.tensor(upstream.transpose(0, 3, 1, 2)))
    return {"output": y.permute(0, 2, 3, 1), "gradient.x": images.grad.permute(0, 2, 3, 1)}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    ("pool_size", "stride", "padding"),
    [(2, None, 0), (3, 2, 1), (3, 1, 1), ((2, 4), (3, 1), (1, 2)), (2, 3, 0)],
)
def test_bare_torch_pooling(parity, dtype, pool_size, stride, padding):
    """Entries of the map: average-pool-padding, global-max-ties."""
    import torch

    case = ((2, 8, 7, 3), pool_size, stride, padding)
    x, upstream = arrays(*case, dtype)
    average = torch.nn.AvgPool2d
    for layer, bare in (
        (make("scratch", "max", case), torch.nn.MaxPool2d(pool_size, stride, padding)),
        (
            make("scratch", "average", case, count_include_pad=True),
            average(pool_size, stride, padding),  # its default
        ),
        (
            make("scratch", "average", case),
            average(pool_size, stride, padding, count_include_pad=False),
        ),
    ):
        found = {
            "scratch": scratch_step(layer, x, upstream),
            "torch": torch_step(bare, x, upstream),
        }
        parity("pooling, native", found, terms=np.prod(windows_of(*case)[0]))
    upstream = upstream[:, :1, :1]
    for layer, bare, images in (
        (make_global("scratch"), torch.nn.AdaptiveAvgPool2d(1), x),
        (make_global("scratch", kind="Max", first=True), torch.nn.AdaptiveMaxPool2d(1), x),
        (make_global("scratch", kind="Max", first=True), torch.nn.AdaptiveMaxPool2d(1), x.round()),
    ):
        found = {
            "scratch": scratch_step(layer, images, upstream[:, 0, 0]),
            "torch": torch_step(bare, images, upstream),
        }
        found["torch"]["output"] = found["torch"]["output"][:, 0, 0]
        parity("pooling, native", found, terms=x[0, ..., 0].size)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    ("pool_size", "stride", "padding"),
    [(2, None, "valid"), (2, None, "same"), (3, 1, "same"), (3, 2, "same"), ((4, 2), 1, "same")],
)
def test_bare_keras_pooling(parity, dtype, pool_size, stride, padding):
    """Entries of the map: average-pool-padding, max-pool-padding, global-max-ties."""
    adapter = ADAPTERS["keras"]
    layers = adapter.keras.layers
    case = ((2, 8, 7, 3), pool_size, stride, padding)
    x, upstream = arrays(*case, dtype)
    options = {"padding": padding, "data_format": "channels_last", "dtype": dtype}
    bare = {"max": layers.MaxPooling2D(pool_size, stride, **options)}
    if adapter.backend != "torch" or (pool_size, stride) not in ((3, 2), ((4, 2), 1)):
        # On PyTorch, Keras 3.15 counts border pixels twice where "same" pads one side alone:
        # keras-team/keras#23233.
        bare["average"] = layers.AveragePooling2D(pool_size, stride, **options)
    for kind, layer in bare.items():
        found = {
            "scratch": scratch_step(make("scratch", kind, case), x, upstream),
            "keras": adapter.step(layer, x, upstream),
        }
        parity("pooling, native", found, terms=np.prod(windows_of(*case)[0]))
    upstream, options = upstream[:, 0, 0], {"data_format": "channels_last", "dtype": dtype}
    for kind, images in (("Average", x), ("Max", x), ("Max", x.round())):
        layer = getattr(layers, f"Global{kind}Pooling2D")(**options)
        found = {
            "scratch": scratch_step(make_global("scratch", kind=kind), images, upstream),
            "keras": adapter.step(layer, images, upstream),
        }
        parity("pooling, native", found, terms=x[0, ..., 0].size)


@pytest.mark.parametrize("size", [3, (2, 5)])
def test_scipy_filters(parity, size):
    """Of every pixel, with the padding that its filters have: the pixels that are there, or 0."""
    x = draw("float64", 1, 7, 8, 1)
    pool, options = windows_of(x.shape, size, 1, "same")[0], {"stride": 1, "padding": "same"}
    if size == (2, 5):  # an even window has its extra pixel before in SciPy
        options["padding"] = ((1, 0), (2, 2))
    largest = maximum_filter(x[0, ..., 0], pool, mode="constant", cval=-np.inf)
    mean = uniform_filter(x[0, ..., 0], pool, mode="constant", cval=0)
    averaged = SCRATCH.average_pool2d(x, size, count_include_pad=True, **options)
    found = {
        "scratch": [SCRATCH.max_pool2d(x, size, **options)[0, ..., 0], averaged[0, ..., 0]],
        "scipy": [largest, mean],
    }
    parity("pooling, native", found, terms=x.size)  # SciPy adds up along a row


# --- Keras --------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", [GEOMETRIES[7], GEOMETRIES[12], GEOMETRIES[18]])
@pytest.mark.parametrize("kind", [*KINDS, "global", "global max", "counting"])
@pytest.mark.parametrize("size", ["known", "any"])
def test_keras_model(tmp_path, case, kind, size):
    """Saved and loaded, in a graph, for images of one size or of any."""
    adapter, (shape, *_) = ADAPTERS["keras"], case
    keras = adapter.keras
    given = shape[1:] if size == "known" else (None, None, shape[-1])
    if kind.startswith("global"):
        which = "Max" if "max" in kind else "Average"
        layer = make_global("keras", "float64", which, name="pool_1")
    elif kind == "counting":
        layer = make("keras", "average", case, "float64", name="pool_1", count_include_pad=True)
    else:
        layer = make("keras", kind, case, "float64", name="pool_1")
    inputs = keras.Input(given, dtype="float64")
    model = keras.Model(inputs, layer(inputs))
    model.save(tmp_path / "model.keras")
    copy = keras.saving.load_model(tmp_path / "model.keras")
    assert type(copy.layers[1]) is type(layer)
    assert copy.layers[1].get_config() == layer.get_config()
    x = draw("float64", *shape)
    if kind == "counting":
        pool, windows = windows_of(*case)
        padded = np.pad(x, ((0, 0), *windows.padding, (0, 0)))
        expected = by_hand("average", padded, pool, windows.stride, "valid")
    elif kind.startswith("global"):
        expected = x.max(axis=(1, 2)) if "max" in kind else x.mean(axis=(1, 2))
    else:
        expected = by_hand(kind, x, *case[1:])
    sizes = expected.shape[1:-1] if size == "known" else (None,) * (expected.ndim - 2)
    assert model.output_shape == copy.output_shape == (None, *sizes, expected.shape[-1])
    for run in (model, copy, *traced(model, (None, *given), "float64")):
        y = adapter.numpy(run(adapter.tensor(x)))
        assert y.shape == expected.shape
        assert np.abs(y - expected).max() <= 1e-12 * np.abs(expected).max()


def test_keras_arguments_that_are_fixed():
    for key in ("strides", "data_format"):
        with pytest.raises(TypeError, match=f"multiple values for .*argument '{key}'"):
            make("keras", "max", **{key: 1})
    for key in ("data_format", "keepdims"):
        with pytest.raises(TypeError, match=f"multiple values for .*argument '{key}'"):
            make_global("keras", **{key: 1})
        with pytest.raises(TypeError, match=f"multiple values for .*argument '{key}'"):
            make_global("keras", kind="Max", **{key: 1})


# --- Bad input ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((5, 5, 3), "x must have shape (N, H, W, C), got shape (5, 5, 3)"),
        ((5, 3), "x must have shape (N, H, W, C), got shape (5, 3)"),
        ((0, 5, 5, 3), "x must hold at least one row, got shape (0, 5, 5, 3)"),
        ((2, 5, 5, 0), "x must hold at least one row, got shape (2, 5, 5, 0)"),
        (
            (2, 5, 1, 3),
            "x must be at least 2 pixels high and wide after padding, as large as the window, "
            "got 1",
        ),
    ],
)
def test_bad_shape(shape, message):
    x = np.ones(shape, np.float32)
    for kind in KINDS:
        name = f"{kind}_pool2d"
        same_error(
            lambda f, a, name=name: getattr(panel(f, "pooling"), name)(a.tensor(x), 2), message
        )
        same_error(lambda f, a, kind=kind: make(f, kind)(a.tensor(x)), message)
    if "window" not in message:
        same_error(lambda f, a: panel(f, "pooling").global_average_pool2d(a.tensor(x)), message)
        same_error(lambda f, a: make_global(f)(a.tensor(x)), message)
        same_error(lambda f, a: panel(f, "pooling").global_max_pool2d(a.tensor(x)), message)
        same_error(lambda f, a: make_global(f, kind="Max")(a.tensor(x)), message)


def test_bad_dtype():
    x, message = np.ones((2, 5, 5, 3), int), "x must be floating point, got int64"
    for name in ("max_pool2d", "average_pool2d"):
        same_error(
            lambda f, a, name=name: getattr(panel(f, "pooling"), name)(a.tensor(x), 2), message
        )
    same_error(lambda f, a: panel(f, "pooling").global_average_pool2d(a.tensor(x)), message)


def test_bad_upstream():
    x = np.ones((2, 5, 5, 3))
    grad, message = np.ones((2, 2, 2, 1)), r"grad must have shape \(2, 2, 2, 3\), got \(2, 2"
    for name in ("max_pool2d_backward", "average_pool2d_backward"):
        with pytest.raises(ValueError, match=message):
            getattr(SCRATCH, name)(grad, x, 2)
    for kind in KINDS:
        layer = make("scratch", kind)
        layer(x)
        with pytest.raises(ValueError, match=message):
            layer.backward(grad)
    _, winners = SCRATCH.max_pool2d_with_winners(x, 2)
    with pytest.raises(ValueError, match=message):
        SCRATCH.max_pool2d_with_winners_backward(grad, winners, x.shape, 2)
    with pytest.raises(ValueError, match=r"winners must have shape \(4, 2, 2, 2, 3\), got \(3, 2"):
        SCRATCH.max_pool2d_with_winners_backward(winners[0] * 1.0, winners[1:], x.shape, 2)
    with pytest.raises(ValueError, match=r"grad must have shape \(2, 3\), got \(2, 1\)"):
        SCRATCH.global_average_pool2d_backward(np.ones((2, 1)), x)
    with pytest.raises(ValueError, match=r"grad must have shape \(2, 3\), got \(2, 1\)"):
        SCRATCH.global_max_pool2d_backward(np.ones((2, 1)), x)


@pytest.mark.parametrize("value", [None, 1, "yes"])
def test_bad_flags(value):
    x, grad = np.ones((2, 4, 4, 3)), np.ones((2, 2, 2, 3))
    message = f"count_include_pad must be True or False, got {value!r}"
    same_error(lambda f, a: make(f, "average", count_include_pad=value), message)

    def call(framework, adapter):
        average = panel(framework, "pooling").average_pool2d
        average(adapter.tensor(x), 2, count_include_pad=value)

    same_error(call, message)
    with pytest.raises(ValueError, match=message):
        SCRATCH.average_pool2d_backward(grad, x, 2, count_include_pad=value)
    message = f"first must be True or False, got {value!r}"
    with pytest.raises(ValueError, match=message):
        SCRATCH.global_max_pool2d_backward(grad[:, 0, 0], x, first=value)
    with pytest.raises(ValueError, match=message):
        SCRATCH.GlobalMaxPool2D(first=value)


@pytest.mark.parametrize("value", [0, -1, 1.5, "two", None, True, (1, 0), (1, 2, 3)])
@pytest.mark.parametrize("kind", KINDS)
def test_bad_sizes(kind, value):
    x = np.ones((1, 5, 5, 2), np.float32)

    def call(pool_size=2, stride=None, padding="valid"):
        def function(framework, adapter):
            pool = getattr(panel(framework, "pooling"), f"{kind}_pool2d")
            pool(adapter.tensor(x), pool_size, stride=stride, padding=padding)

        def layer(framework, adapter):
            make(framework, kind, (x.shape, pool_size, stride, padding))

        return function, layer

    pair = "must be an integer >= 1 or a pair of them (height, width), got"
    for either in call(pool_size=value):
        same_error(either, f"pool_size {pair} {value!r}")
    if value is not None:
        for either in call(stride=value):
            same_error(either, f"stride {pair} {value!r}")
    if value not in (0, (1, 0)):  # an amount of padding may be
        allowed = (
            "'valid', 'same', an integer >= 0, a pair of them (height, width) "
            "or two pairs ((top, bottom), (left, right))"
        )
        for either in call(padding=value):
            same_error(either, f"padding must be {allowed}, got {value!r}")
    for padding in ((1, 2), ((0, 3), (1, 1)), ((0, 0), (2, 0))):
        for either in call(pool_size=(3, 2), padding=padding):
            same_error(either, f"padding must be smaller than pool_size (3, 2), got {padding}")


# --- The mean over the steps of sequences ---------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 5, 2), (2, 7, 4)])
def test_mean_over_steps(parity, shape, masked, dtype):
    x = np.random.default_rng(0).normal(size=shape).astype(dtype)
    upstream = np.random.default_rng(1).normal(size=(shape[0], shape[2])).astype(dtype)
    lengths = np.random.default_rng(2).integers(0, shape[1] + 1, (shape[0], 1))
    mask = np.arange(shape[1]) < lengths
    arrays = {"mask": mask} if masked else {}

    def step(framework, adapter):
        keras = {"dtype": dtype} if framework == "keras" else {}
        layer = panel(framework, "pooling").GlobalAveragePool1D(**keras)
        return adapter.step(layer, x, upstream, **arrays)

    found = everywhere(step)
    parity("pooling", found, terms=shape[1] + 2)
    for row, length in enumerate(lengths[:, 0] if masked else [shape[1]] * shape[0]):
        mean = x[row, :length].mean(axis=0) if length else np.zeros(shape[2])
        np.testing.assert_allclose(found["scratch"]["output"][row], mean, rtol=1e-5, atol=1e-7)


def test_mean_over_steps_backward_is_the_gradient():
    upstream = np.random.default_rng(1).normal(size=(3, 4))
    x = np.random.default_rng(0).normal(size=(3, 5, 4))
    mask = np.arange(5) < np.array([[2], [5], [0]])
    for seen in (None, mask):
        grad = SCRATCH.global_average_pool1d_backward(upstream, x, seen)
        assert_gradient(
            lambda x, seen=seen: (upstream * SCRATCH.global_average_pool1d(x, seen)).sum(), x, grad
        )


def test_bare_keras_mean_over_steps(parity):
    """``GlobalAveragePooling1D``, with its mask; where no step is real, Keras has NaN."""
    import keras

    x = np.random.default_rng(0).normal(size=(3, 5, 4))
    mask = np.arange(5) < np.array([[2], [5], [1]])
    bare = keras.layers.GlobalAveragePooling1D(dtype="float64")
    tensor = ADAPTERS["keras"].tensor
    theirs = ADAPTERS["keras"].numpy(bare(tensor(x), mask=tensor(mask)))
    ours = SCRATCH.global_average_pool1d(x, mask)
    parity("pooling, native", {"scratch": ours, "keras": theirs}, terms=8)


def test_bad_steps():
    x = np.ones((2, 3, 4), np.float32)

    def apply(x, mask=None):
        def call(framework, adapter):
            given = [] if mask is None else [adapter.tensor(mask)]
            panel(framework, "pooling").global_average_pool1d(adapter.tensor(x), *given)

        return call

    same_error(apply(x[0]), "x must have shape (N, T, features), got shape (3, 4)")
    same_error(apply(x[:, :0]), "x must hold at least one row, got shape (2, 0, 4)")
    same_error(apply(x, np.ones((2, 4), bool)), "mask must have shape (2, 3), got (2, 4)")
    same_error(apply(x, np.ones((2, 3), int)), "mask must be boolean, got int64")
