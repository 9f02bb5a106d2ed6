from dataclasses import replace

import keras
import numpy as np
import pytest
import torch

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

SCRATCH = panel("scratch", "distillation")
LOSSES = panel("scratch", "losses")
SHAPES = [(1, 2), (7, 3), (40, 10)]
# A rounding of log p, of about the size of 3, counts T**2 times in a divergence of the size of 1.
TERMS = {0.7: 1, 4.0: 16, 20.0: 400}


def draw(dtype, rows, classes, *, dense=False, seed=0):
    """Logits of the student, labels, logits of the teacher."""
    rng = np.random.default_rng(seed)
    student, teacher = rng.normal(0, 3, (2, rows, classes)).astype(dtype)
    labels = rng.integers(0, classes, rows)
    if dense:
        labels = rng.dirichlet(np.ones(classes), rows).astype(dtype)
    return student, labels, teacher


def loss_and_gradient(student, labels, teacher, **options):
    """``call(framework, adapter)``; scratch by hand, the others by automatic differentiation.

    Without labels it is the divergence alone.
    """
    name = "distillation_divergence" if labels is None else "distillation_loss"

    def call(framework, adapter):
        loss = getattr(panel(framework, "distillation"), name)
        rest = [each for each in (labels, teacher) if each is not None]
        if framework == "scratch":
            grad = getattr(SCRATCH, f"{name}_backward")(student, *rest, **options)
            return [loss(student, *rest, **options), grad]
        rest = [adapter.tensor(each) for each in rest]
        value, grads = adapter.vjp(
            lambda z: loss(z, *rest, **options), (student,), np.ones((), student.dtype)
        )
        return [value, *grads]

    return call


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("temperature", TERMS)
@pytest.mark.parametrize(("rows", "classes"), SHAPES)
def test_loss_and_gradient_agree(parity, dtype, temperature, rows, classes):
    terms = rows + classes + TERMS[temperature]
    student, labels, teacher = draw(dtype, rows, classes)
    rows_of = draw(dtype, rows, classes, dense=True)[1]
    for target, options in ((None, {}), (labels, {"weight": 0.3}), (rows_of, {"weight": 0.75})):
        call = loss_and_gradient(student, target, teacher, temperature=temperature, **options)
        parity("distillation", everywhere(call), terms=terms)


@pytest.mark.parametrize("temperature", [0.5, 4])
def test_backward_is_the_gradient(temperature):
    student, labels, teacher = draw("float64", 5, 4, seed=1)
    options = {"temperature": temperature}
    assert_gradient(
        lambda z: SCRATCH.distillation_divergence(z, teacher, **options),
        student,
        SCRATCH.distillation_divergence_backward(student, teacher, **options),
    )
    for target in (labels, np.eye(4)[labels] * 0.8 + 0.05):
        assert_gradient(
            lambda z, target=target: SCRATCH.distillation_loss(
                z, target, teacher, weight=0.3, **options
            ),
            student,
            SCRATCH.distillation_loss_backward(student, target, teacher, weight=0.3, **options),
        )


def test_by_hand():
    """At temperature 2, logits 2 log(1), 2 log(3) are the probabilities 1/4, 3/4."""
    teacher, student = 2 * np.log([[1.0, 3.0]]), np.zeros((1, 2))
    kl = 0.25 * np.log(0.5) + 0.75 * np.log(1.5)
    found = SCRATCH.distillation_divergence(student, teacher, temperature=2)
    np.testing.assert_allclose(found, 4 * kl, rtol=1e-14)
    grad = SCRATCH.distillation_divergence_backward(student, teacher, temperature=2)
    np.testing.assert_allclose(grad, 2 * np.array([[0.25, -0.25]]), rtol=1e-14)
    loss = SCRATCH.distillation_loss(student, np.array([1]), teacher, temperature=2, weight=0.25)
    np.testing.assert_allclose(loss, 0.75 * np.log(2) + 0.25 * 4 * kl, rtol=1e-14)


def test_weights_of_zero_and_one():
    student, labels, teacher = draw("float64", 7, 3)
    for suffix in ("", "_backward"):
        loss = getattr(SCRATCH, f"distillation_loss{suffix}")
        hard = getattr(LOSSES, f"softmax_cross_entropy{suffix}")(student, labels)
        np.testing.assert_array_equal(loss(student, labels, teacher, weight=0), hard)
        soft = getattr(SCRATCH, f"distillation_divergence{suffix}")(student, teacher)
        np.testing.assert_array_equal(loss(student, labels, teacher, weight=1), soft)


