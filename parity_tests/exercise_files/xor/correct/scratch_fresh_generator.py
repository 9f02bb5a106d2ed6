"""A generator without a seed, made anew in each forward pass."""

import numpy as np

BASE = "parity_tests/exercise_files/xor/correct/scratch_float32.py"


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
            rng = np.random.default_rng()
            self.mask = (rng.random(self.activation.shape) > 0.2) / 0.8
            self.hidden = self.activation * self.mask
        else:
            self.hidden = self.activation
        return self.hidden @ self.params["W2"] + self.params["b2"]
