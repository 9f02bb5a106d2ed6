"""The order linear, tanh, dropout, batch normalization."""

import torch
from torch.nn import functional

BASE = "parity_tests/exercise_files/xor/correct/torch_module_functional.py"
TODO = "dropout"
FAULT = "dropout stands before batch norm"


class Net(Net):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = torch.tanh(self.hidden(x))
        h = functional.dropout(h, 0.2, self.training)
        return self.out(self.norm(h))
