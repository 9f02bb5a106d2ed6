"""Training updates the running statistics and normalizes with them."""

import torch

BASE = "parity_tests/exercise_files/xor/correct/torch_by_hand_dataloader.py"
TODO = "batch norm"
FAULT = "training uses the running statistics"


class BatchNorm(BatchNorm):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.training:
            with torch.no_grad():
                m = self.momentum
                self.running_mean.copy_(m * self.running_mean + (1 - m) * x.mean(dim=0))
                self.running_var.copy_(
                    m * self.running_var + (1 - m) * x.var(dim=0, unbiased=False)
                )
        normalized = (x - self.running_mean) / torch.sqrt(self.running_var + self.eps)
        return self.gamma * normalized + self.beta
