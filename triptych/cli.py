"""The command line, ``triptych --help``.

Neither a framework nor NumPy nor matplotlib is imported before a command needs it; the source files
that ``show`` and ``list`` print are read as text.
"""

import ast
import importlib.util
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console, RenderableType

from triptych import __version__
from triptych.catalogue import CARRIERS, CHAPTERS, TECHNIQUES
from triptych.differences.cli import differences
from triptych.exercises.course import app as exercises
from triptych.extras import install_hint, keras_backend, require, version
from triptych.panels import PACKAGES
from triptych.quiz.cli import quiz
from triptych.repository import folder, load
from triptych.studies import Framework

__all__ = ["app"]

SIDE_BY_SIDE = 150  # columns of terminal from which three panels fit beside one another
PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True}

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    rich_markup_mode="markdown",  # which folds paragraphs at the width of the terminal
)
app.add_typer(exercises, name="exercise")
app.command()(differences)
app.command()(quiz)


class Backend(StrEnum):
    tensorflow = "tensorflow"
    jax = "jax"
    torch = "torch"


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"triptych {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Regularization techniques in NumPy, PyTorch and Keras, measured to be the same."""


@app.command("list")
def list_() -> None:
    """List the techniques, chapter by chapter, and what is installed."""
    from rich.table import Table

    console = Console()
    files = _files()
    width = max(map(len, files))
    for chapter, names in (CHAPTERS | {"What they rest on": CARRIERS}).items():
        table = Table.grid(padding=(0, 2), expand=True)
        table.add_column(style="bold", width=width)
        table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
        for name in PACKAGES:
            table.add_column(justify="right", min_width=len(name))
        table.add_row("", f"[underline]{chapter}", *PACKAGES)
        for name in names:
            sources = [path.read_text("utf-8") for path in files[name].values()]
            docstring = ast.get_docstring(ast.parse(sources[0])) or ""
            lines = [str(len(source.splitlines())) for source in sources]
            table.add_row(name, docstring.partition("\n")[0].replace("``", ""), *lines)
        console.print(table, "")
    console.print("In lines on the right. triptych show TECHNIQUE puts the three side by side.\n")
    for package in ("numpy", "torch", "keras", "tensorflow", "jax"):
        found = version(package)
        text = found or f"not installed; get it with: {install_hint(package)}"
        if package == keras_backend() and found:
            text += ", the backend of Keras"
        console.print(f"{package:<11}{text}", markup=False, highlight=False)


@app.command()
def show(
    technique: Annotated[
        str, typer.Argument(metavar="TECHNIQUE", help="`triptych list` has the names.")
    ],
    panel: Annotated[Framework, typer.Option(help="Show this panel alone.")] = Framework.all,
    pager: Annotated[
        bool | None,
        typer.Option("--pager/--no-pager", help="Scroll; by default in a terminal only."),
    ] = None,
) -> None:
    """Show a technique in NumPy, PyTorch and Keras side by side (from 150 columns on)."""
    every = _files()
    if technique not in every:
        raise _unknown(technique, every)
    files = every[technique]
    if panel is not Framework.all:
        files = {panel.value: files[panel.value]}
    console = Console()
    wide = len(files) > 1 and console.width >= SIDE_BY_SIDE
    pages = [_columns(files)] if wide else _one_below_the_other(files)
    if pager is None:
        pager = console.is_terminal
    if pager:
        # R lets colours through, F does not wait where everything fits the screen.
        less = os.environ.setdefault("LESS", "-RF")
        with console.pager(styles=console.is_terminal and "r" in less.lower()):
            console.print(*pages)
    else:
        console.print(*pages)


# A Ctrl-C goes to the tests as well: they would answer with a traceback, and we end them anyway.
DEAF = (
    "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); "
    "import pytest; raise SystemExit(pytest.main())"
)


