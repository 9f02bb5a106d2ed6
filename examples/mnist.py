"""Handwritten digits, in NumPy, PyTorch and Keras at once.

    triptych mnist                        or  python -m examples.mnist
    triptych mnist --model cnn --framework scratch
    triptych mnist --technique mixup --technique ema

A multilayer perceptron, a convolutional or a residual network learns MNIST with the whole pipeline
on: augmentation, dropout, batch norm, L2 or decoupled weight decay, label smoothing, clipped
gradients, a learning-rate schedule, and the weights of the best epoch. The three frameworks train
from one recipe over the same batches, with the same weights, masks and augmented images; in float64
their curves agree to the last digits, in float32 until rounding takes over. Of the 60,000 training
images 5,000 choose the best epoch; the test images are looked at once, at the end.
"""

import warnings
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from scratch.losses import softmax
from triptych import plots
from triptych.__main__ import run_command
from triptych.adapters import adapter
from triptych.common.datasets import Dataset
from triptych.common.history import History, save_histories
from triptych.common.recipes import (
    AugmentationRecipe,
    AveragingRecipe,
    EarlyStoppingRecipe,
    Recipe,
    ScheduleRecipe,
)
from triptych.diagnostics import Diagnostics
from triptych.output import Output, print_to
from triptych.panels import chosen, panel
from triptych.studies import Data, Dtype, Framework, load
from triptych.weights import save

PIPELINE = Recipe(
    input_shape=(28, 28, 1),
    hidden=(512, 512),
    outputs=10,
    dropout=0.2,
    batch_norm=True,
    l2=1e-5,
    label_smoothing=0.05,
    clip_norm=5.0,
    learning_rate=0.002,
    schedule=ScheduleRecipe(kind="cosine", warmup=1),
    early_stopping=EarlyStoppingRecipe(patience=3),
    batch_size=128,
    drop_last=True,
    epochs=7,
    augmentation=AugmentationRecipe(rotation=8.0, zoom=0.08, translation=0.05),
)
CONVOLUTIONS = replace(
    PIPELINE,
    hidden=(128,),
    spatial_dropout=0.1,
    dropout=0.3,
    l2=0.0,
    optimizer="adamw",
    weight_decay=0.02,
    epochs=10,
)
RECIPES = {
    "mlp": PIPELINE,
    "cnn": replace(CONVOLUTIONS, channels=(32, 64)),
    "resnet": replace(
        CONVOLUTIONS, channels=(16, 32, 64), blocks=1, hidden=(), stochastic_depth=0.1
    ),
}


# What ``--technique`` changes in a recipe.
TECHNIQUES: dict[str, dict[str, Any]] = {
    "mixup": {"mixup": 0.2},
    "cutmix": {"cutmix": 1.0},
    "weight-noise": {"weight_noise": 0.01},
    "gradient-noise": {"gradient_noise": 1e-4},
    "max-norm": {"max_norm": 3.0},
    "rand-augment": {"rand_augment": 2},
    "gelu": {"activation": "gelu"},
    "one-cycle": {"schedule": ScheduleRecipe(kind="one_cycle")},
    "adaptive-clipping": {"adaptive_clip": 0.05},
    "accumulation": {"accumulate": 2},
    "class-weights": {"class_weights": tuple(float(c) for c in np.linspace(0.5, 1.5, 10))},
    "ema": {"averaging": AveragingRecipe(kind="ema", decay=0.99, warmup=True)},
    "swa": {"averaging": AveragingRecipe(kind="swa", start_epoch=1)},
}


class Model(StrEnum):
    mlp = "mlp"
    cnn = "cnn"
    resnet = "resnet"


class Technique(StrEnum):
    """Names of TECHNIQUES."""

    mixup = "mixup"
    cutmix = "cutmix"
    weight_noise = "weight-noise"
    gradient_noise = "gradient-noise"
    max_norm = "max-norm"
    rand_augment = "rand-augment"
    gelu = "gelu"
    one_cycle = "one-cycle"
    adaptive_clipping = "adaptive-clipping"
    accumulation = "accumulation"
    class_weights = "class-weights"
    ema = "ema"
    swa = "swa"


def main(
    model: Annotated[
        Model, typer.Option(help="Perceptron, convolutional or residual network.")
    ] = Model.mlp,
    framework: Annotated[Framework, typer.Option(help="Which panel trains.")] = Framework.all,
    dataset: Annotated[
        Data, typer.Option(help="auto takes MNIST, or the 8x8 digits where it cannot be had.")
    ] = Data.auto,
    epochs: Annotated[
        int | None,
        typer.Option(min=1, help="Passes over the training images. [7; cnn and resnet: 10]"),
    ] = None,
    technique: Annotated[
        list[Technique] | None,
        typer.Option(help="Train with this one too; may be given several times."),
    ] = None,
    seed: Annotated[
        int, typer.Option(min=0, max=2**64 - 1, help="Weights, masks and order of the data.")
    ] = 0,
    dtype: Annotated[
        Dtype, typer.Option(help="In float64 the curves agree to the last digits.")
    ] = Dtype.float32,
    out: Annotated[Path, typer.Option(help="Where figures and tables go.")] = Path("out"),
    progress: Annotated[bool, typer.Option(help="Show progress bars.")] = True,
) -> None:
    """Train a regularized network on MNIST; compare the frameworks."""
    console = Console()
    frameworks = chosen(framework)
    output = Output(out)
    data = load(dataset, console, dtype.value)
    recipe = replace(RECIPES[model], seed=seed, dtype=dtype.value)
    if data.name == "digits":
        recipe = for_digits(recipe)
    for added in technique or []:
        recipe = replace(recipe, **TECHNIQUES[added])
    if epochs is not None:
        schedule = recipe.schedule
        if schedule is not None and schedule.kind == "cosine":
            schedule = replace(schedule, warmup=min(1, epochs - 1))
        recipe = replace(recipe, epochs=epochs, schedule=schedule)
    console.print(f"{data!r}")

    runs: dict[str, Run] = {}
    for name in frameworks:
        runs[name] = train(name, model, recipe, data, progress)
        output.say(name, runs[name].history)
        # At once: training the next takes minutes, in which anything can happen.
        output.write(f"mnist-{name}.safetensors", partial(save, runs[name].model))

    table = results(runs, data)
    output.write("mnist.txt", lambda path: print_to(path, table))
    console.print(table)
    histories = {name: run.history for name, run in runs.items()}
    output.write("mnist-histories.json", partial(save_histories, histories))
    draw(runs, recipe, data, output)
    console.print(f"In {out}/: {', '.join(output.written)}")
    console.print(f"triptych diagnose {out}/mnist-histories.json says how the training went.")
    console.print("The safetensors are trained weights, for any of the three.")
    output.finish()


