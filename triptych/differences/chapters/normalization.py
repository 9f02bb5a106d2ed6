"""Layer, group, RMS, spectral and weight normalization."""

import keras
import numpy as np
import torch
from keras import layers
from torch import nn

from triptych.differences.entry import Difference
from triptych.differences.probe import array, normal, outcome, tensor


class LayerNormEpsilon(Difference):
    """Layer norm's epsilon is 1e-5 in PyTorch and 1e-3 in Keras."""

    pytorch = "`eps=1e-5`"
    keras = "`epsilon=1e-3`"
    mapping = "set one to the other"
    links = (
        "huggingface/transformers#1089",
        "karpathy/makemore#1",
        "mindspore-lab/mindone#219",
        "facebookresearch/ParlAI#1834",
    )
    asked = 5
    words = "layernorm transformer eps porting"

    def in_pytorch(mapped):
        return nn.LayerNorm(6)(tensor(0.1 * normal(4, 6)))

    def in_keras(mapped):
        options = {"epsilon": 1e-5} if mapped else {}
        return layers.LayerNormalization(**options)(0.1 * normal(4, 6))


class LayerNormAxes(Difference):
    """PyTorch is told the shape to normalize over, Keras the axes, by default the last alone."""

    pytorch = "`LayerNorm((C, H, W))`: the last three axes, weights of that shape"
    keras = "`axis=-1`"
    mapping = "`axis=[1, 2, 3]`, with PyTorch's weights permuted to (H, W, C)"
    words = "layernorm normalized_shape axis images channels"

    def in_pytorch(mapped):
        layer = nn.LayerNorm((3, 4, 5))
        layer.weight.data = tensor(normal(3, 4, 5, seed=1))
        return layer(tensor(normal(2, 3, 4, 5))).permute(0, 2, 3, 1)

    def in_keras(mapped):
        x, gamma = normal(2, 3, 4, 5).transpose(0, 2, 3, 1), normal(3, 4, 5, seed=1)
        layer = layers.LayerNormalization(axis=[1, 2, 3] if mapped else -1, epsilon=1e-5)
        layer.build(x.shape)
        layer.gamma.assign(gamma.transpose(1, 2, 0) if mapped else gamma[:, 0, 0])
        return layer(x)


class GroupNormDefaults(Difference):
    """Group norm: PyTorch has to be told the groups; Keras takes 32, and an epsilon of 1e-3."""

    pytorch = "`GroupNorm(num_groups, num_channels, eps=1e-5)`"
    keras = "`groups=32`, `epsilon=1e-3`"
    mapping = "set both"
    links = ("tensorflow/addons#2240",)
    asked = 1
    words = "groupnorm groups default eps"

    def in_pytorch(mapped):
        layer = nn.GroupNorm(8, 32)
        return layer(tensor(0.1 * normal(2, 32, 4, 4))).permute(0, 2, 3, 1)

    def in_keras(mapped):
        layer = layers.GroupNormalization(groups=8, epsilon=1e-5) if mapped else None
        return (layer or layers.GroupNormalization())(
            0.1 * normal(2, 32, 4, 4).transpose(0, 2, 3, 1)
        )


class InstanceNorm(Difference):
    """Keras has no instance norm of that name; PyTorch's has no weights by default."""

    pytorch = "`InstanceNorm2d(C)`: `affine=False`, `eps=1e-5`"
    keras = "`GroupNormalization(groups=-1)`, with weights, `epsilon=1e-3`"
    mapping = "`GroupNormalization(groups=-1, epsilon=1e-5, scale=False, center=False)`"
    words = "instancenorm style transfer instance normalization"

    def in_pytorch(mapped):
        return nn.InstanceNorm2d(3)(tensor(0.1 * normal(2, 3, 4, 4))).permute(0, 2, 3, 1)

    def in_keras(mapped):
        x = 0.1 * normal(2, 3, 4, 4).transpose(0, 2, 3, 1)
        options = {"epsilon": 1e-5, "scale": False, "center": False} if mapped else {}
        return layers.GroupNormalization(groups=-1, **options)(x)


