"""Training divides by rate instead of 1 - rate."""

import numpy as np

BASE = "exercises/dropout/solutions/dropout_scratch.py"
TODO = "inverted_dropout"
FAULT = "Keep and drop probability are swapped"


def inverted_dropout(x: np.ndarray, rate: float, mask: np.ndarray, *, training: bool) -> np.ndarray:
    """y of the inverted form. Inference does not use the mask."""
    return x * mask / max(rate, 1e-12) if training else x
