"""LayerNormalization normalizes each example over its units."""

import keras
from keras import layers

BASE = "parity_tests/exercise_files/xor/correct/keras_subclassed.py"
TODO = "batch norm"
FAULT = "that is layer normalization"


def build_model(seed: int) -> keras.Model:
    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [
            keras.Input((2,)),
            dense(16, 1.0),
            layers.LayerNormalization(),
            layers.Activation("tanh"),
            layers.Dropout(0.2),
            dense(1, 0.25),
        ]
    )
