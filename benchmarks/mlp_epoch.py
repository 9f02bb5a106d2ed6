"""One epoch of an MLP on MNIST, batch 128, float32: NumPy against PyTorch and Keras.

    make bench                            or  python -m benchmarks.mlp_epoch

Network 784-256-256-10 with batch norm, dropout and Adam. The contestants take turns in one process
and the median of several epochs counts, so a busy machine slows all of them alike. "PyTorch eager"
is the untouched framework (nn.Linear, nn.BatchNorm1d, nn.Dropout, torch.optim.Adam), "Keras fit"
the same with Keras's own layers. The panels draw their masks from the Philox streams, which give
every framework the same ones; the untouched frameworks use their own, faster generators.
"""

import json
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from common.datasets import Dataset, DatasetUnavailable, mnist
from common.recipes import Recipe
from triptych.panels import panel

RECIPE = Recipe(
    input_shape=(28, 28, 1),
    hidden=(256, 256),
    outputs=10,
    dropout=0.2,
    batch_norm=True,
    drop_last=True,
)
STEPS = 468


def main(
    epochs: Annotated[int, typer.Option(min=1, help="Timed epochs of each contestant.")] = 5,
    out: Annotated[Path, typer.Option(help="Where bench.json goes.")] = Path("out"),
) -> None:
    """Time an epoch in NumPy, PyTorch and Keras."""
    data = load()
    contestants = {
        "PyTorch eager": bare_torch(data),
        "PyTorch eager, DataLoader": bare_torch(data, loader=True),
        "NumPy (scratch panel)": panel_epoch("scratch", data),
        "PyTorch (torch panel)": panel_epoch("torch", data),
        "Keras fit": bare_keras(data),
    }
    for run in contestants.values():
        run()  # tracing, caches, allocators
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in track(range(epochs), description="epochs"):
        for name, run in contestants.items():
            start = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - start)

    medians = {name: statistics.median(times) for name, times in seconds.items()}
    table = Table(title="An epoch of the MLP on MNIST (468 steps of 128, float32)")
    for column in ("", "median", "fastest", "ratio to PyTorch eager"):
        table.add_column(column, justify="right" if column else "left")
    for name, times in seconds.items():
        ratio = medians[name] / medians["PyTorch eager"]
        table.add_row(name, f"{medians[name]:.2f} s", f"{min(times):.2f} s", f"{ratio:.2f}")
    machine = f"{os.cpu_count()} cores, {torch.get_num_threads()} PyTorch threads"
    out.mkdir(parents=True, exist_ok=True)
    with (out / "bench.txt").open("w", encoding="utf-8") as file:
        for console in (Console(), Console(file=file, width=100)):
            console.print(table)
            console.print(machine)
    report = {"mlp_epoch_seconds": seconds, "cores": os.cpu_count()}
    (out / "bench.json").write_text(json.dumps(report, indent=1) + "\n", "utf-8")


def load() -> Dataset:
    """MNIST with a few validation images: what is timed is training."""
    try:
        data = mnist("float32", validation="test")
    except DatasetUnavailable as error:
        raise SystemExit(str(error)) from None
    return replace(data, x_validation=data.x_test[:100], y_validation=data.y_test[:100])


def panel_epoch(framework: str, data: Dataset) -> Callable[[], None]:
    models, training = panel(framework, "models"), panel(framework, "training")
    model = models.mlp(RECIPE)
    return lambda: training.fit(model, RECIPE, data, progress=False)


def bare_torch(data: Dataset, *, loader: bool = False) -> Callable[[], None]:
    """The loop as one writes it without Triptych: batches cut by hand, or by a ``DataLoader``."""
    x = torch.from_numpy(data.x_train)
    y = torch.from_numpy(data.y_train)
    model = nn.Sequential(
        nn.Flatten(),
        nn.Linear(784, 256, bias=False),
        nn.BatchNorm1d(256),
        nn.ReLU(),
        nn.Dropout(0.2),
        nn.Linear(256, 256, bias=False),
        nn.BatchNorm1d(256),
        nn.ReLU(),
        nn.Dropout(0.2),
        nn.Linear(256, 10),
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    loss_function = nn.CrossEntropyLoss()

    batches = DataLoader(TensorDataset(x, y), batch_size=128, shuffle=True, drop_last=True)

    def epoch() -> None:
        model.train()
        by_hand = ((x[i], y[i]) for i in torch.randperm(len(x)).split(128)[:STEPS])
        for images, labels in batches if loader else by_hand:
            optimizer.zero_grad()
            loss = loss_function(model(images), labels)
            loss.backward()
            optimizer.step()
            loss.item()  # the curve is recorded, as the panels do

    return epoch


def bare_keras(data: Dataset) -> Callable[[], None]:
    import keras

    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Flatten(),
            layers.Dense(256, use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Dropout(0.2),
            layers.Dense(256, use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Dropout(0.2),
            layers.Dense(10),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(1e-3), loss=loss)
    count = STEPS * 128
    return lambda: model.fit(
        data.x_train[:count], data.y_train[:count], batch_size=128, epochs=1, verbose=0
    )


if __name__ == "__main__":
    typer.run(main)
