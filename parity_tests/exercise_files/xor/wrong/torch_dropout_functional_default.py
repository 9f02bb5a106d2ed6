"""functional.dropout with training left at its default, True."""

import torch
from torch.nn import functional

BASE = "parity_tests/exercise_files/xor/correct/torch_module_functional.py"
TODO = "dropout"
FAULT = "dropout is still active in inference"


class Net(Net):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = torch.tanh(self.norm(self.hidden(x)))
        h = functional.dropout(h, 0.2)
        return self.out(h)
