r"""RMSprop: each gradient divided by the root of a running average of its square.

    first         w -= learning_rate * weight_decay * w       on weights, not on biases and scales

    average       v = rho * v + (1 - rho) * g**2
                  a = rho * a + (1 - rho) * g                 centered: v - a**2 in place of v below
    step          u = momentum * u + g / (sqrt(v) + epsilon)
                  w -= learning_rate * u

g = dL/dw; v, a and u start at 0. The decay is decoupled: it enters none of them.

learning_rate and epsilon lie in (0, inf), rho and momentum in [0, 1), weight_decay in [0, inf); a
``ValueError`` says which does not fit.

Papers: Tieleman and Hinton, "Lecture 6.5 - RMSProp", COURSERA: neural networks for machine
learning, 2012; Graves, "Generating sequences with recurrent neural networks", 2013 (centered).

Framework differences: we do as PyTorch's, but for the decay. See ``triptych differences``:
rmsprop-epsilon, rmsprop-defaults, adam-weight-decay, l2-scope, sgd-momentum-learning-rate.

Here: this is PyTorch's, with the decay taken out of the gradient.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.optim.optimizer import ParamsT
from torch.optim.rmsprop import rmsprop

from torch_impl.optimizers import groups_of
from triptych.common.checks import check_flag, check_number
from triptych.common.parameter_groups import ParameterGroup

__all__ = ["RMSprop"]


class RMSprop(torch.optim.RMSprop):
    """RMSprop: the equations at the top."""

    def __init__(
        self,
        params: ParamsT,
        learning_rate: float = 0.01,
        *,
        rho: float = 0.99,
        momentum: float = 0.0,
        epsilon: float = 1e-8,
        centered: bool = False,
        weight_decay: float = 0.0,
        groups: Sequence[ParameterGroup] = (),
    ) -> None:
        learning_rate = check_number("learning_rate", learning_rate, "(0, inf)")
        weight_decay = check_number("weight_decay", weight_decay, "[0, inf)")
        super().__init__(
            groups_of(params, learning_rate, weight_decay, groups),
            lr=learning_rate,
            alpha=check_number("rho", rho, "[0, 1)"),
            momentum=check_number("momentum", momentum, "[0, 1)"),
            eps=check_number("epsilon", epsilon, "(0, inf)"),
            centered=check_flag("centered", centered),
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
            params: list[Any] = []
            # Gradients, mean squares, velocities, means and counts of the steps.
            grads, v, u, a, steps = ([] for _ in range(5))  # type: ignore[var-annotated]
            has_complex = self._init_group(group, params, grads, v, u, a, steps)
            if group["weight_decay"] != 0:
                for p in params:
                    p.mul_(1 - group["lr"] * group["weight_decay"])
            rmsprop(
                params,
                grads,
                v,
                a,
                u,
                steps,
                has_complex=has_complex,
                lr=group["lr"],
                alpha=group["alpha"],
                eps=group["eps"],
                weight_decay=0.0,
                momentum=group["momentum"],
                centered=group["centered"],
                maximize=group["maximize"],
            )
        return loss
