r"""Batch normalization: every feature gets mean beta and standard deviation gamma over the batch.

    mean     = 1/n sum_i x_i                  variance = 1/n sum_i (x_i - mean)^2
    x_hat    = (x - mean) / sqrt(variance + epsilon)
    y        = gamma x_hat + beta                            training: statistics of this batch
    running  = momentum running + (1 - momentum) batch       for the mean and for the variance
    y        = the same with the running statistics          inference

    dbeta = sum_i dy_i,    dgamma = sum_i dy_i x_hat_i
    training      dx = gamma / sqrt(variance + epsilon) (dy - dbeta / n - x_hat dgamma / n)
    inference     dx = gamma / sqrt(variance + epsilon) dy

In training x moves the mean and the variance too: hence the two terms that take out of dy what is
constant and what runs along x_hat.

``x`` has shape (..., C) with C features in the last axis; n is the number of values of a feature,
over all other axes: N for (N, C), N H W for images (N, H, W, C). ``gamma``, ``beta`` and the
statistics have shape (C,); gamma and beta may be None (1 and 0). ``momentum`` lies in [0, 1],
``epsilon`` in (0, inf); training needs n >= 2. A ``ValueError`` says which argument does not fit.

Paper: Ioffe and Szegedy, "Batch normalization: accelerating deep network training by reducing
internal covariate shift", ICML 2015.

Framework differences: PyTorch's ``momentum`` is the weight of the *new* batch (0.1), its epsilon is
1e-5, its channels come second, and its running variance is divided by n - 1, though the variance it
normalizes with is divided by n. Keras: 0.99 as the weight of the *old* statistics, 1e-3, channels
last, divided by n. We count as Keras does, with 0.9 and 1e-5; ``unbiased_running_variance=True``
gives PyTorch's.
"""

import math

import numpy as np

from scratch.layers import Layer, dtype_name
from triptych.common.checks import (
    check_batch,
    check_dtype,
    check_features,
    check_floating,
    check_integer,
    check_number,
    check_rows,
    check_same_shape,
)

__all__ = [
    "batch_norm_train",
    "batch_norm_inference",
    "batch_norm_backward",
    "update_running",
    "BatchNorm",
]

BLOCK = 131072  # values: half a megabyte of float32
NARROW, WIDE = 256, 1024  # rows of fewer values than NARROW are joined to rows of up to WIDE


