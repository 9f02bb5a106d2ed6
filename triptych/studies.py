"""What the programs in ``examples`` share: choices for their options, the digits, runs, a mean.

NumPy is imported only when a function needs it: the command line has one of these choices too.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

import typer
from rich.console import Console

if TYPE_CHECKING:
    from rich.table import Table

    from triptych.common.datasets import Dataset
    from triptych.common.history import History
    from triptych.common.recipes import Recipe

__all__ = [
    "Data",
    "Dtype",
    "Framework",
    "Text",
    "Trained",
    "interval",
    "load",
    "load_text",
    "results",
    "spread",
    "train",
]

# Student's t: half a 95 % interval in standard errors, by the number of seeds.
T_95 = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78, 6: 2.57, 7: 2.45, 8: 2.36, 9: 2.31, 10: 2.26}


class Framework(StrEnum):
    scratch = "scratch"
    torch = "torch"
    keras = "keras"
    all = "all"


class Data(StrEnum):
    auto = "auto"
    mnist = "mnist"
    digits = "digits"


class Text(StrEnum):
    auto = "auto"
    sentiment = "sentiment"
    brackets = "brackets"


class Dtype(StrEnum):
    float32 = "float32"
    float64 = "float64"


def load(
    choice: Data,
    console: Console,
    dtype: str = "float32",
    *,
    training: int | None = None,
    test: int | None = None,
) -> Dataset:
    """MNIST or the 8x8 digits; of the training and of the test images, the first so many.

    ``Data.auto`` is the digits where MNIST cannot be had, and ``console`` says so. A damaged file
    ends the program, and so does ``Data.mnist`` without MNIST.
    """
    from triptych.common.datasets import DatasetUnavailable, digits, mnist

    data = None
    if choice is not Data.digits:
        try:
            data = mnist(dtype)
        except (DatasetUnavailable, ValueError) as error:  # cannot be had; a damaged file
            if choice is Data.mnist or isinstance(error, ValueError):
                console.print(str(error), style="red")
                raise typer.Exit(1) from None
            console.print(f"{error} Training on the 8x8 digits instead.", style="yellow")
    data = data or digits(dtype)
    return replace(
        data,
        x_train=data.x_train[:training],
        y_train=data.y_train[:training],
        x_test=data.x_test[:test],
        y_test=data.y_test[:test],
    )


def load_text(choice: Text, console: Console) -> Callable[[int], Dataset]:
    """The reviews, of which a seed chooses the splits, or brackets, which it chooses.

    ``Text.auto`` is brackets where the reviews cannot be had, and ``console`` says so. A damaged
    file ends the program, and so does ``Text.sentiment`` without them.
    """
    from triptych.common.datasets import DatasetUnavailable, brackets, sentiment

    if choice is not Text.brackets:
        try:
            sentiment()
            return lambda seed: sentiment(seed=seed)
        except (DatasetUnavailable, ValueError) as error:  # cannot be had; a damaged file
            if choice is Text.sentiment or isinstance(error, ValueError):
                console.print(str(error), style="red")
                raise typer.Exit(1) from None
            console.print(str(error), style="yellow")
    return lambda seed: brackets(seed=seed)


def spread(values: Sequence[Any]) -> tuple[Any, Any]:
    """Mean and standard error over the seeds, of a number or of an array for each."""
    import numpy as np

    return np.mean(values, axis=0), np.std(values, axis=0, ddof=1) / math.sqrt(len(values))


def interval(values: Sequence[Any]) -> tuple[Any, Any]:
    """The mean over the seeds, 2 to 10 of them, and half of its 95 % interval."""
    mean, error = spread(values)
    return mean, T_95[len(values)] * error


class Trained(NamedTuple):
    """Accuracy and mean cross-entropy of the test examples, and how the network learnt."""

    accuracy: float
    loss: float
    history: History


def train(framework: str, model: str, recipe: Recipe, data: Dataset, progress: bool) -> Trained:
    import numpy as np

    from scratch.losses import softmax_cross_entropy
    from triptych.panels import panel

    models, training = panel(framework, "models"), panel(framework, "training")
    network = getattr(models, model)(recipe)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "the run has diverged")  # which the program says
        history = training.fit(network, recipe, data, progress=progress)
    logits = training.predict(network, recipe, data.x_test).astype(np.float64)
    accuracy = float(np.mean(logits.argmax(axis=1) == data.y_test))
    return Trained(accuracy, float(softmax_cross_entropy(logits, data.y_test)), history)


def results(runs: Mapping[str, Mapping[str, Trained]], title: str) -> Table:
    """A line for each framework and recipe: ``runs`` has the recipes, each with its frameworks."""
    import numpy as np
    from rich.table import Table

    table = Table(title=title)
    columns = ["framework", "recipe", "test accuracy", "test loss", "time", "largest gap"]
    for column in columns:
        table.add_column(column, justify="left" if column in ("framework", "recipe") else "right")
    first = next(iter(next(iter(runs.values()))))
    for framework in next(iter(runs.values())):
        for name, trained in runs.items():
            run = trained[framework]
            both = zip(run.history.step_loss, trained[first].history.step_loss, strict=False)
            gap = np.abs(np.subtract(*zip(*both, strict=True))).max()  # from the first framework
            row = [framework, name, f"{run.accuracy:.2%}", f"{run.loss:.3f}"]
            apart = "-" if framework == first else f"{gap:.0e}"
            table.add_row(*row, f"{run.history.seconds:.1f} s", apart)
        table.add_section()
    return table
