"""Correct: a generator of its own for the masks, a closure, decay after each step."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset


class Dropout(nn.Module):
    def __init__(self, rate: float, seed: int) -> None:
        super().__init__()
        self.rate = rate
        self.generator = torch.Generator().manual_seed(seed)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training:
            return x
        keep = torch.full_like(x, 1 - self.rate)
        mask = torch.bernoulli(keep, generator=self.generator).bool()
        return torch.where(mask, x / (1 - self.rate), 0.0)


def build_model(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    model = nn.Sequential(
        nn.Linear(2, 16),
        nn.BatchNorm1d(16),
        nn.Tanh(),
        Dropout(0.2, seed + 1000),
        nn.Linear(16, 1),
    )
    for layer, deviation in ((model[0], 1.0), (model[-1], 0.25)):
        nn.init.normal_(layer.weight, std=deviation)
        nn.init.zeros_(layer.bias)
    return model


def train(
    model: nn.Module,
    x: np.ndarray,
    y: np.ndarray,
    *,
    epochs: int = 60,
    batch_size: int = 20,
    learning_rate: float = 0.1,
    seed: int = 0,
) -> list[float]:
    data = TensorDataset(torch.from_numpy(x), torch.from_numpy(y))
    generator = torch.Generator().manual_seed(seed)
    loader = DataLoader(data, batch_size=batch_size, shuffle=True, generator=generator)
    optimizer = torch.optim.SGD(model.parameters(), lr=learning_rate)
    model.train()
    losses = []
    for _ in range(epochs):
        running_loss = 0.0
        for inputs, targets in loader:

            def closure(
                inputs: torch.Tensor = inputs, targets: torch.Tensor = targets
            ) -> torch.Tensor:
                optimizer.zero_grad()
                logits = model(inputs).flatten()
                loss = functional.binary_cross_entropy_with_logits(logits, targets)
                loss.backward()
                return loss

            loss = optimizer.step(closure)
            with torch.no_grad():
                for layer in (model[0], model[-1]):
                    layer.weight.mul_(1 - learning_rate * 0.01)
            running_loss += loss.item() * len(inputs)
        losses.append(running_loss / len(data))
    return losses


def predict(model: nn.Module, x: np.ndarray) -> np.ndarray:
    model.eval()
    with torch.no_grad():
        return torch.sigmoid(model(torch.from_numpy(x)))[:, 0].numpy()
