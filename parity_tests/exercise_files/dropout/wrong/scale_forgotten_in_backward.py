"""Inverted backward only masks."""

import numpy as np

BASE = "exercises/dropout/solutions/dropout_scratch.py"
TODO = "inverted_dropout_backward"
FAULT = "The scale is forgotten in backward"


def inverted_dropout_backward(
    grad: np.ndarray, rate: float, mask: np.ndarray, *, training: bool
) -> np.ndarray:
    """dL/dx of the inverted form, with the mask of the forward pass."""
    return grad * mask if training else grad
