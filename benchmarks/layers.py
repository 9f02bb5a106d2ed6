"""Each layer alone: forward, and backward to its input and its parameters."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmarks.bare_torch import channels_first
from benchmarks.timing import Contestant, Section, Task, repeated
from scratch.batch_norm import BatchNorm
from scratch.convolution import Conv2D
from scratch.dropout import Dropout
from scratch.label_smoothing import (
    label_smoothing_cross_entropy,
    label_smoothing_cross_entropy_backward,
)
from scratch.layers import Dense, Layer, ReLU
from scratch.pooling import AveragePool2D, GlobalAveragePool2D, MaxPool2D
from scratch.spatial_dropout import SpatialDropout2D
from triptych.extras import keras_backend

__all__ = ["ROWS", "layers", "numpy_pass", "task"]

BATCH = 128


@dataclass(frozen=True)
class Row:
    """A layer in three frameworks; ``shape`` is that of one example, channels last."""

    shape: tuple[int, ...]
    passes: int  # in one timed call
    numpy: Callable[[], Layer]
    torch: Callable[[], nn.Module]
    keras: Callable[[Any], Any]


ROWS = {
    "dense 3136-128": Row(
        (3136,),
        20,
        lambda: Dense(3136, 128, use_bias=False),
        lambda: nn.Linear(3136, 128, bias=False),
        lambda keras: keras.layers.Dense(128, use_bias=False),
    ),
    "convolution 3x3, 1-32": Row(
        (28, 28, 1),
        5,
        lambda: Conv2D(1, 32, 3, padding="same", use_bias=False),
        lambda: nn.Conv2d(1, 32, 3, padding=1, bias=False),
        lambda keras: keras.layers.Conv2D(32, 3, padding="same", use_bias=False),
    ),
    "convolution 3x3, 32-64": Row(
        (14, 14, 32),
        3,
        lambda: Conv2D(32, 64, 3, padding="same", use_bias=False),
        lambda: nn.Conv2d(32, 64, 3, padding=1, bias=False),
        lambda keras: keras.layers.Conv2D(64, 3, padding="same", use_bias=False),
    ),
    "batch norm": Row(
        (28, 28, 32),
        5,
        lambda: BatchNorm(32),
        lambda: nn.BatchNorm2d(32),
        lambda keras: keras.layers.BatchNormalization(),
    ),
    "max pooling 2x2": Row(
        (28, 28, 32),
        5,
        lambda: MaxPool2D(),
        lambda: nn.MaxPool2d(2),
        lambda keras: keras.layers.MaxPooling2D(),
    ),
    "average pooling 2x2": Row(
        (28, 28, 32),
        5,
        lambda: AveragePool2D(),
        lambda: nn.AvgPool2d(2),
        lambda keras: keras.layers.AveragePooling2D(2),
    ),
    "global average pooling": Row(
        (7, 7, 64),
        50,
        lambda: GlobalAveragePool2D(),
        lambda: nn.AdaptiveAvgPool2d(1),
        lambda keras: keras.layers.GlobalAveragePooling2D(),
    ),
    "ReLU": Row(
        (28, 28, 32),
        5,
        lambda: ReLU(),
        lambda: nn.ReLU(),
        lambda keras: keras.layers.ReLU(),
    ),
    "dropout": Row(
        (128,),
        200,
        lambda: Dropout(0.3),
        lambda: nn.Dropout(0.3),
        lambda keras: keras.layers.Dropout(0.3),
    ),
    "spatial dropout": Row(
        (28, 28, 32),
        5,
        lambda: SpatialDropout2D(0.1),
        lambda: nn.Dropout2d(0.1),
        lambda keras: keras.layers.SpatialDropout2D(0.1),
    ),
}
LOSS = "softmax loss, smoothed"


def layers(quick: bool) -> Section:
    """The Keras layers need TensorFlow's gradient: on another backend they are left out."""
    tasks = {}
    for name, row in ROWS.items():
        shape = (4 if quick else BATCH, *row.shape)
        tasks[name] = task(_passes(row, shape), 1 if quick else row.passes)
    tasks[LOSS] = task(_loss_passes(), 1 if quick else 200)
    return Section(
        work="A layer alone, forward and backward",
        note="Batch 128, float32, with all gradients. Images 28x28 with 32 channels, but for the "
        "convolutions (28x28 with 1, 14x14 with 32) and global pooling (7x7 with 64); dropout of "
        "128 features, a loss of 10 classes. A Keras layer runs as a compiled graph of its own.",
        tasks=tasks,
    )


