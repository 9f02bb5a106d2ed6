"""The penalty is added to the loss that is reported, not to the one that is minimized."""

import numpy as np
import torch
from torch import nn

BASE = "parity_tests/exercise_files/xor/correct/torch_module_functional.py"
TODO = "l2"
FAULT = "the loss has the penalty, but the gradients do not"


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
            loss = criterion(logits, targets[rows])
            loss.backward()
            optimizer.step()
            total += (loss + l2_penalty(model)).item() * len(rows)
        losses.append(total / len(inputs))
    return losses
