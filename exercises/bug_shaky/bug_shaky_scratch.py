"""Find the bug: predictions that change from call to call.

The script trains a network of one hidden layer with dropout of its hidden values at rate 0.5, and
then predicts. Dropout is to be noise for training alone; and what the output layer sees is to have
the same mean in training as in prediction.

What one sees: the same network gives the same points other probabilities in every call of
``predict``, and the share of points that is right wanders with them, always below what such a
network can do.

Find what is wrong (it may be two things) and mend it, so that both holds. Keep the functions, their
arguments and what they return; what is drawn in training comes from ``rng``. ``model`` is a
dictionary of arrays.

    python bug_shaky_scratch.py                     train, and see the numbers
    triptych exercise check bug_shaky_scratch.py    measure what the script does
"""

import numpy as np

HIDDEN, RATE, LEARNING_RATE = 32, 0.5, 0.2


def build_model(inputs, classes, seed):
    rng = np.random.default_rng(seed)
    return {
        "w1": rng.normal(0, np.sqrt(2 / inputs), (inputs, HIDDEN)),
        "b1": np.zeros(HIDDEN),
        "w2": rng.normal(0, np.sqrt(1 / HIDDEN), (HIDDEN, classes)),
        "b2": np.zeros(classes),
    }


def draw_mask(shape, rng):
    """True for what is kept."""
    return rng.random(shape) >= RATE


def softmax(logits):
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def loss_and_gradients(model, x, labels, rng):
    """A training pass: the mean cross-entropy, and its gradients by the names of the weights."""
    before = x @ model["w1"] + model["b1"]
    mask = draw_mask(before.shape, rng)
    hidden = np.maximum(before, 0) * mask
    probabilities = softmax(hidden @ model["w2"] + model["b2"])
    loss = -np.log(probabilities[np.arange(len(x)), labels]).mean()
    gradient = probabilities.copy()
    gradient[np.arange(len(x)), labels] -= 1
    gradient /= len(x)
    back = gradient @ model["w2"].T * mask * (before > 0)
    return loss, {
        "w1": x.T @ back,
        "b1": back.sum(axis=0),
        "w2": hidden.T @ gradient,
        "b2": gradient.sum(axis=0),
    }


def predict(model, x):
    """Probabilities (N, classes)."""
    hidden = np.maximum(x @ model["w1"] + model["b1"], 0)
    hidden = hidden * draw_mask(hidden.shape, np.random)
    return softmax(hidden @ model["w2"] + model["b2"])


def train(model, x, labels, *, epochs=60, batch_size=32, seed=0):
    rng = np.random.default_rng(seed)
    for _ in range(epochs):
        order = rng.permutation(len(x))
        for start in range(0, len(x), batch_size):
            rows = order[start : start + batch_size]
            _, gradients = loss_and_gradients(model, x[rows], labels[rows], rng)
            for name, gradient in gradients.items():
                model[name] -= LEARNING_RATE * gradient


def rings(rows, seed=0):
    """Points of three classes, on rings around one centre."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, rows)
    radius, angle = labels + 0.5 + rng.normal(0, 0.1, rows), rng.uniform(0, 2 * np.pi, rows)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1), labels


def main():
    x, labels = rings(400)
    model = build_model(2, 3, seed=0)
    train(model, x, labels)
    calls = [predict(model, x) for _ in range(3)]
    for number, probabilities in enumerate(calls, start=1):
        right = (probabilities.argmax(axis=1) == labels).mean()
        print(f"call {number}: {right:.1%} right, the first point {probabilities[0].round(3)}")
    print(f"largest difference of a probability between calls: {np.ptp(calls, axis=0).max():.3f}")


if __name__ == "__main__":
    main()
