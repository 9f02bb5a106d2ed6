"""The standard form does nothing in inference."""

import numpy as np

BASE = "exercises/dropout/solutions/dropout_scratch.py"
TODO = "standard_dropout"
FAULT = "There is no rescaling"


def standard_dropout(x: np.ndarray, rate: float, mask: np.ndarray, *, training: bool) -> np.ndarray:
    """y of the standard form. Inference does not use the mask."""
    return x * mask if training else x
