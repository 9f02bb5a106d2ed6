"""The mask keeps half, whatever the rate."""

import numpy as np

BASE = "exercises/dropout/solutions/dropout_scratch.py"
TODO = "draw_mask"
FAULT = "The rate is not used"


def draw_mask(rng: np.random.Generator, shape: tuple[int, ...], rate: float) -> np.ndarray:
    """Booleans of ``shape``, each on its own True (keep) with probability 1 - rate."""
    return rng.random(shape) >= 0.5
