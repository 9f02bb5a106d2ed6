"""The mask comes from a new generator of a fixed seed."""

import numpy as np

BASE = "exercises/dropout/solutions/dropout_scratch.py"
TODO = "draw_mask"
FAULT = "fixed seed is made at every call"


def draw_mask(rng: np.random.Generator, shape: tuple[int, ...], rate: float) -> np.ndarray:
    """Booleans of ``shape``, each on its own True (keep) with probability 1 - rate."""
    return np.random.default_rng(0).random(shape) >= rate
