import numpy as np
import pytest
from scipy.signal import correlate2d

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
from triptych.weights import to_torch_layout

SCRATCH = panel("scratch", "convolution")

# Shape of x (N, H, W, in), kernel size, out, stride, padding.
GEOMETRIES = [
    ((2, 5, 5, 3), (3, 3), 4, 1, "valid"),
    ((1, 1, 1, 1), 1, 1, 1, "valid"),
    ((2, 4, 6, 2), 1, 3, 1, "same"),
    ((2, 7, 5, 3), 1, 2, 3, "valid"),  # stride > kernel
    ((2, 8, 9, 2), 2, 3, (4, 3), "valid"),
    ((1, 9, 8, 1), 2, 3, 3, "same"),
    ((2, 6, 7, 2), 2, 2, 1, "same"),  # even kernels
    ((1, 6, 5, 1), (4, 2), 2, (1, 2), "same"),
    ((3, 8, 7, 2), (2, 3), 3, (2, 1), "valid"),
    ((2, 7, 8, 3), 3, 4, 2, "same"),  # stride 2: an odd and an even side
    ((2, 8, 8, 1), 3, 2, 2, "same"),
    ((2, 8, 7, 3), (3, 2), 2, (2, 3), "same"),
    ((2, 6, 5, 2), 3, 3, 1, 1),  # explicit padding
    ((2, 7, 6, 2), (3, 5), 2, 2, (2, 1)),
    ((1, 5, 4, 2), (1, 2), 2, 2, (3, 2)),
    ((2, 3, 4, 2), (3, 4), 5, 1, "valid"),  # as large as the kernel, and smaller
    ((1, 2, 3, 1), (4, 5), 2, 2, "same"),
    ((2, 2, 2, 1), (5, 4), 2, 1, (2, 1)),
    ((2, 6, 6, 8), 3, 16, 1, "same"),  # many channels
    ((2, 6, 5, 17), 3, 9, 2, 1),
]
SMALL = [
    ((2, 4, 4, 2), (3, 2), 2, 1, "valid"),
    ((1, 5, 4, 1), 2, 2, 3, "same"),
    ((2, 4, 5, 2), 3, 1, 2, "same"),
    ((1, 3, 4, 2), (2, 3), 2, (2, 1), (1, 2)),
    ((1, 2, 2, 6), 3, 2, 1, 1),
]


