r"""Optimizers: gradient descent with momentum, Adam and AdamW.

    first     w -= learning_rate * weight_decay * w           on weights, not on biases and scales

    SGD       v = momentum * v + g
              w -= learning_rate * v                          nesterov: ... * (g + momentum * v)

    Adam      m = beta_1 * m + (1 - beta_1) * g               m_hat = m / (1 - beta_1**t)
              v = beta_2 * v + (1 - beta_2) * g**2            v_hat = v / (1 - beta_2**t)
              w -= learning_rate * m_hat / (sqrt(v_hat) + epsilon)

    AMSGrad   Adam with the largest v so far in place of v    v_hat = max(v) / (1 - beta_2**t)

    AdamW     Adam, with weight_decay = 0.01 unless told otherwise

g = dL/dw, t counts the steps from 1, m and v start at 0. The decay is decoupled: it enters neither
the velocity nor the moments.

learning_rate and epsilon lie in (0, inf), momentum, beta_1 and beta_2 in [0, 1), weight_decay in
[0, inf), and nesterov needs a momentum above 0; a ``ValueError`` says which does not fit.

Papers: Sutskever, Martens, Dahl and Hinton, "On the importance of initialization and momentum in
deep learning", ICML 2013; Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015
(Algorithm 1); Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019; Reddi,
Kale and Kumar, "On the convergence of Adam and beyond", ICLR 2018 (AMSGrad).

Framework differences: we do as PyTorch's SGD and AdamW, on weights only. See ``triptych
differences``: adam-weight-decay, sgd-weight-decay, adamw-decay-default, l2-scope, adam-epsilon,
sgd-momentum-learning-rate, sgd-dampening, amsgrad-maximum.

Here: the classes are PyTorch's, with the decay taken out of SGD's gradient.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.optim.optimizer import ParamsT
from torch.optim.sgd import sgd

from torch_impl.penalties import is_weight
from triptych.common.checks import check_flag, check_number
from triptych.common.parameter_groups import (
    ParameterGroup,
    check_groups_of_parameters,
    group_of,
)

__all__ = ["SGD", "Adam", "AdamW"]


class SGD(torch.optim.SGD):
    """Gradient descent with momentum: the equations at the top."""

    def __init__(
        self,
        params: ParamsT,
        learning_rate: float = 0.01,
        *,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
        groups: Sequence[ParameterGroup] = (),
    ) -> None:
        learning_rate = check_number("learning_rate", learning_rate, "(0, inf)")
        weight_decay = check_number("weight_decay", weight_decay, "[0, inf)")
        nesterov = check_flag("nesterov", nesterov)
        momentum = check_number("momentum", momentum, "(0, 1)" if nesterov else "[0, 1)")
        super().__init__(
            groups_of(params, learning_rate, weight_decay, groups),
            lr=learning_rate,
            momentum=momentum,
            nesterov=nesterov,
            weight_decay=weight_decay,
        )

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """PyTorch's own step, but for the weight decay, which that would add to the gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            params = [p for p in group["params"] if p.grad is not None]
            if group["weight_decay"] != 0:
                for p in params:
                    p.mul_(1 - group["lr"] * group["weight_decay"])
            velocities = [self.state.get(p, {}).get("momentum_buffer") for p in params]
            sgd(
                params,
                [p.grad for p in params],
                velocities,
                weight_decay=0.0,
                momentum=group["momentum"],
                lr=group["lr"],
                dampening=group["dampening"],
                nesterov=group["nesterov"],
                maximize=group["maximize"],
            )
            if group["momentum"] != 0:
                for p, velocity in zip(params, velocities, strict=True):
                    self.state[p]["momentum_buffer"] = velocity
        return loss


class Adam(torch.optim.AdamW):
    """Adam: the equations at the top. PyTorch's AdamW, which is Adam where nothing decays."""

    def __init__(
        self,
        params: ParamsT,
        learning_rate: float = 0.001,
        *,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
        groups: Sequence[ParameterGroup] = (),
        amsgrad: bool = False,
    ) -> None:
        learning_rate = check_number("learning_rate", learning_rate, "(0, inf)")
        weight_decay = check_number("weight_decay", weight_decay, "[0, inf)")
        beta_1 = check_number("beta_1", beta_1, "[0, 1)")
        beta_2 = check_number("beta_2", beta_2, "[0, 1)")
        epsilon = check_number("epsilon", epsilon, "(0, inf)")
        super().__init__(
            groups_of(params, learning_rate, weight_decay, groups),
            lr=learning_rate,
            betas=(beta_1, beta_2),
            eps=epsilon,
            weight_decay=weight_decay,
            amsgrad=check_flag("amsgrad", amsgrad),
        )


class AdamW(Adam):
    """Adam whose ``weight_decay`` is 0.01 unless told otherwise."""

    def __init__(
        self,
        params: ParamsT,
        learning_rate: float = 0.001,
        *,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float = 0.01,
        groups: Sequence[ParameterGroup] = (),
        amsgrad: bool = False,
    ) -> None:
        super().__init__(
            params,
            learning_rate,
            beta_1=beta_1,
            beta_2=beta_2,
            epsilon=epsilon,
            weight_decay=weight_decay,
            groups=groups,
            amsgrad=amsgrad,
        )


def groups_of(
    params: ParamsT, learning_rate: float, weight_decay: float, groups: Sequence[ParameterGroup]
) -> ParamsT:
    """Named parameters in PyTorch's groups: those that share a rate and a weight decay.

    Without groups that is weights, which decay, and the rest. PyTorch's own groups (dicts) are
    taken as they are. Parameters without names cannot be told apart.
    """
    groups = check_groups_of_parameters(groups)
    if weight_decay == 0 and not groups:
        return params
    items: list[Any] = list(params)
    if all(isinstance(item, dict) for item in items):
        return items
    if not all(isinstance(item, tuple) for item in items):
        raise ValueError(
            "params must be named (model.named_parameters()) or groups, "
            "so that weight_decay can act on weights alone"
        )
    found: dict[tuple[float, float], dict[str, Any]] = {}
    for name, parameter in items:
        group = group_of(name, groups)
        decay = weight_decay if is_weight(name, parameter) else 0.0
        if group.weight_decay is not None:
            decay = group.weight_decay
        options = {"weight_decay": decay}
        if groups:  # "factor" is for the schedules of this panel
            rate = group.learning_rate * learning_rate
            options |= {"lr": rate, "factor": group.learning_rate}
        own = found.setdefault((group.learning_rate, decay), options | {"params": []})
        own["params"].append((name, parameter))
    # Weights come first, as without groups.
    return sorted(found.values(), key=lambda group: group["weight_decay"] == 0)
