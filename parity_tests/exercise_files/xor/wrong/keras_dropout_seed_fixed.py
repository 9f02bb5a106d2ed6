"""Dropout(0.2, seed=0): every model has the same masks, whatever seed it is built with."""

import keras
from keras import layers

BASE = "parity_tests/exercise_files/xor/correct/keras_subclassed.py"
TODO = "dropout"
FAULT = "whatever the seed"


def build_model(seed: int) -> keras.Model:
    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [
            keras.Input((2,)),
            dense(16, 1.0),
            layers.BatchNormalization(momentum=0.9),
            layers.Activation("tanh"),
            layers.Dropout(0.2, seed=0),
            dense(1, 0.25),
        ]
    )
