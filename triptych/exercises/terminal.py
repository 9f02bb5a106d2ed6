"""What the commands of ``triptych exercise`` share: arguments, signs, and ways to speak."""

import io
import shlex
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from triptych.exercises import catalogue
from triptych.exercises.findings import DONE, NOT_DONE, WRONG
from triptych.panels import FRAMEWORKS

__all__ = [
    "PROPER",
    "SIGNS",
    "File",
    "Framework",
    "ItsExercise",
    "ItsFramework",
    "exercise_of",
    "make_console",
    "print_command",
]

SIGNS = {DONE: ("✔", "green"), NOT_DONE: ("○", "yellow"), WRONG: ("✘", "red")}
PROPER = {"scratch": "NumPy", "torch": "PyTorch", "keras": "Keras"}
Framework = StrEnum("Framework", FRAMEWORKS)  # type: ignore[misc]

File = Annotated[
    Path, typer.Argument(metavar="FILE", help="Your file.", exists=True, dir_okay=False)
]
ItsExercise = Annotated[
    str | None, typer.Option("--exercise", help="If the file's name does not tell.")
]
ItsFramework = Annotated[
    Framework | None, typer.Option("--framework", help="If the file's name does not tell.")
]


def make_console() -> Console:
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal that has no signs like these
    return Console(highlight=False)


def print_command(console: Console, command: str, about: Path | str, **options: Any) -> None:
    """In a line of its own, which can be copied however narrow the terminal is."""
    words = ["triptych", "exercise", command, str(about)]
    for name, value in options.items():
        if value is not None:
            words += [f"--{name}", str(value)]
    console.print(Text(f"  {shlex.join(words)}"), soft_wrap=True)


def exercise_of(file: Path, exercise: str | None, framework: Framework | None) -> tuple[str, str]:
    if file.suffix not in (".py", ".ipynb"):
        raise typer.BadParameter(
            f"{file.name} is no Python file and no notebook.", param_hint="FILE"
        )
    try:
        return catalogue.exercise_of(file, exercise, framework and framework.value)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="FILE") from None
