"""A classifier of three classes that are far apart: the solution.

``cross_entropy`` takes logits and applies the softmax itself, and the network ended in one already.
The second softmax gets numbers between 0 and 1, so that even a sure and right answer has the loss
log(1 + 2 / e) = 0.551, and its gradients are small: it learns slowly. Now the network gives logits,
and ``predict`` applies the softmax. (The logarithm of the probabilities would be infinite at p = 0;
from the logits it is exact.)
"""

import numpy as np
import torch
from torch import nn
from torch.nn import functional

HIDDEN, CLASSES = 32, 3


def make_data(rows, seed):
    """Three clouds around the corners of a triangle, and which of them a point is from."""
    rng = np.random.default_rng(seed)
    y = rng.integers(CLASSES, size=rows)
    corners = np.array([[2.0, 0.0], [-1.0, 1.7], [-1.0, -1.7]])
    x = corners[y] + rng.normal(0, 0.5, (rows, 2))
    return torch.tensor(x, dtype=torch.float32), torch.from_numpy(y)


def build_model(seed):
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Linear(2, HIDDEN),
        nn.ReLU(),
        nn.Linear(HIDDEN, CLASSES),
    )


def train_step(model, optimizer, x, y):
    """One step on the cross-entropy, and what it was before the step."""
    loss = functional.cross_entropy(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def predict(model, x):
    """The probabilities of the classes, (N, 3)."""
    with torch.no_grad():
        return functional.softmax(model(x), dim=1)


def main():
    x, y = make_data(300, seed=0)
    model = build_model(seed=0)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for step in range(2001):
        of_label = predict(model, x)[torch.arange(len(y)), y]
        loss = train_step(model, optimizer, x, y)
        if step % 400 == 0:
            print(f"step {step:4}: loss {loss:.4f}, mean of -log p {-of_label.log().mean():.4f}")
    probabilities = predict(model, x)
    print(f"right: {(probabilities.argmax(dim=1) == y).float().mean():.1%}")
    print(f"probability of the class predicted: {probabilities.amax(dim=1).mean():.3f}")


if __name__ == "__main__":
    main()
