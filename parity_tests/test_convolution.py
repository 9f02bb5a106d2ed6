from copy import deepcopy

import numpy as np
import pytest
from scipy.signal import correlate2d

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
from triptych.common.windows import geometry
from triptych.weights import canonical, load, save, to_torch_layout

SCRATCH = panel("scratch", "convolution")

# Shape of x (N, H, W, in), kernel size, out, stride, padding; dilation and groups.
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
    ((2, 7, 5, 2), 3, 3, 1, ((1, 0), (0, 2))),  # unequal padding
    ((2, 6, 7, 2), (2, 3), 2, 2, ((0, 3), (2, 1))),
    ((2, 7, 8, 2), 3, 3, 1, "valid", 2),
    ((2, 7, 8, 2), (3, 2), 3, 1, "same", (2, 3)),
    ((1, 5, 6, 1), (2, 3), 2, 1, ((1, 2), (3, 0)), (4, 2)),
    ((2, 8, 9, 2), 3, 2, 2, "same", 2),  # dilation and stride, which TensorFlow refuses
    ((2, 9, 8, 3), (2, 3), 2, (1, 2), 1, (2, 1)),
    ((2, 8, 9, 4), 2, 4, (3, 2), "valid", (3, 2), 2),
    ((2, 5, 6, 6), 3, 4, 1, "same", 1, 2),
    ((2, 6, 5, 6), (2, 3), 3, 2, 1, 1, 3),
    ((2, 6, 6, 4), (3, 1), 6, 1, "valid", 2, 2),
    ((2, 5, 6, 5), 3, 5, 1, "same", 1, 5),  # depthwise
    ((2, 6, 7, 3), (2, 3), 6, 2, ((0, 1), (2, 0)), 1, 3),  # two filters for a channel
    ((2, 6, 7, 2), 3, 4, (1, 2), "same", 1, 2),  # strides that differ
    ((2, 7, 7, 3), 2, 3, 1, "same", (2, 3), 3),
    ((2, 9, 8, 2), 3, 6, 2, 1, 2, 2),
    # A 1x1 kernel with a stride: PyTorch may write where it must not (uxlfoundation/oneDNN#6035).
    ((16, 16, 16, 4), 1, 8, 2, "valid"),
    ((2, 7, 6, 4), 1, 6, (2, 3), ((1, 0), (2, 1)), 1, 2),
]
SMALL = [
    ((2, 4, 4, 2), (3, 2), 2, 1, "valid"),
    ((1, 5, 4, 1), 2, 2, 3, "same"),
    ((2, 4, 5, 2), 3, 1, 2, "same"),
    ((1, 3, 4, 2), (2, 3), 2, (2, 1), (1, 2)),
    ((1, 2, 2, 6), 3, 2, 1, 1),
    ((1, 4, 5, 4), 2, 2, 2, ((1, 0), (2, 1)), (1, 2), 2),
    ((1, 4, 4, 2), (2, 3), 4, 1, "same", 2, 2),
]


