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

Here: ``dampening`` in [0, 1] (0 with nesterov), ``learning_rate_in_velocity``, ``epsilon_hat``,
``coupled_weight_decay`` and ``decay_all`` give what the frameworks do instead. The classes call the
functions of ``scratch.fast.optimizers``, which give the same but change w, m and v in place.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from scratch.fast import optimizers as fast
from scratch.penalties import is_weight
from triptych.common.checks import (
    check_flag,
    check_floats,
    check_number,
    check_same_shape,
    check_size,
    given,
    own_arrays,
)
from triptych.common.parameter_groups import (
    ParameterGroup,
    check_groups_of_parameters,
    group_of,
)

__all__ = ["sgd_step", "adam_step", "amsgrad_step", "SGD", "Adam", "AdamW"]


def sgd_step(
    w: np.ndarray,
    g: np.ndarray,
    v: np.ndarray | None,
    t: int,
    *,
    learning_rate: float,
    momentum: float = 0.0,
    nesterov: bool = False,
    weight_decay: float = 0.0,
    dampening: float = 0.0,
    learning_rate_in_velocity: bool = False,
    coupled_weight_decay: bool = False,
) -> tuple[np.ndarray, np.ndarray | None]:
    """w and v after step t. Without momentum no v is needed: it may be None."""
    learning_rate, weight_decay, momentum, dampening = _check_sgd(
        w, g, v, t, learning_rate, weight_decay, momentum, nesterov, dampening
    )
    if coupled_weight_decay:
        g = g + weight_decay * w
    else:
        w = w - learning_rate * weight_decay * w
    if v is None or momentum == 0:
        return w - learning_rate * g, v
    if learning_rate_in_velocity:
        learning_rate, g = 1.0, learning_rate * g
    if t > 1:
        g = (1 - dampening) * g
    v = momentum * v + g
    return w - learning_rate * (g + momentum * v if nesterov else v), v


