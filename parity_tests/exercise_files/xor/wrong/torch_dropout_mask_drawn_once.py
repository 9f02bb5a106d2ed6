"""The mask is drawn once, in __init__, and kept as a buffer."""

import torch
from torch import nn

BASE = "parity_tests/exercise_files/xor/correct/torch_by_hand_dataloader.py"
TODO = "dropout"
FAULT = "the mask is drawn once"


class Dropout(nn.Module):
    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate
        self.register_buffer("mask", (torch.rand(16) >= rate).float())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training:
            return x
        return x * self.mask / (1 - self.rate)