def draw(dtype, *shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def arrays(
    shape, kernel_size, out_channels, stride, padding, dilation=1, groups=1, *, dtype="float64"
):
    """x, weight, bias and dL/dy for a geometry."""
    height, width = kernel_size if isinstance(kernel_size, tuple) else (kernel_size,) * 2
    output = geometry(shape, (height, width), stride, padding, dilation).output
    return (
        draw(dtype, *shape),
        draw(dtype, height, width, shape[-1] // groups, out_channels, seed=1),
        draw(dtype, out_channels, seed=2),
        draw(dtype, shape[0], *output, out_channels, seed=3),
    )


def longest_sum(weight, upstream):
    """For an output, for dL/dx, for dL/dweight and dL/dbias."""
    height, width, in_channels, out_channels = weight.shape
    return max(
        height * width * in_channels + 1, height * width * out_channels, upstream[..., 0].size
    )


def options_of(case):
    return dict(zip(("stride", "padding", "dilation", "groups"), case[3:], strict=False))


def make(framework, *case, **options):
    shape, kernel_size, out_channels = case[:3]
    return panel(framework, "convolution").Conv2D(
        shape[-1], out_channels, kernel_size, **options_of(case), **options
    )


def tensors(framework, x, weight, *bias):
    """The arguments of ``conv2d``: PyTorch has a kernel layout of its own."""
    kernel = to_torch_layout("weight", weight) if framework == "torch" else weight
    return [ADAPTERS[framework].tensor(array) for array in (x, kernel, *bias)]


def by_hand(x, weight, bias, stride=1, padding="valid", dilation=1, groups=1):
    """One window at a time, with a kernel for all the channels that is 0 outside its group."""
    kernel, channels = weight.shape[:2], weight.shape[2]
    (down, right), sides, output, apart = geometry(x.shape, kernel, stride, padding, dilation)
    padded = np.pad(x, ((0, 0), *sides, (0, 0)))
    whole = np.zeros((*kernel, x.shape[-1], weight.shape[-1]))
    for o in range(weight.shape[-1]):
        first = o // (weight.shape[-1] // groups) * channels
        whole[:, :, first : first + channels, o] = weight[..., o]
    y = np.empty((len(x), *output, weight.shape[-1]))
    for i, j in np.ndindex(output):
        rows = i * down + apart[0] * np.arange(kernel[0])
        columns = j * right + apart[1] * np.arange(kernel[1])
        y[:, i, j] = np.tensordot(padded[:, rows][:, :, columns], whole, 3) + bias
    return y


# --- The three panels ---------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", GEOMETRIES)
def test_conv2d(parity, dtype, case):
    x, weight, bias, upstream = arrays(*case, dtype=dtype)

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
    options = options_of(case)

    def call(framework, adapter):
        given = tensors(framework, x, weight, bias)
        conv2d = panel(framework, "convolution").conv2d
        return [conv2d(*given, **options), conv2d(*given[:2], **options)]

    expected = [by_hand(x, weight, b, **options) for b in (bias, 0)]
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
    options = options_of(case)
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
    options = options_of(case)
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


@pytest.mark.parametrize("case", [GEOMETRIES[i] for i in (28, 32, 34)])
def test_grouped_weights_travel(parity, tmp_path, case):
    """Saved from each panel and loaded into each: the same numbers in the same layout."""
    x = arrays(*case)[0]
    for source in PACKAGES:
        trained = make(source, *case, seed=9, name="c", dtype="float64")
        save(trained, tmp_path / "weights.safetensors")
        weight = canonical(trained)["weight"]
        channels, filters = case[0][-1], case[2]
        assert weight.shape[2:] == (channels // case[6], filters)

        def call(framework, adapter):
            layer = make(framework, *case, seed=1, name="c", dtype="float64")
            load(layer, tmp_path / "weights.safetensors")
            return layer(adapter.tensor(x))

        parity("convolution", everywhere(call), terms=weight.size)


def test_torch_state_and_copies():
    import torch

    layer = make("torch", *GEOMETRIES[32], dtype="float64")
    other = make("torch", *GEOMETRIES[32], seed=1, dtype="float64")
    x = ADAPTERS["torch"].tensor(arrays(*GEOMETRIES[32])[0])
    assert not torch.equal(layer(x), other(x))
    other.load_state_dict(layer.state_dict())
    for copy in (other, deepcopy(layer)):
        assert torch.equal(layer(x), copy(x))


# --- The frameworks' own ------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    ("kernel_size", "stride", "padding", "dilation", "groups"),
    [
        (3, 1, 1, 1, 1),
        (3, 2, 1, 1, 1),
        (5, 1, 2, 1, 1),
        (1, 1, 0, 1, 1),
        ((2, 4), (3, 1), (0, 2), 1, 1),
        (3, 1, "valid", 1, 1),
        (3, 2, 1, 2, 1),
        ((2, 3), (1, 2), (0, 3), (3, 2), 3),
        (3, 1, 1, 1, 3),
    ],
)
def test_bare_torch_convolution(parity, dtype, kernel_size, stride, padding, dilation, groups):
    """``torch.nn.Conv2d`` on (N, C, H, W), with its own initial weights.

    Entries of the map: kernel-layout, data-format.
    """
    import torch

    torch.manual_seed(0)
    options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    bare = torch.nn.Conv2d(3, 6, kernel_size, **options, dtype=getattr(torch, dtype))
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
    ("kernel_size", "stride", "padding", "dilation", "groups"),
    [
        (3, 1, "same", 1, 1),
        (3, 2, "same", 1, 1),
        (2, 1, "same", 1, 1),
        ((4, 2), (2, 3), "same", 1, 1),
        (3, 1, "valid", 1, 1),
        (3, 1, "same", 2, 1),
        ((2, 3), 1, "valid", (3, 2), 1),
        (3, 2, "same", 1, 3),
        (2, 1, "same", 2, 3),
    ],
)
def test_bare_keras_convolution(parity, dtype, kernel_size, stride, padding, dilation, groups):
    """Entries of the map: kernel-layout, same-padding-stride."""
    adapter = ADAPTERS["keras"]
    bare = adapter.keras.layers.Conv2D(
        6,
        kernel_size,
        strides=stride,
        padding=padding,
        dilation_rate=dilation,
        groups=groups,
        dtype=dtype,
        data_format="channels_last",
    )
    x = draw(dtype, 2, 8, 7, 3)
    bare.build(x.shape)
    weights = {"weight": adapter.weights(bare)["weight"], "bias": draw(dtype, 6, seed=2)}
    adapter.load(bare, weights)
    upstream = draw(dtype, *bare.compute_output_shape(x.shape), seed=1)
    case = x.shape, kernel_size, 6, stride, padding, dilation, groups
    layer = make("scratch", *case, dtype=dtype)
    layer.set_weights(weights)
    found = {
        "scratch": ADAPTERS["scratch"].step(layer, x, upstream),
        "keras": adapter.step(bare, x, upstream),
    }
    parity("convolution, native", found, terms=longest_sum(weights["weight"], upstream))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    ("stride", "padding", "dilation", "multiplier"),
    [(1, "same", 1, 1), (2, "same", 1, 2), (1, "valid", (2, 1), 2)],
)
def test_bare_keras_depthwise(parity, dtype, stride, padding, dilation, multiplier):
    """``DepthwiseConv2D``, whose kernel is (height, width, in, multiplier).

    Entries of the map: depthwise-kernel.
    """
    adapter = ADAPTERS["keras"]
    bare = adapter.keras.layers.DepthwiseConv2D(
        3,
        strides=stride,
        padding=padding,
        depth_multiplier=multiplier,
        dilation_rate=dilation,
        dtype=dtype,
        data_format="channels_last",
    )
    x, bias = draw(dtype, 2, 8, 7, 3), draw(dtype, 3 * multiplier, seed=2)
    bare.build(x.shape)
    kernel = draw(dtype, 3, 3, 3, multiplier, seed=4)
    adapter.load(bare, {"weight": kernel, "bias": bias})
    upstream = draw(dtype, *bare.compute_output_shape(x.shape), seed=1)
    layer = make("scratch", x.shape, 3, 3 * multiplier, stride, padding, dilation, 3, dtype=dtype)
    weight = kernel.reshape(3, 3, 1, -1)
    layer.set_weights({"weight": weight, "bias": bias})
    found = {
        "scratch": ADAPTERS["scratch"].step(layer, x, upstream),
        "keras": adapter.step(bare, x, upstream),
    }
    gradient = found["keras"]["gradient.weight"]
    found["keras"]["gradient.weight"] = gradient.reshape(weight.shape)
    parity("convolution, native", found, terms=longest_sum(weight, upstream))


