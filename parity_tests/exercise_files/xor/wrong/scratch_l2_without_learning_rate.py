"""The decay in the update is not multiplied by the learning rate."""

import numpy as np

BASE = "parity_tests/exercise_files/xor/correct/scratch_functions.py"
TODO = "l2"
FAULT = "not multiplied by the learning rate"


def train(model, x, y, *, epochs=60, batch_size=20, learning_rate=0.1, seed=0):
    rng = np.random.default_rng(seed)
    history = []
    for _ in range(epochs):
        order = rng.permutation(len(x))
        loss = 0.0
        for i in range(0, len(x), batch_size):
            batch = order[i : i + batch_size]
            xb, yb = x[batch], y[batch].reshape(-1, 1)
            logits = model.forward(xb, training=True)
            loss += np.sum(np.logaddexp(0, logits) - yb * logits)
            model.backward((sigmoid(logits) - yb) / len(batch))
            for key in model.params:
                grad = model.grads[key]
                decay = LAMBDA * model.params[key] if key in ("W1", "W2") else 0.0
                model.params[key] -= learning_rate * grad + decay
        history.append(float(loss) / len(x))
    return history
