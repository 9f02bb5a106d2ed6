"""A learning rate that is lowered when validation gets no better: the solution.

The schedule was given the training loss, which falls as long as the network can learn its points by
heart, so it saw no plateau. What shows that learning no longer helps is the validation loss, and
``schedule.step`` takes whatever number it is given. With it the rate is halved again and again once
overfitting begins, and the validation loss rises far less.
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
        schedule.step(validation_loss)
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
