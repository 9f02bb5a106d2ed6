r"""Embedding: each word is a row of a table, which is trained.

    y_nt = w[x_nt]                                        dw[v] = sum of dy_nt over x_nt = v
    embedding dropout, in training
    y_nt = w[x_nt] keep[x_nt] / (1 - rate)                dw[v] = that times keep[v] / (1 - rate)

Embedding dropout, also called word dropout, drops a word wherever it stands in the batch: the draw
is one for each row of the table. The word stays in its sentence; what it brings is 0. A row of
padding is 0 when it is made and has no gradient, so it stays 0, unless something else moves it;
weight decay does not. Its steps are what ``compute_mask`` calls False. Max-norm of each word's row
is ``max_norm(w, limit)`` of ``weight_constraints``, with the rows as units.

``x`` are integers of any shape (N, ...) in [0, words), ``w`` has shape (words, features), ``keep``
is boolean of shape (words,), True = keep, or None; ``rate`` lies in [0, 1), ``padding_index`` in
[0, words). Initial rows are normal numbers, N(0, 1), from the stream (seed, name, 0); masks come
from the stream (seed, name.dropout, step). A ``ValueError`` says which argument does not fit.

Papers: Bengio, Ducharme, Vincent and Janvin, "A neural probabilistic language model", JMLR 3, 2003;
Gal and Ghahramani, "A theoretically grounded application of dropout in recurrent neural networks",
NeurIPS 2016 (section 4.2: embedding dropout).

Framework differences: rows are drawn as PyTorch draws them; padding is any row, as in PyTorch, and
makes a mask, as in Keras; an index that is not in the table is refused where it can be read. See
``triptych differences``: embedding-initial-weights, embedding-padding-index,
embedding-out-of-range, embedding-max-norm, embedding-float-index, embedding-gradient,
embedding-repeated-word.

Here: it is Keras's own ``Embedding``, which makes the mask; the gradient of padding is stopped, and
is dense on TensorFlow: of a sparse one Keras's optimizers square the parts of a repeated word apart
(see embedding-repeated-word). On JAX and PyTorch, float64 takes
``keras_impl.precision.enable_float64()`` first: without it Keras rounds to float32. A layer with
weights has the dtype that it is made with, whatever Keras's dtype policy is: under "mixed_float16"
it computes in that.
"""

from typing import Any

import keras
from keras import ops

from keras_impl.dropout import draw_mask
from keras_impl.layers import Checked, verbatim
from keras_impl.streams import normal
from triptych.common.checks import (
    check_dtype,
    check_integer,
    check_integers,
    check_mask,
    check_number,
    check_seed,
    check_size,
    check_table,
    check_within,
    own_arrays,
    remembered,
)
from triptych.common.names import Draws, layer_name
from triptych.common.streams import Stream

__all__ = ["embedding", "Embedding"]


def embedding(x: Any, w: Any, *, rate: float = 0.0, keep: Any | None = None) -> Any:
    """y, of the shape of x and one more axis of features."""
    rate = _check(x, w, rate, keep)
    return _dropped(_rows(w, x), x, rate, keep)


def _rows(w: Any, x: Any) -> Any:
    """Of a table that went through a reshape TensorFlow has a dense gradient."""
    return ops.take(ops.reshape(w, w.shape), ops.cast(x, "int32"), axis=0)


def _dropped(y: Any, x: Any, rate: float, keep: Any | None) -> Any:
    if keep is None:
        return y
    kept = ops.cast(ops.take(keep, ops.cast(x, "int32"), axis=0), y.dtype)
    return y * ops.expand_dims(kept, -1) * (1 / (1 - rate))


