"""Sum up many comparisons: one line for each technique and pair of frameworks."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from triptych.catalogue import CARRIERS, TECHNIQUES
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

    def add(self, result: Comparison, technique: str = "") -> None:
        """Add one comparison; ``technique`` is what it is of, by its name in the catalogue."""
        self.cases.append(result.to_dict() | {"technique": technique})

    def extend(self, cases: Iterable[Mapping[str, Any]]) -> None:
        """Add comparisons that were made elsewhere, as dicts."""
        self.cases.extend(dict(case) for case in cases)

    @property
    def ok(self) -> bool:
        """True if there are cases and all of them agree."""
        return bool(self.cases) and all(case["ok"] for case in self.cases)

    def summary(self) -> list[dict[str, Any]]:
        """One dict for each label and pair, in the order of the catalogue, then of the labels.

        ``float64`` and ``float32`` are the worst relative errors among rows of that dtype (None if
        there are none), ``ulp`` is the worst of all rows, ``cases`` counts comparisons.
        """
        groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        for number, case in enumerate(self.cases):
            for row in case["rows"]:
                # The same pair whichever of the two was the reference.
                pair = sorted((row["first"], row["second"]))
                key = (case.get("technique", ""), case["label"], *pair)
                groups.setdefault(key, []).append({**row, "case": number})
        lines = []
        for (technique, label, *_), rows in groups.items():
            line: dict[str, Any] = {"technique": technique, "label": label}
            line |= {"first": rows[0]["first"], "second": rows[0]["second"]}
            for dtype in _COLUMNS:
                errors = [float(r["relative"]) for r in rows if list(r["dtypes"]) == [dtype] * 2]
                line[dtype] = plain_data(max(errors, default=None))
            line["ulp"] = plain_data(max(float(row["ulp"]) for row in rows))
            line["cases"] = len({row["case"] for row in rows})
            line["ok"] = all(row["ok"] for row in rows)
            lines.append(line)
        places = {name: place for place, name in enumerate((*TECHNIQUES, *CARRIERS))}

        def place(line: dict[str, Any]) -> tuple[Any, ...]:
            known = places.get(line["technique"], len(places))
            return known, line["technique"], line["label"], line["first"], line["second"]

        return sorted(lines, key=place)

    def table(self) -> Table:
        """A rich table of :meth:`summary`: a line for each technique, a column for each pair.

        A cell has the worst relative error in float64 and in float32. The column "other" has what
        was compared with one of the three most frequent frameworks.
        """
        lines = self.summary()
        names = Counter(name for line in lines for name in (line["first"], line["second"]))
        usual = {name for name, _ in names.most_common(3)}
        pairs = [(line["first"], line["second"]) for line in lines]
        columns = dict.fromkeys(pair for pair in sorted(pairs) if usual.issuperset(pair))
        cases = Counter((case.get("technique", ""), case["label"]) for case in self.cases)
        rows = []
        for key in dict.fromkeys((line["technique"], line["label"]) for line in lines):
            found = {
                (line["first"], line["second"]): line
                for line in lines
                if (line["technique"], line["label"]) == key
            }
            cells = [_errors(found[pair]) if pair in found else "-" for pair in columns]
            other = dict.fromkeys(
                f"{' / '.join(n for n in pair if n not in usual)} {_errors(found[pair])}"
                for pair in found
                if pair not in columns
            )
            verdict = "same" if all(line["ok"] for line in found.values()) else "DIFFERENT"
            rows.append((key[1], *cells, "\n".join(other), str(cases[key]), verdict))
        headings = ("technique", *(" / ".join(p) for p in columns), "other", "cases", "verdict")
        title = "Parity: the worst relative error in float64 and float32"
        return as_table(title, rows, headings)

    def to_json(self, path: str | Path) -> None:
        """Write ``{"cases": [...], "summary": [...]}``."""
        content = {"cases": self.cases, "summary": self.summary()}
        Path(path).write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", "utf-8")

    @classmethod
    def from_json(cls, path: str | Path) -> Report:
        """Read what :meth:`to_json` wrote; the summary is computed anew."""
        return cls(json.loads(Path(path).read_text("utf-8"))["cases"])


def _errors(line: Mapping[str, Any]) -> str:
    """Those of one technique and pair: float64, float32; one of the two if there is no other."""
    found = [f"{float(line[dtype]):.0e}" for dtype in _COLUMNS if line[dtype] is not None]
    if not found:  # integers and booleans
        return "0" if float(line["ulp"]) == 0 else f"{float(line['ulp']):g} elements"
    return " ".join("0" if text == "0e+00" else text for text in found)
