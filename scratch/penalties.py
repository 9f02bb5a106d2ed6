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

Here: the classes call the functions of ``scratch.fast.penalties``, which give the same.
"""

import numpy as np

from scratch.fast import penalties as fast
from scratch.half import half_in_float32
from scratch.layers import Layer, Sequential
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
    "total_penalty_backward",
]


@half_in_float32
def l1_penalty(w: np.ndarray, strength: float) -> np.ndarray:
    """strength * sum(abs(w)), of shape ()."""
    strength = _check(w, strength)
    return strength * np.abs(w).sum()


def l1_gradient(w: np.ndarray, strength: float) -> np.ndarray:
    strength = _check(w, strength)
    return strength * np.sign(w)


def l1_proximal(w: np.ndarray, strength: float, step_size: float) -> np.ndarray:
    """The soft threshold."""
    strength, s = _check_proximal(w, strength, step_size)
    t = s * strength
    return np.sign(w) * np.maximum(np.abs(w) - t, 0)


@half_in_float32
def l2_penalty(w: np.ndarray, strength: float) -> np.ndarray:
    """strength / 2 * sum(w**2), of shape ()."""
    strength = _check(w, strength)
    return strength / 2 * (w**2).sum()


def l2_gradient(w: np.ndarray, strength: float) -> np.ndarray:
    strength = _check(w, strength)
    return strength * w


def l2_proximal(w: np.ndarray, strength: float, step_size: float) -> np.ndarray:
    strength, s = _check_proximal(w, strength, step_size)
    return w / (1 + s * strength)


@half_in_float32
def elastic_net_penalty(w: np.ndarray, alpha: float, l1_ratio: float) -> np.ndarray:
    alpha, l1_ratio = _check_elastic_net(w, alpha, l1_ratio)
    return l1_penalty(w, alpha * l1_ratio) + l2_penalty(w, alpha * (1 - l1_ratio))


def elastic_net_gradient(w: np.ndarray, alpha: float, l1_ratio: float) -> np.ndarray:
    alpha, l1_ratio = _check_elastic_net(w, alpha, l1_ratio)
    return l1_gradient(w, alpha * l1_ratio) + l2_gradient(w, alpha * (1 - l1_ratio))


def elastic_net_proximal(
    w: np.ndarray, alpha: float, l1_ratio: float, step_size: float
) -> np.ndarray:
    alpha, l1_ratio = _check_elastic_net(w, alpha, l1_ratio)
    u = l1_proximal(w, alpha * l1_ratio, step_size)
    return l2_proximal(u, alpha * (1 - l1_ratio), step_size)


class L1:
    def __init__(self, strength: float) -> None:
        self.strength = _check_strength(strength)

    def penalty(self, w: np.ndarray) -> np.ndarray:
        return fast.l1_penalty(w, self.strength)

    def gradient(self, w: np.ndarray) -> np.ndarray:
        return fast.l1_gradient(w, self.strength)

    def proximal(self, w: np.ndarray, step_size: float) -> np.ndarray:
        step_size = _check_step_size(step_size)
        return fast.l1_proximal(w, self.strength, step_size)


class L2:
    def __init__(self, strength: float) -> None:
        self.strength = _check_strength(strength)

    def penalty(self, w: np.ndarray) -> np.ndarray:
        return fast.l2_penalty(w, self.strength)

    def gradient(self, w: np.ndarray) -> np.ndarray:
        return fast.l2_gradient(w, self.strength)

    def proximal(self, w: np.ndarray, step_size: float) -> np.ndarray:
        step_size = _check_step_size(step_size)
        return fast.l2_proximal(w, self.strength, step_size)


class ElasticNet:
    def __init__(self, alpha: float, l1_ratio: float) -> None:
        self.alpha, self.l1_ratio = _check_mixture(alpha, l1_ratio)

    def penalty(self, w: np.ndarray) -> np.ndarray:
        return fast.elastic_net_penalty(w, self.alpha, self.l1_ratio)

    def gradient(self, w: np.ndarray) -> np.ndarray:
        return fast.elastic_net_gradient(w, self.alpha, self.l1_ratio)

    def proximal(self, w: np.ndarray, step_size: float) -> np.ndarray:
        step_size = _check_step_size(step_size)
        return fast.elastic_net_proximal(w, self.alpha, self.l1_ratio, step_size)


Penalty = L1 | L2 | ElasticNet


def is_weight(name: str) -> bool:
    """Whether penalties and weight decay act on the parameter: on "dense_1.weight", for one."""
    key = name.split(".")[-1]
    return key == "weight" or key.endswith("_weight")


def penalized(model: Sequential) -> dict[str, np.ndarray]:
    """The parameters that a penalty acts on, by their full names: weights only."""
    check_model(model, Layer)
    return {name: layer.params[key] for name, layer, key in model.parameters() if is_weight(name)}


def total_penalty(model: Sequential, penalty: Penalty) -> np.ndarray | float:
    """The penalty summed over ``penalized(model)``."""
    _check_penalty(penalty)
    return sum((penalty.penalty(w) for w in penalized(model).values()), 0.0)


def total_penalty_backward(model: Sequential, penalty: Penalty) -> None:
    """Add the penalty's gradient to the ``grads`` of the layers, after their ``backward``."""
    _check_backward(model, penalty)
    for name, layer, key in model.parameters():
        if is_weight(name):
            gradient = penalty.gradient(layer.params[key])
            if key in layer.grads:
                layer.grads[key] += gradient
            else:  # a layer that the loss does not depend on
                layer.grads[key] = gradient


@remembered
def _check(w: np.ndarray, strength: float) -> float:
    check_floating("w", w)
    return _check_strength(strength)


def _check_strength(strength: float) -> float:
    return check_number("strength", strength, "[0, inf)")


@remembered
def _check_proximal(w: np.ndarray, strength: float, step_size: float) -> tuple[float, float]:
    step_size = _check_step_size(step_size)
    return _check(w, strength), step_size


def _check_step_size(step_size: float) -> float:
    return check_number("step_size", step_size, "(0, inf)")


@remembered
def _check_elastic_net(w: np.ndarray, alpha: float, l1_ratio: float) -> tuple[float, float]:
    check_floating("w", w)
    return _check_mixture(alpha, l1_ratio)


def _check_mixture(alpha: float, l1_ratio: float) -> tuple[float, float]:
    alpha = check_number("alpha", alpha, "[0, inf)")
    return alpha, check_number("l1_ratio", l1_ratio, "[0, 1]")


def _check_penalty(penalty: Penalty) -> None:
    check_methods("penalty", penalty, "penalty", "gradient")


def _check_backward(model: Sequential, penalty: Penalty) -> None:
    check_model(model, Layer)
    _check_penalty(penalty)
