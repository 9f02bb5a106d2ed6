"""What the parity tests share: the panels by name, and one error in three frameworks."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from triptych.adapters import Adapter, adapter
from triptych.panels import PACKAGES, panel

__all__ = [
    "ADAPTERS",
    "PACKAGES",
    "assert_gradient",
    "central_difference",
    "everywhere",
    "panel",
    "same_error",
]

ADAPTERS: dict[str, Adapter] = {name: adapter(name) for name in PACKAGES}


def everywhere(call: Callable[[str, Adapter], Any]) -> dict[str, Any]:
    """``call(framework, adapter)`` in each framework."""
    return {name: call(name, ADAPTERS[name]) for name in PACKAGES}


def same_error(call: Callable[[str, Adapter], Any], message: str) -> None:
    """``call`` raises a ValueError with exactly this text in each framework."""
    for framework in PACKAGES:
        with pytest.raises(ValueError) as caught:  # noqa: PT011 (the text is compared below)
            call(framework, ADAPTERS[framework])
        assert str(caught.value) == message, framework


def central_difference(
    function: Callable[[np.ndarray], float], x: np.ndarray, step: float = 1e-6
) -> np.ndarray:
    """The gradient of a scalar function at x, over all indices: (f(x+h) - f(x-h)) / 2h."""
    gradient = np.empty_like(x)
    for index in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[index] += step
        down[index] -= step
        gradient[index] = (function(up) - function(down)) / (2 * step)
    return gradient


def assert_gradient(
    function: Callable[[np.ndarray], float], x: np.ndarray, grad: np.ndarray
) -> None:
    """``grad`` is the gradient of ``function`` at x, to 1e-6 of the array's scale."""
    expected = central_difference(function, x)
    assert grad.shape == expected.shape
    scale = max(np.abs(expected).max(), np.abs(grad).max(), 1e-12)
    assert np.abs(grad - expected).max() / scale <= 1e-6