class RmsNormEpsilon(Difference):
    """RMS norm's epsilon is the dtype's own in PyTorch, 1e-6 in Keras.

    PyTorch takes `torch.finfo(dtype).eps`, for half precision that of float32. Small inputs differ.
    """

    pytorch = "`eps=None`: 2.2e-16 in float64, 1.2e-7 in float32"
    keras = "`epsilon=1e-6`"
    mapping = "set both"
    links = (
        "pytorch/pytorch#155527",
        "pytorch/pytorch#173039",
        "tinygrad/tinygrad#16122",
    )
    asked = 7
    words = "rmsnorm llama eps"

    def in_pytorch(mapped):
        return nn.RMSNorm(6, eps=1e-6 if mapped else None)(tensor(1e-3 * normal(4, 6)))

    def in_keras(mapped):
        return layers.RMSNormalization()(1e-3 * normal(4, 6))


class SpectralNormTiming(Difference):
    """PyTorch's spectral norm acts at once, Keras's after a first training call.

    PyTorch keeps the weight and normalizes it whenever it is read; Keras overwrites the kernel in
    each training pass. A Keras layer that only infers has never been normalized.
    """

    pytorch = "`parametrizations.spectral_norm`: in eval mode too"
    keras = "`SpectralNormalization`: only in calls with `training=True`"
    mapping = "call it once with `training=True`, with enough power iterations"
    bound = 1e-3
    because = "the power iteration starts at random and has converged that far"
    differs = 0.1
    links = (
        "pytorch/pytorch#51800",
        "pytorch/pytorch#8208",
        "pytorch/pytorch#48181",
        "IShengFang/SpectralNormalizationKeras#1",
    )
    asked = 4
    words = "spectral norm sigma power iteration eval gan discriminator"

    def in_pytorch(mapped):
        layer = nn.Linear(4, 3, bias=False)
        layer.weight.data = tensor(3 * normal(4, 3).T)
        layer = nn.utils.parametrizations.spectral_norm(layer, n_power_iterations=100).eval()
        return torch.linalg.matrix_norm(layer.weight, 2)

    def in_keras(mapped):
        dense = layers.Dense(3, use_bias=False)
        layer = layers.SpectralNormalization(dense, power_iterations=100)
        layer.build((None, 4))
        dense.kernel.assign(3 * normal(4, 3))
        layer(np.ones((1, 4)), training=mapped)
        return np.linalg.norm(array(dense.kernel), 2)


class SpectralNormOrder(Difference):
    """An iteration of the spectral norm begins with u in PyTorch, with v in Keras.

    u belongs to the outputs, v to the inputs. PyTorch keeps both and has gone 15 iterations before
    the first pass; Keras keeps u, and starts at random. Sigmas agree once they have converged.
    """

    pytorch = "`parametrizations.spectral_norm`: u from v, then v from u; `_u`, `_v`"
    keras = "`SpectralNormalization`: v from u, then u from v; `vector_u`"
    mapping = "set PyTorch's `_v` to W^T u / ||W^T u||, with Keras's u"
    words = "spectral norm power iteration u v order vector_u miyato"

    def in_pytorch(mapped):
        layer = nn.Linear(4, 3, bias=False).double()
        weight, u = normal(4, 3), normal(3, seed=1)
        v = weight @ u if mapped else normal(4, seed=2)
        nn.utils.parametrizations.spectral_norm(layer)
        layer.parametrizations.weight.original.data = tensor(weight.T)
        layer.parametrizations.weight[0]._v = tensor(v / np.linalg.norm(v))
        layer(tensor(np.ones((1, 4))))
        return layer.parametrizations.weight[0]._u

    def in_keras(mapped):
        layer = layers.SpectralNormalization(layers.Dense(3, use_bias=False))
        layer.build((None, 4))
        layer.layer.kernel.assign(normal(4, 3))
        layer.vector_u.assign(normal(3, seed=1)[None])
        layer(np.ones((1, 4)), training=True)
        return array(layer.vector_u)[0]


