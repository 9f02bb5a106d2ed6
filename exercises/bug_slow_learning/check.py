"""The loss, its gradient and a step, as multiples of what they should be."""

import functools
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np

from scratch.losses import softmax_cross_entropy, softmax_cross_entropy_backward
from triptych.exercises.findings import DONE, NOT_DONE, WRONG, Finding, InterfaceError
from triptych.exercises.scripts import missing

__all__ = ["check"]

RATE = 0.05
CASES = [(1, 10), (8, 10), (6, 3), (32, 5)]  # rows and classes
CAUSES: list[tuple[str, Callable[[int, int], float]]] = [
    ("It is averaged over the classes too.", lambda n, c: 1 / c),
    ("It is summed over the examples, not averaged.", lambda n, c: n),
    ("It is summed over the examples and averaged over the classes.", lambda n, c: n / c),
    ("It is divided by the number of examples twice.", lambda n, c: 1 / n),
    ("The number 10 stands in the code; the number of classes is another.", lambda n, c: 10 / c),
    ("It is multiplied by the number of classes once too often.", lambda n, c: c),
    ("Its sign is turned.", lambda n, c: -1),
]
wrong = functools.partial(Finding, "bug", WRONG)


def check(
    module: ModuleType,
    framework: str,
    progress: Callable[[str], None],
    seed: int = 0,
    only: str | None = None,
) -> Iterator[Finding]:
    names = ("build_model", "forward", "loss_and_gradient", "train")
    if gone := list(missing(module, names)):
        yield from gone
        return
    progress("measuring the loss")
    losses, gradients = [], []
    rng = np.random.default_rng(seed)
    for rows, classes in CASES:
        logits, labels = 2 * rng.normal(size=(rows, classes)), rng.integers(0, classes, rows)
        loss, gradient = _of(module, logits, labels)
        losses.append(_ratio(loss, softmax_cross_entropy(logits, labels)))
        gradients.append(_ratio(gradient, softmax_cross_entropy_backward(logits, labels)))
    step = _step(module, seed)
    planted = _like(losses, lambda n, c: 1 / c) and _like(gradients, lambda n, c: 1 / c)
    if planted and step is not None and abs(step - 1 / 4) < 1e-3:
        yield Finding(
            "bug",
            NOT_DONE,
            f"for ten classes loss and gradient are {losses[1]:.3g} times what they should be, for "
            f"three {losses[2]:.3g} times; a network that knows nothing begins at a loss of "
            f"{losses[1] * np.log(10):.3f}, not ln 10 = {np.log(10):.3f}",
        )
        return
    faults = list(_fault("loss", losses)) + list(_fault("gradient", gradients))
    if planted:
        faults = [
            wrong(
                "the learning rate is another, and the loss is still that of before",
                f"steps of {RATE} times the gradient of the loss asked for",
                f"a loss {losses[1]:.3g} times that",
                "A larger learning rate makes up for ten classes, and for ten alone.",
            )
        ]
    elif not faults and (step is None or abs(step - 1) > 1e-3):
        times = "something else than a multiple" if step is None else f"{step:.3g} times"
        faults = [
            wrong(
                "loss and gradient are right, and train steps otherwise",
                f"a step of {RATE} times the gradient",
                f"{times} of that",
                "The learning rate is another than the docstring's, or train scales the gradient.",
            )
        ]
    yield from faults or [
        Finding(
            "bug",
            DONE,
            f"loss and gradient are those of scratch/losses.py for 3, 5 and 10 classes, and a step "
            f"is {RATE} times the gradient",
        )
    ]


def _of(module: ModuleType, logits: np.ndarray, labels: np.ndarray) -> tuple[Any, Any]:
    found = module.loss_and_gradient(logits.copy(), labels.copy())
    if not isinstance(found, tuple) or len(found) != 2:
        raise InterfaceError("loss_and_gradient must return two things, the loss and its gradient")
    loss, gradient = (np.asarray(each, float) for each in found)
    if loss.size != 1 or gradient.shape != logits.shape:
        raise InterfaceError(
            f"loss_and_gradient must return a number and an array of shape {logits.shape}, it "
            f"returns shapes {loss.shape} and {gradient.shape}"
        )
    return loss.reshape(()), gradient


def _step(module: ModuleType, seed: int) -> float | None:
    """How a first step of the output's bias compares with what it should be, for four classes."""
    rng = np.random.default_rng(seed)
    x, labels = rng.normal(size=(8, 2)), np.array([0, 1, 2, 3, 0, 0, 1, 0])
    model = module.build_model(2, 4, seed)
    before = np.array(model["b2"])
    logits = np.array(module.forward(model, x)[1])
    module.train(model, x, labels, epochs=1, batch_size=8)
    gradient = softmax_cross_entropy_backward(logits, labels).sum(axis=0)
    return _ratio((before - model["b2"]) / RATE, gradient)


def _ratio(found: Any, right: Any) -> float | None:
    """The one number that makes what was found of what is right."""
    a, b = np.ravel(found), np.ravel(right)
    ratio = float(a @ b / (b @ b))
    return ratio if np.allclose(a, ratio * b, rtol=1e-5, atol=1e-8) else None


def _like(ratios: list[float | None], factor: Callable[[int, int], float]) -> bool:
    pairs = zip(ratios, CASES, strict=True)
    return all(r is not None and abs(r / factor(*case) - 1) < 1e-4 for r, case in pairs)


def _fault(what: str, ratios: list[float | None]) -> Iterator[Finding]:
    if _like(ratios, lambda n, c: 1):
        return
    shown = [
        f"{'no multiple' if r is None else f'{r:.3g} times'} for {n} rows of {c} classes"
        for r, (n, c) in zip(ratios, CASES, strict=True)
    ]
    causes = [cause for cause, factor in CAUSES if _like(ratios, factor)]
    yield wrong(
        f"the {what} is not that of the formula",
        "the cross-entropy of an example, averaged over the batch"
        if what == "loss"
        else "the gradient of that: (p - target) / N",
        ", ".join(shown),
        causes[0]
        if causes
        else "It is not the gradient of this loss."
        if what == "gradient"
        else "It is another quantity.",
    )
