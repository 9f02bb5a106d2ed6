"""Gradient clipping."""

import keras
import numpy as np
import torch
from torch import nn

from triptych.differences.entry import Difference
from triptych.differences.probe import array, keras_tensor, normal, tensor
from triptych.translate import clip_norm_to_torch


def torch_clipped(*gradients, max_norm, each=False, **options):
    """The gradients after `clip_grad_norm_`, of all together or of one after the other."""
    weights = [tensor(np.zeros_like(gradient), gradient=True) for gradient in gradients]
    for weight, gradient in zip(weights, gradients, strict=True):
        weight.grad = tensor(gradient)
    for group in [[weight] for weight in weights] if each else [weights]:
        nn.utils.clip_grad_norm_(group, max_norm, **options)
    return [weight.grad for weight in weights]


def keras_clipped(*gradients, **clipping):
    """What a Keras optimizer subtracts, at a rate of 1."""
    weights = [keras.Variable(np.zeros_like(gradient)) for gradient in gradients]
    keras.optimizers.SGD(1.0, **clipping).apply([keras_tensor(g) for g in gradients], weights)
    return [-array(weight) for weight in weights]


class ClipEpsilon(Difference):
    """PyTorch adds 1e-6 to the norm that it divides by; Keras does not.

    Tiny norms show it: gradients of norm 2e-7 that are clipped to 1e-7 become 1.7e-8.
    """

    pytorch = "scale = max_norm / (norm + 1e-6)"
    keras = "scale = max_norm / norm"
    mapping = "max_norm in PyTorch = max_norm in Keras * (norm + 1e-6) / norm"
    links = (
        "goodfire-ai/spd#643",
        "goodfire-ai/spd#645",
    )
    asked = 2
    words = "clipping at tiny norms small gradient norm clip_grad_norm_ epsilon 1e-6"

    def in_pytorch(mapped):
        gradient = 1e-7 * normal(4)
        norm = np.linalg.norm(gradient)
        return torch_clipped(
            gradient, max_norm=clip_norm_to_torch(2.0**-24, norm) if mapped else 2.0**-24
        )

    def in_keras(mapped):
        return keras_clipped(1e-7 * normal(4), global_clipnorm=2.0**-24)


class ClipScope(Difference):
    """`clip_grad_norm_` takes one norm of all gradients, Keras's clipnorm one for each variable.

    A Keras optimizer takes one of clipnorm, global_clipnorm and clipvalue.
    """

    pytorch = "the norm of all parameters together"
    keras = "`clipnorm=1`: each variable alone; `global_clipnorm=1`: all together"
    mapping = "`global_clipnorm`; or PyTorch's call for one parameter after the other"
    bound = 2e-6
    because = "PyTorch adds 1e-6 to the norm: see clip-epsilon"
    links = (
        "keras-team/keras#13575",
        "tensorflow/tensorflow#29108",
        "tensorflow/tensorflow#36001",
        "tensorflow/tensorflow#52348",
    )
    asked = 8
    words = "gradient clipping by norm clipnorm global_clipnorm clip_grad_norm_ per variable scope"

    def in_pytorch(mapped):
        return torch_clipped(normal(4), normal(3, seed=1), max_norm=0.5)

    def in_keras(mapped):
        name = "global_clipnorm" if mapped else "clipnorm"
        return keras_clipped(normal(4), normal(3, seed=1), **{name: 0.5})


class ClipNonfinite(Difference):
    """One infinite gradient: PyTorch makes the finite ones 0, Keras's global norm makes all NaN.

    Keras's clipnorm spoils that variable alone; clipvalue turns an infinity into the limit on both
    sides, and keeps NaN.
    """

    pytorch = "finite gradients 0, the infinite one NaN; `error_if_nonfinite=True` raises"
    keras = "`global_clipnorm`: every gradient NaN"
    mapping = "look at the norm first; or clip by value, where both make the limit of an infinity"
    links = (
        "pytorch/pytorch#46849",
        "tensorflow/tensorflow#21363",
        "pytorch/pytorch#53843",
        "pytorch/pytorch#55169",
    )
    asked = 4
    words = "inf nan gradient clipping error_if_nonfinite exploding"

    def in_pytorch(mapped):
        if not mapped:
            return torch_clipped([np.inf, 1.0], [2.0, 3.0], max_norm=1.0)
        weight = tensor(np.zeros(2), gradient=True)
        weight.grad = tensor([np.inf, 3.0])
        nn.utils.clip_grad_value_([weight], 2.0)
        return [weight.grad]

    def in_keras(mapped):
        if not mapped:
            gradients = np.array([np.inf, 1.0]), np.array([2.0, 3.0])
            return keras_clipped(*gradients, global_clipnorm=1.0)
        return keras_clipped(np.array([np.inf, 3.0]), clipvalue=2.0)


