"""Make the figures and tables that README.md shows: ``make figures``.

Takes what ``make demo``, ``make test`` and ``make bench`` left in out/ and writes docs/figures/ and
the marked blocks of README.md. Nothing there is edited by hand.
"""

import re
import shutil
from pathlib import Path

from rich.console import Console

from triptych.report import Report

ROOT = Path(__file__).resolve().parent.parent
FIGURES = ROOT / "docs" / "figures"


def main() -> None:
    FIGURES.mkdir(exist_ok=True)
    for name in (
        "xor-boundaries.png",
        "xor.txt",
        "mnist.txt",
        "bench.txt",
        "float64/mnist-curves.png",
    ):
        shutil.copy(ROOT / "out" / name, FIGURES / Path(name).name)
    with (FIGURES / "parity.txt").open("w", encoding="utf-8") as file:
        Console(file=file, width=116).print(Report.from_json(ROOT / "out" / "parity.json").table())
    readme = ROOT / "README.md"
    text = readme.read_text("utf-8")
    for path in (
        "docs/figures/xor.txt",
        "docs/figures/mnist.txt",
        "docs/figures/parity.txt",
        "docs/figures/bench.txt",
    ):
        block = f"<!-- begin {path} -->\n```\n{(ROOT / path).read_text('utf-8').rstrip()}\n```\n"
        pattern = rf"<!-- begin {path} -->\n.*?(?=<!-- end {path} -->)"
        text, count = re.subn(pattern, lambda _, block=block: block, text, flags=re.DOTALL)
        if count != 1:
            raise SystemExit(f"README.md has no block for {path}")
    readme.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
