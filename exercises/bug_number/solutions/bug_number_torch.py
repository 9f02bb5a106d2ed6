"""Label smoothing with a loss that can reach 0: the solution.

``torch.log`` takes tensors, and was given Python's floats: for a number there is ``math.log``. A
tensor would do as well, if it has the dtype of the logits; but the entropy is the same whatever the
network does, and has no gradient, so that a number is all that is needed. And log 0 has to be kept
out: ``math.log`` refuses it, and in PyTorch 0 times log 0 is NaN.
"""

import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional

HIDDEN, CLASSES = 32, 4


def make_data(rows, seed):
    """Four clouds at the corners of a square, and which of them a point is from."""
    rng = np.random.default_rng(seed)
    y = rng.integers(CLASSES, size=rows)
    corners = np.array([[2.0, 2.0], [-2.0, 2.0], [-2.0, -2.0], [2.0, -2.0]])
    x = corners[y] + rng.normal(0, 0.4, (rows, 2))
    return torch.tensor(x, dtype=torch.float32), torch.from_numpy(y)


def build_model(seed):
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Linear(2, HIDDEN),
        nn.ReLU(),
        nn.Linear(HIDDEN, CLASSES),
    )


def entropy(smoothing, classes):
    """-sum q log q of one row of targets."""
    others = smoothing / classes
    right = 1 - smoothing + others
    return -sum(q * math.log(q) for q in [right] + [others] * (classes - 1) if q > 0)


def smoothed_loss(logits, labels, smoothing):
    """The mean of KL(q, p) over the rows, a tensor of the dtype of the logits."""
    cross_entropy = functional.cross_entropy(logits, labels, label_smoothing=smoothing)
    return cross_entropy - entropy(smoothing, logits.shape[1])


def train(model, x, y, smoothing, steps=400):
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(steps):
        loss = smoothed_loss(model(x), y, smoothing)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def main():
    x, y = make_data(200, seed=0)
    for smoothing in (0.1, 0.0):
        model = build_model(seed=0)
        train(model, x, y, smoothing)
        with torch.no_grad():
            cross_entropy = functional.cross_entropy(model(x), y, label_smoothing=smoothing)
            loss = smoothed_loss(model(x), y, smoothing)
        print(f"smoothing {smoothing}: cross-entropy {cross_entropy:.4f}, loss {loss:.4f}")


if __name__ == "__main__":
    main()
