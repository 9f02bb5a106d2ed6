"""affine=False: there is no gamma and no beta."""

import torch
from torch import nn
from torch.nn import functional

BASE = "parity_tests/exercise_files/xor/correct/torch_module_functional.py"
TODO = "batch norm"
FAULT = "gamma and beta are not trained"


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Linear(2, 16)
        self.norm = nn.BatchNorm1d(16, affine=False)
        self.out = nn.Linear(16, 1)
        nn.init.normal_(self.hidden.weight, std=1.0)
        nn.init.normal_(self.out.weight, std=0.25)
        nn.init.zeros_(self.hidden.bias)
        nn.init.zeros_(self.out.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = torch.tanh(self.norm(self.hidden(x)))
        h = functional.dropout(h, 0.2, self.training)
        return self.out(h)