def task(makers: dict[str, Callable[[], Callable[[], object]]], passes: int) -> Task:
    def contestant(make: Callable[[], Callable[[], object]]) -> Contestant:
        return repeated(make(), passes)

    contestants = {name: partial(contestant, make) for name, make in makers.items()}
    return Task(contestants, "PyTorch eager", units=passes)


def _passes(row: Row, shape: tuple[int, ...]) -> dict[str, Callable[[], Callable[[], object]]]:
    def x() -> np.ndarray:
        return np.random.default_rng(0).standard_normal(shape, np.float32)

    def keras_layer() -> Any:
        import keras

        return row.keras(keras)

    makers = {"PyTorch eager": lambda: torch_pass(row.torch(), x(), torch.contiguous_format)}
    if len(shape) == 4 and shape[-1] > 1:
        makers["PyTorch channels_last"] = lambda: torch_pass(row.torch(), x(), torch.channels_last)
    makers["NumPy panel"] = lambda: numpy_pass(row.numpy(), x())
    if keras_backend() == "tensorflow":
        makers["Keras layer"] = lambda: keras_pass(keras_layer(), x())
    return makers


def numpy_pass(layer: Layer, x: np.ndarray) -> Callable[[], object]:
    grad = np.ones_like(layer.forward(x, training=True))

    def one_pass() -> None:
        layer.forward(x, training=True)
        layer.backward(grad)

    return one_pass


def torch_pass(
    module: nn.Module, x: np.ndarray, layout: torch.memory_format
) -> Callable[[], object]:
    inputs = torch.from_numpy(x)
    if x.ndim == 4:
        inputs = channels_first(x).contiguous(memory_format=layout)
        module.to(memory_format=layout)  # type: ignore[call-overload]
    inputs.requires_grad_()
    sources = [inputs, *module.parameters()]
    grad = torch.ones_like(module(inputs))
    return lambda: torch.autograd.grad(module(inputs), sources, grad)


def keras_pass(layer: Any, x: np.ndarray) -> Callable[[], object]:
    import tensorflow as tf

    inputs = tf.constant(x)
    grad = tf.ones_like(layer(inputs, training=True))

    @tf.function
    def one_pass(inputs: tf.Tensor, grad: tf.Tensor) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            y = layer(inputs, training=True)
        # y too, or TensorFlow would not compute it where the gradients do without.
        return y, tape.gradient(y, [inputs, *layer.trainable_variables], grad)

    return lambda: one_pass(inputs, grad)


def _loss_passes() -> dict[str, Callable[[], Callable[[], object]]]:
    rng = np.random.default_rng(0)
    logits, labels = rng.standard_normal((BATCH, 10), np.float32), rng.integers(10, size=BATCH)

    def with_torch() -> Callable[[], object]:
        inputs, targets = torch.from_numpy(logits).requires_grad_(), torch.from_numpy(labels)
        loss = nn.CrossEntropyLoss(label_smoothing=0.1)
        return lambda: torch.autograd.grad(loss(inputs, targets), inputs)

    def with_numpy() -> Callable[[], object]:
        return lambda: (
            label_smoothing_cross_entropy(logits, labels, 0.1),
            label_smoothing_cross_entropy_backward(logits, labels, 0.1),
        )

    def with_keras() -> Callable[[], object]:
        import keras
        import tensorflow as tf

        smoothed = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1)

        @tf.function
        def one_pass(inputs: tf.Tensor, targets: tf.Tensor) -> Any:
            with tf.GradientTape() as tape:
                tape.watch(inputs)
                loss = smoothed(targets, inputs)
            return loss, tape.gradient(loss, inputs)

        inputs, dense = tf.constant(logits), tf.one_hot(labels, 10)
        return lambda: one_pass(inputs, dense)

    makers = {"PyTorch eager": with_torch, "NumPy panel": with_numpy}
    return makers | ({"Keras layer": with_keras} if keras_backend() == "tensorflow" else {})
