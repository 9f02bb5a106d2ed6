"""The running variance is fed with the standard deviation."""

import numpy as np

BASE = "parity_tests/exercise_files/xor/correct/scratch_layer_classes.py"
TODO = "batch norm"
FAULT = "the running variance is fed with something else"


class BatchNorm(BatchNorm):
    def forward(self, x, training):
        if training:
            mu, var = x.mean(axis=0), x.var(axis=0)
            self.mean = self.momentum * self.mean + (1 - self.momentum) * mu
            self.var = self.momentum * self.var + (1 - self.momentum) * np.sqrt(var)
        else:
            mu, var = self.mean, self.var
        self.inv_std = 1 / np.sqrt(var + self.eps)
        self.x_hat = (x - mu) * self.inv_std
        return self.gamma * self.x_hat + self.beta
