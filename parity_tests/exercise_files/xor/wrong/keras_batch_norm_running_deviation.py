"""The running variance is fed with the standard deviation."""

import keras
from keras import layers, ops

BASE = "parity_tests/exercise_files/xor/correct/keras_subclassed.py"
TODO = "batch norm"
FAULT = "the running variance is fed with something else than the variance"


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
            self.variance.assign(old * self.variance + new * ops.std(x, axis=0))
        else:
            mean, variance = self.mean, self.variance
        return self.gamma * (x - mean) / ops.sqrt(variance + self.epsilon) + self.beta


def build_model(seed: int) -> keras.Model:
    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [
            keras.Input((2,)),
            dense(16, 1.0),
            Norm(),
            layers.Activation("tanh"),
            layers.Dropout(0.2),
            dense(1, 0.25),
        ]
    )
