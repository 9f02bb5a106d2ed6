"""Find the bug: a network that learns ten times too slowly.

The script trains a network of one hidden layer to tell ten clouds of points apart, with plain SGD
at learning rate 0.05. Its loss is to be the cross-entropy of an example, averaged over the batch:

    L = -1/N sum_i log p_i[label_i]

This is the solution. The fault: ``np.mean`` went over all N * 10 elements of an array that has one
number for each example and class, nine of ten of them 0, and the gradient was divided by as many.
So the loss and every step were a tenth of what they should be: 1 / classes of it, whatever the
number of classes. The cross-entropy is summed over the classes and averaged over the examples.
"""

import numpy as np

CLASSES, HIDDEN, RATE = 10, 32, 0.05


def build_model(inputs, classes, seed):
    rng = np.random.default_rng(seed)
    return {
        "w1": rng.normal(0, np.sqrt(2 / inputs), (inputs, HIDDEN)),
        "b1": np.zeros(HIDDEN),
        "w2": rng.normal(0, 0.1 / np.sqrt(HIDDEN), (HIDDEN, classes)),
        "b2": np.zeros(classes),
    }


def forward(model, x):
    """The hidden layer, and the logits."""
    hidden = np.maximum(x @ model["w1"] + model["b1"], 0)
    return hidden, hidden @ model["w2"] + model["b2"]


def softmax(logits):
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def loss_and_gradient(logits, labels):
    """The loss of a batch, a number, and dL/dlogits (N, classes); ``labels`` are integers (N,)."""
    probabilities = softmax(logits)
    targets = np.eye(logits.shape[1])[labels]
    loss = np.mean(-np.sum(targets * np.log(probabilities + 1e-12), axis=1))
    gradient = (probabilities - targets) / len(targets)
    return loss, gradient


def train(model, x, labels, *, epochs=10, batch_size=32, seed=0):
    """The mean loss of each epoch."""
    rng, history = np.random.default_rng(seed), []
    for _ in range(epochs):
        order, total = rng.permutation(len(x)), 0.0
        for start in range(0, len(x), batch_size):
            rows = order[start : start + batch_size]
            hidden, logits = forward(model, x[rows])
            loss, gradient = loss_and_gradient(logits, labels[rows])
            back = (gradient @ model["w2"].T) * (hidden > 0)
            model["w2"] -= RATE * hidden.T @ gradient
            model["b2"] -= RATE * gradient.sum(axis=0)
            model["w1"] -= RATE * x[rows].T @ back
            model["b1"] -= RATE * back.sum(axis=0)
            total += loss * len(rows)
        history.append(total / len(x))
    return history


def clouds(rows, seed=0):
    """Points of ten classes, each around a centre of its own on a circle."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, CLASSES, rows)
    angles = 2 * np.pi * labels / CLASSES
    centres = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return centres + rng.normal(0, 0.1, centres.shape), labels


def main():
    x, labels = clouds(500)
    model = build_model(2, CLASSES, seed=0)
    loss, _ = loss_and_gradient(forward(model, x)[1], labels)
    print(f"before training: loss {loss:.2f} (it should be about {np.log(CLASSES):.2f})")
    history = train(model, x, labels)
    right = (forward(model, x)[1].argmax(axis=1) == labels).mean()
    print(f"after {len(history)} epochs: loss {history[-1]:.2f}, {right:.0%} of the points right")


if __name__ == "__main__":
    main()
