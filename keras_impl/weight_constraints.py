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

Here: they are Keras's constraints, of a layer's ``kernel_constraint`` too, with another quotient.
"""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from keras_impl.adaptive_clipping import unit_norms
from keras_impl.penalties import is_table, penalized
from triptych.common.checks import check_gradients, check_methods, check_number, own_arrays

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


def max_norm(w: Any, max_norm: float, *, axis: int | None = None) -> Any:
    """Every unit's norm at most ``max_norm``."""
    max_norm = _check_max_norm(w, max_norm)
    c = ops.convert_to_tensor(max_norm, w.dtype)
    n = unit_norms(w, axis=axis)
    return w * ops.where(n > c, c / _not_0(n), ops.ones_like(n))


def unit_norm(w: Any, *, axis: int | None = None) -> Any:
    """Every unit's norm 1."""
    _check(w)
    return w / _not_0(unit_norms(w, axis=axis))


def min_max_norm(
    w: Any, min_norm: float, max_norm: float, *, rate: float = 1.0, axis: int | None = None
) -> Any:
    """Every unit's norm between the two, or a part of the way there."""
    numbers = _check_min_max(w, min_norm, max_norm, rate)
    low, high, rate = (ops.convert_to_tensor(value, w.dtype) for value in numbers)
    n = unit_norms(w, axis=axis)
    t = rate * ops.clip(n, low, high) + (1 - rate) * n
    return w * (t / _not_0(n))


def non_negative(w: Any) -> Any:
    _check(w)
    return ops.maximum(w, 0)


def _not_0(n: Any) -> Any:
    """Weights that are all 0 stay so, whatever they are divided by."""
    return ops.where(n == 0, ops.ones_like(n), n)


@keras.saving.register_keras_serializable("triptych")
class MaxNorm(keras.constraints.Constraint):
    def __init__(self, max_norm: float) -> None:
        self.max_norm = _check_limit(max_norm)

    def __call__(self, w: Any) -> Any:
        return max_norm(w, self.max_norm)

    def get_config(self) -> dict[str, Any]:
        return {"max_norm": self.max_norm}


@keras.saving.register_keras_serializable("triptych")
class UnitNorm(keras.constraints.Constraint):
    def __call__(self, w: Any) -> Any:
        return unit_norm(w)


@keras.saving.register_keras_serializable("triptych")
class MinMaxNorm(keras.constraints.Constraint):
    def __init__(self, min_norm: float, max_norm: float, *, rate: float = 1.0) -> None:
        self.min_norm, self.max_norm, self.rate = _check_limits(min_norm, max_norm, rate)

    def __call__(self, w: Any) -> Any:
        return min_max_norm(w, self.min_norm, self.max_norm, rate=self.rate)

    def get_config(self) -> dict[str, Any]:
        return {"min_norm": self.min_norm, "max_norm": self.max_norm, "rate": self.rate}


@keras.saving.register_keras_serializable("triptych")
class NonNegative(keras.constraints.Constraint):
    def __call__(self, w: Any) -> Any:
        return non_negative(w)


class WeightConstraint(keras.callbacks.Callback):
    """Constrains the weights that penalties act on after each step: no biases, no scales.

    It gives each kernel its ``constraint``, which Keras's optimizers apply. In a training of one's
    own, before the first ``fit``, which settles what a step is:

        model.fit(x, y, callbacks=[WeightConstraint(MaxNorm(3.0))])
    """

    def __init__(self, constraint: Callable[[Any], Any]) -> None:
        super().__init__()
        check_methods("constraint", constraint, "__call__")
        self.constraint = constraint

    def constrain(self, model: keras.Model) -> None:
        """Now, and not after the next step."""
        for w in penalized(model).values():
            w.assign(self._of(w)(w.value))

    def on_train_begin(self, logs: Any = None) -> None:
        for w in penalized(self.model).values():
            w.constraint = self._of(w)

    def _of(self, w: keras.Variable) -> Callable[[Any], Any]:
        if not is_table(w):
            return self.constraint
        return lambda w: ops.transpose(self.constraint(ops.transpose(w)))


@own_arrays
def _check(w: Any) -> None:
    check_gradients([w], "w")


def _check_max_norm(w: Any, max_norm: float) -> float:
    _check(w)
    return _check_limit(max_norm)


def _check_limit(max_norm: float) -> float:
    return check_number("max_norm", max_norm, "(0, inf)")


def _check_min_max(
    w: Any, min_norm: float, max_norm: float, rate: float
) -> tuple[float, float, float]:
    _check(w)
    return _check_limits(min_norm, max_norm, rate)


def _check_limits(min_norm: float, max_norm: float, rate: float) -> tuple[float, float, float]:
    max_norm = _check_limit(max_norm)
    min_norm = check_number("min_norm", min_norm, f"[0, {max_norm}]")
    return min_norm, max_norm, check_number("rate", rate, "[0, 1]")
