"""Find the bug: label smoothing with a loss that can reach 0.

With label smoothing the targets q of a row are 1 - smoothing + smoothing / K for the right class,
one of K, and smoothing / K for each of the others. The cross-entropy with them never comes to 0:
its least is their entropy, -sum q log q. So the loss here is the cross-entropy less the entropy:
the divergence KL(q, p) of the network's probabilities p from q, 0 where p is q. One thing is wrong.

What one sees: the first step ends with

    TypeError: log(): argument 'input' (position 1) must be Tensor, not float

    python bug_number_torch.py                     train, and see it
    triptych exercise check bug_number_torch.py    measure what smoothed_loss returns

Keep ``smoothed_loss``, its arguments and what it returns: logits may be float32 or float64, with
any number of classes, and hundreds apart. ``smoothing`` is a Python float, from 0 to 1. With 0 the
targets are 1 and 0, and 0 log 0 counts as 0: the entropy is 0.
"""

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
    return -right * torch.log(right) - (classes - 1) * others * torch.log(others)


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
