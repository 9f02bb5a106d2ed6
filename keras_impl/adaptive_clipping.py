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

Here: the weights of a unit are those of one index of the last axis. In training it is a transform
of an optimizer of this panel.
"""

import math
from typing import Any

import keras
from keras import ops

from keras_impl.optimizers import Transform
from keras_impl.penalties import is_table
from triptych.common.checks import (
    check_floats,
    check_gradients,
    check_integer,
    check_number,
    check_same_shape,
    own_arrays,
)

__all__ = ["unit_norms", "clip_adaptively", "AdaptiveClipping"]


def unit_norms(w: Any, *, axis: int | None = None) -> Any:
    """||w_i|| for each unit, in a shape that stands beside w."""
    unit = _check_w(w, axis)
    axes = tuple(i for i in range(len(w.shape)) if i != unit) or None
    return ops.sqrt(ops.sum(ops.square(w), axis=axes, keepdims=True))


def clip_adaptively(
    grads: list[Any],
    params: list[Any],
    clipping: float,
    *,
    epsilon: float = 1e-3,
    axis: int | None = None,
) -> list[Any]:
    """Each unit's gradient at most ``clipping`` times as long as the unit's weights."""
    clipping, epsilon = _check(grads, params, clipping, epsilon, axis)
    clipped = []
    for g, w in zip(grads, params, strict=True):
        least, share = (ops.convert_to_tensor(value, g.dtype) for value in (epsilon, clipping))
        norm = unit_norms(g, axis=axis)
        limit = share * ops.maximum(unit_norms(w, axis=axis), least)
        clipped.append(g * _scale(norm, limit))
    return clipped


def _scale(norm: Any, limit: Any) -> Any:
    scale = ops.where(norm <= limit, ops.ones_like(norm), limit / norm)
    return ops.where(ops.isfinite(norm), scale, ops.full_like(norm, math.nan))


@keras.saving.register_keras_serializable("triptych")
class AdaptiveClipping(Transform):
    """Clips the gradients of each step, those of every parameter.

    In a training of one's own:

        from keras_impl.optimizers import Adam

        model.compile(optimizer=Adam(transforms=[AdaptiveClipping(0.01)]), loss=loss)
    """

    def __init__(self, clipping: float = 0.01, *, epsilon: float = 1e-3) -> None:
        self.clipping, self.epsilon = _check_numbers(clipping, epsilon)

    def __call__(self, grads: list[Any], variables: list[Any], step: Any) -> list[Any]:
        tables = [is_table(variable) for variable in variables]
        params = [variable.value for variable in variables]
        params, grads = _units_last(params, tables), _units_last(grads, tables)
        clipped = clip_adaptively(grads, params, self.clipping, epsilon=self.epsilon)
        return _units_last(clipped, tables)

    def get_config(self) -> dict[str, Any]:
        return {"clipping": self.clipping, "epsilon": self.epsilon}


def _units_last(arrays: list[Any], tables: list[bool]) -> list[Any]:
    return [ops.transpose(a) if table else a for a, table in zip(arrays, tables, strict=True)]


def _check_numbers(clipping: float, epsilon: float) -> tuple[float, float]:
    clipping = check_number("clipping", clipping, "(0, inf)")
    return clipping, check_number("epsilon", epsilon, "(0, inf)")


@own_arrays
def _check_w(w: Any, axis: int | None) -> int:
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
    grads: list[Any], params: list[Any], clipping: float, epsilon: float, axis: int | None
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