def for_digits(recipe: Recipe) -> Recipe:
    """The 8x8 digits are few and small: shift them by less, and go over them more often."""
    return replace(
        recipe,
        input_shape=(8, 8, 1),
        batch_size=64,
        passes_per_epoch=10,
        augmentation=AugmentationRecipe(rotation=5.0, translation=0.05),
    )


@dataclass
class Run:
    """One trained network and what it achieved."""

    model: Any
    history: History
    recorder: Diagnostics
    probabilities: np.ndarray
    predicted: np.ndarray
    test_accuracy: float


def train(framework: str, name: str, recipe: Recipe, data: Dataset, progress: bool) -> Run:
    models, training = panel(framework, "models"), panel(framework, "training")
    model = getattr(models, name)(recipe)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "the run has diverged")  # which is said by main
        steps = recipe.steps_per_epoch(len(data.x_train)) * recipe.epochs
        recorder = Diagnostics(every=max(1, steps // 60))
        watchers = [recorder.watcher(framework)]
        history = training.fit(model, recipe, data, progress=progress, watchers=watchers)
    logits = training.predict(model, recipe, data.x_test).astype(np.float64)
    probabilities, predicted = softmax(logits), logits.argmax(axis=1)
    accuracy = float(np.mean(predicted == data.y_test))
    return Run(model, history, recorder, probabilities, predicted, accuracy)


def results(runs: dict[str, Run], data: Dataset) -> Table:
    """Accuracy, time, and how far apart the loss curves are."""
    table = Table(title=f"{data.name}: {len(data.x_test):,} test images")
    first = next(iter(runs.values()))
    names = ["framework", "test accuracy", "time", "a step"]
    if len(runs) > 1:  # how far the training loss is from the first framework's
        names += ["gap at step 1", "at step 100", "largest gap"]
    for name in names:
        table.add_column(name, justify="left" if name == "framework" else "right")
    for name, run in runs.items():
        loss, seconds = run.history.step_loss, run.history.seconds
        row = [
            name,
            f"{run.test_accuracy:.2%}",
            f"{seconds:.1f} s",
            f"{1000 * seconds / len(loss):.1f} ms",
        ]
        if len(runs) > 1:
            gap = np.abs(np.subtract(loss, first.history.step_loss))
            gaps = (gap[0], gap[:100].max(), gap.max())
            row += ["-" if run is first else f"{value:.0e}" for value in gaps]
        table.add_row(*row)
    return table


def draw(runs: dict[str, Run], recipe: Recipe, data: Dataset, output: Output) -> None:
    histories = {name: run.history for name, run in runs.items()}
    title = f"{data.name} ({recipe.dtype}): one curve from each framework"
    output.write("mnist-curves.png", lambda path: plots.curves(histories, path, title=title))
    norms = f"{data.name}: gradients before clipping, and the learning rate"
    clip = recipe.clip_norm
    output.write(
        "mnist-gradients.png",
        lambda path: plots.gradient_norms(histories, path, clip_norm=clip, title=norms),
    )
    predictions = {name: run.predicted for name, run in runs.items()}
    output.write(
        "mnist-misclassified.png",
        lambda path: plots.misclassified(data.x_test, data.y_test, predictions, path),
    )

    name, first = next(iter(runs.items()))
    confused = f"{data.name} in {name}: which digits are confused"
    output.write(
        "mnist-confusion.png",
        lambda path: plots.confusion_matrix(data.y_test, first.predicted, path, title=confused),
    )
    sure = f"{data.name}, {len(data.x_test):,} test images: is it as sure as it is right?"
    probabilities = {name: run.probabilities for name, run in runs.items()}
    output.write(
        "mnist-calibration.png",
        lambda path: plots.calibration(probabilities, data.y_test, path, title=sure),
    )
    by_layer = f"{data.name} in {name}: gradients and updates by layer"
    output.write(
        "mnist-layers.png", lambda path: plots.layers(first.recorder, path, title=by_layer)
    )

    def augmented(path: Path) -> None:
        framework = next(iter(runs))
        layer = panel(framework, "augmentation").Augmentation(
            recipe.augmentation, seed=recipe.seed, name="augmentation"
        )
        images = data.x_train[:8]
        versions = [
            adapter(framework).step(layer, images, np.zeros_like(images))["output"]
            for _ in range(7)
        ]
        plots.augmented(images, versions, path, title="Augmented digits")

    output.write("mnist-augmented.png", augmented)


if __name__ == "__main__":
    run_command(lambda: typer.run(main))
