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
from triptych.differences.probe import torchvision_v2

SCRATCH = panel("scratch", "focal_loss")
LOSSES = panel("scratch", "losses")
NAMES = ["sigmoid_focal_loss", "softmax_focal_loss"]
ROWS, CLASSES = 9, 4
W = np.array([0.5, 3, 0, 0.1])
S = np.array([1, 0.3, 2, 0, 1, 0.7, 4, 1, 0.25])
CASES = {
    "sigmoid_focal_loss": [
        {},
        {"alpha": 0.3},
        {"gamma": 0.5, "alpha": 1.0, "sample_weights": S},
        {"gamma": 0, "mean_over": "rows", "sample_weights": S},
        {"gamma": 1.7, "reduction": "none", "sample_weights": S},
        {"gamma": 5.0, "reduction": "sum"},
    ],
    "softmax_focal_loss": [
        {},
        {"class_weights": W},
        {"gamma": 0.5, "class_weights": W, "sample_weights": S},
        {"gamma": 0, "mean_over": "rows", "class_weights": W, "sample_weights": S},
        {"gamma": 1.7, "reduction": "none", "sample_weights": S},
        {"gamma": 5.0, "reduction": "sum"},
    ],
}
EVERY = [(name, options) for name in NAMES for options in CASES[name]]


def draw(name, dtype, *, dense=False, seed=0):
    """Logits, and labels: integers, or rows of probabilities."""
    rng = np.random.default_rng(seed)
    classes = 1 if name.startswith("sigmoid") else CLASSES
    logits = rng.normal(0, 3, (ROWS, classes)).astype(dtype)
    if dense:
        return logits, rng.dirichlet(np.ones(classes), ROWS).astype(dtype)
    return logits, rng.integers(0, max(classes, 2), ROWS)


def cast(options, dtype):
    return {k: v.astype(dtype) if isinstance(v, np.ndarray) else v for k, v in options.items()}


def tensors(adapter, options):
    return {k: adapter.tensor(v) if isinstance(v, np.ndarray) else v for k, v in options.items()}


def loss_and_gradient(name, logits, labels, **options):
    """``call(framework, adapter)``; scratch by hand, the others by automatic differentiation."""

    def call(framework, adapter):
        loss = getattr(panel(framework, "focal_loss"), name)
        if framework == "scratch":
            grad = getattr(SCRATCH, f"{name}_backward")(logits, labels, **options)
            return [loss(logits, labels, **options), grad]
        target, given = adapter.tensor(labels), tensors(adapter, options)
        upstream = np.ones(len(labels) * (options.get("reduction") == "none") or (), logits.dtype)
        value, grads = adapter.vjp(lambda z: loss(z, target, **given), (logits,), upstream)
        return [value, *grads]

    return call


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("name", "options"), EVERY, ids=str)
def test_loss_and_gradient_agree(parity, dtype, name, options):
    for dense in (False, True)[: 1 + name.startswith("softmax")]:
        logits, labels = draw(name, dtype, dense=dense)
        found = everywhere(loss_and_gradient(name, logits, labels, **cast(options, dtype)))
        parity("focal_loss", found, terms=ROWS + CLASSES)


@pytest.mark.parametrize(("name", "options"), EVERY, ids=str)
def test_backward_is_the_gradient(name, options):
    for dense in (False, True)[: 1 + name.startswith("softmax")]:
        logits, labels = draw(name, "float64", dense=dense, seed=1)
        grad = getattr(SCRATCH, f"{name}_backward")(logits, labels, **options)

        def loss(z, labels=labels):
            return getattr(SCRATCH, name)(z, labels, **options).sum()

        assert_gradient(loss, logits, grad)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("gamma", [0, 0.5, 1, 2])
