"""A small network that learns from a large one, in NumPy, PyTorch and Keras.

    triptych distill                      or  python -m examples.distillation
    triptych distill --framework torch --temperature 8

A large network, the teacher, learns MNIST. Then a small one learns from a few of its images, in
three ways: alone, from the labels; from the teacher, which says how likely it holds each of the
ten digits; and from itself, a network of its own size that has learnt alone (self-distillation).
All of it with several seeds, which choose the images and the first weights, so that a gain can be
told from chance. The teacher is trained once, by the first of the frameworks; the students of a
seed see the same images in the same order in each.

With the defaults the teacher is worth 2.5 points to a student, with every seed; self-distillation
costs one. There are three loops of training here, one for each framework: what ``fit`` does, with a
loss of one's own.
"""

import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table

from triptych.__main__ import run_command
from triptych.common.datasets import Dataset
from triptych.common.history import History
from triptych.common.progress import progress_bar
from triptych.common.recipes import Recipe, ScheduleRecipe
from triptych.common.streams import Stream
from triptych.output import Output, print_to
from triptych.panels import chosen, panel
from triptych.plots import BLACK, FRAMEWORK_COLOURS
from triptych.studies import Data, Framework, interval, load

TEACHER = Recipe(
    input_shape=(28, 28, 1),
    hidden=(512, 512),
    outputs=10,
    dropout=0.3,
    batch_norm=True,
    learning_rate=0.002,
    schedule=ScheduleRecipe(kind="cosine"),
    batch_size=128,
    drop_last=True,
    epochs=4,
)
STUDENT = Recipe(
    input_shape=(28, 28, 1),
    hidden=(32,),
    outputs=10,
    learning_rate=0.002,
    batch_size=50,
    epochs=40,
)
WAYS = ("alone", "from a teacher", "self-distilled")
IMAGES = {"mnist": 2000, "digits": 200}


def main(
    framework: Annotated[Framework, typer.Option(help="Which panel trains.")] = Framework.all,
    dataset: Annotated[
        Data, typer.Option(help="auto takes MNIST, or the 8x8 digits where it cannot be had.")
    ] = Data.auto,
    images: Annotated[
        int | None,
        typer.Option(min=10, help="Images that a student learns from. [2000; of the digits 200]"),
    ] = None,
    temperature: Annotated[
        float, typer.Option(min=0.01, help="How soft the teacher's answers are.")
    ] = 4.0,
    weight: Annotated[
        float,
        typer.Option(min=0, max=1, help="Of the teacher; the labels have the rest."),
    ] = 0.9,
    epochs: Annotated[int, typer.Option(min=1, help="Of a student.")] = STUDENT.epochs,
    seeds: Annotated[int, typer.Option(min=2, max=10, help="Students of each kind.")] = 5,
    seed: Annotated[int, typer.Option(min=0, max=2**32, help="The first of the seeds.")] = 0,
    out: Annotated[Path, typer.Option(help="Where the figure and the table go.")] = Path("out"),
    progress: Annotated[bool, typer.Option(help="Show progress bars.")] = True,
) -> None:
    """Train a small network alone, from a large one and from itself; compare the three."""
    console = Console()
    frameworks = chosen(framework)
    output = Output(out)
    data = load(dataset, console)
    count = min(images or IMAGES[data.name], len(data.x_train))
    console.print(f"{data!r}")
    options = {"temperature": temperature, "weight": weight}

    shape = data.x_train.shape[1:]
    recipe = replace(TEACHER, input_shape=shape, seed=seed)
    students = replace(STUDENT, input_shape=shape, epochs=epochs)
    if data.name == "digits":
        recipe, students = (replace(each, passes_per_epoch=10) for each in (recipe, students))
    teacher, taught, history = train_teacher(frameworks[0], recipe, data, progress)
    output.say("the teacher", history)

    found: dict[str, dict[str, list[float]]] = {}
    seconds = {}
    for name in frameworks:
        start = time.perf_counter()
        found[name] = {way: [] for way in WAYS}
        with progress_bar(name, seeds * len(WAYS), enabled=progress) as advance:
            for each in range(seed, seed + seeds):
                subset = chosen_images(data, teacher, count, each)
                own = replace(students, seed=each)
                for way, accuracy in three_students(name, own, data, subset, options, advance):
                    found[name][way].append(accuracy)
        seconds[name] = time.perf_counter() - start

    title = f"{data.name}: students of {count:,} images, {seeds} seeds; the teacher {taught:.2%}"
    table = results(found, seconds, title)
    output.write("distillation.txt", lambda path: print_to(path, table))
    console.print(table)
    console.print("A gain is more than chance where the interval leaves 0 out.")
    output.write("distillation.png", lambda path: draw(found, taught, title, path))
    console.print(f"In {out}/: {', '.join(output.written)}")
    output.finish()


