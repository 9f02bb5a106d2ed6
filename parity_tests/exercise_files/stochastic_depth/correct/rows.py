"""The kept rows are picked by the mask; products by einsum, with a factor of the same dtype."""

import numpy as np


def survival_probabilities(rate, depth):
    return np.array([1 - rate * l / depth for l in range(1, depth + 1)])  # noqa: E741


def stochastic_depth_train(x, branch, rate, keep):
    y = np.array(x)
    y[keep] = x[keep] + branch[keep] / (1 - rate)
    return y


def stochastic_depth_inference(x, branch, rate):
    """What training does at rate 0, with all kept."""
    return stochastic_depth_train(x, branch, 0.0, np.ones(len(x), bool))


def stochastic_depth_backward(grad, rate, keep):
    factor = np.where(keep, 1 / (1 - rate), 0).astype(grad.dtype)
    return grad, np.einsum("n...,n->n...", grad, factor)
