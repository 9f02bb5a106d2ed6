"""SGD's weight_decay for the weight matrices alone; no bias before batch norm."""

import keras
import numpy as np
from keras import layers


def build_model(seed: int) -> keras.Model:
    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [
            keras.Input((2,)),
            layers.Dense(
                16,
                use_bias=False,
                kernel_initializer=keras.initializers.RandomNormal(stddev=1.0),
            ),
            layers.BatchNormalization(momentum=0.9),
            layers.Activation("tanh"),
            layers.Dropout(0.2),
            layers.Dense(1),
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
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    model.compile(optimizer, loss=keras.losses.BinaryCrossentropy(from_logits=True))
    history = model.fit(x, y[:, None], batch_size=batch_size, epochs=epochs, verbose=0)
    return history.history["loss"]


def predict(model: keras.Model, x: np.ndarray) -> np.ndarray:
    logits = model.predict(x, verbose=0)
    return 1 / (1 + np.exp(-logits[:, 0]))
