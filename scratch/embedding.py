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

Here: ``backward`` returns None: integers have no gradient.
"""

from typing import Any

import numpy as np

from scratch.dropout import draw_mask
from scratch.fast import embedding as fast
from scratch.layers import Layer
from scratch.streams import normal
from triptych.common.checks import (
    check_dtype,
    check_flag,
    check_floating,
    check_integer,
    check_integers,
    check_mask,
    check_number,
    check_same_shape,
    check_seed,
    check_size,
    check_table,
    check_within,
    own_arrays,
    remembered,
)
from triptych.common.names import Draws, layer_name
from triptych.common.streams import Stream

__all__ = ["embedding", "embedding_backward", "Embedding"]


def embedding(
    x: np.ndarray, w: np.ndarray, *, rate: float = 0.0, keep: np.ndarray | None = None
) -> np.ndarray:
    """y, of the shape of x and one more axis of features."""
    rate = _check(x, w, rate, keep)
    return _dropped(w[x], x, rate, keep)


def embedding_backward(
    grad: np.ndarray,
    x: np.ndarray,
    w: np.ndarray,
    *,
    rate: float = 0.0,
    keep: np.ndarray | None = None,
    padding_index: int | None = None,
) -> np.ndarray:
    """dL/dw from dL/dy."""
    rate = _check_backward(grad, x, w, rate, keep, padding_index)
    dw = np.zeros_like(w)
    np.add.at(dw, x, _dropped(grad, x, rate, keep))
    if padding_index is not None:
        dw[padding_index] = 0
    return dw


def _dropped(y: np.ndarray, x: np.ndarray, rate: float, keep: np.ndarray | None) -> np.ndarray:
    return y if keep is None else y * keep[x][..., np.newaxis] * (1 / (1 - rate))


class Embedding(Draws, Layer):
    """``step`` counts training passes. Weight decay and penalties act on the table."""

    rows_are_units = True

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
    ) -> None:
        super().__init__(layer_name("scratch", "embedding", name))
        self.words, self.features = check_size("words", words), check_size("features", features)
        self.padding_index = _check_padding(padding_index, self.words)
        self.rate = check_number("rate", rate, "[0, 1)")
        self.seed = check_seed(seed)
        stream = Stream(seed, self.name)
        self.params["weight"] = normal(stream, (words, features), dtype=check_dtype(dtype))
        if self.padding_index is not None:
            self.params["weight"][self.padding_index] = 0
        self.state["step"] = np.zeros((), np.int64)

    def compute_mask(self, x: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray | None:
        return mask if self.padding_index is None else x != self.padding_index

    def forward(self, x: np.ndarray, *, training: bool = False) -> np.ndarray:
        check_flag("training", training)
        keep = None
        if training and self.rate > 0:
            stream = Stream(self.seed, f"{self.name}.dropout", self.state["step"])
            keep = draw_mask(stream, (self.words,), self.rate)
        if training:
            self.state["step"] += 1
        self._x, self._keep = x, keep
        return embedding(x, self.params["weight"], rate=self.rate, keep=keep)

    def backward(self, grad: np.ndarray) -> None:  # type: ignore[override]
        self.grads["weight"] = fast.embedding_backward(
            grad,
            self._x,
            self.params["weight"],
            rate=self.rate,
            keep=self._keep,
            padding_index=self.padding_index,
        )


def _check_padding(padding_index: Any, words: int) -> int | None:
    if padding_index is None:
        return None
    return check_integer("padding_index", padding_index, maximum=words - 1)


@own_arrays
def _check(x: np.ndarray, w: np.ndarray, rate: float, keep: np.ndarray | None) -> float:
    rate = _check_kinds(x, w, rate, keep)
    check_within("x", x, w.shape[0])
    return rate


@remembered
def _check_kinds(x: np.ndarray, w: np.ndarray, rate: float, keep: np.ndarray | None) -> float:
    check_integers("x", x)
    check_table("w", w)
    if keep is not None:
        check_mask(keep, (w.shape[0],), "keep")
    return check_number("rate", rate, "[0, 1)")


@own_arrays
def _check_backward(
    grad: np.ndarray,
    x: np.ndarray,
    w: np.ndarray,
    rate: float,
    keep: np.ndarray | None,
    padding_index: int | None,
) -> float:
    rate = _check(x, w, rate, keep)
    check_floating("grad", grad)
    check_same_shape("grad", grad, (*x.shape, w.shape[1]))
    _check_padding(padding_index, w.shape[0])
    return rate
