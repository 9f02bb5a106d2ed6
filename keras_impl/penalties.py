r"""L1, L2 and elastic net: penalties on the weights, their gradients and their proximal steps.

    L1(strength)               penalty     strength * sum(abs(w))
                               gradient    strength * sign(w)                       0 at w = 0
                               proximal    sign(w) * max(abs(w) - t, 0)             t = s * strength
    L2(strength)               penalty     strength / 2 * sum(w**2)
                               gradient    strength * w
                               proximal    w / (1 + s * strength)
    ElasticNet(alpha, l1_ratio)            L1(alpha * l1_ratio) plus L2(alpha * (1 - l1_ratio))
                               proximal    that of L2 after that of L1

The proximal step of size s returns the u that minimizes (u - w)**2 / (2 * s) + penalty(u). It
follows a gradient step of the loss alone, in place of the penalty's gradient; with L1 it gives
weights of exactly zero, where a subgradient only moves around zero.

``w`` is floating point of any shape; strength and alpha lie in [0, inf), l1_ratio in [0, 1],
step_size in (0, inf); a ``ValueError`` says which does not. With sum((y - X w)**2) / (2 n) they
are scikit-learn's ``Lasso(strength)``, ``Ridge(n * strength)`` and ``ElasticNet(alpha, l1_ratio)``.

Papers: Tibshirani, "Regression shrinkage and selection via the lasso", JRSS B 58, 1996; Zou and
Hastie, "Regularization and variable selection via the elastic net", JRSS B 67, 2005; Parikh and
Boyd, "Proximal algorithms", 2014.

Framework differences: ours act on weights only; our L2 has the one-half that Keras's lacks. Neither
framework has the proximal step, but PyTorch has the soft threshold, as ``softshrink``. See
``triptych differences``: l2-factor, l2-scope, l2-reported-loss, l1-penalty, l1-at-zero-on-jax,
elastic-net-scale.

Here: the classes are Keras's regularizers, for ``kernel_regularizer``; only, Keras rounds strengths
to float32, its ``L1`` has gradient strength at 0 on JAX, and its ``soft_shrink`` turns NaN into 0.
"""

from typing import Any

import keras
from keras import ops

from triptych.common.checks import (
    check_floating,
    check_methods,
    check_model,
    check_number,
    remembered,
)

__all__ = [
    "l1_penalty",
    "l1_gradient",
    "l1_proximal",
    "l2_penalty",
    "l2_gradient",
    "l2_proximal",
    "elastic_net_penalty",
    "elastic_net_gradient",
    "elastic_net_proximal",
    "L1",
    "L2",
    "ElasticNet",
    "penalized",
    "total_penalty",
]


def l1_penalty(w: Any, strength: float) -> Any:
    """strength * sum(abs(w)), of shape ()."""
    strength = _check(w, strength)
    return strength * ops.sum(w * ops.sign(w))  # ops.abs has gradient 1 at 0 on JAX


def l1_gradient(w: Any, strength: float) -> Any:
    strength = _check(w, strength)
    w = ops.convert_to_tensor(w)
    return strength * ops.where(ops.isnan(w), w, ops.sign(w))  # on PyTorch the sign of NaN is 0


def l1_proximal(w: Any, strength: float, step_size: float) -> Any:
    """The soft threshold."""
    strength, s = _check_proximal(w, strength, step_size)
    t = s * strength
    return ops.sign(w) * ops.maximum(ops.abs(w) - t, 0)


def l2_penalty(w: Any, strength: float) -> Any:
    """strength / 2 * sum(w**2), of shape ()."""
    strength = _check(w, strength)
    return strength / 2 * ops.sum(ops.square(w))


def l2_gradient(w: Any, strength: float) -> Any:
    strength = _check(w, strength)
    return strength * ops.convert_to_tensor(w)


def l2_proximal(w: Any, strength: float, step_size: float) -> Any:
    strength, s = _check_proximal(w, strength, step_size)
    return ops.convert_to_tensor(w) / (1 + s * strength)


def elastic_net_penalty(w: Any, alpha: float, l1_ratio: float) -> Any:
    alpha, l1_ratio = _check_elastic_net(w, alpha, l1_ratio)
    return l1_penalty(w, alpha * l1_ratio) + l2_penalty(w, alpha * (1 - l1_ratio))


def elastic_net_gradient(w: Any, alpha: float, l1_ratio: float) -> Any:
    alpha, l1_ratio = _check_elastic_net(w, alpha, l1_ratio)
    return l1_gradient(w, alpha * l1_ratio) + l2_gradient(w, alpha * (1 - l1_ratio))