def draw(dtype, *shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def arrays(shape, kernel_size, out_channels, stride, padding, dtype="float64"):
    """x, weight, bias and dL/dy for a geometry."""
    height, width = kernel_size if isinstance(kernel_size, tuple) else (kernel_size,) * 2
    output = geometry(shape, (height, width), stride, padding).output
    return (
        draw(dtype, *shape),
        draw(dtype, height, width, shape[-1], out_channels, seed=1),
        draw(dtype, out_channels, seed=2),
        draw(dtype, shape[0], *output, out_channels, seed=3),
    )


def longest_sum(weight, upstream):
    """For an output, for dL/dx, for dL/dweight and dL/dbias."""
    height, width, in_channels, out_channels = weight.shape
    return max(
        height * width * in_channels + 1, height * width * out_channels, upstream[..., 0].size
    )


def make(framework, shape, kernel_size, out_channels, stride, padding, **options):
    return panel(framework, "convolution").Conv2D(
        shape[-1], out_channels, kernel_size, stride=stride, padding=padding, **options
    )


def tensors(framework, x, weight, *bias):
    """The arguments of ``conv2d``: PyTorch has a kernel layout of its own."""
    kernel = to_torch_layout("weight", weight) if framework == "torch" else weight
    return [ADAPTERS[framework].tensor(array) for array in (x, kernel, *bias)]


def by_hand(x, weight, bias, stride, padding):
    """One window at a time."""
    kernel = weight.shape[:2]
    (down, right), sides, output = geometry(x.shape, kernel, stride, padding)
    padded = np.pad(x, ((0, 0), *sides, (0, 0)))
    y = np.empty((len(x), *output, weight.shape[-1]))
    for i, j in np.ndindex(output):
        window = padded[:, i * down : i * down + kernel[0], j * right : j * right + kernel[1]]
        y[:, i, j] = np.tensordot(window, weight, 3) + bias
    return y


# --- The three panels ---------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", GEOMETRIES)
def test_conv2d(parity, dtype, case):
    x, weight, bias, upstream = arrays(*case, dtype)

    def step(framework, adapter):
        layer = make(framework, *case, dtype=dtype)
        adapter.load(layer, {"weight": weight, "bias": bias})
        return adapter.step(layer, x, upstream)

    found = everywhere(step)
    keys = {"output", "gradient.x", "gradient.weight", "gradient.bias"}
    assert set(found["scratch"]) == keys
    parity("convolution", found, terms=longest_sum(weight, upstream))


@pytest.mark.parametrize("case", GEOMETRIES)
def test_conv2d_by_hand(parity, case):
    """The function, of what it is given: also by position, without a bias, in PyTorch's layout."""
    x, weight, bias, upstream = arrays(*case)
    options = {"stride": case[3], "padding": case[4]}

    def call(framework, adapter):
        given = tensors(framework, x, weight, bias)
        conv2d = panel(framework, "convolution").conv2d
        return [conv2d(*given, **options), conv2d(*given[:2], **options)]

    expected = [by_hand(x, weight, b, case[3], case[4]) for b in (bias, 0)]
    found = {"by hand": expected} | everywhere(call)
    parity("convolution", found, terms=longest_sum(weight, upstream))


@pytest.mark.parametrize("kernel_size", [(1, 1), (1, 3), (2, 3), (3, 2)])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize(("filters", "channels"), [(1, 1), (1, 2), (1, 3), (2, 1)])
def test_few_filters(parity, kernel_size, stride, filters, channels):
    """Kernels with axes of one element, whose strides in memory mean nothing."""
    case = ((2, 7, 6, channels), kernel_size, filters, stride, "valid")
    x, weight, bias, upstream = arrays(*case)
    upstream = np.abs(upstream)  # the bound holds at the scale of a sum, which must not cancel

    def step(framework, adapter):
        layer = make(framework, *case, dtype="float64")
        adapter.load(layer, {"weight": weight, "bias": bias})
        return adapter.step(layer, x, upstream)

    parity("convolution", everywhere(step), terms=longest_sum(weight, upstream))


def test_a_layer_without_a_bias(parity):
    case = GEOMETRIES[0]
    x, weight, _, upstream = arrays(*case)

    def step(framework, adapter):
        layer = make(framework, *case, use_bias=False, dtype="float64")
        adapter.load(layer, {"weight": weight})
        return adapter.step(layer, x, upstream)

    found = everywhere(step)
    assert set(found["scratch"]) == {"output", "gradient.x", "gradient.weight"}
    parity("convolution", found, terms=longest_sum(weight, upstream))


@pytest.mark.parametrize("case", SMALL)
def test_backward_is_the_gradient(parity, case):
    x, weight, bias, upstream = arrays(*case)
    options = {"stride": case[3], "padding": case[4]}
    dx, dweight, dbias = SCRATCH.conv2d_backward(upstream, x, weight, **options)

    def loss(x, weight, bias):
        return (upstream * SCRATCH.conv2d(x, weight, bias, **options)).sum()

    assert_gradient(lambda x: loss(x, weight, bias), x, dx)
    assert_gradient(lambda weight: loss(x, weight, bias), weight, dweight)
    assert_gradient(lambda bias: loss(x, weight, bias), bias, dbias)
    layer = make("scratch", *case, dtype="float64")
    layer.set_weights({"weight": weight, "bias": bias})
    layer(x)
    found = {"function": [dx, dweight, dbias]}
    found["layer"] = [layer.backward(upstream), layer.grads["weight"], layer.grads["bias"]]
    parity("convolution", found, terms=longest_sum(weight, upstream))
    both = dict(layer.grads)
    layer.grads.clear()
    layer.backward_parameters(upstream)
    np.testing.assert_equal(layer.grads, both)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_initial_weights(parity, dtype):
    """Glorot uniform as both frameworks know it, bit for bit the same in the three panels."""
    case = ((1, 3, 5, 4), (3, 5), 2, 1, "valid")
    initial = everywhere(lambda f, a: a.weights(make(f, *case, seed=7, name="c", dtype=dtype)))
    parity("convolution", initial, tolerance=0)
    weight = initial["scratch"]["weight"]
    assert weight.shape == (3, 5, 4, 2)
    assert not initial["scratch"]["bias"].any()
    limit = np.sqrt(6 / (15 * 4 + 15 * 2))
    assert 0.95 * limit < np.abs(weight).max() <= limit
    other = [make("scratch", *case, seed=s, name=n, dtype=dtype) for s, n in ((8, "c"), (7, "d"))]
    assert all((layer.params["weight"] != weight).mean() > 0.99 for layer in other)


@pytest.mark.parametrize("case", SMALL)
def test_layout_in_memory_does_not_matter(parity, case):
    options = {"stride": case[3], "padding": case[4]}
    found = {}
    for order in "CF":
        x, weight, bias, upstream = (np.array(array, order=order) for array in arrays(*case))
        grads = SCRATCH.conv2d_backward(upstream, x, weight, **options)
        found[order] = [SCRATCH.conv2d(x, weight, bias, **options), *grads]
        layer = make("scratch", *case, dtype="float64")
        layer.params.update(weight=weight, bias=bias)
        outputs = [layer(x), layer.backward(upstream)]
        found[f"layer, {order}"] = [*outputs, layer.grads["weight"], layer.grads["bias"]]
    parity("convolution", found, terms=longest_sum(weight, upstream))


def test_nothing_of_the_caller_changes():
    for case in (GEOMETRIES[0], GEOMETRIES[9], GEOMETRIES[12]):
        x, weight, bias, upstream = arrays(*case)
        given = [array.copy() for array in (x, weight, bias, upstream)]
        layer = make("scratch", *case, dtype="float64")
        layer.params.update(weight=weight, bias=bias)
        y = layer(x)
        kept = y.copy()
        first, second = layer.backward(upstream), layer.backward(upstream)
        np.testing.assert_array_equal(first, second)
        np.testing.assert_array_equal(y, kept)
        for array, before in zip((x, weight, bias, upstream), given, strict=True):
            np.testing.assert_array_equal(array, before)


# --- The frameworks' own ------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    ("kernel_size", "stride", "padding"),
    [(3, 1, 1), (3, 2, 1), (5, 1, 2), (1, 1, 0), ((2, 4), (3, 1), (0, 2)), (3, 1, "valid")],
)
def test_bare_torch_convolution(parity, dtype, kernel_size, stride, padding):
    """``torch.nn.Conv2d`` on (N, C, H, W), with its own initial weights.

    Entries of the map: kernel-layout, data-format.
    """
    import torch

    torch.manual_seed(0)
    options = {"stride": stride, "padding": padding}
    bare = torch.nn.Conv2d(3, 4, kernel_size, **options, dtype=getattr(torch, dtype))
    weight, bias = (p.detach().numpy() for p in (bare.weight, bare.bias))
    weight = weight.transpose(2, 3, 1, 0)
    x = draw(dtype, 2, 8, 7, 3)
    images = torch.tensor(x.transpose(0, 3, 1, 2)).requires_grad_()
    y = bare(images)
    upstream = draw(dtype, *(y.shape[i] for i in (0, 2, 3, 1)), seed=1)
    y.backward(torch.tensor(upstream.transpose(0, 3, 1, 2)))
    dx, dweight, dbias = SCRATCH.conv2d_backward(upstream, x, weight, **options)
    parity(
        "convolution, native",
        {
            "scratch": {
                "output": SCRATCH.conv2d(x, weight, bias, **options).transpose(0, 3, 1, 2),
                "gradient.x": dx.transpose(0, 3, 1, 2),
                "gradient.weight": dweight.transpose(3, 2, 0, 1),
                "gradient.bias": dbias,
            },
            "torch": {
                "output": y,
                "gradient.x": images.grad,
                "gradient.weight": bare.weight.grad,
                "gradient.bias": bare.bias.grad,
            },
        },
        terms=longest_sum(weight, upstream),
    )


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    ("kernel_size", "stride", "padding"),
    [(3, 1, "same"), (3, 2, "same"), (2, 1, "same"), ((4, 2), (2, 3), "same"), (3, 1, "valid")],
)
def test_bare_keras_convolution(parity, dtype, kernel_size, stride, padding):
    """Entries of the map: kernel-layout, same-padding-stride."""
    adapter = ADAPTERS["keras"]
    bare = adapter.keras.layers.Conv2D(
        4, kernel_size, strides=stride, padding=padding, dtype=dtype, data_format="channels_last"
    )
    x = draw(dtype, 2, 8, 7, 3)
    bare.build(x.shape)
    weights = {"weight": adapter.weights(bare)["weight"], "bias": draw(dtype, 4, seed=2)}
    adapter.load(bare, weights)
    upstream = draw(dtype, *bare.compute_output_shape(x.shape), seed=1)
    layer = make("scratch", x.shape, kernel_size, 4, stride, padding, dtype=dtype)
    layer.set_weights(weights)
    found = {
        "scratch": ADAPTERS["scratch"].step(layer, x, upstream),
        "keras": adapter.step(bare, x, upstream),
    }
    parity("convolution, native", found, terms=longest_sum(weights["weight"], upstream))


