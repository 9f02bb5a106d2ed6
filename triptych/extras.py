"""What is installed, and which extra of this package brings what is missing.

Nothing is imported to find out, so that a command can say so before it starts to work.
"""

import importlib.metadata
import importlib.util
import json
import os
from pathlib import Path

import typer

__all__ = ["EXTRAS", "MissingExtra", "install_hint", "keras_backend", "require", "version"]

# The extra that brings each package.
EXTRAS = {
    "torch": "torch",
    "keras": "keras",
    "tensorflow": "keras",
    "jax": "jax",
    "nbformat": "notebook",
    "pytest": "dev",
}


class MissingExtra(typer.BadParameter, ImportError):
    """A package is not installed, and the message says which extra brings it.

    It is also an error of typer's, which ends a command with that one sentence and exit code 2.
    """

    def format_message(self) -> str:
        return self.message


def require(*packages: str, backend: str | None = None) -> None:
    """Raise :class:`MissingExtra` unless the packages, keys of ``EXTRAS``, are installed.

    "keras" needs its backend too: ``backend``, by default the one Keras is configured to use.
    """
    wanted = list(packages)
    if "keras" in wanted:
        backend = backend or keras_backend()
        if backend in EXTRAS and backend not in wanted:  # Keras itself refuses any other
            wanted.append(backend)
    missing = [package for package in wanted if version(package) is None]
    if missing:
        *others, last = missing
        names = f"{', '.join(others)} and {last} are" if others else f"{last} is"
        raise MissingExtra(f"{names} not installed; get it with: {install_hint(*missing)}")


def install_hint(*packages: str) -> str:
    """The command that installs the packages, as one extra where one has them all."""
    extras = sorted({EXTRAS[package] for package in packages})
    if "dev" in extras:
        extras = ["dev"]
    elif extras == ["keras", "torch"]:
        extras = ["all"]
    return f'pip install "triptych[{",".join(extras)}]"'


def version(package: str) -> str | None:
    """The version of an importable package, None if there is none."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:  # no origin: a folder that happens to have the name
        return None
    for distribution in (package, f"{package}-cpu"):
        try:
            return importlib.metadata.version(distribution)
        except importlib.metadata.PackageNotFoundError:
            continue
    return "of unknown version"


def keras_backend() -> str:
    """The backend Keras will use, read from where Keras reads it."""
    if backend := os.environ.get("KERAS_BACKEND"):
        return backend
    home = Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser()
    try:
        return str(json.loads((home / "keras.json").read_text("utf-8"))["backend"])
    except (OSError, ValueError, KeyError):
        return "tensorflow"