def test_a_student_that_has_learnt_all_is_left_alone():
    """A constant in a row of logits says nothing."""
    teacher = draw("float64", 7, 3)[2]
    student = teacher + np.arange(7)[:, np.newaxis]
    assert abs(SCRATCH.distillation_divergence(student, teacher)) < 1e-13
    grad = SCRATCH.distillation_divergence_backward(student, teacher)
    np.testing.assert_allclose(grad, 0, atol=1e-15)


def test_soft_targets_are_labels():
    """At temperature 1: the cross-entropy of the teacher's probabilities, less their entropy."""
    student, _, teacher = draw("float64", 7, 3)
    q = np.exp(teacher) / np.exp(teacher).sum(axis=1, keepdims=True)
    entropy = -(q * np.log(q)).sum(axis=1).mean()
    found = SCRATCH.distillation_divergence(student, teacher, temperature=1)
    np.testing.assert_allclose(found, LOSSES.softmax_cross_entropy(student, q) - entropy, 1e-13)
    grad = SCRATCH.distillation_divergence_backward(student, teacher, temperature=1)
    expected = LOSSES.softmax_cross_entropy_backward(student, q)
    np.testing.assert_allclose(grad, expected, rtol=1e-12, atol=1e-16)


def test_a_hot_teacher_matches_logits():
    """As T grows: half the mean squared distance of centred logits; what is left falls as 1/T."""
    student, _, teacher = draw("float64", 7, 5)
    gap = student - teacher
    gap -= gap.mean(axis=1, keepdims=True)
    apart, slope = [], []
    for temperature in (100.0, 1000.0):
        options = {"temperature": temperature}
        loss = SCRATCH.distillation_divergence(student, teacher, **options)
        grad = SCRATCH.distillation_divergence_backward(student, teacher, **options)
        limit = panel("scratch", "squared_error").mean_squared_error(gap, np.zeros_like(gap)) / 2
        apart.append(abs(loss / limit - 1))
        slope.append(np.abs(grad - gap / gap.size).max() / np.abs(gap / gap.size).max())
    for first, second in (apart, slope):
        assert second < 0.02
        assert 8 < first / second < 12


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_bare_torch_kl_div(parity, dtype, temperature):
    """Entries of the map: kl-divergence-mean."""
    student, _, teacher = draw(dtype, 7, 5, seed=2)
    tensor = torch.tensor(student, requires_grad=True)
    log_q = torch.log_softmax(torch.tensor(teacher) / temperature, 1)
    log_p = torch.log_softmax(tensor / temperature, 1)
    scratch = loss_and_gradient(student, None, teacher, temperature=temperature)("scratch", None)
    for log_target, target in ((True, log_q), (False, log_q.exp())):
        bare = torch.nn.KLDivLoss(reduction="batchmean", log_target=log_target)
        loss = temperature**2 * bare(log_p, target)
        (grad,) = torch.autograd.grad(loss, tensor, retain_graph=True)
        found = {"scratch": scratch, "torch": [loss, grad]}
        parity("distillation, native", found, terms=12 + int(temperature**2))


@pytest.mark.parametrize("dtype", DTYPES)
def test_bare_keras_divergence(parity, dtype):
    """Of probabilities that are not clipped. Entries of the map: kl-divergence-clipped."""
    student, _, teacher = draw(dtype, 7, 5, seed=3)
    adapter, bare = ADAPTERS["keras"], keras.losses.KLDivergence(dtype=dtype)
    target = keras.ops.softmax(adapter.tensor(teacher) / 4, axis=1)
    loss, grads = adapter.vjp(
        lambda z: 16 * bare(target, keras.ops.softmax(z / 4, axis=1)),
        (student,),
        np.ones((), dtype),
    )
    scratch = loss_and_gradient(student, None, teacher, temperature=4)("scratch", None)
    parity("distillation, native", {"scratch": scratch, "keras": [loss, *grads]}, terms=12 + 16)


@pytest.mark.parametrize("dtype", DTYPES)
def test_logits_of_a_thousand(parity, dtype):
    """What a student thinks impossible costs its distance."""
    student, teacher = np.array([[0, 1000], [0, 1000]], dtype), np.array([[0, 0], [0, 800]], dtype)
    call = loss_and_gradient(student, np.array([0, 1]), teacher, temperature=4.0, weight=0.5)
    found = everywhere(call)
    parity("distillation", found, terms=4 + 16)
    soft = 16 * (0.5 * 250 - np.log(2)) / 2
    rtol = 4 * np.finfo(dtype).eps
    np.testing.assert_allclose(found["scratch"][0], 0.5 * 500 + 0.5 * soft, rtol=rtol)