def batch_norm_train(
    x: np.ndarray, gamma: np.ndarray | None, beta: np.ndarray | None, *, epsilon: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """y, and the mean and variance of the batch."""
    _check(x, epsilon, gamma=gamma, beta=beta)
    check_rows(x.shape)
    rows, n = _rows(x), x.size // x.shape[-1]
    mean = _add_up(_sum(rows), x) / n
    y, centre = np.empty_like(rows), _repeat(mean, rows)
    squares = np.zeros_like(centre)
    for block in _blocks(rows):
        centred = np.subtract(rows[block], centre, out=y[block])
        squares += np.einsum("nc,nc->c", centred, centred)  # (centred**2).sum(axis=0)
    variance = _add_up(squares, x) / n
    scale = _repeat(_scale(gamma, variance, epsilon), rows)
    shift = None if beta is None else _repeat(beta, rows)
    for block in _blocks(rows):
        y[block] *= scale
        if shift is not None:
            y[block] += shift
    return y.reshape(x.shape), mean, variance


def batch_norm_inference(
    x: np.ndarray,
    gamma: np.ndarray | None,
    beta: np.ndarray | None,
    mean: np.ndarray,
    variance: np.ndarray,
    *,
    epsilon: float,
) -> np.ndarray:
    """y, for statistics that are given."""
    _check(x, epsilon, gamma=gamma, beta=beta, mean=mean, variance=variance)
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
    """dL/dx, dL/dgamma and dL/dbeta from dL/dy, for the statistics that normalized x."""
    _check(x, epsilon, gamma=gamma, mean=mean, variance=variance)
    check_same_shape("grad", grad.shape, x.shape)
    rows, dy, n = _rows(x), _rows(grad), x.size // x.shape[-1]
    dx, centre = np.empty_like(dy), _repeat(mean, rows)
    total, products = np.zeros_like(centre), np.zeros_like(centre)
    for block in _blocks(rows):
        centred = np.subtract(rows[block], centre, out=dx[block])
        products += np.einsum("nc,nc->c", dy[block], centred)
        total += _sum(dy[block])
    inverse, scale = _scale(None, variance, epsilon), _scale(gamma, variance, epsilon)
    dgamma, dbeta = _add_up(products, x) * inverse, _add_up(total, x)
    if not training:
        return grad * scale, dgamma, dbeta
    # dx = scale * (dy - dbeta / n - x_hat * dgamma / n), where x_hat = centred * inverse
    slope, constant, scale = (_repeat(v, rows) for v in (inverse * dgamma / -n, dbeta / n, scale))
    for block in _blocks(rows):
        result = dx[block]
        result *= slope
        result += dy[block]
        result -= constant
        result *= scale
    return dx.reshape(x.shape), dgamma, dbeta


def update_running(running: np.ndarray, batch: np.ndarray, *, momentum: float) -> np.ndarray:
    """The running mean (or variance) after a batch that has the mean (or variance) ``batch``."""
    momentum = check_number("momentum", momentum, "[0, 1]")
    check_same_shape("batch", batch.shape, running.shape)
    return momentum * running + (1 - momentum) * batch


class BatchNorm(Layer):
    def __init__(
        self,
        features: int,
        *,
        momentum: float = 0.9,
        epsilon: float = 1e-5,
        affine: bool = True,
        unbiased_running_variance: bool = False,
        name: str = "batch_norm",
        dtype: str = "float32",
    ) -> None:
        super().__init__(name)
        self.features = check_integer("features", features, minimum=1)
        self.momentum = check_number("momentum", momentum, "[0, 1]")
        self.epsilon = check_number("epsilon", epsilon, "(0, inf)")
        self.unbiased_running_variance = unbiased_running_variance
        dtype = check_dtype(dtype)
        if affine:
            self.params["gamma"] = np.ones(features, dtype)
            self.params["beta"] = np.zeros(features, dtype)
        self.state["running_mean"] = np.zeros(features, dtype)
        self.state["running_variance"] = np.ones(features, dtype)

    def forward(self, x: np.ndarray, *, training: bool = False) -> np.ndarray:
        check_features(x.shape, self.features)
        gamma, beta = self.params.get("gamma"), self.params.get("beta")
        if training:
            y, mean, variance = batch_norm_train(x, gamma, beta, epsilon=self.epsilon)
            self._update(mean, variance, n=x.size // self.features)
        else:
            mean, variance = self.state["running_mean"], self.state["running_variance"]
            y = batch_norm_inference(x, gamma, beta, mean, variance, epsilon=self.epsilon)
        self._x, self._mean, self._variance, self._training = x, mean, variance, training
        return y

    def _update(self, mean: np.ndarray, variance: np.ndarray, n: int) -> None:
        if self.unbiased_running_variance:
            variance = variance * (n / (n - 1))
        for key, batch in (("running_mean", mean), ("running_variance", variance)):
            self.state[key] = update_running(self.state[key], batch, momentum=self.momentum)

    def backward(self, grad: np.ndarray) -> np.ndarray:
        dx, dgamma, dbeta = batch_norm_backward(
            grad,
            self._x,
            self.params.get("gamma"),
            self._mean,
            self._variance,
            epsilon=self.epsilon,
            training=self._training,
        )
        if self.params:
            self.grads["gamma"], self.grads["beta"] = dgamma, dbeta
        return dx


def _check(x: np.ndarray, epsilon: float, **per_feature: np.ndarray | None) -> None:
    check_number("epsilon", epsilon, "(0, inf)")
    check_floating("x", dtype_name(x))
    check_batch(x.shape)
    for name, array in per_feature.items():
        if array is not None:
            check_same_shape(name, array.shape, x.shape[-1:])


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