def test_logits_of_a_thousand(parity, dtype, gamma):
    """A sure and right answer costs nothing, a sure and wrong one its distance; no NaN."""
    for name, logits in (
        ("sigmoid_focal_loss", [[1000], [-1000], [1000], [-1000], [0]]),
        ("softmax_focal_loss", [[0, 1000], [0, -1000], [0, 1000], [0, -1000], [0, 0]]),
    ):
        labels = np.array([1, 0, 0, 1, 1])
        call = loss_and_gradient(
            name, np.array(logits, dtype), labels, gamma=gamma, reduction="none"
        )
        found = everywhere(call)
        parity("focal_loss", found)
        expected = [0, 0, 1000, 1000, np.log(2) / 2**gamma]
        rtol = 4 * np.finfo(dtype).eps
        np.testing.assert_allclose(found["scratch"][0], expected, rtol=rtol)
        np.testing.assert_allclose(np.abs(found["scratch"][1][:4, -1]), [0, 0, 1, 1], rtol=rtol)


def test_by_hand():
    """The example of the paper: with gamma 2, at p_t = 0.9, it counts 100 times less."""
    z, y = np.log([[9.0], [1 / 9]]), np.array([1, 0])
    for name, logits in ((NAMES[0], z), (NAMES[1], np.hstack([0 * z, z]))):
        loss = getattr(SCRATCH, name)(logits, y, reduction="none")
        np.testing.assert_allclose(loss, -np.log(0.9) / 100, rtol=1e-12)
    balanced = SCRATCH.sigmoid_focal_loss(z, y, alpha=0.25, reduction="none")
    np.testing.assert_allclose(balanced, -np.log(0.9) / 100 * np.array([0.25, 0.75]), rtol=1e-12)


def test_without_focus_it_is_the_cross_entropy():
    for suffix in ("", "_backward"):
        for name, plain in zip(NAMES, ("binary", "softmax"), strict=True):
            logits, labels = draw(name, "float64")
            focal = getattr(SCRATCH, f"{name}{suffix}")
            plain = getattr(LOSSES, f"{plain}_cross_entropy{suffix}")
            for options in ({}, {"sample_weights": S}):
                np.testing.assert_allclose(
                    focal(logits, labels, gamma=0, **options),
                    plain(logits, labels, **options),
                    rtol=1e-12,
                    atol=1e-16,
                )


def test_a_sigmoid_is_a_softmax_of_two():
    z, y = draw(NAMES[0], "float64")
    pair, options = np.hstack([np.zeros_like(z), z]), {"gamma": 1.5, "mean_over": "rows"}
    found = SCRATCH.sigmoid_focal_loss(z, y, alpha=0.2, **options)
    weights = np.array([0.8, 0.2])
    expected = SCRATCH.softmax_focal_loss(pair, y, class_weights=weights, **options)
    np.testing.assert_allclose(found, expected, rtol=1e-13)


@pytest.mark.parametrize("dtype", DTYPES)
def test_bare_torchvision_loss(parity, dtype):
    """At its defaults, alpha=0.25, gamma=2 and no reduction; and with others."""
    torchvision_v2()
    from torchvision.ops import sigmoid_focal_loss

    logits, labels = draw(NAMES[0], dtype, seed=2)
    for bare, ours in (
        ({}, {"alpha": 0.25, "reduction": "none"}),
        ({"alpha": -1, "gamma": 3, "reduction": "mean"}, {"gamma": 3}),
    ):
        tensor = torch.tensor(logits, requires_grad=True)
        loss = sigmoid_focal_loss(tensor, torch.tensor(labels[:, None].astype(dtype)), **bare)
        loss.sum().backward()
        loss = loss.reshape(-1) if loss.ndim else loss
        scratch = loss_and_gradient(NAMES[0], logits, labels, **ours)("scratch", None)
        found = {"scratch": scratch, "torch": [loss, tensor.grad]}
        # It takes 1 - p_t of a rounded p_t: the difference keeps the rounding of 1.
        parity("focal_loss, native", found, terms=16 * ROWS)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("dense", [False, True])
