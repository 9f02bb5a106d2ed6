"""``triptych exercise``: list the exercises, start one, check it, have a hint, see a solution."""

import shlex
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from triptych.exercises import catalogue, journal
from triptych.exercises.findings import DONE, NOT_DONE, WRONG, Exercise, Finding, Todo
from triptych.exercises.notebooks import write_notebook
from triptych.exercises.sandbox import Limits, Outcome, check_file
from triptych.exercises.terminal import (
    PROPER,
    SIGNS,
    File,
    Framework,
    ItsExercise,
    ItsFramework,
    exercise_of,
    make_console,
    print_command,
)
from triptych.extras import require

__all__ = ["app"]

MOST_HINTS = 5  # of one call

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    help="Exercises that check what your code does.",
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="`triptych exercise list` has them.")]
OfFramework = Annotated[
    Framework | None, typer.Option("--framework", help="This framework alone.", show_default="all")
]
Number = Annotated[
    int | None, typer.Option("--todo", min=1, help="This TODO alone.", show_default="all")
]


@app.command("list")
def list_(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="One, with all that is to do.")
    ] = None,
) -> None:
    """List the exercises, or what is to do in one of them."""
    console = make_console()
    if name is not None:
        exercise = _exercise(name)
        console.print(Text(exercise.title, "bold"), exercise.summary, "", sep="\n")
        for i, todo in enumerate(exercise.todos, start=1):
            console.print(f"  {i}. {todo.title}", highlight=False)
        console.print("\nBegin with:")
        print_command(console, "start", name)
        return
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in ("name", "what it is", "in", "TODOs"):
        table.add_column(column, style="bold" if column == "name" else None)
    for name in catalogue.names():
        exercise = catalogue.exercise(name)
        frameworks = ", ".join(PROPER[each] for each in catalogue.starters(name))
        title = exercise.title.removesuffix(" from scratch")
        table.add_row(name, title, frameworks, str(len(exercise.todos)))
    console.print(table)
    console.print("\nMore of one: triptych exercise list NAME. Begin: triptych exercise start NAME")


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
    notebook: Annotated[bool, typer.Option("--notebook", help="As Jupyter notebooks.")] = False,
) -> None:
    """Copy the files to complete."""
    files = _files(catalogue.starters, name, framework)
    suffix = ".ipynb" if notebook else ".py"
    names = [path.with_suffix(suffix).name for path in files]
    there = [each for each in names if (to / each).exists()]
    if there and not overwrite:
        raise typer.BadParameter(
            f"{', '.join(there)} in {to}/ would be lost. Choose another folder with --to, or "
            "replace with --overwrite.",
            param_hint="--to",
        )
    try:
        to.mkdir(parents=True, exist_ok=True)
        for path, its in zip(files, names, strict=True):
            copy = write_notebook if notebook else shutil.copyfile
            copy(path, to / its)
            typer.echo(f"{to / its}")
    except OSError as error:
        raise typer.BadParameter(str(error), param_hint="--to") from None
    first = shlex.quote(str(to / names[0]))
    run = "jupyter lab" if notebook else "python"
    enough = "One of them is enough. " if len(files) > 1 else ""
    typer.echo(
        f"\n{enough}The task stands at the top. Then:\n"
        f"  {run} {first}\n  triptych exercise check {first}\n  triptych exercise hint {first}"
    )


