"""BatchNormalization(momentum=0.1), as in PyTorch: it keeps only a tenth of the old statistics."""

import keras
import numpy as np
from keras import layers

BASE = "parity_tests/exercise_files/xor/correct/keras_subclassed.py"
TODO = "batch norm"
FAULT = "momentum is turned round"


def build_model(seed: int) -> keras.Model:
    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [
            keras.Input((2,)),
            dense(16, 1.0),
            layers.BatchNormalization(momentum=0.1),
            layers.Activation("tanh"),
            layers.Dropout(0.2),
            dense(1, 0.25),
        ]
    )


def predict(model: keras.Model, x: np.ndarray) -> np.ndarray:
    logits = model.predict(x, verbose=0)
    return 1 / (1 + np.exp(-logits[:, 0]))
