"""What the norms of the gradients were, step by step: the numbers to choose ``max_norm`` by."""

import math
from typing import Any

import numpy as np

from triptych.common.checks import check_number

__all__ = ["NormMonitor"]


class NormMonitor:
    """Collects the global norm of each training step: ``update`` after ``global_norm``.

    ``norms`` lists them all. ``summary()`` describes the finite ones; a usual ``max_norm`` lies
    between their median and their 95th percentile, so that outliers are clipped and the common step
    is not.

    >>> monitor = NormMonitor(max_norm=4)
    >>> for norm in (1.0, 2.0, 3.0, 10.0, math.inf):
    ...     monitor.update(norm)
    >>> monitor.clipped, monitor.nonfinite
    (0.25, 1)
    >>> monitor.summary()["median"]
    2.5
    """

    def __init__(self, max_norm: float | None = None) -> None:
        self.max_norm = None if max_norm is None else check_number("max_norm", max_norm, "(0, inf)")
        self.norms: list[float] = []

    def update(self, norm: Any) -> None:
        """Take in the norm of one step: a number, or a scalar of any framework; inf and NaN too."""
        norm = float(norm)
        if norm < 0:
            raise ValueError(f"norm must be a number in [0, inf] or NaN, got {norm}")
        self.norms.append(norm)

    @property
    def nonfinite(self) -> int:
        """How many steps had a norm of inf or NaN."""
        return len(self.norms) - len(self._finite())

    @property
    def clipped(self) -> float:
        """The fraction of the finite steps above ``max_norm``; NaN if there are none."""
        finite = self._finite()
        limit = math.inf if self.max_norm is None else self.max_norm
        return float(np.mean(finite > limit)) if len(finite) else math.nan

    def summary(self) -> dict[str, float]:
        """Median, 95th percentile and largest of the finite norms (NaN if there are none)."""
        finite = self._finite()
        levels = [50, 95, 100]
        median, high, largest = np.percentile(finite, levels) if len(finite) else [math.nan] * 3
        return {
            "median": float(median),
            "percentile_95": float(high),
            "largest": float(largest),
            "clipped": self.clipped,
            "nonfinite": self.nonfinite,
        }

    def _finite(self) -> np.ndarray:
        norms = np.array(self.norms)
        return norms[np.isfinite(norms)]
