"""When training ends, and with what weights.

The training numbers are above those of the validation: on its way up from 0 the model comes by
those of the validation, so that their loss falls and rises again, while that of training falls.
"""

import functools
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np

from triptych.exercises.findings import DONE, NOT_DONE, WRONG, Finding, InterfaceError
from triptych.exercises.scripts import missing

__all__ = ["check"]

INPUTS, ROWS = 3, 16
# epochs and patience: stopped early, stopped later, and ended by the epochs, before patience is.
COURSES = {"early": (24, 2), "later": (24, 4), "ended": (10, 30)}
wrong = functools.partial(Finding, "bug", WRONG)


class Course:
    """A training, and what the history that it returns asks for."""

    def __init__(self, module: ModuleType, model: Any, epochs: int, patience: int) -> None:
        from keras import ops

        training, validation = _data()
        history = module.train(model, training, validation, epochs=epochs, patience=patience)
        self.training, self.losses = (_list(history, name) for name in ("loss", "val_loss"))
        self.ran, self.asked = len(self.losses), _end(self.losses, epochs, patience)
        self.best = int(np.argmin(self.losses)) + 1
        if not _ends(self.losses, patience):  # it may have ended before there was a reason
            self.asked = min(epochs, self.best + patience)
        found = np.array(ops.convert_to_numpy(model(validation[0], training=False)), np.float64)
        self.loss = float(((found - validation[1]) ** 2).mean())
        self.kept = abs(self.loss - min(self.losses)) < 1e-5
        self.last = abs(self.loss - self.losses[-1]) < 1e-5


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
    courses, model = {}, module.build_model(INPUTS, seed)
    weights = model.get_weights()
    for name, (epochs, patience) in COURSES.items():
        progress(f"training with a patience of {patience}")
        model.set_weights(weights)
        courses[name] = Course(module, model, epochs, patience)
    early, later, ended = courses.values()
    if early.ran == COURSES["early"][0] and not 1 < early.best < early.ran:
        yield wrong(
            "the validation loss in the history is not that of the validation",
            "one that falls and rises again",
            ", ".join(f"{loss:.3g}" for loss in early.losses[:8]),
            "The model or its optimizer is another, or the history has other numbers.",
        )
        return
    if all(
        c.ran == e and c.last for c, (e, _) in zip(courses.values(), COURSES.values(), strict=True)
    ):
        yield Finding(
            "bug",
            NOT_DONE,
            f"with a patience of 2 the best epoch is {early.best}, training ends after "
            f"{early.ran} epochs, and the model has a validation loss of {early.loss:.3g}, where "
            f"its lowest was {min(early.losses):.3g}",
        )
        return
    yield from list(_faults(courses)) or [
        Finding(
            "bug",
            DONE,
            f"training ends {early.ran - early.best} and {later.ran - later.best} epochs after the "
            f"best, for a patience of 2 and 4, and the model has its lowest loss, also where the "
            f"epochs run out ({ended.loss:.3g})",
        )
    ]


def _data() -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(0)
    training, validation = rng.normal(0, 0.1, (2, ROWS, INPUTS)).astype(np.float32)
    tall, low = np.full((ROWS, 1), 1, np.float32), np.full((ROWS, 1), 0.7, np.float32)
    return (training, tall), (validation, low)


def _list(history: Any, name: str) -> list[float]:
    try:
        return [float(each) for each in history[name]]
    except (TypeError, KeyError, ValueError):
        raise InterfaceError(
            f"train must return a dictionary with the lists loss and val_loss; it returns "
            f"{type(history).__name__}"
        ) from None


def _ends(losses: list[float], patience: int) -> bool:
    best = int(np.argmin(losses))
    return len(losses) - 1 - best >= patience


def _end(losses: list[float], epochs: int, patience: int) -> int:
    """After how many epochs a training with these losses should end."""
    for epoch in range(1, len(losses) + 1):
        if _ends(losses[:epoch], patience):
            return epoch
    return min(epochs, len(losses))


def _faults(courses: dict[str, Course]) -> Iterator[Finding]:
    off = {name: course.ran - course.asked for name, course in courses.items()}
    early, ended = courses["early"], courses["ended"]
    if any(off.values()):
        shown = ", ".join(
            f"{c.ran} for {c.asked} (patience {COURSES[name][1]})" for name, c in courses.items()
        )
        yield wrong(
            "some trainings end at the wrong epoch",
            "``patience`` epochs after the best, or when the epochs run out",
            f"epochs run: {shown}",
            _cause_of_end(courses, off),
        )
    if all(course.kept for course in courses.values()):
        return
    if not off["early"] and early.kept and not ended.kept:
        cause = "They come back only when training is stopped early, not when the epochs run out."
    elif all(course.last for course in courses.values()):
        cause = "The model keeps the weights of its last epoch: they are the best ones of another "
        cause += "number, or none were kept."
    else:
        cause = "They are those of another epoch."
    yield wrong(
        "the model does not have the weights of its best epoch",
        "validation losses of " + ", ".join(f"{min(c.losses):.3g}" for c in courses.values()),
        ", ".join(f"{c.loss:.3g}" for c in courses.values()),
        cause,
    )


def _cause_of_end(courses: dict[str, Course], off: dict[str, int]) -> str:
    if all(courses[name].ran == COURSES[name][0] for name in courses):
        return "Nothing ends training: what is watched falls to the end."
    if courses["early"].ran == courses["early"].best:
        return (
            "It ends while the validation loss still falls: the highest is looked for, or a "
            "smallest change is asked for."
        )
    if off["early"] == off["later"] == 1:
        return "One epoch too many: it ends when as many epochs as ``patience`` are without."
    if off["early"] == off["later"] == -1:
        return "One epoch too few."
    if courses["early"].ran == courses["later"].ran:
        return "``patience`` is not used: another number stands in the code."
    return "Another number is watched, or a smallest change is asked for."
