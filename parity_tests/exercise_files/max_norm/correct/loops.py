"""Unit by unit."""

import math

import numpy as np


def unit_norms(w):
    norms = []
    for j in range(w.shape[1]):
        total = 0.0
        for i in range(w.shape[0]):
            total += float(w[i, j]) ** 2
        norms.append(math.sqrt(total))
    return np.array(norms, dtype=w.dtype)


def max_norm(w, limit):
    result = w.copy()
    for j, norm in enumerate(unit_norms(w)):
        if norm > limit:
            result[:, j] = w[:, j] / norm * limit
    return result


def max_norm_kernel(kernel, limit):
    result = np.empty_like(kernel)
    for j in range(kernel.shape[-1]):
        one = kernel[..., j]
        norm = np.linalg.norm(one.ravel())
        result[..., j] = one if norm <= limit else one * float(limit / norm)
    return result
