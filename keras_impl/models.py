"""Models, built from a recipe with the same weights in every panel.

The output of each is logits, of shape (N, outputs). What a recipe turns off (dropout of rate 0,
batch norm) is left out. Layers are numbered through: "conv_1", "conv_2", "dense_3", "output".
"""

import math
from typing import Any

import keras

from keras_impl.activations import GELU, SELU, LeakyReLU, SiLU
from keras_impl.augmentation import Augmentation
from keras_impl.batch_norm import BatchNorm
from keras_impl.convolution import Conv2D
from keras_impl.dropout import Dropout
from keras_impl.layers import Dense, Flatten, ReLU, Sequential, Sigmoid, Tanh
from keras_impl.penalties import ElasticNet
from keras_impl.pooling import GlobalAveragePool2D, MaxPool2D
from keras_impl.precision import enable_float64
from keras_impl.rand_augment import RandAugment
from keras_impl.residual import Residual
from keras_impl.spatial_dropout import SpatialDropout2D
from keras_impl.stochastic_depth import StochasticDepth, linear_decay
from triptych.common.checks import (
    check_kind,
)
from triptych.common.recipes import Recipe

__all__ = ["mlp", "cnn", "resnet"]

ACTIVATIONS = {
    "relu": ReLU,
    "tanh": Tanh,
    "sigmoid": Sigmoid,
    "gelu": GELU,
    "silu": SiLU,
    "leaky_relu": LeakyReLU,
    "selu": SELU,
}


def mlp(recipe: Recipe) -> Sequential:
    """A multilayer perceptron: flatten, the hidden layers, the output.

    A hidden layer is dense, batch norm, activation, dropout.
    """
    check_kind("recipe", recipe, Recipe)
    layers = [*_start(recipe), Flatten(name="flatten", dtype=recipe.dtype)]
    layers += _hidden_layers_and_output(recipe, math.prod(recipe.input_shape), first=1)
    return Sequential(layers, name="sequential")


def cnn(recipe: Recipe) -> Sequential:
    """A convolutional network, the classic stack: its stages, then flatten and the rest of ``mlp``.

    A stage is a 3x3 convolution ("same"), batch norm, activation, spatial dropout, 2x2 max pooling.
    """
    check_kind("recipe", recipe, Recipe)
    layers = _start(recipe)
    height, width, channels = recipe.image_shape()
    for i, maps in enumerate(recipe.channels, start=1):
        layers += _convolution(recipe, channels, maps, f"{i}")
        layers.append(_activation(recipe, f"{i}"))
        layers += _spatial_dropout(recipe, f"{i}")
        layers.append(MaxPool2D(name=f"max_pool_{i}", dtype=recipe.dtype))
        height, width, channels = height // 2, width // 2, maps
    layers.append(Flatten(name="flatten", dtype=recipe.dtype))
    features, first = height * width * channels, len(recipe.channels) + 1
    return Sequential(
        layers + _hidden_layers_and_output(recipe, features, first=first), name="sequential"
    )


def resnet(recipe: Recipe) -> Sequential:
    """A residual network: 3x3 convolution, batch norm, activation, residual blocks, the mean of
    each feature map, then the hidden layers and the output of ``mlp``.

    A block is activation(shortcut + branch). The branch: 3x3 convolution, batch norm, activation,
    spatial dropout, 3x3 convolution, batch norm, stochastic depth. The shortcut: x itself, or a 1x1
    convolution and batch norm where the branch changes the shape. Each stage but the first begins
    with a stride of 2.
    """
    check_kind("recipe", recipe, Recipe)
    _, _, channels = recipe.image_shape()
    maps = recipe.channels[0]
    layers = [*_start(recipe), *_convolution(recipe, channels, maps, "0")]
    layers.append(_activation(recipe, "0"))
    channels = maps
    rates = linear_decay(recipe.stochastic_depth, len(recipe.channels) * recipe.blocks)
    for i, rate in enumerate(rates, start=1):
        stage, block = divmod(i - 1, recipe.blocks)
        maps, stride = recipe.channels[stage], 2 if stage > 0 and block == 0 else 1
        branch = _convolution(recipe, channels, maps, f"{i}a", stride=stride)
        branch.append(_activation(recipe, f"{i}a"))
        branch += _spatial_dropout(recipe, f"{i}")
        branch += _convolution(recipe, maps, maps, f"{i}b")
        if rate > 0:
            branch.append(
                StochasticDepth(
                    rate, seed=recipe.seed, name=f"stochastic_depth_{i}", dtype=recipe.dtype
                )
            )
        shortcut: list[keras.Layer] = []
        if stride > 1 or maps != channels:
            shortcut = _convolution(recipe, channels, maps, f"{i}c", size=1, stride=stride)
        layers.append(Residual(branch, shortcut, name=f"residual_{i}", dtype=recipe.dtype))
        layers.append(_activation(recipe, f"{i}b"))
        channels = maps
    layers.append(GlobalAveragePool2D(name="global_average_pool", dtype=recipe.dtype))
    layers += _hidden_layers_and_output(recipe, channels, first=len(rates) + 1)
    return Sequential(layers, name="sequential")


