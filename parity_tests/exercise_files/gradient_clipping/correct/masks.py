"""np.where and signs; one long vector for the global norm, einsum for a norm."""

import numpy as np


def clip_by_value(grad, limit):
    return np.where(np.abs(grad) > limit, limit * np.sign(grad), grad)


def clip_by_norm(grad, max_norm):
    norm = np.einsum("i,i->", grad.ravel(), grad.ravel()) ** 0.5
    with np.errstate(divide="ignore"):
        factor = np.where(norm > max_norm, max_norm / norm, 1).astype(grad.dtype)
    return grad * factor, norm


def clip_by_global_norm(grads, max_norm):
    norm = np.linalg.norm(np.concatenate([grad.ravel() for grad in grads]))
    scale = min(1, max_norm / norm) if norm != 0 else 1
    return list(map(lambda grad: scale * grad, grads)), float(norm)
