"""The two terms of the loss and of its gradient, as multiples of what they should be."""

import functools
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np

from scratch.distillation import distillation_loss, distillation_loss_backward
from scratch.losses import softmax_cross_entropy_backward
from triptych.exercises.findings import DONE, NOT_DONE, WRONG, Finding, InterfaceError
from triptych.exercises.scripts import missing

__all__ = ["check"]

RATE = 0.5
CASES = [(5, 4, 1.0), (5, 4, 2.0), (7, 3, 4.0), (2, 6, 8.0)]  # rows, classes and temperature
Factor = Callable[[int, int, float], float]
CAUSES: list[tuple[str, Factor]] = [
    ("The factor T^2 is missing.", lambda n, c, t: 1 / t**2),
    ("Of T^2 * 1 / T, which is T, the whole is missing.", lambda n, c, t: 1 / t),
    ("The 1 / T of student / T, from the chain rule, is missing.", lambda n, c, t: t),
    ("It has T^2 once too often.", lambda n, c, t: t**2),
    ("The number 16 stands for T^2: it is right at T = 4 alone.", lambda n, c, t: 16 / t**2),
    ("The number 4 stands for T: it is right at T = 4 alone.", lambda n, c, t: 4 / t),
    ("It is summed over the examples, not averaged.", lambda n, c, t: n),
    ("It is averaged over the classes too.", lambda n, c, t: 1 / c),
    ("Its sign is turned.", lambda n, c, t: -1),
]
wrong = functools.partial(Finding, "bug", WRONG)


def check(
    module: ModuleType,
    framework: str,
    progress: Callable[[str], None],
    seed: int = 0,
    only: str | None = None,
) -> Iterator[Finding]:
    if gone := list(missing(module, ("distillation_loss", "distillation_gradient", "train"))):
        yield from gone
        return
    progress("measuring the loss and its gradient")
    right: dict[str, list[Any]] = {"soft loss": [], "soft": [], "hard": [], "both": [], "loss": []}
    rng = np.random.default_rng(seed)
    for rows, classes, temperature in CASES:
        student, teacher = 2 * rng.normal(size=(2, rows, classes))
        labels = rng.integers(0, classes, rows)
        for name, weight in (("soft", 1.0), ("hard", 0.0), ("both", 0.75)):
            given = (student, labels, teacher)
            options: dict[str, Any] = {"temperature": temperature, "weight": weight}
            loss, gradient = _of(module, given, options)
            right[name].append(_ratio(gradient, distillation_loss_backward(*given, **options)))
            ratio = _ratio(loss, distillation_loss(*given, **options))
            right["soft loss" if name == "soft" else "loss"].append(ratio)
    soft_loss, soft, hard = right["soft loss"], right["soft"], right["hard"]
    step, planted_step = _steps(module, seed)
    loss_right = _like(soft_loss) and all(_is_1(ratio) for ratio in right["loss"])
    planted = _like(soft, lambda n, c, t: 1 / t**2) and _like(hard)
    if planted and loss_right and _is_1(planted_step):
        yield Finding(
            "bug",
            NOT_DONE,
            "the teacher's part of the gradient is, as a multiple of the loss's own derivative, "
            + ", ".join(f"{r:.3g} at T = {t:g}" for r, (_, _, t) in zip(soft, CASES, strict=True))
            + "; the labels' part is right",
        )
        return
    yield from _faults(right, loss_right, step) or [
        Finding(
            "bug",
            DONE,
            "loss and gradient are those of scratch/distillation.py at T = 1, 2, 4 and 8, the "
            f"teacher's part and the labels', and a step is {RATE} times the gradient",
        )
    ]


