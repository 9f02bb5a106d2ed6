"""The weights of attention in place, with one addition for the mask."""

import math

import numpy as np

__all__ = ["attention_weights", "attention_weights_backward"]


def attention_weights(q: np.ndarray, k: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
    a = q @ k.swapaxes(2, 3)
    a *= 1 / math.sqrt(q.shape[-1])
    if mask is not None:
        a += np.where(mask, 0, -np.inf).astype(a.dtype)[:, np.newaxis]
    # Of a row that sees nothing the largest is -inf, and -inf - -inf is NaN.
    a -= np.maximum(a.max(axis=-1, keepdims=True), np.finfo(a.dtype).min)
    np.exp(a, out=a)
    total = a.sum(axis=-1, keepdims=True)
    a /= np.where(total == 0, 1, total).astype(a.dtype)
    return a


def attention_weights_backward(
    grad: np.ndarray, a: np.ndarray, q: np.ndarray, k: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """``grad`` is written over."""
    grad -= np.einsum("nhts,nhts->nht", a, grad)[..., np.newaxis]
    grad *= a
    grad *= 1 / math.sqrt(q.shape[-1])
    return grad @ k, grad.swapaxes(2, 3) @ q
