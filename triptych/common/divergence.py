"""A run that has left the finite numbers: where, in words."""

import math
import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np

from triptych.common.checks import dtype_name, readable
from triptych.common.history import History

__all__ = ["divergence", "warn_of_divergence"]


def divergence(step: int, loss: float, weights: Iterable[tuple[str, Any]]) -> str | None:
    """What is not finite after ``step`` updates, the last of them for ``loss``; None if all is.

    >>> divergence(3, math.nan, [("a.weight", np.ones(2)), ("b.weight", np.array([1, np.inf]))])
    'after step 3 the loss is nan, and the first array that is not finite is b.weight'
    """
    wrong = next((name for name, array in weights if not _is_finite(array)), None)
    if wrong is None and math.isfinite(loss):
        return None
    array = f"the first array that is not finite is {wrong}" if wrong else "all weights are finite"
    return f"after step {step} the loss is {loss:.4g}, and {array}"


def _is_finite(array: Any) -> bool:
    found = readable(array) if "float" in dtype_name(array) else None
    return found is None or bool(np.isfinite(found).all())


def warn_of_divergence(history: History) -> None:
    """Tell whoever called ``fit``."""
    if history.diverged:
        warnings.warn(
            f"the run has diverged and was ended: {history.diverged} (a smaller learning rate or "
            "clip_norm may help; fit(..., terminate_on_nan=False) goes on)",
            RuntimeWarning,
            stacklevel=3,
        )
