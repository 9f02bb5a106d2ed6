"""Find the bug: early stopping that ends with the best weights.

A network with batch normalization learns a noisy curve from 40 points, and soon knows the noise by
heart. ``train`` ends after ``patience`` epochs in a row without a validation loss below the lowest
before, and the model should then be that of its best epoch, running statistics included. One thing
is wrong.

What one sees: the script prints the lowest validation loss of the training, and below it that of
the model it ends with. They should be one number, and the second is larger.

    python bug_early_stop_torch.py                     train, and see it
    triptych exercise check bug_early_stop_torch.py    measure what train does

Keep the functions and their arguments: ``train`` calls ``train_epoch`` and then ``evaluate``, once
in an epoch each, by their names.
"""

import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional

HIDDEN = 64


def make_data(rows, seed):
    """Points of a sine, with noise."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, (rows, 1))
    y = np.sin(5 * x) + rng.normal(0, 0.4, (rows, 1))
    return torch.tensor(x, dtype=torch.float32), torch.tensor(y, dtype=torch.float32)


def build_model(seed):
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Linear(1, HIDDEN),
        nn.Tanh(),
        nn.Linear(HIDDEN, HIDDEN),
        nn.BatchNorm1d(HIDDEN),
        nn.ReLU(),
        nn.Linear(HIDDEN, 1),
    )


def train_epoch(model, optimizer, x, y):
    """Ten steps on all points."""
    model.train()
    for _ in range(10):
        optimizer.zero_grad()
        functional.mse_loss(model(x), y).backward()
        optimizer.step()


def evaluate(model, x, y):
    """The mean squared error."""
    model.eval()
    with torch.no_grad():
        return functional.mse_loss(model(x), y).item()


def train(model, training, validation, epochs=200, patience=10):
    """The validation loss of each epoch that was run; the model is left as in the best one."""
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    history, lowest, best, waited = [], math.inf, None, 0
    for _ in range(epochs):
        train_epoch(model, optimizer, *training)
        loss = evaluate(model, *validation)
        history.append(loss)
        if loss < lowest:
            lowest, waited = loss, 0
            best = model.state_dict()
        else:
            waited += 1
        if waited == patience:
            break
    model.load_state_dict(best)
    return history


def main():
    training, validation = make_data(40, seed=0), make_data(200, seed=1)
    for seed in range(3):
        model = build_model(seed)
        history = train(model, training, validation)
        best = int(np.argmin(history))
        print(f"seed {seed}: {len(history)} epochs, the best is epoch {best}")
        print(f"  its validation loss         {history[best]:.4f}")
        print(f"  that of the model returned  {evaluate(model, *validation):.4f}")


if __name__ == "__main__":
    main()
