"""Find the bug: a learning rate that is lowered when validation gets no better.

A network learns to classify points of which a fifth have a wrong class. Whenever the validation
loss has not come below its lowest for more than PATIENCE epochs in a row, the learning rate is
multiplied by FACTOR, for the next epoch, and the count begins anew: so ``ReduceLROnPlateau`` of
PyTorch does it. One thing is wrong.

What one sees: the validation loss is at its lowest after the first epoch, and rises and rises; the
rate stays what it was at first.

    python bug_plateau_torch.py                     train, and see it
    triptych exercise check bug_plateau_torch.py    measure what train does

Keep the functions and their arguments: ``train`` calls ``train_epoch`` with the optimizer, and then
``evaluate`` on the validation points, once in an epoch each, by their names.
"""

import numpy as np
import torch
from torch import nn
from torch.nn import functional

FEATURES, HIDDEN, RATE = 10, 64, 0.1
FACTOR, PATIENCE = 0.5, 3


def make_data(rows, seed):
    """Points and their classes, of which a fifth are wrong."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, FEATURES)).astype(np.float32)
    y = x[:, 0] + x[:, 1] > 0
    y = np.where(rng.random(rows) < 0.2, ~y, y).astype(np.int64)
    return torch.from_numpy(x), torch.from_numpy(y)


def build_model(seed):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(FEATURES, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 2))


def train_epoch(model, optimizer, x, y):
    """Ten steps on all points; the mean loss of them."""
    losses = []
    for _ in range(10):
        loss = functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return sum(losses) / len(losses)


def evaluate(model, x, y):
    """The mean loss."""
    with torch.no_grad():
        return functional.cross_entropy(model(x), y).item()


def train(model, training, validation, epochs=60):
    """The loss, the validation loss and the learning rate of each epoch."""
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE, momentum=0.9)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=FACTOR, patience=PATIENCE
    )
    history: dict[str, list[float]] = {"loss": [], "validation_loss": [], "rate": []}
    for _ in range(epochs):
        history["rate"].append(optimizer.param_groups[0]["lr"])
        loss = train_epoch(model, optimizer, *training)
        validation_loss = evaluate(model, *validation)
        schedule.step(loss)
        history["loss"].append(loss)
        history["validation_loss"].append(validation_loss)
    return history


def main():
    training, validation = make_data(200, seed=0), make_data(1000, seed=1)
    model = build_model(seed=0)
    history = train(model, training, validation)
    for epoch in range(0, len(history["rate"]), 6):
        loss, validation_loss, rate = (history[key][epoch] for key in history)
        print(
            f"epoch {epoch:2}: rate {rate:.4f}  loss {loss:.3f}  validation {validation_loss:.3f}"
        )
    losses = history["validation_loss"]
    lowest = int(np.argmin(losses))
    print(
        f"lowest validation loss: {losses[lowest]:.3f}, in epoch {lowest}; last: {losses[-1]:.3f}"
    )


if __name__ == "__main__":
    main()
