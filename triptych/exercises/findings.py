"""What an exercise is, and what a check finds."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["DONE", "NOT_DONE", "WRONG", "Exercise", "Finding", "Hint", "InterfaceError", "Todo"]

DONE, NOT_DONE, WRONG = "done", "not done", "wrong"


@dataclass(frozen=True)
class Hint:
    """Says more and more, but never the code: one text, or one for each framework.

    ``about`` is a regular expression for words of the findings that it is for; "" is for all.
    """

    about: str
    ask: str | Mapping[str, str]
    look: str | Mapping[str, str]
    do: str | Mapping[str, str]

    def text(self, level: int, framework: str) -> str:
        said = (self.ask, self.look, self.do)[level - 1]
        return said if isinstance(said, str) else said[framework]


@dataclass(frozen=True)
class Todo:
    """One thing to do. The last of the hints is for all that the others are not for."""

    key: str
    title: str
    hints: tuple[Hint, ...]
    meaning: str = ""  # what it does for the network, told when it is done

    def hint(self, finding: "Finding | None") -> Hint:
        """The first for what was found, in its message before its other words."""
        if finding is not None and finding.status == WRONG:
            for words in (finding.message, f"{finding.measured} {finding.cause}"):
                for hint in self.hints[:-1]:
                    if re.search(hint.about, words):
                        return hint
        return self.hints[-1]


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