def test_the_teacher_is_a_constant():
    student, labels, teacher = draw("float64", 7, 3)
    tensor = torch.tensor(teacher, requires_grad=True)
    own = torch.tensor(student, requires_grad=True)
    panel("torch", "distillation").distillation_loss(own, torch.tensor(labels), tensor).backward()
    assert tensor.grad is None
    adapter, loss = ADAPTERS["keras"], panel("keras", "distillation").distillation_loss
    target = adapter.tensor(labels)
    call, ones = (lambda z, t: loss(z, target, t)), np.ones(())
    _, grads = adapter.vjp(call, (student, teacher), ones)
    assert grads[0].any()
    assert not grads[1].any()


def test_keras_graph_with_unknown_batch_size(parity):
    adapter, loss = ADAPTERS["keras"], panel("keras", "distillation").distillation_loss
    student, labels, teacher = draw("float64", 7, 3)
    rest = adapter.tensor(labels), adapter.tensor(teacher)
    for compiled in traced(lambda z: loss(z, *rest), (None, 3), "float64"):
        found = adapter.numpy(compiled(adapter.tensor(student)))
        scratch = SCRATCH.distillation_loss(student, labels, teacher)
        parity("distillation", {"scratch": scratch, "keras": found}, terms=10 + 16)


@pytest.mark.once
def test_the_example(tmp_path, monkeypatch):
    """A small setting of it: the students of a seed are the same in every framework."""
    import typer
    from typer.testing import CliRunner

    from examples import distillation

    small = replace(distillation.TEACHER, hidden=(16,), epochs=1)
    monkeypatch.setattr(distillation, "TEACHER", small)
    app = typer.Typer()
    app.command()(distillation.main)
    options = ["--dataset", "digits", "--images", "100", "--seeds", "2", "--epochs", "2"]
    result = CliRunner().invoke(app, [*options, "--no-progress", "--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "distillation.png").stat().st_size > 10_000
    lines = (tmp_path / "distillation.txt").read_text("utf-8").splitlines()
    for way in distillation.WAYS:
        rows = [line.split("│") for line in lines if f" {way} " in line]
        assert [row[1].strip() for row in rows] == list(PACKAGES)
        assert len({row[3] for row in rows}) == len({row[4] for row in rows}) == 1


@pytest.mark.once
def test_intervals():
    """Of 1, 2, 3: the mean 2, and 4.30 standard errors of 1 / sqrt(3)."""
    from triptych.studies import interval

    np.testing.assert_allclose(interval([1.0, 2.0, 3.0]), (2, 4.30 / np.sqrt(3)), rtol=1e-15)


def bad(student, labels, teacher, message, **options):
    def call(framework, adapter):
        arguments = (adapter.tensor(each) for each in (student, labels, teacher))
        panel(framework, "distillation").distillation_loss(*arguments, **options)

    same_error(call, message)
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (the text is compared below)
        SCRATCH.distillation_loss_backward(student, labels, teacher, **options)
    assert str(caught.value) == message
    if "labels" not in message and "weight" not in message:

        def divergence(framework, adapter):
            arguments = (adapter.tensor(each) for each in (student, teacher))
            panel(framework, "distillation").distillation_divergence(*arguments, **options)

        same_error(divergence, message)


def test_bad_input():
    student, labels, teacher = draw("float32", 4, 3)
    for value in (0, -1, float("nan"), None):
        text = f"temperature must be a number in (0, 1e6], got {value!r}"
        bad(student, labels, teacher, text, temperature=value)
    bad(student, labels, teacher, "weight must be a number in [0, 1], got 1.5", weight=1.5)
    bad(student, labels, teacher[:2], "teacher must have shape (4, 3), got (2, 3)")
    text = "teacher must have the dtype of student, float32, got float64"
    bad(student, labels, teacher.astype(float), text)
    bad(student.astype(int), labels, teacher, "student must be floating point, got int64")
    text = "student must have shape (N, classes), got shape (4,)"
    bad(student[:, 0], labels, teacher, text)
    bad(student[:0], labels, teacher, "student must hold at least one row, got shape (0, 3)")
    text = "labels must lie in [0, 2], got labels from 3 to 3"
    bad(student, np.full(4, 3), teacher, text)