@app.command()
def check(
    file: File,
    todo: Number = None,
    exercise: ItsExercise = None,
    framework: ItsFramework = None,
    seconds: Annotated[
        float, typer.Option(min=1, max=86400, help="Stop the file after so much processor time.")
    ] = Limits.seconds,
    seed: Annotated[int, typer.Option(min=0, max=2**31, help="For other weights and masks.")] = 0,
    watch: Annotated[
        bool, typer.Option("--watch", help="Again at every save, until you press Ctrl-C.")
    ] = False,
) -> None:
    """Run a file, measure what it does, and say what is done, not done or wrong.

    It runs in a process of its own, on a copy in a temporary folder, with limits of time, memory
    and output; Python's own functions do not change files elsewhere or start processes there. That
    guards against accidents. It is no protection against code that means harm, nor against what a
    library writes by itself: check only files that you would run.
    """
    its, language, todos = _task(file, exercise, framework, todo)
    console = make_console()
    limits = Limits(seconds=seconds, waiting=max(Limits.waiting, 5 * seconds))
    while True:
        saved = _saved(file)
        outcome = _outcome(console, file, its, language, todo, seed=seed, limits=limits)
        console.print(_report(its, PROPER[language], todos, file, outcome))
        statuses = _statuses(todos, outcome)
        before = journal.statuses(file, its.name, language)
        if not file.resolve().is_relative_to(catalogue.FOLDER.resolve()):
            looked_at = {todos[i].key: status for i, status in statuses.items() if status}
            journal.note(file, its.name, language, looked_at)
        if not any(whole.status == WRONG for whole in _whole(outcome)):
            done = [i for i in todos if statuses[i] == DONE]
            new = [i for i in done if todo is not None or before.get(todos[i].key) != DONE]
            if new:
                console.print("\nWhat that does:")
            for i in new:
                meaning = Text.assemble((f"{i}. ", "bold"), todos[i].meaning)
                console.print(Padding(meaning, (0, 0, 1, 2)))
        passed = _passed(todos, outcome)
        if passed and todo is None:
            console.print("Well done. Ours, to compare:")
            print_command(console, "solution", its.name, framework=language)
        if not watch:
            break
        console.print(Text("Waiting for the file to be saved; Ctrl-C ends.", "dim"))
        while _saved(file) in (None, saved):  # for a moment, an editor may have taken it away
            time.sleep(0.3)
    if passed:
        return
    if any(status in (NOT_DONE, WRONG) for status in _statuses(todos, outcome).values()):
        console.print("A hint:")
        print_command(console, "hint", file, todo=todo, exercise=exercise, framework=framework)
    raise typer.Exit(1)


@app.command()
def hint(
    file: File,
    level: Annotated[
        int, typer.Option(min=1, max=3, help="1 asks, 2 says where to look, 3 says what to do.")
    ] = 1,
    todo: Number = None,
    exercise: ItsExercise = None,
    framework: ItsFramework = None,
) -> None:
    """Check a file, and give a hint for what is not done yet, in three levels."""
    its, language, todos = _task(file, exercise, framework, todo)
    console = make_console()
    outcome = _outcome(console, file, its, language, todo)
    for whole in _whole(outcome):
        if whole.status == WRONG:
            console.print(*_finding(whole), sep="\n")
    statuses = _statuses(todos, outcome)
    left = {i: each for i, each in todos.items() if statuses[i] in (NOT_DONE, WRONG)}
    if not left and not all(statuses.values()):
        console.print("Mend that first: then there is something to measure, and a hint for it.")
        return
    # What is wrong comes first; more of them would be more than a screen.
    order = sorted(left, key=lambda i: statuses[i] != WRONG)
    others = sorted(order[MOST_HINTS:])
    left = {i: left[i] for i in sorted(order[:MOST_HINTS])}
    for i, each in left.items():
        console.print(Text(f"TODO {i}, {each.title}", "bold"))
        found: list[Finding | None] = [
            finding
            for finding in outcome.findings
            if finding.todo == each.key and finding.status == WRONG
        ]
        said = set()
        for finding in found or [None]:
            if finding is not None:
                console.print(*_details(finding), sep="\n")
            text = each.hint(finding).text(level, language)
            if text not in said:
                console.print(Padding(Text(text), (0, 0, 1, 2)))
            said.add(text)
    if others:
        more = ", ".join(f"{i} ({todos[i].title})" for i in others)
        console.print(f"Also open are {more}: add --todo and the number.\n")
    if not left:
        console.print("All is done." if todo is None else f"TODO {todo} is done.")
    elif level < 3:
        console.print("More:")
        given = {"todo": todo, "exercise": exercise, "framework": framework}
        print_command(console, "hint", file, **given, level=level + 1)


