"""Feature by feature, with sums and a mean of squares."""

import numpy as np


def batch_norm_train(x, gamma, beta, running_mean, running_variance, *, momentum=0.9, epsilon=1e-5):
    y, mean, variance = np.empty_like(x), np.empty_like(gamma), np.empty_like(gamma)
    for j in range(x.shape[1]):
        mean[j] = x[:, j].sum() / len(x)
        variance[j] = ((x[:, j] - mean[j]) ** 2).sum() / len(x)
        y[:, j] = gamma[j] * (x[:, j] - mean[j]) / np.sqrt(variance[j] + epsilon) + beta[j]
    rest = 1 - momentum
    return y, momentum * running_mean + rest * mean, momentum * running_variance + rest * variance


def batch_norm_inference(x, gamma, beta, running_mean, running_variance, *, epsilon=1e-5):
    x_hat = (x - running_mean) * (running_variance + epsilon) ** -0.5
    return np.multiply(gamma, x_hat) + beta


def batch_norm_backward(grad, x, gamma, *, epsilon=1e-5):
    """Step by step along the graph, as in the lecture notes of many courses."""
    n = len(x)
    mu = x.mean(axis=0)
    centred = x - mu
    v = (centred**2).mean(axis=0)
    root = np.sqrt(v + epsilon)
    dbeta = grad.sum(axis=0)
    dgamma = (grad * centred / root).sum(axis=0)
    dx_hat = grad * gamma
    droot = -(dx_hat * centred).sum(axis=0) / root**2
    dv = droot / (2 * root)
    dcentred = dx_hat / root + 2 * centred * dv / n
    return dcentred - dcentred.sum(axis=0) / n, dgamma, dbeta
