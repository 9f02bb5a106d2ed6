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

Here: ``renorm``, PyTorch's own max-norm, adds 1e-7 to the norm, so the quotients are written out.
"""

from collections.abc import Callable

import torch
from torch import nn

from torch_impl.adaptive_clipping import unit_norms
from torch_impl.penalties import penalized
from triptych.common.checks import check_gradients, check_methods, check_number, own_arrays
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


def max_norm(w: torch.Tensor, max_norm: float, *, axis: int | None = None) -> torch.Tensor:
    """Every unit's norm at most ``max_norm``."""
    c = _check_max_norm(w, max_norm)
    n = unit_norms(w, axis=axis)
    return w * torch.where(n > c, c / _not_0(n), 1)


def unit_norm(w: torch.Tensor, *, axis: int | None = None) -> torch.Tensor:
    """Every unit's norm 1."""
    _check(w)
    return w / _not_0(unit_norms(w, axis=axis))


def min_max_norm(
    w: torch.Tensor,
    min_norm: float,
    max_norm: float,
    *,
    rate: float = 1.0,
    axis: int | None = None,
) -> torch.Tensor:
    """Every unit's norm between the two, or a part of the way there."""
    low, high, rate = _check_min_max(w, min_norm, max_norm, rate)
    n = unit_norms(w, axis=axis)
    t = rate * n.clamp(low, high) + (1 - rate) * n
    return w * (t / _not_0(n))


def non_negative(w: torch.Tensor) -> torch.Tensor:
    _check(w)
    return w.clamp(min=0)


def _not_0(n: torch.Tensor) -> torch.Tensor:
    """Weights that are all 0 stay so, whatever they are divided by."""
    return torch.where(n == 0, 1, n)


class MaxNorm:
    def __init__(self, max_norm: float) -> None:
        self.max_norm = _check_limit(max_norm)

    def __call__(self, w: torch.Tensor) -> torch.Tensor:
        return max_norm(w, self.max_norm)


class UnitNorm:
    def __call__(self, w: torch.Tensor) -> torch.Tensor:
        return unit_norm(w)


class MinMaxNorm:
    def __init__(self, min_norm: float, max_norm: float, *, rate: float = 1.0) -> None:
        self.min_norm, self.max_norm, self.rate = _check_limits(min_norm, max_norm, rate)

    def __call__(self, w: torch.Tensor) -> torch.Tensor:
        return min_max_norm(w, self.min_norm, self.max_norm, rate=self.rate)


class NonNegative:
    def __call__(self, w: torch.Tensor) -> torch.Tensor:
        return non_negative(w)


class WeightConstraint(Watcher):
    """Constrains the weights that penalties act on after each step: no biases, no scales.

    In a loop of one's own:

        constraint = WeightConstraint(MaxNorm(3.0))
        for x, y in batches:
            ...
            optimizer.step()
            constraint.constrain(model)
    """

    def __init__(self, constraint: Callable[[torch.Tensor], torch.Tensor]) -> None:
        check_methods("constraint", constraint, "__call__")
        self.constraint = constraint

    @torch.no_grad()
    def constrain(self, model: nn.Module) -> None:
        for w in penalized(model).values():
            w.copy_(self.constraint(w))

    def after_step(self, run: Run) -> None:
        self.constrain(run.model)


@own_arrays
def _check(w: torch.Tensor) -> None:
    check_gradients([w], "w")


def _check_max_norm(w: torch.Tensor, max_norm: float) -> float:
    _check(w)
    return _check_limit(max_norm)


def _check_limit(max_norm: float) -> float:
    return check_number("max_norm", max_norm, "(0, inf)")


def _check_min_max(
    w: torch.Tensor, min_norm: float, max_norm: float, rate: float
) -> tuple[float, float, float]:
    _check(w)
    return _check_limits(min_norm, max_norm, rate)


def _check_limits(min_norm: float, max_norm: float, rate: float) -> tuple[float, float, float]:
    max_norm = _check_limit(max_norm)
    min_norm = check_number("min_norm", min_norm, f"[0, {max_norm}]")
    return min_norm, max_norm, check_number("rate", rate, "[0, 1]")
