"""Training: an epoch of the perceptron, a step of the convolutional network.

A framework is imported when one of its contestants is made, PyTorch before Keras (imported after
TensorFlow, it can crash the process); the memory benchmark makes one contestant alone.
"""

import time
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any
from unittest.mock import patch

import numpy as np

from benchmarks.timing import Contestant, Section, Task
from triptych.common.datasets import Dataset
from triptych.common.history import History
from triptych.common.recipes import Recipe
from triptych.panels import panel

__all__ = ["CNN", "MLP", "cnn", "cnn_contestants", "mlp", "panel_epoch", "random_images"]

BATCH = 128
MLP = Recipe(
    input_shape=(28, 28, 1),
    hidden=(256, 256),
    outputs=10,
    dropout=0.2,
    batch_norm=True,
    batch_size=BATCH,
    epochs=2,  # the first is not counted
)
CNN = Recipe(
    input_shape=(28, 28, 1),
    channels=(32, 64),
    hidden=(128,),
    outputs=10,
    spatial_dropout=0.1,
    dropout=0.3,
    batch_norm=True,
    batch_size=BATCH,
    epochs=2,
)

Make = Callable[[], Contestant]


def mlp(quick: bool) -> Section:
    steps = 3 if quick else 468
    images = steps * BATCH
    return Section(
        work=f"An epoch of a perceptron ({steps} steps of 128)",
        note="784-256-256-10, batch norm, dropout, Adam, float32. scikit-learn's MLPClassifier has "
        "neither batch norm nor dropout: it does less.",
        tasks={
            "epoch": Task(
                {
                    "PyTorch eager": partial(torch_eager, "mlp", images),
                    "PyTorch eager, DataLoader": partial(torch_eager, "mlp", images, loader=True),
                    "NumPy panel": partial(panel_epoch, "scratch", "mlp", MLP, images),
                    "PyTorch panel": partial(panel_epoch, "torch", "mlp", MLP, images),
                    "Keras fit": partial(keras_fit, "mlp", images),
                    "Keras panel": partial(panel_epoch, "keras", "mlp", MLP, images),
                    "scikit-learn": partial(scikit_learn, images),
                },
                "PyTorch eager",
                pairs=[
                    ("NumPy panel", "PyTorch eager, DataLoader"),
                    ("PyTorch panel", "PyTorch eager"),
                    ("Keras panel", "Keras fit"),
                ],
            )
        },
    )


def cnn(quick: bool) -> Section:
    steps = 1 if quick else 30
    return Section(
        work="A training step of a convolutional network (batch 128)",
        note="3x3 convolutions 1-32-64, each with batch norm, spatial dropout and max pooling, "
        "dense 128 with batch norm and dropout; Adam, float32.",
        tasks={
            "step": Task(
                cnn_contestants(steps * BATCH),
                "PyTorch eager",
                units=steps,
                pairs=[
                    ("PyTorch panel", "PyTorch eager"),
                    ("PyTorch panel", "PyTorch channels_last"),
                    ("Keras panel", "Keras fit"),
                    ("NumPy panel", "Keras fit"),
                ],
            )
        },
    )


def cnn_contestants(images: int) -> dict[str, Make]:
    """What makes each of them; all train over the same images."""
    return {
        "PyTorch eager": partial(torch_eager, "cnn", images),
        "PyTorch channels_last": partial(torch_eager, "cnn", images, channels_last=True),
        "NumPy panel": partial(panel_epoch, "scratch", "cnn", CNN, images),
        "PyTorch panel": partial(panel_epoch, "torch", "cnn", CNN, images),
        "Keras fit": partial(keras_fit, "cnn", images),
        "Keras panel": partial(panel_epoch, "keras", "cnn", CNN, images),
    }


def torch_eager(name: str, images: int, **options: Any) -> Contestant:
    from benchmarks import bare_torch

    return bare_torch.epoch(getattr(bare_torch, name)(), random_images(images), **options)


def keras_fit(name: str, images: int) -> Contestant:
    from benchmarks import bare_keras

    return bare_keras.epoch(getattr(bare_keras, name)(), random_images(images))


@lru_cache(1)
def random_images(count: int) -> Dataset:
    """Noise of the shape of MNIST: how long a step takes does not depend on what is learned."""
    rng = np.random.default_rng(0)
    x = rng.random((count, 28, 28, 1), np.float32)
    y = rng.integers(10, size=count)
    return Dataset("random", x, y, x[:100], y[:100], x[:100], y[:100], classes=10)


def panel_epoch(framework: str, name: str, recipe: Recipe, data: Dataset | int) -> Contestant:
    """``fit`` of a panel, for two epochs. The second counts: in the first Keras traces its graph,
    which it does anew for every ``fit`` of ours because each has an optimizer of its own.
    """
    if isinstance(data, int):
        data = random_images(data)
    models, training = panel(framework, "models"), panel(framework, "training")
    model = getattr(models, name)(recipe)
    add_epoch = History.add_epoch

    def run() -> float:
        ends = []

        def record(history: History, *args: Any) -> None:
            ends.append(time.perf_counter())
            add_epoch(history, *args)

        with patch.object(History, "add_epoch", record):
            training.fit(model, recipe, data, progress=False)
        return ends[1] - ends[0]

    return run


def scikit_learn(images: int) -> Contestant:
    """``MLPClassifier`` over the same batches: without batch norm and dropout, which it has not."""
    from sklearn.neural_network import MLPClassifier

    model = MLPClassifier((256, 256), solver="adam", alpha=0.0, batch_size=BATCH)
    data = random_images(images)
    x, y = data.x_train.reshape(len(data.x_train), -1), data.y_train
    x_validation = data.x_validation.reshape(len(data.x_validation), -1)
    rng = np.random.default_rng(0)

    def run() -> None:
        for batch in np.split(rng.permutation(len(x)), len(x) // BATCH):
            model.partial_fit(x[batch], y[batch], classes=range(10))
        model.predict(x_validation)

    return run
