"""The penalty is divided by the number of rows of the data."""

import numpy as np

BASE = "parity_tests/exercise_files/xor/correct/scratch_float32.py"
TODO = "l2"
FAULT = "divided by the number of examples"


class Model(Model):
    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.params = {
            "W1": rng.normal(0, 1, (2, 16)),
            "b1": np.zeros(16),
            "W2": rng.normal(0, 0.25, (16, 1)),
            "b2": np.zeros(1),
            "gamma": np.ones(16),
            "beta": np.zeros(16),
        }
        self.grads: dict[str, np.ndarray] = {}
        self.rng = rng
        self.running_mean = np.zeros(16)
        self.running_var = np.ones(16)

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        """Logits (N, 1) of the inputs (N, 2)."""
        self.x = np.asarray(x, np.float64)
        z = self.x @ self.params["W1"] + self.params["b1"]

        # TODO 2
        if training:
            mean = z.mean(axis=0)
            var = z.var(axis=0)
            self.running_mean = 0.9 * self.running_mean + 0.1 * mean
            self.running_var = 0.9 * self.running_var + 0.1 * var
        else:
            mean = self.running_mean
            var = self.running_var
        self.std = np.sqrt(var + 1e-5)
        self.z_hat = (z - mean) / self.std
        z = self.params["gamma"] * self.z_hat + self.params["beta"]

        self.activation = np.tanh(z)

        # TODO 1
        if training:
            self.mask = (self.rng.random(self.activation.shape) > 0.2) / 0.8
            self.hidden = self.activation * self.mask
        else:
            self.hidden = self.activation
        return self.hidden @ self.params["W2"] + self.params["b2"]


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
            # TODO 3
            for name in ("W1", "W2"):
                model.grads[name] += 0.01 / len(x) * model.params[name]
            for name, gradient in model.grads.items():
                model.params[name] -= learning_rate * gradient
        losses.append(float(total / len(x)))
    return losses
