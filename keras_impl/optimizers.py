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

Here: the classes are Keras's, with another ``update_step`` and kernels alone to decay. Keras keeps
the learning rate in ``floatx`` and rounds weight_decay to float32; the other numbers are exact.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import keras
from keras import ops
from keras.optimizers.schedules import LearningRateSchedule

from keras_impl.gradient_clipping import clip_by_global_norm
from keras_impl.penalties import is_weight
from triptych.common.checks import check_flag, check_kind, check_number
from triptych.common.parameter_groups import (
    ParameterGroup,
    check_groups_of_parameters,
    group_of,
)

__all__ = ["SGD", "Adam", "AdamW"]


class Transform:
    """What an optimizer of this panel does with the gradients before it clips them; its base class.

    A class of one's own is registered with ``keras.saving.register_keras_serializable`` and has a
    ``get_config``: then it is saved with the optimizer.
    """

    def build(self, optimizer: keras.optimizers.Optimizer, variables: list[Any]) -> None:
        """Where the optimizer makes its variables."""

    def __call__(self, grads: list[Any], variables: list[Any], step: Any) -> list[Any]:
        """The gradients that take the place of ``grads`` in a step, counted from 0."""
        raise NotImplementedError

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Transform":
        return cls(**config)


class Base:
    """Keras's weight decay, of kernels alone; and ``global_clipnorm``, with the norm kept.

    ``gradient_norm`` is the global norm of the last step's gradients, before they were clipped.
    ``transforms`` change the gradients, one after the other, before they are clipped.
    """

    weight_decay: float
    global_clipnorm: float | None

    def __init__(
        self,
        *args: Any,
        groups: Sequence[Any] = (),
        transforms: Sequence[Any] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        if isinstance(groups, list) and groups and isinstance(groups[0], dict):  # was saved
            groups = [ParameterGroup(**group) for group in groups]
        self.groups = check_groups_of_parameters(groups)
        loaded = keras.saving.deserialize_keras_object
        self.transforms = [loaded(t) if isinstance(t, dict) else t for t in transforms]
        for index, transform in enumerate(self.transforms):
            check_kind(f"transforms[{index}]", transform, Transform)

    def build(self, variables: Sequence[keras.Variable]) -> None:
        if self.built:  # type: ignore[attr-defined]
            return
        super().build(variables)  # type: ignore[misc]
        self._groups = [group_of(parameter_name(each), self.groups) for each in variables]
        for transform in self.transforms:
            transform.build(self, variables)
        if self.global_clipnorm is not None:
            dtype = variables[0].dtype
            self.gradient_norm = self.add_variable(  # type: ignore[attr-defined]
                (), initializer="zeros", dtype=dtype, name="gradient_norm"
            )

    def _backend_apply_gradients(self, grads: Sequence[Any], variables: Sequence[Any]) -> None:
        # Keras would take what is set as usual for variables of the optimizer.
        object.__setattr__(self, "_changed", list(variables))
        super()._backend_apply_gradients(grads, variables)  # type: ignore[misc]

    def _clip_gradients(self, grads: Sequence[Any]) -> Sequence[Any]:
        for transform in self.transforms:
            grads = transform(list(grads), self._changed, self.iterations)  # type: ignore[attr-defined]
        if self.global_clipnorm is None:
            return super()._clip_gradients(grads)  # type: ignore[misc]
        clipped, norm = clip_by_global_norm(list(grads), self.global_clipnorm)
        self.gradient_norm.assign(norm)
        return clipped

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()  # type: ignore[misc]
        if self.groups:
            config["groups"] = list(map(asdict, self.groups))
        if self.transforms:
            config["transforms"] = list(map(keras.saving.serialize_keras_object, self.transforms))
        return config

    def _apply_weight_decay(self, variables: Sequence[keras.Variable]) -> None:
        if self.groups:
            for variable in variables:
                group = self._group(variable)
                decay = self.weight_decay if is_weight(variable) else 0.0
                decay = decay if group.weight_decay is None else group.weight_decay
                if decay > 0:
                    rate = self._rate(variable, self.learning_rate)  # type: ignore[attr-defined]
                    share = rate * ops.convert_to_tensor(decay, variable.dtype)
                    variable.assign(variable - variable * share)
            return
        kernels = [variable for variable in variables if is_weight(variable)]
        if self.weight_decay > 0 and kernels:
            super()._apply_weight_decay(kernels)  # type: ignore[misc]

    def _rate(self, variable: keras.Variable, learning_rate: Any) -> Any:
        """The variable's own, of its dtype."""
        rate = ops.cast(learning_rate, variable.dtype)
        factor = self._group(variable).learning_rate if self.groups else 1.0
        return rate if factor == 1 else rate * ops.convert_to_tensor(factor, variable.dtype)

    def _group(self, variable: Any) -> ParameterGroup:
        """Of a variable of Keras, or of the one of TensorFlow in it, which has no path."""
        return self._groups[self._get_variable_index(variable)]  # type: ignore[attr-defined]


def parameter_name(variable: keras.Variable) -> str:
    """As the other panels call it: "dense_1.weight" for "sequential/dense_1/kernel"."""
    *layers, own = variable.path.split("/")
    layers = layers[1:] if len(layers) > 1 else layers
    return ".".join([*layers, "weight" if own == "kernel" else own])


@keras.saving.register_keras_serializable("triptych")
class SGD(Base, keras.optimizers.SGD):
    """Gradient descent with momentum: the equations at the top."""

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule = 0.01,
        *,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
        groups: Sequence[ParameterGroup] = (),
        **kwargs: Any,
    ) -> None:
        nesterov = check_flag("nesterov", nesterov)
        learning_rate = check_rate(learning_rate)
        momentum = check_number("momentum", momentum, "(0, 1)" if nesterov else "[0, 1)")
        weight_decay = check_number("weight_decay", weight_decay, "[0, inf)")
        super().__init__(
            learning_rate,
            momentum=momentum,
            nesterov=nesterov,
            weight_decay=weight_decay,
            groups=groups,
            **kwargs,
        )

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        learning_rate = self._rate(variable, learning_rate)
        gradient = ops.cast(gradient, variable.dtype)
        if self.momentum > 0:
            momentum = ops.convert_to_tensor(self.momentum, variable.dtype)
            v = self.momentums[self._get_variable_index(variable)]
            self.assign(v, ops.add(ops.multiply(v, momentum), gradient))
            gradient = ops.add(ops.multiply(v, momentum), gradient) if self.nesterov else v
        self.assign_sub(variable, ops.multiply(gradient, learning_rate))


