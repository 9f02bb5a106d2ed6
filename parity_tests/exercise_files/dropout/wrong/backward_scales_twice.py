"""Inverted backward divides twice."""

import numpy as np

BASE = "exercises/dropout/solutions/dropout_scratch.py"
TODO = "inverted_dropout_backward"
FAULT = "Scaled twice in backward"


def inverted_dropout_backward(
    grad: np.ndarray, rate: float, mask: np.ndarray, *, training: bool
) -> np.ndarray:
    """dL/dx of the inverted form, with the mask of the forward pass."""
    return grad * mask / (1 - rate) ** 2 if training else grad
