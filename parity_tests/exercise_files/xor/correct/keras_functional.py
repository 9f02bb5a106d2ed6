"""The functional API; batch norm after the tanh; model.predict."""

import keras
import numpy as np
from keras import layers

BASE = "exercises/xor/solutions/xor_keras.py"


def build_model(seed: int) -> keras.Model:
    keras.utils.set_random_seed(seed)
    penalty = keras.regularizers.l2(0.005)
    inputs = keras.Input(shape=(2,))
    x = layers.Dense(
        16,
        activation="tanh",
        kernel_initializer=keras.initializers.RandomNormal(stddev=1.0),
        kernel_regularizer=penalty,
    )(inputs)
    x = layers.BatchNormalization(momentum=0.9)(x)
    x = layers.Dropout(rate=0.2)(x)
    outputs = layers.Dense(1, kernel_regularizer=penalty)(x)
    return keras.Model(inputs, outputs)


def predict(model: keras.Model, x: np.ndarray) -> np.ndarray:
    logits = model.predict(x, verbose=0)
    return 1 / (1 + np.exp(-logits[:, 0]))
