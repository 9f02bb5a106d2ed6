"""Correct: lazy layers, and all in float64 inside."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.LazyLinear(16)
        self.norm = nn.LazyBatchNorm1d()
        self.out = nn.LazyLinear(1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x.double()
        h = torch.tanh(self.norm(self.hidden(x)))
        h = functional.dropout(h, 0.2, self.training)
        return self.out(h)


def build_model(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    model = Net().double().eval()
    model(torch.zeros(1, 2))
    for layer, deviation in ((model.hidden, 1.0), (model.out, 0.25)):
        nn.init.normal_(layer.weight, std=deviation)
        nn.init.zeros_(layer.bias)
    return model


def l2_penalty(model: Net) -> torch.Tensor:
    weights = (model.hidden.weight, model.out.weight)
    return 0.01 / 2 * sum(w.pow(2).sum() for w in weights)


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
    inputs, targets = torch.from_numpy(x), torch.from_numpy(y)
    criterion = nn.BCEWithLogitsLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=learning_rate)
    generator = torch.Generator().manual_seed(seed)
    losses = []
    for _ in range(epochs):
        model.train()
        total = 0.0
        for rows in torch.randperm(len(inputs), generator=generator).split(batch_size):
            optimizer.zero_grad()
            logits = model(inputs[rows]).squeeze(1)
            loss = criterion(logits, targets[rows].double()) + l2_penalty(model)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(rows)
        losses.append(total / len(inputs))
    return losses


def predict(model: nn.Module, x: np.ndarray) -> np.ndarray:
    model.eval()
    with torch.no_grad():
        return torch.sigmoid(model(torch.from_numpy(x)))[:, 0].numpy()
