"""The gradient of an embedding: rows are sorted by word and added up word by word."""

import numpy as np

__all__ = ["embedding_backward"]


def embedding_backward(
    grad: np.ndarray,
    x: np.ndarray,
    w: np.ndarray,
    *,
    rate: float = 0.0,
    keep: np.ndarray | None = None,
    padding_index: int | None = None,
) -> np.ndarray:
    flat = x.reshape(-1)
    order = np.argsort(flat, kind="stable")
    words, starts = np.unique(flat[order], return_index=True)
    dw = np.zeros_like(w)
    dw[words] = np.add.reduceat(grad.reshape(-1, w.shape[1])[order], starts, axis=0)
    if keep is not None:
        dw *= (keep * (1 / (1 - rate))).astype(w.dtype)[:, np.newaxis]
    if padding_index is not None:
        dw[padding_index] = 0
    return dw
