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

Here: the first two functions are the equations of all but RMS norm; the norms say over which axes.
PyTorch's own RMS norm has ``epsilon=np.finfo(x.dtype).eps``. ``LayerNorm`` calls
``scratch.fast.normalization``, which gives the same.
"""

import numpy as np

from scratch.fast import normalization as fast
from scratch.half import half_in_float32, narrow, wide
from scratch.layers import Layer
from triptych.common.checks import (
    check_batch,
    check_dtype,
    check_features,
    check_flag,
    check_floating,
    check_floats,
    check_groups,
    check_number,
    check_precision,
    check_same_shape,
    check_size,
    given,
    remembered,
)
from triptych.common.names import layer_name

__all__ = [
    "layer_norm",
    "layer_norm_backward",
    "rms_norm",
    "rms_norm_backward",
    "group_norm",
    "group_norm_backward",
    "instance_norm",
    "instance_norm_backward",
    "LayerNorm",
    "RMSNorm",
    "GroupNorm",
    "InstanceNorm",
]

Axes = int | tuple[int, ...]  # those that i runs over


def _normalized(x: np.ndarray, axes: Axes, epsilon: float) -> tuple[np.ndarray, np.ndarray]:
    """x_hat, and the deviation that it was divided by."""
    mean = x.mean(axes, keepdims=True)
    variance = ((x - mean) ** 2).mean(axes, keepdims=True)
    deviation = np.sqrt(variance + epsilon)
    return (x - mean) / deviation, deviation


def _normalized_backward(
    dx_hat: np.ndarray, x_hat: np.ndarray, deviation: np.ndarray, axes: Axes
) -> np.ndarray:
    constant = dx_hat.mean(axes, keepdims=True)
    slope = (dx_hat * x_hat).mean(axes, keepdims=True)
    return (dx_hat - constant - x_hat * slope) / deviation


def layer_norm_kept(
    x: np.ndarray, gamma: np.ndarray | None, beta: np.ndarray | None, *, epsilon: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """y, and x_hat and the deviation, which the gradient needs."""
    x_hat, deviation = _normalized(x, -1, epsilon)
    return _scale_and_shift(x_hat, gamma, beta), x_hat, deviation


def layer_norm_kept_backward(
    grad: np.ndarray, gamma: np.ndarray | None, x_hat: np.ndarray, deviation: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """dL/dx, dL/dgamma and dL/dbeta from dL/dy."""
    axes = _all_but_last(grad)
    dbeta, dgamma = grad.sum(axes), (grad * x_hat).sum(axes)
    dx_hat = grad if gamma is None else gamma * grad
    return _normalized_backward(dx_hat, x_hat, deviation, -1), dgamma, dbeta


@half_in_float32
def layer_norm(
    x: np.ndarray, gamma: np.ndarray | None, beta: np.ndarray | None, *, epsilon: float
) -> np.ndarray:
    """y, each position of each example by itself."""
    epsilon = _check(x, epsilon, gamma=gamma, beta=beta)
    return layer_norm_kept(x, gamma, beta, epsilon=epsilon)[0]


@half_in_float32
def layer_norm_backward(
    grad: np.ndarray, x: np.ndarray, gamma: np.ndarray | None, *, epsilon: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """dL/dx, dL/dgamma and dL/dbeta from dL/dy."""
    epsilon = _check_backward(grad, x, epsilon, gamma=gamma)
    _, x_hat, deviation = layer_norm_kept(x, None, None, epsilon=epsilon)
    return layer_norm_kept_backward(grad, gamma, x_hat, deviation)


@half_in_float32
def rms_norm(x: np.ndarray, gamma: np.ndarray | None, *, epsilon: float) -> np.ndarray:
    """y, each position of each example by itself."""
    epsilon = _check(x, epsilon, gamma=gamma)
    x_hat = x / np.sqrt((x**2).mean(-1, keepdims=True) + epsilon)
    return _scale_and_shift(x_hat, gamma, None)


@half_in_float32
def rms_norm_backward(
    grad: np.ndarray, x: np.ndarray, gamma: np.ndarray | None, *, epsilon: float
) -> tuple[np.ndarray, np.ndarray]:
    """dL/dx and dL/dgamma from dL/dy."""
    epsilon = _check_backward(grad, x, epsilon, gamma=gamma)
    root = np.sqrt((x**2).mean(-1, keepdims=True) + epsilon)
    x_hat = x / root
    dgamma = (grad * x_hat).sum(_all_but_last(x))
    dx_hat = grad if gamma is None else gamma * grad
    dx = (dx_hat - x_hat * (dx_hat * x_hat).mean(-1, keepdims=True)) / root
    return dx, dgamma


@half_in_float32
def group_norm(
    x: np.ndarray,
    gamma: np.ndarray | None,
    beta: np.ndarray | None,
    *,
    groups: int,
    epsilon: float,
) -> np.ndarray:
    """y; each group has features that stand side by side."""
    epsilon = _check(x, epsilon, groups=groups, gamma=gamma, beta=beta)
    x_hat, _ = _normalized(_grouped(x, groups), (1, 3), epsilon)
    return _scale_and_shift(x_hat.reshape(x.shape), gamma, beta)


@half_in_float32
def group_norm_backward(
    grad: np.ndarray, x: np.ndarray, gamma: np.ndarray | None, *, groups: int, epsilon: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """dL/dx, dL/dgamma and dL/dbeta from dL/dy."""
    epsilon = _check_backward(grad, x, epsilon, groups=groups, gamma=gamma)
    x_hat, deviation = _normalized(_grouped(x, groups), (1, 3), epsilon)
    axes = _all_but_last(x)
    dbeta, dgamma = grad.sum(axes), (grad * x_hat.reshape(x.shape)).sum(axes)
    dx_hat = _grouped(grad if gamma is None else gamma * grad, groups)
    dx = _normalized_backward(dx_hat, x_hat, deviation, (1, 3)).reshape(x.shape)
    return dx, dgamma, dbeta


def instance_norm(
    x: np.ndarray, gamma: np.ndarray | None, beta: np.ndarray | None, *, epsilon: float
) -> np.ndarray:
    """y, each feature of each example by itself."""
    epsilon = _check(x, epsilon, gamma=gamma, beta=beta)
    return group_norm(x, gamma, beta, groups=x.shape[-1], epsilon=epsilon)


def instance_norm_backward(
    grad: np.ndarray, x: np.ndarray, gamma: np.ndarray | None, *, epsilon: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """dL/dx, dL/dgamma and dL/dbeta from dL/dy."""
    epsilon = _check_backward(grad, x, epsilon, gamma=gamma)
    return group_norm_backward(grad, x, gamma, groups=x.shape[-1], epsilon=epsilon)


def _grouped(x: np.ndarray, groups: int) -> np.ndarray:
    """(N, ..., C) as (N, positions, groups, features of a group)."""
    return x.reshape(len(x), -1, groups, x.shape[-1] // groups)


def _all_but_last(x: np.ndarray) -> tuple[int, ...]:
    """Every axis but that of the features."""
    return tuple(range(x.ndim - 1))


def _scale_and_shift(
    x_hat: np.ndarray, gamma: np.ndarray | None, beta: np.ndarray | None
) -> np.ndarray:
    y = x_hat if gamma is None else gamma * x_hat
    return y if beta is None else y + beta


class _Norm(Layer):
    """What the four share: gamma and beta, where they are wanted, and the input that is kept."""

    def __init__(
        self, name: str, features: int, epsilon: float, affine: bool, use_bias: bool, dtype: str
    ) -> None:
        super().__init__(name)
        self.features = check_size("features", features)
        self.epsilon = check_number("epsilon", epsilon, "(0, inf)")
        check_flag("affine", affine)
        check_flag("use_bias", use_bias)
        check_dtype(dtype)
        if affine:
            self.params["gamma"] = np.ones(features, dtype)
        if affine and use_bias:
            self.params["beta"] = np.zeros(features, dtype)

    def _keep(self, x: np.ndarray) -> tuple[np.ndarray | None, np.ndarray | None]:
        gamma, beta = self.params.get("gamma"), self.params.get("beta")
        _check_input(x, self.features, gamma)
        self._x = x
        return gamma, beta

    def _store(self, **grads: np.ndarray) -> None:
        self.grads.update({key: grads[key] for key in self.params})


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
        name = layer_name("scratch", "layer_norm", name)
        super().__init__(name, features, epsilon, affine, use_bias, dtype)

    def forward(self, x: np.ndarray, *, training: bool = False) -> np.ndarray:
        gamma, beta = self._keep(x)
        y, *self._kept = fast.layer_norm_kept(wide(x), gamma, beta, epsilon=self.epsilon)
        return narrow(y, x.dtype)

    def backward(self, grad: np.ndarray) -> np.ndarray:
        gamma = self.params.get("gamma")
        _check_backward(grad, self._x, self.epsilon, gamma=gamma)
        dx, dgamma, dbeta = fast.layer_norm_kept_backward(wide(grad), gamma, *self._kept)
        self._store(gamma=dgamma, beta=dbeta)
        return narrow(dx, grad.dtype)


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
        name = layer_name("scratch", "rms_norm", name)
        super().__init__(name, features, epsilon, affine, False, dtype)

    def forward(self, x: np.ndarray, *, training: bool = False) -> np.ndarray:
        gamma, _ = self._keep(x)
        return rms_norm(x, gamma, epsilon=self.epsilon)

    def backward(self, grad: np.ndarray) -> np.ndarray:
        gamma = self.params.get("gamma")
        dx, dgamma = rms_norm_backward(grad, self._x, gamma, epsilon=self.epsilon)
        self._store(gamma=dgamma)
        return dx


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
        name = layer_name("scratch", "group_norm", name)
        super().__init__(name, features, epsilon, affine, True, dtype)
        self.groups = check_groups(groups, self.features)

    def forward(self, x: np.ndarray, *, training: bool = False) -> np.ndarray:
        gamma, beta = self._keep(x)
        return group_norm(x, gamma, beta, groups=self.groups, epsilon=self.epsilon)

    def backward(self, grad: np.ndarray) -> np.ndarray:
        gamma = self.params.get("gamma")
        dx, dgamma, dbeta = group_norm_backward(
            grad, self._x, gamma, groups=self.groups, epsilon=self.epsilon
        )
        self._store(gamma=dgamma, beta=dbeta)
        return dx


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
        name = layer_name("scratch", "instance_norm", name)
        super().__init__(name, features, epsilon, affine, True, dtype)

    def forward(self, x: np.ndarray, *, training: bool = False) -> np.ndarray:
        gamma, beta = self._keep(x)
        return instance_norm(x, gamma, beta, epsilon=self.epsilon)

    def backward(self, grad: np.ndarray) -> np.ndarray:
        gamma = self.params.get("gamma")
        dx, dgamma, dbeta = instance_norm_backward(grad, self._x, gamma, epsilon=self.epsilon)
        self._store(gamma=dgamma, beta=dbeta)
        return dx


@remembered
def _check(
    x: np.ndarray, epsilon: float, *, groups: int = 1, **per_feature: np.ndarray | None
) -> float:
    epsilon = check_number("epsilon", epsilon, "(0, inf)")
    check_batch(x)
    check_features(x, x.shape[-1])
    arrays = given(**per_feature)
    check_floats(x=x, **arrays)
    for name, array in arrays.items():
        check_same_shape(name, array, x.shape[-1:])
    check_groups(groups, x.shape[-1])
    return epsilon


@remembered
def _check_backward(
    grad: np.ndarray, x: np.ndarray, epsilon: float, *, groups: int = 1, gamma: np.ndarray | None
) -> float:
    epsilon = _check(x, epsilon, groups=groups, gamma=gamma)
    check_floats(x=x, grad=grad)
    check_same_shape("grad", grad, x)
    return epsilon


@remembered
def _check_input(x: np.ndarray, features: int, gamma: np.ndarray | None) -> None:
    check_features(x, features)
    check_floating("x", x)
    if gamma is not None:
        check_precision(x, gamma)
