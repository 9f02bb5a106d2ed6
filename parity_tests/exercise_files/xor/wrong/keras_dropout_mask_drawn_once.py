"""The mask is drawn with NumPy when the layer is built, and never again."""

import keras
import numpy as np
from keras import layers

BASE = "parity_tests/exercise_files/xor/correct/keras_subclassed.py"
TODO = "dropout"
FAULT = "the mask is drawn once"


class Drop(layers.Layer):
    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def build(self, shape):
        self.mask = (np.random.rand(shape[-1]) > self.rate).astype("float32")  # noqa: NPY002

    def call(self, x, training=False):
        return x * self.mask / (1 - self.rate) if training else x


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
