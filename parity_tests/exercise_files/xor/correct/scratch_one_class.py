"""One class; forward and backward written out in it."""

import numpy as np


class Model:
    """Dense, batch norm, tanh, dropout, dense."""

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

    def backward(self, grad: np.ndarray) -> None:
        """Fill ``grads`` from dL/dlogits (N, 1), for the inputs of the last forward."""
        self.grads["W2"] = self.hidden.T @ grad
        self.grads["b2"] = grad.sum(axis=0)
        grad = grad @ self.params["W2"].T
        # TODO 1
        grad = grad * self.mask
        grad = grad * (1 - self.activation**2)
        # TODO 2
        self.grads["gamma"] = np.sum(grad * self.z_hat, axis=0)
        self.grads["beta"] = np.sum(grad, axis=0)
        n = len(grad)
        dz_hat = grad * self.params["gamma"]
        along = np.sum(dz_hat * self.z_hat, axis=0)
        grad = (n * dz_hat - dz_hat.sum(axis=0) - self.z_hat * along) / (n * self.std)
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
            # TODO 3
            for name in ("W1", "W2"):
                model.grads[name] += 0.01 * model.params[name]
            for name, gradient in model.grads.items():
                model.params[name] -= learning_rate * gradient
        losses.append(float(total / len(x)))
    return losses


def predict(model: Model, x: np.ndarray) -> np.ndarray:
    return sigmoid(model.forward(x, training=False))[:, 0]


def sigmoid(z: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-z)), written so that nothing overflows."""
    return 0.5 + 0.5 * np.tanh(z / 2)
