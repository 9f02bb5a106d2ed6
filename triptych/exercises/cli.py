"""``triptych exercise``: list the exercises, start one, check it, have a hint, see a solution."""

import io
import shlex
import shutil
import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from triptych.exercises import catalogue
from triptych.exercises.findings import DONE, NOT_DONE, WRONG, Exercise, Finding
from triptych.exercises.sandbox import Limits, Outcome, check_file
from triptych.extras import require
from triptych.panels import FRAMEWORKS

__all__ = ["app"]

SIGNS = {DONE: ("✔", "green"), NOT_DONE: ("○", "yellow"), WRONG: ("✘", "red")}
PROPER = {"scratch": "NumPy", "torch": "PyTorch", "keras": "Keras"}
Framework = StrEnum("Framework", FRAMEWORKS)  # type: ignore[misc]

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    help="Exercises that check what your code does.",
)

File = Annotated[
    Path, typer.Argument(metavar="FILE", help="Your file.", exists=True, dir_okay=False)
]
Name = Annotated[str, typer.Argument(metavar="NAME", help="`triptych exercise list` has them.")]
OfFramework = Annotated[
    Framework | None, typer.Option("--framework", help="This framework alone.", show_default="all")
]
ItsExercise = Annotated[
    str | None, typer.Option("--exercise", help="If the file's name does not tell.")
]
ItsFramework = Annotated[
    Framework | None, typer.Option("--framework", help="If the file's name does not tell.")
]


@app.command("list")
def list_() -> None:
    """List the exercises."""
    table = Table(box=None, padding=(0, 2, 1, 0))
    for column in ("name", "what it is", "in", "to do"):
        table.add_column(column, style="bold" if column == "name" else None)
    for name in catalogue.names():
        exercise = catalogue.exercise(name)
        frameworks = "\n".join(PROPER[each] for each in catalogue.starters(name))
        todos = "\n".join(f"{i}. {todo.title}" for i, todo in enumerate(exercise.todos, start=1))
        table.add_row(name, f"[bold]{exercise.title}[/bold]\n{exercise.summary}", frameworks, todos)
    console = Console()
    console.print(table)
    console.print("Begin with: triptych exercise start NAME", highlight=False)


@app.command()
def start(
    name: Name,
    framework: OfFramework = None,
    to: Annotated[
        Path, typer.Option("--to", help="The folder to put them in.", file_okay=False)
    ] = Path("."),
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace files that are there: they are lost.")
    ] = False,
) -> None:
    """Copy the files to complete."""
    files = _files(catalogue.starters, name, framework)
    there = [path.name for path in files if (to / path.name).exists()]
    if there and not overwrite:
        raise typer.BadParameter(
            f"{', '.join(there)} in {to}/ would be lost. Choose another folder with --to, or "
            "replace with --overwrite.",
            param_hint="--to",
        )
    try:
        to.mkdir(parents=True, exist_ok=True)
        for path in files:
            shutil.copyfile(path, to / path.name)
            typer.echo(f"{to / path.name}")
    except OSError as error:
        raise typer.BadParameter(str(error), param_hint="--to") from None
    first = shlex.quote(str(to / files[0].name))
    typer.echo(
        f"\nThe task stands at the top of {'each file' if len(files) > 1 else 'the file'}. Then:\n"
        f"  python {first}\n  triptych exercise check {first}\n  triptych exercise hint {first}"
    )


@app.command()
def check(
    file: File,
    exercise: ItsExercise = None,
    framework: ItsFramework = None,
    seconds: Annotated[
        float, typer.Option(min=1, max=86400, help="Stop the file after so much processor time.")
    ] = Limits.seconds,
    seed: Annotated[int, typer.Option(min=0, max=2**31, help="For other weights and masks.")] = 0,
) -> None:
    """Run a file, measure what it does, and say what is done, not done or wrong.

    It runs in a process of its own, on a copy in a temporary folder, with limits of time, memory
    and output; Python's own functions do not change files elsewhere or start processes there. That
    guards against accidents. It is no protection against code that means harm, nor against what a
    library writes by itself: check only files that you would run.
    """
    name, its = _exercise_of(file, exercise, framework)
    if its != "scratch":
        require(its)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal that has no signs like these
    console = Console(highlight=False)
    with console.status("starting") as status:
        outcome = check_file(
            file,
            name,
            its,
            seed=seed,
            limits=Limits(seconds=seconds, waiting=max(Limits.waiting, 5 * seconds)),
            progress=lambda text: status.update(f"{escape(text)} ..."),
        )
    its_exercise = catalogue.exercise(name)
    console.print(_report(its_exercise, PROPER[its], file, outcome))
    if not _passed(its_exercise, outcome):
        raise typer.Exit(1)


