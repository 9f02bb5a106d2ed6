"""What the checks of whole scripts share: the workshop's, XOR's, and those of "find the bug"."""

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from types import ModuleType
from typing import Any

from triptych.exercises.findings import DONE, NOT_DONE, WRONG, Finding, InterfaceError
from triptych.exercises.functions import raised

__all__ = ["done", "judged", "missing", "replaced", "still_there", "wrong"]

# Of the only TODO that a script with a bug has.
done = functools.partial(Finding, "bug", DONE)
still_there = functools.partial(Finding, "bug", NOT_DONE)
wrong = functools.partial(Finding, "bug", WRONG)


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


def judged(
    module: ModuleType, functions: tuple[str, ...], judge: Callable[[], Iterator[Finding]]
) -> Iterator[Finding]:
    """What ``judge`` finds, if the file has these functions. What they raise is a finding too."""
    for fault in missing(module, functions):
        yield replace(fault, todo="bug")
        return
    try:
        yield from judge()
    except InterfaceError as error:
        yield wrong(str(error))
    except Exception as error:
        yield raised("bug", error, module, "the script")
