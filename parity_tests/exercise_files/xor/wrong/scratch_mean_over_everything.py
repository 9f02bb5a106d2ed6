"""Mean and variance are single numbers, over all examples and units: the axis is missing."""

import numpy as np

BASE = "parity_tests/exercise_files/xor/correct/scratch_layer_classes.py"
TODO = "batch norm"
FAULT = "an axis is missing"


class BatchNorm(BatchNorm):
    def forward(self, x, training):
        if training:
            mu, var = x.mean(), x.var()
            self.mean = self.momentum * self.mean + (1 - self.momentum) * mu
            self.var = self.momentum * self.var + (1 - self.momentum) * var
        else:
            mu, var = self.mean, self.var
        self.inv_std = 1 / np.sqrt(var + self.eps)
        self.x_hat = (x - mu) * self.inv_std
        return self.gamma * self.x_hat + self.beta

    def backward(self, grad):
        self.dgamma = (grad * self.x_hat).sum(axis=0)
        self.dbeta = grad.sum(axis=0)
        grad = grad * self.gamma
        centred = grad - grad.mean() - self.x_hat * (grad * self.x_hat).mean()
        return centred * self.inv_std
