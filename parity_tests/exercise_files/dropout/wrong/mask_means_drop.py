"""The mask is read as True = drop."""

import numpy as np

BASE = "exercises/dropout/solutions/dropout_scratch.py"
TODO = "standard_dropout"
FAULT = "True in the mask means keep"


def standard_dropout(x: np.ndarray, rate: float, mask: np.ndarray, *, training: bool) -> np.ndarray:
    """y of the standard form. Inference does not use the mask."""
    return np.where(mask, 0, x) if training else x * (1 - rate)
