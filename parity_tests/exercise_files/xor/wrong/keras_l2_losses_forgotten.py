"""A training loop of one's own forgets model.losses."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

BASE = "parity_tests/exercise_files/xor/correct/keras_subclassed.py"
TODO = "l2"
FAULT = "adds sum(model.losses) to the loss itself"


def build_model(seed: int) -> keras.Model:
    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [
            keras.Input((2,)),
            dense(16, 1.0),
            layers.BatchNormalization(momentum=0.9),
            layers.Activation("tanh"),
            layers.Dropout(0.2),
            dense(1, 0.25),
        ]
    )


def train(
    model: keras.Model,
    x: np.ndarray,
    y: np.ndarray,
    *,
    epochs: int = 60,
    batch_size: int = 20,
    learning_rate: float = 0.1,
    seed: int = 0,
) -> list[float]:
    rng = np.random.default_rng(seed)
    keras.utils.set_random_seed(seed)
    optimizer = keras.optimizers.SGD(learning_rate)
    cross_entropy = keras.losses.BinaryCrossentropy(from_logits=True)
    losses = []
    for _ in range(epochs):
        order, total = rng.permutation(len(x)), 0.0
        for start in range(0, len(x), batch_size):
            rows = order[start : start + batch_size]
            batch = x[rows]
            with tf.GradientTape() as tape:
                logits = model(batch, training=True)
                loss = cross_entropy(y[rows, None], logits)
            variables = model.trainable_variables
            optimizer.apply(tape.gradient(loss, variables), variables)
            total += float(loss) * len(rows)
        losses.append(total / len(x))
    return losses
