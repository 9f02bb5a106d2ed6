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

Here: the weights of a unit are those of one index of the first axis, (out, in, ...).
"""

import torch

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


def unit_norms(w: torch.Tensor, *, axis: int | None = None) -> torch.Tensor:
    """||w_i|| for each unit, in a shape that stands beside w."""
    unit = _check_w(w, axis)
    axes = tuple(i for i in range(w.ndim) if i != unit) or None
    return torch.linalg.vector_norm(w, dim=axes, keepdim=True)


def clip_adaptively(
    grads: list[torch.Tensor],
    params: list[torch.Tensor],
    clipping: float,
    *,
    epsilon: float = 1e-3,
    axis: int | None = None,
) -> list[torch.Tensor]:
    """Each unit's gradient at most ``clipping`` times as long as the unit's weights."""
    clipping, epsilon = _check(grads, params, clipping, epsilon, axis)
    clipped = []
    for g, w in zip(grads, params, strict=True):
        norm = unit_norms(g, axis=axis)
        limit = clipping * unit_norms(w, axis=axis).clamp(min=epsilon)
        clipped.append(g * _scale(norm, limit))
    return clipped


def _scale(norm: torch.Tensor, limit: torch.Tensor) -> torch.Tensor:
    scale = torch.where(norm <= limit, 1, limit / norm)
    return torch.where(norm.isfinite(), scale, torch.nan)


class AdaptiveClipping(Watcher):
    """Clips the gradients of each step, those of every parameter.

    In a loop of one's own:

        clipping = AdaptiveClipping(0.01)
        run = Run(model, optimizer, History("torch"))
        for x, y in batches:
            ...
            loss.backward()
            clipping.after_gradients(run)
            optimizer.step()
    """

    def __init__(self, clipping: float = 0.01, *, epsilon: float = 1e-3) -> None:
        self.clipping, self.epsilon = _check_numbers(clipping, epsilon)

    @torch.no_grad()
    def after_gradients(self, run: Run) -> None:
        params = [p for p in run.model.parameters() if p.grad is not None]
        if params:
            grads = [p.grad for p in params]
            clipped = clip_adaptively(grads, params, self.clipping, epsilon=self.epsilon)
            for parameter, grad in zip(params, clipped, strict=True):
                parameter.grad = grad


def _check_numbers(clipping: float, epsilon: float) -> tuple[float, float]:
    clipping = check_number("clipping", clipping, "(0, inf)")
    return clipping, check_number("epsilon", epsilon, "(0, inf)")


@own_arrays
def _check_w(w: torch.Tensor, axis: int | None) -> int:
    """The axis of the units, counted from the first."""
    check_gradients([w], "w")
    return _check_axis(len(w.shape), axis)


def _check_axis(axes: int, axis: int | None) -> int:
    if axes < 2:
        return -1  # one unit as a whole
    axis = 0 if axis is None else axis
    return check_integer("axis", axis, minimum=-axes, maximum=axes - 1) % axes


@own_arrays
def _check(
    grads: list[torch.Tensor],
    params: list[torch.Tensor],
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
