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

Framework differences: PyTorch has no penalties; ``weight_decay=strength`` of its SGD and Adam is
the gradient of L2, and acts on biases too. Keras's ``L2(strength / 2)`` is our L2 (it has no
one-half), its ``L1`` is ours, its ``L1L2`` takes two strengths, the second without the one-half.
Neither has the proximal step. Ours act on weights only: no biases, no batch-norm scales.
"""

import numpy as np

from scratch.layers import Sequential
from triptych.common.checks import check_number

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


def l1_penalty(w: np.ndarray, strength: float) -> np.ndarray:
    """strength * sum(abs(w)), of shape ()."""
    return check_number("strength", strength, "[0, inf)") * np.abs(w).sum()


def l1_gradient(w: np.ndarray, strength: float) -> np.ndarray:
    return check_number("strength", strength, "[0, inf)") * np.sign(w)


def l1_proximal(w: np.ndarray, strength: float, step_size: float) -> np.ndarray:
    """The soft threshold: sign(w) * max(abs(w) - t, 0), which is w less its part in [-t, t]."""
    t = check_number("step_size", step_size, "(0, inf)")
    t *= check_number("strength", strength, "[0, inf)")
    return w - np.clip(w, -t, t)


def l2_penalty(w: np.ndarray, strength: float) -> np.ndarray:
    """strength / 2 * sum(w**2), of shape ()."""
    return check_number("strength", strength, "[0, inf)") / 2 * np.vdot(w, w)


def l2_gradient(w: np.ndarray, strength: float) -> np.ndarray:
    return check_number("strength", strength, "[0, inf)") * w


def l2_proximal(w: np.ndarray, strength: float, step_size: float) -> np.ndarray:
    s = check_number("step_size", step_size, "(0, inf)")
    return w / (1 + s * check_number("strength", strength, "[0, inf)"))


def elastic_net_penalty(w: np.ndarray, alpha: float, l1_ratio: float) -> np.ndarray:
    l1, l2 = _strengths(alpha, l1_ratio)
    return l1_penalty(w, l1) + l2_penalty(w, l2)


def elastic_net_gradient(w: np.ndarray, alpha: float, l1_ratio: float) -> np.ndarray:
    l1, l2 = _strengths(alpha, l1_ratio)
    return l1_gradient(w, l1) + l2_gradient(w, l2)


def elastic_net_proximal(
    w: np.ndarray, alpha: float, l1_ratio: float, step_size: float
) -> np.ndarray:
    l1, l2 = _strengths(alpha, l1_ratio)
    return l2_proximal(l1_proximal(w, l1, step_size), l2, step_size)


def _strengths(alpha: float, l1_ratio: float) -> tuple[float, float]:
    """Those of the L1 and of the L2 part."""
    alpha = check_number("alpha", alpha, "[0, inf)")
    l1_ratio = check_number("l1_ratio", l1_ratio, "[0, 1]")
    return alpha * l1_ratio, alpha * (1 - l1_ratio)


class L1:
    def __init__(self, strength: float) -> None:
        self.strength = check_number("strength", strength, "[0, inf)")

    def penalty(self, w: np.ndarray) -> np.ndarray:
        return l1_penalty(w, self.strength)

    def gradient(self, w: np.ndarray) -> np.ndarray:
        return l1_gradient(w, self.strength)

    def proximal(self, w: np.ndarray, step_size: float) -> np.ndarray:
        return l1_proximal(w, self.strength, step_size)


class L2:
    def __init__(self, strength: float) -> None:
        self.strength = check_number("strength", strength, "[0, inf)")

    def penalty(self, w: np.ndarray) -> np.ndarray:
        return l2_penalty(w, self.strength)

    def gradient(self, w: np.ndarray) -> np.ndarray:
        return l2_gradient(w, self.strength)

    def proximal(self, w: np.ndarray, step_size: float) -> np.ndarray:
        return l2_proximal(w, self.strength, step_size)


class ElasticNet:
    def __init__(self, alpha: float, l1_ratio: float) -> None:
        self.alpha = check_number("alpha", alpha, "[0, inf)")
        self.l1_ratio = check_number("l1_ratio", l1_ratio, "[0, 1]")

    def penalty(self, w: np.ndarray) -> np.ndarray:
        return elastic_net_penalty(w, self.alpha, self.l1_ratio)

    def gradient(self, w: np.ndarray) -> np.ndarray:
        return elastic_net_gradient(w, self.alpha, self.l1_ratio)

    def proximal(self, w: np.ndarray, step_size: float) -> np.ndarray:
        return elastic_net_proximal(w, self.alpha, self.l1_ratio, step_size)


Penalty = L1 | L2 | ElasticNet


def is_weight(name: str) -> bool:
    """Whether penalties and weight decay act on the parameter: on "dense_1.weight", for one."""
    return name.split(".")[-1] == "weight"


def penalized(model: Sequential) -> dict[str, np.ndarray]:
    """The parameters that a penalty acts on, by their full names: weights only."""
    return {name: layer.params[key] for name, layer, key in model.parameters() if is_weight(name)}


def total_penalty(model: Sequential, penalty: Penalty) -> np.ndarray | float:
    """The penalty summed over ``penalized(model)``."""
    return sum((penalty.penalty(w) for w in penalized(model).values()), 0.0)


def total_penalty_backward(model: Sequential, penalty: Penalty) -> None:
    """Add the penalty's gradient to the ``grads`` of the layers, after their ``backward``."""
    for name, layer, key in model.parameters():
        if is_weight(name):
            layer.grads[key] += penalty.gradient(layer.params[key])
