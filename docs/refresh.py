"""Make the figures and tables that README.md and docs/ show: ``make figures``.

Takes what ``make demo``, ``cnn``, ``test`` and ``bench`` left in out/, and ``make matrix`` in the
package, and writes docs/figures/ and the marked blocks of the pages. Nothing there is edited by
hand. ``python -m docs.refresh docs/differences.md`` fills the blocks of that page alone.
"""

import ast
import os
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from benchmarks.matrix import table as versions_table
from triptych import translate
from triptych.catalogue import CARRIERS, CHAPTERS
from triptych.differences.entry import CHAPTERS as CHAPTERS_OF_MAP
from triptych.differences.entry import entries, title
from triptych.differences.versions import matrix
from triptych.panels import PACKAGES
from triptych.report import Report

ROOT = Path(__file__).resolve().parent.parent
FIGURES = ROOT / "docs" / "figures"
PAGES = ("README.md", "docs/benchmarks.md", "docs/differences.md")


def main(pages: Sequence[str]) -> None:
    FIGURES.mkdir(exist_ok=True)
    if not pages:
        figures()
    with (FIGURES / "versions.txt").open("w", encoding="utf-8") as file:
        Console(file=file, width=100).print(versions_table(matrix()))
    for page in pages or PAGES:
        path = ROOT / page
        path.write_text(filled(path.read_text("utf-8"), page), "utf-8")


def figures() -> None:
    """What the runs have left in out/."""
    for name in (
        "xor-boundaries.png",
        "xor.txt",
        "mnist.txt",
        "bench.txt",
        "bench.png",
        "float64/mnist-curves.png",
    ):
        shutil.copy(ROOT / "out" / name, FIGURES / Path(name).name)
    shutil.copy(ROOT / "out" / "cnn" / "mnist.txt", FIGURES / "mnist-cnn.txt")
    with (FIGURES / "parity.txt").open("w", encoding="utf-8") as file:
        Console(file=file, width=116).print(Report.from_json(ROOT / "out" / "parity.json").table())
    (FIGURES / "exercise.txt").write_text(a_check(), "utf-8")


def a_check() -> str:
    """What ``triptych exercise check`` says of a file with a fault, below the command."""
    right = (ROOT / "exercises/xor/solutions/xor_keras.py").read_text("utf-8")
    assert right.count("L2(0.01 / 2)") == 1
    wrong = right.replace("L2(0.01 / 2)", "L2(0.01)")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "xor_keras.py").write_text(wrong, "utf-8")
        arguments = ["exercise", "check", "xor_keras.py"]
        run = subprocess.run(
            [Path(sys.executable).with_name("triptych"), *arguments],
            cwd=folder,
            env=os.environ | {"COLUMNS": "100"},
            capture_output=True,
            text=True,
            check=False,
        )
    lines = [line.rstrip() for line in run.stdout.splitlines()]
    return "\n".join([f"$ triptych {' '.join(arguments)}", *lines, ""])


def dropout() -> str:
    """The bodies of dropout's three functions, side by side."""
    cells = []
    for package in PACKAGES.values():
        source = (ROOT / package / "dropout.py").read_text("utf-8")
        functions = (node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef))
        _docstring, *body = next(node for node in functions if node.name == "dropout").body
        lines = source.splitlines()[body[0].lineno - 1 : body[-1].end_lineno]
        code = textwrap.dedent("\n".join(lines))
        link = f"[{package}/dropout.py]({package}/dropout.py)"
        cells.append(f"<td>\n\n{link}\n\n```python\n{code}\n```\n\n</td>")
    return "\n".join(["<table><tr>", *cells, "</tr></table>"])


def techniques() -> str:
    """A row for each technique, in the order of the catalogue, with its three files."""
    lines = ["| | NumPy | PyTorch | Keras |", "|---|---|---|---|"]
    for chapter, names in (CHAPTERS | {"What they rest on": CARRIERS}).items():
        lines.append(f"| **{chapter}** | | | |")
        for name in names:
            files = (f"{package}/{name}.py" for package in PACKAGES.values())
            links = " | ".join(f"[{file}]({file})" for file in files)
            lines.append(f"| {name.replace('_', ' ')} | {links} |")
    return "\n".join(lines)


def differences() -> str:
    """A table for each chapter of the map."""
    parts = []
    for chapter in CHAPTERS_OF_MAP:
        parts += [f"### {title(chapter)}", "", "| entry | | agree to |", "|---|---|---|"]
        for entry in entries().values():
            if entry.chapter == chapter:
                text = entry.title.replace("|", "\\|")
                parts.append(f"| {entry.name} | {text} | {entry.fit} |")
        parts.append("")
    return "\n".join(parts).rstrip()


def translations() -> str:
    """A line for each function of ``triptych.translate``, with the first of its docstring."""
    lines = ["| function | |", "|---|---|"]
    for name in translate.__all__:
        if name != "NoCounterpart":
            text = (getattr(translate, name).__doc__ or "").strip().partition("\n\n")[0]
            text = " ".join(text.split()).replace("``", "`").replace("|", "\\|")
            lines.append(f"| `{name}` | {text} |")
    return "\n".join(lines)


MADE = {
    "differences": differences,
    "dropout": dropout,
    "techniques": techniques,
    "translations": translations,
}


def filled(text: str, page: str) -> str:
    """The page with what each marked block shows now: a file, or what a function makes."""

    def block(match: re.Match[str]) -> str:
        if match[1] in MADE:
            content = MADE[match[1]]()
        else:
            content = f"```\n{(ROOT / match[1]).read_text('utf-8').rstrip()}\n```"
        return f"<!-- begin {match[1]} -->\n{content}\n<!-- end {match[1]} -->"

    text, count = re.subn(r"<!-- begin (\S+) -->\n.*?<!-- end \1 -->", block, text, flags=re.DOTALL)
    marks = len(re.findall(r"<!-- (?:begin|end) ", text))
    if count == 0 or marks != 2 * count:
        raise SystemExit(f"{page} has {marks} marks, which make {count} blocks")
    return text


if __name__ == "__main__":
    main(sys.argv[1:])
