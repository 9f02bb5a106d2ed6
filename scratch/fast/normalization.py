"""Layer norm in place, with the squares added up in one pass over memory."""

import numpy as np

__all__ = ["layer_norm_kept", "layer_norm_kept_backward"]


def layer_norm_kept(
    x: np.ndarray, gamma: np.ndarray | None, beta: np.ndarray | None, *, epsilon: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    x_hat = x - x.mean(-1, keepdims=True)
    deviation = np.sqrt(_mean_of_product(x_hat, x_hat) + epsilon)
    x_hat /= deviation
    y = x_hat.copy() if gamma is None else gamma * x_hat
    if beta is not None:
        y += beta
    return y, x_hat, deviation


def layer_norm_kept_backward(
    grad: np.ndarray, gamma: np.ndarray | None, x_hat: np.ndarray, deviation: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rows = grad.reshape(-1, grad.shape[-1])
    dbeta, dgamma = rows.sum(0), np.einsum("if,if->f", rows, x_hat.reshape(rows.shape))
    dx_hat = grad if gamma is None else gamma * grad
    slope = _mean_of_product(dx_hat, x_hat)
    dx = dx_hat - dx_hat.mean(-1, keepdims=True)
    dx -= x_hat * slope
    dx /= deviation
    return dx, dgamma, dbeta


def _mean_of_product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.einsum("...f,...f->...", a, b)[..., np.newaxis] / a.shape[-1]
