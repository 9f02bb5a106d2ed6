"""Training multiplies by 1 - rate."""

import numpy as np

BASE = "exercises/dropout/solutions/dropout_scratch.py"
TODO = "inverted_dropout"
FAULT = "Multiplied by (1 - rate) instead of divided"


def inverted_dropout(x: np.ndarray, rate: float, mask: np.ndarray, *, training: bool) -> np.ndarray:
    """y of the inverted form. Inference does not use the mask."""
    return x * mask * (1 - rate) if training else x
