"""The mask is converted to float64, and y with it."""

import numpy as np

BASE = "exercises/dropout/solutions/dropout_scratch.py"
TODO = "inverted_dropout"
FAULT = "A float64 array takes part"


def inverted_dropout(x: np.ndarray, rate: float, mask: np.ndarray, *, training: bool) -> np.ndarray:
    """y of the inverted form. Inference does not use the mask."""
    return x * mask.astype(np.float64) / (1 - rate) if training else x
