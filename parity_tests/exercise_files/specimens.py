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


def specimens(exercise: str, framework: str) -> dict[str, Right]:
    """All there are, the whole files and those of the table, by name.

    In a table a name does without the framework; whole files have it, where there are several.
    """
    table = importlib.import_module(f"{__package__}.{exercise}_{framework}").SPECIMENS
    prefix = f"{framework}_" if len(catalogue.starters(exercise)) > 1 else ""
    files = sorted((HERE / exercise / "correct").glob(f"{prefix}*.py"))
    whole = {file.stem: Right(file.stem, "", str(file.relative_to(ROOT))) for file in files}
    changed = {f"{prefix}{each.name}": each for each in table}
    if len(changed) < len(table) or whole.keys() & changed.keys():
        raise ValueError(f"a name stands twice among {[*whole, *(each.name for each in table)]}")
    return whole | changed
