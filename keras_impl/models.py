"""Models, built from a recipe with the same weights in every panel."""

import math

import keras

from common.recipes import Recipe
from keras_impl.augmentation import Augmentation
from keras_impl.batch_norm import BatchNorm
from keras_impl.dropout import Dropout
from keras_impl.layers import Dense, Flatten, ReLU, Sequential, Sigmoid, Tanh
from keras_impl.penalties import ElasticNet
from keras_impl.precision import enable_float64

__all__ = ["mlp"]

ACTIVATIONS = {"relu": ReLU, "tanh": Tanh, "sigmoid": Sigmoid}


def mlp(recipe: Recipe) -> Sequential:
    """A multilayer perceptron: see ``Recipe`` for what stands in a layer, and in which order.

    Its output is logits, of shape (N, outputs).
    """
    layers: list[keras.Layer] = [keras.Input(recipe.input_shape, dtype=recipe.dtype)]
    if recipe.augmentation is not None:
        layers.append(Augmentation(recipe.augmentation, seed=recipe.seed, dtype=recipe.dtype))
    layers.append(Flatten(dtype=recipe.dtype))
    if recipe.dtype == "float64":
        enable_float64()
    strength = recipe.l1 + recipe.l2
    penalty = ElasticNet(strength, recipe.l1 / strength) if strength > 0 else None
    features = math.prod(recipe.input_shape)
    for i, units in enumerate(recipe.hidden, start=1):
        layers.append(
            Dense(
                features,
                units,
                use_bias=not recipe.batch_norm,
                seed=recipe.seed,
                name=f"dense_{i}",
                dtype=recipe.dtype,
                kernel_regularizer=penalty,
            )
        )
        if recipe.batch_norm:
            layers.append(
                BatchNorm(
                    units,
                    momentum=recipe.batch_norm_momentum,
                    epsilon=recipe.batch_norm_epsilon,
                    name=f"batch_norm_{i}",
                    dtype=recipe.dtype,
                )
            )
        layers.append(
            ACTIVATIONS[recipe.activation](name=f"{recipe.activation}_{i}", dtype=recipe.dtype)
        )
        if recipe.dropout > 0:
            layers.append(
                Dropout(recipe.dropout, seed=recipe.seed, name=f"dropout_{i}", dtype=recipe.dtype)
            )
        features = units
    layers.append(
        Dense(
            features,
            recipe.outputs,
            seed=recipe.seed,
            name="output",
            dtype=recipe.dtype,
            kernel_regularizer=penalty,
        )
    )
    return Sequential(layers)
