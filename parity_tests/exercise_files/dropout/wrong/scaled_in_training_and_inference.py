"""Inference scales as well."""

import numpy as np

BASE = "exercises/dropout/solutions/dropout_scratch.py"
TODO = "inverted_dropout"
FAULT = "Scaled in training and in inference"


def inverted_dropout(x: np.ndarray, rate: float, mask: np.ndarray, *, training: bool) -> np.ndarray:
    """y of the inverted form. Inference does not use the mask."""
    return x * mask / (1 - rate) if training else x * (1 - rate)
