"""E[p^2] - p^2; the mutual information as a divergence from the mean; bins as pairs of edges."""

import numpy as np


def mean_and_variance(passes):
    p = np.einsum("tnk->nk", passes) / len(passes)
    return p, np.mean(passes**2, axis=0) - p**2


def p_log(p, q):
    logarithm = np.zeros_like(p)
    np.log(q, out=logarithm, where=p > 0)
    return p * logarithm


def entropies(passes):
    p = passes.mean(axis=0)
    within = -p_log(passes, passes)
    divergence = -within - p_log(passes, np.broadcast_to(p, passes.shape))
    return (
        -p_log(p, p).sum(-1),
        within.sum(axis=2).mean(axis=0),
        divergence.sum(axis=2).mean(axis=0),
    )


def calibration_error(probabilities, labels, *, bins=15):
    prediction = np.argmax(probabilities, axis=1)
    confidence = probabilities[np.arange(len(labels)), prediction]
    accuracy = (prediction == labels).astype(float)
    edges = np.linspace(0, 1, bins + 1)
    ece = 0.0
    for b in range(bins):
        inside = np.logical_and(confidence > edges[b], confidence <= edges[b + 1])
        if inside.sum() > 0:
            error = np.abs(confidence[inside].mean() - accuracy[inside].mean())
            ece += error * inside.sum() / len(labels)
    return float(ece)
