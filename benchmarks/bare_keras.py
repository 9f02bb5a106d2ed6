"""Keras as one writes it without Triptych: its own layers, ``compile`` and ``fit``."""

import time

import keras
from keras import layers

from benchmarks.timing import Contestant
from triptych.common.datasets import Dataset

__all__ = ["cnn", "epoch", "mlp"]


def mlp() -> keras.Model:
    return keras.Sequential(
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


def cnn() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, 3, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.SpatialDropout2D(0.1),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.SpatialDropout2D(0.1),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(128, use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Dropout(0.3),
            layers.Dense(10),
        ]
    )


def epoch(model: keras.Model, data: Dataset) -> Contestant:
    """``fit`` for two epochs. The second counts, as it does for the panels: in the first, ``fit``
    copies the images.
    """
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(1e-3), loss=loss)

    def run() -> float:
        ends, losses = [], []
        record = keras.callbacks.LambdaCallback(
            on_train_batch_end=lambda batch, logs: losses.append(float(logs["loss"])),
            on_epoch_end=lambda epoch, logs: ends.append(time.perf_counter()),
        )
        model.fit(
            data.x_train,
            data.y_train,
            batch_size=128,
            epochs=2,
            validation_data=(data.x_validation, data.y_validation),
            callbacks=[record],
            verbose=0,
        )
        return ends[1] - ends[0]

    return run