def elastic_net_proximal(w: Any, alpha: float, l1_ratio: float, step_size: float) -> Any:
    alpha, l1_ratio = _check_elastic_net(w, alpha, l1_ratio)
    u = l1_proximal(w, alpha * l1_ratio, step_size)
    return l2_proximal(u, alpha * (1 - l1_ratio), step_size)


@keras.saving.register_keras_serializable("triptych")
class L1(keras.regularizers.L1):
    def __init__(self, strength: float) -> None:
        self.strength = _check_strength(strength)
        super().__init__(self.strength)

    def penalty(self, w: Any) -> Any:
        return l1_penalty(w, self.strength)

    __call__ = penalty

    def gradient(self, w: Any) -> Any:
        return l1_gradient(w, self.strength)

    def proximal(self, w: Any, step_size: float) -> Any:
        return l1_proximal(w, self.strength, step_size)

    def get_config(self) -> dict[str, Any]:
        return {"strength": self.strength}


@keras.saving.register_keras_serializable("triptych")
class L2(keras.regularizers.L2):
    def __init__(self, strength: float) -> None:
        self.strength = _check_strength(strength)
        super().__init__(self.strength / 2)

    def penalty(self, w: Any) -> Any:
        return l2_penalty(w, self.strength)

    __call__ = penalty

    def gradient(self, w: Any) -> Any:
        return l2_gradient(w, self.strength)

    def proximal(self, w: Any, step_size: float) -> Any:
        return l2_proximal(w, self.strength, step_size)

    def get_config(self) -> dict[str, Any]:
        return {"strength": self.strength}


@keras.saving.register_keras_serializable("triptych")
class ElasticNet(keras.regularizers.L1L2):
    def __init__(self, alpha: float, l1_ratio: float) -> None:
        self.alpha, self.l1_ratio = _check_mixture(alpha, l1_ratio)
        super().__init__(self.alpha * self.l1_ratio, self.alpha * (1 - self.l1_ratio) / 2)

    def penalty(self, w: Any) -> Any:
        return elastic_net_penalty(w, self.alpha, self.l1_ratio)

    __call__ = penalty

    def gradient(self, w: Any) -> Any:
        return elastic_net_gradient(w, self.alpha, self.l1_ratio)

    def proximal(self, w: Any, step_size: float) -> Any:
        return elastic_net_proximal(w, self.alpha, self.l1_ratio, step_size)

    def get_config(self) -> dict[str, Any]:
        return {"alpha": self.alpha, "l1_ratio": self.l1_ratio}


Penalty = L1 | L2 | ElasticNet


def is_weight(variable: keras.Variable) -> bool:
    """Whether penalties and weight decay act on the variable: on "dense_1/kernel", for one."""
    key = variable.name
    return key in ("kernel", "weight") or key.endswith("_weight") or is_table(variable)


def is_table(variable: keras.Variable) -> bool:
    """Whether the variable has a unit in each row: a word or a position, and not a column."""
    return variable.name == "embeddings"


def penalized(model: keras.Model) -> dict[str, keras.Variable]:
    """The parameters that a penalty acts on, by their paths: weights (kernels) only."""
    check_model(model, keras.Model)
    return {w.path: w for w in model.trainable_variables if is_weight(w)}


def total_penalty(model: keras.Model, penalty: Penalty) -> Any:
    """The penalty summed over ``penalized(model)``."""
    _check_penalty(penalty)
    return sum((penalty.penalty(w) for w in penalized(model).values()), 0.0)


@remembered
def _check(w: Any, strength: float) -> float:
    check_floating("w", w)
    return _check_strength(strength)


def _check_strength(strength: float) -> float:
    return check_number("strength", strength, "[0, inf)")


@remembered
def _check_proximal(w: Any, strength: float, step_size: float) -> tuple[float, float]:
    step_size = check_number("step_size", step_size, "(0, inf)")
    return _check(w, strength), step_size


@remembered
def _check_elastic_net(w: Any, alpha: float, l1_ratio: float) -> tuple[float, float]:
    check_floating("w", w)
    return _check_mixture(alpha, l1_ratio)


def _check_mixture(alpha: float, l1_ratio: float) -> tuple[float, float]:
    alpha = check_number("alpha", alpha, "[0, inf)")
    return alpha, check_number("l1_ratio", l1_ratio, "[0, 1]")


def _check_penalty(penalty: Penalty) -> None:
    check_methods("penalty", penalty, "penalty", "gradient")
