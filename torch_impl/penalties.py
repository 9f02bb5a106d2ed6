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
"""

import torch
from torch import nn
from torch.nn import functional as F

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


def l1_penalty(w: torch.Tensor, strength: float) -> torch.Tensor:
    """strength * sum(abs(w)), of shape ()."""
    strength = _check(w, strength)
    return strength * w.abs().sum()


def l1_gradient(w: torch.Tensor, strength: float) -> torch.Tensor:
    strength = _check(w, strength)
    return strength * torch.where(w.isnan(), w, w.sign())  # PyTorch: the sign of NaN is 0


def l1_proximal(w: torch.Tensor, strength: float, step_size: float) -> torch.Tensor:
    strength, s = _check_proximal(w, strength, step_size)
    return F.softshrink(w, s * strength)


def l2_penalty(w: torch.Tensor, strength: float) -> torch.Tensor:
    """strength / 2 * sum(w**2), of shape ()."""
    strength = _check(w, strength)
    return strength / 2 * w.square().sum()


def l2_gradient(w: torch.Tensor, strength: float) -> torch.Tensor:
    strength = _check(w, strength)
    return strength * w


def l2_proximal(w: torch.Tensor, strength: float, step_size: float) -> torch.Tensor:
    strength, s = _check_proximal(w, strength, step_size)
    return w / (1 + s * strength)


def elastic_net_penalty(w: torch.Tensor, alpha: float, l1_ratio: float) -> torch.Tensor:
    alpha, l1_ratio = _check_elastic_net(w, alpha, l1_ratio)
    return l1_penalty(w, alpha * l1_ratio) + l2_penalty(w, alpha * (1 - l1_ratio))


def elastic_net_gradient(w: torch.Tensor, alpha: float, l1_ratio: float) -> torch.Tensor:
    alpha, l1_ratio = _check_elastic_net(w, alpha, l1_ratio)
    return l1_gradient(w, alpha * l1_ratio) + l2_gradient(w, alpha * (1 - l1_ratio))


def elastic_net_proximal(
    w: torch.Tensor, alpha: float, l1_ratio: float, step_size: float
) -> torch.Tensor:
    alpha, l1_ratio = _check_elastic_net(w, alpha, l1_ratio)
    u = l1_proximal(w, alpha * l1_ratio, step_size)
    return l2_proximal(u, alpha * (1 - l1_ratio), step_size)


class L1:
    def __init__(self, strength: float) -> None:
        self.strength = _check_strength(strength)

    def penalty(self, w: torch.Tensor) -> torch.Tensor:
        return l1_penalty(w, self.strength)

    def gradient(self, w: torch.Tensor) -> torch.Tensor:
        return l1_gradient(w, self.strength)

    def proximal(self, w: torch.Tensor, step_size: float) -> torch.Tensor:
        return l1_proximal(w, self.strength, step_size)


class L2:
    def __init__(self, strength: float) -> None:
        self.strength = _check_strength(strength)

    def penalty(self, w: torch.Tensor) -> torch.Tensor:
        return l2_penalty(w, self.strength)

    def gradient(self, w: torch.Tensor) -> torch.Tensor:
        return l2_gradient(w, self.strength)

    def proximal(self, w: torch.Tensor, step_size: float) -> torch.Tensor:
        return l2_proximal(w, self.strength, step_size)


class ElasticNet:
    def __init__(self, alpha: float, l1_ratio: float) -> None:
        self.alpha, self.l1_ratio = _check_mixture(alpha, l1_ratio)

    def penalty(self, w: torch.Tensor) -> torch.Tensor:
        return elastic_net_penalty(w, self.alpha, self.l1_ratio)

    def gradient(self, w: torch.Tensor) -> torch.Tensor:
        return elastic_net_gradient(w, self.alpha, self.l1_ratio)

    def proximal(self, w: torch.Tensor, step_size: float) -> torch.Tensor:
        return elastic_net_proximal(w, self.alpha, self.l1_ratio, step_size)


Penalty = L1 | L2 | ElasticNet


def is_weight(name: str, parameter: torch.Tensor) -> bool:
    """Whether penalties and weight decay act on the parameter: on "dense_1.weight", for one."""
    # PyTorch's own norms have a "weight" too, their scale; it has one axis.
    key = name.split(".")[-1]
    return (key == "weight" or key.endswith("_weight")) and parameter.ndim > 1


def penalized(model: nn.Module) -> dict[str, torch.Tensor]:
    """The parameters that a penalty acts on, by their full names: weights only, none frozen."""
    check_model(model, nn.Module)
    weights = {name: w for name, w in model.named_parameters() if is_weight(name, w)}
    return {name: w for name, w in weights.items() if w.requires_grad}


def total_penalty(model: nn.Module, penalty: Penalty) -> torch.Tensor | float:
    """The penalty summed over ``penalized(model)``."""
    _check_penalty(penalty)
    return sum((penalty.penalty(w) for w in penalized(model).values()), 0.0)


@remembered
def _check(w: torch.Tensor, strength: float) -> float:
    check_floating("w", w)
    return _check_strength(strength)


def _check_strength(strength: float) -> float:
    return check_number("strength", strength, "[0, inf)")


@remembered
def _check_proximal(w: torch.Tensor, strength: float, step_size: float) -> tuple[float, float]:
    step_size = check_number("step_size", step_size, "(0, inf)")
    return _check(w, strength), step_size


@remembered
def _check_elastic_net(w: torch.Tensor, alpha: float, l1_ratio: float) -> tuple[float, float]:
    check_floating("w", w)
    return _check_mixture(alpha, l1_ratio)


def _check_mixture(alpha: float, l1_ratio: float) -> tuple[float, float]:
    alpha = check_number("alpha", alpha, "[0, inf)")
    return alpha, check_number("l1_ratio", l1_ratio, "[0, 1]")


def _check_penalty(penalty: Penalty) -> None:
    check_methods("penalty", penalty, "penalty", "gradient")
