"""XOR, plain and with dropout, batch norm and L2: how many seeds learn all four corners?

make seeds                            or  python -m benchmarks.xor_seeds --seeds 10
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from examples.xor import NETWORKS, train
from triptych.__main__ import run_command
from triptych.common.datasets import xor
from triptych.output import Output
from triptych.panels import chosen


def main(
    seeds: Annotated[int, typer.Option(min=1, help="Seeds 0, 1, ... for each network.")] = 100,
    framework: Annotated[str, typer.Option(help="scratch, torch, keras or all.")] = "all",
    out: Annotated[Path, typer.Option(help="Where xor-seeds.json goes.")] = Path("out"),
) -> None:
    """Train XOR with many seeds in each framework."""
    output = Output(out)
    dataset = xor("float64")
    table = Table(title=f"XOR in float64, 500 steps, {seeds} seeds: 4 of 4 corners right")
    for column in ("framework", *NETWORKS):
        table.add_column(column, justify="left" if column == "framework" else "right")
    report: dict[str, dict[str, list[int]]] = {}
    for name in chosen(framework):
        report[name] = {}
        for network, recipe in NETWORKS.items():
            report[name][network] = [
                seed
                for seed in track(range(seeds), description=f"{name}, {network}")
                if train(name, replace(recipe, seed=seed), dataset, False).test_accuracy == 1
            ]
        table.add_row(name, *(f"{len(good)} of {seeds}" for good in report[name].values()))
    Console().print(table)
    text = json.dumps(report) + "\n"
    output.write("xor-seeds.json", lambda path: path.write_text(text, "utf-8"))
    output.finish()


if __name__ == "__main__":
    run_command(lambda: typer.run(main))
