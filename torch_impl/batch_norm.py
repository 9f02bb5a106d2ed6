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

Here: it is PyTorch's ``F.batch_norm`` and its gradient. Only the running statistics are our own,
because PyTorch divides their variance by n - 1.
"""

import torch
from torch import nn
from torch.nn import functional as F

from torch_impl.layers import autocast, check_precision
from triptych.common.checks import (
    check_array,
    check_batch,
    check_dtype,
    check_features,
    check_flag,
    check_floating,
    check_floats,
    check_number,
    check_rows,
    check_same_shape,
    check_size,
    given,
    remembered,
)
from triptych.common.names import layer_name

__all__ = ["batch_norm_train", "batch_norm_inference", "update_running", "BatchNorm"]


def batch_norm_train(
    x: torch.Tensor, gamma: torch.Tensor | None, beta: torch.Tensor | None, *, epsilon: float
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """y, and the mean and variance of the batch (as constants: no gradient flows through them)."""
    epsilon = _check(x, epsilon, training=True, gamma=gamma, beta=beta)
    rows = x.reshape(-1, x.shape[-1])
    # With a momentum of 1, PyTorch's running statistics are the batch's own; its n - 1 becomes n.
    mean, variance = x.new_zeros(2, x.shape[-1])
    y = F.batch_norm(rows, mean, variance, gamma, beta, training=True, momentum=1.0, eps=epsilon)
    return y.reshape(x.shape), mean, variance * ((rows.shape[0] - 1) / rows.shape[0])


def batch_norm_inference(
    x: torch.Tensor,
    gamma: torch.Tensor | None,
    beta: torch.Tensor | None,
    mean: torch.Tensor,
    variance: torch.Tensor,
    *,
    epsilon: float,
) -> torch.Tensor:
    """y, for statistics that are given."""
    epsilon = _check_inference(x, epsilon, mean=mean, variance=variance, gamma=gamma, beta=beta)
    rows = x.reshape(-1, x.shape[-1])
    return F.batch_norm(rows, mean, variance, gamma, beta, eps=epsilon).reshape(x.shape)


def update_running(running: torch.Tensor, batch: torch.Tensor, *, momentum: float) -> torch.Tensor:
    """The running mean (or variance) after a batch that has the mean (or variance) ``batch``."""
    momentum = _check_running(running, batch, momentum)
    return momentum * running + (1 - momentum) * batch


class BatchNorm(nn.Module):
    running_mean: torch.Tensor
    running_variance: torch.Tensor

    def __init__(
        self,
        features: int,
        *,
        momentum: float = 0.9,
        epsilon: float = 1e-5,
        affine: bool = True,
        name: str | None = None,
        dtype: str = "float32",
    ) -> None:
        super().__init__()
        self.name = layer_name("torch", "batch_norm", name)
        self.features = check_size("features", features)
        self.momentum = check_number("momentum", momentum, "[0, 1]")
        self.epsilon = check_number("epsilon", epsilon, "(0, inf)")
        zeros = torch.zeros(features, dtype=getattr(torch, check_dtype(dtype)))
        check_flag("affine", affine)
        self.gamma = nn.Parameter(torch.ones_like(zeros)) if affine else None
        self.beta = nn.Parameter(torch.zeros_like(zeros)) if affine else None
        self.register_buffer("running_mean", zeros)
        self.register_buffer("running_variance", torch.ones_like(zeros))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        _check_input(x, self.features, self.training)
        check_precision(x, self.running_mean)
        if autocast(x):
            x = x.to(self.running_mean.dtype)
        running_mean, running_variance = self.running_mean, self.running_variance
        if not self.training:
            return batch_norm_inference(
                x, self.gamma, self.beta, running_mean, running_variance, epsilon=self.epsilon
            )
        y, mean, variance = batch_norm_train(x, self.gamma, self.beta, epsilon=self.epsilon)
        running_mean.copy_(update_running(running_mean, mean, momentum=self.momentum))
        running_variance.copy_(update_running(running_variance, variance, momentum=self.momentum))
        return y

    def extra_repr(self) -> str:
        return f"{self.features}, momentum={self.momentum}, epsilon={self.epsilon}"


@remembered
def _check(
    x: torch.Tensor, epsilon: float, *, training: bool = False, **per_feature: torch.Tensor | None
) -> float:
    epsilon = check_number("epsilon", epsilon, "(0, inf)")
    check_batch(x)
    tensors = given(**per_feature)
    check_floats(x=x, **tensors)
    for name, tensor in tensors.items():
        check_same_shape(name, tensor, x.shape[-1:])
    if training:
        check_rows(x)
    return epsilon


@remembered
def _check_inference(
    x: torch.Tensor,
    epsilon: float,
    *,
    mean: torch.Tensor,
    variance: torch.Tensor,
    **affine: torch.Tensor | None,
) -> float:
    check_array("mean", mean)
    check_array("variance", variance)
    return _check(x, epsilon, mean=mean, variance=variance, **affine)


@remembered
def _check_running(running: torch.Tensor, batch: torch.Tensor, momentum: float) -> float:
    check_floats(running=running, batch=batch)
    check_same_shape("batch", batch, running)
    return check_number("momentum", momentum, "[0, 1]")


@remembered
def _check_input(x: torch.Tensor, features: int, training: bool) -> None:
    check_features(x, features)
    check_floating("x", x)
    if training:
        check_rows(x)