@pytest.mark.parametrize("shape", [(7, 6), (3, 3), (5, 9)])
def test_scipy_correlation(parity, shape):
    x, weight = draw("float64", *shape), draw("float64", 3, 3, seed=1)
    for mode in ("valid", "same"):
        y = SCRATCH.conv2d(x[None, :, :, None], weight[:, :, None, None], padding=mode)
        expected = correlate2d(x, weight, mode)
        found = {"scratch": y[0, :, :, 0], "scipy": expected}
        parity("convolution, native", found, terms=weight.size)


# --- Keras --------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", [GEOMETRIES[9], GEOMETRIES[12]])
@pytest.mark.parametrize("size", ["known", "any"])
def test_keras_model(tmp_path, case, size):
    """Saved and loaded, in a graph, for images of one size or of any."""
    adapter, (shape, *_, stride, padding) = ADAPTERS["keras"], case
    keras = adapter.keras
    given = shape[1:] if size == "known" else (None, None, shape[-1])
    layer = make("keras", *case, seed=5, name="conv_1", dtype="float64")
    inputs = keras.Input(given, dtype="float64")
    model = keras.Model(inputs, layer(inputs))
    x, weight, bias, _ = arrays(*case)
    adapter.load(model, {"conv_1.weight": weight, "conv_1.bias": bias})
    model.save(tmp_path / "model.keras")
    copy = keras.saving.load_model(tmp_path / "model.keras")
    assert type(copy.layers[1]) is type(layer)
    assert copy.layers[1].get_config() == layer.get_config()
    expected = by_hand(x, weight, bias, stride, padding)
    sizes = expected.shape[1:3] if size == "known" else (None, None)
    assert model.output_shape == copy.output_shape == (None, *sizes, expected.shape[-1])
    for run in (model, copy, *traced(model, (None, *given), "float64")):
        y = adapter.numpy(run(adapter.tensor(x)))
        assert y.shape == expected.shape
        assert np.abs(y - expected).max() <= 1e-12 * np.abs(expected).max()


