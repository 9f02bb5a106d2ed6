"""Gaussian noise instead of a mask of zeros and ones."""

import torch

BASE = "parity_tests/exercise_files/xor/correct/torch_by_hand_dataloader.py"
TODO = "dropout"
FAULT = "noise of another kind"


class Dropout(Dropout):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training:
            return x
        deviation = (self.rate / (1 - self.rate)) ** 0.5
        return x * (1 + deviation * torch.randn_like(x))
