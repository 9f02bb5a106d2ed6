"""The loss and its gradient, for several numbers of classes, smoothings and dtypes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
import torch

from scratch.label_smoothing import (
    label_smoothing_cross_entropy,
    label_smoothing_cross_entropy_backward,
    smooth_labels,
)
from scratch.losses import log_softmax
from triptych.exercises.findings import Finding
from triptych.exercises.scripts import done, judged, still_there, wrong

__all__ = ["check"]

ROWS = 8
# Several roundings of float32, for the loss of float64 too: its constant may be a float32's.
TOLERANCE = 2e-6


@dataclass(frozen=True)
class Case:
    """In float64, whatever the dtype that is asked for."""

    logits: np.ndarray
    labels: np.ndarray
    smoothing: float
    dtype: str

    @property
    def classes(self) -> int:
        return self.logits.shape[1]

    @property
    def q(self) -> np.ndarray:
        return smooth_labels(self.labels, self.classes, self.smoothing, dtype="float64")

    @property
    def cross_entropy(self) -> float:
        return float(label_smoothing_cross_entropy(self.logits, self.labels, self.smoothing))

    @property
    def entropy(self) -> float:
        return _entropy(self.q[0])

    @property
    def right(self) -> float:
        return self.cross_entropy - self.entropy

    @property
    def gradient(self) -> np.ndarray:
        return label_smoothing_cross_entropy_backward(self.logits, self.labels, self.smoothing)

    def __str__(self) -> str:
        return f"smoothing {self.smoothing}, {self.classes} classes and logits of {self.dtype}"


def _entropy(q: Any) -> float:
    q = np.asarray(q)
    return float(-(q * np.log(np.where(q > 0, q, 1))).sum())


def _with(q: Callable[[float, int], list[float]]) -> Callable[[Case], float]:
    """The cross-entropy less the entropy of other targets."""
    return lambda case: case.cross_entropy - _entropy(q(case.smoothing, case.classes))


def _reversed(case: Case) -> float:
    log_p = log_softmax(case.logits)
    return float((np.exp(log_p) * (log_p - np.log(case.q))).sum(axis=1).mean())


def _of_predictions(case: Case) -> float:
    p = np.exp(log_softmax(case.logits))
    return case.cross_entropy - _entropy(p) / len(p)


def _of_probabilities(case: Case) -> float:
    p = np.exp(log_softmax(case.logits))
    return float((case.q * (np.log(case.q) - p)).sum(axis=1).mean())


def _over_the_rows(case: Case) -> float:
    log_p = log_softmax(case.logits.T).T
    return float(-(case.q * log_p).sum(axis=1).mean()) - case.entropy


def _of_labels(case: Case) -> float:
    return float(label_smoothing_cross_entropy(case.logits, case.labels, 0.0)) - case.entropy


MISTAKES: tuple[tuple[Callable[[Case], float], str], ...] = (
    (lambda case: case.cross_entropy, "That is the cross-entropy: no entropy is subtracted."),
    (
        lambda case: case.cross_entropy + case.entropy,
        "The entropy is added: each q log q is below 0, and the entropy above.",
    ),
    (
        lambda case: case.cross_entropy - case.entropy / np.log(2),
        "The entropy is in bits, and the cross-entropy is in nats: log2 is not the natural one.",
    ),
    (
        lambda case: case.cross_entropy - case.entropy / np.log(10),
        "The entropy has the logarithm to the base of 10, and the cross-entropy the natural one.",
    ),
    (
        _with(lambda s, k: [1 - s] + [s / (k - 1)] * (k - 1)),
        "Smoothing is shared by the others alone there: the right class has its smoothing / K too.",
    ),
    (
        _with(lambda s, k: [1 - s] + [s / k] * (k - 1)),
        "The right class has 1 - smoothing there, without its smoothing / K.",
    ),
    (
        _with(lambda s, k: [1 - s + s / k] + [s / k] * k),
        "The others are counted K times: they are K - 1.",
    ),
    (
        _with(lambda s, k: [1 - s + s / k, s / k]),
        "One of the others is counted: they are K - 1.",
    ),
    (
        _with(lambda s, k: [1 - s + s / k]),
        "The entropy lacks the terms of the other classes.",
    ),
    (
        _with(lambda s, k: [s / k] * (k - 1)),
        "The entropy lacks the term of the right class.",
    ),
    (_of_labels, "The cross-entropy is that of labels without smoothing."),
    (lambda case: case.right * ROWS, "That is the sum over the rows, not the mean."),
    (
        lambda case: case.right / case.classes,
        "The mean goes over rows and classes: it is a mean over the rows of sums over the classes.",
    ),
    (_reversed, "That is the divergence the other way round: of q from p, KL(p, q)."),
    (_of_predictions, "The entropy is that of p: the targets have theirs."),
    (_over_the_rows, "The softmax goes over the rows, not over the classes of each."),
    (_of_probabilities, "p stands where its logarithm should."),
)


def check(
    module: ModuleType,
    framework: str,
    progress: Callable[[str], None],
    seed: int = 0,
    only: str | None = None,
) -> Iterator[Finding]:
    progress("measuring the loss and its gradient")
    yield from judged(module, ("smoothed_loss",), lambda: _judge(module, seed))


def _judge(module: ModuleType, seed: int) -> Iterator[Finding]:
    rng = np.random.default_rng(seed)

    def case(smoothing: float, classes: int, dtype: str = "float32", scale: float = 1) -> Case:
        labels = np.concatenate([[0, 1], rng.integers(classes, size=ROWS - 2)])
        logits = rng.normal(0, scale, (ROWS, classes)).astype(np.float32)
        return Case(logits.astype(np.float64), labels, smoothing, dtype)

    cases = [case(0.1, 4), case(0.3, 2), case(0.2, 7, "float64"), case(0.6, 3, "float64")]
    ends = [case(0.0, 4), case(0.0, 3, "float64"), case(1.0, 5)]
    try:
        fault = (
            _of_form(module, cases)
            or _of_values(module, cases)
            or next((f for each in ends if (f := _at_an_end(module, each))), None)
            or _of_far_logits(module, [case(0.1, 4, scale=300), case(0.0, 3, scale=300)])
        )
    except TypeError as error:
        if "must be Tensor, not float" not in str(error):
            raise
        yield still_there(f"TypeError: {error}")
        return
    yield fault or done(
        f"the loss is the cross-entropy less the entropy, {cases[0].right:.4f} for {cases[0]}; its "
        "gradient fits, with smoothing 0 and logits hundreds apart as well"
    )


def _call(module: ModuleType, case: Case) -> tuple[Any, Any]:
    """What is returned, and the logits that it was given."""
    logits = torch.tensor(case.logits, dtype=getattr(torch, case.dtype), requires_grad=True)
    with np.errstate(all="ignore"):
        return module.smoothed_loss(logits, torch.from_numpy(case.labels), case.smoothing), logits


def _measured(module: ModuleType, case: Case) -> tuple[float, np.ndarray]:
    """The loss, and its gradient at the logits."""
    loss, logits = _call(module, case)
    loss.backward()
    gradient = torch.zeros_like(logits) if logits.grad is None else logits.grad
    return loss.item(), gradient.numpy().astype(np.float64)


def _of_form(module: ModuleType, cases: list[Case]) -> Finding | None:
    for case in cases:
        loss, _ = _call(module, case)
        wanted = f"a tensor of one number, of {case.dtype}"
        if not isinstance(loss, torch.Tensor):
            return wrong(
                "what smoothed_loss returns is no tensor",
                wanted,
                f"a {type(loss).__name__}",
                "A number has no gradient: only the entropy may leave PyTorch.",
            )
        if loss.shape != ():
            return wrong(
                "what smoothed_loss returns is not one number",
                wanted,
                f"a tensor of shape {tuple(loss.shape)}",
                "The mean over the rows is missing."
                if loss.shape[0] == ROWS
                else "The entropy is one number, and is made a tensor that has an axis.",
            )
        if str(loss.dtype) != f"torch.{case.dtype}":
            return wrong(
                "the dtype of the loss is not that of the logits",
                f"{case.dtype}, for {case}",
                str(loss.dtype).removeprefix("torch."),
                "A tensor of float64 takes part. A Python number leaves the dtype as it is."
                if case.dtype == "float32"
                else "The logits, or the loss, are made float32.",
            )
        if not loss.requires_grad:
            return wrong(
                "the loss has no gradient",
                "one at the logits, to learn from",
                "requires_grad is False",
                "The logits are detached, or the loss is a new tensor, made of a number.",
            )
    return None


def _of_values(module: ModuleType, cases: list[Case]) -> Finding | None:
    found = [_measured(module, case) for case in cases]
    off = [case for case, (loss, _) in zip(cases, found, strict=True) if not _near(loss, case)]
    if off:
        causes = [
            cause
            for mistake, cause in MISTAKES
            if all(
                abs(loss - mistake(case)) < 1e-4
                for case, (loss, _) in zip(cases, found, strict=True)
            )
        ]
        return wrong(
            "the loss is not the cross-entropy less the entropy of the targets",
            f"{off[0].right:.4f}, for {off[0]}",
            f"{found[cases.index(off[0])][0]:.4f}",
            causes[0]
            if causes
            else "The entropy, or the cross-entropy, is not that of the targets.",
        )
    for case, (_, gradient) in zip(cases, found, strict=True):
        if fault := _of_gradient(case, gradient):
            return fault
    return None


def _near(loss: float, case: Case) -> bool:
    return abs(loss - case.right) <= TOLERANCE * max(1, case.right)


def _of_gradient(case: Case, gradient: np.ndarray) -> Finding | None:
    off = float(np.abs(gradient - case.gradient).max())
    rounded = case.dtype == "float64" and np.array_equal(gradient, np.float32(gradient))
    if off < TOLERANCE and not rounded:
        return None
    return wrong(
        "the loss is right, and its gradient is not",
        f"(p - q) / N at the logits, for {case}",
        f"numbers that are off by up to {off:.2g}",
        "The logits are made float32 on the way."
        if off < TOLERANCE
        else "What is returned is not what is differentiated.",
    )


def _at_an_end(module: ModuleType, case: Case) -> Finding | None:
    """Smoothing 0, where targets are 0, and 1, where all are the same."""
    try:
        loss, gradient = _measured(module, case)
    except (ValueError, ZeroDivisionError) as error:
        loss, gradient, said = float("nan"), case.gradient, f"{type(error).__name__}: {error}"
    else:
        said = f"{loss:.4g}"
    if _near(loss, case):
        return _of_gradient(case, gradient)
    return wrong(
        f"the loss is wrong with smoothing {case.smoothing}",
        f"{case.right:.4f}, for {case}",
        said,
        ""
        if np.isfinite(loss)
        else "The logarithm of 0 is taken: 0 log 0 is 0 in an entropy, its limit, and 0 times log 0"
        " is no number.",
    )


def _of_far_logits(module: ModuleType, cases: list[Case]) -> Finding | None:
    for case in cases:
        loss, gradient = _measured(module, case)
        off = np.abs(gradient - case.gradient).max()
        if not (_near(loss, case) and off < TOLERANCE):
            return wrong(
                "the loss is wrong where logits are hundreds apart",
                f"{case.right:.2f}, for {case}, and a gradient to learn from",
                f"{loss:.4g}, with a gradient that is off by up to {off:.2g}",
                "The logarithm is taken of a probability that has become 0.",
            )
    return None
