"""Find the bug: a classifier that is measured on points it has not seen.

The script learns which of two classes a point of 20 numbers belongs to, with batch normalization
and dropout, and after each epoch says how well it does on validation points. One thing is wrong.

What one sees: measured twice, with nothing learned in between, the same model gives another loss
and another accuracy on the same points. Both change too if the points are measured in groups of
ten, and they are worse than they should be.

    python bug_evaluation_torch.py                     train, and see it
    triptych exercise check bug_evaluation_torch.py    measure what the functions do

Keep the network, the functions and their arguments. The check calls the functions one by one: each
does what its docstring says, whatever was called before.
"""

import numpy as np
import torch
from torch import nn
from torch.nn import functional

FEATURES, HIDDEN = 20, 64


def make_data(rows, seed):
    """Points (rows, 20) and their classes; a tenth of the classes are wrong."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, FEATURES)).astype(np.float32)
    y = x[:, 0] * x[:, 1] + x[:, 2] > 0
    y = np.where(rng.random(rows) < 0.1, ~y, y).astype(np.int64)
    return torch.from_numpy(x), torch.from_numpy(y)


def build_model(seed):
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Linear(FEATURES, HIDDEN),
        nn.BatchNorm1d(HIDDEN),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(HIDDEN, 2),
    )


def train_epoch(model, optimizer, x, y, rng, batch_size=20):
    """An epoch of training, with dropout and the batch's statistics; the mean loss of its steps."""
    losses = []
    order = torch.from_numpy(rng.permutation(len(x)))
    for rows in order.split(batch_size):
        loss = functional.cross_entropy(model(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return sum(losses) / len(losses)


def evaluate(model, x, y):
    """The mean loss and the accuracy of the trained network."""
    with torch.no_grad():
        logits = model(x)
        loss = functional.cross_entropy(logits, y)
        accuracy = (logits.argmax(dim=1) == y).float().mean()
    return loss.item(), accuracy.item()


def train(model, training, validation, epochs=30, seed=0):
    """For each epoch its training loss, validation loss and validation accuracy."""
    optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
    rng, history = np.random.default_rng(seed), []
    x, y = training
    for _ in range(epochs):
        loss = train_epoch(model, optimizer, x, y, rng)
        history.append((loss, *evaluate(model, *validation)))
    return history


def main():
    training, validation = make_data(400, seed=0), make_data(400, seed=1)
    model = build_model(seed=0)
    history = train(model, training, validation)
    for epoch in range(0, len(history), 5):
        print("epoch {:2}: loss {:.3f}, validation {:.3f}, {:.1%}".format(epoch, *history[epoch]))
    print("\nthe trained model, measured four times on the same points:")
    for _ in range(4):
        print("  loss {:.3f}, {:.1%} right".format(*evaluate(model, *validation)))
    x, y = validation
    groups = [evaluate(model, x[i : i + 10], y[i : i + 10]) for i in range(0, len(x), 10)]
    print("and in groups of ten:")
    print("  loss {:.3f}, {:.1%} right".format(*np.mean(groups, axis=0)))


if __name__ == "__main__":
    main()