def train_teacher(
    framework: str, recipe: Recipe, data: Dataset, progress: bool
) -> tuple[np.ndarray, float, History]:
    """Its logits of all training images, its accuracy on the test images, and how it learnt."""
    models, training = panel(framework, "models"), panel(framework, "training")
    model = models.mlp(recipe)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "the run has diverged")  # which is said by main
        history = training.fit(model, recipe, data, progress=progress)
    _, accuracy = training.evaluate(model, recipe, data.x_test, data.y_test)
    return training.predict(model, recipe, data.x_train), accuracy, history


Subset = tuple[np.ndarray, np.ndarray, np.ndarray]  # images, labels, the teacher's logits


def chosen_images(data: Dataset, teacher: np.ndarray, count: int, seed: int) -> Subset:
    order = panel("scratch", "streams").permutation(Stream(seed, "images"), (len(teacher),))[:count]
    return data.x_train[order], data.y_train[order], teacher[order]


def three_students(
    framework: str,
    recipe: Recipe,
    data: Dataset,
    subset: Subset,
    options: dict[str, float],
    advance: Callable[[str], None],
) -> list[tuple[str, float]]:
    """The accuracy on the test images of each of WAYS."""
    training, step = panel(framework, "training"), LOOPS[framework]
    x, y, teacher = subset

    def student(recipe: Recipe, teacher: np.ndarray, weight: float) -> tuple[Any, float]:
        model = panel(framework, "models").mlp(recipe)
        step(model, recipe, (x, y, teacher), options | {"weight": weight})
        predicted = training.predict(model, recipe, data.x_test).argmax(axis=1)
        accuracy = float(np.mean(predicted == data.y_test))
        advance(f"seed {recipe.seed}  {accuracy:.2%}")
        return model, accuracy

    model, alone = student(recipe, teacher, 0.0)
    _, taught = student(recipe, teacher, options["weight"])
    # Born again: other first weights, and the first student's answers.
    again = replace(recipe, seed=recipe.seed + 2**32)
    _, self_taught = student(again, training.predict(model, recipe, x), options["weight"])
    return list(zip(WAYS, (alone, taught, self_taught), strict=True))


def train_scratch(model: Any, recipe: Recipe, subset: Subset, options: dict[str, float]) -> None:
    from scratch.distillation import distillation_loss_backward
    from scratch.optimizers import Adam
    from scratch.training import batches

    x, y, teacher = subset
    optimizer = Adam(**recipe.optimizer_options())
    parameters = list(model.parameters())
    for epoch in range(recipe.epochs):
        for batch in batches(recipe, len(x), epoch):
            logits = model.forward(x[batch], training=True)
            grad = distillation_loss_backward(logits, y[batch], teacher[batch], **options)
            model.backward_parameters(grad)
            params = {name: layer.params[key] for name, layer, key in parameters}
            grads = {name: layer.grads[key] for name, layer, key in parameters}
            optimizer.step(params, grads)


