r"""Layer, RMS, group and instance norm: each example is normalized by statistics of its own.

    mean     = 1/n sum_i x_i                  variance = 1/n sum_i (x_i - mean)^2
    x_hat    = (x - mean) / sqrt(variance + epsilon)         layer, group and instance norm
    x_hat    = x / sqrt(1/n sum_i x_i^2 + epsilon)           RMS norm, which takes no mean out
    y        = gamma x_hat + beta                            RMS norm has no beta

    i runs over, in one example,
    layer and RMS norm      the features of one position, in images too   n = C
    group norm              the features of one group at every position   n = H W C / groups
    instance norm           one feature at every position                 n = H W

    dbeta = sum dy,    dgamma = sum dy x_hat,    dx_hat = gamma dy
    dx = (dx_hat - 1/n sum_i dx_hat_i - x_hat 1/n sum_i dx_hat_i x_hat_i) / sqrt(variance + epsilon)
    dx = (dx_hat - x_hat 1/n sum_i dx_hat_i x_hat_i) / sqrt(1/n sum_i x_i^2 + epsilon)      RMS norm

The sums of dbeta and dgamma run over all axes but the last. Instance norm is group norm with a
group for every feature; layer norm over H, W and C, as Wu and He draw it, is group norm with one
group. No statistics outlive the call: training and inference are the same, and the batch may be one
example. Where n is 1 the variance is 0 and y is beta; in RMS norm y is then gamma times the sign of
x, if x^2 is far above epsilon.

``x`` has shape (N, ..., C) with C features in the last axis, (N, H, W, C) for images; ``gamma`` and
``beta`` have shape (C,) and may be None (1 and 0). ``epsilon`` lies in (0, inf), ``groups`` divides
C. A ``ValueError`` says which argument does not fit.

Papers: Ba, Kiros and Hinton, "Layer normalization", 2016. Zhang and Sennrich, "Root mean square
layer normalization", NeurIPS 2019. Wu and He, "Group normalization", ECCV 2018. Ulyanov, Vedaldi
and Lempitsky, "Instance normalization: the missing ingredient for fast stylization", 2016.

Framework differences: we take PyTorch's epsilon of 1e-5, Keras's 1e-6 for RMS norm, and have
features last, gamma and beta by default, and no running statistics for instance norm, which PyTorch
can keep. See ``triptych differences``: layer-norm-epsilon, layer-norm-axes, group-norm-defaults,
instance-norm, rms-norm-epsilon, normalization-of-one-element.

Here: it is PyTorch's own functions; group norm is given the features first, and no check of its
own, which refuses a batch of one where n is 1.
"""

import torch
from torch import nn
from torch.nn import functional as F

from torch_impl.layers import autocast, check_precision
from triptych.common.checks import (
    check_batch,
    check_dtype,
    check_features,
    check_flag,
    check_floating,
    check_floats,
    check_groups,
    check_number,
    check_same_shape,
    check_size,
    given,
    remembered,
)
from triptych.common.names import layer_name

__all__ = [
    "layer_norm",
    "rms_norm",
    "group_norm",
    "instance_norm",
    "LayerNorm",
    "RMSNorm",
    "GroupNorm",
    "InstanceNorm",
]


def layer_norm(
    x: torch.Tensor, gamma: torch.Tensor | None, beta: torch.Tensor | None, *, epsilon: float
) -> torch.Tensor:
    """y, each position of each example by itself."""
    epsilon = _check(x, epsilon, gamma=gamma, beta=beta)
    return F.layer_norm(x, x.shape[-1:], gamma, beta, epsilon)


def rms_norm(x: torch.Tensor, gamma: torch.Tensor | None, *, epsilon: float) -> torch.Tensor:
    """y, each position of each example by itself."""
    epsilon = _check(x, epsilon, gamma=gamma)
    return F.rms_norm(x, x.shape[-1:], gamma, epsilon)


def group_norm(
    x: torch.Tensor,
    gamma: torch.Tensor | None,
    beta: torch.Tensor | None,
    *,
    groups: int,
    epsilon: float,
) -> torch.Tensor:
    """y; each group has features that stand side by side."""
    epsilon = _check(x, epsilon, groups=groups, gamma=gamma, beta=beta)
    # What lies in memory with its channels last is normalized by E[x^2] - E[x]^2, which cancels.
    maps = x.movedim(-1, 1).contiguous()
    return torch.group_norm(maps, groups, gamma, beta, epsilon).movedim(1, -1)


