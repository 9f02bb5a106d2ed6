"""Time the panels, the bare frameworks and other libraries at the same work, side by side.

    make bench                            or  python -m benchmarks
    python -m benchmarks --only cnn --sittings 5

In each round every contestant does the work once, so a busy machine slows all of them alike; what
counts is the ratio of the medians. Each has a process of its own, and waits while another one
works; each sitting starts new processes. Writes bench.json, bench.txt and bench.png.
"""

import json
from collections.abc import Callable
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks import memory
from benchmarks.augmentation import augmentation
from benchmarks.chart import chart
from benchmarks.layers import layers
from benchmarks.machine import machine
from benchmarks.networks import cnn, mlp
from benchmarks.processes import Processes
from benchmarks.report import tables
from benchmarks.sequences import sequences
from benchmarks.timing import Section, summary, take_turns
from benchmarks.xor import xor
from triptych.__main__ import run_command
from triptych.output import Output, print_to


class Name(StrEnum):
    mlp = "mlp"
    cnn = "cnn"
    memory = "memory"
    layers = "layers"
    sequences = "sequences"
    augmentation = "augmentation"
    xor = "xor"


SECTIONS: dict[Name, Callable[[bool], Section]] = {
    Name.mlp: mlp,
    Name.cnn: cnn,
    Name.layers: layers,
    Name.sequences: sequences,
    Name.augmentation: augmentation,
    Name.xor: xor,
}

app = typer.Typer(add_completion=False)


@app.command()
def main(
    only: Annotated[
        list[Name] | None, typer.Option(help="This section alone; may be given again for more.")
    ] = None,
    rounds: Annotated[
        int, typer.Option(min=1, help="Timed calls of each contestant in a sitting.")
    ] = 3,
    sittings: Annotated[
        int, typer.Option(min=1, help="Times that all processes are started anew.")
    ] = 3,
    out: Annotated[Path, typer.Option(help="Where the three files go.")] = Path("out"),
    quick: Annotated[
        bool, typer.Option("--quick", help="A few steps, without warming up: does everything run?")
    ] = False,
) -> None:
    """Time the panels, the bare frameworks and other libraries side by side."""
    output = Output(out)
    report: dict = {"rounds": rounds, "sittings": sittings, "sections": {}}
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    console = Console(stderr=True)
    with Progress(
        *columns,
        TimeElapsedColumn(),
        console=console,
        transient=True,
        auto_refresh=False,  # no thread of its own beside the timed calls
    ) as progress:
        for name in only or Name:
            bar = progress.add_task(name.value, total=None)
            done = partial(progress.update, bar, advance=1, refresh=True)
            if name is Name.memory:
                times = 1 if quick else 3
                progress.update(bar, total=times * len(memory.CONTESTANTS))
                report["sections"]["memory"] = memory.memory(times, done)
            else:
                section = SECTIONS[name](quick)
                calls = sum(len(task.contestants) for task in section.tasks.values())
                progress.update(bar, total=sittings * (rounds + (not quick)) * calls)
                seconds = []
                for _ in range(sittings):
                    with Processes(SECTIONS[name], quick) as processes:
                        seconds.append(time(processes, rounds, quick, done))
                        add_machine(report, processes.machine())
                report["sections"][name.value] = summarized(section, seconds)
    report.setdefault("machine", machine())  # of the memory section alone
    write(report, output)


def time(
    processes: Processes, rounds: int, quick: bool, done: Callable[[], None]
) -> dict[str, dict[str, list[float]]]:
    """Seconds of the calls in one sitting, by task and contestant."""
    return {
        title: take_turns(processes.contestants(title), rounds, warm_up=not quick, done=done)
        for title in processes.section.tasks
    }


def summarized(section: Section, sittings: list[dict[str, dict[str, list[float]]]]) -> dict:
    tasks = {}
    for title, task in section.tasks.items():
        seconds = {
            name: [value for sitting in sittings for value in sitting[title][name]]
            for name in task.contestants
        }
        tasks[title] = summary(task, seconds)
    return {
        "work": section.work,
        "note": section.note,
        "per_second": section.per_second,
        "tasks": tasks,
    }


def add_machine(report: dict, found: dict) -> None:
    """Every section loads libraries of its own."""
    known = report.setdefault("machine", found)
    for key in ("versions", "threads"):
        known[key] |= found[key]


def write(report: dict, output: Output) -> None:
    text = json.dumps(report, indent=1) + "\n"
    output.write("bench.json", lambda path: path.write_text(text, "utf-8"))
    parts = tables(report)
    output.write("bench.txt", lambda path: print_to(path, *parts))
    console = Console(highlight=False)
    for part in parts:
        console.print(part)
    output.write("bench.png", lambda path: chart(report, path))
    typer.echo(f"The ratios are in {output.folder}/: {', '.join(output.written)}")
    output.finish()


if __name__ == "__main__":
    run_command(lambda: app(prog_name="python -m benchmarks"))
