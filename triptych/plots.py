"""The figures: decision boundaries, curves and their differences, sheets of images.

Every function writes one file (PNG, SVG or PDF, by its suffix) and returns the matplotlib Figure.
Only ``Figure`` objects are used and no pyplot, so nothing global changes and no display is needed.
"""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from triptych.common.datasets import Dataset
from triptych.common.gradient_norms import NormMonitor
from triptych.common.history import History

__all__ = ["augmented", "curves", "decision_boundaries", "gradient_norms", "misclassified"]

Predict = Callable[[np.ndarray], np.ndarray]
Curve = tuple[np.ndarray, np.ndarray]  # training steps and values

# Okabe and Ito's colours, told apart with every kind of colour blindness.
BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
BLUE, VERMILION, PURPLE = "#0072B2", "#D55E00", "#CC79A7"
FRAMEWORK_COLOURS, PAIR_COLOURS = (SKY, VERMILION, BLACK), (ORANGE, PURPLE, GREEN)
CLASS_COLOURS, CLASS_MARKERS = (BLUE, ORANGE), ("o", "^")
# Paler than the points that lie on top.
PROBABILITY = LinearSegmentedColormap.from_list("probability", ["#7FB8D8", "white", "#F2CF7F"])
GRID = 201  # points along each side of a panel of decision boundaries
DPI = 120


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
                note += f"\nlargest difference: {_largest(np.abs(surface - reference))}"
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
    return _save(figure, path)


def curves(
    histories: Mapping[str, History],
    path: str | Path,
    *,
    title: str = "Loss in each framework",
    bound: float | None = None,
) -> Figure:
    """Loss curves of the frameworks on one axis and, below, how far each pair is apart.

    Above, the training loss is a line (in a long run, of means over a few steps) and the validation
    loss a marker where its epoch ends. Below, the absolute difference of each pair at every step
    and after every epoch, on a log axis with a place for exact equality at its foot; ``bound``
    draws a line at the largest difference that is allowed. Runs of unequal length are compared over
    what they share.
    """
    if not histories or not all(history.step_loss for history in histories.values()):
        raise ValueError("curves needs at least one history, and in each at least one step")
    pairs = list(itertools.combinations(histories, 2))
    ratios = [3, 2] if pairs else [1]
    figure = Figure(figsize=(10, 1.4 + 3 * len(ratios)), layout="constrained")
    axes = figure.subplots(len(ratios), squeeze=False, sharex=True, height_ratios=ratios)[:, 0]
    axes[0].set_title(title, fontsize=14, pad=10)
    _draw_losses(axes[0], histories)
    if pairs:
        _draw_differences(axes[1], histories, pairs, bound)
    axes[-1].set_xlabel("training step", fontsize=11)
    for ax in axes:
        ax.grid(alpha=0.3)
        heading = "framework" if ax is axes[0] else "pair: largest difference"
        ax.legend(
            title=heading,
            alignment="left",
            loc="upper left",
            bbox_to_anchor=(1.01, 1),
            frameon=False,
            labelspacing=0.7,
        )
    return _save(figure, path)


