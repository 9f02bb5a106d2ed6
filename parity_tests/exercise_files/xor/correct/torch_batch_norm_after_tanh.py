"""Correct: linear, tanh, batch normalization, dropout; squares of norms in the loss."""

import torch
from torch.nn import functional

BASE = "parity_tests/exercise_files/xor/correct/torch_module_functional.py"


class Net(Net):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.norm(torch.tanh(self.hidden(x)))
        h = functional.dropout(h, 0.2, self.training)
        return self.out(h)


def l2_penalty(model: Net) -> torch.Tensor:
    weights = (model.hidden.weight, model.out.weight)
    return 0.01 / 2 * sum(torch.linalg.norm(w) ** 2 for w in weights)
