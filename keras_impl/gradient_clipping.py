r"""Gradient clipping: no step larger than a limit, however steep the loss.

    norm              ||g|| = sqrt(sum g**2)            ||G|| = sqrt(sum_k ||g_k||**2)
    by value          g <- min(max(g, -limit), limit)                            each element
    by norm           g <- g * min(max_norm / ||g||, 1)                          each array
    by global norm    g_k <- g_k * min(max_norm / ||G||, 1)                      all arrays as one

In float32 the square of 2e19 overflows and that of 1e-23 is 0. So the norm is taken as
m * sqrt(sum (g / m)**2), m = max abs(g). A scale of 1 leaves every bit as it is. Keras itself clips
by norm inside its optimizers only, so the norms are written out here.

``grads`` is a list of arrays of one floating dtype and any shapes; ``limit`` and ``max_norm`` lie
in (0, inf). A ``ValueError`` says which argument does not fit. Nothing is written into what is
given.

Where something is not finite, or a norm too large for the dtype:

    by value          inf becomes limit, -inf becomes -limit, NaN stays NaN
    by norm           an array whose norm is inf or NaN becomes NaN everywhere
    by global norm    all arrays become NaN if the global norm is inf or NaN

Paper: Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks",
ICML 2013 (Algorithm 1).

Framework differences: PyTorch's ``clip_grad_norm_`` writes into the gradients and divides by
norm + 1e-6; an inf turns finite gradients into 0. Keras divides by the norm; an inf turns all of
them into NaN under global_clipnorm, as here, but finite ones into 0 under clipnorm. Its limit of 0
is none at all; here it is an error. Below the limit Keras may change the last place of a gradient,
as max_norm * (1 / max_norm) is not always 1. Both square the elements as they are: to them float32
gradients of 1e20 have an infinite norm.
"""

import math
from typing import Any

from keras import ops

from triptych.common import gradient_norms
from triptych.common.checks import check_gradients, check_number

__all__ = ["global_norm", "clip_by_value", "clip_by_norm", "clip_by_global_norm", "NormMonitor"]

Tensors = list[Any]


def global_norm(grads: Tensors) -> Any:
    """||G||, a scalar of the dtype of the gradients."""
    check_gradients(grads)
    return _norm(grads)


def clip_by_value(grads: Tensors, limit: float) -> Tensors:
    """Every element in [-limit, limit]."""
    check_gradients(grads)
    limit = check_number("limit", limit, "(0, inf)")
    return [ops.clip(grad, -limit, limit) for grad in grads]


def clip_by_norm(grads: Tensors, max_norm: float) -> Tensors:
    """Every array at most ``max_norm`` long."""
    check_gradients(grads)
    return [grad * _scale(_norm([grad]), max_norm) for grad in grads]


def clip_by_global_norm(grads: Tensors, max_norm: float) -> tuple[Tensors, Any]:
    """All arrays together at most ``max_norm`` long, and the global norm from before."""
    norm = global_norm(grads)
    scale = _scale(norm, max_norm)
    return [grad * scale for grad in grads], norm


# Plain Python that is the same in every framework.
NormMonitor = gradient_norms.NormMonitor


def _norm(grads: Tensors) -> Any:
    largest = ops.max(ops.stack([ops.max(ops.abs(grad)) for grad in grads]))
    # XLA multiplies by 1 / unit, which it takes for 0 where it is subnormal.
    unit = ops.where(largest > 1, largest / 4, largest)
    usable = ops.logical_and(largest > 0, ops.isfinite(largest))
    unit = ops.where(usable, unit, ops.ones_like(largest))
    squares = [ops.sum(ops.square(grad / unit)) for grad in grads]
    return unit * ops.sqrt(ops.sum(ops.stack(squares)))


def _scale(norm: Any, max_norm: float) -> Any:
    max_norm = check_number("max_norm", max_norm, "(0, inf)")
    scale = ops.where(norm > max_norm, max_norm / norm, ops.ones_like(norm))
    return ops.where(ops.isfinite(norm), scale, ops.full_like(norm, math.nan))
