"""The exercises: every folder in ``exercises`` that has an ``exercise.py`` is one."""

from pathlib import Path
from types import ModuleType

from triptych.exercises.findings import Exercise
from triptych.panels import FRAMEWORKS
from triptych.repository import folder, load_package

__all__ = ["exercise", "exercise_of", "names", "part", "solutions", "starters"]

FOLDER = folder("exercises")
# What is best done first. What is not named here comes after, by its name.
ORDER = (
    *("dropout", "penalties", "early_stopping", "xor", "workshop"),
    *("batch_norm", "label_smoothing", "gradient_clipping", "adam", "max_norm"),
    *("mixing", "stochastic_depth", "uncertainty"),
)


def names() -> list[str]:
    """In the order in which they are learned."""
    found = sorted(path.parent.name for path in FOLDER.glob("*/exercise.py"))
    return sorted(found, key=lambda name: ORDER.index(name) if name in ORDER else len(ORDER))


def exercise(name: str) -> Exercise:
    if name not in names():
        raise ValueError(f"{name!r} is none of the exercises: {', '.join(names())}")
    return part(name, "exercise").EXERCISE


def part(name: str, module: str) -> ModuleType:
    """``exercise.py``, ``check.py`` or another file of the exercise's folder."""
    return load_package(FOLDER / name, f"exercise_{name}", module)


def starters(name: str) -> dict[str, Path]:
    """The files to complete, by framework."""
    return _files(FOLDER / name, name)


def solutions(name: str) -> dict[str, Path]:
    return _files(FOLDER / name / "solutions", name)


def exercise_of(file: Path, name: str | None, framework: str | None) -> tuple[str, str]:
    """Which exercise and framework a file is for: by its name, unless they are given.

    "xor_torch.py", "my_xor_torch_2.py"; a ``ValueError`` says what to do where it is not clear.
    """
    every = [(each, its) for each in names() for its in starters(each)]
    told = [(each, its) for each, its in every if f"{each}_{its}" in file.stem.lower()]
    if name is None and len(told) == 1:
        name = told[0][0]
    if framework is None and len(told) == 1 and told[0][0] == name:
        framework = told[0][1]
    possible = [pair for pair in every if name in (None, pair[0]) and framework in (None, pair[1])]
    if len(possible) == 1:
        return possible[0]
    if name is not None and framework is not None:
        raise ValueError(f"there is no {name!r} in {framework!r}; `triptych exercise list`")
    missing = "--framework" if name is not None else "--exercise"
    missing = "--exercise and --framework" if name is framework is None else missing
    known = ", ".join(f"{each}_{its}.py" for each, its in every)
    raise ValueError(
        f"the name {file.name!r} does not tell the exercise. Add {missing}, or call the file as "
        f"its starter is called: {known}."
    )


def _files(folder: Path, name: str) -> dict[str, Path]:
    files = {framework: folder / f"{name}_{framework}.py" for framework in FRAMEWORKS}
    return {framework: path for framework, path in files.items() if path.is_file()}
