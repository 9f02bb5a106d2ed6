"""The bar chart of the ratios."""

import math
from dataclasses import dataclass
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from benchmarks.report import megabytes, time_of
from triptych.plots import BLACK, DPI, GREEN, SKY, VERMILION

__all__ = ["chart"]

COLOURS = {"NumPy": SKY, "PyTorch": VERMILION, "Keras": BLACK}
RIGHT = ("layers", "xor")  # the sections that stand in the right column
INCH = 0.23  # height of a bar


@dataclass
class Bar:
    place: float
    name: str  # of the contestant
    ratio: float
    text: str


Panel = tuple[str, list[Bar], dict[float, str]]  # its title, its bars, and what the axis says


def chart(report: dict, path: str | Path) -> Figure:
    """A panel for each piece of work; a bar runs from the reference, at 1, to its ratio."""
    columns = [column for column in _columns(report) if column]
    heights = [[panel[1][-1].place + 4 for panel in column] for column in columns]
    height = INCH * max(sum(column) for column in heights) + 1.5
    figure = Figure(figsize=(6.5 * len(columns), height), layout="constrained")
    figure.suptitle(
        "The same work, side by side, as a ratio to the reference (log scale)\n"
        "left of the line: faster, or less memory    right: slower, or more",
        fontsize=12,
    )
    parts = figure.subfigures(1, len(columns), squeeze=False)[0]
    for part, column, ratios in zip(parts, columns, heights, strict=True):
        axes = part.subplots(len(column), squeeze=False, height_ratios=ratios)[:, 0]
        for ax, panel in zip(axes, column, strict=True):
            _draw(ax, *panel)
    machine = report["machine"]
    patches = [Patch(color=colour, label=name) for name, colour in COLOURS.items()]
    figure.legend(
        handles=[*patches, Patch(color=GREEN, label="other libraries")],
        title="A panel is Triptych's own code; the others are the untouched libraries.   "
        f"{machine['processor']}, {machine['cores']} cores, medians of "
        f"{report['sittings'] * report['rounds']} calls.",
        loc="outside lower center",
        ncols=4,
        frameon=False,
    )
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=DPI)
    return figure


def _columns(report: dict) -> list[list[Panel]]:
    """The left one and the right one."""
    columns: list[list[Panel]] = [[], []]
    for key, section in report["sections"].items():
        column = columns[key in RIGHT]
        if key == "layers":
            heading = (
                f"{section['work']}\nratio to PyTorch eager; the bars of PyTorch: channels_last"
            )
            column.append((heading, *_layers(section)))
        elif key == "memory":
            sizes, reference = section["contestants"], section["reference"]
            for which, what in (("peak", "peak"), ("rise", "rise during the steps")):
                ratios = {name: sizes[name][which] / sizes[reference][which] for name in sizes}
                texts = {name: megabytes(sizes[name][which]) for name in sizes}
                heading = f"{section['work']}: {what}\nratio to {reference}"
                column.append((heading, *_bars(ratios, texts)))
        else:
            for title, task in section["tasks"].items():
                heading = f"{section['work']}\nratio to {task['reference']}"
                if len(section["tasks"]) > 1:
                    heading += f", {title}"
                texts = {name: time_of(section, task["median"][name]) for name in task["median"]}
                column.append((heading, *_bars(task["ratio"], texts)))
    return columns


def _bars(ratios: dict[str, float], texts: dict[str, str]) -> tuple[list[Bar], dict[float, str]]:
    bars = [Bar(i, name, ratio, texts[name]) for i, (name, ratio) in enumerate(ratios.items())]
    return bars, {bar.place: bar.name for bar in bars}


def _layers(section: dict) -> tuple[list[Bar], dict[float, str]]:
    """All layers in one panel, without the reference, which would be a bar of length 0."""
    bars, labels, place = [], {}, 0.0
    for title, task in section["tasks"].items():
        first = place
        for name, ratio in task["ratio"].items():
            if name != task["reference"]:
                bars.append(Bar(place, name, ratio, time_of(section, task["median"][name])))
                place += 1
        labels[(first + place - 1) / 2] = title
        place += 0.6
    return bars, labels


def _draw(ax: Axes, title: str, bars: list[Bar], labels: dict[float, str]) -> None:
    ax.set_title(title, fontsize=9.5, loc="left")
    for bar in bars:
        colour = next((c for start, c in COLOURS.items() if bar.name.startswith(start)), GREEN)
        ax.barh(bar.place, bar.ratio - 1, left=1, height=0.7, color=colour)
        slower = bar.ratio >= 1
        ax.annotate(
            f"{bar.ratio:.2f}  ({bar.text})",
            (bar.ratio, bar.place),
            xytext=(4 if slower else -4, 0),
            textcoords="offset points",
            ha="left" if slower else "right",
            va="center",
            fontsize=8,
        )
    ax.axvline(1, color="grey", linewidth=1.5, zorder=0)
    ax.set_xscale("log")
    fastest = min(bar.ratio for bar in bars)
    slowest = max(bar.ratio for bar in bars)
    room = max(slowest / fastest, 2.0) ** 0.5  # for the text beside the bars
    ax.set_xlim(min(fastest, 1) / room, max(slowest, 1) * room)
    ends = [math.log2(end) for end in ax.get_xlim()]
    stride = 2 if ends[1] - ends[0] > 8 else 1
    powers = range(-40, 42, stride)  # 0 among them; what lies beyond the axis is not shown
    ax.xaxis.set_major_locator(FixedLocator([2.0**k for k in powers if ends[0] <= k <= ends[1]]))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}" if x >= 1 else f"1/{1 / x:g}"))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_yticks(list(labels), list(labels.values()), fontsize=8.5)
    ax.set_ylim(bars[-1].place + 0.6, -0.6)
    ax.tick_params(axis="x", labelsize=8.5)
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(axis="x", alpha=0.3)
    ax.set_axisbelow(True)
