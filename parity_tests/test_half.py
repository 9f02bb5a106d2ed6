"""NumPy's half precision: sums are made in float32, as PyTorch and Keras make them."""

import numpy as np
import pytest
import torch
from keras import ops

from parity_tests.fuzz import CALLS
from parity_tests.panels import ADAPTERS, panel
from scratch import batch_norm, convolution, gradient_clipping, losses, penalties, pooling

pytestmark = pytest.mark.once

EPS = np.finfo(np.float16).eps
# They draw, or take a model.
ELSEWHERE = ("training.", "augmentation.", "rand", "averaging.update", "uncertainty.monte_carlo")
HALVED = [
    name
    for name, arguments in CALLS.items()
    if any(
        isinstance(each, np.ndarray) and each.dtype == np.float32
        for value in arguments.values()
        for each in (value if isinstance(value, list) else [value])
    )
    and not name.startswith(ELSEWHERE)
    and name.partition(".")[2] in panel("scratch", name.partition(".")[0]).__all__
]


def cast(value, dtype):
    if isinstance(value, list | tuple):
        return type(value)(cast(each, dtype) for each in value)
    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind == "f":
        return value.astype(dtype)
    return value("scratch") if getattr(value, "__module__", "") == "parity_tests.fuzz" else value


def arrays(result):
    if isinstance(result, list | tuple):
        return [array for each in result for array in arrays(each)]
    return [np.asarray(result)] if np.asarray(result).dtype.kind == "f" else []


@pytest.mark.parametrize("name", HALVED)
def test_half_is_float32_rounded(name):
    file, _, attribute = name.partition(".")
    function = getattr(panel("scratch", file), attribute)
    half = {key: cast(value, "float16") for key, value in CALLS[name].items()}
    wide = {key: cast(value, "float32") for key, value in half.items()}
    for found, expected in zip(arrays(function(**half)), arrays(function(**wide)), strict=True):
        assert found.dtype == np.float16
        # A few roundings of a number of the size of the arguments, below 2.
        np.testing.assert_allclose(found.astype(float), expected, rtol=4 * EPS, atol=4 * EPS)


@pytest.mark.parametrize("mean", [0, 100])
def test_batch_norm_of_many_rows(mean):
    x = (np.random.default_rng(0).normal(size=(32768, 3)) + mean).astype(np.float16)
    y, batch_mean, variance = batch_norm.batch_norm_train(x, None, None, epsilon=1e-5)
    exact = x.astype(float)
    np.testing.assert_allclose(batch_mean, exact.mean(0), rtol=EPS, atol=EPS)
    np.testing.assert_allclose(variance, exact.var(0), rtol=EPS)
    assert y.dtype == np.float16
    expected = torch.nn.functional.batch_norm(torch.from_numpy(x), None, None, training=True)
    np.testing.assert_allclose(y, expected.numpy(), rtol=4 * EPS, atol=4 * EPS)
    grad = np.ones_like(x)
    _, _, dbeta = batch_norm.batch_norm_backward(grad, x, None, batch_mean, variance, epsilon=1e-5)
    np.testing.assert_array_equal(dbeta, 32768)


def test_sums_do_not_stop_at_2048():
    ones = np.ones((4, 32, 32, 1), np.float16)
    np.testing.assert_array_equal(convolution.conv2d_bias_backward(ones), 4096)
    np.testing.assert_array_equal(pooling.global_average_pool2d(np.repeat(ones, 2, axis=0)), 1)
    assert penalties.l1_penalty(ones, 1.0) == penalties.l2_penalty(ones, 2.0) == 4096
    assert gradient_clipping.global_norm([ones, 2 * ones[:3]]) == 128
    loss = losses.softmax_cross_entropy(np.zeros((2, 5000), np.float16), np.zeros(2, int))
    assert abs(loss - np.log(5000)) < 8 * EPS


def test_a_result_that_is_too_large_is_infinite():
    assert penalties.l2_penalty(np.full(9, 300, np.float16), 1.0) == np.inf


def test_a_mix_is_refused():
    x, gamma = np.ones((4, 3), np.float16), np.ones(3, np.float32)
    with pytest.raises(ValueError, match="gamma must have the dtype of x, float16, got float32"):
        batch_norm.batch_norm_train(x, gamma, None, epsilon=1e-5)


def test_autocast_of_pytorch_casts_as_it_was_asked_to():
    layers, norm = panel("torch", "layers"), panel("torch", "batch_norm")
    model = layers.Sequential(
        [
            panel("torch", "convolution").Conv2D(1, 2, 3),
            norm.BatchNorm(2),
            layers.ReLU(),
            layers.Flatten(),
            layers.Dense(8, 3),
        ]
    )
    x = torch.rand(5, 4, 4, 1)
    with torch.autocast("cpu", torch.bfloat16):
        y = model(x)
    assert y.dtype == torch.bfloat16
    bound = 8 * torch.finfo(torch.bfloat16).eps
    torch.testing.assert_close(y.float(), model(x), rtol=bound, atol=bound)


BRAIN = [name for name in HALVED if name not in ("optimizers.sgd_step", "optimizers.adam_step")]


@pytest.mark.parametrize("framework", ["torch", "keras"])
@pytest.mark.parametrize("name", BRAIN)
def test_bfloat16_of_the_frameworks(framework, name):
    file, _, attribute = name.partition(".")
    function = getattr(panel(framework, file), attribute, None)
    if function is None:  # a backward pass of NumPy's
        return
    adapter = ADAPTERS[framework]

    def tensors(value, dtype):
        if isinstance(value, list):
            return [tensors(each, dtype) for each in value]
        if not isinstance(value, np.ndarray):
            return value
        tensor = adapter.tensor(value)
        if value.dtype.kind != "f":
            return tensor
        return tensor.to(getattr(torch, dtype)) if framework == "torch" else ops.cast(tensor, dtype)

    def call(dtype):
        arguments = {key: tensors(value, dtype) for key, value in CALLS[name].items()}
        if framework == "torch":  # whose weights stand the other way round
            for key, value in arguments.items():
                if file == "convolution" and key == "weight" and value.ndim == 4:
                    arguments[key] = value.permute(3, 2, 0, 1)
                if file in ("recurrent", "attention") and key.endswith("weight"):
                    arguments[key] = value.T
        found = [each for each in flat(function(**arguments)) if "float" in str(each.dtype)]
        assert all(dtype in str(each.dtype) for each in found)
        return [
            ops.cast(each, "float32") if framework == "keras" else each.float() for each in found
        ]

    for brain, plain in zip(call("bfloat16"), call("float32"), strict=True):
        # A few roundings to 8 bits of a number of the size of the arguments.
        np.testing.assert_allclose(adapter.numpy(brain), adapter.numpy(plain), rtol=0.1, atol=0.1)


def flat(result):
    if isinstance(result, list | tuple):
        return [each for part in result for each in flat(part)]
    return [result]
