"""The mask itself is inverted."""

import numpy as np

BASE = "exercises/dropout/solutions/dropout_scratch.py"
TODO = "standard_dropout"
FAULT = "mask is changed in place"


def standard_dropout(x: np.ndarray, rate: float, mask: np.ndarray, *, training: bool) -> np.ndarray:
    """y of the standard form. Inference does not use the mask."""
    if not training:
        return x * (1 - rate)
    np.logical_not(mask, out=mask)
    y = x.copy()
    y[mask] = 0
    return y
