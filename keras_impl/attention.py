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

Here: the equations in Keras ops: its own op has no dropout, and computes in float32 on JAX. On JAX
and PyTorch, float64 takes ``keras_impl.precision.enable_float64()`` first: without it Keras rounds
to float32. A layer with weights has the dtype that it is made with, whatever Keras's dtype policy
is: under "mixed_float16" it computes in that, and refuses float16. The mask that Keras's embedding
makes reaches the layer by itself.
"""

import math
from typing import Any

import keras
from keras import ops

from keras_impl.dropout import draw_mask
from keras_impl.layers import Checked, StreamGlorotUniform, check_precision, verbatim
from triptych.common.checks import (
    check_attention,
    check_attention_inputs,
    check_dtype,
    check_flag,
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


def causal_mask(steps: int) -> Any:
    """Booleans (1, steps, steps): i may see j where j <= i."""
    steps = check_size("steps", steps)
    return _causal_mask(steps)


def _causal_mask(steps: Any) -> Any:
    """In a graph the number of steps may be a tensor."""
    i = ops.arange(steps)
    return ops.expand_dims(i[:, None] >= i[None], 0)


def attention_weights(q: Any, k: Any, mask: Any | None = None) -> Any:
    """a, of shape (N, heads, T, S): each row adds up to 1, or to 0 where nothing may be seen."""
    _check_weights(q, k, mask)
    s = ops.matmul(q, ops.swapaxes(k, 2, 3)) / math.sqrt(q.shape[-1])
    if mask is None:
        return _softmax(s)
    seen = ops.expand_dims(mask, 1)
    nothing = ops.logical_not(ops.any(seen, axis=-1, keepdims=True))  # -inf alone would give NaN
    s = ops.where(ops.logical_or(seen, nothing), s, ops.cast(-math.inf, s.dtype))
    return ops.where(nothing, ops.zeros_like(s), _softmax(s))


def _softmax(s: Any) -> Any:
    """Keras's own warns of a single key."""
    e = ops.exp(s - ops.stop_gradient(ops.max(s, axis=-1, keepdims=True)))
    return e / ops.sum(e, axis=-1, keepdims=True)


def scaled_dot_product_attention(
    q: Any,
    k: Any,
    v: Any,
    mask: Any | None = None,
    *,
    rate: float = 0.0,
    keep: Any | None = None,
) -> Any:
    """y, of shape (N, heads, T, d)."""
    rate = _check(q, k, v, mask, rate, keep)
    a = attention_weights(q, k, mask)
    if keep is not None:
        a = a * ops.cast(keep, a.dtype) * (1 / (1 - rate))
    return ops.matmul(a, v)


