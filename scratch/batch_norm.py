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

Framework differences: we count as Keras does, with a momentum of 0.9 and an epsilon of 1e-5. See
``triptych differences``: batch-norm-momentum, batch-norm-epsilon, batch-norm-running-variance,
batch-norm-axis, batch-norm-one-value, batch-norm-freeze.

Here: the layer calls the functions of ``scratch.fast.batch_norm``, which give the same.
``unbiased_running_variance=True`` divides the running variance by n - 1, as PyTorch does.
"""

import numpy as np

from scratch.fast import batch_norm as fast
from scratch.half import half_in_float32
from scratch.layers import Layer
from triptych.common.checks import (
    check_array,
    check_batch,
    check_dtype,
    check_features,
    check_flag,
    check_floats,
    check_number,
    check_precision,
    check_rows,
    check_same_shape,
    check_size,
    given,
    remembered,
)
from triptych.common.names import layer_name

__all__ = [
    "batch_norm_train",
    "batch_norm_inference",
    "batch_norm_backward",
    "update_running",
    "BatchNorm",
]


@half_in_float32
def batch_norm_train(
    x: np.ndarray, gamma: np.ndarray | None, beta: np.ndarray | None, *, epsilon: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """y, and the mean and variance of the batch."""
    epsilon = _check(x, epsilon, training=True, gamma=gamma, beta=beta)
    mean, centred = _centred(x, x.mean(_axes(x)))
    variance = (centred**2).mean(_axes(x))
    x_hat = centred / np.sqrt(variance + epsilon)
    return _scale_and_shift(x_hat, gamma, beta), mean, variance


@half_in_float32
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
    epsilon = _check_inference(x, epsilon, mean=mean, variance=variance, gamma=gamma, beta=beta)
    x_hat = (x - mean) / np.sqrt(variance + epsilon)
    return _scale_and_shift(x_hat, gamma, beta)


@half_in_float32
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
    epsilon = _check_backward(grad, x, epsilon, training, mean=mean, variance=variance, gamma=gamma)
    n, axes = x.size // x.shape[-1], _axes(x)
    deviation = np.sqrt(variance + epsilon)
    x_hat = (_centred(x, mean)[1] if training else x - mean) / deviation
    dbeta, dgamma = grad.sum(axes), (grad * x_hat).sum(axes)
    scale = (1 if gamma is None else gamma) / deviation
    dx = scale * (grad - dbeta / n - x_hat * dgamma / n) if training else scale * grad
    return dx, dgamma, dbeta


def update_running(running: np.ndarray, batch: np.ndarray, *, momentum: float) -> np.ndarray:
    """The running mean (or variance) after a batch that has the mean (or variance) ``batch``."""
    momentum = _check_running(running, batch, momentum)
    return momentum * running + (1 - momentum) * batch


def _centred(x: np.ndarray, mean: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean, and x - mean. The sum of numbers far from 0 is rounded, and so is their mean: the
    mean of x - mean is not 0 then, and is taken out too.
    """
    centred = x - mean
    rest = centred.mean(_axes(x))
    return mean + rest, centred - rest


def _axes(x: np.ndarray) -> tuple[int, ...]:
    """Every axis but that of the features."""
    return tuple(range(x.ndim - 1))


def _scale_and_shift(
    x_hat: np.ndarray, gamma: np.ndarray | None, beta: np.ndarray | None
) -> np.ndarray:
    y = x_hat if gamma is None else gamma * x_hat
    return y if beta is None else y + beta


class BatchNorm(Layer):
    def __init__(
        self,
        features: int,
        *,
        momentum: float = 0.9,
        epsilon: float = 1e-5,
        affine: bool = True,
        unbiased_running_variance: bool = False,
        name: str | None = None,
        dtype: str = "float32",
    ) -> None:
        super().__init__(layer_name("scratch", "batch_norm", name))
        self.features = check_size("features", features)
        self.momentum = check_number("momentum", momentum, "[0, 1]")
        self.epsilon = check_number("epsilon", epsilon, "(0, inf)")
        self.unbiased_running_variance = check_flag(
            "unbiased_running_variance", unbiased_running_variance
        )
        dtype = check_dtype(dtype)
        if check_flag("affine", affine):
            self.params["gamma"] = np.ones(features, dtype)
            self.params["beta"] = np.zeros(features, dtype)
        self.state["running_mean"] = np.zeros(features, dtype)
        self.state["running_variance"] = np.ones(features, dtype)

    def forward(self, x: np.ndarray, *, training: bool = False) -> np.ndarray:
        _check_input(x, self.features, self.state["running_mean"], training)
        gamma, beta = self.params.get("gamma"), self.params.get("beta")
        if training:
            y, mean, variance = fast.batch_norm_train(x, gamma, beta, epsilon=self.epsilon)
            self._update(mean, variance, n=x.size // self.features)
        else:
            mean, variance = self.state["running_mean"], self.state["running_variance"]
            y = fast.batch_norm_inference(x, gamma, beta, mean, variance, epsilon=self.epsilon)
        self._x, self._mean, self._variance, self._training = x, mean, variance, training
        return y

    def _update(self, mean: np.ndarray, variance: np.ndarray, n: int) -> None:
        if self.unbiased_running_variance:
            variance = variance * (n / (n - 1))
        for key, batch in (("running_mean", mean), ("running_variance", variance)):
            self.state[key] = update_running(self.state[key], batch, momentum=self.momentum)

    def backward(self, grad: np.ndarray) -> np.ndarray:
        _check_backward(
            grad,
            self._x,
            self.epsilon,
            self._training,
            mean=self._mean,
            variance=self._variance,
            gamma=self.params.get("gamma"),
        )
        dx, dgamma, dbeta = fast.batch_norm_backward(
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


@remembered
def _check(
    x: np.ndarray, epsilon: float, *, training: bool = False, **per_feature: np.ndarray | None
) -> float:
    epsilon = check_number("epsilon", epsilon, "(0, inf)")
    check_batch(x)
    arrays = given(**per_feature)
    check_floats(x=x, **arrays)
    for name, array in arrays.items():
        check_same_shape(name, array, x.shape[-1:])
    if training:
        check_rows(x)
    return epsilon


@remembered
def _check_inference(
    x: np.ndarray,
    epsilon: float,
    *,
    mean: np.ndarray,
    variance: np.ndarray,
    **affine: np.ndarray | None,
) -> float:
    check_array("mean", mean)
    check_array("variance", variance)
    return _check(x, epsilon, mean=mean, variance=variance, **affine)


@remembered
def _check_backward(
    grad: np.ndarray,
    x: np.ndarray,
    epsilon: float,
    training: bool,
    *,
    mean: np.ndarray,
    variance: np.ndarray,
    gamma: np.ndarray | None,
) -> float:
    epsilon = _check_inference(x, epsilon, mean=mean, variance=variance, gamma=gamma)
    check_floats(x=x, grad=grad)
    check_same_shape("grad", grad, x)
    check_flag("training", training)
    return epsilon


@remembered
def _check_running(running: np.ndarray, batch: np.ndarray, momentum: float) -> float:
    check_floats(running=running, batch=batch)
    check_same_shape("batch", batch, running)
    return check_number("momentum", momentum, "[0, 1]")


@remembered
def _check_input(x: np.ndarray, features: int, mean: np.ndarray, training: bool) -> None:
    check_features(x, features)
    check_precision(x, mean)
    if check_flag("training", training):
        check_rows(x)
