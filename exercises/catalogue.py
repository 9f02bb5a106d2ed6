"""The exercises: every folder beside this file that has an ``exercise.py`` is one."""

import importlib
from pathlib import Path

from exercises.findings import Exercise
from triptych.panels import FRAMEWORKS

__all__ = ["exercise", "exercise_of", "names", "solutions", "starters"]

FOLDER = Path(__file__).parent


def names() -> list[str]:
    return sorted(path.parent.name for path in FOLDER.glob("*/exercise.py"))


def exercise(name: str) -> Exercise:
    if name not in names():
        raise ValueError(f"{name!r} is none of the exercises: {', '.join(names())}")
    return importlib.import_module(f"exercises.{name}.exercise").EXERCISE


def starters(name: str) -> dict[str, Path]:
    """The files to complete, by framework."""
    return _files(FOLDER / name, name)


def solutions(name: str) -> dict[str, Path]:
    return _files(FOLDER / name / "solutions", name)


def exercise_of(file: Path, name: str | None, framework: str | None) -> tuple[str, str]:
    """Which exercise and framework a file is for: by its name, unless they are given.

    "xor_torch.py", "my_xor_torch_2.py"; a ``ValueError`` says what to do where it is not clear.
    """
    found = [
        (each, its)
        for each in names()
        for its in starters(each)
        if f"{each}_{its}" in file.stem and name in (None, each) and framework in (None, its)
    ]
    if not found and name is not None:
        its_frameworks = list(starters(exercise(name).name))
        if framework is None and len(its_frameworks) == 1:
            framework = its_frameworks[0]
        if framework in its_frameworks:
            found = [(name, framework)]
    if len(found) != 1:
        known = ", ".join(path.name for each in names() for path in starters(each).values())
        raise ValueError(
            f"the name {file.name!r} does not tell the exercise. Call the file as its starter is "
            f"called ({known}), or add --exercise and --framework."
        )
    return found[0]


def _files(folder: Path, name: str) -> dict[str, Path]:
    files = {framework: folder / f"{name}_{framework}.py" for framework in FRAMEWORKS}
    return {framework: path for framework, path in files.items() if path.is_file()}
