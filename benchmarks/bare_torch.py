"""PyTorch as one writes it without Triptych: nn modules, an optimizer and a loop."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.timing import Contestant
from triptych.common.datasets import Dataset

__all__ = ["cnn", "epoch", "mlp", "xor", "xor_epoch"]

BATCH = 128


def mlp() -> nn.Sequential:
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(784, 256, bias=False),
        nn.BatchNorm1d(256),
        nn.ReLU(),
        nn.Dropout(0.2),
        nn.Linear(256, 256, bias=False),
        nn.BatchNorm1d(256),
        nn.ReLU(),
        nn.Dropout(0.2),
        nn.Linear(256, 10),
    )


def cnn() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1, bias=False),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.Dropout2d(0.1),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1, bias=False),
        nn.BatchNorm2d(64),
        nn.ReLU(),
        nn.Dropout2d(0.1),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(3136, 128, bias=False),
        nn.BatchNorm1d(128),
        nn.ReLU(),
        nn.Dropout(0.3),
        nn.Linear(128, 10),
    )


def channels_first(images: np.ndarray) -> torch.Tensor:
    """(N, C, H, W), as a loader makes it. With one channel ``permute`` would change nothing in
    memory, and PyTorch would take its strides for channels_last.
    """
    return torch.from_numpy(images.transpose(0, 3, 1, 2).copy())


def epoch(
    model: nn.Module, data: Dataset, *, loader: bool = False, channels_last: bool = False
) -> Contestant:
    """Batches are cut by hand, or by a ``DataLoader``. The loss of each step is read, as the panels
    do for their curves, and a few images are looked at in the end.
    """
    layout = torch.channels_last if channels_last else torch.contiguous_format
    model.to(memory_format=layout)  # type: ignore[call-overload]
    x, x_validation = (
        channels_first(images).contiguous(memory_format=layout)
        for images in (data.x_train, data.x_validation)
    )
    y, y_validation = torch.from_numpy(data.y_train), torch.from_numpy(data.y_validation)
    batches = DataLoader(TensorDataset(x, y), batch_size=BATCH, shuffle=True)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    loss_function = nn.CrossEntropyLoss()

    def run() -> None:
        model.train()
        by_hand = ((x[i], y[i]) for i in torch.randperm(len(x)).split(BATCH))
        for images, labels in batches if loader else by_hand:
            optimizer.zero_grad()
            loss = loss_function(model(images), labels)
            loss.backward()
            optimizer.step()
            loss.item()
        model.eval()
        with torch.no_grad():
            loss_function(model(x_validation), y_validation).item()

    return run


def xor() -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(2, 16, bias=False),
        nn.BatchNorm1d(16),
        nn.Tanh(),
        nn.Dropout(0.2),
        nn.Linear(16, 1),
    ).double()


def xor_epoch(model: nn.Sequential, data: Dataset, steps: int) -> Contestant:
    """Every step sees all four corners. The L2 penalty is left to the optimizer."""
    x, y = torch.from_numpy(data.x_train), torch.from_numpy(data.y_train).double()
    weights = [p for p in model.parameters() if p.ndim == 2]
    others = [p for p in model.parameters() if p.ndim == 1]
    groups: list[dict] = [{"params": weights, "weight_decay": 0.01}, {"params": others}]
    optimizer = torch.optim.Adam(groups, lr=0.01)

    def run() -> None:
        model.train()
        for _ in range(steps):
            order = torch.randperm(len(x))
            optimizer.zero_grad()
            loss = F.binary_cross_entropy_with_logits(model(x[order])[:, 0], y[order])
            loss.backward()
            optimizer.step()
            loss.item()
        model.eval()
        with torch.no_grad():
            F.binary_cross_entropy_with_logits(model(x)[:, 0], y).item()

    return run
