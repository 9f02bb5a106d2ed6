"""Example by example, block by block."""

import numpy as np


def survival_probabilities(rate, depth):
    probabilities = []
    for block in range(depth):
        probabilities.append(1.0 - (block + 1) / depth * rate)
    return probabilities


def stochastic_depth_train(x, branch, rate, keep):
    survival = 1.0 - rate
    y = x.copy()
    for n in range(len(x)):
        if keep[n]:
            y[n] += branch[n] / survival
    return y


def stochastic_depth_inference(x, branch, rate):
    return np.add(x, branch)


def stochastic_depth_backward(grad, rate, keep):
    dbranch = np.zeros_like(grad)
    for n, kept in enumerate(keep):
        if kept:
            dbranch[n] = grad[n] / (1.0 - rate)
    return grad.copy(), dbranch