class SpectralNormGradient(Difference):
    """PyTorch's gradient goes through the spectral norm, Keras's does not.

    PyTorch trains the weight that is normalized when it is read. Keras trains the normalized kernel
    itself, with an optimizer whose momentum does not know that it was divided.
    """

    pytorch = (
        "(G - sum(G * W) u v^T / sigma^2) / sigma, with the gradient G of the normalized weight"
    )
    keras = "G, on the TensorFlow and PyTorch backends"
    mapping = "with sigma = 1: subtract sum(G * W) u v^T from G by hand"
    backends = ("tensorflow", "torch")
    words = "spectral norm gradient sigma backward gan"

    def in_pytorch(mapped):
        layer = nn.Linear(4, 3, bias=False).double()
        layer.weight.data = tensor(normal(4, 3).T / np.linalg.norm(normal(4, 3), 2))
        nn.utils.parametrizations.spectral_norm(layer, n_power_iterations=100)
        layer(tensor(normal(5, 4, seed=1))).square().mean().backward()
        return layer.parametrizations.weight.original.grad.T

    def in_keras(mapped):
        weight = normal(4, 3) / np.linalg.norm(normal(4, 3), 2)
        v, _, u = np.linalg.svd(weight)
        layer = layers.SpectralNormalization(layers.Dense(3, use_bias=False), power_iterations=100)
        model = keras.Sequential([keras.Input((4,)), layer])
        layer.layer.kernel.assign(weight)
        model.compile(keras.optimizers.SGD(1.0), "mse")
        model.train_on_batch(normal(5, 4, seed=1), np.zeros((5, 3)))
        gradient = weight - array(layer.layer.kernel)
        along = np.sum(gradient * weight) * np.outer(v[:, 0], u[0])
        return gradient - along if mapped else gradient


class WeightNorm(Difference):
    """PyTorch can split a weight into length and direction; Keras has no layer for that."""

    pytorch = "`parametrizations.weight_norm(layer)`: w = g * v / ||v||, along axis 0"
    keras = "none; `UnitNormalization` normalizes activations, `UnitNorm` constrains weights"
    mapping = "g * v / ||v|| by hand, the norm over all axes of a kernel but the last"
    links = (
        "philipperemy/keras-tcn#36",
        "keras-team/keras#4436",
        "tensorflow/tensorflow#14070",
        "philipperemy/keras-tcn#91",
    )
    asked = 6
    words = "weightnorm weight normalization reparameterization wavenet"

    def in_pytorch(mapped):
        layer = nn.Linear(4, 3, bias=False)
        layer.weight.data = tensor(normal(4, 3).T)
        layer = nn.utils.parametrizations.weight_norm(layer)
        layer.parametrizations.weight.original0.data = torch.ones(3, 1)
        return layer(tensor(normal(2, 4, seed=1)))

    def in_keras(mapped):
        layer = layers.Dense(3, use_bias=False)
        layer.build((None, 4))
        v = normal(4, 3)
        layer.kernel.assign(v / np.linalg.norm(v, axis=0) if mapped else v)
        return layer(normal(2, 4, seed=1))


class NormalizationOfOneElement(Difference):
    """PyTorch's instance norm refuses images of one pixel; Keras returns beta."""

    pytorch = "ValueError in training: 'Expected more than 1 spatial element'"
    keras = "0, or beta"
    words = "instance norm 1x1 spatial element error"

    def in_pytorch(mapped):
        return outcome(
            lambda: nn.InstanceNorm2d(3)(tensor(normal(2, 3, 1, 1))),
            "Expected more than 1 spatial element",
        )

    def in_keras(mapped):
        return outcome(lambda: layers.GroupNormalization(groups=-1)(normal(2, 1, 1, 3)))
