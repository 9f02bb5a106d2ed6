"""The XOR practical challenge, in NumPy: dropout, batch normalization and L2 for a plain network.

XOR ("exclusive or") is 1 if exactly one of its two inputs is 1. No straight line parts its ones
from its zeros, so a network needs a hidden layer for it. The network below has one, it trains, and
it solves XOR. Your task is to give it three regularizers.

    python xor_scratch.py                            train it and see what it predicts
    triptych exercise check xor_scratch.py           is what you did right?
    triptych exercise hint xor_scratch.py            help with what is not

Each TODO stands alone: do them in any order, and check after each.

TODO 1, dropout. In training every value of the hidden layer is set to zero with probability 0.2,
    independently for each unit and each example, anew at every step, and the values kept are
    divided by 0.8. In inference nothing happens. It may come before or after the tanh, but after
    batch normalization if there is one. Forward and backward.

TODO 2, batch normalization of the hidden layer, before or after the tanh. In training each unit is
    normalized with its mean and variance over the mini-batch; in inference with running statistics,
    which keep most (0.9, or 0.99) of their old value at each training step. Then comes a learned
    scale gamma (it starts at 1) and a learned shift beta (it starts at 0), both of shape (16,) and
    both in model.params. Forward and backward: x moves the mean and the variance too.

TODO 3, L2 of strength 0.01 on the weight matrices of both layers: the loss to minimize becomes
    loss + 0.01 / 2 * sum(w**2), so 0.01 * w is added to the gradient of each weight. Biases, gamma
    and beta have none. Do it in train(), so that model.backward() stays the gradient of the loss
    it is given. The optimizer stays plain gradient descent: with Adam the decay would be another.

Keep this interface; everything inside is yours to change:

    build_model(seed) -> model
        2 inputs, one hidden layer of 16 units with tanh, one output: a logit, no sigmoid at the
        end. Different seeds give different initial weights and different dropout masks.
    model.forward(x, training=False) -> logits, shape (N, 1)
    model.backward(grad)
        After model.forward(x, training=True). From grad = dL/dlogits, shape (N, 1), it fills the
        dict model.grads, which has the keys of the dict model.params: "W1" (2, 16), "b1" (16,),
        "W2" (16, 1), "b2" (1,) and those you add.
    train(model, x, y, *, epochs, batch_size, learning_rate, seed) -> mean loss of each epoch
        x is float32 of shape (N, 2), y float32 of shape (N,), 0 or 1. Mini-batch gradient descent
        without momentum on the binary cross-entropy, in an order drawn from ``seed``. N may be less
        than batch_size; a mini-batch has two rows at least. The losses returned may include the
        L2 term or not.
    predict(model, x) -> P(class 1), shape (N,), in inference mode
"""

import numpy as np

CORNERS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
XOR = np.array([0, 1, 1, 0], np.float32)


class Model:
    """Dense, tanh, dense; everything in float64."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.params = {
            "W1": rng.normal(0, 1, (2, 16)),
            "b1": np.zeros(16),
            "W2": rng.normal(0, 0.25, (16, 1)),
            "b2": np.zeros(1),
        }
        self.grads: dict[str, np.ndarray] = {}

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        """Logits (N, 1) of the inputs (N, 2)."""
        self.x = np.asarray(x, np.float64)
        # TODO 1: dropout, in training only.
        # TODO 2: batch normalization, by other statistics in training than in inference.
        self.hidden = np.tanh(self.x @ self.params["W1"] + self.params["b1"])
        return self.hidden @ self.params["W2"] + self.params["b2"]

    def backward(self, grad: np.ndarray) -> None:
        """Fill ``grads`` from dL/dlogits (N, 1), for the inputs of the last forward."""
        self.grads["W2"] = self.hidden.T @ grad
        self.grads["b2"] = grad.sum(axis=0)
        grad = grad @ self.params["W2"].T
        # TODO 1 and TODO 2: the way back through what you added to forward.
        grad = grad * (1 - self.hidden**2)
        self.grads["W1"] = self.x.T @ grad
        self.grads["b1"] = grad.sum(axis=0)


def build_model(seed: int) -> Model:
    return Model(seed)


def train(
    model: Model,
    x: np.ndarray,
    y: np.ndarray,
    *,
    epochs: int = 60,
    batch_size: int = 20,
    learning_rate: float = 0.1,
    seed: int = 0,
) -> list[float]:
    rng = np.random.default_rng(seed)
    losses = []
    for _ in range(epochs):
        order = rng.permutation(len(x))
        total = 0.0
        for start in range(0, len(x), batch_size):
            rows = order[start : start + batch_size]
            logits, targets = model.forward(x[rows], training=True), y[rows, None]
            # log(1 + exp(z)) - y z is the binary cross-entropy; logaddexp never overflows.
            total += np.sum(np.logaddexp(0, logits) - targets * logits)
            model.backward((sigmoid(logits) - targets) / len(rows))
            # TODO 3: L2 on the weight matrices.
            for name, gradient in model.grads.items():
                model.params[name] -= learning_rate * gradient
        losses.append(float(total / len(x)))
    return losses


def predict(model: Model, x: np.ndarray) -> np.ndarray:
    return sigmoid(model.forward(x, training=False))[:, 0]


def sigmoid(z: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-z)), written so that nothing overflows."""
    return 0.5 + 0.5 * np.tanh(z / 2)


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
