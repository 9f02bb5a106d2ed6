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

Here: the functions are the equations; the layer keeps what its backward pass needs, and has the
weights from ``scratch.fast.attention``, which gives the same.
"""

import math
from typing import Any

import numpy as np

from scratch.dropout import draw_mask
from scratch.fast import attention as fast
from scratch.half import half_in_float32
from scratch.layers import Layer, glorot_uniform, product
from triptych.common.checks import (
    check_attention,
    check_attention_inputs,
    check_dtype,
    check_flag,
    check_floats,
    check_heads,
    check_mask,
    check_number,
    check_precision,
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
    "attention_weights_backward",
    "scaled_dot_product_attention",
    "scaled_dot_product_attention_backward",
    "multi_head_attention",
    "multi_head_attention_backward",
    "MultiHeadAttention",
]


def causal_mask(steps: int) -> np.ndarray:
    """Booleans (1, steps, steps): i may see j where j <= i."""
    steps = check_size("steps", steps)
    return np.tri(steps, dtype=bool)[np.newaxis]


@half_in_float32
def attention_weights(q: np.ndarray, k: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
    """a, of shape (N, heads, T, S): each row adds up to 1, or to 0 where nothing may be seen."""
    _check_weights(q, k, mask)
    s = q @ k.swapaxes(2, 3) / math.sqrt(q.shape[-1])
    seen = True if mask is None else mask[:, np.newaxis]
    largest = s.max(axis=-1, keepdims=True, where=seen, initial=np.finfo(s.dtype).min)
    e = np.exp(s - largest, where=seen, out=np.zeros_like(s))
    total = e.sum(axis=-1, keepdims=True)
    return e / np.where(total == 0, 1, total)


@half_in_float32
def attention_weights_backward(
    grad: np.ndarray, a: np.ndarray, q: np.ndarray, k: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """dL/dq and dL/dk from dL/da."""
    _check_weights_backward(grad, a, q, k)
    ds = a * (grad - (a * grad).sum(axis=-1, keepdims=True))
    ds = ds / math.sqrt(q.shape[-1])
    return ds @ k, ds.swapaxes(2, 3) @ q


@half_in_float32
def scaled_dot_product_attention(
    q: np.ndarray,
    k: np.ndarray,
    v: np.ndarray,
    mask: np.ndarray | None = None,
    *,
    rate: float = 0.0,
    keep: np.ndarray | None = None,
) -> np.ndarray:
    """y, of shape (N, heads, T, d)."""
    rate = _check(q, k, v, mask, rate, keep)
    return _dropped(attention_weights(q, k, mask), rate, keep) @ v


@half_in_float32
def scaled_dot_product_attention_backward(
    grad: np.ndarray,
    q: np.ndarray,
    k: np.ndarray,
    v: np.ndarray,
    mask: np.ndarray | None = None,
    *,
    rate: float = 0.0,
    keep: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """dL/dq, dL/dk and dL/dv from dL/dy."""
    rate = _check_backward(grad, q, k, v, mask, rate, keep)
    a = attention_weights(q, k, mask)
    dv = _dropped(a, rate, keep).swapaxes(2, 3) @ grad
    da = _dropped(grad @ v.swapaxes(2, 3), rate, keep)
    return *attention_weights_backward(da, a, q, k), dv


def _dropped(a: np.ndarray, rate: float, keep: np.ndarray | None) -> np.ndarray:
    return a if keep is None else a * keep * (1 / (1 - rate))


@half_in_float32
def multi_head_attention(
    query: np.ndarray,
    key: np.ndarray,
    value: np.ndarray,
    in_weight: np.ndarray,
    in_bias: np.ndarray | None,
    out_weight: np.ndarray,
    out_bias: np.ndarray | None,
    *,
    heads: int,
    mask: np.ndarray | None = None,
    rate: float = 0.0,
    keep: np.ndarray | None = None,
) -> np.ndarray:
    """y, of shape (N, T, C)."""
    _check_heads(query, key, value, in_weight, in_bias, out_weight, out_bias, heads)
    q, k, v = _heads(query, key, value, in_weight, in_bias, heads)
    together = _joined(scaled_dot_product_attention(q, k, v, mask, rate=rate, keep=keep))
    return _dense(together, out_weight, out_bias)


@half_in_float32
def multi_head_attention_backward(
    grad: np.ndarray,
    query: np.ndarray,
    key: np.ndarray,
    value: np.ndarray,
    in_weight: np.ndarray,
    in_bias: np.ndarray | None,
    out_weight: np.ndarray,
    out_bias: np.ndarray | None,
    *,
    heads: int,
    mask: np.ndarray | None = None,
    rate: float = 0.0,
    keep: np.ndarray | None = None,
) -> tuple[np.ndarray, ...]:
    """dL/dquery, dL/dkey, dL/dvalue, then those of the two weights and biases, in their order."""
    _check_heads_backward(grad, query, key, value, in_weight, in_bias, out_weight, out_bias, heads)
    q, k, v = _heads(query, key, value, in_weight, in_bias, heads)
    options: dict[str, Any] = {"rate": rate, "keep": keep}
    together = _joined(scaled_dot_product_attention(q, k, v, mask, **options))
    dout_weight, dout_bias = _dense_backward(grad, together)
    dheads = _split(grad @ out_weight.T, heads)
    gradients = scaled_dot_product_attention_backward(dheads, q, k, v, mask, **options)
    inputs, din = (query, key, value), [_joined(gradient) for gradient in gradients]
    both = [_dense_backward(dy, x) for dy, x in zip(din, inputs, strict=True)]
    din_weight = np.concatenate([dweight for dweight, _ in both], axis=1)
    din_bias = np.concatenate([dbias for _, dbias in both])
    dx = [dy @ w.T for dy, w in zip(din, np.split(in_weight, 3, axis=1), strict=True)]
    return *dx, din_weight, din_bias, dout_weight, dout_bias


def _heads(
    query: np.ndarray,
    key: np.ndarray,
    value: np.ndarray,
    in_weight: np.ndarray,
    in_bias: np.ndarray | None,
    heads: int,
) -> list[np.ndarray]:
    """q, k and v."""
    weights = np.split(in_weight, 3, axis=1)
    biases = [None] * 3 if in_bias is None else np.split(in_bias, 3)
    inputs = zip((query, key, value), weights, biases, strict=True)
    return [_split(_dense(x, weight, bias), heads) for x, weight, bias in inputs]


def _split(x: np.ndarray, heads: int) -> np.ndarray:
    """(N, T, C) as (N, heads, T, d)."""
    count, steps, features = x.shape
    return x.reshape(count, steps, heads, features // heads).swapaxes(1, 2)


def _joined(x: np.ndarray) -> np.ndarray:
    """(N, heads, T, d) as (N, T, C)."""
    count, heads, steps, size = x.shape
    return x.swapaxes(1, 2).reshape(count, steps, heads * size)


def _dense(x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None) -> np.ndarray:
    y = product(x, weight)
    return y if bias is None else y + bias


def _dense_backward(dy: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """dL/dweight and dL/dbias of x W + b."""
    dy = dy.reshape(-1, dy.shape[-1])
    return x.reshape(-1, x.shape[-1]).T @ dy, dy.sum(axis=0)


class MultiHeadAttention(Draws, Layer):
    """Self-attention of x, (N, T, C); ``mask`` is (N, T) here, True where a step is real.

    ``causal=True`` hides from each step those that come later. The weights are dropped with masks
    from the stream (seed, name, step); ``step`` counts training passes. For
    cross-attention call ``multi_head_attention``.
    """

    takes_mask = True

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
        super().__init__(layer_name("scratch", "attention", name))
        self.features, self.heads = check_heads(features, heads)
        self.rate = check_number("rate", rate, "[0, 1)")
        self.causal = check_flag("causal", causal)
        self.seed = check_seed(seed)
        check_dtype(dtype)
        for part, columns in (("in", 3 * self.features), ("out", self.features)):
            self.params[f"{part}_weight"] = glorot_uniform(
                (self.features, columns), seed=seed, name=f"{self.name}.{part}", dtype=dtype
            )
            if check_flag("use_bias", use_bias):
                self.params[f"{part}_bias"] = np.zeros(columns, dtype)
        self.state["step"] = np.zeros((), np.int64)

    def forward(
        self, x: np.ndarray, *, mask: np.ndarray | None = None, training: bool = False
    ) -> np.ndarray:
        _check_layer(x, mask, training, self.features, self.params["in_weight"])
        count, steps, _ = x.shape
        seen = None if mask is None else mask[:, np.newaxis]
        if self.causal:
            causal = causal_mask(steps)
            seen = causal if seen is None else seen & causal
        keep = None
        if training and self.rate > 0:
            stream = Stream(self.seed, self.name, self.state["step"])
            keep = draw_mask(stream, (count, self.heads, steps, steps), self.rate)
        if training:
            self.state["step"] += 1
        projected = _dense(x, self.params["in_weight"], self.params.get("in_bias"))
        # (N, T, 3 C): what comes first in a row is q, then k, then v
        q, k, v = (_split(part, self.heads) for part in np.split(projected, 3, axis=2))
        a = fast.attention_weights(q, k, seen)
        together = np.empty_like(x)
        np.matmul(_dropped(a, self.rate, keep), v, out=_split(together, self.heads))
        self._kept = x, q, k, v, a, keep, together
        return _dense(together, self.params["out_weight"], self.params.get("out_bias"))

    def backward(self, grad: np.ndarray) -> np.ndarray:
        x, q, k, v, a, keep, together = self._kept
        dheads = _split(self._store("out", grad, together), self.heads)
        dprojected = np.empty((*x.shape[:2], 3 * self.features), x.dtype)
        dq, dk, dv = (_split(part, self.heads) for part in np.split(dprojected, 3, axis=2))
        np.matmul(_dropped(a, self.rate, keep).swapaxes(2, 3), dheads, out=dv)
        da = _dropped(dheads @ v.swapaxes(2, 3), self.rate, keep)
        dq[...], dk[...] = fast.attention_weights_backward(da, a, q, k)
        return self._store("in", dprojected, x)

    def _store(self, part: str, dy: np.ndarray, x: np.ndarray) -> np.ndarray:
        """The gradients of a weight and its bias; dL/dx is returned."""
        weight = self.params[f"{part}_weight"]
        self.grads[f"{part}_weight"], dbias = _dense_backward(dy, x)
        if f"{part}_bias" in self.params:
            self.grads[f"{part}_bias"] = dbias
        return product(dy, weight.T)


@remembered
def _check_weights(q: np.ndarray, k: np.ndarray, mask: np.ndarray | None) -> None:
    check_floats(q=q, k=k)
    check_attention(q, k, mask)


@remembered
def _check_weights_backward(grad: np.ndarray, a: np.ndarray, q: np.ndarray, k: np.ndarray) -> None:
    check_floats(q=q, k=k, a=a, grad=grad)
    shape = check_attention(q, k, None)
    check_same_shape("a", a, shape)
    check_same_shape("grad", grad, shape)


@remembered
def _check(
    q: np.ndarray,
    k: np.ndarray,
    v: np.ndarray,
    mask: np.ndarray | None,
    rate: float,
    keep: np.ndarray | None,
) -> float:
    check_floats(q=q, k=k, v=v)
    shape = check_attention(q, k, mask)
    check_same_shape("v", v, k)
    if keep is not None:
        check_mask(keep, shape, "keep")
    return check_number("rate", rate, "[0, 1)")


@remembered
def _check_backward(
    grad: np.ndarray,
    q: np.ndarray,
    k: np.ndarray,
    v: np.ndarray,
    mask: np.ndarray | None,
    rate: float,
    keep: np.ndarray | None,
) -> float:
    rate = _check(q, k, v, mask, rate, keep)
    check_floats(q=q, grad=grad)
    check_same_shape("grad", grad, q)
    return rate


@remembered
def _check_heads(
    query: np.ndarray,
    key: np.ndarray,
    value: np.ndarray,
    in_weight: np.ndarray,
    in_bias: np.ndarray | None,
    out_weight: np.ndarray,
    out_bias: np.ndarray | None,
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
    check_same_shape("in_weight", in_weight, (features, 3 * features))
    check_same_shape("out_weight", out_weight, (features, features))
    if in_bias is not None:
        check_same_shape("in_bias", in_bias, (3 * features,))
    if out_bias is not None:
        check_same_shape("out_bias", out_bias, (features,))


@remembered
def _check_heads_backward(grad: np.ndarray, query: np.ndarray, *rest: Any) -> None:
    _check_heads(query, *rest)
    check_floats(query=query, grad=grad)
    check_same_shape("grad", grad, query)


@remembered
def _check_layer(
    x: np.ndarray, mask: np.ndarray | None, training: bool, features: int, weight: np.ndarray
) -> None:
    check_sequences(x, features)
    check_precision(x, weight)
    check_steps_mask(mask, x)
    check_flag("training", training)
