r"""Attention: each position takes a weighted mean of what other positions offer.

    s_ij = q_i . k_j / sqrt(d)                      scores, of the d features of a head
    a_ij = exp(s_ij) / sum_j exp(s_ij)              weights, over those j that i may see
    a'   = a keep / (1 - rate)                      dropout on the weights; or a' = a
    y_i  = sum_j a'_ij v_j

    dv_j  = sum_i a'_ij dy_i                        da_ij = dy_i . v_j keep_ij / (1 - rate)
    ds_ij = a_ij (da_ij - sum_j a_ij da_ij)
    dq_i  = sum_j ds_ij k_j / sqrt(d)               dk_j  = sum_i ds_ij q_i / sqrt(d)

    multi-head    q = query W_q + b_q,  k = key W_k + b_k,  v = value W_v + b_v,  cut into heads
                  y = (the heads side by side) W_out + b_out

A position that may see nothing has weights of 0: its head gives 0, and hands no gradient back.

``q`` has shape (N, heads, T, d), ``k`` and ``v`` (N, heads, S, d). ``mask`` says what may be seen,
True = yes: booleans of shape (N, T, S), where N and T may be 1, or None; all heads have the same.
``keep`` is a dropout mask of shape (N, heads, T, S), True = keep, or None; ``rate`` lies in [0, 1).
``query`` has shape (N, T, C), ``key`` and ``value`` (N, S, C); ``heads`` divides C. W_q, W_k and
W_v stand side by side in ``in_weight``, (C, 3 C), their biases in ``in_bias``, (3 C,); W_out is
``out_weight``, (C, C), with ``out_bias``, (C,). Biases may be None. A ``ValueError`` says which
argument does not fit.

Paper: Vaswani, Shazeer, Parmar, Uszkoreit, Jones, Gomez, Kaiser and Polosukhin, "Attention is all
you need", NeurIPS 2017.

Framework differences: True in a mask may be seen, as in Keras; what sees nothing gives 0, where
PyTorch's module gives NaN, or 0 with need_weights=False, and Keras's a mean of everything, or 0 in
training with dropout; W_q, W_k and W_v are one array, as in PyTorch, and drawn as one, Glorot
uniform. See ``triptych differences``: attention-mask-inverted, attention-function-mask,
attention-fully-masked-row, attention-layout, attention-head-size, attention-causal,
attention-key-padding, attention-dropped-weights, dot-product-scale, dot-product-axes,
attention-float32-on-jax.

Here: without dropout it is PyTorch's own ``scaled_dot_product_attention``; the weights keep
the layout of ``nn.MultiheadAttention``, (3 C, C) and (C, C).
"""

import math
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from torch_impl.dropout import draw_mask
from torch_impl.layers import check_precision, glorot_uniform
from torch_impl.streams import Device
from triptych.common.checks import (
    check_attention,
    check_attention_inputs,
    check_dtype,
    check_flag,
    check_floating,
    check_floats,
    check_heads,
    check_mask,
    check_number,
    check_same_shape,
    check_seed,
    check_sequences,
    check_size,
    check_steps_mask,
    given,
    remembered,
)
from triptych.common.names import Draws, layer_name
from triptych.common.streams import Stream

__all__ = [
    "causal_mask",
    "attention_weights",
    "scaled_dot_product_attention",
    "multi_head_attention",
    "MultiHeadAttention",
]


def causal_mask(steps: int, *, device: Device = None) -> torch.Tensor:
    """Booleans (1, steps, steps): i may see j where j <= i."""
    steps = check_size("steps", steps)
    return torch.ones(1, steps, steps, dtype=torch.bool, device=device).tril()


def attention_weights(
    q: torch.Tensor, k: torch.Tensor, mask: torch.Tensor | None = None
) -> torch.Tensor:
    """a, of shape (N, heads, T, S): each row adds up to 1, or to 0 where nothing may be seen."""
    _check_weights(q, k, mask)
    s = q @ k.mT / math.sqrt(q.shape[-1])
    if mask is None:
        return s.softmax(dim=-1)
    seen = mask[:, None]
    nothing = ~seen.any(dim=-1, keepdim=True)  # -inf alone would give NaN
    return s.masked_fill(~(seen | nothing), -math.inf).softmax(dim=-1).masked_fill(nothing, 0)


def scaled_dot_product_attention(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    mask: torch.Tensor | None = None,
    *,
    rate: float = 0.0,
    keep: torch.Tensor | None = None,
) -> torch.Tensor:
    """y, of shape (N, heads, T, d)."""
    rate = _check(q, k, v, mask, rate, keep)
    if keep is None:
        return F.scaled_dot_product_attention(q, k, v, None if mask is None else mask[:, None])
    return attention_weights(q, k, mask) * keep * (1 / (1 - rate)) @ v


