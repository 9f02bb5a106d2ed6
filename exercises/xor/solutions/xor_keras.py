"""The XOR practical challenge, in Keras: a solution.

    python xor_keras.py

The hidden layer is dense, batch normalization, tanh, dropout.

TODO 1, dropout: ``Dropout(0.2)``, which divides by 0.8 itself; fit() says training=True.
    The trap: the tanh is a layer of its own. In ``Dense(16, activation="tanh")`` it would come
    before batch normalization, which is allowed too, but is another network.

TODO 2, batch normalization: ``BatchNormalization(momentum=0.9)``.
    The trap: ``momentum`` is the weight of the *old* statistics. Its default 0.99 needs a few
    hundred steps to forget where they start; PyTorch's 0.1 would keep only a tenth here.

TODO 3, L2: a ``kernel_regularizer`` in both dense layers, which leaves the biases alone.
    The trap: Keras's ``L2(l)`` is l * sum(w**2), with no one-half. So l is 0.01 / 2.
"""

import os

# Or TensorFlow begins with notes on how it was built.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import keras
import numpy as np
from keras import layers

CORNERS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
XOR = np.array([0, 1, 1, 0], np.float32)


def build_model(seed: int) -> keras.Model:
    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [
            keras.Input((2,)),
            dense(16, deviation=1.0),
            layers.BatchNormalization(momentum=0.9),
            layers.Activation("tanh"),
            layers.Dropout(0.2),
            dense(1, deviation=0.25),
        ]
    )


def dense(units: int, *, deviation: float) -> layers.Dense:
    return layers.Dense(
        units,
        kernel_initializer=keras.initializers.RandomNormal(stddev=deviation),
        kernel_regularizer=keras.regularizers.L2(0.01 / 2),
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
    keras.utils.set_random_seed(seed)  # fit() shuffles by it
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
    x, y = np.repeat(CORNERS, 50, axis=0), np.repeat(XOR, 50)
    model = build_model(seed=0)
    losses = train(model, x, y)
    print(f"Trained on {len(x)} rows for {len(losses)} epochs:", end=" ")
    print(f"the mean loss fell from {losses[0]:.3f} to {losses[-1]:.3f}.\n")

    probabilities = predict(model, CORNERS)
    right = (probabilities > 0.5) == (XOR == 1)
    print("x1  x2   XOR   P(XOR = 1)")
    for (x1, x2), target, probability, ok in zip(CORNERS, XOR, probabilities, right, strict=True):
        print(f"{x1:2.0f}  {x2:2.0f}   {target:3.0f}   {probability:10.3f}", end="   ")
        print("right" if ok else "wrong")
    print(f"\n{right.sum()} of 4 corners are right.")


if __name__ == "__main__":
    main()
