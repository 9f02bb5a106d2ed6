r"""Positions: what tells attention the order of the steps, added to each of them.

    y_t = x_t + p_t                                                  dx = dy,   dp_t = sum_n dy_nt

    sinusoidal    p_t,2i   = sin(t / 10000^(2i / C))                 t from 0, no parameters
                  p_t,2i+1 = cos(t / 10000^(2i / C))
    learned       p is a table of parameters, from N(0, 0.02^2)

Sine and cosine of a pair turn by one angle from each step to the next: p_(t+k) is p_t with each
pair turned by an angle that depends on k and not on t. Pairs further to the right turn more slowly.

``x`` has shape (N, T, C) and ``p`` (steps, C), of which the first T rows are added: T is at most
``steps``. C may be odd; the last sine then has no cosine. A ``ValueError`` says which argument does
not fit.

Papers: Vaswani, Shazeer, Parmar, Uszkoreit, Jones, Gomez, Kaiser and Polosukhin, "Attention is all
you need", NeurIPS 2017 (section 3.5); Gehring, Auli, Grangier, Yarats and Dauphin, "Convolutional
sequence to sequence learning", ICML 2017 (learned positions).

Framework differences: neither framework has a layer for either. Sines and cosines are computed in
float64 and rounded once: in float32 the angles of step 500 are off by 1e-5 to 5e-5.

Here: the sines are NumPy's, because Keras has no float64 on JAX unless it is asked for. On JAX and
PyTorch, float64 takes ``keras_impl.precision.enable_float64()`` first: without it Keras rounds to
float32. A layer has the dtype that it is made with, whatever Keras's dtype policy is.
"""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_impl.layers import Checked, check_precision, verbatim
from keras_impl.streams import normal
from triptych.common.checks import (
    check_dtype,
    check_floats,
    check_positions,
    check_seed,
    check_size,
    remembered,
)
from triptych.common.names import Draws, layer_name
from triptych.common.recipes import representable
from triptych.common.streams import Stream

__all__ = ["sinusoidal_positions", "add_positions", "SinusoidalPositions", "LearnedPositions"]

DEVIATION = representable(0.02)  # the float32 next to it, in every panel


def sinusoidal_positions(steps: int, features: int, *, dtype: str = "float32") -> Any:
    """p, of shape (steps, features)."""
    steps, features, dtype = _check_sizes(steps, features, dtype)
    t, pair = np.arange(steps)[:, np.newaxis], np.arange(0, features, 2)
    angle = t / 10000 ** (pair / features)
    p = np.stack([np.sin(angle), np.cos(angle)], axis=-1).reshape(steps, -1)[:, :features]
    return ops.convert_to_tensor(p.astype(dtype), dtype=dtype)


def add_positions(x: Any, p: Any) -> Any:
    """y, of the shape of x."""
    _check(x, p)
    return x + p[: ops.shape(x)[1]]


@keras.saving.register_keras_serializable("triptych")
class SinusoidalPositions(Checked, keras.layers.Layer):
    has_weights = passes_mask = True

    def __init__(
        self,
        steps: int,
        features: int,
        *,
        name: str | None = None,
        dtype: str = "float32",
        **kwargs: Any,
    ) -> None:
        name = layer_name("keras", "positions", name)
        super().__init__(name=name, dtype=check_dtype(dtype), **kwargs)
        self.steps, self.features, _ = _check_sizes(steps, features, dtype)

    def check(self, inputs: Any) -> None:
        check_positions("x", inputs, (self.steps, self.features))
        check_precision(inputs, keras.KerasTensor((), self.compute_dtype))

    @verbatim()
    def call(self, inputs: Any) -> Any:
        p = sinusoidal_positions(self.steps, self.features, dtype=self.compute_dtype)
        return add_positions(inputs, p)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"steps": self.steps, "features": self.features}


@keras.saving.register_keras_serializable("triptych")
class StreamPositions(keras.initializers.Initializer):
    """Normal numbers of a small deviation, as Keras wants an initializer."""

    def __init__(self, seed: int, name: str) -> None:
        self.seed, self.name = seed, name

    def __call__(self, shape: tuple[int, ...], dtype: Any = None, **kwargs: Any) -> Any:
        dtype = keras.backend.standardize_dtype(dtype)
        return normal(Stream(self.seed, self.name), tuple(shape), dtype=dtype) * DEVIATION

    def get_config(self) -> dict[str, Any]:
        return {"seed": self.seed, "name": self.name}


@keras.saving.register_keras_serializable("triptych")
class LearnedPositions(Checked, Draws, keras.layers.Layer):
    """The initial table comes from the stream (seed, name, 0). Weight decay acts on it."""

    has_weights = passes_mask = True
    kind_of_weights = "table"

    def __init__(
        self,
        steps: int,
        features: int,
        *,
        seed: int = 0,
        name: str | None = None,
        dtype: str = "float32",
        **kwargs: Any,
    ) -> None:
        name = layer_name("keras", "positions", name)
        regularizer = keras.regularizers.get(kwargs.pop("kernel_regularizer", None))
        super().__init__(name=name, dtype=check_dtype(dtype), **kwargs)
        self.kernel_regularizer = regularizer
        self.steps, self.features, _ = _check_sizes(steps, features, dtype)
        self.seed = check_seed(seed)
        self.embeddings = self.add_weight(
            name="embeddings",
            shape=(self.steps, self.features),
            initializer=StreamPositions(seed, name),
            regularizer=self.kernel_regularizer,
        )
        self.build((None, None, self.features))

    def check(self, inputs: Any) -> None:
        check_positions("x", inputs, self.embeddings)
        check_precision(inputs, self.embeddings)

    @verbatim()
    def call(self, inputs: Any) -> Any:
        return add_positions(inputs, self.embeddings.value)

    def get_config(self) -> dict[str, Any]:
        own = {"steps": self.steps, "features": self.features, "seed": self.seed}
        regularizer = keras.regularizers.serialize(self.kernel_regularizer)
        return super().get_config() | own | {"kernel_regularizer": regularizer}


def _check_sizes(steps: int, features: int, dtype: str) -> tuple[int, int, str]:
    return check_size("steps", steps), check_size("features", features), check_dtype(dtype)


@remembered
def _check(x: Any, p: Any) -> None:
    check_floats(x=x, p=p)
    check_positions("x", x, p)
