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

Here: ``epsilon_in_root``, ``learning_rate_in_velocity``, ``coupled_weight_decay`` and ``decay_all``
give what the frameworks do instead.
"""

from collections.abc import Sequence

import numpy as np

from scratch.optimizers import Optimizer
from triptych.common.checks import (
    check_flag,
    check_floats,
    check_number,
    check_same_shape,
    own_arrays,
)
from triptych.common.parameter_groups import ParameterGroup

__all__ = ["rmsprop_step", "RMSprop"]


def rmsprop_step(
    w: np.ndarray,
    g: np.ndarray,
    v: np.ndarray,
    a: np.ndarray,
    u: np.ndarray,
    *,
    learning_rate: float,
    rho: float = 0.99,
    momentum: float = 0.0,
    epsilon: float = 1e-8,
    centered: bool = False,
    weight_decay: float = 0.0,
    epsilon_in_root: bool = False,
    learning_rate_in_velocity: bool = False,
    coupled_weight_decay: bool = False,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """w, v, a and u after a step. a stays as it is unless it is centered."""
    learning_rate, rho, momentum, epsilon, weight_decay = _check(
        w, g, v, a, u, learning_rate, rho, momentum, epsilon, centered, weight_decay
    )
    if coupled_weight_decay:
        g = g + weight_decay * w
    else:
        w = w - learning_rate * weight_decay * w
    v = rho * v + (1 - rho) * g**2
    a = rho * a + (1 - rho) * g if centered else a
    variance = v - a**2 if centered else v
    root = np.sqrt(variance + epsilon) if epsilon_in_root else np.sqrt(variance) + epsilon
    if learning_rate_in_velocity:
        learning_rate, g = 1.0, learning_rate * g
    u = momentum * u + g / root
    return w - learning_rate * u, v, a, u


class RMSprop(Optimizer):
    """RMSprop: the equations at the top.

    With ``epsilon_in_root`` and ``learning_rate_in_velocity`` (Keras): the root is that of
    v + epsilon, and u = momentum * u + learning_rate * g / root.
    """

    def __init__(
        self,
        learning_rate: float = 0.01,
        *,
        rho: float = 0.99,
        momentum: float = 0.0,
        epsilon: float = 1e-8,
        centered: bool = False,
        weight_decay: float = 0.0,
        groups: Sequence[ParameterGroup] = (),
        epsilon_in_root: bool = False,
        learning_rate_in_velocity: bool = False,
        coupled_weight_decay: bool = False,
        decay_all: bool = False,
    ) -> None:
        super().__init__(learning_rate, weight_decay, groups, coupled_weight_decay, decay_all)
        self.rho = check_number("rho", rho, "[0, 1)")
        self.momentum = check_number("momentum", momentum, "[0, 1)")
        self.epsilon = check_number("epsilon", epsilon, "(0, inf)")
        self.centered = check_flag("centered", centered)
        self.epsilon_in_root = check_flag("epsilon_in_root", epsilon_in_root)
        self.learning_rate_in_velocity = check_flag(
            "learning_rate_in_velocity", learning_rate_in_velocity
        )

    def _update(
        self,
        name: str,
        w: np.ndarray,
        g: np.ndarray,
        t: int,
        learning_rate: float,
        weight_decay: float,
    ) -> None:
        v = self._moment(f"{name}.mean_square", w)
        a = self._moment(f"{name}.mean", w) if self.centered else v
        u = self._moment(f"{name}.velocity", w) if self.momentum > 0 else np.zeros_like(w)
        new = rmsprop_step(
            w,
            g,
            v,
            a,
            u,
            learning_rate=learning_rate,
            rho=self.rho,
            momentum=self.momentum,
            epsilon=self.epsilon,
            centered=self.centered,
            weight_decay=weight_decay,
            epsilon_in_root=self.epsilon_in_root,
            learning_rate_in_velocity=self.learning_rate_in_velocity,
            coupled_weight_decay=self.coupled_weight_decay,
        )
        w[...], v[...], u[...] = new[0], new[1], new[3]
        if self.centered:
            a[...] = new[2]


@own_arrays
def _check(
    w: np.ndarray,
    g: np.ndarray,
    v: np.ndarray,
    a: np.ndarray,
    u: np.ndarray,
    learning_rate: float,
    rho: float,
    momentum: float,
    epsilon: float,
    centered: bool,
    weight_decay: float,
) -> tuple[float, float, float, float, float]:
    check_floats(w=w, g=g, v=v, a=a, u=u)
    for name, array in {"g": g, "v": v, "a": a, "u": u}.items():
        check_same_shape(name, array, w)
    check_flag("centered", centered)
    return (
        check_number("learning_rate", learning_rate, "(0, inf)"),
        check_number("rho", rho, "[0, 1)"),
        check_number("momentum", momentum, "[0, 1)"),
        check_number("epsilon", epsilon, "(0, inf)"),
        check_number("weight_decay", weight_decay, "[0, inf)"),
    )
