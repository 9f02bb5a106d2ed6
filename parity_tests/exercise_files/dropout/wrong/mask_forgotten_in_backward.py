"""Backward lets the gradient through everywhere."""

import numpy as np

BASE = "exercises/dropout/solutions/dropout_scratch.py"
TODO = "standard_dropout_backward"
FAULT = "The mask is forgotten in backward"


def standard_dropout_backward(
    grad: np.ndarray, rate: float, mask: np.ndarray, *, training: bool
) -> np.ndarray:
    """dL/dx of the standard form, with the mask of the forward pass."""
    return grad if training else grad * (1 - rate)