def test_scipy_on_every_channel(parity):
    """A depthwise, dilated, unequally padded convolution is a correlation with holes in it."""
    x, weight = draw("float64", 1, 7, 8, 3), draw("float64", 2, 3, 1, 3, seed=1)
    options = {"padding": ((1, 0), (2, 3)), "dilation": (3, 2), "groups": 3}
    holes = np.zeros((4, 5, 3))
    holes[::3, ::2] = weight[:, :, 0]
    padded = np.pad(x[0], ((1, 0), (2, 3), (0, 0)))
    expected = [correlate2d(padded[..., c], holes[..., c], "valid") for c in range(3)]
    y = SCRATCH.conv2d(x, weight, **options)
    found = {"scratch": y[0], "scipy": np.stack(expected, axis=-1)}
    parity("convolution, native", found, terms=weight[..., 0].size)


@pytest.mark.parametrize("shape", [(7, 6), (3, 3), (5, 9)])
def test_scipy_correlation(parity, shape):
    x, weight = draw("float64", *shape), draw("float64", 3, 3, seed=1)
    for mode in ("valid", "same"):
        y = SCRATCH.conv2d(x[None, :, :, None], weight[:, :, None, None], padding=mode)
        expected = correlate2d(x, weight, mode)
        found = {"scratch": y[0, :, :, 0], "scipy": expected}
        parity("convolution, native", found, terms=weight.size)


# --- Keras --------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", [GEOMETRIES[i] for i in (9, 12, 21, 25, 28, 32)])
@pytest.mark.parametrize("size", ["known", "any"])
def test_keras_model(tmp_path, case, size):
    """Saved and loaded, in a graph, for images of one size or of any."""
    adapter, shape = ADAPTERS["keras"], case[0]
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
    expected = by_hand(x, weight, bias, **options_of(case))
    sizes = expected.shape[1:3] if size == "known" else (None, None)
    assert model.output_shape == copy.output_shape == (None, *sizes, expected.shape[-1])
    for run in (model, copy, *traced(model, (None, *given), "float64")):
        y = adapter.numpy(run(adapter.tensor(x)))
        assert y.shape == expected.shape
        assert np.abs(y - expected).max() <= 1e-12 * np.abs(expected).max()