def gradient_norms(
    histories: Mapping[str, History],
    path: str | Path,
    *,
    clip_norm: float,
    title: str = "Gradients and learning rate",
) -> Figure:
    """The global norm of the gradients at each step, before clipping, with the limit; below, the
    learning rate at the end of each epoch.
    """
    if not histories or not all(history.gradient_norm for history in histories.values()):
        raise ValueError("gradient_norms needs at least one history of a run with clip_norm")
    figure = Figure(figsize=(10, 7), layout="constrained")
    norms, rates = figure.subplots(2, sharex=True, height_ratios=[3, 2])
    norms.set_title(title, fontsize=14, pad=10)
    for number, (name, history) in enumerate(histories.items()):
        style = _layer(number, FRAMEWORK_COLOURS)
        values = np.asarray(history.gradient_norm)
        steps = np.arange(1, len(values) + 1)
        monitor = NormMonitor(clip_norm)
        for norm in history.gradient_norm:
            monitor.update(norm)
        dots = {"marker": ".", "linestyle": "", "markersize": 0.4 * style["markersize"]}
        label = f"{name}: {monitor.clipped:.0%} of the steps clipped"
        norms.plot(steps, values, **style | dots | {"markeredgewidth": 0}, label=label)
        ends = np.arange(1, history.epochs + 1) * len(values) / max(history.epochs, 1)
        rates.plot(ends, history.learning_rate, **style, label=name)
    norms.axhline(clip_norm, color="grey", linestyle="--", label=f"clip_norm {clip_norm:g}")
    norms.set_yscale("log")
    norms.set_ylabel("global norm of the gradients", fontsize=11)
    rates.set_ylabel("learning rate, end of epoch", fontsize=11)
    rates.set_xlabel("training step", fontsize=11)
    for ax in (norms, rates):
        ax.grid(alpha=0.3)
        ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False)
    return _save(figure, path)


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
    figure, grid = _sheet(
        max(1, math.ceil(len(shown) / columns)), columns, 0.25 + 0.15 * len(wrong)
    )
    figure.suptitle(title, fontsize=13)
    for ax, index in zip(grid.flat, shown, strict=False):
        _show(ax, images[index])
        ax.set_title(f"true {labels[index]}", fontsize=10, fontweight="bold", pad=3)
        said = {name: predicted[index] for name, predicted in predictions.items()}
        answers = set(said.values())
        text = "\n".join(f"{name} {answer}" for name, answer in said.items())
        if len(said) > 1 and len(answers) == 1:
            text = f"all say {answers.pop()}"
        ax.set_xlabel(text, fontsize=9, labelpad=3)
    return _save(figure, path)


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
    figure, grid = _sheet(len(images), 1 + len(augmented_images), 0)
    figure.suptitle(title, fontsize=13)
    for axes, versions in zip(grid, zip(images, *augmented_images, strict=True), strict=True):
        for ax, image in zip(axes, versions, strict=True):
            _show(ax, image)
        axes[0].spines[:].set(color=VERMILION, linewidth=2.5)
    grid[0, 0].set_title("original", fontsize=10, fontweight="bold", color=VERMILION, pad=4)
    for number, ax in enumerate(grid[0, 1:], start=1):
        ax.set_title(f"augmented {number}", fontsize=10, pad=4)
    return _save(figure, path)


def _probabilities(framework: str, predict: Predict, points: np.ndarray) -> np.ndarray:
    values = np.asarray(predict(points), np.float64)
    if values.shape != (len(points),):
        raise ValueError(
            f"the model of {framework} must return shape ({len(points)},), got {values.shape}"
        )
    return values


def _training(history: History) -> Curve:
    return np.arange(1, len(history.step_loss) + 1), np.asarray(history.step_loss)


def _validation(history: History) -> Curve:
    """The last step of each epoch, and the validation loss after it."""
    epochs = np.arange(1, len(history.validation_loss) + 1)
    steps_per_epoch = len(history.step_loss) / max(history.epochs, 1)
    return epochs * steps_per_epoch, np.asarray(history.validation_loss)


def _difference(first: Curve, second: Curve) -> Curve:
    """The absolute difference over the steps that both have."""
    shared = min(len(first[0]), len(second[0]))
    with np.errstate(invalid="ignore"):  # inf - inf
        return first[0][:shared], np.abs(first[1][:shared] - second[1][:shared])


def _largest(difference: np.ndarray) -> str:
    if not np.isfinite(difference).all():
        return "not finite"
    return f"{difference.max():.1e}" if difference.any() else "0, identical"


def _layer(number: int, colours: Sequence[str]) -> dict[str, Any]:
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


def _markers(curve: Curve, number: int) -> dict[str, Any]:
    """Markers without a line, above all lines: 20 at most, the last point among them."""
    stride = max(1, math.ceil(len(curve[0]) / 20))
    every = ((len(curve[0]) - 1) % stride, stride)
    return {"linestyle": "", "markevery": every, "zorder": 10 + number}


