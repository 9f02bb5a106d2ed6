"""The frameworks against one another: their curves, and how far each pair is apart."""

import itertools
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from triptych.common.gradient_norms import NormMonitor
from triptych.common.history import History
from triptych.plots.style import FRAMEWORK_COLOURS, PAIR_COLOURS, beside, largest, layer, save

__all__ = ["curves", "gradient_norms"]

Curve = tuple[np.ndarray, np.ndarray]  # training steps and values


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
        beside(ax, "framework" if ax is axes[0] else "pair: largest difference")
    return save(figure, path)


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
        style = layer(number, FRAMEWORK_COLOURS)
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
        beside(ax)
    return save(figure, path)


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


def _markers(curve: Curve, number: int) -> dict[str, Any]:
    """Markers without a line, above all lines: 20 at most, the last point among them."""
    stride = max(1, math.ceil(len(curve[0]) / 20))
    every = ((len(curve[0]) - 1) % stride, stride)
    return {"linestyle": "", "markevery": every, "zorder": 10 + number}


def _draw_losses(ax: Axes, histories: Mapping[str, History]) -> None:
    longest = max(len(history.step_loss) for history in histories.values())
    window = math.ceil(longest / 500)  # more points than that make a black band
    for number, (name, history) in enumerate(histories.items()):
        style = layer(number, FRAMEWORK_COLOURS)
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
        style = layer(number, PAIR_COLOURS) | {"linestyle": ""}
        dots = {"marker": ".", "markersize": 0.55 * style["markersize"], "markeredgewidth": 0}
        ax.plot(training[0], np.maximum(training[1], zero), **style | dots)
        label = f"{a} / {b}: {largest(np.concatenate([training[1], validation[1]]))}"
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
