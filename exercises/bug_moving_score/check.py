"""What a network learns from, and on what it is validated.

``augment`` is replaced: by one that notes what it is given, and one that returns images of 0, of
which the first kernel learns nothing.
"""

import functools
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np

from scratch.losses import softmax_cross_entropy
from triptych.exercises.findings import DONE, NOT_DONE, WRONG, Finding, InterfaceError
from triptych.exercises.scripts import missing, replaced

__all__ = ["check"]

SHAPE, CLASSES, ROWS, EPOCHS = (8, 8, 1), 3, 24, 3
Pair = tuple[np.ndarray, np.ndarray]
wrong = functools.partial(Finding, "bug", WRONG)


def check(
    module: ModuleType,
    framework: str,
    progress: Callable[[str], None],
    seed: int = 0,
    only: str | None = None,
) -> Iterator[Finding]:
    if gone := list(missing(module, ("build_model", "augment", "train", "evaluate"))):
        yield from gone
        return
    progress("measuring the validation")
    training, validation = _data(seed)
    model = module.build_model(seed)
    history = module.train(model, training, validation, epochs=1, seed=seed)
    told = _last(history, "val_loss")
    calls = [_evaluated(module, model, *validation) for _ in range(3)]
    right = _truth(model, *validation)
    moves = max(loss for loss, _ in calls) - min(loss for loss, _ in calls)
    evaluates, validates = _same(calls, right), abs(told - right[0]) < 1e-4
    progress("measuring the training")
    given, learned = _training(module, model, training, validation, seed)
    faults = _of_training(given, learned)
    augments = any((images > 0.5).any() for images in given)
    if not evaluates and not validates and not faults and moves > 1e-4 and augments:
        yield Finding(
            "bug",
            NOT_DONE,
            f"three calls of evaluate give losses from {min(calls)[0]:.3f} to {max(calls)[0]:.3f}, "
            f"and the images as they are have {right[0]:.3f}; the validation in train says "
            f"{told:.3f}",
        )
        return
    if not evaluates:
        faults.append(
            wrong(
                "evaluate still gives other numbers in each call"
                if moves > 1e-4
                else "evaluate gives the same numbers in each call, and they are those of others",
                f"loss {right[0]:.4f} and accuracy {right[1]:.3f}, on the images as they are",
                ", ".join(f"{loss:.4f} and {accuracy:.3f}" for loss, accuracy in calls),
                "Images are still augmented there."
                if moves > 1e-4
                else "The draws are fixed by a seed, or the score is not a mean over the images.",
            )
        )
    if not validates:
        faults.append(
            wrong(
                "val_loss in the history of train is not that of the validation images",
                f"{right[0]:.4f}, after an epoch",
                f"{told:.4f}",
                "Validation images are still augmented in train."
                if augments
                else "Another set is validated on, or with another loss.",
            )
        )
    yield from faults or [
        Finding(
            "bug",
            DONE,
            f"evaluate says {right[0]:.4f} in each call, val_loss in train the same, which is the "
            f"loss of the images as they are; training still sees augmented ones, in each epoch",
        )
    ]


def _data(seed: int) -> tuple[Pair, Pair]:
    """Images for training with values below 1/2, for validation above."""
    rng = np.random.default_rng(seed)
    training = rng.uniform(0.05, 0.45, (ROWS, *SHAPE)).astype(np.float32)
    validation = rng.uniform(0.55, 0.95, (ROWS, *SHAPE)).astype(np.float32)
    labels = np.arange(ROWS) % CLASSES
    return (training, labels), (validation, labels)


def _last(history: Any, name: str) -> float:
    try:
        return float(history[name][-1])
    except (TypeError, KeyError, IndexError):
        raise InterfaceError(
            f"train must return the history of fit, a dictionary with {name}; it returns "
            f"{type(history).__name__}"
        ) from None


def _evaluated(module: ModuleType, model: Any, images: Any, labels: Any) -> tuple[float, float]:
    found = module.evaluate(model, images.copy(), labels.copy())
    try:
        loss, accuracy = map(float, found)
    except (TypeError, ValueError):
        raise InterfaceError("evaluate must return two numbers, loss and accuracy") from None
    return loss, accuracy


def _truth(model: Any, images: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    from keras import ops

    logits = np.asarray(ops.convert_to_numpy(model(images, training=False)), float)
    right = (logits.argmax(axis=1) == labels).mean()
    return float(softmax_cross_entropy(logits, labels)), float(right)


def _same(calls: list[tuple[float, float]], right: tuple[float, float]) -> bool:
    return all(np.allclose(each, right, rtol=0, atol=1e-4) for each in calls)


def _training(
    module: ModuleType, model: Any, training: Pair, validation: Pair, seed: int
) -> tuple[list[np.ndarray], float]:
    """What ``augment`` was given, and how far the first kernel went on images of 0."""
    given: list[np.ndarray] = []

    def augment(images: Any, rng: Any) -> Any:
        given.append(np.array(images))
        return np.zeros_like(images)

    def first() -> np.ndarray:
        return next(np.array(each) for each in model.get_weights() if each.ndim == 2)

    before = first()
    with replaced(module, augment=augment):
        module.train(model, training, validation, epochs=EPOCHS, seed=seed)
    return given, float(np.abs(first() - before).max())


def _of_training(given: list[np.ndarray], learned: float) -> list[Finding]:
    shares = sum(len(images) for images in given if (images < 0.5).all()) / ROWS
    if not shares:
        return [
            wrong(
                "training images are not augmented any more",
                f"each, in each of {EPOCHS} epochs",
                "no call of augment with training images",
                "Augmentation was to stay in training.",
            )
        ]
    if learned > 1e-6:
        return [
            wrong(
                "the network does not learn from what augment returns for training images",
                "no change of the first kernel, if augment returns images of 0",
                f"a change of {learned:.2g}",
                "What it returns is not used, or only for a part of the images.",
            )
        ]
    if shares < EPOCHS:
        return [
            wrong(
                "training images are not augmented anew in each epoch",
                f"{EPOCHS} times, in {EPOCHS} epochs",
                f"{shares:.3g} times",
                "They are augmented once, before the epochs begin.",
            )
        ]
    return []