@app.command()
def hint(
    file: File,
    level: Annotated[
        int, typer.Option(min=1, max=3, help="1 asks, 2 says where to look, 3 says what to do.")
    ] = 1,
    todo: Annotated[
        int | None, typer.Option(min=1, help="For this TODO alone.", show_default="all")
    ] = None,
    exercise: ItsExercise = None,
    framework: ItsFramework = None,
) -> None:
    """Give a hint for each TODO, in three levels."""
    name, _ = _exercise_of(file, exercise, framework)
    its_exercise = catalogue.exercise(name)
    if todo is not None and todo > len(its_exercise.todos):
        raise typer.BadParameter(f"there are {len(its_exercise.todos)}.", param_hint="--todo")
    console = Console(highlight=False)
    for i, its in enumerate(its_exercise.todos, start=1):
        if todo in (None, i):
            console.print(f"[bold]TODO {i}, {escape(its.title)}[/bold]")
            console.print(Padding(escape(its.hints[level - 1]), (0, 0, 1, 2)))
    if level < 3:
        console.print("More: the same with", f"--level {level + 1}", soft_wrap=True)


@app.command()
def solution(
    name: Name,
    framework: OfFramework = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Show a solution, after asking."""
    files = _files(catalogue.solutions, name, framework)
    if not yes:
        typer.confirm(f"This shows the solution of {name!r}, whole. Go on?", abort=True)
    console = Console()
    for path in files:
        console.rule(path.name)
        # The terminal's own colours and background.
        console.print(Syntax(path.read_text("utf-8"), "python", theme="ansi_dark"))


def _files(
    of: Callable[[str], dict[str, Path]], name: str, framework: Framework | None
) -> list[Path]:
    try:
        catalogue.exercise(name)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="NAME") from None
    files = of(name)
    if framework is None:
        return list(files.values())
    if framework.value not in files:
        raise typer.BadParameter(f"{name!r} is in {', '.join(files)}.", param_hint="--framework")
    return [files[framework.value]]


def _exercise_of(file: Path, exercise: str | None, framework: Framework | None) -> tuple[str, str]:
    if file.suffix != ".py":
        raise typer.BadParameter(
            f"{file.name} is no Python file; a notebook can be exported as one.", param_hint="FILE"
        )
    try:
        return catalogue.exercise_of(file, exercise, framework and framework.value)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="FILE") from None


def _passed(exercise: Exercise, outcome: Outcome) -> bool:
    done = {finding.todo for finding in outcome.findings if finding.status == DONE}
    bad = [finding for finding in outcome.findings if finding.status != DONE]
    return not bad and not outcome.refused and done >= {todo.key for todo in exercise.todos}


def _report(exercise: Exercise, framework: str, file: Path, outcome: Outcome) -> RenderableType:
    """A line for each TODO with what is wrong below it, and how to go on."""
    lines: list[RenderableType] = [
        Text.assemble((file.name, "bold"), f": {exercise.title}, in {framework}"),
        "",
    ]
    whole = [finding for finding in outcome.findings if finding.todo == ""]
    for finding in whole:
        lines += _finding(finding)
    for what in outcome.refused:
        lines += _finding(Finding("", WRONG, f"the file tried to {what}; that was refused"))
    statuses = []
    for i, todo in enumerate(exercise.todos, start=1):
        found = [finding for finding in outcome.findings if finding.todo == todo.key]
        status = next((s for s in (WRONG, NOT_DONE, DONE) if s in {f.status for f in found}), None)
        statuses.append(status)
        sign, colour = SIGNS.get(status or "", ("?", "dim"))
        word = status or "not looked at, mend the rest first"
        heading = Text.assemble((f"{sign} ", colour), (f"TODO {i}, {todo.title}: ", "bold"))
        lines.append(heading.append(word, colour))
        for finding in found:
            if status == finding.status:
                lines += _details(finding)
    done = statuses.count(DONE)
    if any(finding.status == WRONG for finding in whole) and outcome.output.strip():
        last = "\n".join(outcome.output.strip().splitlines()[-10:])[-1500:]
        lines += [Text("\nThe end of what the file printed:", "dim"), Text(_clean(last), "dim")]
    end = f"{done} of {len(statuses)} done, checked in {outcome.seconds:.0f} s."
    if _passed(exercise, outcome):
        end += f" Well done: triptych exercise solution {exercise.name} has ours, to compare."
    elif NOT_DONE in statuses or WRONG in statuses:
        end += f" A hint: triptych exercise hint {shlex.quote(str(file))}"
    return Group(*lines, "", Text(end))


def _finding(finding: Finding) -> list[RenderableType]:
    """One that concerns the whole file."""
    sign, colour = SIGNS[finding.status]
    return [Text.assemble((f"{sign} ", colour), _clean(finding.message)), *_table(finding), ""]


def _details(finding: Finding) -> list[RenderableType]:
    if not finding.message:
        return _table(finding)
    return [Padding(Text(_clean(finding.message)), (0, 0, 0, 4)), *_table(finding)]


def _table(finding: Finding) -> list[RenderableType]:
    table = Table.grid(padding=(0, 2, 0, 0))
    for what in ("expected", "measured", "cause"):
        if value := getattr(finding, what):
            table.add_row("likely cause" if what == "cause" else what, Text(_clean(value)))
    return [Padding(table, (0, 0, 0, 6))] if table.row_count else []


def _clean(text: str) -> str:
    """Without what would steer the terminal: it may come from the file."""
    return "".join(c if c.isprintable() or c == "\n" else " " for c in text)