def test_bare_keras_losses(parity, dtype, dense):
    """At their defaults, and balanced; for logits that are not clipped.

    Entries of the map: focal-balance, categorical-focal-alpha, focal-clipped.
    """
    adapter, options = ADAPTERS["keras"], {"from_logits": True, "dtype": dtype}

    def measure(name, bare, labels, target, **ours):
        target = adapter.tensor(target)
        loss, grads = adapter.vjp(lambda z: bare(target, z), (logits,), np.ones((), dtype))
        ours |= {"mean_over": "rows"}
        scratch = loss_and_gradient(name, logits, labels, **ours)("scratch", None)
        parity("focal_loss, native", {"scratch": scratch, "keras": [loss, *grads]}, terms=16 * ROWS)

    if not dense:
        logits, labels = draw(NAMES[0], dtype, seed=3)
        target, bare = labels[:, None].astype(dtype), keras.losses.BinaryFocalCrossentropy
        measure(NAMES[0], bare(**options), labels, target)
        bare = bare(apply_class_balancing=True, alpha=0.75, gamma=1.5, **options)
        measure(NAMES[0], bare, labels, target, alpha=0.75, gamma=1.5)
    logits, labels = draw(NAMES[1], dtype, dense=dense, seed=4)
    target, bare = labels if dense else np.eye(CLASSES, dtype=dtype)[labels], None
    bare, quarter = keras.losses.CategoricalFocalCrossentropy, np.full(CLASSES, 0.25, dtype)
    measure(NAMES[1], bare(**options), labels, target, class_weights=quarter)
    weights = np.array([0.5, 3, 0.25, 1], dtype)
    bare = bare(alpha=weights.tolist(), gamma=3.0, **options)
    measure(NAMES[1], bare, labels, target, class_weights=weights, gamma=3.0)


@pytest.mark.parametrize("name", NAMES)
def test_keras_graph_with_unknown_batch_size(parity, name):
    adapter, loss = ADAPTERS["keras"], getattr(panel("keras", "focal_loss"), name)
    logits, labels = draw(name, "float64")
    target = adapter.tensor(labels)
    for compiled in traced(lambda z: loss(z, target), (None, logits.shape[1]), "float64"):
        found = adapter.numpy(compiled(adapter.tensor(logits)))
        scratch = getattr(SCRATCH, name)(logits, labels)
        parity("focal_loss", {"scratch": scratch, "keras": found}, terms=ROWS + CLASSES)


def bad(name, logits, labels, message, **options):
    def call(framework, adapter):
        arguments = adapter.tensor(logits), adapter.tensor(labels)
        getattr(panel(framework, "focal_loss"), name)(*arguments, **tensors(adapter, options))

    same_error(call, message)
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (the text is compared below)
        getattr(SCRATCH, f"{name}_backward")(logits, labels, **options)
    assert str(caught.value) == message


@pytest.mark.parametrize("name", NAMES)
def test_bad_input(name):
    logits, labels = draw(name, "float32")
    for gamma in (-1, float("nan"), None, "2"):
        text = f"gamma must be a number in [0, inf), got {gamma!r}"
        bad(name, logits, labels, text, gamma=gamma)
    top = 1 if name.startswith("sigmoid") else 3
    text = f"labels must lie in [0, {top}], got labels from 0 to 7"
    bad(name, logits, np.where(labels == 1, 7, 0), text)
    bad(name, logits, labels[:3], "logits and labels must have equal counts, got 9 and 3")
    text = "reduction must be one of 'none', 'sum', 'mean', got 'mea'"
    bad(name, logits, labels, text, reduction="mea")
    text = "sample_weights must have shape (9,), got (2,)"
    bad(name, logits, labels, text, sample_weights=np.ones(2, np.float32))
    if top == 1:
        bad(name, logits, labels, "alpha must be a number in [0, 1], got 2", alpha=2)
        text = "labels must be integers of shape (N,), got float32 of shape (9,)"
        bad(name, logits, labels.astype("float32"), text)
    else:
        text = "class_weights must have shape (4,), got (2,)"
        bad(name, logits, labels, text, class_weights=np.ones(2, np.float32))
