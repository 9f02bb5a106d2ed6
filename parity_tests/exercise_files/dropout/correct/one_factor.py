"""Correct: the inverse of the probability to keep as one factor; zeros assigned to a copy."""

import numpy as np


def draw_mask(rng: np.random.Generator, shape: tuple[int, ...], rate: float) -> np.ndarray:
    """Booleans of ``shape``, each on its own True (keep) with probability 1 - rate."""
    keep = 1 - rate
    return rng.uniform(size=shape) < keep


def standard_dropout(x: np.ndarray, rate: float, mask: np.ndarray, *, training: bool) -> np.ndarray:
    """y of the standard form. Inference does not use the mask."""
    y = x.copy()
    if training:
        y[~mask] = 0
    else:
        y *= 1 - rate
    return y


def standard_dropout_backward(
    grad: np.ndarray, rate: float, mask: np.ndarray, *, training: bool
) -> np.ndarray:
    """dL/dx of the standard form, with the mask of the forward pass."""
    factor = mask.astype(grad.dtype) if training else 1.0 - rate
    return factor * grad


def inverted_dropout(x: np.ndarray, rate: float, mask: np.ndarray, *, training: bool) -> np.ndarray:
    """y of the inverted form. Inference does not use the mask."""
    scale = 1 / (1 - rate)
    return x * (mask.astype(x.dtype) * scale) if training else x


def inverted_dropout_backward(
    grad: np.ndarray, rate: float, mask: np.ndarray, *, training: bool
) -> np.ndarray:
    """dL/dx of the inverted form, with the mask of the forward pass."""
    scale = 1 / (1 - rate)
    return grad * (mask.astype(grad.dtype) * scale) if training else grad
