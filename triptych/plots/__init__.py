"""The figures: decision boundaries, curves, what goes on in a network, sheets of images.

Every function writes one file (PNG, SVG or PDF, by its suffix) and returns the matplotlib Figure.
Only ``Figure`` objects are used and no pyplot, so nothing global changes and no display is needed.
"""

from triptych.plots.answers import calibration, confusion_matrix
from triptych.plots.boundaries import decision_boundaries
from triptych.plots.frameworks import curves, gradient_norms
from triptych.plots.runs import layers, regularization_effects, runs
from triptych.plots.sheets import augmented, dropout_masks, misclassified
from triptych.plots.style import (
    BLACK,
    CLASS_COLOURS,
    DPI,
    FRAMEWORK_COLOURS,
    GREEN,
    PAIR_COLOURS,
    RUN_COLOURS,
    SKY,
    VERMILION,
)

__all__ = [
    "BLACK",
    "CLASS_COLOURS",
    "DPI",
    "FRAMEWORK_COLOURS",
    "GREEN",
    "PAIR_COLOURS",
    "RUN_COLOURS",
    "SKY",
    "VERMILION",
    "augmented",
    "calibration",
    "confusion_matrix",
    "curves",
    "decision_boundaries",
    "dropout_masks",
    "gradient_norms",
    "layers",
    "misclassified",
    "regularization_effects",
    "runs",
]
