"""Backward draws a mask of its own."""

import numpy as np

BASE = "parity_tests/exercise_files/xor/correct/scratch_functions.py"
TODO = "dropout"
FAULT = "backward multiplies by the mask"


def dropout_forward(x, rng, training):
    if training:
        mask = rng.binomial(1, 1 - P_DROP, size=x.shape) / (1 - P_DROP)
        return x * mask
    return x


class Model(Model):
    def forward(self, x, training=False):
        p = self.params
        x = x.astype(np.float64)
        a1 = x @ p["W1"] + p["b1"]
        n1, bn_cache = batchnorm_forward(a1, p["gamma1"], p["beta1"], self.bn_state, training)
        h1 = np.tanh(n1)
        d1 = dropout_forward(h1, self.rng, training)
        self.cache = x, bn_cache, h1, d1
        return d1 @ p["W2"] + p["b2"]

    def backward(self, grad):
        x, bn_cache, h1, d1 = self.cache
        g = self.grads
        g["W2"] = d1.T @ grad
        g["b2"] = grad.sum(axis=0)
        dd1 = grad @ self.params["W2"].T
        dh1 = dropout_forward(dd1, self.rng, training=True)
        dn1 = dh1 * (1 - h1 * h1)
        da1, g["gamma1"], g["beta1"] = batchnorm_backward(dn1, bn_cache)
        g["W1"] = x.T @ da1
        g["b1"] = da1.sum(axis=0)
