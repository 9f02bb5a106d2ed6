"""NumPy's global generator, seeded in build_model and in train."""

import numpy as np

BASE = "parity_tests/exercise_files/xor/correct/scratch_functions.py"


def dropout_forward(x, training):
    if training:
        mask = (np.random.rand(*x.shape) < 1 - P_DROP) / (1 - P_DROP)  # noqa: NPY002
        return x * mask, mask
    return x, None


class Model(Model):
    def __init__(self, seed):
        np.random.seed(seed)  # noqa: NPY002
        self.params = {
            "W1": np.random.randn(2, 16),  # noqa: NPY002
            "b1": np.zeros(16),
            "gamma1": np.ones(16),
            "beta1": np.zeros(16),
            "W2": 0.25 * np.random.randn(16, 1),  # noqa: NPY002
            "b2": np.zeros(1),
        }
        self.grads = {}
        self.bn_state = {"mean": np.zeros(16), "var": np.ones(16)}

    def forward(self, x, training=False):
        p = self.params
        x = x.astype(np.float64)
        a1 = x @ p["W1"] + p["b1"]
        n1, bn_cache = batchnorm_forward(a1, p["gamma1"], p["beta1"], self.bn_state, training)
        h1 = np.tanh(n1)
        d1, mask = dropout_forward(h1, training)
        self.cache = x, bn_cache, h1, d1, mask
        return d1 @ p["W2"] + p["b2"]


def train(model, x, y, *, epochs=60, batch_size=20, learning_rate=0.1, seed=0):
    np.random.seed(seed)  # noqa: NPY002
    history = []
    for _ in range(epochs):
        order = np.random.permutation(len(x))  # noqa: NPY002
        loss = 0.0
        for i in range(0, len(x), batch_size):
            batch = order[i : i + batch_size]
            xb, yb = x[batch], y[batch].reshape(-1, 1)
            logits = model.forward(xb, training=True)
            loss += np.sum(np.logaddexp(0, logits) - yb * logits)
            model.backward((sigmoid(logits) - yb) / len(batch))
            for key in model.params:
                grad = model.grads[key]
                if key in ("W1", "W2"):
                    grad = grad + LAMBDA * model.params[key]
                model.params[key] -= learning_rate * grad
        history.append(float(loss) / len(x))
    return history
