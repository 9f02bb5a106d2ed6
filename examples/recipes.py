"""The common stacks of regularizers, each a recipe that trains in NumPy, PyTorch and Keras.

    triptych recipes                      what there is, and what it is for
    triptych recipes transformer          train it in each framework

A technique seldom comes alone: these are the sets that courses and papers give for a kind of
network, with values to start from. ``STACKS["cnn"].recipe`` is what ``models`` and ``fit`` take.
Change a field with ``dataclasses.replace``, and look at the validation loss.
"""

from collections.abc import Callable
from dataclasses import MISSING, fields, replace
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
from rich.console import Console
from rich.table import Table

from triptych import plots
from triptych.__main__ import run_command
from triptych.common.datasets import Dataset, digits
from triptych.common.history import save_histories
from triptych.common.recipes import (
    AugmentationRecipe,
    AveragingRecipe,
    EarlyStoppingRecipe,
    Recipe,
    ScheduleRecipe,
)
from triptych.output import Output, print_to
from triptych.panels import chosen
from triptych.studies import Dtype, Framework, Text, Trained, load_text, results, train


class Stack(NamedTuple):
    """A ``model`` of ``models``, a recipe for it, and when one takes them."""

    model: str
    recipe: Recipe
    data: str
    purpose: str


IMAGES = Recipe(input_shape=(8, 8, 1), hidden=(), outputs=10, optimizer="adamw", weight_decay=0.01)
WORDS = Recipe(
    input_shape=(32,),
    vocabulary=2,
    width=32,
    heads=4,
    hidden=(),
    outputs=2,
    by_length=True,
    optimizer="adamw",
    weight_decay=0.1,
    clip_norm=1.0,
    batch_size=32,
    learning_rate=0.002,
    epochs=16,
)
STACKS = {
    "mlp": Stack(
        "mlp",
        replace(
            IMAGES,
            hidden=(128, 128),
            dropout=0.3,
            early_stopping=EarlyStoppingRecipe(patience=10),
            learning_rate=0.002,
            batch_size=32,
            epochs=60,
        ),
        "digits",
        "Tables, and images that are small: dense layers learn by heart what dropout makes them "
        "forget, decay keeps the weights small, and the best epoch is kept.",
    ),
    "cnn": Stack(
        "cnn",
        replace(
            IMAGES,
            channels=(16, 32),
            hidden=(64,),
            spatial_dropout=0.1,
            dropout=0.3,
            batch_norm=True,
            augmentation=AugmentationRecipe(rotation=5.0, translation=0.05),
            schedule=ScheduleRecipe(kind="cosine", warmup=1),
            learning_rate=0.002,
            batch_size=64,
            drop_last=True,
            epochs=20,
        ),
        "digits",
        "Images: whole feature maps are dropped, since neighbouring pixels say the same; batch "
        "norm lets it learn fast, and shifted and turned images are new ones.",
    ),
    "transformer": Stack(
        "transformer",
        replace(
            WORDS,
            expansion=2,
            activation="gelu",
            dropout=0.1,
            embedding_dropout=0.1,
            attention_dropout=0.1,
            label_smoothing=0.1,
            schedule=ScheduleRecipe(kind="cosine", warmup=2),
        ),
        "text",
        "Sequences, the more the better: layer norm before each part, dropout of 0.1 behind it, "
        "decay and label smoothing; the rate has to rise slowly at first.",
    ),
    "rnn": Stack(
        "recurrent",
        replace(
            WORDS,
            recurrent=(32,),
            bidirectional=True,
            dropout=0.2,
            recurrent_dropout=0.2,
        ),
        "text",
        "An LSTM, for shorter sequences: one mask for all steps, so that the state may remember; "
        "gradients grow over many steps, and are clipped.",
    ),
    "small-data": Stack(
        "cnn",
        replace(
            IMAGES,
            channels=(16, 32),
            hidden=(64,),
            spatial_dropout=0.1,
            dropout=0.5,
            batch_norm=True,
            label_smoothing=0.1,
            mixup=0.2,
            max_norm=3.0,
            clip_norm=1.0,
            weight_decay=0.05,
            augmentation=AugmentationRecipe(rotation=10.0, zoom=0.1, translation=0.1),
            averaging=AveragingRecipe(kind="ema", decay=0.99, warmup=True),
            schedule=ScheduleRecipe(kind="cosine", warmup=1),
            learning_rate=0.002,
            batch_size=32,
            passes_per_epoch=5,
            epochs=30,
        ),
        "few digits",
        "A few hundred images: everything that makes more of them, and all that keeps the network "
        "from knowing them by heart.",
    ),
}
FEW = 200


class Name(StrEnum):
    """Names of STACKS."""

    mlp = "mlp"
    cnn = "cnn"
    transformer = "transformer"
    rnn = "rnn"
    small_data = "small-data"


