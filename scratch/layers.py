"""The ground layers: dense, ReLU, tanh, sigmoid, flatten, and layers in a row.

    Dense     y = x W + b, x (N, in), W (in, out), b (out,)   dW = x^T dy, db = sum dy, dx = dy W^T
    ReLU      y = max(x, 0)                                   dx = dy [x > 0]
    Tanh      y = tanh x                                      dx = dy (1 - y^2)
    Sigmoid   y = 1 / (1 + exp(-x))                           dx = dy y (1 - y)

Framework differences: we keep (in, out) and draw as Keras does, Glorot uniform, U(-l, l) with l =
sqrt(6 / (in + out)) (Glorot and Bengio, AISTATS 2010), from the stream (seed, name, 0). A layer
without a name gets one of its own, and so its own stream (docs/streams.md). See ``triptych
differences``: dense-layout, dense-initial-weights, flatten-order, silent-cast.

Here: ``forward`` keeps what ``backward`` needs; ``backward`` takes dL/dy, stores dL/dparameter in
``grads`` and returns dL/dx. Neither changes the array it is given.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from scratch.streams import uniform
from triptych.common.checks import (
    check_batch,
    check_choice,
    check_draw,
    check_dtype,
    check_features,
    check_flag,
    check_floating,
    check_layer_names,
    check_layers,
    check_maps,
    check_precision,
    check_same_shape,
    check_seed,
    check_size,
    check_text,
    remembered,
)
from triptych.common.names import Draws, check_streams, layer_name
from triptych.common.recipes import representable
from triptych.common.streams import Stream

__all__ = ["glorot_uniform", "Dense", "ReLU", "Tanh", "Sigmoid", "Flatten", "Sequential"]


def glorot_uniform(
    shape: tuple[int, ...], *, seed: int, name: str, dtype: str = "float32"
) -> np.ndarray:
    """Initial weights of shape (in, out), or (height, width, in, out) for a convolution.

    Every pixel of a kernel is an input and an output of its own: the limit counts them all.
    """
    _check_glorot(shape, seed, name, dtype)
    *pixels, inputs, outputs = shape
    limit = representable(math.sqrt(6 / (math.prod(pixels) * (inputs + outputs))))
    drawn = uniform(Stream(seed, name), shape, dtype=dtype)
    return (2 * drawn - 1) * limit


def sigmoid(x: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x))"""
    decay = np.exp(-np.abs(x))  # in (0, 1]: never overflows
    return np.where(x >= 0, 1, decay) / (1 + decay)


class Layer:
    """What every layer has: parameters, their gradients, and state that is kept but not trained.

    One that ``takes_mask`` is told which steps of a sequence are real, ``mask`` (N, T).
    """

    takes_mask = False
    rows_are_units = False  # of a table, which has a row for each word or step

    def __init__(self, name: str) -> None:
        self.name = name
        self.params: dict[str, np.ndarray] = {}
        self.grads: dict[str, np.ndarray] = {}
        self.state: dict[str, np.ndarray] = {}

    def forward(self, x: np.ndarray, *, training: bool = False) -> np.ndarray:
        raise NotImplementedError

    def backward(self, grad: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def backward_parameters(self, grad: np.ndarray) -> None:
        """As ``backward``, without dL/dx: no one asks for that of a model's input in training."""
        self.backward(grad)

    def __call__(self, x: np.ndarray, **options: Any) -> np.ndarray:
        return self.forward(x, **options)

    def parameters(self) -> Iterator[tuple[str, "Layer", str]]:
        """Every trained array: its full name, its layer and its key in the layer's ``params``."""
        for key in self.params:
            yield key, self, key

    def arrays(self) -> Iterator[tuple[str, np.ndarray]]:
        """Every parameter, then every piece of state, by name: the arrays themselves."""
        yield from (self.params | self.state).items()

    def get_weights(self) -> dict[str, np.ndarray]:
        """Copies of all parameters and all state, by name."""
        return {name: array.copy() for name, array in self.arrays()}

    def set_weights(self, weights: Mapping[str, np.ndarray]) -> None:
        """Write into the layer's arrays what ``get_weights`` returned."""
        own = dict(self.arrays())
        if weights.keys() != own.keys():
            raise ValueError(f"weights must have the names {list(own)}, got {list(weights)}")
        for name, array in own.items():
            check_same_shape(name, np.shape(weights[name]), array.shape)
        for name, array in own.items():
            array[...] = weights[name]


def layers_in(model: Layer) -> list[Layer]:
    """The model and every layer in it, once each, wherever its attributes hold them."""
    found: dict[int, Layer] = {}

    def visit(value: Any) -> None:
        if isinstance(value, Layer) and id(value) not in found:
            found[id(value)] = value
            visit(vars(value))
        elif isinstance(value, dict):
            visit(list(value.values()))
        elif isinstance(value, list | tuple):
            for each in value:
                visit(each)

    visit(model)
    return list(found.values())


class Dense(Draws, Layer):
    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        use_bias: bool = True,
        seed: int = 0,
        name: str | None = None,
        dtype: str = "float32",
    ) -> None:
        super().__init__(layer_name("scratch", "dense", name))
        self.seed = seed
        self.in_features = check_size("in_features", in_features)
        self.out_features = check_size("out_features", out_features)
        self.params["weight"] = glorot_uniform(
            (in_features, out_features), seed=seed, name=self.name, dtype=check_dtype(dtype)
        )
        if check_flag("use_bias", use_bias):
            self.params["bias"] = np.zeros(out_features, dtype)

    def forward(self, x: np.ndarray, *, training: bool = False) -> np.ndarray:
        _check_dense(x, self.in_features, self.params["weight"])
        self._x = x
        y = product(x, self.params["weight"])
        if "bias" in self.params:
            y += self.params["bias"]
        return y

    def backward(self, grad: np.ndarray) -> np.ndarray:
        self.backward_parameters(grad)
        return product(grad, self.params["weight"].T)

    def backward_parameters(self, grad: np.ndarray) -> None:
        x = self._x.reshape(-1, self.in_features)
        dy = grad.reshape(-1, self.out_features)
        self.grads["weight"] = x.T @ dy
        if "bias" in self.params:
            self.grads["bias"] = dy.sum(axis=0)


