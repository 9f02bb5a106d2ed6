"""The folder that a run writes to: tried before the run, and what cannot be written costs no more.

output = Output(out)                                        before the work
output.write("mnist-torch.safetensors", lambda path: save(model, path))
output.finish()                                             after the last file
"""

import tempfile
from collections.abc import Callable
from pathlib import Path

import typer
from rich.console import Console, RenderableType

from triptych.common.history import History

__all__ = ["Output", "print_to"]


class Output:
    """The folder of an option ``--out``, and the names of the files that are written there.

    Raises ``typer.BadParameter`` if it cannot be made, or no file in it.
    """

    def __init__(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=folder).close()
        except OSError as error:
            text = f"nothing can be written to {folder}: {error.strerror}"
            raise typer.BadParameter(text, param_hint="--out") from None
        self.folder = folder
        self.written: list[str] = []
        self.failed: list[str] = []

    def write(self, name: str, write: Callable[[Path], object]) -> None:
        """``write(path)``; if that fails, for whatever reason, a line says so."""
        try:
            write(self.folder / name)
        except Exception as error:
            text = getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
            text = f"{self.folder / name} is not written: {text}"
            typer.echo(" ".join(text.split()), err=True)
            self.failed.append(name)
        else:
            self.written.append(name)

    def say(self, name: str, history: History) -> None:
        """A line about a run that diverged, and status 1 in the end."""
        if history.diverged:
            typer.echo(f"{name} has diverged and was ended: {history.diverged}", err=True)
            self.failed.append(name)

    def finish(self) -> None:
        """Exit with status 1 if a file failed, or a run."""
        if self.failed:
            raise typer.Exit(1)


def print_to(path: Path, *parts: RenderableType) -> None:
    """What a terminal of 100 columns would show."""
    with path.open("w", encoding="utf-8") as file:
        console = Console(file=file, width=100)
        for part in parts:
            console.print(part)
