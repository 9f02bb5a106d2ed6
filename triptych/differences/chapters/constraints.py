"""Constraints on weights."""

import keras
import numpy as np
import torch
from keras import constraints, layers
from torch import nn

from triptych.differences.entry import Difference
from triptych.differences.probe import array, keras_tensor, normal, tensor


class MaxNormBelowLimit(Difference):
    """Keras's MaxNorm also shrinks, by 1e-7 / norm, what is below the limit.

    Step for step: weights of norm 0.5 that nothing else moves lose 0.2 % in ten thousand steps.
    """

    pytorch = "`renorm`: w * c / (norm + 1e-7) only where norm > c"
    keras = "w * clip(norm, 0, c) / (norm + 1e-7), always"
    mapping = "apply it only where the norm is above the limit"
    differs = 1e-8
    words = "max norm constraint renorm maxnorm drift shrink"

    def in_pytorch(mapped):
        return torch.renorm(tensor(0.1 * normal(4, 3)), 2, 1, 5.0)

    def in_keras(mapped):
        weight = keras_tensor(0.1 * normal(4, 3))
        constrained = constraints.MaxNorm(5.0, axis=0)(weight)
        if not mapped:
            return constrained
        norm = keras.ops.sqrt(keras.ops.sum(weight**2, axis=0))
        return keras.ops.where(norm > 5.0, constrained, weight)


class MaxNormAxis(Difference):
    """Keras's MaxNorm looks along axis 0: right for dense kernels, wrong for convolutions."""

    pytorch = "`renorm(p=2, dim=0)`: one norm for each filter of (out, in, h, w)"
    keras = "`MaxNorm(c, axis=0)`: over the window's rows alone"
    mapping = "`axis=[0, 1, 2]` for a kernel of (h, w, in, out)"
    links = (
        "kevinzakka/pytorch-goodies#1",
        "patrick-kidger/equinox#809",
        "keras-team/keras#474",
        "keras-team/keras#3628",
    )
    asked = 6
    words = "max norm convolution axis filters kernel_constraint"

    def in_pytorch(mapped):
        return torch.renorm(tensor(normal(4, 2, 3, 3)), 2, 0, 1.0).permute(2, 3, 1, 0)

    def in_keras(mapped):
        weight = normal(4, 2, 3, 3).transpose(2, 3, 1, 0)
        return constraints.MaxNorm(1.0, axis=[0, 1, 2] if mapped else 0)(weight)


class ConstraintTiming(Difference):
    """Keras projects weights after each step of the optimizer; PyTorch has no hook for that."""

    pytorch = "none: what is not called after `optimizer.step()` does not happen"
    keras = "`kernel_constraint=` acts after every step"
    mapping = "`weight.data = renorm(weight.data, ...)` after the step"
    bound = 1e-6
    because = "both add 1e-7 to the norm, at a different scale"
    links = (
        "keras-team/keras#9068",
        "keras-team/keras#11304",
        "keras-team/keras#18883",
        "tensorflow/tensorflow#19467",
    )
    asked = 4
    words = "kernel_constraint after step projection pytorch equivalent"

    def in_pytorch(mapped):
        weight = tensor(normal(4, 1), gradient=True)
        weight.sum().backward()
        torch.optim.SGD([weight], 0.5).step()
        return torch.renorm(weight.detach(), 2, 1, 0.5) if mapped else weight

    def in_keras(mapped):
        model = keras.Sequential(
            [
                keras.Input((4,)),
                layers.Dense(1, use_bias=False, kernel_constraint=constraints.MaxNorm(0.5)),
            ]
        )
        model.layers[0].kernel.assign(normal(4, 1))
        model.compile(keras.optimizers.SGD(0.5), lambda y, p: p, run_eagerly=True)
        model.train_on_batch(np.ones((1, 4)), np.ones((1, 1)))
        return model.layers[0].kernel


class ConstraintOfVariable(Difference):
    """A constraint given to `keras.Variable` is ignored without a word; `add_weight` takes one."""

    pytorch = "a hand-written projection after the step"
    keras = "set `variable.constraint`, or use `add_weight(constraint=)`"
    mapping = "`variable.constraint = ...` before the step"
    words = "variable constraint ignored add_weight custom layer"

    def in_pytorch(mapped):
        weight = tensor([0.0, 2.0], gradient=True)
        weight.sum().backward()
        torch.optim.SGD([weight], 0.5).step()
        return weight.detach().clamp(min=0.0)

    def in_keras(mapped):
        constraint = constraints.NonNeg()
        variable = keras.Variable(np.array([0.0, 2.0]), constraint=constraint)
        if mapped:
            variable.constraint = constraint
        keras.optimizers.SGD(0.5).apply([keras_tensor(np.ones(2))], [variable])
        return variable


class UnitNormEpsilon(Difference):
    """Keras's unit norm adds 1e-7 to the norm; PyTorch's normalize only guards it, with 1e-12.

    A weight of norm 1e-6 comes out a tenth too short.
    """

    pytorch = "`F.normalize`: w / max(norm, 1e-12)"
    keras = "`UnitNorm`: w / (norm + 1e-7)"
    mapping = "w / norm by hand; or scale w up first"
    words = "unit norm normalize epsilon constraint"

    def in_pytorch(mapped):
        return nn.functional.normalize(tensor(1e-6 * normal(4, 3)), dim=0)

    def in_keras(mapped):
        weight = 1e-6 * normal(4, 3)
        if mapped:
            return weight / np.linalg.norm(weight, axis=0)
        return array(constraints.UnitNorm()(weight))
