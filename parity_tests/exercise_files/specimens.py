"""A learner's file, told by what is changed in another."""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from triptych.exercises import catalogue

__all__ = ["Right", "Wrong", "specimens"]

HERE = Path(__file__).parent
ROOT = HERE.parents[1]

# What is replaced, by what, and how many times it stands there, if not once.
Change = tuple[str, str] | tuple[str, str, int]


@dataclass(frozen=True)
class Right:
    """As correct as ``base``, a path from the repository's root."""

    name: str
    what: str
    base: str
    changes: Sequence[Change] = ()

    def text(self) -> str:
        """The whole file. A change takes the text as those before it leave it."""
        text = (ROOT / self.base).read_text("utf-8")
        for old, new, *times in self.changes:
            expected, found = times[0] if times else 1, text.count(old)
            if found != expected:
                raise ValueError(
                    f"{self.name}: {old!r} must stand {expected} times in {self.base}, it stands "
                    f"{found} times"
                )
            text = text.replace(old, new)
        return text


@dataclass(frozen=True, kw_only=True)
class Wrong(Right):
    """Wrong in one ``todo``, of which the check ``says`` this, among other things."""

    todo: str
    says: str


def specimens(exercise: str, framework: str) -> list[Right]:
    """All there are: those of the table, and the whole files."""
    table = importlib.import_module(f"{__package__}.{exercise}_{framework}").SPECIMENS
    several = len(catalogue.starters(exercise)) > 1
    prefix = f"{framework}_" if several else ""  # of the names of the whole files
    files = sorted((HERE / exercise / "correct").glob(f"{prefix}*.py"))
    bases = [str(file.relative_to(ROOT)) for file in files]
    return [Right(Path(base).stem.removeprefix(prefix), "", base) for base in bases] + table