@app.command()
def solution(
    name: Name,
    framework: Annotated[
        Framework | None, typer.Option("--framework", help="The one to show, if there are several.")
    ] = None,
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FILE", help="Write it there.", dir_okay=False)
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace the file of --to: it is lost.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Show a solution, or write it to a file, after asking."""
    files = _files(catalogue.solutions, name, framework)
    if len(files) > 1:
        known = ", ".join(catalogue.solutions(name))
        raise typer.BadParameter(f"choose one of {known}.", param_hint="--framework")
    if to is not None and to.exists() and not force:
        raise typer.BadParameter(
            f"{to} would be lost. Choose another file, or replace it with --force.",
            param_hint="--to",
        )
    if not yes:
        typer.confirm(f"This gives away the solution of {name!r}, whole. Go on?", abort=True)
    if to is not None:
        try:
            shutil.copyfile(files[0], to)
        except OSError as error:
            raise typer.BadParameter(str(error), param_hint="--to") from None
        typer.echo(f"{to}")
        return
    # The terminal's own colours and background; whole lines, which it folds itself.
    text = Syntax("", "python", theme="ansi_dark").highlight(files[0].read_text("utf-8"))
    Console().print(text, soft_wrap=True, end="")


def _task(
    file: Path, exercise: str | None, framework: Framework | None, todo: int | None
) -> tuple[Exercise, str, dict[int, Todo]]:
    """The exercise and the framework of the file, and the TODOs to look at by their numbers."""
    name, language = exercise_of(file, exercise, framework)
    if language != "scratch":
        require(language)
    its = catalogue.exercise(name)
    todos = dict(enumerate(its.todos, start=1))
    if todo is None:
        return its, language, todos
    if todo not in todos:
        raise typer.BadParameter(f"there are {len(todos)}.", param_hint="--todo")
    return its, language, {todo: todos[todo]}


def _saved(file: Path) -> int | None:
    """When, in nanoseconds."""
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return None


def _outcome(
    console: Console,
    file: Path,
    exercise: Exercise,
    framework: str,
    todo: int | None,
    **options: Any,
) -> Outcome:
    only = None if todo is None else exercise.todos[todo - 1].key
    with console.status("starting") as status:
        return check_file(
            file,
            exercise.name,
            framework,
            only=only,
            progress=lambda text: status.update(f"{escape(text)} ..."),
            **options,
        )


def _files(
    of: Callable[[str], dict[str, Path]], name: str, framework: Framework | None
) -> list[Path]:
    _exercise(name)
    files = of(name)
    if framework is None:
        return list(files.values())
    if framework.value not in files:
        raise typer.BadParameter(f"{name!r} is in {', '.join(files)}.", param_hint="--framework")
    return [files[framework.value]]


def _exercise(name: str) -> Exercise:
    try:
        return catalogue.exercise(name)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="NAME") from None


def _passed(todos: dict[int, Todo], outcome: Outcome) -> bool:
    bad = [finding for finding in outcome.findings if finding.status != DONE]
    done = all(status == DONE for status in _statuses(todos, outcome).values())
    return not bad and not outcome.refused and done


def _statuses(todos: dict[int, Todo], outcome: Outcome) -> dict[int, str | None]:
    return {i: _status(todo, outcome) for i, todo in todos.items()}


def _status(todo: Todo, outcome: Outcome) -> str | None:
    """The worst that was found, None if it was not looked at."""
    found = {finding.status for finding in outcome.findings if finding.todo == todo.key}
    return next((status for status in (WRONG, NOT_DONE, DONE) if status in found), None)


def _report(
    exercise: Exercise, framework: str, todos: dict[int, Todo], file: Path, outcome: Outcome
) -> RenderableType:
    """A line for each TODO with what is wrong below it."""
    lines: list[RenderableType] = [
        Text.assemble((file.name, "bold"), f": {exercise.title}, in {framework}"),
        "",
    ]
    whole = _whole(outcome)
    for finding in whole:
        lines += _finding(finding)
    statuses = _statuses(todos, outcome)
    for i, todo in todos.items():
        sign, colour = SIGNS.get(statuses[i] or "", ("?", "dim"))
        word = statuses[i] or "not looked at, mend the rest first"
        heading = Text.assemble((f"{sign} ", colour), (f"TODO {i}, {todo.title}: ", "bold"))
        lines.append(heading.append(word, colour))
        for finding in outcome.findings:
            if finding.todo == todo.key and finding.status == statuses[i]:
                lines += _details(finding)
    if any(finding.status == WRONG for finding in whole) and outcome.output.strip():
        last = "\n".join(outcome.output.strip().splitlines()[-10:])[-1500:]
        lines += [Text("\nThe end of what the file printed:", "dim"), Text(_clean(last), "dim")]
    done = list(statuses.values()).count(DONE)
    end = f"{done} of {len(statuses)} done, checked in {outcome.seconds:.0f} s."
    return Group(*lines, "", Text(end))


def _whole(outcome: Outcome) -> list[Finding]:
    """What concerns the whole file."""
    refused = (f"the file tried to {what}; that was refused" for what in outcome.refused)
    return [
        *(finding for finding in outcome.findings if finding.todo == ""),
        *(Finding("", WRONG, text) for text in refused),
    ]


def _finding(finding: Finding) -> list[RenderableType]:
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
