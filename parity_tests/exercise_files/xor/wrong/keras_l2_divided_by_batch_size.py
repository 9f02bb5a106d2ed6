"""The penalty is added to each example's loss before the mean, and divided by the batch size."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

TODO = "l2"
FAULT = "the penalty is divided by the number of examples"

CORNERS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
XOR = np.array([0, 1, 1, 0], np.float32)


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


def dense(units: int, deviation: float) -> layers.Dense:
    return layers.Dense(
        units,
        kernel_initializer=keras.initializers.RandomNormal(stddev=deviation),
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
                total_loss = len(rows) * cross_entropy(y[rows, None], logits) + penalty(model)
                loss = total_loss / len(rows)
            variables = model.trainable_variables
            optimizer.apply(tape.gradient(loss, variables), variables)
            total += float(loss) * len(rows)
        losses.append(total / len(x))
    return losses


def penalty(model: keras.Model):
    kernels = [w for w in model.trainable_variables if len(w.shape) == 2]
    return 0.01 / 2 * sum(keras.ops.sum(keras.ops.square(w)) for w in kernels)


def predict(model: keras.Model, x: np.ndarray) -> np.ndarray:
    logits = model(x, training=False)
    return keras.ops.convert_to_numpy(keras.ops.sigmoid(logits))[:, 0]


def main() -> None:
    model = build_model(seed=0)
    losses = train(model, np.repeat(CORNERS, 50, axis=0), np.repeat(XOR, 50))
    print(f"The mean loss fell from {losses[0]:.3f} to {losses[-1]:.3f}.")
    print("P(XOR = 1):", predict(model, CORNERS).round(3))


if __name__ == "__main__":
    main()
