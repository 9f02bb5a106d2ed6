"""A dropout layer of one's own multiplies with the mask, and forgets to divide by 0.8."""

import keras
from keras import layers, ops

BASE = "parity_tests/exercise_files/xor/correct/keras_subclassed.py"
TODO = "dropout"
FAULT = "is not divided by 1 - rate"


class Drop(layers.Layer):
    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate
        self.seeds = keras.random.SeedGenerator()

    def call(self, x, training=False):
        if not training:
            return x
        mask = keras.random.binomial(ops.shape(x), 1, 1 - self.rate, seed=self.seeds)
        return x * mask


def build_model(seed: int) -> keras.Model:
    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [
            keras.Input((2,)),
            dense(16, 1.0),
            layers.BatchNormalization(momentum=0.9),
            layers.Activation("tanh"),
            Drop(0.2),
            dense(1, 0.25),
        ]
    )
