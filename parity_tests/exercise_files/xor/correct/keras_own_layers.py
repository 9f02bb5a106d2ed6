"""Dropout and batch norm as layers of one's own, the penalty in a loss of one's own."""

import keras
import numpy as np
from keras import layers, ops


class Norm(layers.Layer):
    def __init__(self, momentum: float = 0.9, epsilon: float = 1e-5) -> None:
        super().__init__()
        self.momentum, self.epsilon = momentum, epsilon

    def build(self, shape):
        size = shape[-1:]
        self.gamma = self.add_weight(shape=size, initializer="ones", name="gamma")
        self.beta = self.add_weight(shape=size, initializer="zeros", name="beta")
        self.mean = self.add_weight(shape=size, initializer="zeros", trainable=False, name="mean")
        self.variance = self.add_weight(
            shape=size, initializer="ones", trainable=False, name="variance"
        )

    def call(self, x, training=False):
        if training:
            mean, variance = ops.mean(x, axis=0), ops.var(x, axis=0)
            old, new = self.momentum, 1 - self.momentum
            self.mean.assign(old * self.mean + new * mean)
            self.variance.assign(old * self.variance + new * variance)
        else:
            mean, variance = self.mean, self.variance
        return self.gamma * (x - mean) / ops.sqrt(variance + self.epsilon) + self.beta


class Drop(layers.Layer):
    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate
        self.seeds = keras.random.SeedGenerator()

    def call(self, x, training=False):
        if not training:
            return x
        keep = keras.random.uniform(ops.shape(x), seed=self.seeds) >= self.rate
        return ops.where(keep, x / (1 - self.rate), 0.0)


def build_model(seed: int) -> keras.Model:
    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [
            keras.Input((2,)),
            dense(16, 1.0),
            Norm(momentum=0.9),
            layers.Activation("tanh"),
            Drop(0.2),
            dense(1, 0.25),
        ]
    )


def dense(units: int, deviation: float) -> layers.Dense:
    return layers.Dense(
        units,
        kernel_initializer=keras.initializers.RandomNormal(stddev=deviation),
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
    def loss(targets, logits):
        kernels = [layer.kernel for layer in model.layers if isinstance(layer, layers.Dense)]
        penalty = 0.5 * 0.01 * sum(ops.sum(w * w) for w in kernels)
        cross_entropy = ops.binary_crossentropy(targets, logits, from_logits=True)
        return ops.mean(cross_entropy) + penalty

    keras.utils.set_random_seed(seed)
    model.compile(optimizer=keras.optimizers.SGD(learning_rate), loss=loss)
    history = model.fit(x, y.reshape(-1, 1), batch_size=batch_size, epochs=epochs, verbose=0)
    return history.history["loss"]


def predict(model: keras.Model, x: np.ndarray) -> np.ndarray:
    logits = model(x, training=False)
    return keras.ops.convert_to_numpy(keras.ops.sigmoid(logits))[:, 0]
