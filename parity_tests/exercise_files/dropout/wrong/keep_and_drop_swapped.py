"""The mask is True with probability rate."""

import numpy as np

BASE = "exercises/dropout/solutions/dropout_scratch.py"
TODO = "draw_mask"
FAULT = "Keep and drop probability are swapped"


def draw_mask(rng: np.random.Generator, shape: tuple[int, ...], rate: float) -> np.ndarray:
    """Booleans of ``shape``, each on its own True (keep) with probability 1 - rate."""
    return rng.random(shape) < rate
