"""The XOR practical challenge, in Keras: dropout, batch normalization and L2 for a plain network.

XOR ("exclusive or") is 1 if exactly one of its two inputs is 1. No straight line parts its ones
from its zeros, so a network needs a hidden layer for it. The network below has one, it trains, and
it solves XOR. Your task is to give it three regularizers.

    python xor_keras.py                              train it and see what it predicts
    triptych exercise check xor_keras.py             is what you did right?
    triptych exercise hint xor_keras.py              help with what is not

Each TODO stands alone: do them in any order, and check after each.

TODO 1, dropout. In training every value of the hidden layer is set to zero with probability 0.2,
    independently for each unit and each example, anew at every step, and the values kept are
    divided by 0.8. In inference nothing happens. It may come before or after the tanh, but after
    batch normalization if there is one.

TODO 2, batch normalization of the hidden layer, before or after the tanh. In training each unit is
    normalized with its mean and variance over the mini-batch; in inference with running statistics,
    which keep most (0.9, or 0.99) of their old value at each training step. Then comes a learned
    scale gamma (it starts at 1) and a learned shift beta (it starts at 0).

TODO 3, L2 of strength 0.01 on the weight matrices of both layers: the loss to minimize becomes
    loss + 0.01 / 2 * sum(w**2), so 0.01 * w is added to the gradient of each weight. Biases, gamma
    and beta have none. The optimizer stays plain gradient descent: with Adam the decay would be
    another.

Keep this interface; everything inside is yours to change:

    build_model(seed) -> model
        2 inputs, one hidden layer of 16 units with tanh, one output: a logit, no sigmoid at the
        end. Different seeds give different initial weights and different dropout masks. It is used
        as model(x, training=True) or model(x, training=False) -> logits, shape (N, 1).
    train(model, x, y, *, epochs, batch_size, learning_rate, seed) -> mean loss of each epoch
        x is float32 of shape (N, 2), y float32 of shape (N,), 0 or 1, both NumPy. Mini-batch
        gradient descent without momentum on the binary cross-entropy, in an order drawn from
        ``seed``. N may be less than batch_size; a mini-batch has two rows at least. The losses
        returned may include the L2 term or not.
    predict(model, x) -> P(class 1), NumPy, shape (N,), in inference mode
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
    # TODO 1: dropout.
    # TODO 2: batch normalization.
    # TODO 3: L2 on the weight matrices.
    return keras.Sequential(
        [
            keras.Input((2,)),
            layers.Dense(16, kernel_initializer=keras.initializers.RandomNormal(stddev=1.0)),
            layers.Activation("tanh"),
            layers.Dense(1, kernel_initializer=keras.initializers.RandomNormal(stddev=0.25)),
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
