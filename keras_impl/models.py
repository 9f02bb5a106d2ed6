"""Models, built from a recipe with the same weights in every panel.

The output of each is logits, of shape (N, outputs). What a recipe turns off (dropout of rate 0,
batch norm) is left out. Layers are numbered through: "conv_1", "conv_2", "dense_3", "output".
"""

import math
from typing import Any

import keras

from keras_impl.activations import GELU, SELU, LeakyReLU, SiLU
from keras_impl.attention import MultiHeadAttention
from keras_impl.augmentation import Augmentation
from keras_impl.batch_norm import BatchNorm
from keras_impl.convolution import Conv2D
from keras_impl.dropout import Dropout
from keras_impl.embedding import Embedding
from keras_impl.layers import Dense, Flatten, ReLU, Sequential, Sigmoid, Tanh
from keras_impl.normalization import LayerNorm
from keras_impl.penalties import ElasticNet
from keras_impl.pooling import GlobalAveragePool1D, GlobalAveragePool2D, MaxPool2D
from keras_impl.position import LearnedPositions, SinusoidalPositions
from keras_impl.precision import enable_float64
from keras_impl.rand_augment import RandAugment
from keras_impl.recurrent import GRU, LSTM, RNN, Bidirectional
from keras_impl.residual import Residual
from keras_impl.spatial_dropout import SpatialDropout2D
from keras_impl.stochastic_depth import StochasticDepth, linear_decay
from triptych.common.checks import (
    check_kind,
)
from triptych.common.recipes import Recipe

__all__ = ["mlp", "cnn", "resnet", "recurrent", "transformer"]

ACTIVATIONS = {
    "relu": ReLU,
    "tanh": Tanh,
    "sigmoid": Sigmoid,
    "gelu": GELU,
    "silu": SiLU,
    "leaky_relu": LeakyReLU,
    "selu": SELU,
}
CELLS: dict[str, Any] = {"rnn": RNN, "lstm": LSTM, "gru": GRU}


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
        branch += _stochastic_depth(recipe, rate, f"{i}")
        shortcut: list[keras.Layer] = []
        if stride > 1 or maps != channels:
            shortcut = _convolution(recipe, channels, maps, f"{i}c", size=1, stride=stride)
        layers.append(Residual(branch, shortcut, name=f"residual_{i}", dtype=recipe.dtype))
        layers.append(_activation(recipe, f"{i}b"))
        channels = maps
    layers.append(GlobalAveragePool2D(name="global_average_pool", dtype=recipe.dtype))
    layers += _hidden_layers_and_output(recipe, channels, first=len(rates) + 1)
    return Sequential(layers, name="sequential")


def recurrent(recipe: Recipe) -> Sequential:
    """A recurrent network for words: embedding, dropout, recurrent layers, the last state, then the
    hidden layers and the output of ``mlp``.

    Behind each recurrent layer is dropout; the last layer hands on its last state alone. A
    bidirectional layer has two of ``recurrent`` units, and their last states side by side.
    """
    check_kind("recipe", recipe, Recipe)
    layers, features = _embedding(recipe), recipe.width
    for i, units in enumerate(recipe.recurrent, start=1):
        last = i == len(recipe.recurrent)
        layers.append(_recurrent(recipe, features, units, f"{i}", last=last))
        layers += _dropout(recipe, f"recurrent_{i}")
        features = units * (2 if recipe.bidirectional else 1)
    first = len(recipe.recurrent) + 1
    return Sequential(
        layers + _hidden_layers_and_output(recipe, features, first=first), name="sequential"
    )


def transformer(recipe: Recipe) -> Sequential:
    """A pre-norm transformer for words: embedding, positions, dropout, blocks, layer norm, the mean
    over the steps, then the hidden layers and the output of ``mlp``.

    A block is two residual blocks: layer norm, attention, dropout, stochastic depth, and layer
    norm, dense, activation, dropout, dense, dropout, stochastic depth. Both have one rate of
    stochastic depth, which grows linearly from block to block.

    Paper: Xiong et al., "On layer normalization in the transformer architecture", ICML 2020.
    """
    check_kind("recipe", recipe, Recipe)
    steps, _ = recipe.text_shape()
    layers = _embedding(recipe, steps)
    for i, rate in enumerate(linear_decay(recipe.stochastic_depth, recipe.blocks), start=1):
        attention = [_layer_norm(recipe, f"{i}a"), _attention(recipe, f"{i}")]
        attention += _dropout(recipe, f"{i}a") + _stochastic_depth(recipe, rate, f"{i}a")
        layers.append(Residual(attention, name=f"attention_block_{i}", dtype=recipe.dtype))
        wide = recipe.expansion * recipe.width
        dense = [_layer_norm(recipe, f"{i}b"), _dense(recipe, recipe.width, wide, f"{i}a")]
        dense += [_activation(recipe, f"{i}"), *_dropout(recipe, f"{i}b")]
        dense += [_dense(recipe, wide, recipe.width, f"{i}b"), *_dropout(recipe, f"{i}c")]
        dense += _stochastic_depth(recipe, rate, f"{i}b")
        layers.append(Residual(dense, name=f"dense_block_{i}", dtype=recipe.dtype))
    layers += [
        _layer_norm(recipe, "last"),
        GlobalAveragePool1D(name="average_steps", dtype=recipe.dtype),
    ]
    first = recipe.blocks + 1
    return Sequential(
        layers + _hidden_layers_and_output(recipe, recipe.width, first=first), name="sequential"
    )


