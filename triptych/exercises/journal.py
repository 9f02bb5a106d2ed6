"""What a learner has done, kept in the learner's own folder as ``.triptych.json``."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from triptych.panels import FRAMEWORKS

__all__ = ["Entry", "note", "read", "statuses"]

NAME = ".triptych.json"


@dataclass(frozen=True)
class Entry:
    """One file: its exercise, its framework, and the status of each TODO that was checked."""

    file: str
    exercise: str
    framework: str
    statuses: dict[str, str | None]

    def is_whole(self) -> bool:
        """Of the right types: someone may have written into it."""
        known = self.framework in FRAMEWORKS and isinstance(self.statuses, dict)
        return known and all(
            isinstance(each, str | None)
            for each in (self.file, self.exercise, *self.statuses.values())
        )


def read(folder: Path) -> dict[str, Entry]:
    """By the file's name. A journal that is damaged is as none."""
    try:
        found = [Entry(**each) for each in json.loads((folder / NAME).read_text("utf-8"))]
    except (OSError, TypeError, ValueError):
        return {}
    return {each.file: each for each in found if each.is_whole()}


def statuses(file: Path, exercise: str, framework: str) -> dict[str, str | None]:
    """What is kept of the file."""
    entry = read(file.parent).get(file.name)
    same = entry is not None and (entry.exercise, entry.framework) == (exercise, framework)
    return entry.statuses if entry is not None and same else {}


def note(file: Path, exercise: str, framework: str, found: Mapping[str, str | None]) -> None:
    """Keep the statuses of the TODOs that were looked at, beside those that were kept before."""
    folder, entries = file.parent, read(file.parent)
    known = statuses(file, exercise, framework)
    entries[file.name] = Entry(file.name, exercise, framework, known | dict(found))
    text = json.dumps([asdict(each) for each in entries.values()], indent=1)
    temporary = folder / f"{NAME}.new"
    try:
        temporary.write_text(text, "utf-8")
        temporary.replace(folder / NAME)
    except OSError:
        return  # a folder that may not be written: progress is a help, no duty
