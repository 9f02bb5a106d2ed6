"""A layer of one's own moves the running statistics in inference too."""

import keras
from keras import layers, ops

BASE = "parity_tests/exercise_files/xor/correct/keras_subclassed.py"
TODO = "batch norm"
FAULT = "they must be updated in training only"


class Norm(layers.Layer):
    def build(self, shape):
        size = (shape[-1],)
        self.gamma = self.add_weight(shape=size, initializer="ones")
        self.beta = self.add_weight(shape=size, initializer="zeros")
        self.mean = self.add_weight(shape=size, initializer="zeros", trainable=False)
        self.variance = self.add_weight(shape=size, initializer="ones", trainable=False)

    def call(self, x, training=False):
        mean, variance = ops.mean(x, axis=0), ops.var(x, axis=0)
        used = (mean, variance) if training else (self.mean + 0.0, self.variance + 0.0)
        self.mean.assign(0.9 * self.mean + 0.1 * mean)
        self.variance.assign(0.9 * self.variance + 0.1 * variance)
        return self.gamma * (x - used[0]) / ops.sqrt(used[1] + 1e-3) + self.beta


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