@keras.saving.register_keras_serializable("triptych")
class StreamNormal(keras.initializers.Initializer):
    """Standard normal numbers, and a row of 0, as Keras wants an initializer."""

    def __init__(self, seed: int, name: str, zero: int | None) -> None:
        self.seed, self.name, self.zero = seed, name, zero

    def __call__(self, shape: tuple[int, ...], dtype: Any = None, **kwargs: Any) -> Any:
        dtype = keras.backend.standardize_dtype(dtype)
        drawn = normal(Stream(self.seed, self.name), tuple(shape), dtype=dtype)
        if self.zero is None:
            return drawn
        return ops.where(ops.arange(shape[0])[:, None] == self.zero, ops.zeros_like(drawn), drawn)

    def get_config(self) -> dict[str, Any]:
        return {"seed": self.seed, "name": self.name, "zero": self.zero}


@keras.saving.register_keras_serializable("triptych")
class Embedding(Checked, Draws, keras.layers.Embedding):
    """``step`` counts training passes. Weight decay and penalties act on the table."""

    has_weights = True

    def __init__(
        self,
        words: int,
        features: int,
        *,
        padding_index: int | None = None,
        rate: float = 0.0,
        seed: int = 0,
        name: str | None = None,
        dtype: str = "float32",
        **kwargs: Any,
    ) -> None:
        name = layer_name("keras", "embedding", name)
        self.words, self.features = check_size("words", words), check_size("features", features)
        self.padding_index = _check_padding(padding_index, self.words)
        self.rate = check_number("rate", rate, "[0, 1)")
        self.seed = check_seed(seed)
        kwargs.setdefault("embeddings_initializer", StreamNormal(seed, name, self.padding_index))
        super().__init__(
            self.words,
            self.features,
            mask_zero=self.padding_index is not None,
            name=name,
            dtype=check_dtype(dtype),
            **kwargs,
        )
        self.step = self.add_weight(
            name="step", shape=(), initializer="zeros", dtype="int64", trainable=False
        )
        self.build()

    def check(self, inputs: Any) -> None:
        if not isinstance(inputs, keras.KerasTensor):  # whose dtype is only what Keras expects
            check_integers("x", inputs)
            check_within("x", inputs, self.words)

    def compute_output_spec(self, inputs: Any, training: bool = False) -> Any:
        return super().compute_output_spec(inputs)

    def compute_mask(self, x: Any, mask: Any | None = None) -> Any:
        return mask if self.padding_index is None else ops.not_equal(x, self.padding_index)

    # Keras's own would leave the step out.
    save_own_variables = keras.layers.Layer.save_own_variables
    load_own_variables = keras.layers.Layer.load_own_variables

    @verbatim()
    def call(self, inputs: Any, training: bool = False) -> Any:
        keep = None
        if training and self.rate > 0:
            stream = Stream(self.seed, f"{self.name}.dropout", self.step.value)
            keep = draw_mask(stream, (self.words,), self.rate)
        if training:
            self.step.assign_add(1)
        rate = _check_kinds(inputs, self.embeddings, self.rate, keep)
        y = _rows(self.embeddings, inputs)
        if self.padding_index is not None:
            padding = ops.expand_dims(ops.equal(inputs, self.padding_index), -1)
            y = ops.where(padding, ops.stop_gradient(y), y)
        return _dropped(y, inputs, rate, keep)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        for key in ("input_dim", "output_dim", "mask_zero"):
            config.pop(key, None)
        own = {"words": self.words, "features": self.features, "seed": self.seed}
        return config | own | {"padding_index": self.padding_index, "rate": self.rate}


def _check_padding(padding_index: Any, words: int) -> int | None:
    if padding_index is None:
        return None
    return check_integer("padding_index", padding_index, maximum=words - 1)


@own_arrays
def _check(x: Any, w: Any, rate: float, keep: Any | None) -> float:
    rate = _check_kinds(x, w, rate, keep)
    check_within("x", x, w.shape[0])
    return rate


@remembered
def _check_kinds(x: Any, w: Any, rate: float, keep: Any | None) -> float:
    check_integers("x", x)
    check_table("w", w)
    if keep is not None:
        check_mask(keep, (w.shape[0],), "keep")
    return check_number("rate", rate, "[0, 1)")
