"""What a whole training does: its learning rates, its images, when it ends and with what weights.

``train`` calls other functions of the file by their names. Here some of them are replaced by ours,
which note what they are given, or answer what we choose.
"""

import functools
import itertools
import math
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np

from triptych.exercises.findings import DONE, NOT_DONE, WRONG, Finding, InterfaceError
from triptych.exercises.functions import Case, Mistake, Task, check_functions
from triptych.exercises.scripts import replaced

from .networks import CLASSES, SHAPE, Network

__all__ = ["augmentation", "early_stopping", "schedule"]

Build = Callable[[], Network]
Pair = tuple[np.ndarray, np.ndarray]
ROWS, BATCH = 24, 8
STEPS = ROWS // BATCH  # in an epoch of ``run``


def data() -> tuple[Pair, Pair]:
    """Images for training with values below 1/2, for validation above."""
    rng = np.random.default_rng(0)
    training = rng.uniform(0.1, 0.4, (ROWS, *SHAPE)).astype(np.float32)
    validation = rng.uniform(0.6, 0.9, (ROWS, *SHAPE)).astype(np.float32)
    labels = np.arange(ROWS) % CLASSES
    return (training, labels), (validation, labels)


def run(network: Network, epochs: int, patience: int = 100, **functions: Any) -> dict[str, Any]:
    """A training with these functions in place of the file's, and other sections as at first."""
    plain = {"learning_rate": lambda epoch, epochs: 0.1, "augment": lambda images, rng: images}
    training, validation = data()
    with replaced(network.module, **plain | functions):
        history = network.module.train(
            network.model,
            training,
            validation,
            epochs=epochs,
            batch_size=BATCH,
            patience=patience,
            seed=0,
        )
    names = ("loss", "validation_loss")
    if not isinstance(history, dict) or not all(len(history.get(name, ())) for name in names):
        raise InterfaceError(
            "train must return a dictionary with the lists loss and validation_loss, got "
            f"{type(history).__name__}"
        )
    return history


# The schedule.


def cosine(epoch: int, epochs: int) -> float:
    return 0.1 * (1 + math.cos(math.pi * epoch / epochs)) / 2


SCHEDULE = Task(
    "learning_rate",
    cosine,
    [Case({"epoch": i, "epochs": n}) for n in (2, 5, 40) for i in range(n)],
    ("learning_rate",),
    "the formula",
    [
        Mistake(
            "The cosine goes once down and up again: the angle is pi * epoch / epochs.",
            lambda epoch, epochs: 0.1 * (1 + math.cos(2 * math.pi * epoch / epochs)) / 2,
        ),
        Mistake(
            "It ends at 0 in the last epoch, which then learns nothing: divide by epochs.",
            lambda epoch, epochs: cosine(epoch, max(epochs - 1, 1)),
        ),
        Mistake(
            "The one-half is missing: it begins at 0.2.",
            lambda epoch, epochs: 2 * cosine(epoch, epochs),
        ),
        Mistake(
            "The angle is in degrees; math.cos takes radians.",
            lambda epoch, epochs: 0.1 * (1 + math.cos(180 * epoch / epochs)) / 2,
        ),
        Mistake(
            "The epochs are counted from 1; the first is 0.",
            lambda epoch, epochs: cosine(epoch + 1, epochs),
        ),
        Mistake(
            "That is a straight line.",
            lambda epoch, epochs: 0.1 * (1 - epoch / epochs),
        ),
        Mistake(
            "That is a quarter of a cosine.",
            lambda epoch, epochs: 0.1 * math.cos(math.pi * epoch / epochs / 2),
        ),
        Mistake(
            "The sine stands for the cosine: the rate grows.",
            lambda epoch, epochs: 0.1 * (1 - math.cos(math.pi * epoch / epochs)) / 2,
        ),
    ],
)


