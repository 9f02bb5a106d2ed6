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

Here: this is Keras's, with a step of its own; its weight decay acts on kernels alone.
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops
from keras.optimizers.schedules import LearningRateSchedule

from keras_impl.optimizers import Base, blend, check_rate
from triptych.common.checks import check_flag, check_number
from triptych.common.parameter_groups import ParameterGroup

__all__ = ["RMSprop"]


@keras.saving.register_keras_serializable("triptych")
class RMSprop(Base, keras.optimizers.RMSprop):
    """RMSprop: the equations at the top."""

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule = 0.01,
        *,
        rho: float = 0.99,
        momentum: float = 0.0,
        epsilon: float = 1e-8,
        centered: bool = False,
        weight_decay: float = 0.0,
        groups: Sequence[ParameterGroup] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(
            check_rate(learning_rate),
            rho=check_number("rho", rho, "[0, 1)"),
            momentum=check_number("momentum", momentum, "[0, 1)"),
            epsilon=check_number("epsilon", epsilon, "(0, inf)"),
            centered=check_flag("centered", centered),
            weight_decay=check_number("weight_decay", weight_decay, "[0, inf)"),
            groups=groups,
            **kwargs,
        )

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        dtype = variable.dtype
        learning_rate, g = self._rate(variable, learning_rate), ops.cast(gradient, dtype)
        index = self._get_variable_index(variable)
        v = self._velocities[index]
        self.assign(v, blend(v, ops.square(g), self.rho))
        variance = ops.convert_to_tensor(v)
        if self.centered:
            a = self._average_gradients[index]
            self.assign(a, blend(a, g, self.rho))
            variance = variance - ops.square(a)
        step = g / (ops.sqrt(variance) + ops.convert_to_tensor(self.epsilon, dtype))
        if self.momentum > 0:
            u = self._momentums[index]
            self.assign(u, u * ops.convert_to_tensor(self.momentum, dtype) + step)
            step = ops.convert_to_tensor(u)
        self.assign_sub(variable, learning_rate * step)
