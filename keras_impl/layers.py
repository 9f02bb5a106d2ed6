"""The ground layers: dense, ReLU, tanh, sigmoid, flatten, and layers in a row.

    Dense     y = x W + b, x (N, in), W (in, out), b (out,)   dW = x^T dy, db = sum dy, dx = dy W^T
    ReLU      y = max(x, 0)                                   dx = dy [x > 0]
    Tanh      y = tanh x                                      dx = dy (1 - y^2)
    Sigmoid   y = 1 / (1 + exp(-x))                           dx = dy y (1 - y)

Framework differences: we keep (in, out) and draw as Keras does, Glorot uniform, U(-l, l) with l =
sqrt(6 / (in + out)) (Glorot and Bengio, AISTATS 2010), from the stream (seed, name, 0). A layer
without a name gets one of its own, and so its own stream (docs/streams.md). See ``triptych
differences``: dense-layout, dense-initial-weights, flatten-order, silent-cast.

Here: they are Keras's own layers with our argument checks, names and initial weights. On JAX and
PyTorch, float64 takes ``keras_impl.precision.enable_float64()`` first: without it Keras rounds to
float32. A layer with weights has the dtype that it is made with, whatever Keras's dtype policy is:
under "mixed_float16" it computes in that, and refuses float16.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras

from keras_impl.precision import warn_of_rounding
from keras_impl.streams import uniform
from triptych.common import checks
from triptych.common.checks import (
    check_array,
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
)
from triptych.common.names import Draws, check_streams, layer_name
from triptych.common.recipes import representable
from triptych.common.streams import Stream

__all__ = ["glorot_uniform", "Dense", "ReLU", "Tanh", "Sigmoid", "Flatten", "Sequential"]


def glorot_uniform(shape: tuple[int, ...], *, seed: int, name: str, dtype: str = "float32") -> Any:
    """Initial weights of shape (in, out), or (height, width, in, out) for a convolution.

    Every pixel of a kernel is an input and an output of its own: the limit counts them all.
    """
    _check_glorot(shape, seed, name, dtype)
    *pixels, inputs, outputs = shape
    limit = representable(math.sqrt(6 / (math.prod(pixels) * (inputs + outputs))))
    drawn = uniform(Stream(seed, name), shape, dtype=dtype)
    return (2 * drawn - 1) * limit


@keras.saving.register_keras_serializable("triptych")
class StreamGlorotUniform(keras.initializers.Initializer):
    """``glorot_uniform`` as Keras wants an initializer."""

    def __init__(self, seed: int, name: str) -> None:
        self.seed, self.name = seed, name

    def __call__(self, shape: tuple[int, ...], dtype: Any = None, **kwargs: Any) -> Any:
        dtype = keras.backend.standardize_dtype(dtype)
        return glorot_uniform(tuple(shape), seed=self.seed, name=self.name, dtype=dtype)

    def get_config(self) -> dict[str, Any]:
        return {"seed": self.seed, "name": self.name}


@contextmanager
def verbatim() -> Iterator[None]:
    """Errors keep their text: Keras rewrites those that leave a layer or model, but marked ones."""
    try:
        yield
    except ValueError as error:
        error._keras_call_info_injected = True  # type: ignore[attr-defined]
        raise


class Checked:
    """Runs ``check(inputs)`` before Keras looks at the inputs and has errors of its own.

    A layer without weights computes in the dtype of its inputs, and not in one of its own. One that
    ``passes_mask`` leaves the steps of a sequence where they are, and their mask with them.
    """

    has_weights = False
    passes_mask = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.autocast = self.has_weights
        if self.passes_mask:
            self.supports_masking = True
        warn_of_rounding(self.compute_dtype)  # type: ignore[attr-defined]

    def check(self, inputs: Any) -> None:
        check_floating("x", inputs)
        check_batch(inputs)

    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        with verbatim():
            self.check(inputs)
        return super().__call__(inputs, *args, **kwargs)  # type: ignore[misc]


def check_precision(inputs: Any, weight: Any) -> None:
    """As in the other panels; the dtype of a symbol is only what Keras expects."""
    if not isinstance(inputs, keras.KerasTensor):
        checks.check_precision(inputs, weight)


def synchronize(model: keras.Model) -> None:
    """On JAX, ``model.fit`` keeps the weights to itself between steps, unless it is asked."""
    if hasattr(model, "jax_state_sync"):
        model.jax_state_sync()


def check_first(layers: Sequence[Any], inputs: Any) -> None:
    """What the first of some layers checks, before Keras casts for it."""
    check_array("x", inputs)
    if layers and isinstance(layers[0], Checked):
        layers[0].check(inputs)


@keras.saving.register_keras_serializable("triptych")
class Dense(Checked, Draws, keras.layers.Dense):
    has_weights = True

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        use_bias: bool = True,
        seed: int = 0,
        name: str | None = None,
        dtype: str = "float32",
        **kwargs: Any,
    ) -> None:
        name = layer_name("keras", "dense", name)
        self.in_features = check_size("in_features", in_features)
        out_features = check_size("out_features", out_features)
        self.seed = seed
        kwargs.setdefault("kernel_initializer", StreamGlorotUniform(seed, name))
        super().__init__(
            out_features,
            use_bias=check_flag("use_bias", use_bias),
            name=name,
            dtype=check_dtype(dtype),
            **kwargs,
        )
        self.build((None, in_features))

    def check(self, inputs: Any) -> None:
        check_features(inputs, self.in_features)
        check_precision(inputs, self.kernel)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        config["out_features"] = config.pop("units")
        return config | {"in_features": self.in_features, "seed": self.seed}


@keras.saving.register_keras_serializable("triptych")
class ReLU(Checked, keras.layers.ReLU):
    def __init__(self, *, name: str | None = None, **kwargs: Any) -> None:
        name = layer_name("keras", "relu", name)
        super().__init__(name=name, **kwargs)


@keras.saving.register_keras_serializable("triptych")
class Tanh(Checked, keras.layers.Activation):
    def __init__(self, *, name: str | None = None, **kwargs: Any) -> None:
        name = layer_name("keras", "tanh", name)
        super().__init__(**({"activation": "tanh"} | kwargs), name=name)


@keras.saving.register_keras_serializable("triptych")
class Sigmoid(Checked, keras.layers.Activation):
    def __init__(self, *, name: str | None = None, **kwargs: Any) -> None:
        name = layer_name("keras", "sigmoid", name)
        super().__init__(**({"activation": "sigmoid"} | kwargs), name=name)


@keras.saving.register_keras_serializable("triptych")
class Flatten(Checked, keras.layers.Flatten):
    """(N, ...) to (N, features), in row-major order: height, width, channels for images.

    ``order="chw"``, for images only: channel, height, width, as a bare PyTorch model has them.
    """

    def __init__(self, *, order: str = "hwc", name: str | None = None, **kwargs: Any) -> None:
        name = layer_name("keras", "flatten", name)
        super().__init__(data_format="channels_last", name=name, **kwargs)
        self.order = check_choice("order", order, ("hwc", "chw"))

    def check(self, inputs: Any) -> None:
        if self.order == "chw":
            check_maps(inputs)
        super().check(inputs)

    def call(self, inputs: Any) -> Any:
        if self.order == "chw":
            inputs = keras.ops.transpose(inputs, (0, 3, 1, 2))
        return super().call(inputs)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["data_format"]
        return config | {"order": self.order}


@keras.saving.register_keras_serializable("triptych")
class Sequential(Checked, keras.Sequential):
    """Layers applied one after the other; their names must differ."""

    has_weights = True

    def __init__(
        self, layers: Sequence[Any] = (), *, name: str | None = None, **kwargs: Any
    ) -> None:
        name = layer_name("keras", "sequential", name)
        check_layers("layers", layers, (keras.Layer, keras.KerasTensor))
        check_layer_names([layer.name for layer in layers])
        super().__init__(layers, name=name, **kwargs)
        check_streams(self._flatten_layers())

    def check(self, inputs: Any) -> None:
        check_first(self.layers, inputs)
        # To the dtype of the first one Keras casts what goes into the model, but for words.
        if self.layers and not isinstance(self.layers[0], keras.layers.Embedding):
            check_precision(inputs, keras.KerasTensor((), self.layers[0].compute_dtype))


def _check_glorot(shape: tuple[int, ...], seed: int, name: str, dtype: str) -> None:
    check_text("name", name)
    check_seed(seed)
    check_draw(Stream(seed, name), shape)
    if len(shape) < 2 or 0 in shape:
        raise ValueError(f"shape must be (in, out), or (height, width, in, out), got {shape}")
    check_dtype(dtype)
