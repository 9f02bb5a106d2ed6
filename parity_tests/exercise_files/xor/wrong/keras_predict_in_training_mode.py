"""predict calls the model with training=True, so that dropout stays on."""

import keras
import numpy as np
from keras import layers

BASE = "parity_tests/exercise_files/xor/correct/keras_subclassed.py"
TODO = "dropout"
FAULT = "predict runs the network in training mode"


def build_model(seed: int) -> keras.Model:
    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [
            keras.Input((2,)),
            dense(16, 1.0),
            layers.Activation("tanh"),
            layers.Dropout(0.2),
            dense(1, 0.25),
        ]
    )


def predict(model: keras.Model, x: np.ndarray) -> np.ndarray:
    logits = model(x, training=True)
    return keras.ops.convert_to_numpy(keras.ops.sigmoid(logits))[:, 0]
