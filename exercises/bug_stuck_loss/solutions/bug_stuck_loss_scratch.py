"""Find the bug: a training loss that gets stuck.

The script trains a network of one hidden layer on 120 points of six classes, with the layers of
``scratch``. Dropout at rate 0.5 is to thin out the hidden layer in training, so that no class rests
on a few of its units: in front of the output's matrix.

This is the solution. The fault: dropout stood behind the output layer, and put half of the logits
to 0, that of the label as well as others. A softmax takes a logit of 0 for a score like any other,
so that the loss was that of a random half of the classes, which no training can lower; and the
hidden layer, which was to be thinned out, was whole. Dropout belongs in front of the last matrix.
"""

import numpy as np

from scratch.dropout import Dropout
from scratch.layers import Dense, ReLU, Sequential
from scratch.losses import softmax_cross_entropy, softmax_cross_entropy_backward
from scratch.optimizers import SGD

INPUTS, CLASSES, HIDDEN = 20, 6, 64


def build_model(inputs, classes, seed):
    """Logits (N, classes) of points (N, inputs), in float64."""
    return Sequential(
        [
            Dense(inputs, HIDDEN, seed=seed, name="hidden", dtype="float64"),
            ReLU(),
            Dropout(0.5, seed=seed, name="dropout"),
            Dense(HIDDEN, classes, seed=seed, name="output", dtype="float64"),
        ]
    )


def train_step(model, optimizer, x, labels):
    """One step on a batch, and its loss."""
    logits = model.forward(x, training=True)
    model.backward(softmax_cross_entropy_backward(logits, labels))
    params = {name: layer.params[key] for name, layer, key in model.parameters()}
    grads = {name: layer.grads[key] for name, layer, key in model.parameters()}
    optimizer.step(params, grads)
    return float(softmax_cross_entropy(logits, labels))


def train(model, x, labels, *, epochs=100, batch_size=20, seed=0):
    """The losses of all steps, (epochs, steps)."""
    optimizer, rng, losses = SGD(0.1), np.random.default_rng(seed), []
    for _ in range(epochs):
        order = rng.permutation(len(x)).reshape(-1, batch_size)
        losses.append([train_step(model, optimizer, x[rows], labels[rows]) for rows in order])
    return np.array(losses)


def predict(model, x):
    """Logits (N, classes), with nothing dropped."""
    return model.forward(x, training=False)


def points(rows, seed):
    """Around six centres, which are the same for each seed."""
    centres = np.random.default_rng(99).normal(size=(CLASSES, INPUTS))
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, CLASSES, rows)
    return centres[labels] + rng.normal(0, 1.6, (rows, INPUTS)), labels


def main():
    x, labels = points(120, seed=1)
    model = build_model(INPUTS, CLASSES, seed=0)
    losses = train(model, x, labels)
    for epoch in (0, 9, 49, 99):
        print(f"epoch {epoch + 1:3d}: training loss {losses[epoch].mean():.2f}", end="")
        print(f", the largest of a batch {losses[epoch].max():.2f}")
    logits = predict(model, x)
    loss, right = softmax_cross_entropy(logits, labels), (logits.argmax(axis=1) == labels).mean()
    print(f"the same points afterwards: loss {loss:.2f}, {right:.0%} right")


if __name__ == "__main__":
    main()
