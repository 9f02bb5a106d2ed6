"""The random settings that translations are tried with."""

import keras
import numpy as np

# JAX compiles each op anew for each shape: there 200 settings take seven minutes.
SETTINGS = 10 if keras.backend.backend() == "jax" else 200
EXACT = {"rtol": 1e-12, "atol": 1e-12}


def settings():
    """A generator of numbers for each setting."""
    return map(np.random.default_rng, range(SETTINGS))


def dyadic(rng, low=1, high=1024):
    """A number in (0, 1) that float32 has too, as Keras keeps many."""
    return int(rng.integers(low, high)) / 1024


def some(rng, *values):
    return values[rng.integers(len(values))]
