"""All but the names that begin with b are penalized, and so gamma is."""

import numpy as np

BASE = "parity_tests/exercise_files/xor/correct/scratch_layer_classes.py"
TODO = "l2"
FAULT = "gamma, beta or the hidden bias are penalized"


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
            for name in model.params:
                if not name.startswith("b"):
                    model.grads[name] += 0.01 * model.params[name]
            for name, gradient in model.grads.items():
                model.params[name] -= learning_rate * gradient
        losses.append(float(total / len(x)))
    return losses
