"""Attention."""

import numpy as np
from keras import layers, ops
from torch import nn
from torch.nn import functional as F

from triptych.differences.entry import Difference
from triptych.differences.probe import array, keras_tensor, normal, outcome, tensor
from triptych.translate import attention_mask_to_keras, attention_to_keras

X = normal(2, 5, 8)
FUTURE = np.triu(np.ones((5, 5), bool), 1)


def torch_attention(x=X, **options):
    """Self-attention of a fresh `nn.MultiheadAttention` of 2 heads, batch first."""
    module = nn.MultiheadAttention(8, 2, batch_first=True)
    x = tensor(x)
    return module(x, x, x, **options)


def keras_layer():
    """A layer with the weights of a fresh `nn.MultiheadAttention`."""
    layer, module = layers.MultiHeadAttention(2, 4), nn.MultiheadAttention(8, 2)
    layer.build(X.shape, X.shape)
    state = {name.replace(".", "_"): array(value) for name, value in module.state_dict().items()}
    layer.set_weights(attention_to_keras(heads=2, **state))
    return layer


def keras_attention(x=X, *, scored=False, **options):
    """The same in Keras, with that module's weights; the output, or the weights of the heads."""
    layer, x = keras_layer(), keras_tensor(x)
    # With its scores: the op that does without them computes in float32 on JAX.
    output, scores = layer(x, x, return_attention_scores=True, **options)
    return scores if scored else output


class AttentionMaskInverted(Difference):
    """A mask is True where PyTorch's attention module ignores, and where Keras's attends."""

    pytorch = "`attn_mask`: True is ignored"
    keras = "`attention_mask`: True is attended to"
    mapping = "`~mask`"
    links = (
        "rasbt/LLMs-from-scratch#1061",
        "tensorflow/tensorflow#45854",
        "mlwithme/TransformerTranslation#2",
        "pytorch/pytorch#27968",
    )
    asked = 4
    words = "mask of attention inverted boolean attn_mask attention_mask multihead transformer"

    def in_pytorch(mapped):
        return torch_attention(attn_mask=tensor(FUTURE), need_weights=False)[0]

    def in_keras(mapped):
        mask = attention_mask_to_keras(FUTURE) if mapped else FUTURE[None]
        return keras_attention(attention_mask=keras_tensor(mask))


class AttentionFunctionMask(Difference):
    """PyTorch's function has the other sense than its module: there True takes part.

    `scaled_dot_product_attention` and Keras's op agree in that.
    """

    pytorch = (
        "`scaled_dot_product_attention(attn_mask=)`: True takes part; the module: True does not"
    )
    keras = "`ops.dot_product_attention(mask=)`: True takes part"
    mapping = "the same mask for the two functions"
    backends = ("tensorflow", "torch")  # see attention-float32-on-jax
    words = "scaled_dot_product_attention boolean mask module opposite sdpa"

    def in_pytorch(mapped):
        q = tensor(normal(2, 1, 5, 4))
        mask = tensor(~FUTURE if mapped else FUTURE)
        return F.scaled_dot_product_attention(q, q, q, mask).transpose(1, 2)

    def in_keras(mapped):
        q = keras_tensor(normal(2, 1, 5, 4).transpose(0, 2, 1, 3))
        return ops.dot_product_attention(q, q, q, mask=keras_tensor(~FUTURE[None, None]))


class AttentionFullyMaskedRow(Difference):
    """A query that may attend to nothing: NaN in PyTorch, a mean over everything in Keras.

    PyTorch puts -inf in the place of each score, Keras a large negative number. Without weights to
    return (`need_weights=False`) newer versions of PyTorch give 0 in the place of NaN. Newer ones
    of Keras give 0 too where they have dropout, or return scores.
    """

    pytorch = "softmax of -inf alone: NaN, in the gradient too"
    keras = "finite"
    mapping = "let such a query attend to itself, and leave its output out"
    links = (
        "pytorch/pytorch#41508",
        "pytorch/pytorch#160064",
        "pytorch/pytorch#152028",
        "NVIDIA/apex#1390",
    )
    asked = 9
    words = "attention nan all masked padding row softmax -inf key_padding_mask"

    def in_pytorch(mapped):
        mask = ~np.eye(5, dtype=bool) if mapped else np.ones((5, 5), bool)
        return torch_attention(attn_mask=tensor(mask))[0]

    def in_keras(mapped):
        mask = ~np.eye(5, dtype=bool) if mapped else np.ones((5, 5), bool)
        return keras_attention(attention_mask=keras_tensor(attention_mask_to_keras(mask)))


class AttentionWeightsAveraged(Difference):
    """PyTorch returns the attention weights averaged over the heads, Keras those of each head."""

    pytorch = "`average_attn_weights=True`: (N, T, S)"
    keras = "`return_attention_scores=True`: (N, heads, T, S)"
    mapping = "`average_attn_weights=False`"
    links = (
        "pytorch/pytorch#34537",
        "pytorch/pytorch#47583",
        "mlverse/torch#542",
        "facebookresearch/fairseq#3365",
    )
    asked = 5
    words = "attention weights averaged heads return_attention_scores need_weights"

    def in_pytorch(mapped):
        return torch_attention(average_attn_weights=not mapped)[1]

    def in_keras(mapped):
        return keras_attention(scored=True)


