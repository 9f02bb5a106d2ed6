"""A dense layer of one's own that adds its penalty with add_loss; ReLU; dropout before it."""

import keras
import numpy as np
from keras import layers, ops

CORNERS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
XOR = np.array([0, 1, 1, 0], np.float32)


class Dense(layers.Layer):
    def __init__(self, units: int) -> None:
        super().__init__()
        self.units = units

    def build(self, shape):
        self.w = self.add_weight(shape=(shape[-1], self.units), initializer="he_normal")
        self.b = self.add_weight(shape=(self.units,), initializer="zeros")

    def call(self, x):
        self.add_loss(0.01 / 2 * ops.sum(ops.square(self.w)))
        return ops.matmul(x, self.w) + self.b


def build_model(seed: int) -> keras.Model:
    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [
            keras.Input((2,)),
            Dense(16),
            layers.BatchNormalization(momentum=0.9),
            layers.Dropout(0.2),
            layers.ReLU(),
            Dense(1),
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