def test_keras_activation_and_what_is_fixed():
    adapter = ADAPTERS["keras"]
    x, weight, bias, _ = arrays(*GEOMETRIES[0])
    layer = make("keras", *GEOMETRIES[0], dtype="float64", activation="relu")
    adapter.load(layer, {"weight": weight, "bias": bias})
    expected = np.maximum(by_hand(x, weight, bias, 1, "valid"), 0)
    np.testing.assert_allclose(adapter.numpy(layer(adapter.tensor(x))), expected, atol=1e-12)
    for key in ("filters", "strides", "data_format", "dilation_rate", "groups"):
        with pytest.raises(TypeError, match=f"multiple values for .*argument '{key}'"):
            make("keras", *GEOMETRIES[0], **{key: 1})


# --- Bad input ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((5, 5, 3), "x must have shape (N, H, W, 3), got shape (5, 5, 3)"),
        ((2, 5, 5, 4), "x must have shape (N, H, W, 3), got shape (2, 5, 5, 4)"),
        ((2, 3, 5, 5), "x must have shape (N, H, W, 3), got shape (2, 3, 5, 5)"),
        ((0, 5, 5, 3), "x must hold at least one row, got shape (0, 5, 5, 3)"),
        (
            (2, 5, 1, 3),
            "x must be at least 2 pixels high and wide after padding, as large as the window, "
            "got 1",
        ),
    ],
)
def test_bad_shape(shape, message):
    x = np.ones(shape, np.float32)
    case = ((2, 5, 5, 3), 2, 4, 1, "valid")
    same_error(lambda f, a: make(f, *case)(a.tensor(x)), message)
    weight = np.ones((2, 2, 3, 4), np.float32)

    same_error(lambda f, a: panel(f, "convolution").conv2d(*tensors(f, x, weight)), message)

    def inside_a_model(framework, adapter):
        layers = panel(framework, "layers")
        model = layers.Sequential([layers.ReLU(), make(framework, *case)])
        model(adapter.tensor(np.ones(case[0], np.float32)))
        model(adapter.tensor(x))

    if len(shape) == 4:  # Keras itself refuses another number of axes than it was built for
        same_error(inside_a_model, message)


