"""The functional API; batch norm after the tanh; model.predict."""

import keras
import numpy as np
from keras import layers


def build_model(seed: int) -> keras.Model:
    keras.utils.set_random_seed(seed)
    penalty = keras.regularizers.l2(0.005)
    inputs = keras.Input(shape=(2,))
    x = layers.Dense(
        16,
        activation="tanh",
        kernel_initializer=keras.initializers.RandomNormal(stddev=1.0),
        kernel_regularizer=penalty,
    )(inputs)
    x = layers.BatchNormalization(momentum=0.9)(x)
    x = layers.Dropout(rate=0.2)(x)
    outputs = layers.Dense(1, kernel_regularizer=penalty)(x)
    return keras.Model(inputs, outputs)


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
    keras.utils.set_random_seed(seed)  # fit() shuffles by it
    model.compile(
        optimizer=keras.optimizers.SGD(learning_rate),
        loss=keras.losses.BinaryCrossentropy(from_logits=True),
    )
    history = model.fit(x, y[:, None], batch_size=batch_size, epochs=epochs, verbose=0)
    return history.history["loss"]


def predict(model: keras.Model, x: np.ndarray) -> np.ndarray:
    logits = model.predict(x, verbose=0)
    return 1 / (1 + np.exp(-logits[:, 0]))
