"""Pass by pass, example by example, class by class."""

import math

import numpy as np


def mean_and_variance(passes):
    mean = np.zeros_like(passes[0])
    for p in passes:
        mean = mean + p / len(passes)
    variance = np.zeros_like(mean)
    for p in passes:
        variance = variance + (p - mean) ** 2 / len(passes)
    return mean, variance


def entropy(row):
    return -sum(p * math.log(p) for p in row.tolist() if p > 0)


def entropies(passes):
    times, count, _ = passes.shape
    predictive = np.empty(count, passes.dtype)
    expected = np.empty(count, passes.dtype)
    for n in range(count):
        predictive[n] = entropy(passes[:, n].mean(axis=0))
        expected[n] = sum(entropy(passes[t, n]) for t in range(times)) / times
    return predictive, expected, predictive - expected


def calibration_error(probabilities, labels, *, bins=15):
    n = [0] * bins
    right = [0] * bins
    sure = [0.0] * bins
    for row, label in zip(probabilities.tolist(), labels, strict=True):
        confidence = max(row)
        b = max(math.ceil(confidence * bins) - 1, 0)
        n[b] += 1
        right[b] += row.index(confidence) == label
        sure[b] += confidence
    return sum(
        n[b] / len(labels) * abs(right[b] / n[b] - sure[b] / n[b]) for b in range(bins) if n[b]
    )
