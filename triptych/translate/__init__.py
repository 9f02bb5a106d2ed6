"""PyTorch's arguments and arrays as Keras's, and back: the mappings of the map that are formulas.

Each function is named for the direction: ``batch_norm_to_keras`` takes what PyTorch is given and
returns what to give Keras. No framework is imported; arrays are NumPy's. What has no counterpart is
refused with :class:`NoCounterpart`, which names the entry of ``triptych differences``.
"""

from triptych.translate.normalization import (
    batch_norm_to_keras,
    batch_norm_to_torch,
    running_variance_to_keras,
    running_variance_to_torch,
)
from triptych.translate.refusal import NoCounterpart

__all__ = [
    "NoCounterpart",
    "batch_norm_to_keras",
    "batch_norm_to_torch",
    "running_variance_to_keras",
    "running_variance_to_torch",
]