def schedule(module: ModuleType, build: Build) -> Iterator[Finding]:
    wrong = functools.partial(Finding, "schedule", WRONG)
    found = [module.learning_rate(*case.given.values()) for case in SCHEDULE.cases]
    if all(rate == 0.1 for rate in found):
        yield Finding("schedule", NOT_DONE)
        return
    for each in check_functions(module, [SCHEDULE], lambda text: None):
        if each.status != DONE:
            yield wrong(each.message, each.expected, each.measured, each.cause)
            return
    network, weights, asked = build(), [], []

    def rate(epoch: int, epochs: int) -> float:
        weights.append(network.parameters())
        asked.append((epoch, epochs))
        return 0.1 if epoch == 0 else 0.0

    run(network, 3, learning_rate=rate)
    weights.append(network.parameters())
    if asked != [(0, 3), (1, 3), (2, 3)]:
        yield wrong(
            "train does not ask for the rate of each epoch",
            "learning_rate(0, 3), learning_rate(1, 3), learning_rate(2, 3)",
            ", ".join(f"learning_rate{each}" for each in asked) or "no call",
        )
        return
    moved = [
        max(float(np.abs(a[name] - b[name]).max()) for name in a)
        for a, b in itertools.pairwise(weights[1:])
    ]
    if max(moved) > 1e-6:
        yield wrong(
            "the optimizer steps at another rate than that of the schedule",
            "no change of the weights in an epoch whose rate is 0",
            f"a change of {max(moved):.2g}",
            "set_learning_rate does not reach the optimizer, or the optimizer is made anew.",
        )
        return
    yield Finding(
        "schedule",
        DONE,
        f"from {found[-40]:.3g} to {found[-1]:.2g} in 40 epochs, and the optimizer takes it",
    )


# Augmentation.


def augmentation(module: ModuleType, build: Build) -> Iterator[Finding]:
    images = np.random.default_rng(1).uniform(0.2, 1, (600, 5, 6, 1)).astype(np.float32)
    own = images.copy()
    results = [np.asarray(module.augment(images, np.random.default_rng(s))) for s in (0, 0, 1)]
    faults = list(_of_images(own, images, results))
    if not faults:
        faults = list(_of_shifts(own, results))
    used = list(_of_training(module, build))
    same = all(np.array_equal(each, own) for each in results)
    if same and not used:
        yield Finding("augmentation", NOT_DONE)
        return
    yield from (faults + used) or [
        Finding(
            "augmentation",
            DONE,
            "600 images are shifted in all nine ways, each for itself; validation images are left "
            "as they are",
        )
    ]


def _of_images(own: np.ndarray, images: np.ndarray, results: list[np.ndarray]) -> Iterator[Finding]:
    wrong = functools.partial(Finding, "augmentation", WRONG)
    if not np.array_equal(images, own):
        yield wrong(
            "the images are changed in place",
            "a new array, since the next epoch shifts the same images anew",
            "other values in the array that was given",
            "Shifts add up from epoch to epoch that way.",
        )
    elif results[0].shape != own.shape or results[0].dtype != own.dtype:
        yield wrong(
            "augment returns another kind of array",
            f"{own.dtype} of shape {own.shape}",
            f"{results[0].dtype} of shape {results[0].shape}",
        )
    elif not np.array_equal(results[0], results[1]):
        yield wrong(
            "two generators of one seed give different images",
            "all that is drawn comes from rng",
            "other shifts",
            "The shifts are drawn from np.random, or from a generator made elsewhere.",
        )


def _of_shifts(own: np.ndarray, results: list[np.ndarray]) -> Iterator[Finding]:
    wrong = functools.partial(Finding, "augmentation", WRONG)
    if np.array_equal(results[0], own):
        return
    if np.array_equal(results[0], results[2]):
        yield wrong(
            "two epochs give the same images",
            "other shifts with another rng",
            "the same ones",
            "rng is not used, or is made anew in augment.",
        )
        return
    shifts = [_shift(a, b) for a, b in zip(own, results[0], strict=True)]
    if None in shifts:
        index = shifts.index(None)
        yield wrong(
            "an image is not shifted by -1, 0 or 1 pixels with 0 coming in",
            "the same pixels, one further or none, in each direction",
            f"{shifts.count(None)} of {len(own)} images that are not",
            _cause_of_shift(own[index], results[0][index]),
        )
        return
    counts = {pair: shifts.count(pair) for pair in shifts if pair}
    if len(counts) == 1:
        yield wrong(
            "all images are shifted alike",
            "a draw for each image",
            f"{shifts[0]} for each of {len(own)}",
            "One shift is drawn for the whole array.",
        )
    elif len(counts) < 9:
        down, right = (sorted({pair[i] for pair in counts}) for i in (0, 1))
        yield wrong(
            "some shifts never happen",
            "all nine, of -1, 0 and 1 down and to the right",
            f"{len(counts)} of them: down {down}, right {right}",
            "integers(-1, 1) has no 1: the end is left out."
            if 1 not in down
            else "One number is drawn for both directions."
            if all(pair[0] == pair[1] for pair in counts)
            else "",
        )