def _start(recipe: Recipe) -> list[keras.Layer]:
    if recipe.dtype == "float64":
        enable_float64()
    layers: list[keras.Layer] = [keras.Input(recipe.input_shape, dtype=recipe.dtype)]
    same: dict[str, Any] = {"seed": recipe.seed, "dtype": recipe.dtype}
    if recipe.augmentation is not None:
        layers.append(Augmentation(recipe.augmentation, name="augmentation", **same))
    if recipe.rand_augment > 0:
        changes, magnitude = recipe.rand_augment, recipe.rand_augment_magnitude
        layers.append(RandAugment(changes, magnitude, name="rand_augment", **same))
    return layers


def _hidden_layers_and_output(recipe: Recipe, features: int, *, first: int) -> list[keras.Layer]:
    layers: list[keras.Layer] = []
    for i, units in enumerate(recipe.hidden, start=first):
        layers.append(
            Dense(
                features,
                units,
                use_bias=not recipe.batch_norm,
                seed=recipe.seed,
                name=f"dense_{i}",
                dtype=recipe.dtype,
                kernel_regularizer=_penalty(recipe),
            )
        )
        layers += _batch_norm(recipe, units, f"{i}")
        layers.append(_activation(recipe, f"{i}"))
        if recipe.dropout > 0:
            layers.append(
                Dropout(recipe.dropout, seed=recipe.seed, name=f"dropout_{i}", dtype=recipe.dtype)
            )
        features = units
    output = Dense(
        features,
        recipe.outputs,
        seed=recipe.seed,
        name="output",
        dtype=recipe.dtype,
        kernel_regularizer=_penalty(recipe),
    )
    return [*layers, output]


def _convolution(
    recipe: Recipe, channels: int, maps: int, number: str, *, size: int = 3, stride: int = 1
) -> list[keras.Layer]:
    convolution = Conv2D(
        channels,
        maps,
        size,
        stride=stride,
        padding="same",
        use_bias=not recipe.batch_norm,
        seed=recipe.seed,
        name=f"conv_{number}",
        dtype=recipe.dtype,
        kernel_regularizer=_penalty(recipe),
    )
    return [convolution, *_batch_norm(recipe, maps, number)]


def _batch_norm(recipe: Recipe, features: int, number: str) -> list[keras.Layer]:
    if not recipe.batch_norm:
        return []
    return [
        BatchNorm(
            features,
            momentum=recipe.batch_norm_momentum,
            epsilon=recipe.batch_norm_epsilon,
            name=f"batch_norm_{number}",
            dtype=recipe.dtype,
        )
    ]


def _activation(recipe: Recipe, number: str) -> keras.Layer:
    return ACTIVATIONS[recipe.activation](name=f"{recipe.activation}_{number}", dtype=recipe.dtype)


def _spatial_dropout(recipe: Recipe, number: str) -> list[keras.Layer]:
    if recipe.spatial_dropout == 0:
        return []
    name = f"spatial_dropout_{number}"
    return [
        SpatialDropout2D(recipe.spatial_dropout, seed=recipe.seed, name=name, dtype=recipe.dtype)
    ]


def _penalty(recipe: Recipe) -> ElasticNet | None:
    strength = recipe.l1 + recipe.l2
    return ElasticNet(strength, recipe.l1 / strength) if strength > 0 else None