def train_torch(model: Any, recipe: Recipe, subset: Subset, options: dict[str, float]) -> None:
    import torch

    from torch_impl.distillation import distillation_loss
    from torch_impl.optimizers import Adam
    from torch_impl.training import batches

    torch.set_num_threads(1)  # so small a network loses more than it gains by sharing work
    x, y, teacher = map(torch.from_numpy, subset)
    optimizer = Adam(model.named_parameters(), **recipe.optimizer_options())
    model.train()
    for epoch in range(recipe.epochs):
        for batch in batches(recipe, len(x), epoch):
            optimizer.zero_grad()
            distillation_loss(model(x[batch]), y[batch], teacher[batch], **options).backward()
            optimizer.step()


def train_keras(model: Any, recipe: Recipe, subset: Subset, options: dict[str, float]) -> None:
    import keras

    from keras_impl.distillation import distillation_loss
    from keras_impl.optimizers import Adam
    from keras_impl.training import batches

    class Distillation(keras.losses.Loss):
        """Keras has one target: the label and the teacher's logits, side by side."""

        def call(self, y_true: Any, y_pred: Any) -> Any:
            labels = keras.ops.cast(y_true[:, 0], "int32")
            return distillation_loss(y_pred, labels, y_true[:, 1:], **options)

    x, y, teacher = subset
    targets = np.column_stack([y.astype(teacher.dtype), teacher])
    optimizer = Adam(**recipe.optimizer_options())
    optimizer.build(model.trainable_variables)  # or TensorFlow traces a step twice
    model.compile(optimizer, Distillation(reduction=None), jit_compile=False)
    for epoch in range(recipe.epochs):
        for batch in batches(recipe, len(x), epoch):
            model.train_on_batch(x[batch], targets[batch])


LOOPS = {"scratch": train_scratch, "torch": train_torch, "keras": train_keras}


def results(
    found: dict[str, dict[str, list[float]]], seconds: dict[str, float], title: str
) -> Table:
    """Test accuracy, and what it gains over the student alone, seed by seed."""
    table = Table(title=title)
    for column in ("framework", "student", "test accuracy", "gain", "seeds", "time"):
        table.add_column(column, justify="left" if column in ("framework", "student") else "right")
    for framework, accuracies in found.items():
        for way, values in accuracies.items():
            mean, half = interval(values)
            row = [framework, way, f"{mean:.2%} ± {100 * half:.2f}"]
            if way == "alone":
                row += ["", "", f"{seconds[framework]:.1f} s"]
            else:
                gains = np.subtract(values, accuracies["alone"])
                mean, half = interval(list(gains))
                row.append(f"{100 * mean:+.2f} ± {100 * half:.2f}")
                row.append(f"{sum(gains > 0)} of {len(gains)}")
            table.add_row(*row)
        table.add_section()
    return table


def draw(found: dict[str, dict[str, list[float]]], taught: float, title: str, path: Path) -> None:
    """A dot for each student, and beside them the mean with its 95 % interval."""
    figure = Figure(figsize=(9, 5), layout="constrained")
    ax = figure.subplots()
    for number, (framework, accuracies) in enumerate(found.items()):
        colour = FRAMEWORK_COLOURS[number]
        for place, values in enumerate(accuracies.values()):
            centre = place + 0.25 * (number - (len(found) - 1) / 2)
            percent = 100 * np.array(values)
            ax.plot(np.full(len(values), centre - 0.04), percent, "o", color=colour, alpha=0.5)
            mean, half = interval(list(percent))
            label = framework if place == 0 else None
            ax.errorbar(centre + 0.04, mean, half, fmt="s", color=colour, capsize=4, label=label)
    ax.set_xticks(range(len(WAYS)), WAYS)
    ax.set_ylabel("accuracy on the test images, %", fontsize=11)
    ax.set_title(title, fontsize=12, color=BLACK)
    ax.grid(axis="y", alpha=0.3)
    ax.legend(title="dots: seeds; squares: means, 95 %", frameon=False)
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    run_command(lambda: typer.run(main))
