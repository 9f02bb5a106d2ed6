"""Batch normalization in few passes over memory, a few rows at a time.

A block of rows stays in the processor's cache between the passes over it, and is centred where the
result will be. Rows of few values are joined, because NumPy is slow in short inner loops.
"""

import math

import numpy as np

__all__ = ["batch_norm_train", "batch_norm_inference", "batch_norm_backward"]

BLOCK = 131072  # values: half a megabyte of float32
NARROW, WIDE = 256, 1024  # rows of fewer values than NARROW are joined to rows of up to WIDE


def batch_norm_train(
    x: np.ndarray, gamma: np.ndarray | None, beta: np.ndarray | None, *, epsilon: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rows, n = _rows(x), x.size // x.shape[-1]
    mean = _add_up(_sum(rows), x) / n
    y, centre = np.empty_like(rows), _repeat(mean, rows)
    squares, rests = np.zeros_like(centre), np.zeros_like(centre)
    for block in _blocks(rows):
        centred = np.subtract(rows[block], centre, out=y[block])
        squares += np.einsum("nc,nc->c", centred, centred)  # (centred**2).sum(axis=0)
        rests += _sum(centred)
    rest = _add_up(rests, x) / n  # of the mean, whose sum was rounded
    variance = np.maximum(_add_up(squares, x) / n - rest**2, 0)
    scale = _scale(gamma, variance, epsilon)
    shift = (0 if beta is None else beta) - rest * scale
    scale, shift = _repeat(scale, rows), _repeat(shift, rows)
    for block in _blocks(rows):
        y[block] *= scale
        y[block] += shift
    return y.reshape(x.shape), mean + rest, variance


def batch_norm_inference(
    x: np.ndarray,
    gamma: np.ndarray | None,
    beta: np.ndarray | None,
    mean: np.ndarray,
    variance: np.ndarray,
    *,
    epsilon: float,
) -> np.ndarray:
    y = x - mean
    y *= _scale(gamma, variance, epsilon)
    if beta is not None:
        y += beta
    return y


def batch_norm_backward(
    grad: np.ndarray,
    x: np.ndarray,
    gamma: np.ndarray | None,
    mean: np.ndarray,
    variance: np.ndarray,
    *,
    epsilon: float,
    training: bool = True,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rows, dy, n = _rows(x), _rows(grad), x.size // x.shape[-1]
    dx, centre = np.empty_like(dy), _repeat(mean, rows)
    total, products, rests = np.zeros_like(centre), np.zeros_like(centre), np.zeros_like(centre)
    for block in _blocks(rows):
        centred = np.subtract(rows[block], centre, out=dx[block])
        products += np.einsum("nc,nc->c", dy[block], centred)
        total += _sum(dy[block])
        if training:
            rests += _sum(centred)
    inverse, scale = _scale(None, variance, epsilon), _scale(gamma, variance, epsilon)
    rest, dbeta = _add_up(rests, x) / n, _add_up(total, x)  # of the mean, which is rounded
    dgamma = (_add_up(products, x) - rest * dbeta) * inverse
    if not training:
        return grad * scale, dgamma, dbeta
    # dx = scale * (dy - dbeta / n - x_hat * dgamma / n), where x_hat = (centred - rest) * inverse
    slope = inverse * dgamma / -n
    constant = dbeta / n + slope * rest
    slope, constant, scale = (_repeat(values, rows) for values in (slope, constant, scale))
    for block in _blocks(rows):
        result = dx[block]
        result *= slope
        result += dy[block]
        result -= constant
        result *= scale
    return dx.reshape(x.shape), dgamma, dbeta


def _rows(x: np.ndarray) -> np.ndarray:
    """x as rows of one or several pixels: NumPy is slow where a row has a few values only."""
    features = x.shape[-1]
    pixels = math.gcd(x.size // features, WIDE // features) if features < NARROW else 1
    return x.reshape(-1, features * pixels)


def _repeat(values: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """A value for each feature, as often as a row has pixels."""
    pixels = rows.shape[1] // len(values)
    return values if pixels == 1 else np.tile(values, pixels)


def _add_up(columns: np.ndarray, x: np.ndarray) -> np.ndarray:
    """A sum for each column of the rows to a sum for each feature."""
    features = x.shape[-1]
    return columns if len(columns) == features else columns.reshape(-1, features).sum(axis=0)


def _blocks(rows: np.ndarray) -> list[slice]:
    """A few rows at a time: they stay in the processor's cache between the passes over them."""
    count = max(1, BLOCK // rows.shape[1])
    return [slice(start, start + count) for start in range(0, len(rows), count)]


def _sum(rows: np.ndarray) -> np.ndarray:
    """rows.sum(axis=0): BLAS is several times faster, and nearer to the exact sum in float32."""
    return np.ones(len(rows), rows.dtype) @ rows


def _scale(gamma: np.ndarray | None, variance: np.ndarray, epsilon: float) -> np.ndarray:
    deviation = np.sqrt(variance + epsilon)
    return 1 / deviation if gamma is None else gamma / deviation