def adam_step(
    w: np.ndarray,
    g: np.ndarray,
    m: np.ndarray,
    v: np.ndarray,
    t: int,
    *,
    learning_rate: float,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-8,
    weight_decay: float = 0.0,
    epsilon_hat: bool = False,
    coupled_weight_decay: bool = False,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """w, m and v after step t."""
    learning_rate, weight_decay, beta_1, beta_2, epsilon = _check_adam(
        w, g, m, v, t, learning_rate, weight_decay, beta_1, beta_2, epsilon
    )
    if coupled_weight_decay:
        g = g + weight_decay * w
    else:
        w = w - learning_rate * weight_decay * w
    m = beta_1 * m + (1 - beta_1) * g
    v = beta_2 * v + (1 - beta_2) * g**2
    m_hat = m / (1 - beta_1**t)
    v_hat = v / (1 - beta_2**t)
    if epsilon_hat:  # it is added to sqrt(v), which is sqrt(v_hat) * sqrt(1 - beta_2**t)
        epsilon = epsilon / math.sqrt(1 - beta_2**t)
    return w - learning_rate * m_hat / (np.sqrt(v_hat) + epsilon), m, v


def amsgrad_step(
    w: np.ndarray,
    g: np.ndarray,
    m: np.ndarray,
    v: np.ndarray,
    v_max: np.ndarray,
    t: int,
    *,
    learning_rate: float,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-8,
    weight_decay: float = 0.0,
    epsilon_hat: bool = False,
    coupled_weight_decay: bool = False,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """w, m, v and the largest v so far, after step t."""
    learning_rate, weight_decay, beta_1, beta_2, epsilon = _check_amsgrad(
        w, g, m, v, v_max, t, learning_rate, weight_decay, beta_1, beta_2, epsilon
    )
    if coupled_weight_decay:
        g = g + weight_decay * w
    else:
        w = w - learning_rate * weight_decay * w
    m = beta_1 * m + (1 - beta_1) * g
    v = beta_2 * v + (1 - beta_2) * g**2
    v_max = np.maximum(v_max, v)
    m_hat = m / (1 - beta_1**t)
    v_hat = v_max / (1 - beta_2**t)
    if epsilon_hat:  # as in Adam
        epsilon = epsilon / math.sqrt(1 - beta_2**t)
    return w - learning_rate * m_hat / (np.sqrt(v_hat) + epsilon), m, v, v_max


class Optimizer:
    """What every optimizer has: a learning rate, weight decay and ``state``.

    ``state`` holds all that an optimizer remembers, as arrays by name ("step",
    "dense_1.weight.velocity"): save it with ``np.savez``, and set it again to go on.
    """

    def __init__(
        self,
        learning_rate: float,
        weight_decay: float,
        groups: Sequence[ParameterGroup],
        coupled_weight_decay: bool,
        decay_all: bool,
    ) -> None:
        self.learning_rate, self.weight_decay = _check_rates(learning_rate, weight_decay)
        self.groups = check_groups_of_parameters(groups)
        self.coupled_weight_decay = check_flag("coupled_weight_decay", coupled_weight_decay)
        self.decay_all = check_flag("decay_all", decay_all)
        self.state: dict[str, np.ndarray] = {"step": np.zeros((), np.int64)}

    def step(self, params: Mapping[str, np.ndarray], grads: Mapping[str, np.ndarray]) -> None:
        """Change the arrays of ``params``, by full name ("dense_1.weight"), in place."""
        _check_gradients(params, grads)
        if not grads:  # a step that only adds up what is accumulated
            return
        self.state["step"] += 1
        t = int(self.state["step"])
        for name, w in params.items():
            group = group_of(name, self.groups)
            weight_decay = self.weight_decay if self.decay_all or is_weight(name) else 0.0
            if group.weight_decay is not None:
                weight_decay = group.weight_decay
            rates = (self.learning_rate * group.learning_rate, weight_decay)
            self._update(name, w, grads[name], t, *rates)

    def _update(
        self,
        name: str,
        w: np.ndarray,
        g: np.ndarray,
        t: int,
        learning_rate: float,
        weight_decay: float,
    ) -> None:
        """Step t of the parameter ``name``, in place."""
        raise NotImplementedError

    def _moment(self, name: str, w: np.ndarray) -> np.ndarray:
        """What is remembered under this name, of the shape of w: zeros at first."""
        if name not in self.state:
            self.state[name] = np.zeros_like(w)
        return self.state[name]


class SGD(Optimizer):
    """Gradient descent with momentum: the equations at the top.

    With ``learning_rate_in_velocity`` (Keras): v = momentum * v + learning_rate * g and w -= v.
    """

    def __init__(
        self,
        learning_rate: float = 0.01,
        *,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
        groups: Sequence[ParameterGroup] = (),
        dampening: float = 0.0,
        learning_rate_in_velocity: bool = False,
        coupled_weight_decay: bool = False,
        decay_all: bool = False,
    ) -> None:
        super().__init__(learning_rate, weight_decay, groups, coupled_weight_decay, decay_all)
        self.nesterov = check_flag("nesterov", nesterov)
        self.momentum, self.dampening = _check_momentum(momentum, nesterov, dampening)
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
        fast.sgd_step(
            w,
            g,
            self._moment(f"{name}.velocity", w) if self.momentum > 0 else None,
            t,
            learning_rate=learning_rate,
            momentum=self.momentum,
            nesterov=self.nesterov,
            weight_decay=weight_decay,
            dampening=self.dampening,
            learning_rate_in_velocity=self.learning_rate_in_velocity,
            coupled_weight_decay=self.coupled_weight_decay,
        )


class Adam(Optimizer):
    """Adam: the equations at the top.

    With ``epsilon_hat`` (Keras) epsilon is added before the bias correction of v, to sqrt(v).
    """

    def __init__(
        self,
        learning_rate: float = 0.001,
        *,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
        groups: Sequence[ParameterGroup] = (),
        amsgrad: bool = False,
        epsilon_hat: bool = False,
        coupled_weight_decay: bool = False,
        decay_all: bool = False,
    ) -> None:
        super().__init__(learning_rate, weight_decay, groups, coupled_weight_decay, decay_all)
        self.beta_1, self.beta_2, self.epsilon = _check_betas(beta_1, beta_2, epsilon)
        self.amsgrad = check_flag("amsgrad", amsgrad)
        self.epsilon_hat = check_flag("epsilon_hat", epsilon_hat)

    def _update(
        self,
        name: str,
        w: np.ndarray,
        g: np.ndarray,
        t: int,
        learning_rate: float,
        weight_decay: float,
    ) -> None:
        m, v = (self._moment(f"{name}.{kind}_moment", w) for kind in ("first", "second"))
        options: dict[str, Any] = {
            "learning_rate": learning_rate,
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
            "weight_decay": weight_decay,
            "epsilon_hat": self.epsilon_hat,
            "coupled_weight_decay": self.coupled_weight_decay,
        }
        if self.amsgrad:
            v_max = self._moment(f"{name}.largest_second_moment", w)
            w[...], m[...], v[...], v_max[...] = amsgrad_step(w, g, m, v, v_max, t, **options)
        else:
            fast.adam_step(w, g, m, v, t, **options)


class AdamW(Adam):
    """Adam whose ``weight_decay`` is 0.01 unless told otherwise."""

    def __init__(
        self,
        learning_rate: float = 0.001,
        *,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float = 0.01,
        groups: Sequence[ParameterGroup] = (),
        amsgrad: bool = False,
        epsilon_hat: bool = False,
        decay_all: bool = False,
    ) -> None:
        super().__init__(
            learning_rate,
            beta_1=beta_1,
            beta_2=beta_2,
            epsilon=epsilon,
            weight_decay=weight_decay,
            groups=groups,
            amsgrad=amsgrad,
            epsilon_hat=epsilon_hat,
            decay_all=decay_all,
        )


def _check_gradients(params: Mapping[str, np.ndarray], grads: Mapping[str, np.ndarray]) -> None:
    if params.keys() != grads.keys():
        raise ValueError(f"grads must have the names {list(params)}, got {list(grads)}")
    for name, w in params.items():
        if grads[name].shape != w.shape:
            raise ValueError(
                f"the gradient of {name} must have shape {w.shape}, got {grads[name].shape}"
            )


@own_arrays
def _check_sgd(
    w: np.ndarray,
    g: np.ndarray,
    v: np.ndarray | None,
    t: int,
    learning_rate: float,
    weight_decay: float,
    momentum: float,
    nesterov: bool,
    dampening: float,
) -> tuple[float, float, float, float]:
    rates = _check_rates(learning_rate, weight_decay)
    check_flag("nesterov", nesterov)
    factors = _check_momentum(momentum, nesterov, dampening)
    if v is None and factors[0] > 0:
        raise ValueError("v must be an array where there is momentum, got None")
    _check_arrays(w, t, g=g, **given(v=v))
    return *rates, *factors


@own_arrays
def _check_adam(
    w: np.ndarray,
    g: np.ndarray,
    m: np.ndarray,
    v: np.ndarray,
    t: int,
    learning_rate: float,
    weight_decay: float,
    beta_1: float,
    beta_2: float,
    epsilon: float,
) -> tuple[float, float, float, float, float]:
    rates = _check_rates(learning_rate, weight_decay)
    _check_arrays(w, t, g=g, m=m, v=v)
    return *rates, *_check_betas(beta_1, beta_2, epsilon)


@own_arrays
def _check_amsgrad(
    w: np.ndarray,
    g: np.ndarray,
    m: np.ndarray,
    v: np.ndarray,
    v_max: np.ndarray,
    t: int,
    *numbers: float,
) -> tuple[float, float, float, float, float]:
    checked = _check_adam(w, g, m, v, t, *numbers)
    _check_arrays(w, t, v_max=v_max)
    return checked


def _check_arrays(w: np.ndarray, t: int, **arrays: np.ndarray) -> None:
    check_size("t", t)
    check_floats(w=w, **arrays)
    for name, array in arrays.items():
        check_same_shape(name, array, w)


def _check_rates(learning_rate: float, weight_decay: float) -> tuple[float, float]:
    learning_rate = check_number("learning_rate", learning_rate, "(0, inf)")
    return learning_rate, check_number("weight_decay", weight_decay, "[0, inf)")


def _check_momentum(momentum: float, nesterov: bool, dampening: float) -> tuple[float, float]:
    momentum = check_number("momentum", momentum, "(0, 1)" if nesterov else "[0, 1)")
    return momentum, check_number("dampening", dampening, "[0, 0]" if nesterov else "[0, 1]")


def _check_betas(beta_1: float, beta_2: float, epsilon: float) -> tuple[float, float, float]:
    beta_1 = check_number("beta_1", beta_1, "[0, 1)")
    beta_2 = check_number("beta_2", beta_2, "[0, 1)")
    return beta_1, beta_2, check_number("epsilon", epsilon, "(0, inf)")
