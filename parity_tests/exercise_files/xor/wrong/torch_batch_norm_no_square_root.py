"""Division by the variance instead of its square root."""

import torch

BASE = "parity_tests/exercise_files/xor/correct/torch_by_hand_dataloader.py"
TODO = "batch norm"
FAULT = "by its square root it must be"


class BatchNorm(BatchNorm):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.training:
            mean = x.mean(dim=0)
            var = x.var(dim=0, unbiased=False)
            with torch.no_grad():
                m = self.momentum
                self.running_mean.copy_(m * self.running_mean + (1 - m) * mean)
                self.running_var.copy_(m * self.running_var + (1 - m) * var)
        else:
            mean, var = self.running_mean, self.running_var
        normalized = (x - mean) / (var + self.eps)
        return self.gamma * normalized + self.beta
