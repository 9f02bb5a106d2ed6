"""E[x^2] - E[x]^2, and the gradient with sums in one fraction."""

import numpy as np


def statistics(x):
    mean = x.mean(axis=0)
    return mean, (x**2).mean(axis=0) - mean**2


def batch_norm_train(x, gamma, beta, running_mean, running_variance, *, momentum=0.9, epsilon=1e-5):
    mean, variance = statistics(x)
    y = gamma * ((x - mean) / np.sqrt(variance + epsilon)) + beta
    pairs = ((running_mean, mean), (running_variance, variance))
    return y, *(momentum * old + (1 - momentum) * new for old, new in pairs)


def batch_norm_inference(x, gamma, beta, running_mean, running_variance, *, epsilon=1e-5):
    return gamma * ((x - running_mean) / np.sqrt(running_variance + epsilon)) + beta


def batch_norm_backward(grad, x, gamma, *, epsilon=1e-5):
    mean, variance = statistics(x)
    inverse = 1 / np.sqrt(variance + epsilon)
    x_hat = (x - mean) * inverse
    dbeta, dgamma = np.sum(grad, axis=0), np.einsum("nf,nf->f", grad, x_hat)
    n = x.shape[0]
    return gamma * inverse / n * (n * grad - dbeta - x_hat * dgamma), dgamma, dbeta
