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

Here: ||G|| is PyTorch's own ``get_total_norm``, the norm of the norms of the arrays; an array that
is not scaled is returned itself.
"""

import math

import torch
from torch.nn.utils import get_total_norm

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

Tensors = list[torch.Tensor]


def global_norm(grads: Tensors, *, order: float = 2.0) -> torch.Tensor:
    """||G||, a scalar of the dtype of the gradients."""
    order = _check_order(grads, order)
    return _norm(grads, order)


def clip_by_value(grads: Tensors, limit: float) -> Tensors:
    """Every element in [-limit, limit]."""
    limit = _check_limit(grads, limit)
    return [grad.clamp(-limit, limit) for grad in grads]


def clip_by_norm(grads: Tensors, max_norm: float, *, order: float = 2.0) -> Tensors:
    """Every array at most ``max_norm`` long."""
    max_norm, order = _check_norm(grads, max_norm, order)
    return [_scaled(grad, _scale(_norm([grad], order), max_norm)) for grad in grads]


def clip_by_global_norm(
    grads: Tensors, max_norm: float, *, order: float = 2.0
) -> tuple[Tensors, torch.Tensor]:
    """All arrays together at most ``max_norm`` long, and the global norm from before."""
    max_norm, order = _check_norm(grads, max_norm, order)
    norm = _norm(grads, order)
    scale = _scale(norm, max_norm)
    return [_scaled(grad, scale) for grad in grads], norm


def _norm(grads: Tensors, order: float) -> torch.Tensor:
    norm = get_total_norm(grads, order)
    limits = torch.finfo(norm.dtype)
    trusted = math.sqrt(limits.tiny / limits.eps) <= norm < math.inf
    if order == 2 and trusted:  # no square that counts was lost
        return norm
    m = get_total_norm(grads, math.inf)
    if order == math.inf or m == 0 or not m.isfinite():
        return m
    return m * get_total_norm([grad / m for grad in grads], order)


def _scale(norm: torch.Tensor, max_norm: float) -> float:
    found = norm.item()
    if not math.isfinite(found):
        return math.nan
    return max_norm / found if found > max_norm else 1.0


def _scaled(grad: torch.Tensor, scale: float) -> torch.Tensor:
    return grad if scale == 1 else grad * scale


class GlobalNormClipping(Watcher):
    """Clips the gradients of each step, and adds the global norm from before to the history.

    In a loop of one's own:

        from triptych.common.history import History
        from triptych.common.watchers import Run

        clipping = GlobalNormClipping(max_norm=1.0)
        run = Run(model, optimizer, History("torch"))
        for x, y in batches:
            ...
            loss.backward()
            clipping.after_gradients(run)
            optimizer.step()
    """

    def __init__(self, max_norm: float) -> None:
        self.max_norm = check_number("max_norm", max_norm, "(0, inf)")

    def after_gradients(self, run: Run) -> None:
        trained = [parameter for parameter in run.model.parameters() if parameter.grad is not None]
        if not trained:
            return
        norm = _norm([parameter.grad for parameter in trained], 2.0)
        scale = _scale(norm, self.max_norm)
        for parameter in trained:
            parameter.grad = _scaled(parameter.grad, scale)
        run.history.gradient_norm.append(norm.item())


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