@pytest.mark.skipif(ADAPTERS["keras"].backend != "tensorflow", reason="of TensorFlow's graphs")
@pytest.mark.parametrize("case", [GEOMETRIES[i] for i in (23, 25, 27, 28, 32, 33, 35)])
def test_gradients_in_a_graph(case):
    """For images of any size, and compiled by XLA: also what TensorFlow's own ops refuse there."""
    import tensorflow as tf

    x, weight, _, upstream = arrays(*case)
    options, conv2d = options_of(case), panel("keras", "convolution").conv2d
    kernel = tf.constant(weight)

    def gradients(x):
        with tf.GradientTape() as tape:
            tape.watch([x, kernel])
            loss = tf.reduce_sum(upstream * conv2d(x, kernel, **options))
        return tape.gradient(loss, [x, kernel])

    expected = SCRATCH.conv2d_backward(upstream, x, weight, **options)[:2]
    for run in traced(gradients, (None, None, None, x.shape[-1]), "float64"):
        for found, grad in zip(run(tf.constant(x)), expected, strict=True):
            assert np.abs(found.numpy() - grad).max() <= 1e-12 * np.abs(grad).max()


def test_keras_activation_and_what_is_fixed():
    adapter = ADAPTERS["keras"]
    x, weight, bias, _ = arrays(*GEOMETRIES[0])
    layer = make("keras", *GEOMETRIES[0], dtype="float64", activation="relu")
    adapter.load(layer, {"weight": weight, "bias": bias})
    expected = np.maximum(by_hand(x, weight, bias, 1, "valid"), 0)
    np.testing.assert_allclose(adapter.numpy(layer(adapter.tensor(x))), expected, atol=1e-12)
    for key in ("filters", "strides", "data_format", "dilation_rate"):
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
        layout = "height, width, in / groups, out"
        if framework == "torch":
            layout = "out, in / groups, height, width"
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
    same_error(lambda f, a: make(f, *case, value), f"dilation {pair} {value!r}")
    same_error(call(dilation=value), f"dilation {pair} {value!r}")
    if value not in (0, (1, 0)):  # an amount of padding may be
        allowed = (
            "'valid', 'same', an integer >= 0, a pair of them (height, width) "
            "or two pairs ((top, bottom), (left, right))"
        )
        message = f"padding must be {allowed}, got {value!r}"
        same_error(lambda f, a: make(f, *case[:4], value), message)
        same_error(call(padding=value), message)


@pytest.mark.parametrize(
    "value", [((1, 2), 3), ((1, 2), (3, -1)), ((1, 2), (3, 1.5)), ((1,), (2, 3)), ((1, 2),) * 3]
)
def test_bad_padding(value):
    message = (
        "padding must be 'valid', 'same', an integer >= 0, a pair of them (height, width) "
        f"or two pairs ((top, bottom), (left, right)), got {value!r}"
    )
    same_error(lambda f, a: make(f, *GEOMETRIES[0][:4], value), message)


def test_bad_groups():
    for value in (0, -1, 1.5, "two", None, True):
        message = f"groups must be an integer >= 1, got {value!r}"
        same_error(lambda f, a, value=value: make(f, *GEOMETRIES[0], 1, value), message)
    x = np.ones((1, 5, 5, 6), np.float32)
    for value in (3, 4, 5):
        message = f"groups must divide the 6 channels and the 4 filters, got {value}"
        case = x.shape, 2, 4, 1, "valid", 1, value
        same_error(lambda f, a, case=case: make(f, *case), message)
    weight = np.ones((2, 2, 3, 4), np.float32)
    for value, message in (
        (3, "groups must divide the 9 channels and the 4 filters, got 3"),
        (1, "x must have shape (N, H, W, 3), got shape (1, 5, 5, 6)"),
        (0, "groups must be an integer >= 1, got 0"),
    ):

        def call(framework, adapter, value=value):
            conv2d = panel(framework, "convolution").conv2d
            return conv2d(*tensors(framework, x, weight), groups=value)

        same_error(call, message)


def test_a_dilated_window_does_not_fit():
    x = np.ones((1, 4, 9, 1), np.float32)
    message = (
        "x must be at least 5 pixels high and wide after padding, as large as the window, got 4"
    )
    same_error(lambda f, a: make(f, x.shape, 3, 1, 1, "valid", 2)(a.tensor(x)), message)


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
