"""The gradient of gamma is summed with the input, not with its normalized value."""

import numpy as np

BASE = "parity_tests/exercise_files/xor/correct/scratch_layer_classes.py"
TODO = "batch norm"
FAULT = "the gradient of gamma"


class BatchNorm(BatchNorm):
    def forward(self, x, training):
        if training:
            mu, var = x.mean(axis=0), x.var(axis=0)
            self.mean = self.momentum * self.mean + (1 - self.momentum) * mu
            self.var = self.momentum * self.var + (1 - self.momentum) * var
        else:
            mu, var = self.mean, self.var
        self.x = x
        self.inv_std = 1 / np.sqrt(var + self.eps)
        self.x_hat = (x - mu) * self.inv_std
        return self.gamma * self.x_hat + self.beta

    def backward(self, grad):
        self.dgamma = (grad * self.x).sum(axis=0)
        self.dbeta = grad.sum(axis=0)
        grad = grad * self.gamma
        centred = grad - grad.mean(axis=0) - self.x_hat * (grad * self.x_hat).mean(axis=0)
        return centred * self.inv_std
