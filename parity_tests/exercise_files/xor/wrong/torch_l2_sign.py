"""The sign of the decay is wrong: the weights grow."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

BASE = "parity_tests/exercise_files/xor/correct/torch_by_hand_dataloader.py"
TODO = "l2"
FAULT = "the weights grow"


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
                    grad = p.grad - 0.01 * p if id(p) in decayed else p.grad
                    p -= learning_rate * grad
            running_loss += loss.item() * len(inputs)
        losses.append(running_loss / len(data))
    return losses
