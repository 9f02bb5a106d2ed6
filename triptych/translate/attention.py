"""Multi-head attention and embeddings.

    PyTorch    in_proj_weight (3 e, e), in_proj_bias (3 e,), out_proj.weight (e, e), out_proj.bias
    Keras      for query, key and value a kernel (e, heads, e / heads), a bias (heads, e / heads);
               attention_output: kernel (heads, e / heads, e), bias (e,)

PyTorch's ``MultiheadAttention`` ignores where a mask is True, Keras's attends there.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from triptych.common.checks import check_size
from triptych.translate.refusal import NoCounterpart

__all__ = [
    "attention_mask_to_keras",
    "attention_mask_to_torch",
    "attention_to_keras",
    "attention_to_torch",
    "embedding_to_keras",
    "embedding_to_torch",
]

Array = np.ndarray


def attention_to_keras(
    in_proj_weight: Array,
    out_proj_weight: Array,
    heads: int,
    *,
    in_proj_bias: Array | None = None,
    out_proj_bias: Array | None = None,
    bias_k: Array | None = None,
    bias_v: Array | None = None,
    add_zero_attn: bool = False,
) -> list[Array]:
    """``MultiHeadAttention.set_weights`` for the arrays of ``nn.MultiheadAttention``.

    Keras's layer is to have ``num_heads=heads``, ``key_dim=e // heads``, and ``use_bias=False``
    where there are none.
    """
    if bias_k is not None or bias_v is not None or add_zero_attn:
        text = "Keras's attention adds neither a bias nor a zero to the keys"
        raise NoCounterpart("attention-extra-keys", text)
    packed, out = np.asarray(in_proj_weight), np.asarray(out_proj_weight)
    width = out.shape[0] if out.ndim else 0
    if out.shape != (width, width) or packed.shape != (3 * width, width):
        raise ValueError(
            "in_proj_weight and out_proj_weight must have shapes (3 * e, e) and (e, e), got "
            f"{packed.shape} and {out.shape}"
        )
    if width % check_size("heads", heads):
        raise ValueError(f"heads must divide the width {width}, got {heads}")
    if (in_proj_bias is None) != (out_proj_bias is None):
        raise ValueError("give both biases or none")
    size = width // heads
    arrays = [each.T.reshape(width, heads, size).copy() for each in np.split(packed, 3)]
    arrays.append(out.T.reshape(heads, size, width).copy())
    if in_proj_bias is None or out_proj_bias is None:
        return arrays
    packed_bias, out_bias = np.asarray(in_proj_bias), np.asarray(out_proj_bias)
    if packed_bias.shape != (3 * width,) or out_bias.shape != (width,):
        raise ValueError(
            "in_proj_bias and out_proj_bias must have shapes (3 * e,) and (e,), got "
            f"{packed_bias.shape} and {out_bias.shape}"
        )
    biases = [each.reshape(heads, size) for each in np.split(packed_bias, 3)]
    biases.append(out_bias)
    return [array for pair in zip(arrays, biases, strict=True) for array in pair]


def attention_to_torch(weights: Sequence[Array]) -> dict[str, Array]:
    """The state dict of ``nn.MultiheadAttention`` for ``MultiHeadAttention.get_weights()``.

    Refused is a ``key_dim`` other than width / heads, and a ``value_dim`` or an output of its own:
    PyTorch divides the width among the heads.
    """
    arrays = [np.asarray(array) for array in weights]
    if len(arrays) not in (4, 8):
        raise ValueError(f"weights must be 4 arrays, or 8 with biases, got {len(arrays)}")
    kernels = arrays[:: len(arrays) // 4]
    query, output = kernels[0], kernels[3]
    if query.ndim != 3 or output.ndim != 3:
        raise ValueError(f"kernels must have 3 axes, got {query.shape} and {output.shape}")
    width, heads, size = query.shape
    fits = all(kernel.shape == query.shape for kernel in kernels[:3])
    if not fits or heads * size != width or output.shape != (heads, size, width):
        text = f"{heads} heads of {size} of a width of {width} are no equal parts of it"
        raise NoCounterpart("attention-head-size", text)
    state = {
        "in_proj_weight": np.concatenate([each.reshape(width, width).T for each in kernels[:3]]),
        "out_proj.weight": output.reshape(width, width).T.copy(),
    }
    if len(arrays) == 8:
        biases = arrays[1::2]
        if any(bias.shape != (heads, size) for bias in biases[:3]) or biases[3].shape != (width,):
            raise ValueError(
                f"biases must have shapes ({heads}, {size}) and ({width},), got "
                f"{[bias.shape for bias in biases]}"
            )
        state["in_proj_bias"] = np.concatenate([each.ravel() for each in biases[:3]])
        state["out_proj.bias"] = biases[3].copy()
    return state


def attention_mask_to_keras(
    attn_mask: Array | None = None, key_padding_mask: Array | None = None
) -> Array:
    """``attention_mask`` for ``attn_mask``, (t, s), and ``key_padding_mask``, (n, s).

    All are boolean. The result is (1, t, s), (n, 1, s) or (n, t, s), True where it attends.
    """
    masks = []
    if attn_mask is not None:
        masks.append(~_two_axes("attn_mask", attn_mask, "(t, s)")[None])
    if key_padding_mask is not None:
        masks.append(~_two_axes("key_padding_mask", key_padding_mask, "(n, s)")[:, None])
    if not masks:
        raise ValueError("give attn_mask, key_padding_mask or both")
    if len({mask.shape[-1] for mask in masks}) > 1:
        raise ValueError(f"the masks must have one length s, got {[m.shape[-1] for m in masks]}")
    return masks[0] if len(masks) == 1 else masks[0] & masks[1]


def _two_axes(name: str, mask: Array, shape: str) -> Array:
    mask = _boolean(name, mask)
    if mask.ndim != 2:
        raise ValueError(f"{name} must have shape {shape}, got {mask.shape}")
    return mask


def attention_mask_to_torch(attention_mask: Array, heads: int) -> Array:
    """``attn_mask`` of shape (n * heads, t, s) for ``attention_mask`` of shape (n, t, s)."""
    mask = np.asarray(attention_mask)
    if mask.ndim != 3:
        raise ValueError(f"attention_mask must have shape (n, t, s), got {mask.shape}")
    return np.repeat(~_boolean("attention_mask", mask), check_size("heads", heads), axis=0)


def _boolean(name: str, mask: Array) -> Array:
    mask = np.asarray(mask)
    if mask.dtype != np.bool_:
        raise ValueError(f"{name} must be boolean, got {mask.dtype}")
    return mask


def embedding_to_keras(
    weight: Array, *, padding_idx: int | None = None, max_norm: float | None = None
) -> tuple[dict[str, Any], list[Array]]:
    """Arguments and weights of Keras's ``Embedding`` for PyTorch's; the table is laid out alike."""
    if padding_idx is not None:
        text = "Keras trains every row, mask_zero tells later layers what to skip"
        raise NoCounterpart("embedding-padding-index", text)
    if max_norm is not None:
        raise NoCounterpart("embedding-max-norm", "Keras's lookup does not shorten the rows")
    table = _table(weight)
    return dict(zip(("input_dim", "output_dim"), table.shape, strict=True)), [table]


def embedding_to_torch(
    embeddings: Array, *, mask_zero: bool = False
) -> tuple[dict[str, Any], dict[str, Array]]:
    """Arguments and state dict of PyTorch's ``Embedding`` for Keras's."""
    if mask_zero:
        text = "PyTorch hands no mask on from layer to layer"
        raise NoCounterpart("embedding-padding-index", text)
    table = _table(embeddings)
    names = ("num_embeddings", "embedding_dim")
    return dict(zip(names, table.shape, strict=True)), {"weight": table}


def _table(weight: Array) -> Array:
    weight = np.array(weight)
    if weight.ndim != 2:
        raise ValueError(f"an embedding's weight must have two axes, got shape {weight.shape}")
    return weight
