import keras
import numpy as np
import pytest
import torch

from parity_tests.panels import (
    ADAPTERS,
    DTYPES,
    assert_gradient,
    everywhere,
    panel,
    same_error,
    traced,
)

SCRATCH = panel("scratch", "squared_error")
SHAPES = [(7,), (7, 3), (7, 2, 3)]
S = np.array([1, 0.3, 2, 0, 1, 0.7, 4])
REDUCED = [
    {},
    {"mean_over": "rows"},
    {"reduction": "sum"},
    {"reduction": "none"},
]


def draw(dtype, shape, *, seed=0):
    return np.random.default_rng(seed).normal(size=(2, *shape)).astype(dtype)


def tensors(adapter, options):
    return {k: adapter.tensor(v) if isinstance(v, np.ndarray) else v for k, v in options.items()}


def loss_and_gradient(y, t, **options):
    """``call(framework, adapter)``; scratch by hand, the others by automatic differentiation."""

    def call(framework, adapter):
        loss = panel(framework, "squared_error").mean_squared_error
        if framework == "scratch":
            grad = SCRATCH.mean_squared_error_backward(y, t, **options)
            return [loss(y, t, **options), grad]
        target, given = adapter.tensor(t), tensors(adapter, options)
        upstream = np.ones(len(t) * (options.get("reduction") == "none") or (), y.dtype)
        value, grads = adapter.vjp(lambda z: loss(z, target, **given), (y,), upstream)
        return [value, *grads]

    return call


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("reduced", REDUCED, ids=str)
def test_loss_and_gradient_agree(parity, dtype, reduced):
    for shape in SHAPES:
        y, t = draw(dtype, shape)
        for options in (reduced, reduced | {"sample_weights": S.astype(dtype)}):
            parity("mean_squared_error", everywhere(loss_and_gradient(y, t, **options)), terms=42)


@pytest.mark.parametrize("shape", SHAPES)
def test_backward_is_the_gradient(shape):
    y, t = draw("float64", shape, seed=1)
    for reduced in REDUCED:
        options = reduced | {"sample_weights": S}
        grad = SCRATCH.mean_squared_error_backward(y, t, **options)

        def loss(y, options=options):
            return SCRATCH.mean_squared_error(y, t, **options).sum()

        assert_gradient(loss, y, grad)


def test_by_hand():
    y, t = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 4.0], [0.0, 4.0]])
    loss, weights = SCRATCH.mean_squared_error, {"sample_weights": np.array([1.0, 3.0])}
    assert loss(y, t) == (2 + 4.5) / 2
    assert loss(y, t, **weights) == (2 + 3 * 4.5) / 4
    assert loss(y, t, **weights, mean_over="rows") == (2 + 3 * 4.5) / 2
    assert loss(y, t, **weights, reduction="sum") == 2 + 3 * 4.5
    np.testing.assert_array_equal(loss(y, t, **weights, reduction="none"), [2, 3 * 4.5])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_bare_torch_loss(parity, dtype, reduction):
    """Of rows of 3 numbers, where a sum of ours is a third. Entries of the map: reduction-sum."""
    y, t = draw(dtype, (7, 3), seed=2)
    tensor = torch.tensor(y, requires_grad=True)
    loss = torch.nn.MSELoss(reduction=reduction)(tensor, torch.tensor(t))
    loss = {"mean": loss, "sum": loss / 3, "none": loss.mean(-1) if loss.ndim else loss}[reduction]
    loss.sum().backward()
    scratch = loss_and_gradient(y, t, reduction=reduction)("scratch", None)
    parity(
        "mean_squared_error, native", {"scratch": scratch, "torch": [loss, tensor.grad]}, terms=21
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("reduction", "ours"),
    [
        ("sum_over_batch_size", {"mean_over": "rows"}),
        ("mean_with_sample_weight", {}),
        ("sum", {"reduction": "sum"}),
        (None, {"reduction": "none"}),
    ],
)
def test_bare_keras_loss(parity, dtype, reduction, ours):
    """Entries of the map: class-weight-mean, reduction-none."""
    adapter, s = ADAPTERS["keras"], S.astype(dtype)
    y, t = draw(dtype, (7, 3), seed=3)
    bare = keras.losses.MeanSquaredError(reduction=reduction, dtype=dtype)
    loss = bare(adapter.tensor(t), adapter.tensor(y), sample_weight=adapter.tensor(s))
    scratch = SCRATCH.mean_squared_error(y, t, sample_weights=s, **ours)
    found = {"scratch": scratch, "keras": adapter.numpy(loss)}
    parity("mean_squared_error, native", found, terms=21)


def test_keras_graph_with_unknown_batch_size(parity):
    adapter, loss = ADAPTERS["keras"], panel("keras", "squared_error").mean_squared_error
    y, t = draw("float64", (7, 3))
    target, weights = adapter.tensor(t), adapter.tensor(S)

    def call(y):
        return loss(y, target, sample_weights=weights)

    for compiled in traced(call, (None, 3), "float64"):
        scratch = SCRATCH.mean_squared_error(y, t, sample_weights=S)
        found = {"scratch": scratch, "keras": adapter.numpy(compiled(adapter.tensor(y)))}
        parity("mean_squared_error", found, terms=21)


def bad(y, t, message, **options):
    def call(framework, adapter):
        loss = panel(framework, "squared_error").mean_squared_error
        loss(adapter.tensor(y), adapter.tensor(t), **tensors(adapter, options))

    same_error(call, message)
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (the text is compared below)
        SCRATCH.mean_squared_error_backward(y, t, **options)
    assert str(caught.value) == message


def test_bad_input():
    y = np.ones((4, 3), np.float32)
    bad(y, y[:, :1], "targets must have shape (4, 3), got (4, 1)")
    bad(y, y[:, 0], "targets must have shape (4, 3), got (4,)")
    bad(y[:0], y[:0], "predictions must hold at least one row, got shape (0, 3)")
    bad(y, y.astype(float), "targets must have the dtype of predictions, float32, got float64")
    bad(y.astype(int), y, "predictions must be floating point, got int64")
    bad(y, y, "sample_weights must have shape (4,), got (3,)", sample_weights=y[0])
    text = "sample_weights must be finite, >= 0 and not all 0, got values from 0.0 to 0.0"
    bad(y, y, text, sample_weights=0 * y[:, 0])
    bad(y, y, "reduction must be one of 'none', 'sum', 'mean', got None", reduction=None)
