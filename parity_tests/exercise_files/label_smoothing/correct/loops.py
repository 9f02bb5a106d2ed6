"""Row by row and class by class, with Python's numbers."""

import math

import numpy as np


def smooth_labels(labels, classes, smoothing):
    q = np.full((len(labels), classes), smoothing / classes)
    for i, label in enumerate(labels):
        q[i, label] += 1 - smoothing
    return q


def cross_entropy(logits, targets):
    total = 0.0
    for z, q in zip(logits.tolist(), targets.tolist(), strict=True):
        largest = max(z)
        log_sum = math.log(sum(math.exp(each - largest) for each in z))
        for logit, target in zip(z, q, strict=True):
            total -= target * (logit - largest - log_sum)
    return total / len(logits)


def cross_entropy_backward(logits, targets):
    gradient = np.zeros_like(logits)
    for i in range(logits.shape[0]):
        p = np.exp(logits[i] - max(logits[i]))
        p /= sum(p)
        for c in range(logits.shape[1]):
            gradient[i, c] = (p[c] - targets[i, c]) / logits.shape[0]
    return gradient
