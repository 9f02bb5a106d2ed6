"""What the figures share: colours, lines that lie on one another, sheets of images, the file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

# Okabe and Ito's colours, told apart with every kind of colour blindness.
BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
BLUE, VERMILION, PURPLE = "#0072B2", "#D55E00", "#CC79A7"
FRAMEWORK_COLOURS, PAIR_COLOURS = (SKY, VERMILION, BLACK), (ORANGE, PURPLE, GREEN)
CLASS_COLOURS, CLASS_MARKERS = (BLUE, ORANGE), ("o", "^")
RUN_COLOURS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK)
# Paler than the points that lie on top.
PROBABILITY = LinearSegmentedColormap.from_list("probability", ["#7FB8D8", "white", "#F2CF7F"])
COUNTS = LinearSegmentedColormap.from_list("counts", ["white", "#F6C9A8", VERMILION])
DPI = 120


def layer(number: int, colours: Sequence[str]) -> dict[str, Any]:
    """The first of several curves lies lowest; each that follows is narrower, so that all show."""
    layer = min(number, 2)
    return {
        "color": colours[layer],
        "linewidth": (6.0, 3.0, 1.0)[layer],
        "marker": ("o", "s", "^")[layer],
        "markersize": (13.0, 9.0, 5.5)[layer],
        "markeredgecolor": "white",
        "markeredgewidth": 0.8,
        "zorder": 2 + number,
    }


def run_style(number: int) -> dict[str, Any]:
    """A colour for each of seven runs; those that follow have the colours again, and markers."""
    again, colour = divmod(number, len(RUN_COLOURS))
    marker = ("", "o", "s", "^")[again % 4]
    return {"color": RUN_COLOURS[colour], "linewidth": 1.8, "marker": marker}


def largest(difference: np.ndarray) -> str:
    """Of some differences, as text."""
    if not np.isfinite(difference).all():
        return "not finite"
    return f"{difference.max():.1e}" if difference.any() else "0, identical"


def sheet(rows: int, columns: int, text: float) -> tuple[Figure, np.ndarray]:
    """A grid of frames, with ``text`` inches below each image."""
    figure = Figure(figsize=(1.15 * columns, (1.3 + text) * rows + 0.6), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    for ax in grid.flat:
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
    return figure, grid


def show(ax: Axes, image: np.ndarray) -> None:
    ax.imshow(image.squeeze(), cmap="gray_r", vmin=0, vmax=1)
    ax.spines[:].set(visible=True, color="0.7")


def beside(ax: Axes, title: str | None = None) -> None:
    """The legend to the right of the axes, where it covers nothing."""
    ax.legend(
        title=title,
        alignment="left",
        loc="upper left",
        bbox_to_anchor=(1.01, 1),
        frameon=False,
        labelspacing=0.7,
    )


def whole_numbers(axis: Axis) -> None:
    """Ticks of what is counted."""
    axis.set_major_locator(MaxNLocator(integer=True))


def log_if_positive(ax: Axes) -> None:
    """A log axis with plain numbers, where everything that is drawn has a place on it."""
    values = np.concatenate([np.asarray(line.get_ydata(), float) for line in ax.get_lines()])
    values = values[np.isfinite(values)]
    if not len(values) or values.min() <= 0:
        return
    ax.set_yscale("log")
    narrow = values.max() < 200 * values.min()
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if narrow else (1,)))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
    ax.yaxis.set_minor_formatter(NullFormatter())


def save(figure: Figure, path: str | Path) -> Figure:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=DPI)
    return figure