@app.command()
def parity(
    technique: Annotated[
        str | None,
        typer.Argument(
            metavar="TECHNIQUE", help="This technique alone.", show_default="all of them"
        ),
    ] = None,
    backend: Annotated[
        Backend | None, typer.Option(help="Backend of Keras.", show_default="as Keras is set up")
    ] = None,
) -> None:
    """Measure that the three frameworks agree: run the parity tests, and show the table."""
    suite = folder("parity_tests")
    tests = {name: suite / f"test_{name}.py" for name in (*TECHNIQUES, *CARRIERS, "weights")}
    tests = {name: path for name, path in tests.items() if path.is_file()}
    if technique is not None and technique not in tests:
        raise _unknown(technique, tests)
    require("pytest", "torch", "keras", backend=backend)
    chosen = backend or keras_backend()
    typer.echo(f"Measuring {technique or 'every technique'}, Keras on {chosen}: loading ...")
    # Without a file of our own, pytest would take one of whatever project it is installed in; -P
    # keeps the working folder out of what it imports.
    settings = suite.parent / "pyproject.toml"
    command = [sys.executable, "-P", "-c", DEAF, "-q", "-p", "no:cacheprovider"]
    command += ["-c", str(settings) if settings.is_file() else os.devnull]
    command += ["--rootdir", str(suite.parent)]
    command += [str(path) for name, path in tests.items() if technique in (None, name)]
    environment = os.environ | {"KERAS_BACKEND": chosen}
    run = subprocess.run(command, env=environment, check=False)
    raise typer.Exit(run.returncode)


@app.command(context_settings=PASS_ON, add_help_option=False)
def xor(context: typer.Context) -> None:
    """Train XOR in each framework, plain and regularized; `triptych xor --help` has the options."""
    _run_example(context, "xor")


@app.command(context_settings=PASS_ON, add_help_option=False)
def mnist(context: typer.Context) -> None:
    """Train on MNIST in each framework; `triptych mnist --help` has the options."""
    _run_example(context, "mnist")


@app.command()
def diagnose(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="PATH",
            help="histories.json of a run of mnist or xor, or what `History.save` wrote.",
        ),
    ],
) -> None:
    """Say of a training run whether it underfits, overfits or diverged, and what to try first."""
    from triptych.common.history import load_histories
    from triptych.diagnosis import VERDICTS
    from triptych.diagnosis import diagnose as judge

    try:
        diagnoses = {name: judge(history) for name, history in load_histories(path).items()}
    except OSError as error:
        text = f"{path} cannot be read: {error.strerror}."
        raise typer.BadParameter(text, param_hint="PATH") from None
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="PATH") from None
    # The same run in another framework starts from the same loss, and is told of once.
    groups: dict[tuple[str, ...], list[str]] = {}
    for name, found in diagnoses.items():
        start, epochs = (found.numbers.get(key, 0.0) for key in ("start", "epochs"))
        groups.setdefault((found.verdict, f"{start:.3g}", f"{epochs}"), []).append(name)
    console = Console(highlight=False)
    for names in groups.values():
        found = diagnoses[names[0]]
        _say(console, f"{', '.join(names)}: {found.verdict}", style="bold")
        _say(console, VERDICTS[found.verdict], "  ")
        for reason in found.because:
            _say(console, reason, "  - ")
        if found.first:
            _say(console, "Try first:", "  ")
            for technique, purpose in found.first:
                _say(console, purpose, f"    {technique:<18}")
        console.print()
    if any(found.first for found in diagnoses.values()):
        _say(console, "triptych show TECHNIQUE puts its code in the three frameworks side by side.")


def _say(console: Console, text: str, start: str = "", *, style: str | None = None) -> None:
    """``text`` in lines that begin where its first one does, after ``start``."""
    width, indent = max(console.width, len(start) + 20), " " * len(start)
    lines = textwrap.fill(text, width, initial_indent=start, subsequent_indent=indent)
    console.print(lines, style=style, markup=False, soft_wrap=True)


@app.command(context_settings=PASS_ON, add_help_option=False)
def distill(context: typer.Context) -> None:
    """Teach a small network by a large one; `triptych distill --help` has the options."""
    _run_example(context, "distillation")


