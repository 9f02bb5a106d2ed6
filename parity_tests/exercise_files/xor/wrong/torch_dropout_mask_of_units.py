"""One mask of shape (16,) for all examples of the batch."""

import torch

BASE = "parity_tests/exercise_files/xor/correct/torch_by_hand_dataloader.py"
TODO = "dropout"
FAULT = "one mask serves all examples"


class Dropout(Dropout):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training:
            return x
        mask = (torch.rand(x.shape[1]) >= self.rate).float()
        return x * mask / (1 - self.rate)