def _draw_losses(ax: Axes, histories: Mapping[str, History]) -> None:
    longest = max(len(history.step_loss) for history in histories.values())
    window = math.ceil(longest / 500)  # more points than that make a black band
    for number, (name, history) in enumerate(histories.items()):
        style = _layer(number, FRAMEWORK_COLOURS)
        steps, losses = _training(history)
        starts = np.arange(0, len(losses), window)
        counts = np.diff([*starts, len(losses)])
        means = np.add.reduceat(losses, starts) / counts
        ax.plot(steps[starts] + (counts - 1) / 2, means, **style | {"marker": ""}, label=name)
        validation = _validation(history)
        ax.plot(*validation, **style | _markers(validation, number))
    if not any(loss <= 0 for h in histories.values() for loss in h.step_loss + h.validation_loss):
        ax.set_yscale("log")
    ax.set_ylabel("loss", fontsize=11)
    each = "each step" if window == 1 else f"mean of {window} steps"
    ax.plot([], [], color="grey", linewidth=2, label=f"training, {each}")
    ax.plot([], [], color="grey", linestyle="", marker="o", label="validation, each epoch")


def _draw_differences(
    ax: Axes,
    histories: Mapping[str, History],
    pairs: Sequence[tuple[str, str]],
    bound: float | None,
) -> None:
    drawn = [
        [
            _difference(curve(histories[a]), curve(histories[b]))
            for curve in (_training, _validation)
        ]
        for a, b in pairs
    ]
    values = np.concatenate([values for pair in drawn for _, values in pair])
    positive = values[np.isfinite(values) & (values > 0)].tolist() or [1e-16]
    bottom = math.floor(math.log10(min(positive))) - 1
    top = max(math.ceil(math.log10(max([*positive, bound or 0]))), bottom + 3)
    zero = 10.0**bottom  # a decade below the smallest difference
    for number, ((a, b), (training, validation)) in enumerate(zip(pairs, drawn, strict=True)):
        style = _layer(number, PAIR_COLOURS) | {"linestyle": ""}
        dots = {"marker": ".", "markersize": 0.55 * style["markersize"], "markeredgewidth": 0}
        ax.plot(training[0], np.maximum(training[1], zero), **style | dots)
        label = f"{a} / {b}: {_largest(np.concatenate([training[1], validation[1]]))}"
        marks = style | _markers(validation, number)
        ax.plot(validation[0], np.maximum(validation[1], zero), **marks, label=label)
    if bound is not None:
        ax.axhline(bound, color="grey", linestyle="--", label=f"allowed: {bound:.1e}")
    ax.plot([], [], color="grey", linestyle="", marker=".", label="training, each step")
    ax.plot([], [], color="grey", linestyle="", marker="o", label="validation, each epoch")
    ax.set_yscale("log")
    ax.set_ylim(10 ** (bottom - 0.5), 10 ** (top + 0.3))
    ax.axhspan(10 ** (bottom - 0.5), 10 ** (bottom + 0.5), color="0.92", zorder=0)
    decades = range(bottom + 1, top + 1, math.ceil((top - bottom) / 7))
    ax.yaxis.set_major_locator(FixedLocator([zero, *(10.0**k for k in decades)]))
    ax.yaxis.set_major_formatter(
        FuncFormatter(lambda y, _: "equal" if y <= zero else f"$10^{{{round(math.log10(y))}}}$")
    )
    ax.yaxis.set_minor_locator(NullLocator())
    ax.set_ylabel("absolute difference of losses", fontsize=11)


def _sheet(rows: int, columns: int, text: float) -> tuple[Figure, np.ndarray]:
    """A grid of frames, with ``text`` inches below each image."""
    figure = Figure(figsize=(1.15 * columns, (1.3 + text) * rows + 0.6), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    for ax in grid.flat:
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
    return figure, grid


def _show(ax: Axes, image: np.ndarray) -> None:
    ax.imshow(image.squeeze(), cmap="gray_r", vmin=0, vmax=1)
    ax.spines[:].set(visible=True, color="0.7")


def _save(figure: Figure, path: str | Path) -> Figure:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=DPI)
    return figure