def multi_head_attention(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    in_weight: torch.Tensor,
    in_bias: torch.Tensor | None,
    out_weight: torch.Tensor,
    out_bias: torch.Tensor | None,
    *,
    heads: int,
    mask: torch.Tensor | None = None,
    rate: float = 0.0,
    keep: torch.Tensor | None = None,
) -> torch.Tensor:
    """y, of shape (N, T, C)."""
    _check_heads(query, key, value, in_weight, in_bias, out_weight, out_bias, heads)
    if query is key is value:  # self-attention: one product in the place of three
        projected = F.linear(query, in_weight, in_bias).chunk(3, dim=-1)
    else:
        weights = in_weight.chunk(3)
        biases = [None] * 3 if in_bias is None else in_bias.chunk(3)
        projected = tuple(map(F.linear, (query, key, value), weights, biases))
    q, k, v = (x.unflatten(-1, (heads, -1)).transpose(1, 2) for x in projected)
    y = scaled_dot_product_attention(q, k, v, mask, rate=rate, keep=keep)
    return F.linear(y.transpose(1, 2).flatten(2), out_weight, out_bias)


class MultiHeadAttention(Draws, nn.Module):
    """Self-attention of x, (N, T, C); ``mask`` is (N, T) here, True where a step is real.

    ``causal=True`` hides from each step those that come later. The weights are dropped with masks
    from the stream (seed, name, step); ``step`` counts training passes. For
    cross-attention call ``multi_head_attention``.
    """

    takes_mask = True
    kind_of_weights = "attention"  # which have PyTorch's layout
    in_weight: torch.Tensor
    in_bias: torch.Tensor | None
    out_weight: torch.Tensor
    out_bias: torch.Tensor | None
    step: torch.Tensor

    def __init__(
        self,
        features: int,
        heads: int,
        *,
        rate: float = 0.0,
        causal: bool = False,
        use_bias: bool = True,
        seed: int = 0,
        name: str | None = None,
        dtype: str = "float32",
    ) -> None:
        super().__init__()
        self.name = layer_name("torch", "attention", name)
        self.features, self.heads = check_heads(features, heads)
        self.rate = check_number("rate", rate, "[0, 1)")
        self.causal = check_flag("causal", causal)
        self.seed = check_seed(seed)
        check_dtype(dtype)
        check_flag("use_bias", use_bias)
        for part, columns in (("in", 3 * self.features), ("out", self.features)):
            weight = glorot_uniform(
                (self.features, columns), seed=seed, name=f"{self.name}.{part}", dtype=dtype
            )
            bias = nn.Parameter(torch.zeros(columns, dtype=weight.dtype)) if use_bias else None
            self.register_parameter(f"{part}_weight", nn.Parameter(weight.T.contiguous()))
            self.register_parameter(f"{part}_bias", bias)
        self.register_buffer("step", torch.zeros((), dtype=torch.int64))

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        _check_layer(x, mask, self.features)
        check_precision(x, self.in_weight)
        count, steps, _ = x.shape
        seen = None if mask is None else mask[:, None]
        if self.causal:
            causal = causal_mask(steps, device=x.device)
            seen = causal if seen is None else seen & causal
        keep = None
        if self.training and self.rate > 0:
            stream = Stream(self.seed, self.name, self.step)
            shape = count, self.heads, steps, steps
            keep = draw_mask(stream, shape, self.rate, device=x.device)
        if self.training:
            self.step += 1
        weights = self.in_weight, self.in_bias, self.out_weight, self.out_bias
        options: dict[str, Any] = {"mask": seen, "rate": self.rate, "keep": keep}
        return multi_head_attention(x, x, x, *weights, heads=self.heads, **options)

    def extra_repr(self) -> str:
        return f"{self.features}, heads={self.heads}, rate={self.rate}, causal={self.causal}"


@remembered
def _check_weights(q: torch.Tensor, k: torch.Tensor, mask: torch.Tensor | None) -> None:
    check_floats(q=q, k=k)
    check_attention(q, k, mask)


@remembered
def _check(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    mask: torch.Tensor | None,
    rate: float,
    keep: torch.Tensor | None,
) -> float:
    check_floats(q=q, k=k, v=v)
    shape = check_attention(q, k, mask)
    check_same_shape("v", v, k)
    if keep is not None:
        check_mask(keep, shape, "keep")
    return check_number("rate", rate, "[0, 1)")


@remembered
def _check_heads(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    in_weight: torch.Tensor,
    in_bias: torch.Tensor | None,
    out_weight: torch.Tensor,
    out_bias: torch.Tensor | None,
    heads: int,
) -> None:
    check_floats(
        query=query,
        key=key,
        value=value,
        **given(in_weight=in_weight, in_bias=in_bias, out_weight=out_weight, out_bias=out_bias),
    )
    check_attention_inputs(query, key, value)
    features, _ = check_heads(query.shape[-1], heads)
    check_same_shape("in_weight", in_weight, (3 * features, features))
    check_same_shape("out_weight", out_weight, (features, features))
    if in_bias is not None:
        check_same_shape("in_bias", in_bias, (3 * features,))
    if out_bias is not None:
        check_same_shape("out_bias", out_bias, (features,))


@remembered
def _check_layer(x: torch.Tensor, mask: torch.Tensor | None, features: int) -> None:
    check_sequences(x, features)
    check_floating("x", x)
    check_steps_mask(mask, x)