def instance_norm(
    x: torch.Tensor, gamma: torch.Tensor | None, beta: torch.Tensor | None, *, epsilon: float
) -> torch.Tensor:
    """y, each feature of each example by itself."""
    epsilon = _check(x, epsilon, gamma=gamma, beta=beta)
    return group_norm(x, gamma, beta, groups=x.shape[-1], epsilon=epsilon)


class _Norm(nn.Module):
    """What the four share: gamma and beta, where they are wanted, and the check of what comes."""

    def __init__(
        self, name: str, features: int, epsilon: float, affine: bool, use_bias: bool, dtype: str
    ) -> None:
        super().__init__()
        self.name = name
        self.features = check_size("features", features)
        self.epsilon = check_number("epsilon", epsilon, "(0, inf)")
        check_flag("affine", affine)
        check_flag("use_bias", use_bias)
        ones = torch.ones(features, dtype=getattr(torch, check_dtype(dtype)))
        self.gamma = nn.Parameter(ones) if affine else None
        self.beta = nn.Parameter(torch.zeros_like(ones)) if affine and use_bias else None

    def _received(self, x: torch.Tensor) -> torch.Tensor:
        _check_input(x, self.features)
        if self.gamma is None:
            return x
        check_precision(x, self.gamma)
        return x.to(self.gamma.dtype) if autocast(x) else x

    def extra_repr(self) -> str:
        return f"{self.features}, epsilon={self.epsilon}"


class LayerNorm(_Norm):
    """``use_bias=False`` leaves beta out, ``affine=False`` gamma too."""

    def __init__(
        self,
        features: int,
        *,
        epsilon: float = 1e-5,
        affine: bool = True,
        use_bias: bool = True,
        name: str | None = None,
        dtype: str = "float32",
    ) -> None:
        name = layer_name("torch", "layer_norm", name)
        super().__init__(name, features, epsilon, affine, use_bias, dtype)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self._received(x)
        return layer_norm(x, self.gamma, self.beta, epsilon=self.epsilon)


class RMSNorm(_Norm):
    def __init__(
        self,
        features: int,
        *,
        epsilon: float = 1e-6,
        affine: bool = True,
        name: str | None = None,
        dtype: str = "float32",
    ) -> None:
        name = layer_name("torch", "rms_norm", name)
        super().__init__(name, features, epsilon, affine, False, dtype)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self._received(x)
        return rms_norm(x, self.gamma, epsilon=self.epsilon)


class GroupNorm(_Norm):
    def __init__(
        self,
        features: int,
        groups: int,
        *,
        epsilon: float = 1e-5,
        affine: bool = True,
        name: str | None = None,
        dtype: str = "float32",
    ) -> None:
        name = layer_name("torch", "group_norm", name)
        super().__init__(name, features, epsilon, affine, True, dtype)
        self.groups = check_groups(groups, self.features)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self._received(x)
        return group_norm(x, self.gamma, self.beta, groups=self.groups, epsilon=self.epsilon)


class InstanceNorm(_Norm):
    def __init__(
        self,
        features: int,
        *,
        epsilon: float = 1e-5,
        affine: bool = True,
        name: str | None = None,
        dtype: str = "float32",
    ) -> None:
        name = layer_name("torch", "instance_norm", name)
        super().__init__(name, features, epsilon, affine, True, dtype)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self._received(x)
        return instance_norm(x, self.gamma, self.beta, epsilon=self.epsilon)


@remembered
def _check(
    x: torch.Tensor, epsilon: float, *, groups: int = 1, **per_feature: torch.Tensor | None
) -> float:
    epsilon = check_number("epsilon", epsilon, "(0, inf)")
    check_batch(x)
    check_features(x, x.shape[-1])
    tensors = given(**per_feature)
    check_floats(x=x, **tensors)
    for name, tensor in tensors.items():
        check_same_shape(name, tensor, x.shape[-1:])
    check_groups(groups, x.shape[-1])
    return epsilon


@remembered
def _check_input(x: torch.Tensor, features: int) -> None:
    check_features(x, features)
    check_floating("x", x)
