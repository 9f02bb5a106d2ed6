"""Many submissions checked, for a teacher: in parallel, and going on where it was stopped.

Each file is checked in a process of its own, as ``triptych exercise check`` does it, so that one
that hangs or does harm costs its own time only. What was found is kept, one line of JSON for each
file, as soon as it is known; a file that has not changed since is not checked again.
"""

import csv
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from triptych.exercises import catalogue
from triptych.exercises.findings import DONE, NOT_DONE, WRONG, Finding
from triptych.exercises.sandbox import Limits, check_file

__all__ = ["Grade", "Submission", "grade", "submissions", "write_tables"]

KEPT = "grades.jsonl"


@dataclass(frozen=True)
class Submission:
    file: Path
    exercise: str
    framework: str


@dataclass(frozen=True)
class Grade:
    """``statuses`` has for each TODO, by its key, the worst that was found, None if nothing was.

    ``causes`` says why where it is wrong, under "" for the file as a whole. ``limit`` and ``seed``
    are those that it was checked with.
    """

    file: str
    exercise: str
    framework: str
    sha256: str
    statuses: dict[str, str | None]
    causes: dict[str, str]
    findings: list[dict[str, str]]
    seconds: float
    limit: float
    seed: int

    @property
    def done(self) -> int:
        return list(self.statuses.values()).count(DONE)

    @property
    def begun(self) -> bool:
        return any(status != NOT_DONE for status in self.statuses.values())

    def wrong(self, todo: str) -> list[str]:
        """Why that TODO is wrong, each reason once."""
        return _reasons(self.findings, todo)


def submissions(
    folder: Path, exercise: str | None = None, framework: str | None = None
) -> tuple[list[Submission], dict[Path, str]]:
    """The files in ``folder`` and below, and those that are none, with the reason."""
    found, others = [], {}
    for file in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in file.relative_to(folder).parts)
        if file.suffix not in (".py", ".ipynb") or hidden or file.is_dir():
            continue
        try:
            its = catalogue.exercise_of(file, exercise, framework)
        except ValueError:
            others[file] = "as its name tells no exercise"
            continue
        if not file.resolve().is_relative_to(folder.resolve()):
            others[file] = "as it is a link to what was not handed in"
        elif not file.is_file():
            others[file] = "as it is no regular file"
        elif not os.access(file, os.R_OK):
            others[file] = "as it may not be read"
        else:
            found.append(Submission(file, *its))
    return found, others


def grade(
    folder: Path,
    every: Sequence[Submission],
    out: Path,
    *,
    jobs: int,
    limits: Limits,
    seed: int = 0,
    progress: Callable[[Grade], None] = lambda grade: None,
) -> list[Grade]:
    """A grade for each, in their order; ``out`` is the folder of what is kept."""
    out.mkdir(parents=True, exist_ok=True)
    kept = {(each.file, each.sha256): each for each in _read(out / KEPT)}
    grades: dict[str, Grade] = {}
    left = []
    for each in every:
        name = str(each.file.relative_to(folder))
        known = kept.get((name, _sha256(each.file)))
        as_known = known and (known.exercise, known.framework, known.seed, known.limit)
        if known and as_known == (each.exercise, each.framework, seed, limits.seconds):
            grades[name] = known
            progress(known)
        else:
            left.append((name, each))
    with ThreadPoolExecutor(jobs) as pool, (out / KEPT).open("a", encoding="utf-8") as file:
        waiting = [pool.submit(_grade, name, each, limits, seed) for name, each in left]
        try:
            for future in as_completed(waiting):
                found = future.result()
                file.write(json.dumps(asdict(found)) + "\n")
                file.flush()
                grades[found.file] = found
                progress(found)
        except BaseException:  # an interrupt: what has not begun does not begin
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [grades[str(each.file.relative_to(folder))] for each in every]


def _grade(name: str, each: Submission, limits: Limits, seed: int) -> Grade:
    sha256 = _sha256(each.file)
    outcome = check_file(each.file, each.exercise, each.framework, limits=limits, seed=seed)
    findings = [
        *outcome.findings,
        *(Finding("", WRONG, f"the file tried to {what}") for what in outcome.refused),
    ]
    todos = [todo.key for todo in catalogue.exercise(each.exercise).todos]
    told = [asdict(finding) for finding in findings]
    causes = {key: " ".join(reasons) for key in ("", *todos) if (reasons := _reasons(told, key))}
    return Grade(
        name,
        each.exercise,
        each.framework,
        sha256,
        {key: _worst(f.status for f in findings if f.todo == key) for key in todos},
        causes,
        told,
        round(outcome.seconds, 1),
        limits.seconds,
        seed,
    )


def _reasons(findings: Iterable[dict[str, str]], todo: str) -> list[str]:
    """Each once. Of the whole file the message too: what stopped it, and where."""
    wrong = [f for f in findings if f["todo"] == todo and f["status"] == WRONG]
    said = (
        f"{f['message']}. {f['cause']}".strip() if todo == "" else f["cause"] or f["message"]
        for f in wrong
    )
    return list(dict.fromkeys(said))


def _worst(found: Iterable[str]) -> str | None:
    every = set(found)
    return next((status for status in (WRONG, NOT_DONE, DONE) if status in every), None)


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _read(path: Path) -> Iterator[Grade]:
    if not path.exists():
        return
    for line in path.read_text("utf-8").splitlines():
        try:
            yield Grade(**json.loads(line))
        except (TypeError, ValueError):
            continue  # cut off when it was stopped: that file is checked again


def write_tables(grades: Sequence[Grade], out: Path) -> None:
    """grades.csv, a row for each file, and grades.json, with all that was found."""
    most = max((len(each.statuses) for each in grades), default=0)
    numbers = range(1, most + 1)
    with (out / "grades.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(
            ["file", "exercise", "framework", "done", "of", "seconds", "the file"]
            + [f"{what} {i}" for i in numbers for what in ("TODO", "cause")]
        )
        for each in grades:
            row: list[Any] = [each.file, each.exercise, each.framework]
            row += [each.done, len(each.statuses), each.seconds, each.causes.get("", "")]
            for key, status in each.statuses.items():
                row += [status or "not looked at", each.causes.get(key, "")]
            writer.writerow(row)
    text = json.dumps([asdict(each) for each in grades], indent=1)
    (out / "grades.json").write_text(text, "utf-8")
