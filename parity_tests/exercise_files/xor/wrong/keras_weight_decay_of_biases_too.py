"""SGD(weight_decay=0.01) without exclude_from_weight_decay: biases, gamma and beta decay too."""

import keras
import numpy as np
from keras import layers

BASE = "parity_tests/exercise_files/xor/correct/keras_own_layers.py"
TODO = "l2"
FAULT = "biases are penalized"


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
    optimizer = keras.optimizers.SGD(learning_rate, weight_decay=0.01)
    model.compile(optimizer, loss=keras.losses.BinaryCrossentropy(from_logits=True))
    history = model.fit(x, y[:, None], batch_size=batch_size, epochs=epochs, verbose=0)
    return history.history["loss"]
