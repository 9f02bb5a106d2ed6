r"""Constraints on weights: after each step, put back where they are allowed to be.

    n_i = ||w_i||                                       w_i: the weights of one unit or filter

    max-norm        w_i <- w_i * c / n_i                where n_i > c
    unit norm       w_i <- w_i / n_i
    min-max norm    w_i <- w_i * t_i / n_i              t_i = rate * min(max(n_i, low), high)
                                                              + (1 - rate) * n_i
    non-negative    w <- max(w, 0)

A unit whose weights are all 0 stays as it is. For a dense layer w_i are all weights that lead to
one unit, for a convolution the filter of one output channel, for a table of words or positions a
row; ``axis`` is the one that counts units, None the last in NumPy and Keras, (..., in, out), the
first in PyTorch, (out, in, ...).

``w`` has any shape and is floating point; ``max_norm`` lies in (0, inf), ``min_norm`` in [0,
max_norm], ``rate`` in [0, 1]: 1 goes all the way at once. A ``ValueError`` says which argument does
not fit.

Papers: Srebro and Shraibman, "Rank, trace-norm and max-norm", COLT 2005 (of the factors of a
matrix, from which the name comes); Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov,
"Dropout: a simple way to prevent neural networks from overfitting", JMLR 15, 2014 (section 5.1:
max-norm with dropout).

Framework differences: we add nothing to the norm, and leave alone what is allowed; Keras adds 1e-7
and scales always. See ``triptych differences``: max-norm-below-limit, max-norm-axis,
constraint-timing, constraint-of-variable, unit-norm-epsilon.

Here: ``epsilon`` is added to the norm: 1e-7 is PyTorch's ``renorm``, and Keras's with ``always``.
"""

from collections.abc import Callable

import numpy as np

from scratch.adaptive_clipping import unit_norms
from scratch.layers import Layer, Sequential
from scratch.penalties import is_weight
from triptych.common.checks import (
    check_flag,
    check_gradients,
    check_methods,
    check_model,
    check_number,
    own_arrays,
)
from triptych.common.watchers import Run, Watcher

__all__ = [
    "max_norm",
    "unit_norm",
    "min_max_norm",
    "non_negative",
    "MaxNorm",
    "UnitNorm",
    "MinMaxNorm",
    "NonNegative",
    "WeightConstraint",
]


def max_norm(
    w: np.ndarray,
    max_norm: float,
    *,
    axis: int | None = None,
    epsilon: float = 0.0,
    always: bool = False,
) -> np.ndarray:
    """Every unit's norm at most ``max_norm``."""
    c, epsilon, always = _check_max_norm(w, max_norm, epsilon, always)
    n = unit_norms(w, axis=axis)
    if always:
        return w * (np.minimum(n, c) / (n + epsilon))
    return w * np.where(n > c, c / (_not_0(n) + epsilon), 1).astype(w.dtype)


def unit_norm(w: np.ndarray, *, axis: int | None = None, epsilon: float = 0.0) -> np.ndarray:
    """Every unit's norm 1."""
    epsilon = _check_unit_norm(w, epsilon)
    return w / (_not_0(unit_norms(w, axis=axis)) + epsilon)


def min_max_norm(
    w: np.ndarray,
    min_norm: float,
    max_norm: float,
    *,
    rate: float = 1.0,
    axis: int | None = None,
    epsilon: float = 0.0,
) -> np.ndarray:
    """Every unit's norm between the two, or a part of the way there."""
    low, high, rate, epsilon = _check_min_max(w, min_norm, max_norm, rate, epsilon)
    n = unit_norms(w, axis=axis)
    t = rate * np.minimum(np.maximum(n, low), high) + (1 - rate) * n
    return w * (t / (_not_0(n) + epsilon))


def non_negative(w: np.ndarray) -> np.ndarray:
    _check(w)
    return np.maximum(w, 0)


def _not_0(n: np.ndarray) -> np.ndarray:
    """Weights that are all 0 stay so, whatever they are divided by."""
    return np.where(n == 0, np.ones_like(n), n)


class MaxNorm:
    def __init__(self, max_norm: float) -> None:
        self.max_norm = _check_limit(max_norm)

    def __call__(self, w: np.ndarray) -> np.ndarray:
        return max_norm(w, self.max_norm)


class UnitNorm:
    def __call__(self, w: np.ndarray) -> np.ndarray:
        return unit_norm(w)


class MinMaxNorm:
    def __init__(self, min_norm: float, max_norm: float, *, rate: float = 1.0) -> None:
        self.min_norm, self.max_norm, self.rate = _check_limits(min_norm, max_norm, rate)

    def __call__(self, w: np.ndarray) -> np.ndarray:
        return min_max_norm(w, self.min_norm, self.max_norm, rate=self.rate)


class NonNegative:
    def __call__(self, w: np.ndarray) -> np.ndarray:
        return non_negative(w)


class WeightConstraint(Watcher):
    """Constrains the weights that penalties act on after each step: no biases, no scales.

    In a loop of one's own:

        constraint = WeightConstraint(MaxNorm(3.0))
        for x, y in batches:
            ...
            optimizer.step(params, grads)
            constraint.constrain(model)
    """

    def __init__(self, constraint: Callable[[np.ndarray], np.ndarray]) -> None:
        check_methods("constraint", constraint, "__call__")
        self.constraint = constraint

    def constrain(self, model: Sequential) -> None:
        check_model(model, Layer)
        for name, layer, key in model.parameters():
            if is_weight(name):
                w = layer.params[key].T if layer.rows_are_units else layer.params[key]
                w[...] = self.constraint(w)

    def after_step(self, run: Run) -> None:
        self.constrain(run.model)


@own_arrays
def _check(w: np.ndarray) -> None:
    check_gradients([w], "w")


def _check_max_norm(
    w: np.ndarray, max_norm: float, epsilon: float, always: bool
) -> tuple[float, float, bool]:
    epsilon = _check_unit_norm(w, epsilon)
    return _check_limit(max_norm), epsilon, check_flag("always", always)


def _check_unit_norm(w: np.ndarray, epsilon: float) -> float:
    _check(w)
    return check_number("epsilon", epsilon, "[0, inf)")


def _check_limit(max_norm: float) -> float:
    return check_number("max_norm", max_norm, "(0, inf)")


def _check_min_max(
    w: np.ndarray, min_norm: float, max_norm: float, rate: float, epsilon: float
) -> tuple[float, float, float, float]:
    epsilon = _check_unit_norm(w, epsilon)
    return *_check_limits(min_norm, max_norm, rate), epsilon


def _check_limits(min_norm: float, max_norm: float, rate: float) -> tuple[float, float, float]:
    max_norm = _check_limit(max_norm)
    min_norm = check_number("min_norm", min_norm, f"[0, {max_norm}]")
    return min_norm, max_norm, check_number("rate", rate, "[0, 1]")
