r"""Optimizers: gradient descent with momentum, Adam and AdamW.

    first     w -= learning_rate * weight_decay * w           on weights, not on biases and scales

    SGD       v = momentum * v + g
              w -= learning_rate * v                          nesterov: ... * (g + momentum * v)

    Adam      m = beta_1 * m + (1 - beta_1) * g               m_hat = m / (1 - beta_1**t)
              v = beta_2 * v + (1 - beta_2) * g**2            v_hat = v / (1 - beta_2**t)
              w -= learning_rate * m_hat / (sqrt(v_hat) + epsilon)

    AdamW     Adam, with weight_decay = 0.01 unless told otherwise

g = dL/dw, t counts the steps from 1, m and v start at 0. The decay is decoupled: it enters neither
the velocity nor the moments.

learning_rate and epsilon lie in (0, inf), momentum, beta_1 and beta_2 in [0, 1), weight_decay in
[0, inf), and nesterov needs a momentum above 0; a ``ValueError`` says which does not fit.

Papers: Sutskever, Martens, Dahl and Hinton, "On the importance of initialization and momentum in
deep learning", ICML 2013; Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015
(Algorithm 1); Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019.

Framework differences: PyTorch's SGD and Adam add weight_decay * w to the gradient; its AdamW and
all of Keras decouple. Both decay every parameter. Keras's Adam adds epsilon (1e-7) to sqrt(v),
before the correction ("epsilon hat"); Keras's SGD keeps learning_rate * g in the velocity, which
differs once the learning rate changes. PyTorch has ``dampening``: (1 - dampening) * g enters the
velocity, but for the first step. We do as PyTorch's SGD and AdamW, on weights only; keywords give
the rest.
"""

import math
from collections.abc import Iterator, Mapping

import numpy as np

from scratch.penalties import is_weight
from triptych.common.checks import check_flag, check_number, check_same_shape

__all__ = ["SGD", "Adam", "AdamW"]

BLOCK = 131072  # elements: half a megabyte of float32, a few of which fit in a core's cache


class Optimizer:
    """What every optimizer has: a learning rate, weight decay and ``state``.

    ``state`` holds all that an optimizer remembers, as arrays by name ("step",
    "dense_1.weight.velocity"): save it with ``np.savez``, and set it again to go on.
    """

    moments: tuple[str, ...] = ()  # what is remembered for each parameter

    def __init__(
        self, learning_rate: float, weight_decay: float, coupled_weight_decay: bool, decay_all: bool
    ) -> None:
        self.learning_rate = check_number("learning_rate", learning_rate, "(0, inf)")
        self.weight_decay = check_number("weight_decay", weight_decay, "[0, inf)")
        self.coupled_weight_decay = check_flag("coupled_weight_decay", coupled_weight_decay)
        self.decay_all = check_flag("decay_all", decay_all)
        self.state: dict[str, np.ndarray] = {"step": np.zeros((), np.int64)}

    def step(self, params: Mapping[str, np.ndarray], grads: Mapping[str, np.ndarray]) -> None:
        """Change the arrays of ``params``, by full name ("dense_1.weight"), in place."""
        if params.keys() != grads.keys():
            raise ValueError(f"grads must have the names {list(params)}, got {list(grads)}")
        for name, param in params.items():
            check_same_shape(f"the gradient of {name}", grads[name], param.shape)
        self.state["step"] += 1
        for name, param in params.items():
            keys = [f"{name}.{moment}" for moment in self.moments]
            for key in keys:
                if key not in self.state:
                    self.state[key] = np.zeros_like(param)
            moments = [self.state[key] for key in keys]
            decay = self.weight_decay if self.decay_all or is_weight(name) else 0.0
            for w, g, *arrays in _blocks(param, grads[name], *moments):
                if decay > 0 and self.coupled_weight_decay:
                    g = g + decay * w
                elif decay > 0:
                    w *= 1 - self.learning_rate * decay
                self._update(w, g, *arrays)

    def _update(self, w: np.ndarray, g: np.ndarray, *arrays: np.ndarray) -> None:
        """One step of ``w`` and its moments in place; the last array is a buffer to write to."""
        raise NotImplementedError


