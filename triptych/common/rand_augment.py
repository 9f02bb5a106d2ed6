"""RandAugment's changes, and how strong each is at a magnitude. No arrays here."""

import math
from typing import NamedTuple

__all__ = ["MOST_OPS", "OPERATIONS", "Strengths", "strengths"]

# In the order of their numbers. What moves pixels comes after the identity, then the four blends.
OPERATIONS = (
    "identity",
    "shear_x",
    "shear_y",
    "translate_x",
    "translate_y",
    "rotate",
    "brightness",
    "color",
    "contrast",
    "sharpness",
    "posterize",
    "solarize",
    "autocontrast",
)
LEVELS = 30  # of magnitude
MOST_OPS = 100


class Strengths(NamedTuple):
    """Of all changes at one magnitude."""

    slope: float  # of a shear: pixels a pixel
    shear: float  # the same in degrees
    translation: float  # a fraction of the side
    rotation: float  # degrees
    blend: float  # how far a factor is from 1
    bits: int  # that posterizing keeps
    threshold: float  # from which on solarizing inverts


def strengths(magnitude: float) -> Strengths:
    """Those of Cubuk et al., for a magnitude in [0, 30].

    The threshold lies half a level of 8 bits below the level meant, and 2**-10 more, as that of a
    posterized image does: no rounding of the last digit decides.

    >>> strengths(10)._replace(threshold=0).bits
    7
    """
    m = float(magnitude) / LEVELS
    level = math.ceil(round(255 * (1 - m), 6))  # the first to be inverted
    return Strengths(
        slope=0.3 * m,
        shear=math.degrees(math.atan(0.3 * m)),
        translation=150 / 331 * m,
        rotation=30 * m,
        blend=0.9 * m,
        bits=8 - round(4 * m),
        threshold=max(level - 0.5 - 2**-10, 0) / 255,
    )