def main(
    name: Annotated[Name | None, typer.Argument(help="Which to train; without it, a list.")] = None,
    framework: Annotated[Framework, typer.Option(help="Which panel trains.")] = Framework.all,
    epochs: Annotated[int | None, typer.Option(min=1, help="Instead of the recipe's.")] = None,
    seed: Annotated[
        int, typer.Option(min=0, max=2**64 - 1, help="Weights, masks and order of the data.")
    ] = 0,
    dtype: Annotated[
        Dtype, typer.Option(help="In float64 the curves agree to the last digits.")
    ] = Dtype.float32,
    out: Annotated[Path, typer.Option(help="Where the figure and the table go.")] = Path("out"),
    progress: Annotated[bool, typer.Option(help="Show progress bars.")] = True,
) -> None:
    """List the common stacks of regularizers, or train one in each framework."""
    console = Console()
    if name is None:
        console.print(listed())
        console.print("triptych recipes NAME trains it and shows the whole recipe.")
        return
    frameworks = chosen(framework)
    output = Output(out)
    stack = STACKS[name]
    data = DATA[stack.data](dtype.value, console)
    recipe = fitted(stack, data, seed=seed, dtype=dtype.value, epochs=epochs)
    console.print(f"{data!r}")
    console.print(as_code(stack.model, recipe), markup=False, highlight=False)
    runs: dict[str, Trained] = {}
    for each in frameworks:
        runs[each] = train(each, stack.model, recipe, data, progress)
        output.say(each, runs[each].history)
    table = results({name: runs}, f"{data.name}: {len(data.x_test):,} test examples")
    console.print(table)
    output.write(f"recipe-{name}.txt", lambda path: print_to(path, table))
    histories = {each: run.history for each, run in runs.items()}
    output.write(f"recipe-{name}-histories.json", partial(save_histories, histories))
    title = f"{data.name}, recipe {name} ({recipe.dtype}): one curve from each framework"
    output.write(f"recipe-{name}.png", lambda path: plots.curves(histories, path, title=title))
    console.print(f"In {out}/: {', '.join(output.written)}")
    output.finish()


def listed() -> Table:
    table = Table(title="Stacks of regularizers", show_lines=True)
    table.add_column("name", no_wrap=True)
    table.add_column("what is on", ratio=1)
    table.add_column("for what", ratio=1)
    for name, stack in STACKS.items():
        table.add_row(name, ", ".join(switched_on(stack.recipe)), stack.purpose)
    return table


REGULARIZERS = [
    *("dropout", "spatial_dropout", "embedding_dropout", "attention_dropout", "recurrent_dropout"),
    *("batch_norm", "augmentation", "mixup", "label_smoothing", "weight_decay", "max_norm"),
    *("clip_norm", "averaging", "early_stopping"),
]


def switched_on(recipe: Recipe) -> list[str]:
    """The regularizers of a recipe, with their values."""
    named = changed(recipe)
    words = []
    for field in REGULARIZERS:
        if field in named:
            value = named[field]
            number = f" {value:g}" if isinstance(value, float) else ""
            words.append(field.replace("_", " ") + number)
    return words


def changed(recipe: Recipe) -> dict[str, Any]:
    """The fields of a recipe that are not at their defaults."""
    found = {field.name: getattr(recipe, field.name) for field in fields(recipe)}
    defaults = {field.name: field.default for field in fields(recipe)}
    return {
        name: value
        for name, value in found.items()
        if defaults[name] is MISSING or value != defaults[name]
    }


def as_code(model: str, recipe: Recipe) -> str:
    """The recipe as one would write it."""
    lines = [f"    {name}={value!r}," for name, value in changed(recipe).items()]
    return "\n".join([f"models.{model}(Recipe(", *lines, "))"])


def fitted(
    stack: Stack, data: Dataset, *, seed: int, dtype: str, epochs: int | None = None
) -> Recipe:
    """The recipe for just these data."""
    recipe = replace(stack.recipe, input_shape=data.x_train.shape[1:], seed=seed, dtype=dtype)
    if data.vocabulary is not None:
        recipe = replace(recipe, vocabulary=len(data.vocabulary))
    if epochs is None:
        return recipe
    schedule = recipe.schedule
    if schedule is not None:
        schedule = replace(schedule, warmup=min(schedule.warmup, epochs - 1))
    return replace(recipe, epochs=epochs, schedule=schedule)


def few_digits(dtype: str, _: Console) -> Dataset:
    data = digits(dtype)
    return replace(data, x_train=data.x_train[:FEW], y_train=data.y_train[:FEW])


DATA: dict[str, Callable[[str, Console], Dataset]] = {
    "digits": lambda dtype, _: digits(dtype),
    "few digits": few_digits,
    "text": lambda _, console: load_text(Text.auto, console)(0),
}


if __name__ == "__main__":
    run_command(lambda: typer.run(main))
