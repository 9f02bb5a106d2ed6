"""Backward returns the derivative without the upstream gradient."""

import numpy as np

BASE = "exercises/dropout/solutions/dropout_scratch.py"
TODO = "standard_dropout_backward"
FAULT = "The upstream gradient is not used"


def standard_dropout_backward(
    grad: np.ndarray, rate: float, mask: np.ndarray, *, training: bool
) -> np.ndarray:
    """dL/dx of the standard form, with the mask of the forward pass."""
    local = mask * 1.0 if training else np.full(grad.shape, 1 - rate)
    return local.astype(grad.dtype)
