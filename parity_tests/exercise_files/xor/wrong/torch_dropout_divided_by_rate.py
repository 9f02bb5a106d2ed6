"""What is kept is divided by the rate."""

import torch

BASE = "parity_tests/exercise_files/xor/correct/torch_by_hand_dataloader.py"
TODO = "dropout"
FAULT = "divided by rate"


class Dropout(Dropout):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training:
            return x
        mask = (torch.rand_like(x) >= self.rate).float()
        return x * mask / self.rate
