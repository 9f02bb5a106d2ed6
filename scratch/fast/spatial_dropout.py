"""Spatial dropout in long inner loops.

x * factor[:, None, None, :] runs in loops of C values, which are short: NumPy takes 1.5 times as
long. Here the factors are repeated, and a loop runs over several rows of an image.
"""

import numpy as np

__all__ = ["spatial_dropout", "spatial_dropout_backward"]

WIDE = 8192  # values: 32 KB of float32, the innermost cache


def spatial_dropout(
    x: np.ndarray, rate: float, mask: np.ndarray | None, *, training: bool = True
) -> np.ndarray:
    if not training:
        return x
    n, height, width, channels = x.shape
    factor = np.asarray(mask, x.dtype) * (1 / (1 - rate))
    fits = (k for k in range(height, 0, -1) if height % k == 0 and k * width * channels <= WIDE)
    pixels = next(fits, 1) * width
    rows = x.reshape(n, -1, pixels * channels)
    return (rows * np.tile(factor, pixels)[:, None, :]).reshape(x.shape)


def spatial_dropout_backward(
    grad: np.ndarray, rate: float, mask: np.ndarray | None, *, training: bool = True
) -> np.ndarray:
    return spatial_dropout(grad, rate, mask, training=training)
