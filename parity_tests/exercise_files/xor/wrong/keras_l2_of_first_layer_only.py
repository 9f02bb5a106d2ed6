"""Only the hidden layer has a regularizer."""

import keras
from keras import layers

BASE = "exercises/xor/solutions/xor_keras.py"
TODO = "l2"
FAULT = "the weights of the output layer are not penalized"


def build_model(seed: int) -> keras.Model:
    keras.utils.set_random_seed(seed)
    model = keras.Sequential()
    model.add(keras.Input(shape=(2,)))
    model.add(
        layers.Dense(
            16,
            kernel_initializer=keras.initializers.RandomNormal(stddev=1.0),
            kernel_regularizer=keras.regularizers.l2(0.005),
        )
    )
    model.add(layers.BatchNormalization(momentum=0.9))
    model.add(layers.Activation("tanh"))
    model.add(layers.Dropout(0.2))
    model.add(layers.Dense(1, kernel_initializer=keras.initializers.RandomNormal(stddev=0.25)))
    return model
