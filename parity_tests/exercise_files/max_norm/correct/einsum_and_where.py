"""Norms by einsum and by np.linalg, and np.where to choose."""

import numpy as np


def unit_norms(w):
    return np.einsum("iu,iu->u", w, w) ** 0.5


def max_norm(w, limit):
    n = np.linalg.norm(w, axis=0, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(n > limit, limit * w / n, w)


def max_norm_kernel(kernel, limit):
    n = np.sqrt(np.einsum("hwcf,hwcf->f", kernel, kernel))
    over = n > limit
    constrained = np.array(kernel)
    constrained[..., over] *= limit / n[over]
    return constrained
