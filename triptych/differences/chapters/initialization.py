"""Initial weights."""

import keras
import numpy as np
import torch
from keras import initializers, layers
from torch import nn

from triptych.differences.entry import Difference
from triptych.differences.probe import array


class DenseInitialWeights(Difference):
    """Dense layers and convolutions: uniform up to 1 / sqrt(in) in PyTorch, Glorot's in Keras.

    PyTorch draws biases from the same interval, Keras's are 0. So a model trains differently from
    the first step on, with all arguments equal.
    """

    pytorch = "U(-1 / sqrt(fan_in), 1 / sqrt(fan_in)), biases too"
    keras = "U(-l, l), l = sqrt(6 / (fan_in + fan_out)); biases 0"
    mapping = "`nn.init.xavier_uniform_(weight)`, `nn.init.zeros_(bias)`"
    bound = 0.01
    because = "the largest of 60,000 weights that each framework draws by itself"
    differs = 0.1
    links = (
        "keras-team/keras#13995",
        "keras-team/keras#20873",
    )
    asked = 2
    words = "linear dense conv initialization default kaiming glorot xavier weights bias init"

    def in_pytorch(mapped):
        layer = nn.Linear(300, 200)
        if mapped:
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)
        return layer.weight.abs().max(), (layer.bias != 0).any()

    def in_keras(mapped):
        layer = layers.Dense(200, kernel_initializer=initializers.GlorotUniform(seed=0))
        layer.build((None, 300))
        return np.abs(layer.kernel).max(), np.any(array(layer.bias) != 0)


class HeNormalTruncated(Difference):
    """Keras's HeNormal is cut at two deviations and widened; `kaiming_normal_` is not cut."""

    pytorch = "N(0, 2 / fan_in)"
    keras = "a normal cut at 2 s, with s = sqrt(2 / fan_in) / 0.8796"
    mapping = "`trunc_normal_(std=s, a=-2 * s, b=2 * s)`"
    bound = 0.01
    because = "the largest of 60,000 weights that each framework draws by itself"
    differs = 0.1
    words = "he normal kaiming_normal_ truncated variance scaling"

    def in_pytorch(mapped):
        weight = torch.empty(200, 300)
        nn.init.kaiming_normal_(weight)
        if mapped:
            s = np.sqrt(2 / 300) / 0.87962566103423978
            nn.init.trunc_normal_(weight, std=s, a=-2 * s, b=2 * s)
        return weight.abs().max()

    def in_keras(mapped):
        return np.abs(array(initializers.HeNormal(seed=0)((300, 200)))).max()


class TruncatedNormalCut(Difference):
    """A truncated normal is cut at -2 and 2 in PyTorch, at two deviations in Keras.

    With a deviation of 0.02 PyTorch's cut is a hundred deviations away, and cuts nothing.
    """

    pytorch = "`trunc_normal_(std=s)`: a=-2, b=2, absolute"
    keras = "`TruncatedNormal(stddev=s)`: at 2 s, the variance not corrected"
    mapping = "`trunc_normal_(std=s, a=-2 * s, b=2 * s)`"
    bound = 0.01
    because = "the largest of 60,000 weights that each framework draws by itself"
    differs = 0.1
    links = (
        "huggingface/pytorch-image-models#1286",
        "foundation-model-stack/foundation-model-stack#289",
        "pytorch/pytorch#174164",
    )
    asked = 3
    words = "trunc_normal_ truncated normal transformer std 0.02"

    def in_pytorch(mapped):
        weight = torch.empty(200, 300)
        bounds = {"a": -0.04, "b": 0.04} if mapped else {}
        return nn.init.trunc_normal_(weight, std=0.02, **bounds).abs().max()

    def in_keras(mapped):
        values = initializers.TruncatedNormal(stddev=0.02, seed=0)((300, 200))
        return np.abs(array(values)).max()


class PreluInitialSlope(Difference):
    """PReLU starts at 0.25, one slope for all, in PyTorch; at 0, one for each element, in Keras."""

    pytorch = "`PReLU(num_parameters=1, init=0.25)`"
    keras = "`PReLU(alpha_initializer='zeros')`, `shared_axes=None`"
    mapping = "`alpha_initializer=Constant(0.25)`, `shared_axes=[1, 2]` for images"
    links = (
        "keras-team/keras#13543",
        "keras-team/keras#9810",
        "zhijiesun/Mobilefacenet#2",
        "keras-team/keras#4141",
    )
    asked = 5
    words = "prelu slope alpha initial shared_axes parameters"

    def in_pytorch(mapped):
        return nn.PReLU()(-torch.ones(2, 3))

    def in_keras(mapped):
        options = {"alpha_initializer": initializers.Constant(0.25)} if mapped else {}
        return layers.PReLU(**options)(-np.ones((2, 3)))


class InitialWeightsOfSeed(Difference):
    """One seed, two generators: the same initializer draws other numbers in each framework."""

    pytorch = "`torch.manual_seed(0)`: Mersenne Twister on the CPU"
    keras = "`set_random_seed(0)`: the backend's counter-based generator"
    mapping = "draw once with NumPy and copy"
    words = "same seed different weights reproduce initialization across frameworks"

    def in_pytorch(mapped):
        torch.manual_seed(0)
        layer = nn.Linear(3, 2, bias=False)
        nn.init.xavier_uniform_(layer.weight)
        if mapped:
            layer.weight.data = torch.tensor(np.random.default_rng(0).uniform(size=(3, 2)).T)
        return layer.weight.T

    def in_keras(mapped):
        keras.utils.set_random_seed(0)
        layer = layers.Dense(2, use_bias=False)
        layer.build((None, 3))
        if mapped:
            layer.kernel.assign(np.random.default_rng(0).uniform(size=(3, 2)))
        return layer.kernel