def test_bad_arrays():
    x, weight, bias = (np.ones(s, np.float32) for s in ((2, 5, 5, 3), (2, 2, 3, 3), 4))

    def call(*given):
        return lambda f, a: panel(f, "convolution").conv2d(*tensors(f, *given))

    same_error(call(x, weight, bias), "bias must have shape (3,), got (4,)")
    same_error(call(x, weight, np.float32(1)), "bias must have shape (3,), got ()")
    same_error(call(x.astype(int), weight), "x must be floating point, got int64")
    for framework, adapter in ADAPTERS.items():
        layout = "out, in, height, width" if framework == "torch" else "height, width, in, out"
        conv2d = panel(framework, "convolution").conv2d
        with pytest.raises(ValueError) as caught:  # noqa: PT011 (the text is compared below)
            conv2d(adapter.tensor(x), adapter.tensor(weight[0]))
        assert str(caught.value) == f"weight must have shape ({layout}), got (2, 3, 3)"


def test_bad_upstream():
    x, weight, _, upstream = arrays(*GEOMETRIES[0])
    message = r"grad must have shape \(2, 3, 3, 4\), got \(2, 3, 3, 1\)"
    with pytest.raises(ValueError, match=message):
        SCRATCH.conv2d_backward(upstream[..., :1], x, weight)
    layer = make("scratch", *GEOMETRIES[0], dtype="float64")
    layer(x)
    for backward in (layer.backward, layer.backward_parameters):
        with pytest.raises(ValueError, match=message):
            backward(upstream[..., :1])
    message = r"grad must have shape \(N, H, W, C\), got shape \(2, 3, 3\)"
    with pytest.raises(ValueError, match=message):
        SCRATCH.conv2d_bias_backward(upstream[..., 0])


@pytest.mark.parametrize("value", [0, -1, 1.5, "two", None, True, (1, 0), (1, 2, 3)])
def test_bad_sizes(value):
    x, weight = np.ones((1, 5, 5, 2), np.float32), np.ones((2, 2, 2, 2), np.float32)
    pair = "must be an integer >= 1 or a pair of them (height, width), got"
    case = ((1, 5, 5, 2), 2, 2, 1, "valid")
    same_error(lambda f, a: make(f, case[0], value, *case[2:]), f"kernel_size {pair} {value!r}")
    same_error(lambda f, a: make(f, *case[:3], value, "valid"), f"stride {pair} {value!r}")

    def call(**options):
        return lambda f, a: panel(f, "convolution").conv2d(a.tensor(x), a.tensor(weight), **options)

    same_error(call(stride=value), f"stride {pair} {value!r}")
    if value not in (0, (1, 0)):  # an amount of padding may be
        allowed = "'valid', 'same', an integer >= 0 or a pair of them (height, width)"
        message = f"padding must be {allowed}, got {value!r}"
        same_error(lambda f, a: make(f, *case[:4], value), message)
        same_error(call(padding=value), message)


def test_bad_arguments():
    for value in (0, -3, 1.5, "two", None, True):
        for name, sizes in (("in_channels", (value, 2)), ("out_channels", (2, value))):
            same_error(
                lambda f, a, sizes=sizes: panel(f, "convolution").Conv2D(*sizes, 3),
                f"{name} must be an integer >= 1, got {value!r}",
            )
    same_error(
        lambda f, a: make(f, *GEOMETRIES[0], dtype="float16"),
        "dtype must be one of 'float32', 'float64', got 'float16'",
    )
