"""Correct: sigmoid units with dropout before the activation."""

import torch
from torch import nn
from torch.nn import functional

BASE = "parity_tests/exercise_files/xor/correct/torch_module_functional.py"


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Linear(2, 16)
        self.norm = nn.BatchNorm1d(16)
        self.out = nn.Linear(16, 1)
        nn.init.normal_(self.hidden.weight, std=2.0)
        nn.init.normal_(self.out.weight, std=3.0)
        nn.init.zeros_(self.hidden.bias)
        nn.init.zeros_(self.out.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        z = functional.dropout(self.norm(self.hidden(x)), 0.2, self.training)
        return self.out(torch.sigmoid(z))
