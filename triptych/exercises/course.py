"""``triptych exercise`` for those who go on with several, and for their teachers."""

import itertools
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from triptych.exercises import catalogue, journal
from triptych.exercises.cli import app
from triptych.exercises.findings import DONE, NOT_DONE, WRONG
from triptych.exercises.grade import Grade, submissions, write_tables
from triptych.exercises.grade import grade as grade_all
from triptych.exercises.notebooks import write_notebook
from triptych.exercises.sandbox import Limits
from triptych.exercises.terminal import (
    PROPER,
    SIGNS,
    File,
    ItsExercise,
    ItsFramework,
    exercise_of,
    make_console,
    print_command,
)

__all__ = ["app"]

MOST_CAUSES = 10  # that a teacher is told of

Folder = Annotated[
    Path, typer.Argument(metavar="FOLDER", help="Yours.", exists=True, file_okay=False)
]


def _entries(folder: Path) -> Iterator[journal.Entry]:
    """Those of files that are still there, in the order of the exercises."""
    order = catalogue.names()
    known = [each for each in journal.read(folder).values() if each.exercise in order]
    for entry in sorted(known, key=lambda each: (order.index(each.exercise), each.file)):
        if (folder / entry.file).is_file():
            yield entry


@app.command()
def progress(folder: Folder = Path(".")) -> None:
    """Show what is done, of the files in a folder that were checked."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in ("file", "exercise", "in", "done", ""):
        table.add_column(column)
    total = [0, 0]
    for entry in _entries(folder):
        todos = catalogue.exercise(entry.exercise).todos
        statuses = [entry.statuses.get(todo.key) for todo in todos]
        signs = [SIGNS.get(status or "", ("·", "dim")) for status in statuses]
        done = statuses.count(DONE)
        total = [total[0] + done, total[1] + len(todos)]
        table.add_row(
            entry.file,
            catalogue.exercise(entry.exercise).title,
            PROPER[entry.framework],
            f"{done} of {len(todos)}",
            Text.assemble(*signs),
        )
    console = make_console()
    if not table.row_count:
        console.print(
            f"Nothing in {folder}/ was checked yet. What there is: triptych exercise list"
        )
        return
    console.print(table)
    console.print(f"\n{total[0]} of {total[1]} done. How to go on: triptych exercise next")


@app.command("next")
def next_(folder: Folder = Path(".")) -> None:
    """Say what to do next: what is not done of the files that were checked, or a new exercise."""
    console, entries = make_console(), list(_entries(folder))
    for entry in entries:
        its = catalogue.exercise(entry.exercise)
        for number, todo in enumerate(its.todos, start=1):
            status = entry.statuses.get(todo.key)
            if status == DONE:
                continue
            word = "wrong" if status == WRONG else "open"
            console.print(Text(f"{entry.file}, TODO {number}, {todo.title}: {word}.", "bold"))
            if status == WRONG:
                print_command(console, "hint", folder / entry.file, todo=number)
            else:
                console.print(f"  {todo.hints[-1].text(1, entry.framework)}")
                print_command(console, "check", folder / entry.file, todo=number)
            return
    begun = {entry.exercise for entry in entries}
    left = [name for name in catalogue.names() if name not in begun]
    if not left:
        console.print("All is done.")
        return
    its = catalogue.exercise(left[0])
    console.print(Text(f"{its.title}: {its.summary}", "bold"))
    framework = entries[-1].framework if entries else None
    starters = catalogue.starters(left[0])
    chosen = framework if framework in starters and len(starters) > 1 else None
    print_command(console, "start", left[0], framework=chosen)


@app.command()
def reset(
    file: File,
    exercise: ItsExercise = None,
    framework: ItsFramework = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Put the starter in the place of a file; what was there is kept beside it, as FILE.old."""
    name, language = exercise_of(file, exercise, framework)
    kept = (file.with_name(f"{file.name}.old{number or ''}") for number in itertools.count())
    old = next(path for path in kept if not path.exists())
    if not yes:
        typer.confirm(f"Begin {file} anew? What is there becomes {old.name}. Go on?", abort=True)
    starter = catalogue.starters(name)[language]
    try:
        os.replace(file, old)
        copy = write_notebook if file.suffix == ".ipynb" else shutil.copyfile
        copy(starter, file)
    except OSError as error:
        raise typer.BadParameter(str(error), param_hint="FILE") from None
    todos = catalogue.exercise(name).todos
    journal.note(file, name, language, dict.fromkeys((todo.key for todo in todos), NOT_DONE))
    typer.echo(f"{file} is the starter again; {old.name} has what was there")


