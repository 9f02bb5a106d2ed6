r"""Adaptive gradient clipping: no unit's gradient large relative to the norm of its weights.

    limit_i = clipping * max(||w_i||, epsilon)
    g_i <- g_i * limit_i / ||g_i||                  where ||g_i|| > limit_i

w_i are the weights of one unit: for a dense layer all that lead to it, for a convolution the filter
of one output channel; ``axis`` is the one that counts units, None the last in NumPy and Keras,
(..., in, out), the first in PyTorch, (out, in, ...). Biases, scales and other arrays of one axis
are one unit as a whole. epsilon lets weights of 0 begin to grow. ``clipping`` is the paper's
lambda.

``grads`` and ``params`` are lists of arrays of one floating dtype and, pair by pair, one shape;
``clipping`` and ``epsilon`` lie in (0, inf). A ``ValueError`` says which argument does not fit. A
gradient that is not finite stays so where it is: a unit whose norm is inf or NaN becomes NaN.

Paper: Brock, De, Smith and Simonyan, "High-performance large-scale image recognition without
normalization", ICML 2021 (section 4; in 4.1 the last layer is left as it is).

Framework differences: neither framework has it.

Here: the weights of a unit are those of one index of the last axis.
"""

import numpy as np

from scratch.half import half_in_float32
from triptych.common.checks import (
    check_floats,
    check_gradients,
    check_integer,
    check_number,
    check_same_shape,
    own_arrays,
)
from triptych.common.watchers import Run, Watcher

__all__ = ["unit_norms", "clip_adaptively", "AdaptiveClipping"]


@half_in_float32
def unit_norms(w: np.ndarray, *, axis: int | None = None) -> np.ndarray:
    """||w_i|| for each unit, in a shape that stands beside w."""
    unit = _check_w(w, axis)
    axes = tuple(i for i in range(w.ndim) if i != unit) or None
    return np.sqrt(np.sum(w**2, axis=axes, keepdims=True))


def clip_adaptively(
    grads: list[np.ndarray],
    params: list[np.ndarray],
    clipping: float,
    *,
    epsilon: float = 1e-3,
    axis: int | None = None,
) -> list[np.ndarray]:
    """Each unit's gradient at most ``clipping`` times as long as the unit's weights."""
    clipping, epsilon = _check(grads, params, clipping, epsilon, axis)
    clipped = []
    for g, w in zip(grads, params, strict=True):
        norm = unit_norms(g, axis=axis)
        limit = clipping * np.maximum(unit_norms(w, axis=axis), epsilon)
        clipped.append(g * _scale(norm, limit))
    return clipped


def _scale(norm: np.ndarray, limit: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = np.where(norm <= limit, np.ones_like(norm), limit / norm)
    return np.where(np.isfinite(norm), scale, np.full_like(norm, np.nan))


class AdaptiveClipping(Watcher):
    """Clips the gradients of each step, those of every parameter.

    In a loop of one's own:

        clipping = AdaptiveClipping(0.01)
        run = Run(model, optimizer, History("scratch"))
        for x, y in batches:
            ...
            run.grads = grads
            clipping.after_gradients(run)
            optimizer.step(params, run.grads)
    """

    def __init__(self, clipping: float = 0.01, *, epsilon: float = 1e-3) -> None:
        self.clipping, self.epsilon = _check_numbers(clipping, epsilon)

    def after_gradients(self, run: Run) -> None:
        if run.grads:
            params, tables = {}, set()
            for name, layer, key in run.model.parameters():
                params[name] = layer.params[key]
                tables |= {name} if layer.rows_are_units else set()
            given = [_units_last(params[name], name in tables) for name in run.grads]
            grads = [_units_last(grad, name in tables) for name, grad in run.grads.items()]
            clipped = clip_adaptively(grads, given, self.clipping, epsilon=self.epsilon)
            both = zip(run.grads, clipped, strict=True)
            run.grads = {name: _units_last(grad, name in tables) for name, grad in both}


def _units_last(array: np.ndarray, is_table: bool) -> np.ndarray:
    return array.T if is_table else array


def _check_numbers(clipping: float, epsilon: float) -> tuple[float, float]:
    clipping = check_number("clipping", clipping, "(0, inf)")
    return clipping, check_number("epsilon", epsilon, "(0, inf)")


@own_arrays
def _check_w(w: np.ndarray, axis: int | None) -> int:
    """The axis of the units, counted from the first."""
    check_gradients([w], "w")
    return _check_axis(len(w.shape), axis)


def _check_axis(axes: int, axis: int | None) -> int:
    if axes < 2:
        return -1  # one unit as a whole
    axis = -1 if axis is None else axis
    return check_integer("axis", axis, minimum=-axes, maximum=axes - 1) % axes


@own_arrays
def _check(
    grads: list[np.ndarray],
    params: list[np.ndarray],
    clipping: float,
    epsilon: float,
    axis: int | None,
) -> tuple[float, float]:
    check_gradients(grads)
    check_gradients(params, "params")
    if len(grads) != len(params):
        raise ValueError(f"params must be as many as grads, {len(grads)}, got {len(params)}")
    for index, (grad, w) in enumerate(zip(grads, params, strict=True)):
        check_same_shape(f"params[{index}]", w, grad)
        check_floats(**{f"grads[{index}]": grad, f"params[{index}]": w})
        _check_axis(len(w.shape), axis)
    return _check_numbers(clipping, epsilon)
