"""What is kept is divided by 0.8, and inference multiplies by 0.8 as well."""

import torch

BASE = "parity_tests/exercise_files/xor/correct/torch_by_hand_dataloader.py"
TODO = "dropout"
FAULT = "in inference multiplied by it too"


class Dropout(Dropout):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training:
            return x * (1 - self.rate)
        mask = (torch.rand_like(x) >= self.rate).float()
        return x * mask / (1 - self.rate)
