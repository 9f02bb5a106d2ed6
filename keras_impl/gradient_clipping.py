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

Here: the norm is always taken so, with the m of all arrays. Keras itself clips by norm inside its
optimizers only, so the norms are written out; the optimizers of this panel call
``clip_by_global_norm`` if they are given ``global_clipnorm``.
"""

import math
from typing import Any

import keras
from keras import ops

from triptych.common.checks import (
    check_gradients,
    check_number,
    own_arrays,
)
from triptych.common.gradient_norms import NormMonitor

__all__ = [
    "global_norm",
    "clip_by_value",
    "clip_by_norm",
    "clip_by_global_norm",
    "NormMonitor",
    "GradientNorms",
]

Tensors = list[Any]


def global_norm(grads: Tensors, *, order: float = 2.0) -> Any:
    """||G||, a scalar of the dtype of the gradients."""
    order = _check_order(grads, order)
    return _norm(grads, order)


def clip_by_value(grads: Tensors, limit: float) -> Tensors:
    """Every element in [-limit, limit]."""
    limit = _check_limit(grads, limit)
    return [ops.clip(grad, -limit, limit) for grad in grads]


def clip_by_norm(grads: Tensors, max_norm: float, *, order: float = 2.0) -> Tensors:
    """Every array at most ``max_norm`` long."""
    max_norm, order = _check_norm(grads, max_norm, order)
    return [grad * _scale(_norm([grad], order), max_norm) for grad in grads]


def clip_by_global_norm(
    grads: Tensors, max_norm: float, *, order: float = 2.0
) -> tuple[Tensors, Any]:
    """All arrays together at most ``max_norm`` long, and the global norm from before."""
    max_norm, order = _check_norm(grads, max_norm, order)
    norm = _norm(grads, order)
    scale = _scale(norm, max_norm)
    return [grad * scale for grad in grads], norm


def _norm(grads: Tensors, order: float) -> Any:
    m = ops.max(ops.stack([ops.max(ops.abs(grad)) for grad in grads]))
    if order == math.inf:
        return m
    usable = ops.logical_and(m > 0, ops.isfinite(m))
    # XLA computes g / m as g * (1 / m), and takes 1 / m, which is subnormal for the largest m, for
    # 0: a quarter of m will do.
    m = ops.where(m > 1, m / 4, m)
    m = ops.where(usable, m, ops.ones_like(m))
    if order == 2:
        squares = [ops.sum(ops.square(grad / m)) for grad in grads]
        return m * ops.sqrt(ops.sum(ops.stack(squares)))
    power, root = (ops.convert_to_tensor(value, m.dtype) for value in (order, 1 / order))
    powers = [ops.sum(ops.power(ops.abs(grad / m), power)) for grad in grads]
    return m * ops.power(ops.sum(ops.stack(powers)), root)


def _scale(norm: Any, max_norm: float) -> Any:
    scale = ops.where(norm > max_norm, max_norm / norm, ops.ones_like(norm))
    return ops.where(ops.isfinite(norm), scale, ops.full_like(norm, math.nan))


class GradientNorms(keras.callbacks.Callback):
    """Keeps the global norm of each step's gradients, from before the optimizer clips them.

    In a training of one's own:

        from keras_impl.optimizers import Adam  # which keeps the norm

        norms = GradientNorms()
        model.compile(optimizer=Adam(global_clipnorm=1.0), loss=loss)
        model.fit(x, y, callbacks=[norms])
        print(norms.norms)
    """

    def __init__(self) -> None:
        super().__init__()
        self.norms: list[float] = []

    def on_train_begin(self, logs: Any = None) -> None:
        history = (self.params or {}).get("history")  # that of our ``fit``
        self.norms = [] if history is None else history.gradient_norm
        self._steps = 0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._steps += 1
        if self._steps % (self.model.optimizer.gradient_accumulation_steps or 1) == 0:
            self.norms.append(float(self.model.optimizer.gradient_norm))


@own_arrays
def _check(grads: Tensors) -> None:
    check_gradients(grads)


def _check_limit(grads: Tensors, limit: float) -> float:
    _check(grads)
    return check_number("limit", limit, "(0, inf)")


def _check_norm(grads: Tensors, max_norm: float, order: float) -> tuple[float, float]:
    _check(grads)
    max_norm = check_number("max_norm", max_norm, "(0, inf)")
    return max_norm, check_number("order", order, "(0, inf]")


def _check_order(grads: Tensors, order: float) -> float:
    _check(grads)
    return check_number("order", order, "(0, inf]")
