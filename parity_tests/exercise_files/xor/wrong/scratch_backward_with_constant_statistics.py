"""Backward treats mean and variance as constants."""

import numpy as np

BASE = "parity_tests/exercise_files/xor/correct/scratch_functions.py"
TODO = "batch norm"
FAULT = "mean and variance depend on x too"


def batchnorm_forward(x, gamma, beta, state, training):
    if training:
        mu = np.mean(x, axis=0)
        xmu = x - mu
        var = np.mean(xmu**2, axis=0)
        state["mean"] = MOMENTUM * state["mean"] + (1 - MOMENTUM) * mu
        state["var"] = MOMENTUM * state["var"] + (1 - MOMENTUM) * var
    else:
        xmu = x - state["mean"]
        var = state["var"]
    sqrtvar = np.sqrt(var + EPS)
    xhat = xmu / sqrtvar
    return gamma * xhat + beta, (sqrtvar, xhat, gamma)


def batchnorm_backward(dout, cache):
    sqrtvar, xhat, gamma = cache
    dgamma = np.sum(dout * xhat, axis=0)
    dbeta = np.sum(dout, axis=0)
    dxhat = dout * gamma
    dx = dxhat / sqrtvar
    return dx, dgamma, dbeta
