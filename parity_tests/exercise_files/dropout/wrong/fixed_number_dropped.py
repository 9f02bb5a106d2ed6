"""Exactly rate times the number of elements are dropped."""

import numpy as np

BASE = "exercises/dropout/solutions/dropout_scratch.py"
TODO = "draw_mask"
FAULT = "fixed number of elements is chosen"


def draw_mask(rng: np.random.Generator, shape: tuple[int, ...], rate: float) -> np.ndarray:
    """Booleans of ``shape``, each on its own True (keep) with probability 1 - rate."""
    size = int(np.prod(shape))
    return (rng.permutation(size) >= round(rate * size)).reshape(shape)
