"""Sparse variational dropout: a network that finds out which of its weights it needs.

    triptych variational-dropout          or  python -m examples.variational_dropout
    triptych variational-dropout --framework torch --epochs 40

A small perceptron learns MNIST twice: as it is, dense, and with a noise for each weight whose size
is learned with the weight. The noise is rewarded (KL, which comes in over the first quarter of the
epochs), so it grows wherever the data do not object; a weight that is 95 % noise is pruned. Theory
promises that most of the weights can go without a loss of accuracy. It is measured with several
seeds, and the last lines say what was seen. For comparison the dense network is pruned too, of as
many of its smallest weights.

With the defaults six weights of seven are pruned, and no accuracy is lost; without as many of its
smallest weights, the dense network falls to 60 %. There are three loops of training here, one for
each framework: what ``fit`` does, with KL in the loss.
"""

import math
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import typer
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from rich.console import Console
from rich.table import Table

from triptych.__main__ import run_command
from triptych.adapters import adapter
from triptych.common.datasets import Dataset
from triptych.common.progress import progress_bar
from triptych.common.recipes import Recipe
from triptych.output import Output, print_to
from triptych.panels import chosen, panel
from triptych.plots import BLACK, FRAMEWORK_COLOURS
from triptych.studies import Data, Framework, load, spread
from triptych.weights import canonical, restore

RECIPE = Recipe(
    input_shape=(28, 28, 1),
    hidden=(64,),
    outputs=10,
    learning_rate=0.01,
    batch_size=500,
    drop_last=True,
    epochs=20,
)
TRAINING = 30_000  # images
LOG_SIGMA2 = -6.0  # where the noise begins: a tenth of the initial weights
WAYS = ("dense", "dense, its smallest pruned", "variational", "variational, pruned")
MOST, LOSS = 0.75, 0.003  # what counts as most of the weights, and as a loss of accuracy


class Found(NamedTuple):
    """What one seed found."""

    kept: list[float]  # the share of the weights after each epoch
    layers: list[float]  # and of each layer in the end
    accuracy: dict[str, float]  # of each of WAYS


def main(
    framework: Annotated[Framework, typer.Option(help="Which panel trains.")] = Framework.all,
    dataset: Annotated[
        Data, typer.Option(help="auto takes MNIST, or the 8x8 digits where it cannot be had.")
    ] = Data.auto,
    epochs: Annotated[int, typer.Option(min=1, help="Of training.")] = RECIPE.epochs,
    seeds: Annotated[int, typer.Option(min=2, help="Networks, each with weights of its own.")] = 3,
    seed: Annotated[int, typer.Option(min=0, max=2**32, help="The first of the seeds.")] = 0,
    out: Annotated[Path, typer.Option(help="Where the figure and the table go.")] = Path("out"),
    progress: Annotated[bool, typer.Option(help="Show progress bars.")] = True,
) -> None:
    """Let a network learn the noise of its weights; how many does it need?"""
    console = Console()
    frameworks = chosen(framework)
    output = Output(out)
    data = load(dataset, console, training=TRAINING)
    console.print(f"{data!r}")
    recipe = replace(RECIPE, input_shape=data.x_train.shape[1:], epochs=epochs)
    if data.name == "digits":
        recipe = replace(recipe, batch_size=50)

    found: dict[str, list[Found]] = {}
    seconds = {}
    for name in frameworks:
        start = time.perf_counter()
        found[name] = []
        with progress_bar(name, seeds * 2 * epochs, enabled=progress) as advance:
            for each in range(seed, seed + seeds):
                found[name].append(one_seed(name, replace(recipe, seed=each), data, advance))
        seconds[name] = time.perf_counter() - start

    title = f"{data.name}: {len(data.x_train):,} training images, {epochs} epochs, {seeds} seeds"
    table = results(found, seconds, title)
    output.write("variational-dropout.txt", lambda path: print_to(path, table))
    console.print(table)
    for line in promises(found[frameworks[0]]):
        console.print(line, highlight=False)
    output.write("variational-dropout.png", lambda path: draw(found, title, path))
    console.print(f"In {out}/: {', '.join(output.written)}")
    output.finish()


