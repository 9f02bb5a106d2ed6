"""np.where, with a mask of as many axes as the branch; the blocks are counted down from the end."""

import numpy as np


def survival_probabilities(rate, depth):
    last = 1 - rate
    blocks = np.arange(depth) + 1.0
    return (blocks * last + (depth - blocks)) / depth


def expanded(keep, array):
    return np.expand_dims(keep, tuple(range(1, array.ndim)))


def stochastic_depth_train(x, branch, rate, keep):
    return np.where(expanded(keep, x), x + branch / (1 - rate), x)


def stochastic_depth_inference(x, branch, rate):
    return branch + x


def stochastic_depth_backward(grad, rate, keep):
    return [grad, np.where(expanded(keep, grad), grad / (1 - rate), 0)]
