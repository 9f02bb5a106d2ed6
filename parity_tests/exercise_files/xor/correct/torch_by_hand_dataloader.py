"""Correct: both layers by hand, a DataLoader, updates without an optimizer."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset


class BatchNorm(nn.Module):
    def __init__(self, size: int, momentum: float = 0.9, eps: float = 1e-5) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(size))
        self.beta = nn.Parameter(torch.zeros(size))
        self.register_buffer("running_mean", torch.zeros(size))
        self.register_buffer("running_var", torch.ones(size))
        self.momentum = momentum
        self.eps = eps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.training:
            mean = x.mean(dim=0)
            var = x.var(dim=0, unbiased=False)
            with torch.no_grad():
                m = self.momentum
                self.running_mean.copy_(m * self.running_mean + (1 - m) * mean)
                self.running_var.copy_(m * self.running_var + (1 - m) * var)
        else:
            mean, var = self.running_mean, self.running_var
        normalized = (x - mean) / torch.sqrt(var + self.eps)
        return self.gamma * normalized + self.beta


class Dropout(nn.Module):
    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training:
            return x
        mask = (torch.rand_like(x) >= self.rate).float()
        return x * mask / (1 - self.rate)


def build_model(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    model = nn.Sequential(
        nn.Linear(2, 16),
        BatchNorm(16),
        nn.Tanh(),
        Dropout(0.2),
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
    decayed = {id(model[0].weight), id(model[-1].weight)}
    model.train()
    losses = []
    for _ in range(epochs):
        running_loss = 0.0
        for inputs, targets in loader:
            loss = functional.binary_cross_entropy_with_logits(model(inputs)[:, 0], targets)
            model.zero_grad()
            loss.backward()
            with torch.no_grad():
                for p in model.parameters():
                    grad = p.grad + 0.01 * p if id(p) in decayed else p.grad
                    p -= learning_rate * grad
            running_loss += loss.item() * len(inputs)
        losses.append(running_loss / len(data))
    return losses


def predict(model: nn.Module, x: np.ndarray) -> np.ndarray:
    model.eval()
    with torch.no_grad():
        return torch.sigmoid(model(torch.from_numpy(x)))[:, 0].numpy()