class AttentionReturns(Difference):
    """PyTorch's attention returns a pair, the output and the weights; Keras's the output."""

    pytorch = "`output, weights = module(q, k, v)`"
    keras = "`layer(query, value)`"
    mapping = "`need_weights=False`, and take the first"
    words = "multihead attention returns tuple need_weights output"

    def in_pytorch(mapped):
        return torch_attention(need_weights=False)[0] if mapped else torch_attention()

    def in_keras(mapped):
        return keras_attention()


class AttentionBatchFirst(Difference):
    """Attention takes (time, batch, width) in PyTorch unless told, (batch, time, width) in Keras.

    Nothing fails: the examples of a batch attend to one another.
    """

    pytorch = "`MultiheadAttention(batch_first=False)`"
    keras = "batch first"
    mapping = "`batch_first=True`"
    links = (
        "IBM/TabFormer#14",
        "om-ai-lab/OmDet#19",
        "pytorch/pytorch#25100",
        "pytorch/pytorch#122959",
    )
    asked = 9
    words = "multihead attention batch_first transformer sequence axis"

    def in_pytorch(mapped):
        module, x = nn.MultiheadAttention(8, 2, batch_first=mapped), tensor(X)
        return module(x, x, x)[0]

    def in_keras(mapped):
        return keras_attention()


class AttentionHeadSize(Difference):
    """PyTorch divides its width among the heads; Keras's `key_dim` is the size of one head.

    The width given as key_dim makes every head that wide.
    """

    pytorch = "`MultiheadAttention(embed_dim=8, num_heads=2)`: heads of 4"
    keras = "`MultiHeadAttention(num_heads=2, key_dim=8)`: heads of 8"
    mapping = "key_dim = embed_dim / num_heads"
    words = "key_dim embed_dim num_heads head size multihead attention parameters"

    def in_pytorch(mapped):
        return sum(parameter.numel() for parameter in nn.MultiheadAttention(8, 2).parameters())

    def in_keras(mapped):
        layer = layers.MultiHeadAttention(2, 4 if mapped else 8)
        layer.build((None, 5, 8), (None, 5, 8))
        return layer.count_params()


class AttentionLayout(Difference):
    """PyTorch packs the three projections into one weight; Keras has a kernel for each."""

    pytorch = "`in_proj_weight` (3 e, e): query, key, value below one another"
    keras = "kernels (e, heads, e / heads), output (heads, e / heads, e)"
    mapping = "split, transpose, reshape: translate.attention_to_keras"
    words = "in_proj_weight convert multihead attention weights query key value kernel port"

    def in_pytorch(mapped):
        return torch_attention(need_weights=False)[0]

    def in_keras(mapped):
        if mapped:
            return keras_attention()
        layer, module = layers.MultiHeadAttention(2, 4), nn.MultiheadAttention(8, 2)
        layer.build(X.shape, X.shape)
        packed = np.split(array(module.in_proj_weight), 3)
        untransposed = [each.reshape(8, 2, 4) for each in packed]
        zeros = np.zeros((2, 4))
        out = array(module.out_proj.weight).reshape(2, 4, 8)
        query, key, value = untransposed
        layer.set_weights([query, zeros, key, zeros, value, zeros, out, np.zeros(8)])
        return layer(keras_tensor(X), keras_tensor(X))


class AttentionCausal(Difference):
    """Keras makes the causal mask itself; PyTorch's module wants it beside `is_causal=True`."""

    pytorch = "`is_causal=True` is a hint: without `attn_mask` a RuntimeError"
    keras = "`use_causal_mask=True`"
    mapping = "`attn_mask=Transformer.generate_square_subsequent_mask(T)`"
    words = "causal mask is_causal use_causal_mask need attn_mask if specifying the is_causal hint"

    def in_pytorch(mapped):
        mask = nn.Transformer.generate_square_subsequent_mask(5) if mapped else None
        options = {"is_causal": True, "need_weights": False}
        return outcome(
            lambda: array(torch_attention(attn_mask=mask, **options)[0]), "Need attn_mask"
        )

    def in_keras(mapped):
        return keras_attention(use_causal_mask=True)


class AttentionKeyPadding(Difference):
    """Padded keys: True marks them in PyTorch's key_padding_mask; Keras's mask marks the others.

    Keras takes it from the layer before, `Embedding(mask_zero=True)`, or as `key_mask`.
    """

    pytorch = "`key_padding_mask`: True is padding"
    keras = "`key_mask`, `value_mask`: True is no padding"
    mapping = "`~key_padding_mask`"
    words = "key_padding_mask padding tokens attention value_mask mask_zero"

    def in_pytorch(mapped):
        padding = np.arange(5) >= np.array([[5], [3]])
        return torch_attention(key_padding_mask=tensor(padding), need_weights=False)[0]

    def in_keras(mapped):
        padding = np.arange(5) >= np.array([[5], [3]])
        mask = attention_mask_to_keras(key_padding_mask=padding) if mapped else padding[:, None]
        return keras_attention(attention_mask=keras_tensor(mask))


