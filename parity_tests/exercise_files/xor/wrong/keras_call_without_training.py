"""call has no argument `training`: fit says training=True only to a model that takes it."""

import keras
from keras import layers

BASE = "parity_tests/exercise_files/xor/correct/keras_subclassed.py"
TODO = "dropout"
FAULT = "train runs the network without dropout"


class Network(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.hidden = dense(16, 1.0)
        self.drop = layers.Dropout(0.2)
        self.out = dense(1, 0.25)

    def call(self, x):
        x = self.hidden(x)
        x = keras.activations.tanh(x)
        x = self.drop(x)
        return self.out(x)


def build_model(seed: int) -> keras.Model:
    keras.utils.set_random_seed(seed)
    model = Network()
    model.build((None, 2))
    return model
