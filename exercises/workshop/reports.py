"""What the file says of a training: curves, and the images that are wrong."""

import csv
import functools
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from triptych.exercises.findings import DONE, NOT_DONE, WRONG, Finding

__all__ = ["curves", "misclassified"]

HISTORIES = {
    "plain": {"loss": [2.0, 1.0, 0.5, 0.25], "validation_loss": [2.1, 1.2, 1.1, 1.3]},
    "regularized": {"loss": [2.2, 1.5, 1.05], "validation_loss": [2.15, 1.4, 0.9]},
}
COLUMNS = ["run", "epoch", "loss", "validation_loss"]


def curves(module: ModuleType) -> Iterator[Finding]:
    with tempfile.TemporaryDirectory() as folder:
        yield from _curves(module, Path(folder))


def _curves(module: ModuleType, folder: Path) -> Iterator[Finding]:
    from matplotlib.axes import Axes

    wrong = functools.partial(Finding, "curves", WRONG)
    drawn: list[Any] = []
    plot = Axes.plot

    def noting(self: Axes, *args: Any, **options: Any) -> Any:
        lines = plot(self, *args, **options)
        drawn.extend(line.get_ydata() for line in lines)
        return lines

    Axes.plot = noting  # type: ignore[method-assign]
    try:
        module.save_curves(HISTORIES, folder)
    finally:
        Axes.plot = plot  # type: ignore[method-assign]
    picture, table = folder / "curves.png", folder / "curves.csv"
    if not picture.exists() and not table.exists():
        yield Finding("curves", NOT_DONE)
        return
    faults = []
    if not picture.exists():
        faults.append(wrong("there is no curves.png in the folder that was given"))
    elif not _is_picture(picture):
        faults.append(wrong("curves.png is no picture, or has one colour"))
    else:
        missing = [
            f"the {'training' if key == 'loss' else 'validation'} loss of {run}"
            for run, history in HISTORIES.items()
            for key, values in history.items()
            if not any(np.shape(y) == np.shape(values) and np.allclose(y, values) for y in drawn)
        ]
        if missing:
            faults.append(
                wrong(
                    "not every curve is drawn",
                    "a line for the training and one for the validation loss of each run",
                    f"no line for {', '.join(missing)}",
                    "Only the last run is drawn: the figure is made anew for each."
                    if len(missing) == 2 and all("plain" in each for each in missing)
                    else "Only one of the two losses is drawn."
                    if len({each.split()[1] for each in missing}) == 1
                    else "Lines are what axes.plot draws.",
                )
            )
    if not table.exists():
        faults.append(wrong("there is no curves.csv in the folder that was given"))
    elif fault := _table(table):
        faults.append(wrong("curves.csv has other numbers", *fault))
    yield from faults or [
        Finding("curves", DONE, "four lines in curves.png, and their numbers in curves.csv")
    ]


def _is_picture(path: Path) -> bool:
    import matplotlib.image

    try:
        return bool(np.ptp(matplotlib.image.imread(path)) > 0)
    except Exception:
        return False


def _table(path: Path) -> tuple[str, str] | None:
    """What is expected and what is found, if they differ."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.reader(file) if row]
    if not rows or [name.strip() for name in rows[0]] != COLUMNS:
        return f"the columns {', '.join(COLUMNS)}", ", ".join(rows[0]) if rows else "nothing"
    expected = {
        (run, epoch): (history["loss"][epoch], history["validation_loss"][epoch])
        for run, history in HISTORIES.items()
        for epoch in range(len(history["loss"]))
    }
    try:
        found = {(row[0], int(float(row[1]))): (float(row[2]), float(row[3])) for row in rows[1:]}
    except (IndexError, ValueError) as error:
        return "a run, an epoch and two losses in each row", str(error)
    if found.keys() != expected.keys() or len(rows) - 1 != len(expected):
        return (
            f"{len(expected)} rows, one for each epoch of each run, the first epoch 0",
            f"{len(rows) - 1} rows, epochs {sorted({key[1] for key in found})}",
        )
    for key, pair in expected.items():
        if not np.allclose(found[key], pair, rtol=1e-3):  # a learner may round to four digits
            return f"{pair} for epoch {key[1]} of {key[0]}", str(found[key])
    return None


PROBABILITIES = np.full((6, 10), 0.01)
PREDICTED = (3, 7, 1, 1, 0, 9)
CONFIDENCE = (0.5, 0.6, 0.9, 0.8, 0.7, 0.4)
for _i, (_class, _p) in enumerate(zip(PREDICTED, CONFIDENCE, strict=True)):
    PROBABILITIES[_i] = (1 - _p) / 9
    PROBABILITIES[_i, _class] = _p
LABELS = np.array([3, 2, 4, 1, 5, 9])
ROWS = [(2, 4, 1, 0.9), (4, 5, 0, 0.7), (1, 2, 7, 0.6)]


def misclassified(module: ModuleType) -> Iterator[Finding]:
    wrong = functools.partial(Finding, "misclassified", WRONG)
    found = module.misclassified(PROBABILITIES.copy(), LABELS.copy())
    none = module.misclassified(PROBABILITIES[[0, 3]].copy(), LABELS[[0, 3]].copy())
    shown = ", ".join(f"({i}, {a}, {b}, {p:.2f})" for i, a, b, p in ROWS)
    try:
        rows = [(int(i), int(a), int(b), float(p)) for i, a, b, p in found]
        none = list(none)
        empty = not none
    except (TypeError, ValueError):
        yield wrong(
            "misclassified does not return rows of four",
            shown,
            repr(found)[:200],
            "A return is missing." if found is None else "",
        )
        return
    if not rows:
        yield Finding("misclassified", NOT_DONE)
        return
    if len(rows) == len(ROWS) and all(
        a[:3] == b[:3] and abs(a[3] - b[3]) < 1e-6 for a, b in zip(rows, ROWS, strict=True)
    ):
        if not empty:
            yield wrong("rows for images that are all right", "no row", f"{len(none)} rows")
            return
        yield Finding("misclassified", DONE, f"of six images three are wrong: {shown}")
        return
    yield wrong(
        "the rows are others",
        shown,
        ", ".join(f"({i}, {a}, {b}, {p:.2f})" for i, a, b, p in rows[:6]),
        _cause(rows),
    )


def _cause(rows: list[tuple[int, int, int, float]]) -> str:
    wanted = {row[0] for row in ROWS}
    indices = [row[0] for row in rows]
    if set(indices) == {0, 3, 5}:
        return "Those are the images that are right."
    if len(rows) == 6:
        return "All images are listed, the right ones too."
    if set(indices) != wanted:
        return "The index is that among the wrong images, not among all." if len(rows) == 3 else ""
    if [row[:3] for row in rows] == [(i, b, a) for i, a, b, _ in ROWS]:
        return "Label and predicted class are swapped."
    if {row[:3] for row in rows} == {row[:3] for row in ROWS}:
        if not np.allclose(sorted(row[3] for row in rows), sorted(row[3] for row in ROWS)):
            return (
                "The confidence is to be the probability of the class predicted, not the label's."
            )
        if indices == [1, 4, 2]:
            return "The least sure come first: argsort goes upwards."
        return "They are not in the order of their confidence."
    return ""