def _start(recipe: Recipe) -> list[keras.Layer]:
    if recipe.dtype == "float64":
        enable_float64()
    layers: list[keras.Layer] = [keras.Input(recipe.input_shape, dtype=recipe.input_dtype)]
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
        layers.append(_dense(recipe, features, units, f"{i}", use_bias=not recipe.batch_norm))
        layers += _batch_norm(recipe, units, f"{i}")
        layers.append(_activation(recipe, f"{i}"))
        layers += _dropout(recipe, f"{i}")
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


def _embedding(recipe: Recipe, positions: int = 0) -> list[keras.Layer]:
    """And positions of so many steps, and dropout."""
    _, vocabulary = recipe.text_shape()
    same: dict[str, Any] = {"seed": recipe.seed, "dtype": recipe.dtype}
    table = Embedding(
        vocabulary,
        recipe.width,
        padding_index=0,
        rate=recipe.embedding_dropout,
        name="embedding",
        **same,
        embeddings_regularizer=_penalty(recipe),
    )
    layers = [*_start(recipe), table]
    if positions > 0 and recipe.positions == "sinusoidal":
        own = {"name": "positions", "dtype": recipe.dtype}
        layers.append(SinusoidalPositions(positions, recipe.width, **own))
    elif positions > 0:
        layers.append(
            LearnedPositions(
                positions,
                recipe.width,
                name="positions",
                **same,
                kernel_regularizer=_penalty(recipe),
            )
        )
    return layers + _dropout(recipe, "embedding")


def _recurrent(
    recipe: Recipe, features: int, units: int, number: str, *, last: bool
) -> keras.Layer:
    options: dict[str, Any] = {
        "recurrent_dropout": recipe.recurrent_dropout,
        "zoneout": recipe.zoneout,
        "return_sequences": not last,
        "seed": recipe.seed,
        "dtype": recipe.dtype,
        "kernel_regularizer": _penalty(recipe),
    }
    name, kind = f"{recipe.cell}_{number}", CELLS[recipe.cell]
    if recipe.cell == "lstm":
        options["cell_zoneout"] = recipe.zoneout
    if not recipe.bidirectional:
        return kind(features, units, name=name, **options)
    forwards = kind(features, units, name=f"forwards_{number}", **options)
    backwards = kind(features, units, reverse=True, name=f"backwards_{number}", **options)
    return Bidirectional(forwards, backwards, name=name, dtype=recipe.dtype)


def _attention(recipe: Recipe, number: str) -> keras.Layer:
    return MultiHeadAttention(
        recipe.width,
        recipe.heads,
        rate=recipe.attention_dropout,
        seed=recipe.seed,
        name=f"attention_{number}",
        dtype=recipe.dtype,
        kernel_regularizer=_penalty(recipe),
    )


def _dense(
    recipe: Recipe, features: int, units: int, number: str, *, use_bias: bool = True
) -> keras.Layer:
    name = f"dense_{number}"
    return Dense(
        features,
        units,
        use_bias=use_bias,
        seed=recipe.seed,
        name=name,
        dtype=recipe.dtype,
        kernel_regularizer=_penalty(recipe),
    )


def _layer_norm(recipe: Recipe, number: str) -> keras.Layer:
    return LayerNorm(
        recipe.width,
        epsilon=recipe.layer_norm_epsilon,
        name=f"layer_norm_{number}",
        dtype=recipe.dtype,
    )


def _dropout(recipe: Recipe, number: str) -> list[keras.Layer]:
    if recipe.dropout == 0:
        return []
    return [Dropout(recipe.dropout, seed=recipe.seed, name=f"dropout_{number}", dtype=recipe.dtype)]


def _stochastic_depth(recipe: Recipe, rate: float, number: str) -> list[keras.Layer]:
    if rate == 0:
        return []
    name = f"stochastic_depth_{number}"
    return [StochasticDepth(rate, seed=recipe.seed, name=name, dtype=recipe.dtype)]
