"""What the checks of the exercises "find the bug" share: all they find is of one TODO, "bug"."""

import dataclasses
import functools
from collections.abc import Callable, Iterator
from types import ModuleType

from triptych.exercises.findings import DONE, NOT_DONE, WRONG, Finding, InterfaceError
from triptych.exercises.functions import raised

__all__ = ["done", "judged", "still_there", "wrong"]

done = functools.partial(Finding, "bug", DONE)
still_there = functools.partial(Finding, "bug", NOT_DONE)
wrong = functools.partial(Finding, "bug", WRONG)


def judged(
    module: ModuleType, functions: tuple[str, ...], judge: Callable[[], Iterator[Finding]]
) -> Iterator[Finding]:
    """What ``judge`` finds, if the file has these functions. What they raise is a finding too."""
    for name in functions:
        if not callable(getattr(module, name, None)):
            yield wrong(f"the file has no function {name}")
            return
    try:
        yield from judge()
    except InterfaceError as error:
        yield wrong(str(error))
    except Exception as error:
        yield dataclasses.replace(raised("the script", error, module), todo="bug")