def product(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """x W of all positions at once: NumPy would make a product for each example."""
    rows = x.reshape(-1, x.shape[-1]) @ weight
    return rows.reshape(*x.shape[:-1], weight.shape[1])


class ReLU(Layer):
    def __init__(self, *, name: str | None = None) -> None:
        super().__init__(layer_name("scratch", "relu", name))

    def forward(self, x: np.ndarray, *, training: bool = False) -> np.ndarray:
        _check(x)
        self._y = np.maximum(x, 0)
        return self._y

    def backward(self, grad: np.ndarray) -> np.ndarray:
        return grad * (self._y > 0)


class Tanh(Layer):
    def __init__(self, *, name: str | None = None) -> None:
        super().__init__(layer_name("scratch", "tanh", name))

    def forward(self, x: np.ndarray, *, training: bool = False) -> np.ndarray:
        _check(x)
        self._y = np.tanh(x)
        return self._y

    def backward(self, grad: np.ndarray) -> np.ndarray:
        return grad * (1 - self._y**2)


class Sigmoid(Layer):
    def __init__(self, *, name: str | None = None) -> None:
        super().__init__(layer_name("scratch", "sigmoid", name))

    def forward(self, x: np.ndarray, *, training: bool = False) -> np.ndarray:
        _check(x)
        self._y = sigmoid(x)
        return self._y

    def backward(self, grad: np.ndarray) -> np.ndarray:
        return grad * self._y * (1 - self._y)


class Flatten(Layer):
    """(N, ...) to (N, features), in row-major order: height, width, channels for images.

    ``order="chw"``, for images only: channel, height, width, as a bare PyTorch model has them.
    """

    def __init__(self, *, order: str = "hwc", name: str | None = None) -> None:
        super().__init__(layer_name("scratch", "flatten", name))
        self.order = check_choice("order", order, ("hwc", "chw"))

    def forward(self, x: np.ndarray, *, training: bool = False) -> np.ndarray:
        _check_flatten(x, self.order)
        if self.order == "chw":
            x = x.transpose(0, 3, 1, 2)
        self._shape = x.shape
        return x.reshape(len(x), -1)

    def backward(self, grad: np.ndarray) -> np.ndarray:
        grad = grad.reshape(self._shape)
        return grad.transpose(0, 2, 3, 1) if self.order == "chw" else grad


class Composite(Layer):
    """A layer made of layers: their arrays are its own, under names that must differ."""

    def __init__(self, layers: Sequence[Layer], name: str) -> None:
        super().__init__(name)
        check_layers("layers", layers, Layer)
        self.layers = list(layers)
        check_layer_names([layer.name for layer in self.layers])
        check_streams(layers_in(self))

    def arrays(self) -> Iterator[tuple[str, np.ndarray]]:
        """Its own, and those of every layer: "dense_1.weight", "dropout_1.step"."""
        yield from super().arrays()
        for layer in self.layers:
            for name, array in layer.arrays():
                yield f"{layer.name}.{name}", array

    def parameters(self) -> Iterator[tuple[str, Layer, str]]:
        """Those of every layer: ("dense_1.weight", the layer, "weight")."""
        for layer in self.layers:
            for name, owner, key in layer.parameters():
                yield f"{layer.name}.{name}", owner, key


class Sequential(Composite):
    """Layers applied one after the other; their names must differ.

    A mask goes to the layers that take one, until an embedding makes another.
    """

    takes_mask = True

    def __init__(self, layers: Sequence[Layer] = (), *, name: str | None = None) -> None:
        super().__init__(layers, layer_name("scratch", "sequential", name))

    def forward(
        self, x: np.ndarray, *, mask: np.ndarray | None = None, training: bool = False
    ) -> np.ndarray:
        for layer in self.layers:
            options = {"mask": mask} if layer.takes_mask else {}
            if hasattr(layer, "compute_mask"):
                mask = layer.compute_mask(x, mask)
            x = layer.forward(x, training=training, **options)
        return x

    def backward(self, grad: np.ndarray) -> np.ndarray:
        for layer in reversed(self.layers):
            grad = layer.backward(grad)
        return grad

    def backward_parameters(self, grad: np.ndarray) -> None:
        trained = [i for i, layer in enumerate(self.layers) if any(layer.parameters())]
        if trained:
            for layer in reversed(self.layers[trained[0] + 1 :]):
                grad = layer.backward(grad)
            self.layers[trained[0]].backward_parameters(grad)


@remembered
def _check(x: np.ndarray) -> None:
    check_floating("x", x)
    check_batch(x)


@remembered
def _check_dense(x: np.ndarray, in_features: int, weight: np.ndarray) -> None:
    check_features(x, in_features)
    check_precision(x, weight)


@remembered
def _check_flatten(x: np.ndarray, order: str) -> None:
    if order == "chw":
        check_maps(x)
    check_floating("x", x)
    check_batch(x)


def _check_glorot(shape: tuple[int, ...], seed: int, name: str, dtype: str) -> None:
    check_text("name", name)
    check_seed(seed)
    check_draw(Stream(seed, name), shape)
    if len(shape) < 2 or 0 in shape:
        raise ValueError(f"shape must be (in, out), or (height, width, in, out), got {shape}")
    check_dtype(dtype)
