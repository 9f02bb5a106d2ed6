"""Make the figures and tables that README.md and docs/ show: ``make figures``.

Takes what ``make demo``, ``cnn``, ``test`` and ``bench`` left in out/ and writes docs/figures/ and
the marked blocks of the pages. Nothing there is edited by hand.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from triptych.report import Report

ROOT = Path(__file__).resolve().parent.parent
FIGURES = ROOT / "docs" / "figures"
PAGES = ("README.md", "docs/benchmarks.md")


def main() -> None:
    FIGURES.mkdir(exist_ok=True)
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
    for page in PAGES:
        path = ROOT / page
        path.write_text(filled(path.read_text("utf-8"), page), "utf-8")


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


def filled(text: str, page: str) -> str:
    """The page with what the file that each marked block names holds now."""

    def block(match: re.Match[str]) -> str:
        content = (ROOT / match[1]).read_text("utf-8").rstrip()
        return f"<!-- begin {match[1]} -->\n```\n{content}\n```\n<!-- end {match[1]} -->"

    text, count = re.subn(r"<!-- begin (\S+) -->\n.*?<!-- end \1 -->", block, text, flags=re.DOTALL)
    marks = len(re.findall(r"<!-- (?:begin|end) ", text))
    if count == 0 or marks != 2 * count:
        raise SystemExit(f"{page} has {marks} marks, which make {count} blocks")
    return text


if __name__ == "__main__":
    main()
