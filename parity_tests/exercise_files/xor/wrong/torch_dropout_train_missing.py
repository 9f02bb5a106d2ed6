"""train never calls model.train(): after a predict it runs without dropout."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional

BASE = "parity_tests/exercise_files/xor/correct/torch_module_functional.py"
TODO = "dropout"
FAULT = "train does not put the network into training mode"


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Linear(2, 16)
        self.out = nn.Linear(16, 1)
        nn.init.normal_(self.hidden.weight, std=1.0)
        nn.init.normal_(self.out.weight, std=0.25)
        nn.init.zeros_(self.hidden.bias)
        nn.init.zeros_(self.out.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = torch.tanh(self.hidden(x))
        h = functional.dropout(h, 0.2, self.training)
        return self.out(h)


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
        total = 0.0
        for rows in torch.randperm(len(inputs), generator=generator).split(batch_size):
            optimizer.zero_grad()
            logits = model(inputs[rows]).squeeze(1)
            loss = criterion(logits, targets[rows]) + l2_penalty(model)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(rows)
        losses.append(total / len(inputs))
    return losses
