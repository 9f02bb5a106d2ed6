"""The weights of the hidden layer are dropped, not its values (DropConnect)."""

import torch
from torch.nn import functional

BASE = "parity_tests/exercise_files/xor/correct/torch_module_functional.py"
TODO = "dropout"
FAULT = "the weights are dropped"


class Net(Net):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        weight = functional.dropout(self.hidden.weight, 0.2, self.training)
        h = functional.linear(x, weight, self.hidden.bias)
        h = torch.tanh(self.norm(h))
        return self.out(h)
