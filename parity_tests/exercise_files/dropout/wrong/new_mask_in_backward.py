"""Backward draws a mask of its own."""

import numpy as np

BASE = "exercises/dropout/solutions/dropout_scratch.py"
TODO = "standard_dropout_backward"
FAULT = "A new mask is drawn in backward"


def standard_dropout_backward(
    grad: np.ndarray, rate: float, mask: np.ndarray, *, training: bool
) -> np.ndarray:
    """dL/dx of the standard form, with the mask of the forward pass."""
    if not training:
        return grad * (1 - rate)
    return grad * draw_mask(np.random.default_rng(), grad.shape, rate)