def _shift(image: np.ndarray, shifted: np.ndarray) -> tuple[int, int] | None:
    padded = np.pad(image, ((1, 1), (1, 1), (0, 0)))
    height, width = image.shape[:2]
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            window = padded[1 - down : 1 - down + height, 1 - right : 1 - right + width]
            if np.allclose(window, shifted, atol=1e-6):
                return down, right
    return None


def _cause_of_shift(image: np.ndarray, shifted: np.ndarray) -> str:
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            if np.allclose(np.roll(image, (down, right), (0, 1)), shifted, atol=1e-6):
                return "np.roll brings in at one side what goes out at the other."
            padded = np.pad(image, ((1, 1), (1, 1), (0, 0)), mode="edge")
            window = padded[1 - down :, 1 - right :][: image.shape[0], : image.shape[1]]
            if np.allclose(window, shifted, atol=1e-6):
                return "The border is repeated; what comes in is 0."
    return "It is shifted by more, or changed in another way."


def _of_training(module: ModuleType, build: Build) -> Iterator[Finding]:
    """That ``train`` learns from what ``augment`` returns, and validates on what it was given."""
    wrong = functools.partial(Finding, "augmentation", WRONG)
    network, (training, _) = build(), data()
    given: list[np.ndarray] = []
    steps: list[np.ndarray] = []
    looked: list[np.ndarray] = []
    drawn: list[float] = []
    step, predict = module.train_step, module.predict

    def augment(images: np.ndarray, rng: Any) -> np.ndarray:
        given.append(np.array(images))
        drawn.append(float(rng.random()))
        return np.full_like(images, -1)

    def train_step(model: Any, optimizer: Any, images: np.ndarray, labels: np.ndarray) -> Any:
        steps.append(np.array(images))
        return step(model, optimizer, images, labels)

    def predicted(model: Any, images: np.ndarray) -> Any:
        looked.append(np.array(images))
        return predict(model, images)

    run(network, 2, augment=augment, train_step=train_step, predict=predicted)
    if any((images > 0.5).any() for images in given):
        yield wrong(
            "validation images are augmented",
            "augment for training images alone",
            "validation images among those that it was given",
            "The validation loss is then that of other images in every epoch.",
        )
    elif any((images == -1).any() for images in given):
        yield wrong(
            "what augment returned is augmented again",
            "the images as they were at first, in each epoch",
            "images among those that it was given that it had returned",
            "Shifts add up: give what it returns another name.",
        )
    elif len(set(drawn)) < len(drawn):
        yield wrong(
            "each epoch has the same shifts",
            "one generator for the whole training, which goes on drawing",
            "a generator that begins anew",
            "The generator is made in each epoch: make it once, before the first.",
        )
    elif any((images == -1).any() for images in looked):
        yield wrong(
            "the images that are evaluated are augmented",
            "evaluate on the validation images as they are",
            "what augment returned, among those that predict was given",
        )
    elif sum(len(images) for images in given) < 2 * len(training[0]):
        yield wrong(
            "augment is not called in each epoch",
            f"{2 * len(training[0])} images in two epochs",
            f"{sum(len(images) for images in given)}",
            "Images that are augmented once, before training, are a fixed set again.",
        )
    elif any((images != -1).any() for images in steps):
        yield wrong(
            "train learns from images that augment did not return",
            "the augmented images in each step",
            f"{sum(bool((images != -1).any()) for images in steps)} of {len(steps)} steps without",
        )


# Early stopping.

# Each: validation losses, patience, epochs until the end, and the best one.
COURSES = {
    "stops": ([1.0, 0.8, 0.9, 0.7, 0.75, 0.74, 0.72, 0.71, 0.5], 3, 7, 3),
    "goes on": ([1.0, 0.9, 0.8, 0.7, 0.6, 0.5], 2, 6, 5),
    "ends": ([1.0, 0.5, 0.8, 0.9], 5, 4, 1),
    "ties": ([1.0, 0.5, 0.5, 0.5, 0.55, 0.3], 2, 4, 1),
    "begins high": ([9000.0, 8000.0, 7000.0, 7500.0, 6000.0, 5000.0], 2, 6, 5),
    "creeps": ([1.0, 0.9999, 0.9998, 0.9997, 0.9996], 2, 5, 4),
}


