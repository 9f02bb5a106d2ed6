"""Correct: the map is linear and diagonal, so backward is forward of the gradient."""

import numpy as np

BASE = "exercises/dropout/solutions/dropout_scratch.py"


def standard_dropout_backward(
    grad: np.ndarray, rate: float, mask: np.ndarray, *, training: bool
) -> np.ndarray:
    """dL/dx of the standard form, with the mask of the forward pass."""
    return standard_dropout(grad, rate, mask, training=training)


def inverted_dropout_backward(
    grad: np.ndarray, rate: float, mask: np.ndarray, *, training: bool
) -> np.ndarray:
    """dL/dx of the inverted form, with the mask of the forward pass."""
    return inverted_dropout(grad, rate, mask, training=training)
