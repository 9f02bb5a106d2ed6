"""The XOR challenge, in NumPy, PyTorch and Keras at once.

    triptych xor                          or  python -m examples.xor
    triptych xor --framework scratch

A small network learns XOR; then the same network with dropout, batch norm and L2. Both are trained
twice: on the four corners themselves, and on a few noisy points around them, where there is
something to overfit. Every number comes from one recipe, so the three frameworks draw the same
curve; the last table says how far apart they are.
"""

import itertools
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from triptych import plots
from triptych.__main__ import run_command
from triptych.adapters import adapter
from triptych.common.datasets import Dataset, noisy_xor, xor
from triptych.common.history import History, save_histories
from triptych.common.recipes import Recipe
from triptych.common.streams import Stream
from triptych.diagnostics import Diagnostics
from triptych.output import Output, print_to
from triptych.panels import chosen, panel
from triptych.studies import Dtype, Framework

PLAIN = Recipe(
    input_shape=(2,),
    hidden=(16,),
    outputs=1,
    loss="binary",
    activation="tanh",
    optimizer="adam",
    learning_rate=0.01,
    batch_size=4,
    passes_per_epoch=50,
    epochs=10,
    dtype="float64",
)
REGULARIZED = replace(PLAIN, dropout=0.2, batch_norm=True, l2=0.01)
NETWORKS = {"plain": PLAIN, "dropout, batch norm, L2": REGULARIZED}


def main(
    framework: Annotated[Framework, typer.Option(help="Which panel trains.")] = Framework.all,
    seed: Annotated[
        int, typer.Option(min=0, max=2**64 - 1, help="Weights, masks and order of the data.")
    ] = 0,
    dtype: Annotated[
        Dtype, typer.Option(help="In float64 the curves agree to the last digits.")
    ] = Dtype.float64,
    out: Annotated[Path, typer.Option(help="Where figures and tables go.")] = Path("out"),
    progress: Annotated[bool, typer.Option(help="Show progress bars.")] = True,
) -> None:
    """Train XOR, plain and with dropout, batch norm and L2; compare the frameworks."""
    console = Console()
    frameworks = chosen(framework)
    output = Output(out)
    noisy = noisy_xor(n_train=40, noise=0.35, seed=seed, dtype=dtype.value)
    datasets = {"four corners": xor(dtype.value), "noisy": noisy}

    runs: dict[tuple[str, str], dict[str, Run]] = {}
    for network, recipe in NETWORKS.items():
        recipe = replace(recipe, seed=seed, dtype=dtype.value)
        for data, dataset in datasets.items():
            if data == "noisy":  # 40 points: every step sees all of them, as it sees four corners
                recipe = replace(recipe, batch_size=40, passes_per_epoch=100)
            runs[network, data] = {
                name: train(name, recipe, dataset, progress) for name in frameworks
            }
            for name, run in runs[network, data].items():
                output.say(f"{name} on {data}, {network},", run.history)

    tables = [results(runs)]
    if len(frameworks) > 1:
        tables.append(differences(runs))
    output.write("xor.txt", lambda path: print_to(path, *tables))
    for table in tables:
        console.print(table)
    histories = {
        f"{name} on {data}, {network}": run.history
        for (network, data), row in runs.items()
        for name, run in row.items()
    }
    output.write("xor-histories.json", partial(save_histories, histories))
    draw(runs, datasets, output)
    console.print(f"Figures and tables are in {out}/: {', '.join(output.written)}")
    console.print(f"triptych diagnose {out}/xor-histories.json says how the training went.")
    output.finish()


@dataclass
class Run:
    """One trained network and what it achieved."""

    history: History
    recorder: Diagnostics
    weights: dict[str, np.ndarray]
    train_accuracy: float
    test_accuracy: float
    probability: Callable[[np.ndarray], np.ndarray]


