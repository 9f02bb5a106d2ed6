"""L2 of strength 0.01 on the weights: the solution.

The strength was counted three times. ``weight_decay`` of ``torch.optim.Adam`` is L2 already, and
adds 0.01 * w to the gradient of all that it is given; the penalty in the loss added 0.02 * w more,
as its one-half was missing, and to biases and batch norm's scales and shifts as well. One of the
two is enough: here the penalty, with its one-half and over the matrices alone, which are the
parameters with two axes.
"""

import copy

import numpy as np
import torch
from torch import nn
from torch.nn import functional

FEATURES, HIDDEN, STRENGTH = 10, 32, 0.01


def make_data(rows, seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, FEATURES)).astype(np.float32)
    y = (x[:, 0] * x[:, 1] > 0).astype(np.int64)
    return torch.from_numpy(x), torch.from_numpy(y)


def build_model(seed):
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Linear(FEATURES, HIDDEN),
        nn.BatchNorm1d(HIDDEN),
        nn.ReLU(),
        nn.Linear(HIDDEN, 2),
    )


def make_optimizer(model):
    return torch.optim.Adam(model.parameters(), lr=0.003)


def penalty(model):
    return STRENGTH / 2 * sum(p.square().sum() for p in model.parameters() if p.ndim == 2)


def train_step(model, optimizer, x, y):
    """One step on the penalized loss."""
    model.train()
    loss = functional.cross_entropy(model(x), y) + penalty(model)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def shrinking(model, x, y):
    """By which multiple of itself the penalty adds to the gradient of each parameter."""
    before, other = copy.deepcopy(model), copy.deepcopy(model)
    functional.cross_entropy(before(x), y).backward()
    optimizer = make_optimizer(other)
    train_step(other, optimizer, x, y)
    result = {}
    for p, (name, start) in zip(other.parameters(), before.named_parameters(), strict=True):
        given = optimizer.state[p]["exp_avg"] / 0.1  # a first step keeps a tenth of its gradient
        w = start.detach()
        result[name] = float(((given - start.grad) * w).sum() / w.square().sum())
    return result


def main():
    x, y = make_data(500, seed=0)
    unseen = make_data(500, seed=1)
    model = build_model(seed=0)
    optimizer = make_optimizer(model)
    rng = np.random.default_rng(0)
    for _ in range(500):
        rows = torch.from_numpy(rng.integers(len(x), size=50))
        train_step(model, optimizer, x[rows], y[rows])
    for name, multiple in shrinking(model, x, y).items():
        print(f"{name:9} {round(multiple, 4) + 0.0:.4f} times itself")
    model.eval()
    right = model(unseen[0]).argmax(dim=1) == unseen[1]
    print(f"right, of points that were not seen: {right.float().mean():.1%}")


if __name__ == "__main__":
    main()