class ClipZero(Difference):
    """A limit of 0 stops all learning in PyTorch, and means no limit in Keras."""

    pytorch = "`max_norm=0`: gradients become 0"
    keras = "`global_clipnorm=0` is falsy: nothing is clipped"
    mapping = "None in Keras, infinity or no call in PyTorch, for no limit"
    links = (
        "OpenNMT/OpenNMT-py#1140",
        "atomistic-machine-learning/schnetpack#660",
        "adjidieng/ETM#49",
    )
    asked = 3
    words = "clipnorm 0 disable clipping zero max_norm"

    def in_pytorch(mapped):
        return torch_clipped(normal(4), max_norm=torch.inf if mapped else 0.0)

    def in_keras(mapped):
        return keras_clipped(normal(4), global_clipnorm=None if mapped else 0.0)


class ClipNormType(Difference):
    """PyTorch clips by any p-norm, Keras by the 2-norm."""

    pytorch = "`clip_grad_norm_(norm_type=inf)`"
    keras = "the 2-norm"
    mapping = "`norm_type=2`, the default"
    bound = 2e-6
    because = "PyTorch adds 1e-6 to the norm: see clip-epsilon"
    words = "norm_type infinity norm 1-norm clipping"

    def in_pytorch(mapped):
        return torch_clipped(normal(4), max_norm=0.5, norm_type=2 if mapped else torch.inf)

    def in_keras(mapped):
        return keras_clipped(normal(4), global_clipnorm=0.5)


class ClipSparse(Difference):
    """A sparse gradient that has a row twice is clipped by too small a norm in Keras on TensorFlow.

    The two parts are squared apart and added up afterwards: limited to 1, the step has norm 1.41.
    """

    pytorch = "the dense gradient's norm"
    keras = "the norm of the rows as they are listed"
    mapping = "`tf.convert_to_tensor(gradient)` before it is clipped"
    bound = 2e-6
    because = "PyTorch adds 1e-6 to the norm: see clip-epsilon"
    backends = ("tensorflow",)
    words = "embedding IndexedSlices clipnorm duplicate indices sparse"

    def in_pytorch(mapped):
        table = torch.zeros(4, 2, requires_grad=True)
        (2 * torch.nn.functional.embedding(torch.tensor([1, 1]), table)).sum().backward()
        nn.utils.clip_grad_norm_([table], 1.0)
        return table.grad

    def in_keras(mapped):
        import tensorflow as tf

        table = keras.Variable(np.zeros((4, 2)))
        gradient = tf.IndexedSlices(tf.constant([[2.0, 2.0]] * 2), tf.constant([1, 1]), (4, 2))
        gradient = tf.IndexedSlices(tf.cast(gradient.values, "float64"), gradient.indices, (4, 2))
        if mapped:
            gradient = tf.convert_to_tensor(gradient)
        keras.optimizers.SGD(1.0, clipnorm=1.0).apply([gradient], [table])
        return -array(table)


class ClipBelowLimit(Difference):
    """Below the limit PyTorch multiplies by 1, Keras by max_norm * (1 / max_norm).

    That is not always 1: the last place of a gradient that needs no clipping may change.
    """

    pytorch = "the factor is clamped to 1"
    keras = "gradient * max_norm * min(1 / norm, 1 / max_norm)"
    mapping = "a power of two for the limit"
    differs = 1e-17
    bound = 0.0
    words = "clipping changes last digit bit below limit global_clipnorm rounding"
    backends = ("tensorflow",)

    def in_pytorch(mapped):
        limit = 64.0 if mapped else 49.0
        return torch_clipped(normal(4), max_norm=limit)

    def in_keras(mapped):
        import tensorflow as tf

        limit = 64.0 if mapped else 49.0
        (clipped,), _ = tf.clip_by_global_norm([tf.constant(normal(4))], limit)
        return [clipped]


class NormOverflow(Difference):
    """Neither scales before it squares: float32 gradients of 1e20 have an infinite norm.

    So they are clipped to 0 or NaN, where a norm in float64 would have done.
    """

    pytorch = "sqrt(sum(g**2)) in float32: inf, and the gradient becomes 0"
    keras = "on TensorFlow inf too, and NaN"
    mapping = "the norm in float64"
    bound = 1e-6
    because = "float32"
    words = "overflow float32 gradient norm infinite 1e20 squares"
    backends = ("tensorflow",)

    def in_pytorch(mapped):
        gradient = np.array([3e20, 4e20], dtype="float64" if mapped else "float32")
        return torch_clipped(gradient, max_norm=1.0)

    def in_keras(mapped):
        import tensorflow as tf

        gradient = np.array([3e20, 4e20], dtype="float64" if mapped else "float32")
        (clipped,), _ = tf.clip_by_global_norm([tf.constant(gradient)], 1.0)
        return [clipped]