def _blocks(*arrays: np.ndarray) -> Iterator[list[np.ndarray]]:
    """The same rows of each array, as views, and a buffer of that shape.

    A block is small enough for the processor's cache, so that of all the passes over it only the
    first has to wait for memory.
    """
    param = arrays[0]
    if param.size <= BLOCK:
        yield [*arrays, np.empty_like(param)]
        return
    rows = max(1, BLOCK * len(param) // param.size)
    buffer = np.empty_like(param[:rows])
    for start in range(0, len(param), rows):
        block = [array[start : start + rows] for array in arrays]
        yield [*block, buffer[: len(block[0])]]


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
        dampening: float = 0.0,
        learning_rate_in_velocity: bool = False,
        coupled_weight_decay: bool = False,
        decay_all: bool = False,
    ) -> None:
        super().__init__(learning_rate, weight_decay, coupled_weight_decay, decay_all)
        self.nesterov = check_flag("nesterov", nesterov)
        self.momentum = check_number("momentum", momentum, "(0, 1)" if nesterov else "[0, 1)")
        self.dampening = check_number("dampening", dampening, "[0, 0]" if nesterov else "[0, 1]")
        self.learning_rate_in_velocity = check_flag(
            "learning_rate_in_velocity", learning_rate_in_velocity
        )
        self.moments = ("velocity",) if self.momentum > 0 else ()

    def _update(self, w: np.ndarray, g: np.ndarray, *arrays: np.ndarray) -> None:
        if self.momentum == 0:
            w -= np.multiply(g, self.learning_rate, out=arrays[-1])
            return
        v, buffer = arrays
        inner, outer = 1.0, self.learning_rate
        if self.learning_rate_in_velocity:
            inner, outer = outer, inner
        # v = momentum * v + inner * (1 - dampening) * g, where the first g is not damped
        gain = inner if self.state["step"] == 1 else inner * (1 - self.dampening)
        push = g if gain == 1 else gain * g
        v *= self.momentum
        v += push
        # w -= outer * v, with nesterov outer * (inner * g + momentum * v)
        direction = push + self.momentum * v if self.nesterov else v
        w -= np.multiply(direction, outer, out=buffer)


class Adam(Optimizer):
    """Adam: the equations at the top.

    With ``epsilon_hat`` (Keras) epsilon is added before the bias correction of v, to sqrt(v).
    """

    moments = ("first_moment", "second_moment")

    def __init__(
        self,
        learning_rate: float = 0.001,
        *,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
        epsilon_hat: bool = False,
        coupled_weight_decay: bool = False,
        decay_all: bool = False,
    ) -> None:
        super().__init__(learning_rate, weight_decay, coupled_weight_decay, decay_all)
        self.beta_1 = check_number("beta_1", beta_1, "[0, 1)")
        self.beta_2 = check_number("beta_2", beta_2, "[0, 1)")
        self.epsilon = check_number("epsilon", epsilon, "(0, inf)")
        self.epsilon_hat = check_flag("epsilon_hat", epsilon_hat)

    def _update(self, w: np.ndarray, g: np.ndarray, *arrays: np.ndarray) -> None:
        m, v, buffer = arrays
        step = int(self.state["step"])
        # m = beta_1 * m + (1 - beta_1) * g
        np.multiply(g, 1 - self.beta_1, out=buffer)
        m *= self.beta_1
        m += buffer
        # v = beta_2 * v + (1 - beta_2) * g**2
        np.multiply(g, g, out=buffer)
        buffer *= 1 - self.beta_2
        v *= self.beta_2
        v += buffer
        # w -= learning_rate * m_hat / (sqrt(v_hat) + epsilon), both fractions times c
        c = math.sqrt(1 - self.beta_2**step)
        np.sqrt(v, out=buffer)
        buffer += self.epsilon if self.epsilon_hat else self.epsilon * c
        np.divide(m, buffer, out=buffer)
        buffer *= self.learning_rate * c / (1 - self.beta_1**step)
        w -= buffer


class AdamW(Adam):
    """Adam with decoupled weight decay."""

    def __init__(
        self,
        learning_rate: float = 0.001,
        *,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float = 0.01,
        epsilon_hat: bool = False,
        decay_all: bool = False,
    ) -> None:
        super().__init__(
            learning_rate,
            beta_1=beta_1,
            beta_2=beta_2,
            epsilon=epsilon,
            weight_decay=weight_decay,
            epsilon_hat=epsilon_hat,
            decay_all=decay_all,
        )