def train(framework: str, recipe: Recipe, dataset: Dataset, progress: bool) -> Run:
    models, training = panel(framework, "models"), panel(framework, "training")
    if framework == "torch":
        import torch

        torch.set_num_threads(1)  # so small a network loses more than it gains by sharing work
    model = models.mlp(recipe)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "the run has diverged")  # which is said by main
        recorder = Diagnostics(every=10)
        watchers = [recorder.watcher(framework)]
        history = training.fit(model, recipe, dataset, progress=progress, watchers=watchers)

    def probability(points: np.ndarray) -> np.ndarray:
        """P(class 1) of points (M, 2): the sigmoid of the logit, as 1/2 + tanh(z / 2) / 2."""
        return 0.5 + 0.5 * np.tanh(training.predict(model, recipe, points)[:, 0] / 2)

    return Run(
        history,
        recorder,
        adapter(framework).weights(model),
        training.evaluate(model, recipe, dataset.x_train, dataset.y_train)[1],
        training.evaluate(model, recipe, dataset.x_test, dataset.y_test)[1],
        probability,
    )


def results(runs: dict[tuple[str, str], dict[str, Run]]) -> Table:
    """Accuracy before and after."""
    table = Table(title="XOR, before and after regularization")
    for column in (
        "framework",
        "network",
        "four corners",
        "noisy: training",
        "noisy: test",
        "time",
    ):
        table.add_column(column, justify="left" if column in ("framework", "network") else "right")
    for framework in next(iter(runs.values())):
        for network in NETWORKS:
            corners, noisy = (runs[network, data][framework] for data in ("four corners", "noisy"))
            table.add_row(
                framework,
                network,
                f"{4 * corners.train_accuracy:.0f} of 4",
                f"{noisy.train_accuracy:.1%}",
                f"{noisy.test_accuracy:.1%}",
                f"{corners.history.seconds + noisy.history.seconds:.1f} s",
            )
        table.add_section()
    return table


def differences(runs: dict[tuple[str, str], dict[str, Run]]) -> Table:
    """The largest difference between any two frameworks, over all steps and all weights."""
    table = Table(title="How far apart the frameworks are")
    for column in ("network", "data", "steps", "loss of a step", "a trained weight"):
        table.add_column(column, justify="left" if column in ("network", "data") else "right")
    for (network, data), row in runs.items():
        loss = weight = 0.0
        for a, b in itertools.combinations(row.values(), 2):
            loss = max(loss, np.abs(np.subtract(a.history.step_loss, b.history.step_loss)).max())
            weight = max(weight, *(np.abs(a.weights[k] - b.weights[k]).max() for k in a.weights))
        steps = len(next(iter(row.values())).history.step_loss)
        table.add_row(network, data, str(steps), f"{loss:.1e}", f"{weight:.1e}")
    return table


def draw(
    runs: dict[tuple[str, str], dict[str, Run]], datasets: dict[str, Dataset], output: Output
) -> None:
    boundaries = {
        network: {name: run.probability for name, run in runs[network, "noisy"].items()}
        for network in NETWORKS
    }
    before_after = "XOR with noise: P(class 1), before and after regularization"
    output.write(
        "xor-boundaries.png",
        lambda path: plots.decision_boundaries(
            boundaries, datasets["noisy"], path, title=before_after
        ),
    )
    regularized = runs["dropout, batch norm, L2", "four corners"]
    histories = {name: run.history for name, run in regularized.items()}
    title = "XOR with dropout, batch norm and L2: one curve from each framework"
    output.write("xor-curves.png", lambda path: plots.curves(histories, path, title=title))

    framework = next(iter(regularized))
    both = {network: runs[network, "noisy"][framework] for network in NETWORKS}
    output.write(
        "xor-effects.png",
        lambda path: plots.regularization_effects(
            {network: run.history for network, run in both.items()},
            {network: kernels(run.weights) for network, run in both.items()},
            {network: run.recorder for network, run in both.items()},
            path,
            title="XOR with noise: what dropout, batch norm and L2 do",
        ),
    )

    def masks(path: Path) -> None:
        draw_mask = panel(framework, "dropout").draw_mask
        streams = {f"step {k + 1}": Stream(0, "dropout_1", k) for k in range(4)}
        found = {
            step: draw_mask(stream, (40, *REGULARIZED.hidden), REGULARIZED.dropout)
            for step, stream in streams.items()
        }
        plots.dropout_masks(found, path, title="XOR: what dropout leaves out, step by step")

    output.write("xor-masks.png", masks)


def kernels(weights: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: array for name, array in weights.items() if name.endswith(".weight")}


if __name__ == "__main__":
    run_command(lambda: typer.run(main))
