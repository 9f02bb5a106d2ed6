"""Gradient clipping against points that are far off: the solution.

The gradients were clipped after ``optimizer.step()``, which had already used them as they were.
What was cut was thrown away by the next ``zero_grad()``; only whoever printed the norm saw it. The
order is: backward, which fills the gradients, then clip, then step.
"""

import numpy as np
import torch
from torch import nn
from torch.nn import functional

HIDDEN, LIMIT, RATE = 32, 1.0, 0.02


def make_data(rows, seed):
    """Points of a curve; of a hundred targets one is a thousand off."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, (rows, 2))
    y = np.sin(3 * x[:, :1]) + x[:, 1:] ** 2
    far = rng.random((rows, 1)) < 0.01
    y = np.where(far, y + rng.choice([-1000, 1000], (rows, 1)), y)
    return torch.tensor(x, dtype=torch.float32), torch.tensor(y, dtype=torch.float32), far


def build_model(seed):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(2, HIDDEN), nn.Tanh(), nn.Linear(HIDDEN, 1))


def train_step(model, optimizer, x, y):
    """One step on the mean squared error, with clipped gradients; the loss before it."""
    loss = functional.mse_loss(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), LIMIT)
    optimizer.step()
    return loss.item()


def gradient_norm(model):
    return float(torch.stack([p.grad.norm() for p in model.parameters()]).norm())


def weights(model):
    return nn.utils.parameters_to_vector(model.parameters()).detach().clone()


def main():
    x, y, far = make_data(1000, seed=0)
    model = build_model(seed=0)
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    rng, longest, largest = np.random.default_rng(0), 0.0, 0.0
    for _ in range(2000):
        rows = torch.from_numpy(rng.integers(len(x), size=10))
        before = weights(model)
        train_step(model, optimizer, x[rows], y[rows])
        longest = max(longest, float((weights(model) - before).norm()))
        largest = max(largest, gradient_norm(model))
    print(f"largest norm of the gradients after a step: {largest:.3f}")
    print(f"longest step: {longest:.3g}, where {RATE * LIMIT:g} is allowed")
    near = torch.from_numpy(~far[:, 0])
    with torch.no_grad():
        loss = functional.mse_loss(model(x[near]), y[near])
    print(f"mean squared error without the points that are far off: {loss:.3g}")


if __name__ == "__main__":
    main()