class AttentionDroppedWeights(Difference):
    """In training, the weights that PyTorch returns have been through dropout; Keras's have not."""

    pytorch = "weights with zeros in them, and scaled"
    keras = "the softmax itself; the dropped ones stay inside"
    mapping = "look at them in inference"
    words = "attention weights dropout training sum to one returned scores"

    def in_pytorch(mapped):
        module, x = nn.MultiheadAttention(8, 2, dropout=0.5, batch_first=True), tensor(X)
        if mapped:
            module.eval()
        return module(x, x, x, average_attn_weights=False)[1].sum(-1)

    def in_keras(mapped):
        layer = layers.MultiHeadAttention(2, 4, dropout=0.5, seed=0)
        x = keras_tensor(X)
        scores = layer(x, x, return_attention_scores=True, training=not mapped)[1]
        return array(scores).sum(-1)

    bound = 1e-6
    because = "weights of their own on each side; each row sums to 1, in Keras to 1e-7"


class AttentionExtraKeys(Difference):
    """PyTorch can append a learned key, or one of zeros, to the sequence; Keras cannot."""

    pytorch = "`add_bias_kv=True`, `add_zero_attn=True`: one column more"
    keras = "no such argument"
    mapping = "leave both False, the default"
    words = "add_zero_attn add_bias_kv attend to nothing"

    def in_pytorch(mapped):
        module = nn.MultiheadAttention(8, 2, add_zero_attn=not mapped, batch_first=True)
        x = tensor(X)
        return module(x, x, x)[1].shape[-1]

    def in_keras(mapped):
        return keras_attention(scored=True).shape[-1]


class DotProductScale(Difference):
    """Keras's plain `Attention` layer does not divide by the root of the width.

    `MultiHeadAttention` and `ops.dot_product_attention` do, as PyTorch does.
    """

    pytorch = "`scaled_dot_product_attention`: q k / sqrt(d)"
    keras = "`Attention()`: q k; `use_scale=True` learns a factor, from 1"
    mapping = "divide the query by sqrt(d)"
    words = "attention layer use_scale luong dot product sqrt scaling"

    def in_pytorch(mapped):
        x = tensor(X)
        return F.scaled_dot_product_attention(x, x, x)

    def in_keras(mapped):
        x = keras_tensor(X)
        return layers.Attention()([x / 8**0.5 if mapped else x, x])


class DotProductAxes(Difference):
    """Heads come before time in PyTorch's attention function, after it in Keras's op."""

    pytorch = "(N, heads, T, d)"
    keras = "(N, T, heads, d)"
    mapping = "`transpose(1, 2)`"
    backends = ("tensorflow", "torch")  # see attention-float32-on-jax
    words = "scaled_dot_product_attention dot_product_attention axes heads layout"

    def in_pytorch(mapped):
        q = tensor(normal(2, 3, 3, 4))
        y = F.scaled_dot_product_attention(*[q.transpose(1, 2) if mapped else q] * 3)
        return y.transpose(1, 2) if mapped else y

    def in_keras(mapped):
        return ops.dot_product_attention(*[keras_tensor(normal(2, 3, 3, 4))] * 3)


class AttentionArgumentOrder(Difference):
    """Keras's order is query, value, key; PyTorch's query, key, value."""

    pytorch = "`module(query, key, value)`"
    keras = "`layer(query, value, key=None)`: key is value by default"
    mapping = "by keyword"
    words = "argument order query key value swapped attention"

    def in_pytorch(mapped):
        module = nn.MultiheadAttention(8, 2, batch_first=True)
        x, y = tensor(X), tensor(normal(2, 5, 8, seed=1))
        return module(x, x, y, need_weights=False)[0]

    def in_keras(mapped):
        x, y = keras_tensor(X), keras_tensor(normal(2, 5, 8, seed=1))
        swapped = {"value": y, "key": x} if mapped else {"value": x, "key": y}
        return keras_layer()(x, **swapped, return_attention_scores=True)[0]


class AttentionFloat32OnJax(Difference):
    """Keras's attention on JAX takes the softmax in float32, also for float64."""

    pytorch = "float64 throughout"
    keras = "on JAX `ops.dot_product_attention`, and with it the layer, rounds the scores"
    mapping = (
        "written out: softmax(q k / sqrt(d)) v; or the layer with return_attention_scores=True"
    )
    differs = 1e-10
    backends = ("jax",)
    words = "attention jax float32 float64 precision softmax rounded"

    def in_pytorch(mapped):
        q = tensor(normal(2, 1, 5, 4))
        return F.scaled_dot_product_attention(q, q, q)[:, 0]

    def in_keras(mapped):
        q = keras_tensor(normal(2, 1, 5, 4)[:, 0])
        if mapped:
            return ops.softmax(q @ ops.transpose(q, (0, 2, 1)) / 2) @ q
        q = q[:, :, None]
        return ops.dot_product_attention(q, q, q)[:, :, 0]