def one_seed(
    framework: str, recipe: Recipe, data: Dataset, advance: Callable[[str], None]
) -> Found:
    own, train = adapter(framework), LOOPS[framework]
    training = panel(framework, "training")

    def accuracy(model: Any) -> float:
        predicted = training.predict(model, recipe, data.x_test).argmax(axis=1)
        return float(np.mean(predicted == data.y_test))

    def shares(layers: list[Any]) -> list[np.ndarray]:
        return [own.numpy(layer.kept()).ravel() for layer in layers]

    model, _ = network(framework, recipe, variational=False)
    train(model, [], recipe, data, lambda: advance(f"seed {recipe.seed}, dense"))
    correct = {"dense": accuracy(model)}

    kept: list[float] = []
    sparse, layers = network(framework, recipe, variational=True)

    def epoch_end() -> None:
        kept.append(float(np.concatenate(shares(layers)).mean()))
        advance(f"seed {recipe.seed}, {kept[-1]:.0%} of the weights kept")

    train(sparse, layers, recipe, data, epoch_end)
    correct["variational, pruned"] = accuracy(sparse)
    for layer in layers:
        layer.threshold = math.inf
    correct["variational"] = accuracy(sparse)
    for layer in layers:
        layer.threshold = 3.0

    weights = canonical(model)
    names = [name for name in weights if name.endswith(".weight")]
    sizes = np.abs(np.concatenate([weights[name].ravel() for name in names]))
    smallest = np.quantile(sizes, 1 - kept[-1])
    pruned = {name: weights[name] * (np.abs(weights[name]) >= smallest) for name in names}
    restore(model, weights | pruned)
    correct["dense, its smallest pruned"] = accuracy(model)
    return Found(kept, [float(each.mean()) for each in shares(layers)], correct)


def network(framework: str, recipe: Recipe, *, variational: bool) -> tuple[Any, list[Any]]:
    """Flatten, and dense layers with ReLU between them; and the layers that have a KL."""
    layers = panel(framework, "layers")
    widths = (math.prod(recipe.input_shape), *recipe.hidden, recipe.outputs)
    row, noisy = [layers.Flatten(name="flatten")], []
    for number, (inputs, outputs) in enumerate(pairwise(widths), start=1):
        if number > 1:
            row.append(layers.ReLU(name=f"relu_{number - 1}"))
        options = {"seed": recipe.seed, "name": f"dense_{number}"}
        if variational:
            row.append(KINDS[framework]()(inputs, outputs, log_sigma2=LOG_SIGMA2, **options))
            noisy.append(row[-1])
        else:
            row.append(layers.Dense(inputs, outputs, **options))
    return layers.Sequential(row, name="network"), noisy


