"""Files of data: looked for in the user's folder or cache, fetched if they are missing, checked."""

import importlib
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

__all__ = ["Collection", "DatasetUnavailable", "read_file", "require"]

Content = TypeVar("Content")


class DatasetUnavailable(RuntimeError):
    """The files cannot be read or be fetched; the message is one sentence, with the cause."""


@dataclass(frozen=True)
class Collection:
    """Files that belong together. They lie in a ``folder`` in ``$TRIPTYCH_DATA`` or in the user's
    cache; ``instead`` is what a user without them can do.
    """

    title: str
    folder: str
    instead: str


def read_file(
    collection: Collection,
    name: str,
    packed: str,
    packing: str,
    read: Callable[[Path], Content],
    download: bool,
    mirrors: Sequence[str],
) -> Content:
    """What ``read`` makes of the file ``name``, or of ``packed``, which holds it: ``packing`` says
    how. Where neither is there, ``packed`` is fetched from the first of ``mirrors`` that has it.

    ``read`` raises ``ValueError``, beginning with the path, where a file is not the genuine one.
    """
    root = os.environ.get("TRIPTYCH_DATA") or require("pooch").os_cache("triptych")
    folder = Path(os.path.expanduser(root)) / collection.folder
    wanted = f"{collection.title} needs the file {name}, {packing}, which "

    def unavailable(outcome: str, remedy: str = "") -> DatasetUnavailable:
        return DatasetUnavailable(
            f"{wanted}{outcome}: set TRIPTYCH_DATA to a folder whose subfolder "
            f"{collection.folder} holds it{remedy}, or {collection.instead}."
        )

    try:
        path = next((path for path in (folder / name, folder / packed) if path.is_file()), None)
        if path is not None:
            return read(path)
    except OSError as error:
        raise unavailable(f"cannot be read in {folder} ({_reason(error)})") from error
    except ValueError as error:
        raise ValueError(f"{error}; delete it, and it will be downloaded again") from error
    if not download:
        raise unavailable(f"is not in {folder} and was not to be downloaded", ONLINE)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        temporary = tempfile.TemporaryDirectory(prefix=".download-", dir=folder)
    except OSError as error:
        outcome = f"is not in {folder}, and cannot be put there ({_reason(error)})"
        raise unavailable(outcome) from error
    failures = []
    cause: Exception | None = None
    with temporary as within:
        partial = Path(within) / packed
        for mirror in mirrors:
            url = f"{mirror.rstrip('/')}/{packed}"
            try:
                _fetch(url, partial)
                content = read(partial)
                partial.replace(folder / packed)  # whole and verified, or not at all
                return content
            except (OSError, ValueError) as error:  # requests raises subclasses of OSError
                if (response := getattr(error, "response", None)) is not None:
                    response.close()  # pooch leaves the connection of an error page open
                cause = error
                own = not isinstance(error, OSError)
                reason = str(error).removeprefix(f"{partial}: ") if own else _reason(error)
                failures.append(f"{url} ({reason})")
    where = f"from {' or '.join(failures)}" if failures else "without a mirror"
    outcome = f"is not in {folder} and could not be downloaded {where}"
    raise unavailable(outcome, ONLINE) from cause


ONLINE = ", or connect to the network once"


def _fetch(url: str, path: Path) -> None:
    with _ProgressBar(path.name) as bar:
        # Seconds to connect and to wait for the next bytes.
        fetch = require("pooch").HTTPDownloader(bar, chunk_size=1 << 16, timeout=(10, 30))
        fetch(url, str(path), None)


def _reason(error: BaseException) -> str:
    """What the server said, or the first cause that the system gave."""
    if (response := getattr(error, "response", None)) is not None:
        return f"{response.status_code} {response.reason}".strip()
    # requests and urllib3 keep the error that they met as a cause or as an argument.
    inner = (part for part in error.args if isinstance(part, BaseException))
    if (cause := error.__cause__ or next(inner, None)) is not None:
        return _reason(cause)
    text = getattr(error, "strerror", None) or " ".join(str(error).split())
    return text or type(error).__name__


class _ProgressBar:
    """A rich progress bar on stderr with the attribute and methods of tqdm that pooch drives."""

    total = 0

    def __init__(self, label: str) -> None:
        progress, console = require("rich.progress"), require("rich.console")
        terminal = console.Console(stderr=True)
        self.bar = progress.Progress(
            "{task.description}",
            progress.BarColumn(),
            progress.DownloadColumn(),
            progress.TransferSpeedColumn(),
            console=terminal,
            disable=not terminal.is_terminal,
        )
        self.task = self.bar.add_task(label, total=None)

    def __enter__(self) -> "_ProgressBar":
        self.bar.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.bar.stop()  # also when the download fails, or the terminal keeps its cursor hidden

    def update(self, size: int) -> None:
        self.bar.update(self.task, total=self.total or None, advance=size)

    def reset(self) -> None:
        self.bar.reset(self.task)

    def close(self) -> None:
        """Nothing: leaving the ``with`` block stops the bar."""


def require(module: str) -> Any:
    """Import a module that ``common`` uses but does not need for the rest of its work."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        package = (error.name or module).partition(".")[0]
        raise ModuleNotFoundError(
            f"this needs {package}, which is not installed: pip install triptych"
        ) from error
