"""Correct: np.where instead of a product, and binomial draws."""

import numpy as np


def draw_mask(rng: np.random.Generator, shape: tuple[int, ...], rate: float) -> np.ndarray:
    """Booleans of ``shape``, each on its own True (keep) with probability 1 - rate."""
    return rng.binomial(1, 1 - rate, size=shape).astype(bool)


def standard_dropout(x: np.ndarray, rate: float, mask: np.ndarray, *, training: bool) -> np.ndarray:
    """y of the standard form. Inference does not use the mask."""
    if training:
        return np.where(mask, x, x.dtype.type(0))
    return (1 - rate) * x


def standard_dropout_backward(
    grad: np.ndarray, rate: float, mask: np.ndarray, *, training: bool
) -> np.ndarray:
    """dL/dx of the standard form, with the mask of the forward pass."""
    if training:
        return np.where(mask, grad, grad.dtype.type(0))
    return (1 - rate) * grad


def inverted_dropout(x: np.ndarray, rate: float, mask: np.ndarray, *, training: bool) -> np.ndarray:
    """y of the inverted form. Inference does not use the mask."""
    if training:
        return np.where(mask, x, x.dtype.type(0)) / (1 - rate)
    return x.copy()


def inverted_dropout_backward(
    grad: np.ndarray, rate: float, mask: np.ndarray, *, training: bool
) -> np.ndarray:
    """dL/dx of the inverted form, with the mask of the forward pass."""
    if training:
        return np.where(mask, grad, grad.dtype.type(0)) / (1 - rate)
    return grad.copy()