def rates(recipe: Recipe, epoch: int) -> tuple[float, float]:
    """The learning rate, which falls in the second half, and the weight of KL, which comes in."""
    left = (recipe.epochs - epoch) / recipe.epochs
    warmup = max(1, recipe.epochs // 4)
    return recipe.learning_rate * min(1, 2 * left), min(1, (epoch + 1) / warmup)


EpochEnd = Callable[[], None]


def train_scratch(
    model: Any, layers: list[Any], recipe: Recipe, data: Dataset, epoch_end: EpochEnd
) -> None:
    from scratch.losses import softmax_cross_entropy_backward
    from scratch.optimizers import Adam
    from scratch.training import batches

    x, y = data.x_train, data.y_train
    optimizer = Adam(**recipe.optimizer_options())
    parameters = list(model.parameters())
    for epoch in range(recipe.epochs):
        optimizer.learning_rate, kl_weight = rates(recipe, epoch)
        for batch in batches(recipe, len(x), epoch):
            logits = model.forward(x[batch], training=True)
            model.backward_parameters(softmax_cross_entropy_backward(logits, y[batch]))
            for layer in layers:
                layer.kl_backward(kl_weight / len(x))
            params = {name: layer.params[key] for name, layer, key in parameters}
            grads = {name: layer.grads[key] for name, layer, key in parameters}
            optimizer.step(params, grads)
        epoch_end()


def train_torch(
    model: Any, layers: list[Any], recipe: Recipe, data: Dataset, epoch_end: EpochEnd
) -> None:
    import torch

    from torch_impl.losses import softmax_cross_entropy
    from torch_impl.optimizers import Adam
    from torch_impl.training import batches

    torch.set_num_threads(1)  # so small a network loses more than it gains by sharing work
    x, y = torch.from_numpy(data.x_train), torch.from_numpy(data.y_train)
    optimizer = Adam(model.named_parameters(), **recipe.optimizer_options())
    for epoch in range(recipe.epochs):
        model.train()
        learning_rate, kl_weight = rates(recipe, epoch)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate
        for batch in batches(recipe, len(x), epoch):
            optimizer.zero_grad()
            loss = softmax_cross_entropy(model(x[batch]), y[batch])
            for layer in layers:
                loss = loss + kl_weight / len(x) * layer.kl()
            loss.backward()
            optimizer.step()
        epoch_end()


def train_keras(
    model: Any, layers: list[Any], recipe: Recipe, data: Dataset, epoch_end: EpochEnd
) -> None:
    import keras

    from keras_impl.optimizers import Adam
    from keras_impl.training import batches

    x, y = data.x_train, data.y_train
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = Adam(**recipe.optimizer_options())
    optimizer.build(model.trainable_variables)  # or TensorFlow traces a step twice
    model.compile(optimizer, loss, jit_compile=False)
    for epoch in range(recipe.epochs):
        model.optimizer.learning_rate, kl_weight = rates(recipe, epoch)
        for layer in layers:
            layer.kl_weight.assign(kl_weight / len(x))
        for batch in batches(recipe, len(x), epoch):
            model.train_on_batch(x[batch], y[batch])
        epoch_end()


def keras_layer() -> Any:
    from keras_impl.variational_dense import VariationalDense

    class InFit(VariationalDense):
        """Its KL is in the loss of the model; the weight is a variable, so that it can change."""

        def build(self, input_shape: Any) -> None:
            super().build(input_shape)
            self.kl_weight = self.add_weight(
                name="kl_weight", shape=(), initializer="zeros", trainable=False
            )

        def call(self, inputs: Any, training: bool = False) -> Any:
            self.add_loss(self.kl_weight * self.kl())
            return super().call(inputs, training=training)

    return InFit


LOOPS = {"scratch": train_scratch, "torch": train_torch, "keras": train_keras}
KINDS: dict[str, Callable[[], Any]] = {
    "scratch": lambda: panel("scratch", "variational_dense").VariationalDense,
    "torch": lambda: panel("torch", "variational_dense").VariationalDense,
    "keras": keras_layer,
}


def results(found: dict[str, list[Found]], seconds: dict[str, float], title: str) -> Table:
    table = Table(title=f"{title} (± standard error)")
    for column in ("framework", "network", "weights kept", "test accuracy", "time"):
        table.add_column(column, justify="left" if column in ("framework", "network") else "right")
    for framework, seeds in found.items():
        for number, way in enumerate(WAYS):
            mean, error = spread([100 * each.accuracy[way] for each in seeds])
            share, of_share = spread([100 * each.kept[-1] for each in seeds])
            table.add_row(
                framework if number == 0 else "",
                way,
                f"{share:.1f} % ± {of_share:.1f}" if "pruned" in way else "100 %",
                f"{mean:.2f} % ± {error:.2f}",
                f"{seconds[framework]:.1f} s" if number == 0 else "",
            )
        table.add_section()
    return table


def promises(seeds: list[Found]) -> list[str]:
    """What theory promises, and whether it was seen with every seed."""
    pruned = [each.accuracy["variational, pruned"] for each in seeds]
    points = f"{100 * LOSS:g} points"
    seen = {
        f"More than {MOST:.0%} of the weights can be pruned": [
            1 - each.kept[-1] > MOST for each in seeds
        ],
        f"Pruning them costs less than {points} of accuracy": [
            each.accuracy["variational"] - accuracy < LOSS
            for each, accuracy in zip(seeds, pruned, strict=True)
        ],
        f"What is left is as good as the dense network, to {points}": [
            each.accuracy["dense"] - accuracy < LOSS
            for each, accuracy in zip(seeds, pruned, strict=True)
        ],
    }
    lines = [
        f"{name}: {'seen' if all(each) else 'not seen'} ({sum(each)} of {len(each)} seeds)."
        for name, each in seen.items()
    ]
    layers = ", ".join(f"{share:.0%}" for share in np.mean([s.layers for s in seeds], axis=0))
    return [*lines, f"Kept of the layers, from the first to the last: {layers}."]


def draw(found: dict[str, list[Found]], title: str, path: Path) -> None:
    figure = Figure(figsize=(11, 4.5), layout="constrained")
    figure.suptitle(title, fontsize=13, color=BLACK)
    by_epoch, after = figure.subplots(1, 2)
    shown = [way for way in WAYS if "smallest" not in way]  # far below the others
    smallest = [each.accuracy[WAYS[1]] for seeds in found.values() for each in seeds]
    for number, (framework, seeds) in enumerate(found.items()):
        colour = FRAMEWORK_COLOURS[number]
        mean, error = spread([each.kept for each in seeds])
        epochs = np.arange(1, len(mean) + 1) + 0.15 * (number - (len(found) - 1) / 2)
        by_epoch.errorbar(
            epochs, mean, error, fmt="o-", markersize=3, capsize=2, color=colour, label=framework
        )
        for place, way in enumerate(shown):
            centre = place + 0.25 * (number - (len(found) - 1) / 2)
            values = [each.accuracy[way] for each in seeds]
            after.plot(np.full(len(values), centre - 0.04), values, "o", color=colour, alpha=0.5)
            label = framework if place == 0 else None
            centre, (middle, half) = centre + 0.04, spread(values)
            after.errorbar(centre, middle, half, fmt="s", color=colour, capsize=4, label=label)
    by_epoch.set(ylim=(0, 1), xlabel="epoch", ylabel="weights kept, log alpha <= 3")
    by_epoch.set_title("The noise grows, and weights go", fontsize=11)
    after.set_xticks(range(len(shown)), shown)
    after.set_xlabel(
        f"(dense, with as many of its smallest weights pruned: {np.mean(smallest):.0%})"
    )
    by_epoch.xaxis.set_major_locator(MaxNLocator(integer=True))
    after.set_ylabel("accuracy on the test images")
    after.set_title("dots: seeds; squares: means ± standard error", fontsize=11)
    for ax in (by_epoch, after):
        ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0 if ax is by_epoch else 1))
        ax.legend(frameon=False)
        ax.grid(alpha=0.3)
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    run_command(lambda: typer.run(main))
