"""The XOR practical challenge, in NumPy: a solution.

    python xor_scratch.py

The hidden layer is dense, batch normalization, tanh, dropout.

TODO 1, dropout: forward multiplies by a mask of 0 and 1 / 0.8, backward by the same mask.
    The trap: the mask is drawn anew at every step, from a generator that the model owns. One made
    inside forward from the seed would draw the same mask each time.

TODO 2, batch normalization: batch statistics in training, running ones (0.9 old, 0.1 new) in
    inference; gamma and beta are in ``params``, so train() learns them like the rest.
    The trap: the batch's mean and variance depend on x too, hence two more terms in dL/dx. And
    inference must not touch the running statistics.

TODO 3, L2: train() adds 0.01 * w to the gradients of W1 and W2, just before the step.
    The trap: by name, not for all parameters; it is not divided by the size of the mini-batch; and
    the factor is 0.01, not 0.02, since the penalty has the one-half.
"""

import numpy as np

CORNERS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
XOR = np.array([0, 1, 1, 0], np.float32)

DROPOUT = 0.2
MOMENTUM = 0.9  # of the running statistics: the weight of their old value
EPSILON = 1e-5
L2 = 0.01


class Model:
    """Dense, batch normalization, tanh, dropout, dense; everything in float64."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.params = {
            "W1": self.rng.normal(0, 1, (2, 16)),
            "b1": np.zeros(16),
            "gamma": np.ones(16),
            "beta": np.zeros(16),
            "W2": self.rng.normal(0, 0.25, (16, 1)),
            "b2": np.zeros(1),
        }
        self.grads: dict[str, np.ndarray] = {}
        self.running_mean = np.zeros(16)
        self.running_variance = np.ones(16)

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        """Logits (N, 1) of the inputs (N, 2)."""
        self.x = np.asarray(x, np.float64)
        hidden = self.x @ self.params["W1"] + self.params["b1"]
        self.tanh = np.tanh(self._batch_norm(hidden, training))
        self.mask = self._draw_mask(self.tanh.shape) if training else 1.0
        self.hidden = self.tanh * self.mask
        return self.hidden @ self.params["W2"] + self.params["b2"]

    def backward(self, grad: np.ndarray) -> None:
        """Fill ``grads`` from dL/dlogits (N, 1), for the inputs of the last forward."""
        self.grads["W2"] = self.hidden.T @ grad
        self.grads["b2"] = grad.sum(axis=0)
        grad = grad @ self.params["W2"].T
        grad = grad * self.mask
        grad = grad * (1 - self.tanh**2)
        grad = self._batch_norm_backward(grad)
        self.grads["W1"] = self.x.T @ grad
        self.grads["b1"] = grad.sum(axis=0)

    def _draw_mask(self, shape: tuple[int, ...]) -> np.ndarray:
        return (self.rng.random(shape) >= DROPOUT) / (1 - DROPOUT)

    def _batch_norm(self, x: np.ndarray, training: bool) -> np.ndarray:
        if training:
            mean, variance = x.mean(axis=0), x.var(axis=0)
            self.running_mean = MOMENTUM * self.running_mean + (1 - MOMENTUM) * mean
            self.running_variance = MOMENTUM * self.running_variance + (1 - MOMENTUM) * variance
        else:
            mean, variance = self.running_mean, self.running_variance
        self.training = training
        self.deviation = np.sqrt(variance + EPSILON)
        self.x_hat = (x - mean) / self.deviation
        return self.params["gamma"] * self.x_hat + self.params["beta"]

    def _batch_norm_backward(self, grad: np.ndarray) -> np.ndarray:
        self.grads["gamma"] = (grad * self.x_hat).sum(axis=0)
        self.grads["beta"] = grad.sum(axis=0)
        grad = grad * self.params["gamma"]  # dL/dx_hat
        if self.training:
            # A common shift moves the mean, a common scale the variance: neither changes x_hat, so
            # the gradient has no share along them.
            grad = grad - grad.mean(axis=0) - self.x_hat * (grad * self.x_hat).mean(axis=0)
        return grad / self.deviation


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
            for name in ("W1", "W2"):
                model.grads[name] += L2 * model.params[name]
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