@app.command()
def grade(
    folder: Annotated[
        Path,
        typer.Argument(metavar="FOLDER", help="Of submissions.", exists=True, file_okay=False),
    ],
    out: Annotated[
        Path, typer.Option("--out", help="The folder of the tables.", file_okay=False)
    ] = Path("grades"),
    jobs: Annotated[int, typer.Option(min=1, max=64, help="How many at a time.")] = 2,
    exercise: ItsExercise = None,
    framework: ItsFramework = None,
    seconds: Annotated[
        float, typer.Option(min=1, max=86400, help="Of processor time for each file.")
    ] = Limits.seconds,
    seed: Annotated[int, typer.Option(min=0, max=2**31, help="For other weights and masks.")] = 0,
) -> None:
    """Check every submission in a folder and those in it, and write tables of what was found.

    A file counts if its name tells the exercise and the framework, such as anna/xor_torch.py; or
    all do, with --exercise and --framework. Each is checked in a process of its own, so that one
    that hangs costs its own time only. Stopped and started again it goes on; what has changed, the
    file or --seconds or --seed, is checked anew. grades.csv has a row for each file, grades.json
    all that was found.

    The checks guard against accidents, not against code that means harm: grade submissions of
    strangers where they can do none, in a container or as a user without rights.
    """
    console = make_console()
    every, others = submissions(folder, exercise, framework and framework.value)
    if not every:
        raise typer.BadParameter(
            f"no file in {folder}/ tells its exercise by its name, such as xor_torch.py; or give "
            "--exercise and --framework.",
            param_hint="FOLDER",
        )
    waiting = max(Limits.waiting, 5 * seconds)
    limits = Limits(seconds=seconds, waiting=min(waiting, 20 * seconds))
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console) as bar:
        task = bar.add_task("checking", total=len(every))

        def one_more(found: Grade) -> None:
            bar.update(task, advance=1, description=found.file)

        grades = grade_all(
            folder, every, out, jobs=jobs, limits=limits, seed=seed, progress=one_more
        )
        bar.update(task, description="checked")
    write_tables(grades, out)
    _print_summary(console, grades)
    for file, reason in others.items():
        console.print(Text(f"left out, {reason}: {file}", "yellow"))
    console.print(f"in {out}/: grades.csv, grades.json")


def _print_summary(console: Console, grades: list[Grade]) -> None:
    """For each exercise and TODO how many have it, then what was wrong most often, and who stopped.

    Files in which nothing is begun are counted, and not among those that have not done a TODO.
    """
    table, causes = Table(box=None, padding=(0, 2, 0, 0)), Counter[tuple[str, str, str]]()
    for column in ("exercise", "TODO", DONE, NOT_DONE, WRONG, "not looked at"):
        table.add_column(column)
    for name in dict.fromkeys(each.exercise for each in grades):
        its = [each for each in grades if each.exercise == name and each.begun]
        for number, todo in enumerate(catalogue.exercise(name).todos, start=1):
            found = [each.statuses.get(todo.key) for each in its]
            table.add_row(
                name if number == 1 else "",
                f"{number}. {todo.title}",
                *(str(found.count(status)) for status in (DONE, NOT_DONE, WRONG, None)),
            )
            for each in its:
                for cause in each.wrong(todo.key):
                    causes[name, f"TODO {number}, {todo.title}", cause] += 1
    console.print(table)
    begun = sum(each.begun for each in grades)
    console.print(f"\n{len(grades)} files, {len(grades) - begun} of them with nothing begun.")
    if causes:
        console.print(Text("\nWrong most often:", "bold"))
    for (name, which, cause), count in causes.most_common(MOST_CAUSES):
        console.print(Padding(Text(f"{count}x {name}, {which}: {cause}"), (0, 0, 0, 2)))
    for each in grades:
        if "" in each.causes:
            console.print(Text(f"{each.file}: {each.causes['']}", "yellow"))
