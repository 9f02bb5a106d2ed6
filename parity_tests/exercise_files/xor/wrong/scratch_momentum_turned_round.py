"""The weights are turned round: 0.1 of the old and 0.9 of the new statistics."""

import numpy as np

BASE = "parity_tests/exercise_files/xor/correct/scratch_functions.py"
TODO = "batch norm"
FAULT = "momentum is turned round"


MOMENTUM = 0.9


def batchnorm_forward(x, gamma, beta, state, training):
    if training:
        mu = np.mean(x, axis=0)
        xmu = x - mu
        var = np.mean(xmu**2, axis=0)
        state["mean"] = (1 - MOMENTUM) * state["mean"] + MOMENTUM * mu
        state["var"] = (1 - MOMENTUM) * state["var"] + MOMENTUM * var
    else:
        xmu = x - state["mean"]
        var = state["var"]
    sqrtvar = np.sqrt(var + EPS)
    xhat = xmu / sqrtvar
    return gamma * xhat + beta, (xmu, sqrtvar, xhat, gamma)