@app.command(context_settings=PASS_ON, add_help_option=False)
def recipes(context: typer.Context) -> None:
    """List the common stacks of regularizers, or train one: `triptych recipes --help`."""
    _run_example(context, "recipes")


@app.command(context_settings=PASS_ON, add_help_option=False)
def text(context: typer.Context) -> None:
    """Train on sentences; what does each regularizer bring? `triptych text --help`."""
    _run_example(context, "text")


@app.command(context_settings=PASS_ON, add_help_option=False)
def uncertainty(context: typer.Context) -> None:
    """Ask a network how sure it is; `triptych uncertainty --help` has the options."""
    _run_example(context, "uncertainty")


@app.command("variational-dropout", context_settings=PASS_ON, add_help_option=False)
def variational_dropout(context: typer.Context) -> None:
    """Find the weights that a network needs; `... --help` has the options."""
    _run_example(context, "variational_dropout")


def _run_example(context: typer.Context, name: str) -> None:
    """Run ``main`` of an example as a command of its own, with the arguments of this one."""
    program = load(folder("examples") / f"{name}.py", f"example_{name}")
    command = typer.Typer(
        add_completion=False, pretty_exceptions_show_locals=False, rich_markup_mode="markdown"
    )
    command.command()(program.main)
    command(context.args, prog_name=context.command_path)


def _unknown(technique: str, known: Iterable[str]) -> typer.BadParameter:
    return typer.BadParameter(
        f"{technique!r} is none of {', '.join(known)}.", param_hint="TECHNIQUE"
    )


def _files() -> dict[str, dict[str, Path]]:
    """The three files of each technique, and of what they rest on, by framework."""
    specs = {name: importlib.util.find_spec(package) for name, package in PACKAGES.items()}
    roots = {name: Path(spec.origin).parent for name, spec in specs.items() if spec and spec.origin}
    return {
        technique: {name: root / f"{technique}.py" for name, root in roots.items()}
        for technique in (*TECHNIQUES, *CARRIERS)
    }


def _title(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def _one_below_the_other(files: Mapping[str, Path]) -> list[RenderableType]:
    from rich.rule import Rule

    pages: list[RenderableType] = []
    for path in files.values():
        pages += [Rule(_title(path), style="bold"), _code(path.read_text("utf-8"), 1), ""]
    return pages


def _columns(files: Mapping[str, Path]) -> RenderableType:
    """A column for each file, with functions and classes of one name beside one another."""
    from rich.table import Table

    table = Table(expand=True, show_lines=True)
    for path in files.values():
        table.add_column(_title(path), ratio=1, overflow="fold")
    panels = [_blocks(path.read_text("utf-8")) for path in files.values()]
    for name in _merged(panels):
        table.add_row(*(_code(*panel[name]) if name in panel else "" for panel in panels))
    return table


def _code(source: str, first_line: int) -> RenderableType:
    from rich.syntax import Syntax

    return Syntax(
        source,
        "python",
        theme="ansi_dark",  # the terminal's own colours and background
        line_numbers=True,
        start_line=first_line,
        word_wrap=True,
    )


def _blocks(source: str) -> dict[str, tuple[str, int]]:
    """The head of a module, then its functions and classes: by name, the text and its first line.

    Decorators, and comments directly above, belong to what they stand above; whatever else follows
    a function belongs to it.
    """
    lines = source.splitlines()
    starts = {"": 1}
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            start = min([node.lineno, *(item.lineno for item in node.decorator_list)])
            while start > 1 and lines[start - 2].startswith("#"):
                start -= 1
            starts[node.name] = start
    ends = [*list(starts.values())[1:], len(lines) + 1]
    return {
        name: ("\n".join(lines[start - 1 : end - 1]).rstrip(), start)
        for (name, start), end in zip(starts.items(), ends, strict=True)
    }


def _merged(sequences: Iterable[Iterable[str]]) -> list[str]:
    """Every name once, in an order that keeps to the sequences as far as they agree."""
    names: list[str] = []
    for sequence in sequences:
        position = 0
        for name in sequence:
            if name in names:
                position = names.index(name) + 1
            else:
                names.insert(position, name)
                position += 1
    return names
