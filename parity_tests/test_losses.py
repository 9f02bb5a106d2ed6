import numpy as np
import pytest

from parity_tests.panels import ADAPTERS, assert_gradient, everywhere, panel, same_error

SCRATCH = panel("scratch", "losses")
LOSSES = ["softmax_cross_entropy", "binary_cross_entropy"]


def draw(dtype, rows, classes, *, labels="int64", seed=0):
    """Logits (rows, classes) and labels; one column stands for two classes."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 3, size=(rows, classes)).astype(dtype)
    return logits, rng.integers(0, max(classes, 2), rows).astype(labels)


def loss_and_gradient(name, logits, labels):
    """``call(framework, adapter)``; scratch by hand, the others by automatic differentiation."""

    def call(framework, adapter):
        losses = panel(framework, "losses")
        if framework == "scratch":
            loss = getattr(losses, name)(logits, labels)
            return [loss, getattr(losses, f"{name}_backward")(logits, labels)]
        target = adapter.tensor(labels)
        loss, grads = adapter.vjp(
            lambda z: getattr(losses, name)(z, target), (logits,), np.ones((), logits.dtype)
        )
        return [loss, *grads]

    return call


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    ("rows", "classes", "labels"), [(1, 2, "int64"), (7, 3, "int32"), (40, 10, "uint8")]
)
def test_softmax(parity, dtype, rows, classes, labels):
    call = loss_and_gradient("softmax_cross_entropy", *draw(dtype, rows, classes, labels=labels))
    parity("softmax_cross_entropy", everywhere(call), terms=rows + classes)


def test_softmax_of_one_class_is_certain(parity):
    logits, labels = draw("float64", 5, 1)[0], np.zeros(5, np.int64)
    found = everywhere(loss_and_gradient("softmax_cross_entropy", logits, labels))
    parity("softmax_cross_entropy", found, tolerance=0)
    assert found["scratch"][0] == 0
    assert not found["scratch"][1].any()


def test_infinite_logits():
    """The loss of a sure and right answer is 0, of a sure and wrong one infinite."""
    infinity = float("inf")
    for logit, label, loss in (
        (infinity, 1, 0),
        (-infinity, 0, 0),
        (infinity, 0, infinity),
        (-infinity, 1, infinity),
    ):
        logits, labels = np.full((3, 1), logit), np.full(3, label)

        def call(framework, adapter, logits=logits, labels=labels):
            losses = panel(framework, "losses")
            tensors = adapter.tensor(logits), adapter.tensor(labels)
            return adapter.numpy(losses.binary_cross_entropy(*tensors))

        assert set(map(float, everywhere(call).values())) == {loss}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("rows", "labels"), [(1, "int64"), (9, "int32"), (40, "uint8")])
def test_binary(parity, dtype, rows, labels):
    call = loss_and_gradient("binary_cross_entropy", *draw(dtype, rows, 1, labels=labels))
    parity("binary_cross_entropy", everywhere(call), terms=rows)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_logits_of_a_thousand(parity, dtype):
    """exp would overflow and log meet 0; the loss is the distance, the gradient exact."""
    logits = np.array([[1000, -1000], [1000, -1000], [-1000, 1000], [1000, 1000]], dtype)
    labels = np.array([0, 1, 0, 1])
    found = everywhere(loss_and_gradient("softmax_cross_entropy", logits, labels))
    parity("softmax_cross_entropy", found, terms=6)
    loss, grad = found["scratch"]
    np.testing.assert_allclose(loss, (0 + 2000 + 2000 + np.log(2)) / 4, rtol=1e-6)
    np.testing.assert_array_equal(
        grad, np.array([[0, 0], [1, -1], [-1, 1], [0.5, -0.5]], dtype) / 4
    )

    logits = np.array([[1000], [1000], [-1000], [-1000], [0]], dtype)
    labels = np.array([1, 0, 1, 0, 1])
    found = everywhere(loss_and_gradient("binary_cross_entropy", logits, labels))
    parity("binary_cross_entropy", found, terms=5)
    loss, grad = found["scratch"]
    np.testing.assert_allclose(loss, (0 + 1000 + 1000 + 0 + np.log(2)) / 5, rtol=1e-6)
    np.testing.assert_array_equal(grad, np.array([[0], [1], [-1], [0], [-0.5]], dtype) / 5)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_softmax_ignores_a_constant_in_the_logits(dtype):
    """exp(100) alone overflows in float32."""
    logits, labels = draw(dtype, 6, 4)
    for name in ("softmax_cross_entropy", "softmax_cross_entropy_backward"):
        function = getattr(SCRATCH, name)
        shifted = (logits.round(3) * 1024).round() / 1024  # so that adding 1024 is exact
        np.testing.assert_array_equal(function(shifted + 1024, labels), function(shifted, labels))


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("rows", [1, 5])
def test_backward_is_the_gradient(name, rows):
    logits, labels = draw("float64", rows, 1 if name.startswith("binary") else 4, seed=3)
    forward, backward = getattr(SCRATCH, name), getattr(SCRATCH, f"{name}_backward")
    assert_gradient(lambda z: forward(z, labels), logits, backward(logits, labels))


def test_by_hand():
    """Logits log(1), log(2), log(5) are the probabilities 1/8, 2/8, 5/8."""
    logits = np.log([[1.0, 2.0, 5.0], [1.0, 2.0, 5.0]])
    labels = np.array([1, 2])
    loss = SCRATCH.softmax_cross_entropy(logits, labels)
    np.testing.assert_allclose(loss, (np.log(4) + np.log(8 / 5)) / 2, rtol=1e-15)
    grad = SCRATCH.softmax_cross_entropy_backward(logits, labels)
    # log and exp do not undo one another exactly: a few roundings, and p - 1 loses a digit.
    np.testing.assert_allclose(grad * 16, [[1, -6, 5], [1, 2, -3]], rtol=1e-14)

    logits = np.log([[3.0], [3.0]])  # probability 3/4
    labels = np.array([1, 0])
    loss = SCRATCH.binary_cross_entropy(logits, labels)
    np.testing.assert_allclose(loss, (np.log(4 / 3) + np.log(4)) / 2, rtol=1e-15)
    grad = SCRATCH.binary_cross_entropy_backward(logits, labels)
    np.testing.assert_allclose(grad * 8, [[-1], [3]], rtol=1e-14)  # as above


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_bare_torch_losses_at_their_defaults(parity, dtype):
    import torch

    for name, classes in (("softmax_cross_entropy", 10), ("binary_cross_entropy", 1)):
        logits, labels = draw(dtype, 30, classes, seed=5)
        tensor, target = torch.tensor(logits, requires_grad=True), torch.tensor(labels)
        if classes > 1:
            loss = torch.nn.CrossEntropyLoss()(tensor, target)
        else:
            loss = torch.nn.BCEWithLogitsLoss()(tensor, target[:, None].to(tensor.dtype))
        loss.backward()
        scratch = loss_and_gradient(name, logits, labels)("scratch", ADAPTERS["scratch"])
        found = {"scratch": scratch, "torch": [loss, tensor.grad]}
        parity(f"{name}, native", found, terms=30 + classes)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("from_logits", [True, False])
def test_bare_keras_losses(parity, dtype, from_logits):
    """From logits, and at their default, from probabilities (of the size that is not clipped).

    Entries of the map: probabilities-clipped, binary-probabilities-clipped.
    """
    import keras

    options = {"from_logits": from_logits, "dtype": dtype}
    softmax = keras.losses.SparseCategoricalCrossentropy(**options)
    binary = keras.losses.BinaryCrossentropy(**options)
    adapter = ADAPTERS["keras"]
    for name, classes, bare in zip(LOSSES, (10, 1), (softmax, binary), strict=True):
        logits, labels = draw(dtype, 30, classes, seed=6)
        target = labels if classes > 1 else labels[:, None].astype(dtype)
        exp = np.exp(logits)
        probabilities = exp / exp.sum(axis=1, keepdims=True) if classes > 1 else exp / (1 + exp)
        given = adapter.tensor(logits if from_logits else probabilities)
        loss = adapter.numpy(bare(adapter.tensor(target), given))
        found = {"scratch": getattr(SCRATCH, name)(logits, labels), "keras": loss}
        parity(f"{name}, native", found, terms=30 + classes)


@pytest.mark.parametrize("name", LOSSES)
def test_keras_graph_with_unknown_batch_size(parity, name):
    """Labels cannot be read there; the PyTorch backend has no graph and runs as it is."""
    adapter, loss = ADAPTERS["keras"], getattr(panel("keras", "losses"), name)
    classes = 1 if name.startswith("binary") else 3
    if adapter.backend == "tensorflow":
        import tensorflow as tf

        signature = [tf.TensorSpec((None, classes), "float64"), tf.TensorSpec((None,), "int64")]
        loss = tf.function(loss, input_signature=signature)
    elif adapter.backend == "jax":
        import jax

        loss = jax.jit(loss)
    for rows in (1, 6):
        logits, labels = draw("float64", rows, classes)
        keras_loss = adapter.numpy(loss(adapter.tensor(logits), adapter.tensor(labels)))
        scratch = getattr(SCRATCH, name)(logits, labels)
        parity(name, {"scratch": scratch, "keras": keras_loss}, terms=rows + classes)


@pytest.mark.parametrize("name", LOSSES)
def test_nothing_of_the_caller_changes(name):
    logits, labels = draw("float64", 4, 1 if name.startswith("binary") else 2)
    before = logits.copy(), labels.copy()
    getattr(SCRATCH, name)(logits, labels)
    getattr(SCRATCH, f"{name}_backward")(logits, labels)
    np.testing.assert_array_equal(before[0], logits)
    np.testing.assert_array_equal(before[1], labels)


def bad(name, logits, labels, message):
    same_error(
        lambda f, a: getattr(panel(f, "losses"), name)(a.tensor(logits), a.tensor(labels)), message
    )
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (the text is compared below)
        getattr(SCRATCH, f"{name}_backward")(logits, labels)
    assert str(caught.value) == message


@pytest.mark.parametrize("name", LOSSES)
def test_bad_input(name):
    columns, classes = (1, 2) if name.startswith("binary") else (3, 3)
    logits, labels = np.zeros((4, columns), np.float32), np.array([0, 1, 0, 1])
    shape = "(N, 1)" if columns == 1 else "(N, classes)"
    top = classes - 1
    for wrong, low, high in (([0, classes, 0, 0], 0, classes), ([0, -1, 1, 1], -1, 1),
                             ([-100, 0, 1, 1], -100, 1)):  # fmt: skip
        text = f"labels must lie in [0, {top}], got labels from {low} to {high}"
        bad(name, logits, np.array(wrong), text)
    bad(name, logits, labels[:3], "logits and labels must have equal counts, got 4 and 3")
    floats = labels.astype(np.float32)
    bad(name, logits, floats, "labels must be integers of shape (N,), got float32 of shape (4,)")
    column = labels[:, None]
    bad(name, logits, column, "labels must be integers of shape (N,), got int64 of shape (4, 1)")
    truth = labels > 0
    bad(name, logits, truth, "labels must be integers of shape (N,), got bool of shape (4,)")
    bad(name, logits[:, 0], labels, f"logits must have shape {shape}, got shape (4,)")
    bad(name, logits[None], labels, f"logits must have shape {shape}, got shape (1, 4, {columns})")
    integers = logits.astype(np.int64)
    bad(name, integers, labels, "logits must be floating point, got int64")
    empty = f"logits must hold at least one row, got shape (0, {columns})"
    bad(name, logits[:0], labels[:0], empty)
    if columns == 1:
        two = np.zeros((4, 2), np.float32)
        bad(name, two, labels, "logits must have shape (N, 1), got shape (4, 2)")
    else:
        none = np.zeros((4, 0), np.float32)
        bad(name, none, labels, "logits must hold at least one row, got shape (4, 0)")
