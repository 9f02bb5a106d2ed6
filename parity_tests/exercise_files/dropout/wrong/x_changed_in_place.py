"""Dropped elements of x itself are set to zero."""

import numpy as np

BASE = "exercises/dropout/solutions/dropout_scratch.py"
TODO = "standard_dropout"
FAULT = "changed in place"


def standard_dropout(x: np.ndarray, rate: float, mask: np.ndarray, *, training: bool) -> np.ndarray:
    """y of the standard form. Inference does not use the mask."""
    if training:
        x[~mask] = 0
        return x
    return x * (1 - rate)
