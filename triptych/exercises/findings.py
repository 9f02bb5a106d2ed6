"""What an exercise is, and what a check finds."""

from dataclasses import dataclass

__all__ = ["DONE", "NOT_DONE", "WRONG", "Exercise", "Finding", "InterfaceError", "Todo"]

DONE, NOT_DONE, WRONG = "done", "not done", "wrong"


@dataclass(frozen=True)
class Todo:
    """One thing to do. The hints say more and more, but never the answer."""

    key: str
    title: str
    hints: tuple[str, str, str]


@dataclass(frozen=True)
class Exercise:
    """``name`` is that of the folder; the files in it are called NAME_FRAMEWORK.py."""

    name: str
    title: str
    summary: str
    todos: tuple[Todo, ...]


@dataclass(frozen=True)
class Finding:
    """What was measured of one TODO, by its key: ``status`` is DONE, NOT_DONE or WRONG.

    A TODO can be wrong in several ways, each a finding. ``todo`` is "" for what concerns the file
    as a whole.
    """

    todo: str
    status: str
    message: str = ""
    expected: str = ""
    measured: str = ""
    cause: str = ""


class InterfaceError(ValueError):
    """A check cannot go on: the file leaves its interface. The message says how."""
