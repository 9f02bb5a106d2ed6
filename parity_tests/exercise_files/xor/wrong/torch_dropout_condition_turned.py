"""The condition on training is turned round."""

import torch

BASE = "parity_tests/exercise_files/xor/correct/torch_by_hand_dataloader.py"
TODO = "dropout"
FAULT = "turned round"


class Dropout(Dropout):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.training:
            return x
        mask = (torch.rand_like(x) >= self.rate).float()
        return x * mask / (1 - self.rate)
