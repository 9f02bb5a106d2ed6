r"""Gradient clipping: no step larger than a limit, however steep the loss.

    norm              ||g|| = sqrt(sum g**2)            ||G|| = sqrt(sum_k ||g_k||**2)
    of order p        ||g|| = (sum abs(g)**p)**(1/p)    and for p = inf max abs(g); G likewise
    by value          g <- min(max(g, -limit), limit)                            each element
    by norm           g <- g * min(max_norm / ||g||, 1)                          each array
    by global norm    g_k <- g_k * min(max_norm / ||G||, 1)                      all arrays as one

In float32 the square of 2e19 overflows and that of 1e-23 is 0. Where the plain sum of squares
cannot be trusted, the norm is m * sqrt(sum (g / m)**2), m = max abs(g); other orders are always
taken so. A scale of 1 leaves every bit as it is.

``grads`` is a list of arrays of one floating dtype and any shapes; ``limit`` and ``max_norm`` lie
in (0, inf), ``order`` in (0, inf]. A ``ValueError`` says which argument does not fit. Nothing is
written into what is given.

Where something is not finite, or a norm too large for the dtype:

    by value          inf becomes limit, -inf becomes -limit, NaN stays NaN
    by norm           an array whose norm is inf or NaN becomes NaN everywhere
    by global norm    all arrays become NaN if the global norm is inf or NaN

Paper: Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks",
ICML 2013 (Algorithm 1).

Framework differences: we divide by the norm, scaled by the largest element so that it does not
overflow; an infinite gradient makes all of them NaN, and a limit of 0 is an error. See ``triptych
differences``: clip-epsilon, clip-scope, clip-nonfinite, clip-zero, clip-below-limit, norm-overflow.

Here: ||G|| is the norm of the norms of the arrays; an array that is not scaled is returned itself.
``epsilon`` is added to the norm: 1e-6 is PyTorch's.
"""

import math

import numpy as np

from scratch.half import half_in_float32
from triptych.common.checks import (
    check_gradients,
    check_number,
    own_arrays,
)
from triptych.common.gradient_norms import NormMonitor
from triptych.common.watchers import Run, Watcher

__all__ = [
    "global_norm",
    "clip_by_value",
    "clip_by_norm",
    "clip_by_global_norm",
    "NormMonitor",
    "GlobalNormClipping",
]

Arrays = list[np.ndarray]


@half_in_float32
def global_norm(grads: Arrays, *, order: float = 2.0) -> np.ndarray:
    """||G||, a scalar of the dtype of the gradients."""
    order = _check_order(grads, order)
    return _norm_of_all(grads, order)


def clip_by_value(grads: Arrays, limit: float) -> Arrays:
    """Every element in [-limit, limit]."""
    limit = _check_limit(grads, limit)
    return [np.asarray(np.clip(grad, -limit, limit)) for grad in grads]


@half_in_float32
def clip_by_norm(
    grads: Arrays, max_norm: float, *, order: float = 2.0, epsilon: float = 0.0
) -> Arrays:
    """Every array at most ``max_norm`` long."""
    max_norm, order, epsilon = _check_norm(grads, max_norm, order, epsilon)
    return [_scaled(grad, _scale(_norm(grad, order), max_norm, epsilon)) for grad in grads]


@half_in_float32
def clip_by_global_norm(
    grads: Arrays, max_norm: float, *, order: float = 2.0, epsilon: float = 0.0
) -> tuple[Arrays, np.ndarray]:
    """All arrays together at most ``max_norm`` long, and the global norm from before."""
    max_norm, order, epsilon = _check_norm(grads, max_norm, order, epsilon)
    norm = _norm_of_all(grads, order)
    scale = _scale(norm, max_norm, epsilon)
    return [_scaled(grad, scale) for grad in grads], norm


def _norm_of_all(grads: Arrays, order: float) -> np.ndarray:
    return _norm(np.array([_norm(grad, order) for grad in grads]), order)


def _norm(g: np.ndarray, order: float) -> np.ndarray:
    """||g||, of the dtype of g."""
    flat, limits = g.ravel(order="K"), np.finfo(g.dtype)
    if order != 2:
        m = np.abs(flat).max()
        if order == math.inf or m == 0 or not np.isfinite(m):
            return m
        with np.errstate(over="ignore"):
            return m * np.sum(np.abs(flat / m) ** order) ** (1 / order)
    square = np.vdot(flat, flat)
    if limits.tiny / limits.eps <= square <= limits.max:  # no square that counts was lost
        return np.sqrt(square)
    m = np.abs(flat).max()
    if m == 0 or not np.isfinite(m):
        return m
    scaled = flat / m
    with np.errstate(over="ignore"):  # the norm itself may be too large for the dtype
        return m * np.sqrt(np.vdot(scaled, scaled))


def _scale(norm: np.ndarray, max_norm: float, epsilon: float = 0.0) -> float:
    bound = float(norm) + epsilon
    if not math.isfinite(bound):
        return math.nan
    return max_norm / bound if bound > max_norm else 1.0


def _scaled(grad: np.ndarray, scale: float) -> np.ndarray:
    return grad if scale == 1 else np.asarray(grad * scale)  # a 0-d product is no array


class GlobalNormClipping(Watcher):
    """Clips the gradients of each step, and adds the global norm from before to the history.

    In a loop of one's own:

        from triptych.common.history import History
        from triptych.common.watchers import Run

        clipping = GlobalNormClipping(max_norm=1.0)
        run = Run(model, optimizer, History("scratch"))
        for x, y in batches:
            ...
            run.grads = grads
            clipping.after_gradients(run)
            optimizer.step(params, run.grads)
    """

    def __init__(self, max_norm: float) -> None:
        self.max_norm = check_number("max_norm", max_norm, "(0, inf)")

    def after_gradients(self, run: Run) -> None:
        if not run.grads:
            return
        norm = _norm_of_all(list(run.grads.values()), 2.0)
        scale = _scale(norm, self.max_norm)
        run.grads = {name: _scaled(grad, scale) for name, grad in run.grads.items()}
        run.history.gradient_norm.append(float(norm))


@own_arrays
def _check(grads: Arrays) -> None:
    check_gradients(grads)


def _check_limit(grads: Arrays, limit: float) -> float:
    _check(grads)
    return check_number("limit", limit, "(0, inf)")


def _check_norm(
    grads: Arrays, max_norm: float, order: float, epsilon: float
) -> tuple[float, float, float]:
    _check(grads)
    max_norm = check_number("max_norm", max_norm, "(0, inf)")
    order = check_number("order", order, "(0, inf]")
    return max_norm, order, check_number("epsilon", epsilon, "[0, inf)")


def _check_order(grads: Arrays, order: float) -> float:
    _check(grads)
    return check_number("order", order, "(0, inf]")
