"""Sum up many comparisons: one line for each technique and pair of frameworks."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from triptych.comparison import Comparison, as_table, plain_data

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["Report"]

_COLUMNS = ("float64", "float32")  # the dtypes that have a column of their own


class Report:
    """Collects comparisons and sums them up, technique x pair of frameworks.

    ``cases`` holds plain dicts (:meth:`Comparison.to_dict`), so reports of several processes merge
    with ``report.extend(other.cases)``.
    """

    def __init__(self, cases: Iterable[Mapping[str, Any]] = ()) -> None:
        self.cases: list[dict[str, Any]] = []
        self.extend(cases)

    def add(self, result: Comparison) -> None:
        """Add one comparison."""
        self.cases.append(result.to_dict())

    def extend(self, cases: Iterable[Mapping[str, Any]]) -> None:
        """Add comparisons that were made elsewhere, as dicts."""
        self.cases.extend(dict(case) for case in cases)

    @property
    def ok(self) -> bool:
        """True if there are cases and all of them agree."""
        return bool(self.cases) and all(case["ok"] for case in self.cases)

    def summary(self) -> list[dict[str, Any]]:
        """One dict for each technique and pair, sorted.

        ``float64`` and ``float32`` are the worst relative errors among rows of that dtype (None if
        there are none), ``ulp`` is the worst of all rows, ``cases`` counts comparisons.
        """
        groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        for number, case in enumerate(self.cases):
            for row in case["rows"]:
                # The same pair whichever of the two was the reference.
                key = (case["label"], *sorted((row["first"], row["second"])))
                groups.setdefault(key, []).append({**row, "case": number})
        lines = []
        for (label, *_), rows in groups.items():
            line = {"label": label, "first": rows[0]["first"], "second": rows[0]["second"]}
            for dtype in _COLUMNS:
                errors = [float(r["relative"]) for r in rows if list(r["dtypes"]) == [dtype] * 2]
                line[dtype] = plain_data(max(errors, default=None))
            line["ulp"] = plain_data(max(float(row["ulp"]) for row in rows))
            line["cases"] = len({row["case"] for row in rows})
            line["ok"] = all(row["ok"] for row in rows)
            lines.append(line)
        return sorted(lines, key=lambda line: (line["label"], line["first"], line["second"]))

    def table(self) -> Table:
        """A rich table of :meth:`summary`."""
        columns = ("technique", "pair", "float64", "float32", "ulp", "cases", "verdict")
        lines = []
        for line in self.summary():
            errors = ["-" if line[d] is None else f"{float(line[d]):.2g}" for d in _COLUMNS]
            errors += [f"{float(line['ulp']):.3g}", str(line["cases"])]
            verdict = "same" if line["ok"] else "DIFFERENT"
            lines.append((line["label"], f"{line['first']} / {line['second']}", *errors, verdict))
        return as_table("Parity: the worst relative error of each pair", lines, columns)

    def to_json(self, path: str | Path) -> None:
        """Write ``{"cases": [...], "summary": [...]}``."""
        content = {"cases": self.cases, "summary": self.summary()}
        Path(path).write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", "utf-8")

    @classmethod
    def from_json(cls, path: str | Path) -> Report:
        """Read what :meth:`to_json` wrote; the summary is computed anew."""
        return cls(json.loads(Path(path).read_text("utf-8"))["cases"])