def multi_head_attention(
    query: Any,
    key: Any,
    value: Any,
    in_weight: Any,
    in_bias: Any | None,
    out_weight: Any,
    out_bias: Any | None,
    *,
    heads: int,
    mask: Any | None = None,
    rate: float = 0.0,
    keep: Any | None = None,
) -> Any:
    """y, of shape (N, T, C)."""
    _check_heads(query, key, value, in_weight, in_bias, out_weight, out_bias, heads)
    if query is key is value:  # self-attention: one product in the place of three
        projected = ops.split(_dense(query, in_weight, in_bias), 3, axis=-1)
    else:
        weights = ops.split(in_weight, 3, axis=1)
        biases = [None] * 3 if in_bias is None else ops.split(in_bias, 3)
        projected = list(map(_dense, (query, key, value), weights, biases))
    features = query.shape[-1]
    q, k, v = (
        ops.swapaxes(ops.reshape(x, (-1, ops.shape(x)[1], heads, features // heads)), 1, 2)
        for x in projected
    )
    y = ops.swapaxes(scaled_dot_product_attention(q, k, v, mask, rate=rate, keep=keep), 1, 2)
    together = ops.reshape(y, (-1, ops.shape(y)[1], features))
    return _dense(together, out_weight, out_bias)


def _dense(x: Any, weight: Any, bias: Any | None) -> Any:
    y = ops.matmul(x, weight)
    return y if bias is None else y + bias


@keras.saving.register_keras_serializable("triptych")
class MultiHeadAttention(Checked, Draws, keras.layers.Layer):
    """Self-attention of x, (N, T, C); ``mask`` is (N, T) here, True where a step is real.

    ``causal=True`` hides from each step those that come later. The weights are dropped with masks
    from the stream (seed, name, step); ``step`` counts training passes. For
    cross-attention call ``multi_head_attention``.
    """

    has_weights = passes_mask = True
    kind_of_weights = "own"

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
        **kwargs: Any,
    ) -> None:
        name = layer_name("keras", "attention", name)
        regularizer = keras.regularizers.get(kwargs.pop("kernel_regularizer", None))
        super().__init__(name=name, dtype=check_dtype(dtype), **kwargs)
        self.kernel_regularizer = regularizer
        self.features, self.heads = check_heads(features, heads)
        self.rate = check_number("rate", rate, "[0, 1)")
        self.causal = check_flag("causal", causal)
        self.use_bias = check_flag("use_bias", use_bias)
        self.seed = check_seed(seed)
        for part, columns in (("in", 3 * self.features), ("out", self.features)):
            weight = self.add_weight(
                name=f"{part}_weight",
                shape=(self.features, columns),
                initializer=StreamGlorotUniform(seed, f"{name}.{part}"),
                regularizer=self.kernel_regularizer,
            )
            bias = None
            if use_bias:
                bias = self.add_weight(name=f"{part}_bias", shape=(columns,), initializer="zeros")
            setattr(self, f"{part}_weight", weight)
            setattr(self, f"{part}_bias", bias)
        self.step = self.add_weight(
            name="step", shape=(), initializer="zeros", dtype="int64", trainable=False
        )
        self.build((None, None, self.features))

    def check(self, inputs: Any) -> None:
        check_sequences(inputs, self.features)
        check_precision(inputs, self.in_weight)

    @verbatim()
    def call(self, inputs: Any, mask: Any | None = None, training: bool = False) -> Any:
        check_steps_mask(mask, inputs)
        count, steps, _ = ops.shape(inputs)
        seen = None if mask is None else ops.expand_dims(mask, 1)
        if self.causal:
            causal = _causal_mask(steps)
            seen = causal if seen is None else ops.logical_and(seen, causal)
        keep = None
        if training and self.rate > 0:
            stream = Stream(self.seed, self.name, self.step.value)
            keep = draw_mask(stream, (count, self.heads, steps, steps), self.rate)
        if training:
            self.step.assign_add(1)
        weights = self.in_weight, self.in_bias, self.out_weight, self.out_bias
        options: dict[str, Any] = {"mask": seen, "rate": self.rate, "keep": keep}
        return multi_head_attention(inputs, inputs, inputs, *weights, heads=self.heads, **options)

    def get_config(self) -> dict[str, Any]:
        own = {"features": self.features, "heads": self.heads, "rate": self.rate}
        own |= {"causal": self.causal, "use_bias": self.use_bias, "seed": self.seed}
        regularizer = keras.regularizers.serialize(self.kernel_regularizer)
        return super().get_config() | own | {"kernel_regularizer": regularizer}


@remembered
def _check_weights(q: Any, k: Any, mask: Any | None) -> None:
    check_floats(q=q, k=k)
    check_attention(q, k, mask)


@remembered
def _check(
    q: Any,
    k: Any,
    v: Any,
    mask: Any | None,
    rate: float,
    keep: Any | None,
) -> float:
    check_floats(q=q, k=k, v=v)
    shape = check_attention(q, k, mask)
    check_same_shape("v", v, k)
    if keep is not None:
        check_mask(keep, shape, "keep")
    return check_number("rate", rate, "[0, 1)")


@remembered
def _check_heads(
    query: Any,
    key: Any,
    value: Any,
    in_weight: Any,
    in_bias: Any | None,
    out_weight: Any,
    out_bias: Any | None,
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
