"""Dropout of the inputs instead of the hidden values."""

import torch
from torch.nn import functional

BASE = "parity_tests/exercise_files/xor/correct/torch_module_functional.py"
TODO = "dropout"
FAULT = "dropout acts on the inputs"


class Net(Net):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = functional.dropout(x, 0.2, self.training)
        h = torch.tanh(self.norm(self.hidden(x)))
        return self.out(h)