@keras.saving.register_keras_serializable("triptych")
class Adam(Base, keras.optimizers.Adam):
    """Adam: the equations at the top."""

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule = 0.001,
        *,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
        groups: Sequence[ParameterGroup] = (),
        amsgrad: bool = False,
        **kwargs: Any,
    ) -> None:
        learning_rate = check_rate(learning_rate)
        beta_1 = check_number("beta_1", beta_1, "[0, 1)")
        beta_2 = check_number("beta_2", beta_2, "[0, 1)")
        epsilon = check_number("epsilon", epsilon, "(0, inf)")
        weight_decay = check_number("weight_decay", weight_decay, "[0, inf)")
        super().__init__(
            learning_rate,
            beta_1=beta_1,
            beta_2=beta_2,
            epsilon=epsilon,
            weight_decay=weight_decay,
            groups=groups,
            amsgrad=check_flag("amsgrad", amsgrad),
            **kwargs,
        )

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        dtype = variable.dtype
        learning_rate, g = self._rate(variable, learning_rate), ops.cast(gradient, dtype)
        t = ops.cast(self.iterations + 1, dtype)
        index = self._get_variable_index(variable)
        m, v = self._momentums[index], self._velocities[index]
        self.assign(m, blend(m, g, self.beta_1))
        self.assign(v, blend(v, ops.square(g), self.beta_2))
        if self.amsgrad:
            v_max = self._velocity_hats[index]
            self.assign(v_max, ops.maximum(v_max, v))
            v = v_max
        m_hat = m / _correction(self.beta_1, t)
        v_hat = v / _correction(self.beta_2, t)
        epsilon = ops.convert_to_tensor(self.epsilon, dtype)
        self.assign_sub(variable, learning_rate * m_hat / (ops.sqrt(v_hat) + epsilon))


@keras.saving.register_keras_serializable("triptych")
class AdamW(Adam):
    """Adam whose ``weight_decay`` is 0.01 unless told otherwise."""

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule = 0.001,
        *,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float = 0.01,
        groups: Sequence[ParameterGroup] = (),
        amsgrad: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            learning_rate,
            beta_1=beta_1,
            beta_2=beta_2,
            epsilon=epsilon,
            weight_decay=weight_decay,
            groups=groups,
            amsgrad=amsgrad,
            **kwargs,
        )


def blend(moment: Any, new: Any, beta: float) -> Any:
    """beta * moment + (1 - beta) * new, with factors that ``ops.cast`` would round to float32."""
    keep, take = (ops.convert_to_tensor(factor, moment.dtype) for factor in (beta, 1 - beta))
    return ops.add(ops.multiply(moment, keep), ops.multiply(new, take))


def _correction(beta: float, t: Any) -> Any:
    """1 - beta**t as -expm1(t * log(beta)), which loses no digits where beta**t is close to 1."""
    log = math.log(beta) if beta > 0 else -math.inf
    return -ops.expm1(t * ops.convert_to_tensor(log, t.dtype))


def check_rate(learning_rate: Any) -> Any:
    """A schedule is asked for the number of each step."""
    if isinstance(learning_rate, LearningRateSchedule):
        return learning_rate
    return check_number("learning_rate", learning_rate, "(0, inf)")
