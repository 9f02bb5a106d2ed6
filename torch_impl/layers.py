"""The ground layers: dense, ReLU, tanh, sigmoid, flatten, and layers in a row.

    Dense     y = x W + b, x (N, in), W (in, out), b (out,)   dW = x^T dy, db = sum dy, dx = dy W^T
    ReLU      y = max(x, 0)                                   dx = dy [x > 0]
    Tanh      y = tanh x                                      dx = dy (1 - y^2)
    Sigmoid   y = 1 / (1 + exp(-x))                           dx = dy y (1 - y)

Framework differences: we keep (in, out) and draw as Keras does, Glorot uniform, U(-l, l) with l =
sqrt(6 / (in + out)) (Glorot and Bengio, AISTATS 2010), from the stream (seed, name, 0). A layer
without a name gets one of its own, and so its own stream (docs/streams.md). See ``triptych
differences``: dense-layout, dense-initial-weights, flatten-order, silent-cast.

Here: they are PyTorch's own modules with our argument checks, names and initial weights. The layout
of W stays PyTorch's.
"""

import math
from collections import OrderedDict
from collections.abc import Iterable, Sequence

import torch
from torch import nn

from torch_impl.streams import uniform
from triptych.common import checks
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
    check_seed,
    check_size,
    check_text,
    dtype_name,
    remembered,
)
from triptych.common.names import Draws, check_streams, layer_name
from triptych.common.recipes import representable
from triptych.common.streams import Stream

__all__ = ["glorot_uniform", "Dense", "ReLU", "Tanh", "Sigmoid", "Flatten", "Sequential"]


def glorot_uniform(
    shape: tuple[int, ...], *, seed: int, name: str, dtype: str = "float32"
) -> torch.Tensor:
    """Initial weights of shape (in, out), or (height, width, in, out) for a convolution.

    Every pixel of a kernel is an input and an output of its own: the limit counts them all.
    """
    _check_glorot(shape, seed, name, dtype)
    *pixels, inputs, outputs = shape
    limit = representable(math.sqrt(6 / (math.prod(pixels) * (inputs + outputs))))
    drawn = uniform(Stream(seed, name), shape, dtype=dtype)
    return (2 * drawn - 1) * limit


class Dense(Draws, nn.Linear):
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
        self.seed, self.name = seed, layer_name("torch", "dense", name)
        check_size("in_features", in_features)
        check_size("out_features", out_features)
        torch_dtype = getattr(torch, check_dtype(dtype))
        super().__init__(
            in_features, out_features, bias=check_flag("use_bias", use_bias), dtype=torch_dtype
        )

    def reset_parameters(self) -> None:
        """``nn.Linear`` calls this once the parameters exist."""
        shape, dtype = (self.in_features, self.out_features), dtype_name(self.weight)
        drawn = glorot_uniform(shape, seed=self.seed, name=self.name, dtype=dtype)
        with torch.no_grad():
            self.weight.copy_(drawn.T)
            if self.bias is not None:
                self.bias.zero_()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        _check_dense(x, self.in_features)
        check_precision(x, self.weight)
        return super().forward(x)


class ReLU(nn.ReLU):
    def __init__(self, *, name: str | None = None) -> None:
        super().__init__()
        self.name = layer_name("torch", "relu", name)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        _check(x)
        return super().forward(x)


class Tanh(nn.Tanh):
    def __init__(self, *, name: str | None = None) -> None:
        super().__init__()
        self.name = layer_name("torch", "tanh", name)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        _check(x)
        return super().forward(x)


class Sigmoid(nn.Sigmoid):
    def __init__(self, *, name: str | None = None) -> None:
        super().__init__()
        self.name = layer_name("torch", "sigmoid", name)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        _check(x)
        return super().forward(x)


class Flatten(nn.Flatten):
    """(N, ...) to (N, features), in row-major order: height, width, channels for images.

    ``order="chw"``, for images only: channel, height, width, as a bare PyTorch model has them.
    """

    def __init__(self, *, order: str = "hwc", name: str | None = None) -> None:
        super().__init__()
        self.name = layer_name("torch", "flatten", name)
        self.order = check_choice("order", order, ("hwc", "chw"))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        _check_flatten(x, self.order)
        if self.order == "chw":
            x = x.permute(0, 3, 1, 2)
        return super().forward(x)


class Sequential(nn.Sequential):
    """Layers applied one after the other; their names must differ.

    A mask goes to the layers that take one, until an embedding makes another.
    """

    takes_mask = True

    def __init__(self, layers: Sequence[nn.Module] = (), *, name: str | None = None) -> None:
        name = layer_name("torch", "sequential", name)
        check_layers("layers", layers, nn.Module)
        names = [str(layer.name) for layer in layers]
        check_layer_names(names)
        super().__init__(OrderedDict(zip(names, layers, strict=True)))
        self.name = name
        check_streams(self.modules())

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        return along(self, x, mask)


def along(layers: Iterable[nn.Module], x: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    """One layer after the other. A layer of PyTorch's own takes no mask, and makes none."""
    for layer in layers:
        given = mask
        if hasattr(layer, "compute_mask"):
            mask = layer.compute_mask(x, mask)  # type: ignore[operator]
        x = layer(x, mask=given) if getattr(layer, "takes_mask", False) else layer(x)
    return x


def autocast(x: torch.Tensor) -> bool:
    """Whether PyTorch casts x, as it was asked to by ``torch.autocast``."""
    real = isinstance(x, torch.Tensor) and not x.is_meta
    return real and torch.is_autocast_enabled(x.device.type)


def check_precision(x: torch.Tensor, weight: torch.Tensor) -> None:
    if not autocast(x):
        _check_precision(x, weight)


_check_precision = remembered(checks.check_precision)


@remembered
def _check(x: torch.Tensor) -> None:
    check_floating("x", x)
    check_batch(x)


@remembered
def _check_dense(x: torch.Tensor, in_features: int) -> None:
    check_features(x, in_features)
    check_floating("x", x)


@remembered
def _check_flatten(x: torch.Tensor, order: str) -> None:
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
