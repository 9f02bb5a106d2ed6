"""L2(0.01): Keras's L2 has no one-half, so the penalty is twice as strong."""

import keras
import numpy as np
from keras import layers

TODO = "l2"
FAULT = "Keras's own L2 has none"

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
        kernel_regularizer=keras.regularizers.L2(0.01),
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
    keras.utils.set_random_seed(seed)
    model.compile(
        optimizer=keras.optimizers.SGD(learning_rate),
        loss=keras.losses.BinaryCrossentropy(from_logits=True),
    )
    history = model.fit(x, y[:, None], batch_size=batch_size, epochs=epochs, verbose=0)
    return history.history["loss"]


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
