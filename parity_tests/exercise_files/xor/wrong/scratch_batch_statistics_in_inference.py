"""Inference normalizes with the statistics of the batch that it is given."""

import numpy as np

BASE = "parity_tests/exercise_files/xor/correct/scratch_functions.py"
TODO = "batch norm"
FAULT = "inference uses the statistics of the batch"


def batchnorm_forward(x, gamma, beta, state, training):
    mu = np.mean(x, axis=0)
    xmu = x - mu
    var = np.mean(xmu**2, axis=0)
    if training:
        state["mean"] = MOMENTUM * state["mean"] + (1 - MOMENTUM) * mu
        state["var"] = MOMENTUM * state["var"] + (1 - MOMENTUM) * var
    sqrtvar = np.sqrt(var + EPS)
    xhat = xmu / sqrtvar
    return gamma * xhat + beta, (xmu, sqrtvar, xhat, gamma)
