"""Models, built from a recipe with the same weights in every panel."""

import math

from torch import nn

from common.recipes import Recipe
from torch_impl.augmentation import Augmentation
from torch_impl.batch_norm import BatchNorm
from torch_impl.dropout import Dropout
from torch_impl.layers import Dense, Flatten, ReLU, Sequential, Sigmoid, Tanh

__all__ = ["mlp"]

ACTIVATIONS = {"relu": ReLU, "tanh": Tanh, "sigmoid": Sigmoid}


def mlp(recipe: Recipe) -> Sequential:
    """A multilayer perceptron: see ``Recipe`` for what stands in a layer, and in which order.

    Its output is logits, of shape (N, outputs).
    """
    layers: list[nn.Module] = []
    if recipe.augmentation is not None:
        layers.append(Augmentation(recipe.augmentation, seed=recipe.seed))
    layers.append(Flatten())
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
        layers.append(ACTIVATIONS[recipe.activation](name=f"{recipe.activation}_{i}"))
        if recipe.dropout > 0:
            layers.append(Dropout(recipe.dropout, seed=recipe.seed, name=f"dropout_{i}"))
        features = units
    layers.append(
        Dense(features, recipe.outputs, seed=recipe.seed, name="output", dtype=recipe.dtype)
    )
    return Sequential(layers)
