"""Sheets of images: what is misclassified, what augmentation does, what dropout leaves out."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from triptych.common.checks import readable
from triptych.plots.style import VERMILION, save, sheet, show, whole_numbers

__all__ = ["augmented", "dropout_masks", "misclassified"]


def misclassified(
    images: np.ndarray,
    labels: np.ndarray,
    predictions: Mapping[str, np.ndarray],
    path: str | Path,
    *,
    limit: int = 40,
) -> Figure:
    """The first ``limit`` images that any framework gets wrong, with what each of them says.

    ``images`` has shape (N, H, W) or (N, H, W, channels) and values in [0, 1], ``labels`` and each
    of the predictions shape (N,).
    """
    for name, predicted in predictions.items():
        if not len(images) == len(labels) == len(predicted):
            raise ValueError(
                f"images, labels and the predictions of {name} must have equal counts, "
                f"got {len(images)}, {len(labels)} and {len(predicted)}"
            )
    wrong = {name: np.asarray(predicted) != labels for name, predicted in predictions.items()}
    found = np.flatnonzero(np.any(list(wrong.values()), axis=0))
    shown = found[:limit]
    counts = ", ".join(f"{name} {mask.sum():,}" for name, mask in wrong.items())
    title = f"Misclassified of {len(labels):,} images: {counts}"
    if len(shown) < len(found):
        title += f"\nthe first {len(shown)} of the {len(found):,} that any of them gets wrong"
    columns = min(8, max(5, len(shown)))
    figure, grid = sheet(max(1, math.ceil(len(shown) / columns)), columns, 0.25 + 0.15 * len(wrong))
    figure.suptitle(title, fontsize=13)
    for ax, index in zip(grid.flat, shown, strict=False):
        show(ax, images[index])
        ax.set_title(f"true {labels[index]}", fontsize=10, fontweight="bold", pad=3)
        said = {name: predicted[index] for name, predicted in predictions.items()}
        answers = set(said.values())
        text = "\n".join(f"{name} {answer}" for name, answer in said.items())
        if len(said) > 1 and len(answers) == 1:
            text = f"all say {answers.pop()}"
        ax.set_xlabel(text, fontsize=9, labelpad=3)
    return save(figure, path)


def augmented(
    images: np.ndarray,
    augmented_images: Sequence[np.ndarray],
    path: str | Path,
    *,
    title: str = "Augmentation",
) -> Figure:
    """Each image in the first column, and beside it what every augmented batch made of it.

    ``images`` has shape (N, H, W) or (N, H, W, channels) and values in [0, 1]; each batch in
    ``augmented_images`` has the same shape.
    """
    for batch in augmented_images:
        if batch.shape != images.shape:
            raise ValueError(
                f"augmented_images must have the shape {images.shape} of images, got {batch.shape}"
            )
    figure, grid = sheet(len(images), 1 + len(augmented_images), 0)
    figure.suptitle(title, fontsize=13)
    for axes, versions in zip(grid, zip(images, *augmented_images, strict=True), strict=True):
        for ax, image in zip(axes, versions, strict=True):
            show(ax, image)
        axes[0].spines[:].set(color=VERMILION, linewidth=2.5)
    grid[0, 0].set_title("original", fontsize=10, fontweight="bold", color=VERMILION, pad=4)
    for number, ax in enumerate(grid[0, 1:], start=1):
        ax.set_title(f"augmented {number}", fontsize=10, pad=4)
    return save(figure, path)


def dropout_masks(
    masks: Mapping[str, np.ndarray],
    path: str | Path,
    *,
    title: str = "What dropout leaves out",
) -> Figure:
    """Masks as images: a row for each example, a column for each unit, dark where it is dropped.

    ``masks`` maps a heading ("step 1") to an array (examples, ...) of any framework, True or 1
    where a unit is kept; more axes than two are laid out in one row. Beneath each stands the share
    that was dropped.
    """
    found = {name: _kept(name, mask) for name, mask in masks.items()}
    if not found:
        raise ValueError("dropout_masks needs at least one mask")
    columns = min(4, len(found))
    rows = math.ceil(len(found) / columns)
    figure = Figure(figsize=(3.4 * columns, 2.9 * rows + 1.1), layout="constrained")
    figure.suptitle(title, fontsize=13)
    grid = figure.subplots(rows, columns, squeeze=False)
    colours = ListedColormap([VERMILION, "#DCE9F3"])
    for ax, (name, kept) in zip(grid.flat, found.items(), strict=False):
        ax.imshow(kept, cmap=colours, vmin=0, vmax=1, aspect="auto", interpolation="nearest")
        ax.set_title(f"{name}: {1 - kept.mean():.0%} dropped", fontsize=10)
        ax.set_xlabel("unit", fontsize=10)
        ax.set_ylabel("example", fontsize=10)
        whole_numbers(ax.xaxis)
        whole_numbers(ax.yaxis)
    for ax in grid.flat[len(found) :]:
        ax.set_axis_off()
    figure.legend(
        handles=[
            Patch(facecolor="#DCE9F3", edgecolor="grey", label="kept"),
            Patch(facecolor=VERMILION, label="dropped: 0 in this step"),
        ],
        loc="outside lower center",
        ncols=2,
        frameon=False,
    )
    return save(figure, path)


def _kept(name: str, mask: np.ndarray) -> np.ndarray:
    found = readable(mask)
    if found is None or found.ndim < 2 or not np.isin(found, (0, 1)).all():
        raise ValueError(f"{name} must be a mask of shape (examples, units), of 0 and 1 alone")
    return found.reshape(len(found), -1).astype(int)
