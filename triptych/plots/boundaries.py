"""Decision boundaries in the plane."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import cast

import numpy as np
from matplotlib.figure import Figure

from triptych.common.datasets import Dataset
from triptych.plots.style import (
    BLACK,
    CLASS_COLOURS,
    CLASS_MARKERS,
    PROBABILITY,
    largest,
    save,
)

__all__ = ["decision_boundaries"]

Predict = Callable[[np.ndarray], np.ndarray]
GRID = 201  # points along each side of a panel


def decision_boundaries(
    models: Mapping[str, Predict] | Mapping[str, Mapping[str, Predict]],
    dataset: Dataset,
    path: str | Path,
    *,
    title: str = "Decision boundaries",
) -> Figure:
    """P(class 1) over the plane in each framework, its 0.5 contour, and the training points.

    ``models`` maps the name of a framework to a function from points (M, 2) to P(class 1) (M,), or
    the name of a row ("plain", "with dropout") to such a mapping. Above each panel stands how many
    points are classified right and the largest difference from the first panel of its row.
    """
    points, labels = dataset.x_train, dataset.y_train
    if not models or points.shape[1:] != (2,) or dataset.classes != 2:
        raise ValueError(
            "decision_boundaries needs at least one model and a dataset of two classes in the "
            f"plane, got {len(models)} models and {dataset!r}"
        )
    nested = all(isinstance(value, Mapping) for value in models.values())
    rows = cast(Mapping[str, Mapping[str, Predict]], models if nested else {"": models})
    columns = max(len(row) for row in rows.values())
    margin = 0.15 * float(np.ptp(points))
    side = np.linspace(points.min() - margin, points.max() + margin, GRID)
    plane = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2).astype(points.dtype)

    figure = Figure(figsize=(3.1 * columns + 1.3, 3.6 * len(rows) + 1))
    figure.set_layout_engine("constrained", h_pad=0.12)
    figure.suptitle(title, fontsize=14)
    grid = figure.subplots(len(rows), columns, squeeze=False, sharex=True, sharey=True)
    for axes, (row, panels) in zip(grid, rows.items(), strict=True):
        reference = None
        for ax, (framework, predict) in zip(axes, panels.items(), strict=False):
            surface = _probabilities(framework, predict, plane).reshape(GRID, GRID)
            right = (_probabilities(framework, predict, points) >= 0.5) == labels
            note = f"{right.sum()} of {len(points)} training points right"
            if reference is None:
                reference = surface
                note += "\nthe reference" if len(panels) > 1 else ""
            else:
                note += f"\nlargest difference: {largest(np.abs(surface - reference))}"
            ax.set_title(framework, fontsize=12, fontweight="bold", pad=16 + 13 * note.count("\n"))
            ax.text(0.5, 1.02, note, fontsize=9, ha="center", transform=ax.transAxes)
            image = ax.imshow(
                surface,
                extent=(side[0], side[-1], side[0], side[-1]),
                origin="lower",
                cmap=PROBABILITY,
                vmin=0,
                vmax=1,
            )
            if surface.min() < 0.5 < surface.max():
                ax.contour(side, side, surface, levels=[0.5], colors=BLACK, linewidths=1.5)
            for label in (0, 1):
                ax.scatter(
                    *points[labels == label].T,
                    s=110 if len(points) <= 20 else 22,
                    c=CLASS_COLOURS[label],
                    marker=CLASS_MARKERS[label],
                    edgecolors="black",
                    linewidths=0.6,
                    label=f"class {label}",
                    zorder=3,
                )
        for ax in axes[len(panels) :]:
            ax.set_axis_off()
        axes[0].set_ylabel(f"{row}\n$x_1$" if row else "$x_1$", fontsize=11)
    for ax in grid[-1]:
        ax.set_xlabel("$x_0$", fontsize=11)
    figure.colorbar(image, ax=grid, label="P(class 1), black line at 0.5", shrink=0.7)
    figure.legend(
        *grid[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False
    )
    return save(figure, path)


def _probabilities(framework: str, predict: Predict, points: np.ndarray) -> np.ndarray:
    values = np.asarray(predict(points), np.float64)
    if values.shape != (len(points),):
        raise ValueError(
            f"the model of {framework} must return shape ({len(points)},), got {values.shape}"
        )
    return values
