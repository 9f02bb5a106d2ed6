"""What a step takes from each array where there is nothing to learn, and what it learns elsewhere.

Inputs of 0 give the first kernel no gradient; a hidden bias below 0 switches the hidden layer off,
and with it the gradient of the second kernel; the output's bias has none where all logits are equal
and every class is as frequent. What changes then is the penalty's doing.
"""

import functools
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np

from triptych.exercises.findings import DONE, NOT_DONE, WRONG, Finding, InterfaceError
from triptych.exercises.scripts import missing

__all__ = ["check"]

INPUTS, CLASSES, RATE, STRENGTH = 3, 4, 0.1, 0.01
KERNELS, BIASES = ("first kernel", "second kernel"), ("first bias", "second bias")
wrong = functools.partial(Finding, "bug", WRONG)


def check(
    module: ModuleType,
    framework: str,
    progress: Callable[[str], None],
    seed: int = 0,
    only: str | None = None,
) -> Iterator[Finding]:
    if gone := list(missing(module, ("build_model", "train"))):
        yield from gone
        return
    progress("measuring steps")
    model = module.build_model(INPUTS, CLASSES, seed)
    learned, expected = _learned(module, model)
    strength, even = _strengths(module, model)
    kernels = [strength[name] for name in KERNELS]
    biases = [strength[name] for name in BIASES]
    if not np.allclose(learned, expected, atol=1e-4):
        yield wrong(
            "a step without a penalty is another too",
            f"a bias of 0 moves by the learning rate, {RATE:g}, times its gradient",
            f"{np.abs(learned).max() / np.abs(expected).max():.3g} times that",
            "The learning rate or the optimizer is another: the penalty alone was too large.",
        )
    elif np.allclose(kernels, 2 * STRENGTH, 0, 1e-4) and np.allclose(biases, 2 * STRENGTH, 0, 1e-4):
        yield Finding(
            "bug",
            NOT_DONE,
            f"in a step without anything to learn, each array loses {RATE * kernels[0]:.4f} of "
            f"itself, {RATE * STRENGTH:g} is asked of kernels, and biases lose as much, of which "
            "nothing is asked",
        )
    else:
        yield from list(_faults(strength, even)) or [
            Finding(
                "bug",
                DONE,
                f"in a step, by the learning rate, the kernels lose {kernels[0]:.4f} and "
                f"{kernels[1]:.4f} of themselves, the biases {max(map(abs, biases)):.4f}; asked "
                f"are {STRENGTH:g} and 0",
            )
        ]


def _step(module: ModuleType, model: Any, labels: np.ndarray, bias: float) -> list[np.ndarray]:
    """The weights before and after, one behind the other."""
    arrays = [np.array(each) for each in model.get_weights()]
    units = arrays[0].shape[-1] if arrays else 0
    if [a.shape for a in arrays] != [(INPUTS, units), (units,), (units, CLASSES), (CLASSES,)]:
        raise InterfaceError(
            "the model must keep its weights: a kernel and a bias of two layers; for 3 inputs and "
            f"4 classes they have the shapes {', '.join(str(a.shape) for a in arrays)}"
        )
    first, shift, output, last = arrays
    before = [first, np.full_like(shift, -1), output, np.full_like(last, bias)]
    model.set_weights(before)
    x = np.zeros((len(labels), INPUTS), np.float32)
    module.train(model, x, labels, epochs=1, batch_size=len(labels))
    return [*before, *map(np.array, model.get_weights())]


def _learned(module: ModuleType, model: Any) -> tuple[np.ndarray, np.ndarray]:
    """How the output's bias moves from 0 for labels of one class, and how it should."""
    arrays = _step(module, model, np.zeros(4, int), 0.0)
    row = np.full(CLASSES, 1 / CLASSES)
    row[0] -= 1
    return arrays[7] - arrays[3], -RATE * row


def _strengths(module: ModuleType, model: Any) -> tuple[dict[str, float], dict[str, bool]]:
    """What each array loses of itself, by the learning rate, and whether each element alike."""
    arrays = _step(module, model, np.arange(CLASSES), 1.0)
    names = ("first kernel", "first bias", "second kernel", "second bias")
    strength, even = {}, {}
    for name, a, b in zip(names, arrays[:4], arrays[4:], strict=True):
        lost = (a.astype(float) - b) / RATE
        strength[name] = float((lost * a).sum() / (a.astype(float) ** 2).sum())
        even[name] = bool(np.allclose(lost, strength[name] * a, atol=2e-5))
    return strength, even


def _faults(strength: dict[str, float], even: dict[str, bool]) -> Iterator[Finding]:
    kernels = [strength[name] for name in KERNELS]
    shown = ", ".join(f"{name} {strength[name]:.4f}" for name in KERNELS)
    if not all(even[name] for name in KERNELS):
        yield wrong(
            "kernels do not shrink in proportion to themselves",
            f"{STRENGTH:g} times each weight, by the learning rate",
            "another share of small weights than of large ones",
            "That is another penalty than L2 (L1, or one of the norm), or is clipped.",
        )
    elif not np.allclose(kernels, STRENGTH, 0, 1e-4):
        twice = [abs(each - 2 * STRENGTH) < 1e-4 for each in kernels]
        yield wrong(
            "a kernel has another penalty",
            f"each kernel loses {STRENGTH:g} of itself, by the learning rate",
            shown,
            "L2(s) of Keras adds s * sum w^2: its gradient is 2 s w."
            if all(twice)
            else "One kernel is right now and the other still loses twice as much."
            if any(twice) and any(abs(each - STRENGTH) < 1e-4 for each in kernels)
            else "There is no penalty left."
            if not any(each > 1e-5 for each in kernels)
            else "One of the kernels has no penalty."
            if min(kernels) < 1e-5
            else "It is halved once too often."
            if np.allclose(kernels, STRENGTH / 2, 0, 1e-4)
            else "Two penalties act: that of the layer and the decay of the optimizer."
            if max(kernels) > STRENGTH
            else "The strength is another.",
        )
    biases = [strength[name] for name in BIASES]
    if max(map(abs, biases)) > 1e-4:
        yield wrong(
            "a bias still shrinks",
            "biases are free of the penalty",
            ", ".join(f"{name} {strength[name]:.4f}" for name in BIASES)
            + " of itself, by the learning rate",
            "The penalty is given to biases too, by the layer or by the optimizer's weight_decay.",
        )
