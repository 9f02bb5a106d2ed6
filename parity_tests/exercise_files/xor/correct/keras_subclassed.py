"""A subclass of keras.Model that is built by its first call."""

import keras
import numpy as np
from keras import layers


class Network(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.hidden = dense(16, 1.0)
        self.norm = layers.BatchNormalization(momentum=0.9)
        self.drop = layers.Dropout(0.2)
        self.out = dense(1, 0.25)

    def call(self, x, training=False):
        x = self.hidden(x)
        x = self.norm(x, training=training)
        x = keras.activations.tanh(x)
        x = self.drop(x, training=training)
        return self.out(x)


def build_model(seed: int) -> keras.Model:
    keras.utils.set_random_seed(seed)
    return Network()


def dense(units: int, deviation: float) -> layers.Dense:
    return layers.Dense(
        units,
        kernel_initializer=keras.initializers.RandomNormal(stddev=deviation),
        kernel_regularizer=keras.regularizers.L2(0.005),
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
        optimizer=keras.optimizers.SGD(learning_rate),
        loss=keras.losses.BinaryCrossentropy(from_logits=True),
    )
    history = model.fit(x, y[:, None], batch_size=batch_size, epochs=epochs, verbose=0)
    return history.history["loss"]


def predict(model: keras.Model, x: np.ndarray) -> np.ndarray:
    logits = model(x, training=False)
    return keras.ops.convert_to_numpy(keras.ops.sigmoid(logits))[:, 0]
