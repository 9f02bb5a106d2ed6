"""Runs against one another, and what goes on in a network while it learns."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from triptych.common.history import History
from triptych.diagnostics import Diagnostics, overfitting_score, weight_histogram, weight_norms
from triptych.plots.style import (
    RUN_COLOURS,
    beside,
    log_if_positive,
    run_style,
    save,
    whole_numbers,
)

__all__ = ["layers", "regularization_effects", "runs"]


def runs(
    histories: Mapping[str, History], path: str | Path, *, title: str = "Training and validation"
) -> Figure:
    """Several runs on one axis: the training loss of each epoch is a line, the validation loss a
    dashed line in the same colour, with a star where it is lowest.
    """
    _check_epochs("runs", histories)
    figure = Figure(figsize=(10, 5), layout="constrained")
    ax = figure.subplots()
    ax.set_title(title, fontsize=14, pad=10)
    _draw_losses(ax, histories)
    beside(ax)
    return save(figure, path)


def regularization_effects(
    histories: Mapping[str, History],
    models: Mapping[str, Any],
    recorders: Mapping[str, Diagnostics],
    path: str | Path,
    *,
    title: str = "What regularization does",
) -> Figure:
    """Four views of the same runs, "plain" and "with dropout" for example.

    Their losses; the weights that they end with; how large the weights were as they went; and the
    overfitting score, validation loss / training loss. ``models`` has what
    ``triptych.diagnostics`` takes for weights; all three have the names of the runs.
    """
    _check_epochs("regularization_effects", histories)
    if not histories.keys() == models.keys() == recorders.keys():
        raise ValueError(
            "histories, models and recorders must have the same names, got "
            f"{list(histories)}, {list(models)} and {list(recorders)}"
        )
    figure = Figure(figsize=(12, 8.4))
    figure.set_layout_engine("constrained", h_pad=0.12, w_pad=0.12)
    figure.suptitle(title, fontsize=15)
    (losses, weights), (norms, score) = figure.subplots(2, 2)
    _draw_losses(losses, histories)
    losses.set_title("Loss", fontsize=12)
    limit = max(weight_histogram(model)[1][-1] for model in models.values())
    for number, (name, history) in enumerate(histories.items()):
        style = run_style(number)
        colour = style["color"]
        counts, ends = weight_histogram(models[name], limit=limit)
        weights.stairs(
            counts / counts.sum(), ends, color=colour, fill=True, alpha=0.25, linewidth=0
        )
        found = weight_norms(models[name])
        label = f"{name}\nL2 norm {found.l2:.3g}, L1 / L2 {found.ratio:.3g}"
        weights.stairs(counts / counts.sum(), ends, color=colour, linewidth=1.6, label=label)
        recorder = recorders[name]
        norms.plot(recorder.steps, recorder.l2, **style, label=name)
        scores = overfitting_score(history.loss, history.validation_loss)
        score.plot(np.arange(1, len(scores) + 1), scores, **style, label=name)
    room = 1.1 + 0.15 * len(histories)  # for the legend
    weights.set_ylim(0, room * weights.get_ylim()[1])
    weights.set_title("Weights at the end", fontsize=12)
    weights.set_xlabel("value of a weight", fontsize=11)
    weights.set_ylabel("share of the weights", fontsize=11)
    norms.set_title("Size of the weights", fontsize=12)
    norms.set_xlabel("training step", fontsize=11)
    norms.set_ylabel("L2 norm of all kernels", fontsize=11)
    norms.set_ylim(0, None)
    score.axhline(1, color="grey", linestyle="--", label="1: as good on unseen examples")
    score.set_title("Overfitting score", fontsize=12)
    score.set_xlabel("epoch", fontsize=11)
    score.set_ylabel("validation loss / training loss", fontsize=11)
    log_if_positive(score)
    whole_numbers(score.xaxis)
    for ax in (losses, weights, norms, score):
        ax.grid(alpha=0.3)
        ax.legend(frameon=False, fontsize=9)
    return save(figure, path)


def layers(
    recorder: Diagnostics, path: str | Path, *, title: str = "Gradients and updates by layer"
) -> Figure:
    """For each layer, the norm of its gradient at each step that was recorded, and below, how large
    the step was beside the weights: about 1/1000 in a run that goes well.
    """
    if not recorder.gradient_norms:
        raise ValueError("layers needs a recorder that has recorded a step at least")
    figure = Figure(figsize=(10, 7.6), layout="constrained")
    gradients, updates = figure.subplots(2, sharex=True)
    gradients.set_title(title, fontsize=14, pad=10)
    count = len(recorder.gradient_norms)
    for number, layer in enumerate(recorder.gradient_norms):
        colour = run_style(number)["color"]
        if count > len(RUN_COLOURS):  # from dark to light, as the layers follow one another
            colour = colormaps["viridis"](number / count)
        line = {"color": colour, "linewidth": 1.3}
        gradients.plot(recorder.steps, recorder.gradient_norms[layer], **line, label=layer)
        updates.plot(recorder.steps, recorder.update_ratios[layer], **line)
    updates.axhline(1e-3, color="grey", linestyle="--", label="0.001: a healthy step")
    gradients.set_ylabel("norm of the gradient", fontsize=11)
    updates.set_ylabel("norm of the step / norm of the weights", fontsize=11)
    updates.set_xlabel("training step", fontsize=11)
    for ax in (gradients, updates):
        log_if_positive(ax)
        ax.grid(alpha=0.3)
    figure.legend(
        *gradients.get_legend_handles_labels(),
        title="layer, from the first",
        loc="outside right upper",
        fontsize=8 if count > 12 else 10,
        frameon=False,
    )
    updates.legend(frameon=False)
    return save(figure, path)


def _check_epochs(name: str, histories: Mapping[str, History]) -> None:
    if not histories or not all(
        history.loss and len(history.loss) == len(history.validation_loss)
        for history in histories.values()
    ):
        raise ValueError(
            f"{name} needs at least one history, and in each at least one epoch, all with a "
            "validation loss"
        )


def _draw_losses(ax: Axes, histories: Mapping[str, History]) -> None:
    for number, (name, history) in enumerate(histories.items()):
        style, epochs = run_style(number), np.arange(1, history.epochs + 1)
        ax.plot(epochs, history.loss, **style, label=name)
        ax.plot(epochs, history.validation_loss, **style | {"linestyle": "--"})
        if np.isfinite(history.validation_loss).any():
            best = int(np.nanargmin(history.validation_loss))
            lowest = history.validation_loss[best]
            star = run_style(number) | {"marker": "*", "markersize": 13, "linestyle": ""}
            ax.plot([best + 1], [lowest], **star | {"markeredgecolor": "white"}, zorder=5)
    ax.plot([], [], color="grey", label="training")
    ax.plot([], [], color="grey", linestyle="--", label="validation")
    ax.plot([], [], color="grey", marker="*", markersize=11, linestyle="", label="its lowest")
    log_if_positive(ax)
    ax.set_xlabel("epoch", fontsize=11)
    ax.set_ylabel("loss", fontsize=11)
    ax.grid(alpha=0.3)
    whole_numbers(ax.xaxis)
