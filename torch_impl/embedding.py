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

Here: it is PyTorch's own ``nn.Embedding``, whose gradient leaves padding out.
"""

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from torch_impl.dropout import draw_mask
from torch_impl.streams import normal
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
    dtype_name,
    own_arrays,
    remembered,
)
from triptych.common.names import Draws, layer_name
from triptych.common.streams import Stream

__all__ = ["embedding", "Embedding"]


def embedding(
    x: torch.Tensor, w: torch.Tensor, *, rate: float = 0.0, keep: torch.Tensor | None = None
) -> torch.Tensor:
    """y, of the shape of x and one more axis of features."""
    rate = _check(x, w, rate, keep)
    return _dropped(F.embedding(x.long(), w), x, rate, keep)


def _dropped(
    y: torch.Tensor, x: torch.Tensor, rate: float, keep: torch.Tensor | None
) -> torch.Tensor:
    return y if keep is None else y * keep[x.long()].unsqueeze(-1) * (1 / (1 - rate))


class Embedding(Draws, nn.Embedding):
    """``step`` counts training passes. Weight decay and penalties act on the table."""

    step: torch.Tensor

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
        self.name = layer_name("torch", "embedding", name)
        self.words, self.features = check_size("words", words), check_size("features", features)
        padding_index = _check_padding(padding_index, self.words)
        self.rate = check_number("rate", rate, "[0, 1)")
        self.seed = check_seed(seed)
        kind = getattr(torch, check_dtype(dtype))
        super().__init__(self.words, self.features, padding_idx=padding_index, dtype=kind)
        self.register_buffer("step", torch.zeros((), dtype=torch.int64))

    def reset_parameters(self) -> None:
        """``nn.Embedding`` calls this once the parameters exist."""
        stream, shape = Stream(self.seed, self.name), (self.words, self.features)
        with torch.no_grad():
            self.weight.copy_(normal(stream, shape, dtype=dtype_name(self.weight)))
        self._fill_padding_idx_with_zero()

    def compute_mask(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> Any:
        return mask if self.padding_idx is None else x != self.padding_idx

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        keep = None
        if self.training and self.rate > 0:
            stream = Stream(self.seed, f"{self.name}.dropout", self.step)
            keep = draw_mask(stream, (self.words,), self.rate, device=self.weight.device)
        if self.training:
            self.step += 1
        rate = _check(x, self.weight, self.rate, keep)
        return _dropped(super().forward(x.long()), x, rate, keep)


def _check_padding(padding_index: Any, words: int) -> int | None:
    if padding_index is None:
        return None
    return check_integer("padding_index", padding_index, maximum=words - 1)


@own_arrays
def _check(x: torch.Tensor, w: torch.Tensor, rate: float, keep: torch.Tensor | None) -> float:
    rate = _check_kinds(x, w, rate, keep)
    check_within("x", x, w.shape[0])
    return rate


@remembered
def _check_kinds(x: torch.Tensor, w: torch.Tensor, rate: float, keep: torch.Tensor | None) -> float:
    check_integers("x", x)
    check_table("w", w)
    if keep is not None:
        check_mask(keep, (w.shape[0],), "keep")
    return check_number("rate", rate, "[0, 1)")
