"""Augmentation of images: the units and the signs of its angles, zooms and shifts.

rotation      PyTorch (torchvision): degrees; ``rotate`` turns counter-clockwise, ``affine``
              clockwise                        Keras: fractions of a turn, counter-clockwise
zoom          torchvision: scale > 1 enlarges  Keras: factor > 0 shrinks, scale = 1 / (1 + f)
translation   torchvision: pixels              Keras: fractions of the side, down and right
affine_grid   theta maps places of the output, from -1 to 1 along each side, to the input's
"""

import math

import numpy as np

from triptych.common.checks import check_choice, check_number, check_size

__all__ = [
    "rotation_to_keras",
    "rotation_to_theta",
    "rotation_to_torch",
    "translation_to_keras",
    "translation_to_torch",
    "zoom_to_keras",
    "zoom_to_torch",
]

SIGNS = {"rotate": 1, "affine": -1}


def rotation_to_keras(degrees: float, function: str = "rotate") -> float:
    """The factor of Keras's ``RandomRotation`` for the angle of torchvision's ``function``.

    >>> rotation_to_keras(90.0), rotation_to_keras(90.0, "affine")
    (0.25, -0.25)
    """
    return _sign(function) * check_number("degrees", degrees) / 360


def rotation_to_torch(factor: float, function: str = "rotate") -> float:
    """The angle in degrees of torchvision's ``function`` for a factor of ``RandomRotation``."""
    return _sign(function) * check_number("factor", factor) * 360


def rotation_to_theta(factor: float, height: int, width: int) -> np.ndarray:
    """``theta`` of ``torch.nn.functional.affine_grid`` for a factor of Keras's ``RandomRotation``.

    Shape (2, 3). The sides enter because the grid runs from -1 to 1 along each of them.
    """
    angle = 2 * math.pi * check_number("factor", factor)
    ratio = check_size("height", height) / check_size("width", width)
    cosine, sine = math.cos(angle), math.sin(angle)
    return np.array([[cosine, -sine * ratio, 0.0], [sine / ratio, cosine, 0.0]])


def zoom_to_keras(scale: float) -> float:
    """The factor of Keras's ``RandomZoom`` for torchvision's ``scale``."""
    return 1 / check_number("scale", scale, "(0, inf)") - 1


def zoom_to_torch(factor: float) -> float:
    """The ``scale`` of torchvision's ``affine`` for a factor of Keras's ``RandomZoom``."""
    return 1 / (1 + check_number("factor", factor, "(-1, inf)"))


def translation_to_keras(pixels: float, side: int) -> float:
    """The factor of Keras's ``RandomTranslation`` for a shift of so many pixels."""
    return check_number("pixels", pixels) / check_size("side", side)


def translation_to_torch(factor: float, side: int) -> float:
    """The pixels of torchvision's ``translate`` for a factor of Keras's ``RandomTranslation``."""
    return check_number("factor", factor) * check_size("side", side)


def _sign(function: str) -> int:
    return SIGNS[check_choice("function", function, tuple(SIGNS))]
