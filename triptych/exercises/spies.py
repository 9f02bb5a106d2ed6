"""What the checks of whole scripts share."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from triptych.exercises.findings import WRONG, Finding

__all__ = ["missing", "replaced"]


def missing(module: ModuleType, names: Sequence[str]) -> Iterator[Finding]:
    """The functions that the file should have, and has not."""
    for name in names:
        if not callable(getattr(module, name, None)):
            yield Finding("", WRONG, f"the file has no function {name}")


@contextmanager
def replaced(module: ModuleType, **functions: Callable[..., Any]) -> Iterator[None]:
    """Meanwhile the module's other functions call these by their names."""
    own = {name: getattr(module, name) for name in functions}
    vars(module).update(functions)
    try:
        yield
    finally:
        vars(module).update(own)
