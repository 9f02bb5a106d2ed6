"""The command line, ``triptych --help``.

Neither a framework nor NumPy nor matplotlib is imported before a command needs it; the source files
that ``show`` and ``list`` print are read as text.
"""

import ast
import importlib
import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console, RenderableType

from triptych import __version__
from triptych.extras import install_hint, keras_backend, require, version
from triptych.panels import PACKAGES

__all__ = ["app"]

SIDE_BY_SIDE = 150  # columns of terminal from which three panels fit beside one another
PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True}

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_show_locals=False)


class Panel(StrEnum):
    scratch = "scratch"
    torch = "torch"
    keras = "keras"
    all = "all"


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
    """List the techniques, and what is installed."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    console = Console()
    table = Table(
        box=SIMPLE_HEAD,
        title="Techniques, and the length of each panel's file in lines",
        caption="triptych show TECHNIQUE puts the three side by side",
    )
    table.add_column("technique", style="bold", no_wrap=True)
    table.add_column("what it is")
    for name in PACKAGES:
        table.add_column(name, justify="right", no_wrap=True)
    for technique, files in _techniques().items():
        sources = [path.read_text("utf-8") for path in files.values()]
        docstring = ast.get_docstring(ast.parse(sources[0])) or ""
        lines = [str(len(source.splitlines())) for source in sources]
        table.add_row(technique, docstring.partition("\n")[0].replace("``", ""), *lines)
    console.print(table)
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
    panel: Annotated[Panel, typer.Option(help="Show this panel alone.")] = Panel.all,
    pager: Annotated[
        bool | None,
        typer.Option("--pager/--no-pager", help="Scroll; by default in a terminal only."),
    ] = None,
) -> None:
    """Show a technique in NumPy, PyTorch and Keras side by side (from 150 columns on)."""
    techniques = _techniques()
    if technique not in techniques:
        raise _unknown(technique, techniques)
    files = techniques[technique]
    if panel is not Panel.all:
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
    folder = _folder("parity_tests")
    tests = {name: folder / f"test_{name}.py" for name in _techniques()}
    tests = {name: path for name, path in tests.items() if path.is_file()}
    if technique is not None and technique not in tests:
        raise _unknown(technique, tests)
    require("pytest", "torch", "keras", backend=backend)
    chosen = backend or keras_backend()
    typer.echo(f"Measuring {technique or 'every technique'}, Keras on {chosen}: loading ...")
    # Without a file of our own, pytest would take one of whatever project it is installed in.
    settings = folder.parent / "pyproject.toml"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    command += ["-c", str(settings) if settings.is_file() else os.devnull]
    command += ["--rootdir", str(folder.parent), str(tests[technique] if technique else folder)]
    run = subprocess.run(command, env=os.environ | {"KERAS_BACKEND": chosen}, check=False)
    raise typer.Exit(run.returncode)


@app.command(context_settings=PASS_ON, add_help_option=False)
def xor(context: typer.Context) -> None:
    """Train XOR in each framework, plain and regularized; `triptych xor --help` has the options."""
    _hand_over(context, "examples.xor")


@app.command(context_settings=PASS_ON, add_help_option=False)
def mnist(context: typer.Context) -> None:
    """Train on MNIST in each framework; `triptych mnist --help` has the options."""
    _hand_over(context, "examples.mnist")


@app.command(context_settings=PASS_ON, add_help_option=False)
def exercise(context: typer.Context) -> None:
    """Exercises that check what your code does; `triptych exercise --help` has the commands."""
    # Imported by name: the exercises stand above this package and import it.
    program = importlib.import_module("exercises.cli")
    program.app(context.args, prog_name=context.command_path)


def _hand_over(context: typer.Context, name: str) -> None:
    """Run ``main`` of a module as a command of its own, with the arguments of this one."""
    # Imported by name: the examples stand above this package and import it.
    program = importlib.import_module(name)
    command = typer.Typer(add_completion=False, pretty_exceptions_show_locals=False)
    command.command()(program.main)
    command(context.args, prog_name=context.command_path)


def _unknown(technique: str, known: Iterable[str]) -> typer.BadParameter:
    return typer.BadParameter(
        f"{technique!r} is none of {', '.join(known)}.", param_hint="TECHNIQUE"
    )


def _folder(package: str) -> Path:
    """Where a package lies, without importing it."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise typer.BadParameter(f"the package {package} is not installed.", param_hint="triptych")
    return Path(spec.origin).parent


def _techniques() -> dict[str, dict[str, Path]]:
    """The modules that all three panels have, with their files by framework."""
    folders = {name: _folder(package) for name, package in PACKAGES.items()}
    names = [{path.stem for path in folder.glob("[!_]*.py")} for folder in folders.values()]
    return {
        technique: {name: folder / f"{technique}.py" for name, folder in folders.items()}
        for technique in sorted(set.intersection(*names))
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
        table.add_column(_title(path), ratio=1)
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