class Course:
    """A training whose validation losses are chosen: they go by the epoch, however often asked."""

    def __init__(self, network: Network, losses: list[float], patience: int) -> None:
        self.network, self.losses, self.steps = network, losses, 0
        self.states: dict[int, dict[str, np.ndarray]] = {}  # after each epoch
        module = network.module
        self.own_evaluate, self.own_step = module.evaluate, module.train_step
        functions = {"evaluate": self.evaluate, "train_step": self.train_step}
        run(network, len(losses), patience, **functions)

    def train_step(self, *arguments: Any) -> Any:
        result = self.own_step(*arguments)
        self.steps += 1
        if self.steps % STEPS == 0:
            self.states[self.epochs - 1] = self.network.state()
        return result

    def evaluate(self, model: Any, images: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
        if (images < 0.5).all():  # of training
            result: tuple[float, float] = self.own_evaluate(model, images, labels)
            return result
        before = self.epochs == 0  # a look at the model as it comes
        return (2 * self.losses[0] if before else self.losses[self.epochs - 1]), 0.5

    @property
    def epochs(self) -> int:
        return -(-self.steps // STEPS)


def early_stopping(module: ModuleType, build: Build) -> Iterator[Finding]:
    wrong = functools.partial(Finding, "early stopping", WRONG)
    ran, best, last = {}, {}, {}
    for name, (losses, patience, _, epoch) in COURSES.items():
        network = build()
        course = Course(network, losses, patience)
        if not course.states:
            raise InterfaceError("train does not call train_step for each batch")
        after = network.state()
        ran[name] = course.epochs
        best[name] = epoch in course.states and _equal(after, course.states[epoch])
        last[name] = _equal(after, course.states[max(course.states)])
    ends = {name: course[2] for name, course in COURSES.items()}
    whole = {name: len(course[0]) for name, course in COURSES.items()}
    if ran == whole and all(last.values()):
        yield Finding("early stopping", NOT_DONE)
        return
    if ran != ends:
        name = next(name for name in COURSES if ran[name] != ends[name])
        losses, patience, end, _ = COURSES[name]
        yield wrong(
            "training ends after another epoch",
            f"{end} epochs for the validation losses {losses} with patience {patience}",
            f"{ran[name]} epochs",
            _cause_of_end(ran, whole),
        )
    if not all(best.values()):
        name = next(name for name in COURSES if not best[name])
        losses, patience, _, epoch = COURSES[name]
        yield wrong(
            "the model does not end with the weights of its best epoch",
            f"those after epoch {epoch} (the first is 0), for the validation losses {losses}",
            "those of the last epoch" if last[name] else "others",
            "They are not restored, or were kept by reference: training goes on in the same "
            "arrays. Keep a copy."
            if last["stops"]
            else "They are restored only when training is stopped early."
            if name == "ends"
            else "",
        )
    elif ran == ends:
        yield Finding(
            "early stopping",
            DONE,
            "training ends after patience epochs without a lower loss, with the best weights",
        )


def _cause_of_end(ran: dict[str, int], whole: dict[str, int]) -> str:
    off = {name: ran[name] - course[2] for name, course in COURSES.items()}
    if ran == whole:
        return "Weights are kept, but nothing ends training."
    if ran["stops"] == whole["stops"] and not off["ties"]:
        return "Each loss is compared with the one before, not with the lowest."
    if off["stops"] == off["ties"] == 1:
        return "One epoch too many: it stops as soon as patience epochs in a row brought no lower "
        "loss."
    if off["stops"] == off["ties"] == -1:
        return "One epoch too few."
    if off["ties"] > 0 and not off["stops"]:
        return "An equal loss counts as a lower one."
    if off["begins high"] < 0 and not off["stops"]:
        return "The lowest loss so far begins with a number; a first loss may lie above it."
    if off["creeps"] < 0 and not off["stops"]:
        return "A loss has to be lower by some amount to count; any lower loss does."
    if off["stops"] < 0 and not off["ties"]:
        return "Epochs without a lower loss are not counted anew after one with."
    return "The epochs that are counted are not in a row, or patience is not used."


def _equal(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> bool:
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)
