"""Adam with the right regularizers: it divides the penalty's gradient by its own size."""

import keras
import numpy as np
from keras import layers

BASE = "parity_tests/exercise_files/xor/correct/keras_subclassed.py"
TODO = "l2"
FAULT = "an optimizer like Adam"


def build_model(seed: int) -> keras.Model:
    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [
            keras.Input((2,)),
            dense(16, 1.0),
            layers.BatchNormalization(momentum=0.9),
            layers.Activation("tanh"),
            layers.Dropout(0.2),
            dense(1, 0.25),
        ]
    )


def train(
    model: keras.Model,
    x: np.ndarray,
    y: np.ndarray,
    *,
    epochs: int = 60,
    batch_size: int = 20,
    learning_rate: float = 0.1,
    seed: int = 0,
) -> list[float]:
    keras.utils.set_random_seed(seed)
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate),
        loss=keras.losses.BinaryCrossentropy(from_logits=True),
    )
    history = model.fit(x, y[:, None], batch_size=batch_size, epochs=epochs, verbose=0)
    return history.history["loss"]
