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
)

SCRATCH = panel("scratch", "label_smoothing")
LOSSES = panel("scratch", "losses")
SHAPES = [(1, 2), (7, 3), (40, 10)]
# 1/8, which is exact, and 0.1, which float32 rounds: nobody may round it on the way to float64.
SMOOTHINGS = [0.0, 0.125, 0.1, 1.0]


def draw(dtype, rows, classes, *, dense=False, seed=0):
    """Logits, and labels: integers, or rows of probabilities."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 3, size=(rows, classes)).astype(dtype)
    if dense:
        return logits, rng.dirichlet(np.ones(classes), rows).astype(dtype)
    return logits, rng.integers(0, classes, rows)


def loss_and_gradient(logits, labels, smoothing, **options):
    """``call(framework, adapter)``; scratch by hand, the others by automatic differentiation."""

    def call(framework, adapter):
        loss = panel(framework, "label_smoothing").label_smoothing_cross_entropy
        if framework == "scratch":
            backward = SCRATCH.label_smoothing_cross_entropy_backward
            arguments = logits, labels, smoothing
            return [loss(*arguments, **options), backward(*arguments, **options)]
        target, given = adapter.tensor(labels), tensors(adapter, options)
        upstream = np.ones(len(labels) * (options.get("reduction") == "none") or (), logits.dtype)
        value, grads = adapter.vjp(
            lambda z: loss(z, target, smoothing, **given), (logits,), upstream
        )
        return [value, *grads]

    return call


def tensors(adapter, options):
    return {k: adapter.tensor(v) if isinstance(v, np.ndarray) else v for k, v in options.items()}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize("smoothing", SMOOTHINGS)
@pytest.mark.parametrize(("rows", "classes"), SHAPES)
def test_loss_and_gradient_agree(parity, dtype, dense, smoothing, rows, classes):
    call = loss_and_gradient(*draw(dtype, rows, classes, dense=dense), smoothing)
    parity("label_smoothing", everywhere(call), terms=rows + classes)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("smoothing", SMOOTHINGS)
@pytest.mark.parametrize(("rows", "classes"), [*SHAPES, (3, 1)])
def test_targets_agree(parity, dtype, smoothing, rows, classes):
    labels = draw(dtype, rows, classes)[1]
    dense = draw(dtype, rows, classes, dense=True)[1]

    def targets(framework, adapter):
        module = panel(framework, "label_smoothing")
        return {
            "labels": [
                module.smooth_labels(adapter.tensor(y), classes, smoothing, dtype=dtype)
                for y in (labels, labels.astype("uint8"))
            ],
            "dense": module.smooth_targets(adapter.tensor(dense), smoothing),
        }

    parity("label_smoothing", everywhere(targets))


def test_targets_by_hand():
    smooth = SCRATCH.smooth_labels(np.array([2, 0]), 4, 0.5)
    assert smooth.dtype == np.float32
    np.testing.assert_array_equal(smooth, [[0.125, 0.125, 0.625, 0.125], [0.625] + [0.125] * 3])
    dense = SCRATCH.smooth_targets(np.array([[0.25, 0.75]]), 0.5)
    np.testing.assert_array_equal(dense, [[0.375, 0.625]])


def test_loss_by_hand():
    """Logits log(1), log(2), log(5) are the probabilities 1/8, 2/8, 5/8; q is 1/8, 3/4, 1/8."""
    logits = np.log([[1.0, 2.0, 5.0], [1.0, 2.0, 5.0]])
    labels, smoothing = np.array([1, 1]), 0.375
    loss = SCRATCH.label_smoothing_cross_entropy(logits, labels, smoothing)
    np.testing.assert_allclose(loss, np.log(8) / 8 + np.log(4) * 3 / 4 + np.log(1.6) / 8)
    grad = SCRATCH.label_smoothing_cross_entropy_backward(logits, labels, smoothing)
    # One entry is 0, a difference of equal numbers: absolute, some roundings of numbers up to 16.
    np.testing.assert_allclose(grad * 16, [[0, -4, 4]] * 2, atol=1e-14)


@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize("rows", [1, 5])
def test_backward_is_the_gradient(dense, rows):
    logits, labels = draw("float64", rows, 4, dense=dense, seed=3)
    assert_gradient(
        lambda z: SCRATCH.label_smoothing_cross_entropy(z, labels, 0.3),
        logits,
        SCRATCH.label_smoothing_cross_entropy_backward(logits, labels, 0.3),
    )


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_without_smoothing_it_is_softmax_cross_entropy_bit_for_bit(dtype):
    for rows, classes in SHAPES:
        logits, labels = draw(dtype, rows, classes, seed=4)
        for suffix in ("", "_backward"):
            smoothed = getattr(SCRATCH, f"label_smoothing_cross_entropy{suffix}")
            plain = getattr(LOSSES, f"softmax_cross_entropy{suffix}")(logits, labels)
            for found in (smoothed(logits, labels, 0), smoothed(logits, labels.astype("u1"), 0.0)):
                assert found.dtype == plain.dtype
                np.testing.assert_array_equal(found, plain)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_integer_labels_are_one_hot_rows(dtype):
    """Also, smoothing the rows first and then asking for none is the same."""
    logits, labels = draw(dtype, 9, 5)
    rows = np.eye(5, dtype=dtype)[labels]
    found = [
        loss_and_gradient(logits, y, s)("scratch", ADAPTERS["scratch"])
        for y, s in (
            (labels, 0.25),
            (rows, 0.25),
            (SCRATCH.smooth_labels(labels, 5, 0.25, dtype=dtype), 0.0),
            (SCRATCH.smooth_targets(rows, 0.25), 0.0),
        )
    ]
    for other in found[1:]:
        np.testing.assert_array_equal(other[0], found[0][0])
        np.testing.assert_array_equal(other[1], found[0][1])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_logits_of_a_thousand(parity, dtype):
    """exp would overflow; the wrong class now costs its distance times its share."""
    logits = np.array([[1000, -1000], [1000, -1000], [1000, 1000]], dtype)
    labels = np.array([0, 1, 0])
    found = everywhere(loss_and_gradient(logits, labels, 0.25))
    parity("label_smoothing", found, terms=5)
    loss, grad = found["scratch"]
    np.testing.assert_allclose(loss, (250 + 1750 + np.log(2)) / 3, rtol=1e-6)
    shares = np.array([[0.125, -0.125], [0.875, -0.875], [-0.375, 0.375]], dtype)
    np.testing.assert_array_equal(grad, shares / np.array(3, dtype))


@pytest.mark.filterwarnings("ignore:In loss categorical_crossentropy:SyntaxWarning")
def test_one_class_is_certain(parity):
    logits, labels = draw("float64", 5, 1)
    found = everywhere(loss_and_gradient(logits, labels, 0.25))
    parity("label_smoothing", found, tolerance=0)
    assert found["scratch"][0] == 0
    assert not found["scratch"][1].any()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("dense", [False, True])
def test_bare_torch_loss(parity, dtype, dense):
    logits, labels = draw(dtype, 30, 10, dense=dense, seed=5)
    tensor = torch.tensor(logits, requires_grad=True)
    loss = torch.nn.CrossEntropyLoss(label_smoothing=0.1)(tensor, torch.tensor(labels))
    loss.backward()
    scratch = loss_and_gradient(logits, labels, 0.1)("scratch", ADAPTERS["scratch"])
    found = {"scratch": scratch, "torch": [loss, tensor.grad]}
    parity("label_smoothing, native", found, terms=40)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("dense", [False, True])
def test_bare_keras_loss(parity, dtype, dense):
    """Entries of the map: label-smoothing-sparse."""
    logits, labels = draw(dtype, 30, 10, dense=dense, seed=6)
    rows = labels if dense else np.eye(10, dtype=dtype)[labels]
    bare = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1, dtype=dtype)
    adapter = ADAPTERS["keras"]
    target = adapter.tensor(rows)
    loss, grads = adapter.vjp(lambda z: bare(target, z), (logits,), np.ones((), dtype))
    scratch = loss_and_gradient(logits, labels, 0.1)("scratch", ADAPTERS["scratch"])
    parity("label_smoothing, native", {"scratch": scratch, "keras": [loss, *grads]}, terms=40)


W = np.array([0.5, 3, 0, 0.1])
S = np.array([1, 0.3, 2, 0, 1, 0.7, 4])
WEIGHTED = [
    (True, {"class_weights": W}),
    (True, {"class_weights": W, "sample_weights": S}),
    (False, {"class_weights": W}),
    (False, {"sample_weights": S, "ignore_index": 2}),
    (False, {"class_weights": W, "sample_weights": S, "ignore_index": 2}),
]
REDUCED = [
    {},
    {"mean_over": "rows"},
    {"reduction": "sum"},
    {"reduction": "none"},
]


def cast(options, dtype):
    return {k: v.astype(dtype) if isinstance(v, np.ndarray) else v for k, v in options.items()}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("reduced", REDUCED, ids=str)
def test_weighted_loss_and_gradient_agree(parity, dtype, reduced):
    for dense, options in WEIGHTED:
        logits, labels = draw(dtype, 7, 4, dense=dense)
        given = cast(options | reduced, dtype)
        call = loss_and_gradient(logits, labels, 0.1, **given)
        parity("label_smoothing, weighted", everywhere(call), terms=7 + 4)


def test_weighted_backward_is_the_gradient():
    for dense, options in WEIGHTED:
        logits, labels = draw("float64", 7, 4, dense=dense, seed=3)
        for reduced in REDUCED:
            given = options | reduced
            assert_gradient(
                lambda z, labels=labels, given=given: SCRATCH.label_smoothing_cross_entropy(
                    z, labels, 0.3, **given
                ).sum(),
                logits,
                SCRATCH.label_smoothing_cross_entropy_backward(logits, labels, 0.3, **given),
            )


@pytest.mark.parametrize("dtype", DTYPES)
def test_class_weights_of_both_frameworks(parity, dtype):
    """PyTorch weighs each class's term, Keras the row by its label.

    Entries of the map: label-smoothing-class-weight, class-weight-dense.
    """
    adapter, w, s = ADAPTERS["keras"], W.astype(dtype), S.astype(dtype)
    for dense, ours in ((False, {}), (True, {"mean_over": "rows"})):
        logits, labels = draw(dtype, 7, 4, dense=dense)
        bare = torch.nn.CrossEntropyLoss(torch.tensor(w), label_smoothing=0.1)
        tensor = torch.tensor(logits, requires_grad=True)
        loss = bare(tensor, torch.tensor(labels))
        loss.backward()
        given = {"class_weights": w} | ours
        scratch = loss_and_gradient(logits, labels, 0.1, **given)("scratch", None)
        found = {"scratch": scratch, "torch": [loss, tensor.grad]}
        parity("label_smoothing, native", found, terms=7 + 4)

    logits, labels = draw(dtype, 7, 4)
    bare = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1, dtype=dtype)
    target, rows = adapter.tensor(np.eye(4, dtype=dtype)[labels]), w[labels] * s
    loss, grads = adapter.vjp(
        lambda z: bare(target, z, sample_weight=adapter.tensor(rows)), (logits,), np.ones((), dtype)
    )
    given = {"sample_weights": rows, "mean_over": "rows"}
    scratch = loss_and_gradient(logits, labels, 0.1, **given)("scratch", None)
    parity("label_smoothing, native", {"scratch": scratch, "keras": [loss, *grads]}, terms=7 + 4)


def test_without_smoothing_it_is_the_weighted_cross_entropy():
    for dense, options in WEIGHTED:
        logits, labels = draw("float64", 7, 4, dense=dense)
        for suffix in ("", "_backward"):
            smoothed = getattr(SCRATCH, f"label_smoothing_cross_entropy{suffix}")
            plain = getattr(LOSSES, f"softmax_cross_entropy{suffix}")
            np.testing.assert_allclose(
                smoothed(logits, labels, 0.0, **options),
                plain(logits, labels, **options),
                rtol=1e-14,
                atol=1e-17,
            )


@pytest.mark.parametrize("dense", [False, True])
def test_keras_graph_with_unknown_batch_size(parity, dense):
    """Labels cannot be read there; the PyTorch backend has no graph and runs as it is."""
    adapter, module = ADAPTERS["keras"], panel("keras", "label_smoothing")

    def call(logits, labels):
        return module.label_smoothing_cross_entropy(logits, labels, 0.1)

    loss = call
    if adapter.backend == "tensorflow":
        import tensorflow as tf

        target = tf.TensorSpec((None, 3), "float64") if dense else tf.TensorSpec((None,), "int64")
        signature = [tf.TensorSpec((None, 3), "float64"), target]
        loss = tf.function(call, input_signature=signature, jit_compile=True)
    elif adapter.backend == "jax":
        import jax

        loss = jax.jit(call)
    for rows in (1, 6):
        logits, labels = draw("float64", rows, 3, dense=dense)
        keras_loss = adapter.numpy(loss(adapter.tensor(logits), adapter.tensor(labels)))
        scratch = SCRATCH.label_smoothing_cross_entropy(logits, labels, 0.1)
        parity("label_smoothing", {"scratch": scratch, "keras": keras_loss}, terms=rows + 3)


class SmoothedLoss(keras.losses.Loss):
    """What a training loop makes of the function. Keras hands labels over as floats."""

    def __init__(self, dense):
        super().__init__()
        self.dense = dense

    def call(self, y_true, y_pred):
        labels = y_true if self.dense else keras.ops.cast(y_true, "int32")
        module = panel("keras", "label_smoothing")
        return module.label_smoothing_cross_entropy(y_pred, labels, 0.125)


@pytest.mark.parametrize("dense", [False, True])
def test_keras_fit(parity, dense):
    """Two batches of different sizes, compiled: the weights move by the gradient of scratch."""
    x, labels = draw("float32", 10, 4, dense=dense, seed=7)
    w = np.eye(4, dtype=np.float32)
    model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(4, use_bias=False)])
    model.set_weights([w])
    model.compile(keras.optimizers.SGD(0.5), SmoothedLoss(dense))
    model.fit(x, labels, batch_size=6, shuffle=False, verbose=0)
    for batch in (slice(0, 6), slice(6, 10)):
        grad = SCRATCH.label_smoothing_cross_entropy_backward(x[batch] @ w, labels[batch], 0.125)
        w = w - np.float32(0.5) * (x[batch].T @ grad)
    # Two steps, each with a sum over a row (4 + 4 terms) and one over the batch.
    found = {"scratch": w, "keras": model.get_weights()[0]}
    parity("label_smoothing", found, terms=2 * (4 + 4 + 6))


@pytest.mark.parametrize("dense", [False, True])
def test_nothing_of_the_caller_changes(dense):
    logits, labels = draw("float64", 4, 3, dense=dense)
    before = logits.copy(), labels.copy()
    SCRATCH.label_smoothing_cross_entropy(logits, labels, 0.5)
    SCRATCH.label_smoothing_cross_entropy_backward(logits, labels, 0.5)
    if dense:
        assert not np.shares_memory(SCRATCH.smooth_targets(labels, 0.0), labels)
    np.testing.assert_array_equal(before[0], logits)
    np.testing.assert_array_equal(before[1], labels)


def bad(logits, labels, smoothing, message):
    def call(framework, adapter):
        module = panel(framework, "label_smoothing")
        tensors = adapter.tensor(logits), adapter.tensor(labels)
        module.label_smoothing_cross_entropy(*tensors, smoothing)

    same_error(call, message)
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (the text is compared below)
        SCRATCH.label_smoothing_cross_entropy_backward(logits, labels, smoothing)
    assert str(caught.value) == message


@pytest.mark.parametrize("smoothing", [-0.1, 1.5, float("nan"), None, True, "0.1"])
def test_bad_smoothing(smoothing):
    message = f"smoothing must be a number in [0, 1], got {smoothing!r}"
    logits, labels = draw("float32", 4, 3)
    bad(logits, labels, smoothing, message)
    for name, first in (("smooth_labels", (labels, 3)), ("smooth_targets", (np.eye(3),))):
        same_error(
            lambda f, a, name=name, first=first: getattr(panel(f, "label_smoothing"), name)(
                a.tensor(first[0]), *first[1:], smoothing
            ),
            message,
        )


def test_bad_weights():
    """The rest is that of the losses: the check is one."""

    def call(**options):
        def call(framework, adapter):
            loss = panel(framework, "label_smoothing").label_smoothing_cross_entropy
            arguments = adapter.tensor(np.zeros((2, 3))), adapter.tensor(np.array([0, 1]))
            loss(*arguments, 0.5, **tensors(adapter, options))

        return call

    text = "class_weights must have shape (3,), got (2,)"
    same_error(call(class_weights=np.ones(2)), text)
    text = "sample_weights must have the dtype of logits, float64, got float32"
    same_error(call(sample_weights=np.ones(2, "float32")), text)
    text = "mean_over must be one of 'weights', 'rows', got None"
    same_error(call(mean_over=None), text)


def test_bad_integer_labels():
    logits, labels = np.zeros((4, 3), np.float32), np.array([0, 1, 0, 1])
    text = "labels must lie in [0, 2], got labels from "
    bad(logits, np.array([0, 3, 0, 0]), 0.5, f"{text}0 to 3")
    bad(logits, np.array([0, -1, 1, 1]), 0.5, f"{text}-1 to 1")
    bad(logits, labels[:3], 0.5, "logits and labels must have equal counts, got 4 and 3")
    text = "labels must be integers of shape (N,), got "
    bad(logits, labels[:, None], 0.5, f"{text}int64 of shape (4, 1)")
    bad(logits, labels > 0, 0.5, f"{text}bool of shape (4,)")
    bad(logits[:, 0], labels, 0.5, "logits must have shape (N, classes), got shape (4,)")
    bad(logits.astype(int), labels, 0.5, "logits must be floating point, got int64")
    empty = "logits must hold at least one row, got shape (0, 3)"
    bad(logits[:0], labels[:0], 0.5, empty)


def test_bad_dense_labels():
    logits, rows = np.zeros((4, 3), np.float32), np.full((4, 3), 1 / 3, np.float32)
    text = "labels must be floating point of shape (N, classes), got float32 of shape "
    bad(logits, rows[:, 0], 0.5, f"{text}(4,)")
    bad(logits[None], rows[None], 0.5, f"{text}(1, 4, 3)")
    bad(logits, rows[:2], 0.5, "labels must have shape (4, 3), got (2, 3)")
    bad(logits[:, :2], rows, 0.5, "labels must have shape (4, 2), got (4, 3)")
    bad(logits[:, 0], rows, 0.5, "labels must have shape (4,), got (4, 3)")
    doubles = rows.astype(np.float64)
    bad(logits, doubles, 0.5, "labels must have the dtype of the logits, float32, got float64")
    bad(logits.astype(int), rows, 0.5, "logits must be floating point, got int64")
    bad(logits[:0], rows[:0], 0.5, "labels must hold at least one row, got shape (0, 3)")
    for low, high in ((-0.5, 1.5), (0.0, float("nan")), (float("-inf"), 0.5)):
        wrong = rows.copy()
        wrong[2] = low, high, 0
        low, high = (float(value) for value in (wrong.min(), wrong.max()))
        bad(logits, wrong, 0.5, f"labels must lie in [0, 1], got values from {low} to {high}")
    rows[3] = 0.5, 0.25, 0.125
    text = "labels must have rows that add up to 1 within 1.3e-06, got 0.875 in row 3"
    bad(logits, rows, 0.5, text)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_sums_of_rows_are_held_to_rounding(dtype):
    """Rows of 10 numbers, normalized in their dtype, pass; a last place more than (C + 8) fails."""
    eps = np.finfo(dtype).eps
    rows = np.random.default_rng(8).random((1000, 10)).astype(dtype)
    rows /= rows.sum(axis=1, keepdims=True)
    SCRATCH.smooth_targets(rows, 0.5)
    for off, allowed in ((18, True), (19, False), (-18, True), (-19, False)):
        row = np.array([[0.5, 0.5 + off * eps] + [0] * 8], dtype)

        def call(framework, adapter, row=row):
            panel(framework, "label_smoothing").smooth_targets(adapter.tensor(row), 0.5)

        if allowed:
            everywhere(call)
        else:
            total = row.sum(dtype="float64")
            text = f"within {18 * eps:.2g}, got {total:.9g} in row 0"
            same_error(call, f"targets must have rows that add up to 1 {text}")


def test_bad_targets_and_labels_alone():
    def targets(targets):
        return lambda f, a: panel(f, "label_smoothing").smooth_targets(a.tensor(targets), 0.5)

    same_error(
        targets(np.eye(3, dtype=int)),
        "targets must be floating point of shape (N, classes), got int64 of shape (3, 3)",
    )
    same_error(targets(np.eye(3)[:0]), "targets must hold at least one row, got shape (0, 3)")

    def labels(labels, classes=3, **options):
        return lambda f, a: panel(f, "label_smoothing").smooth_labels(
            a.tensor(labels), classes, 0.5, **options
        )

    same_error(labels(np.array([0, 3])), "labels must lie in [0, 2], got labels from 0 to 3")
    same_error(labels(np.zeros(0, int)), "labels must hold at least one row, got shape (0,)")
    same_error(
        labels(np.zeros(2)), "labels must be integers of shape (N,), got float64 of shape (2,)"
    )
    same_error(labels(np.zeros(2, int), 0), "classes must be an integer >= 1, got 0")
    same_error(
        labels(np.zeros(2, int), dtype="float16"),
        "dtype must be one of 'float32', 'float64', got 'float16'",
    )


@pytest.mark.parametrize("weights", [{}, {"class_weights": [1.0, 2.0, 0.5]}])
def test_a_class_that_is_out(weights):
    """A logit of -inf, in a class that the label gives nothing."""
    logits = np.array([[0.5, -np.inf, 1.0], [0.25, 2.0, -np.inf]])

    def loss(framework, adapter):
        given = {name: adapter.tensor(value) for name, value in weights.items()}
        module = panel(framework, "label_smoothing")
        labels = adapter.tensor(np.array([0, 1]))
        return module.label_smoothing_cross_entropy(adapter.tensor(logits), labels, 0.0, **given)

    found = {name: float(value) for name, value in everywhere(loss).items()}
    assert np.isfinite(found["scratch"])
    assert found["torch"] == pytest.approx(found["scratch"], rel=1e-14)
    assert found["keras"] == pytest.approx(found["scratch"], rel=1e-14)