def _faults(right: dict[str, list[Any]], loss_right: bool, step: float | None) -> list[Finding]:
    faults = []
    if not loss_right:
        its = _cause(right["soft loss"])
        faults.append(
            wrong(
                "the loss is no longer that of the formula",
                "the one in the docstring; it was right",
                f"the teacher's part alone: {_shown(right['soft loss'])}",
                its if not _like(right["soft loss"]) else "The labels' term has changed.",
            )
        )
    for name, whose in (("soft", "teacher's"), ("hard", "labels'")):
        if not _like(right[name]):
            faults.append(
                wrong(
                    f"the {whose} part of the gradient is not the derivative of the loss",
                    "T * (p - q) / N" if name == "soft" else "(softmax(student) - target) / N",
                    _shown(right[name]),
                    _cause(right[name])
                    if name == "soft"
                    else f"The labels' term has no T. {_cause(right[name])}",
                )
            )
    if not faults and not _like(right["both"]):
        faults.append(
            wrong(
                "the two parts are right alone, and not together",
                "(1 - weight) times the labels' part plus weight times the teacher's",
                _shown(right["both"]),
                "The weights are others, or swapped.",
            )
        )
    if not faults and not _is_1(step):
        times = "no multiple" if step is None else f"{step:.3g} times"
        faults.append(
            wrong(
                "loss and gradient are right, and train steps otherwise",
                f"a step of {RATE} times the gradient",
                f"{times} of that",
                "The learning rate is another, or train scales the gradient.",
            )
        )
    return faults


def _of(module: ModuleType, given: tuple[Any, ...], options: dict[str, float]) -> tuple[Any, Any]:
    loss = np.asarray(module.distillation_loss(*(a.copy() for a in given), **options))
    gradient = np.asarray(module.distillation_gradient(*(a.copy() for a in given), **options))
    if loss.size != 1 or gradient.shape != given[0].shape:
        raise InterfaceError(
            f"distillation_loss must return a number and distillation_gradient an array of shape "
            f"{given[0].shape}; they return shapes {loss.shape} and {gradient.shape}"
        )
    return loss, gradient


def _steps(module: ModuleType, seed: int) -> tuple[float | None, float | None]:
    """A step of ``train`` at T = 3, as a multiple of that by the formula, and without its T^2."""
    rng = np.random.default_rng(seed)
    x, student, teacher = rng.normal(size=(9, 4)), rng.normal(size=(4, 3)), rng.normal(size=(9, 3))
    labels, options = rng.integers(0, 3, 9), {"temperature": 3.0, "weight": 0.8}
    gradient = distillation_loss_backward(x @ student, labels, teacher, **options)
    hard = 0.2 * softmax_cross_entropy_backward(x @ student, labels)
    own = student.copy()
    module.train(own, x, labels, teacher, steps=1, **options)
    step = (student - own) / RATE
    return _ratio(step, x.T @ gradient), _ratio(step, x.T @ (hard + (gradient - hard) / 9))


def _ratio(found: Any, right: Any) -> float | None:
    """The one number that makes what was found of what is right."""
    a, b = np.ravel(found), np.ravel(right)
    ratio = float(a @ b / (b @ b))
    return ratio if np.allclose(a, ratio * b, rtol=1e-5, atol=1e-8) else None


def _is_1(ratio: float | None) -> bool:
    return ratio is not None and abs(ratio - 1) < 1e-4


def _like(ratios: list[float | None], factor: Factor = lambda n, c, t: 1) -> bool:
    pairs = zip(ratios, CASES, strict=True)
    return all(r is not None and abs(r / factor(*case) - 1) < 1e-4 for r, case in pairs)


def _cause(ratios: list[float | None]) -> str:
    causes = [cause for cause, factor in CAUSES if _like(ratios, factor)]
    if causes:
        return causes[0]
    if _is_1(ratios[0]) and not any(map(_is_1, ratios[1:])):
        return "It is right at T = 1 alone: some logits are not divided by T."
    return ""


def _shown(ratios: list[float | None]) -> str:
    return ", ".join(
        f"{'no multiple' if r is None else f'{r:.3g} times'} at T = {t:g}"
        for r, (_, _, t) in zip(ratios, CASES, strict=True)
    )
