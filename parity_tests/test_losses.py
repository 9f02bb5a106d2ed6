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

SCRATCH = panel("scratch", "losses")
LOSSES = ["softmax_cross_entropy", "binary_cross_entropy"]


def draw(dtype, rows, classes, *, labels="int64", seed=0):
    """Logits (rows, classes) and labels; one column stands for two classes."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 3, size=(rows, classes)).astype(dtype)
    return logits, rng.integers(0, max(classes, 2), rows).astype(labels)


def loss_and_gradient(name, logits, labels, **options):
    """``call(framework, adapter)``; scratch by hand, the others by automatic differentiation."""

    def call(framework, adapter):
        losses = panel(framework, "losses")
        if framework == "scratch":
            loss = getattr(losses, name)(logits, labels, **options)
            return [loss, getattr(losses, f"{name}_backward")(logits, labels, **options)]
        target, given = adapter.tensor(labels), tensors(adapter, options)
        upstream = np.ones(len(labels) * (options.get("reduction") == "none") or (), logits.dtype)
        loss, grads = adapter.vjp(
            lambda z: getattr(losses, name)(z, target, **given), (logits,), upstream
        )
        return [loss, *grads]

    return call


def tensors(adapter, options):
    return {k: adapter.tensor(v) if isinstance(v, np.ndarray) else v for k, v in options.items()}


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


ROWS, CLASSES = 9, 4
W = np.array([0.5, 3, 0, 0.1])
S = np.array([1, 0.3, 2, 0, 1, 0.7, 4, 1, 0.25])
REDUCED = [
    {},
    {"mean_over": "rows"},
    {"reduction": "sum"},
    {"reduction": "none"},
]
SOFTMAX = [
    ("integers", {"class_weights": W}),
    ("integers", {"sample_weights": S}),
    ("integers", {"class_weights": W, "sample_weights": S, "ignore_index": 1}),
    ("masked", {"ignore_index": -100}),
    ("masked", {"class_weights": W, "sample_weights": S, "ignore_index": -100}),
    ("dense", {}),
    ("dense", {"class_weights": W}),
    ("dense", {"class_weights": W, "sample_weights": S}),
]
BINARY = [
    ("integers", {"pos_weight": 2.5, "sample_weights": S}),
    ("integers", {"smoothing": 0.1}),
    ("dense", {}),
    ("dense", {"pos_weight": 0.3, "sample_weights": S, "smoothing": 0.1}),
]


def weighted(dtype, name, kind, options, seed=8):
    """Logits, labels of a kind, and the options in a dtype."""
    binary = name.startswith("binary")
    logits, labels = draw(dtype, ROWS, 1 if binary else CLASSES, seed=seed)
    rng = np.random.default_rng(seed)
    if kind == "masked":
        labels[[0, 4]] = -100
    elif kind == "dense":
        dense = rng.random(ROWS) if binary else rng.dirichlet(np.ones(CLASSES), ROWS)
        labels = dense.astype(dtype)
    cast = {k: v.astype(dtype) if isinstance(v, np.ndarray) else v for k, v in options.items()}
    return logits, labels, cast


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("reduced", REDUCED, ids=str)
def test_weighted_losses(parity, dtype, reduced):
    for name, cases in zip(LOSSES, (SOFTMAX, BINARY), strict=True):
        for kind, options in cases:
            logits, labels, given = weighted(dtype, name, kind, options | reduced)
            found = everywhere(loss_and_gradient(name, logits, labels, **given))
            parity(f"{name}, weighted", found, terms=ROWS + CLASSES)
            assert found["scratch"][0].dtype == found["scratch"][1].dtype == dtype


def test_weighted_backward_is_the_gradient():
    for name, cases in zip(LOSSES, (SOFTMAX, BINARY), strict=True):
        for kind, options in cases:
            for reduced in REDUCED:
                logits, labels, given = weighted("float64", name, kind, options | reduced)
                forward, backward = getattr(SCRATCH, name), getattr(SCRATCH, f"{name}_backward")

                def loss(z, forward=forward, labels=labels, given=given):
                    return forward(z, labels, **given).sum()

                assert_gradient(loss, logits, backward(logits, labels, **given))


def test_weights_by_hand():
    """Two right answers of three, with probabilities 1/2, 1/4, 1/8 for the labels."""
    logits = np.log([[4.0, 2.0, 2.0], [2.0, 2.0, 4.0], [1.0, 4.0, 3.0]])
    labels = np.array([0, 1, 0])
    bits = {"class_weights": np.array([1.0, 3.0, 5.0]) / np.log(2)}
    loss = SCRATCH.softmax_cross_entropy
    np.testing.assert_allclose(loss(logits, labels, **bits, reduction="none"), [1, 6, 3])
    np.testing.assert_allclose(loss(logits, labels, **bits, reduction="sum"), 10)
    np.testing.assert_allclose(loss(logits, labels, **bits, mean_over="rows"), 10 / 3)
    np.testing.assert_allclose(loss(logits, labels, **bits), 10 / 5 * np.log(2))
    np.testing.assert_allclose(
        loss(logits, labels, **bits, ignore_index=1, mean_over="rows"), (1 + 3) / 2
    )


def test_what_weights_mean():
    """A row of weight 2 stands for two rows; a row of weight 0, or ignored, for none."""
    logits, labels = draw("float64", ROWS, CLASSES)
    twice = np.repeat(np.arange(ROWS), 2)[1:]
    weights = np.full(ROWS, 2.0)
    weights[0] = 1
    for suffix in ("", "_backward"):
        loss = getattr(SCRATCH, f"softmax_cross_entropy{suffix}")
        found = loss(logits, labels, sample_weights=weights)
        expected = loss(logits[twice], labels[twice])
        if suffix:
            expected = np.add.reduceat(expected, np.flatnonzero(np.r_[1, np.diff(twice)]))
        np.testing.assert_allclose(found, expected, rtol=1e-13)
        kept = labels != 2
        ignored = loss(logits, labels, ignore_index=2)
        weightless = loss(logits, labels, sample_weights=kept.astype(float))
        expected = loss(logits[kept], labels[kept])
        for each in (ignored, weightless):
            np.testing.assert_allclose(each[kept] if suffix else each, expected, rtol=1e-13)
        rows = np.eye(CLASSES)[labels]
        for options in ({}, {"class_weights": W}, {"class_weights": W, "mean_over": "rows"}):
            np.testing.assert_allclose(
                loss(logits, rows, **options), loss(logits, labels, **options), rtol=1e-13
            )


def test_a_sigmoid_is_a_softmax_of_two():
    """Of logits 0 and z; pos_weight is then the weight of class 1."""
    z, y = draw("float64", ROWS, 1)
    pair, options = np.hstack([np.zeros_like(z), z]), {"sample_weights": S, "mean_over": "rows"}
    found = SCRATCH.binary_cross_entropy(z, y, pos_weight=3.0, **options)
    two = {"class_weights": np.array([1.0, 3.0])}
    expected = SCRATCH.softmax_cross_entropy(pair, y, **two, **options)
    np.testing.assert_allclose(found, expected, rtol=1e-14)
    grads = SCRATCH.softmax_cross_entropy_backward(pair, y, **two, **options)
    found = SCRATCH.binary_cross_entropy_backward(z, y, pos_weight=3.0, **options)
    np.testing.assert_allclose(found[:, 0], grads[:, 1], rtol=1e-12, atol=1e-16)


def test_impossible_classes():
    """A logit of -inf takes a class out, with weights too."""
    logits, labels, given = weighted("float64", LOSSES[0], "integers", {"sample_weights": S})
    labels[:] = labels % 2
    logits[:, 3] = -np.inf

    def call(framework, adapter):
        loss = panel(framework, "losses").softmax_cross_entropy
        tensor = adapter.tensor(logits), adapter.tensor(labels)
        return adapter.numpy(loss(*tensor, **tensors(adapter, given)))

    expected = SCRATCH.softmax_cross_entropy(logits[:, :3], labels, **given)
    np.testing.assert_allclose(list(everywhere(call).values()), expected, rtol=1e-14)
    grad = SCRATCH.softmax_cross_entropy_backward(logits, labels, **given)
    assert np.isfinite(grad).all()


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_bare_torch_weighted(parity, dtype, reduction):
    """Rows of probabilities, and binary losses, are divided by N, integers by their weights.

    Entries of the map: class-weight-dense, pos-weight.
    """
    options = {"reduction": reduction}
    of_rows = options | {"mean_over": "rows"}

    def measure(name, bare, logits, labels, given, target=None):
        tensor = torch.tensor(logits, requires_grad=True)
        target = torch.tensor(labels) if target is None else torch.tensor(target)
        loss = bare(tensor, target)
        loss.sum().backward()
        if loss.ndim == 2:
            loss = loss[:, 0]
        scratch = loss_and_gradient(name, logits, labels, **given)("scratch", None)
        found = {"scratch": scratch, "torch": [loss, tensor.grad]}
        parity(f"{name}, native", found, terms=ROWS + CLASSES)

    w, s = W.astype(dtype), S.astype(dtype)
    cross_entropy = torch.nn.CrossEntropyLoss(torch.tensor(w), **options)
    for kind, ours in (
        ("integers", options),
        ("masked", options | {"ignore_index": -100}),
        ("dense", of_rows),
    ):
        logits, labels, _ = weighted(dtype, LOSSES[0], kind, {})
        measure(LOSSES[0], cross_entropy, logits, labels, ours | {"class_weights": w})
    for kind in ("integers", "dense"):
        logits, labels, _ = weighted(dtype, LOSSES[1], kind, {})
        bare = torch.nn.BCEWithLogitsLoss(
            torch.tensor(s[:, None]), pos_weight=torch.tensor([3], dtype=getattr(torch, dtype)),
            **options,
        )  # fmt: skip
        ours = of_rows | {"sample_weights": s, "pos_weight": 3.0}
        measure(LOSSES[1], bare, logits, labels, ours, labels[:, None].astype(dtype))


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
def test_bare_keras_weighted(parity, dtype, reduction, ours):
    """Entries of the map: class-weight-mean, ignore-index, label-smoothing-binary."""
    adapter = ADAPTERS["keras"]
    options, s = {"reduction": reduction, "dtype": dtype}, S.astype(dtype)
    from_logits = options | {"from_logits": True}

    def measure(name, bare, logits, labels, target=None, **given):
        target = adapter.tensor(labels if target is None else target)
        loss = bare(target, adapter.tensor(logits), sample_weight=adapter.tensor(s))
        scratch = getattr(SCRATCH, name)(logits, labels, sample_weights=s, **ours, **given)
        found = {"scratch": scratch, "keras": adapter.numpy(loss)}
        parity(f"{name}, native", found, terms=ROWS + CLASSES)

    logits, labels, _ = weighted(dtype, LOSSES[0], "integers", {})
    bare = keras.losses.SparseCategoricalCrossentropy(**from_logits)
    measure(LOSSES[0], bare, logits, labels)
    bare = keras.losses.SparseCategoricalCrossentropy(ignore_class=1, **from_logits)
    measure(LOSSES[0], bare, logits, labels, ignore_index=1)
    logits, labels, _ = weighted(dtype, LOSSES[0], "dense", {})
    measure(LOSSES[0], keras.losses.CategoricalCrossentropy(**from_logits), logits, labels)
    logits, labels, _ = weighted(dtype, LOSSES[1], "dense", {})
    bare = keras.losses.BinaryCrossentropy(label_smoothing=0.125, **from_logits)
    measure(LOSSES[1], bare, logits, labels, labels[:, None], smoothing=0.125)


def test_class_weight_of_keras_fit(parity):
    """It is the sample weight of the label, and the mean is over rows."""
    x, labels = draw("float32", ROWS, CLASSES, seed=10)
    model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(4, use_bias=False)])
    model.set_weights([np.eye(4)])
    model.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    loss = model.train_on_batch(x, labels, class_weight=dict(enumerate(W)))
    ours = {"sample_weights": W.astype("float32")[labels], "mean_over": "rows"}
    scratch = SCRATCH.softmax_cross_entropy(x, labels, **ours)
    found = {"scratch": scratch, "keras": np.float32(loss)}
    parity("softmax_cross_entropy, native", found, terms=ROWS + CLASSES)


def test_weights_in_a_graph(parity):
    """Where nothing can be read."""
    adapter, losses = ADAPTERS["keras"], panel("keras", "losses")
    given = {"class_weights": W, "sample_weights": S, "ignore_index": 1}
    logits, labels, _ = weighted("float64", LOSSES[0], "integers", {})
    constant = adapter.tensor(labels), tensors(adapter, given)

    def loss(logits):
        return losses.softmax_cross_entropy(logits, constant[0], **constant[1])

    scratch = SCRATCH.softmax_cross_entropy(logits, labels, **given)
    for compiled in traced(loss, (None, CLASSES), "float64"):
        found = {"scratch": scratch, "keras": adapter.numpy(compiled(adapter.tensor(logits)))}
        parity("softmax_cross_entropy, weighted", found, terms=ROWS + CLASSES)


def bad(name, logits, labels, message, **options):
    def call(framework, adapter):
        tensor = adapter.tensor(logits), adapter.tensor(labels)
        getattr(panel(framework, "losses"), name)(*tensor, **tensors(adapter, options))

    same_error(call, message)
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (the text is compared below)
        getattr(SCRATCH, f"{name}_backward")(logits, labels, **options)
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
    if columns == 1:
        text = "labels must lie in [0, 1], got values from 0.0 to 2.0"
        bad(name, logits, 2 * floats, text)
        bad(name, logits, floats[:, None], "labels must have shape (4,), got (4, 1)")
        text = "labels must have the dtype of logits, float32, got float64"
        bad(name, logits, floats.astype(float), text)
    else:
        text = "labels must be floating point of shape (N, classes), got float32 of shape (4,)"
        bad(name, logits, floats, text)
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


def test_bad_weights():
    name, (logits, labels) = "softmax_cross_entropy", draw("float32", 4, 3)
    for argument, size in (("class_weights", 3), ("sample_weights", 4)):
        good = np.ones(size, np.float32)
        numbers = f"{argument} must be finite, >= 0 and not all 0, got values from"
        for wrong, text in (
            (good[:2], f"{argument} must have shape ({size},), got (2,)"),
            (good[:, None], f"{argument} must have shape ({size},), got ({size}, 1)"),
            (good.astype(float), f"{argument} must have the dtype of logits, float32, got float64"),
            (
                0 * good,
                f"{argument} must be finite, >= 0 and not all 0, got values from 0.0 to 0.0",
            ),
        ):
            bad(name, logits, labels, text, **{argument: wrong})
        for value in (-1, np.inf):
            wrong = good.copy()
            wrong[1] = value
            low, high = float(wrong.min()), float(wrong.max())
            bad(name, logits, labels, f"{numbers} {low} to {high}", **{argument: wrong})
    text = "reduction must be one of 'none', 'sum', 'mean', got 'average'"
    bad(name, logits, labels, text, reduction="average")
    text = "mean_over must be one of 'weights', 'rows', got 'batch'"
    bad(name, logits, labels, text, mean_over="batch")
    text = "labels must not all be ignore_index, got 1 alone"
    bad(name, logits, np.ones_like(labels), text, ignore_index=1)
    text = "labels must lie in [0, 2], got labels from 0 to 3"
    bad(name, logits, np.array([0, 3, -100, 1]), text, ignore_index=-100)
    text = "ignore_index must be None where labels are rows of probabilities, got 1"
    bad(name, logits, np.eye(3, dtype=np.float32)[labels], text, ignore_index=1)
    text = "ignore_index must be an integer in [-2147483647, 2147483647], got 0.5"
    bad(name, logits, labels, text, ignore_index=0.5)
    logits, labels = draw("float32", 4, 1)
    for argument, interval in (("smoothing", "[0, 1]"), ("pos_weight", "[0, inf)")):
        text = f"{argument} must be a number in {interval}, got -1"
        bad("binary_cross_entropy", logits, labels, text, **{argument: -1})
