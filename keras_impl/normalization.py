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

Here: layer and RMS norm are Keras's own ops, and the layers Keras's own, with our arguments. Keras
has no op for group norm; its layer has 1/n sum x^2 - mean^2 for the variance on the PyTorch
backend, which in float32 may be negative, and the output NaN. On JAX and PyTorch, float64 takes
``keras_impl.precision.enable_float64()`` first: without it Keras rounds to float32. A layer with
weights has the dtype that it is made with, whatever Keras's dtype policy is: under "mixed_float16"
it computes in that, and refuses float16.
"""

from typing import Any

import keras
from keras import ops

from keras_impl.layers import Checked, check_precision, verbatim
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

# Arguments of Keras's layers that ``affine`` and ``use_bias`` stand for, or that are fixed here.
FIXED = {"axis", "center", "scale", "rms_scaling"}


def layer_norm(x: Any, gamma: Any | None, beta: Any | None, *, epsilon: float) -> Any:
    """y, each position of each example by itself."""
    epsilon = _check(x, epsilon, gamma=gamma, beta=beta)
    centred = x - ops.mean(x, axis=-1, keepdims=True)  # Keras scales mean and x by themselves
    return ops.layer_normalization(centred, gamma, beta, axis=-1, epsilon=epsilon)


def rms_norm(x: Any, gamma: Any | None, *, epsilon: float) -> Any:
    """y, each position of each example by itself."""
    epsilon = _check(x, epsilon, gamma=gamma)
    return ops.rms_normalization(x, gamma, axis=-1, epsilon=epsilon)


def group_norm(x: Any, gamma: Any | None, beta: Any | None, *, groups: int, epsilon: float) -> Any:
    """y; each group has features that stand side by side."""
    epsilon = _check(x, epsilon, groups=groups, gamma=gamma, beta=beta)
    size, places = x.shape[-1] // groups, ops.shape(x)[1:-1]
    wide = ops.cast(x, keras.backend.result_type(x.dtype, "float32"))  # half adds up in float32
    grouped = ops.reshape(wide, (-1, *places, groups, size))
    axes = [*range(1, len(x.shape) - 1), -1]
    centred = grouped - ops.mean(grouped, axes, keepdims=True)
    variance = ops.mean(ops.square(centred), axes, keepdims=True)
    x_hat = ops.reshape(centred * ops.rsqrt(variance + epsilon), (-1, *places, x.shape[-1]))
    y = x_hat if gamma is None else x_hat * ops.cast(gamma, x_hat.dtype)
    return ops.cast(y if beta is None else y + ops.cast(beta, x_hat.dtype), x.dtype)


def instance_norm(x: Any, gamma: Any | None, beta: Any | None, *, epsilon: float) -> Any:
    """y, each feature of each example by itself."""
    epsilon = _check(x, epsilon, gamma=gamma, beta=beta)
    return group_norm(x, gamma, beta, groups=x.shape[-1], epsilon=epsilon)


class _Norm(Checked):
    """What the four share: the features, and the check of what comes."""

    features: int

    def _prepare(
        self, features: int, epsilon: float, affine: bool, dtype: str, kwargs: dict[str, Any]
    ) -> dict[str, Any]:
        """Of Keras's layer, the arguments that all have."""
        if not FIXED.isdisjoint(kwargs):
            raise TypeError(
                f"{type(self).__name__} takes none of {sorted(FIXED)}, got {sorted(kwargs)}"
            )
        self.features = check_size("features", features)
        epsilon = check_number("epsilon", epsilon, "(0, inf)")
        self.has_weights = check_flag("affine", affine)
        dtype = check_dtype(dtype)
        return kwargs | {"epsilon": epsilon, "dtype": dtype}

    def check(self, inputs: Any) -> None:
        check_features(inputs, self.features)
        check_floating("x", inputs)
        if self.has_weights:
            check_precision(inputs, self.weights[0])  # type: ignore[attr-defined]

    def get_config(self) -> dict[str, Any]:
        inherited = super().get_config()  # type: ignore[misc]
        own = {"features": self.features, "affine": self.has_weights}
        return {key: inherited[key] for key in inherited if key not in FIXED} | own


@keras.saving.register_keras_serializable("triptych")
class LayerNorm(_Norm, keras.layers.LayerNormalization):
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
        **kwargs: Any,
    ) -> None:
        name = layer_name("keras", "layer_norm", name)
        options = self._prepare(features, epsilon, affine, dtype, kwargs)
        self.use_bias = check_flag("use_bias", use_bias)
        super().__init__(scale=affine, center=affine and use_bias, name=name, **options)
        self.build((None, features))

    @verbatim()
    def call(self, inputs: Any) -> Any:
        return layer_norm(inputs, self.gamma, self.beta, epsilon=self.epsilon)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"use_bias": self.use_bias}


@keras.saving.register_keras_serializable("triptych")
class RMSNorm(_Norm, keras.layers.RMSNormalization):
    def __init__(
        self,
        features: int,
        *,
        epsilon: float = 1e-6,
        affine: bool = True,
        name: str | None = None,
        dtype: str = "float32",
        **kwargs: Any,
    ) -> None:
        name = layer_name("keras", "rms_norm", name)
        super().__init__(name=name, **self._prepare(features, epsilon, affine, dtype, kwargs))
        self.scale = None
        if affine:
            self.build((None, features))
        self.built = True  # Keras's own always has a gamma

    @verbatim()
    def call(self, inputs: Any) -> Any:
        return rms_norm(inputs, self.scale, epsilon=self.epsilon)


@keras.saving.register_keras_serializable("triptych")
class GroupNorm(_Norm, keras.layers.GroupNormalization):
    def __init__(
        self,
        features: int,
        groups: int,
        *,
        epsilon: float = 1e-5,
        affine: bool = True,
        name: str | None = None,
        dtype: str = "float32",
        **kwargs: Any,
    ) -> None:
        name = layer_name("keras", "group_norm", name)
        options = self._prepare(features, epsilon, affine, dtype, kwargs)
        groups = check_groups(groups, self.features)
        super().__init__(groups, scale=affine, center=affine, name=name, **options)
        self.build((None, features))
        self.input_spec = None  # ``check`` does it, for any number of axes

    @verbatim()
    def call(self, inputs: Any) -> Any:
        return group_norm(inputs, self.gamma, self.beta, groups=self.groups, epsilon=self.epsilon)


@keras.saving.register_keras_serializable("triptych")
class InstanceNorm(_Norm, keras.layers.GroupNormalization):
    def __init__(
        self,
        features: int,
        *,
        epsilon: float = 1e-5,
        affine: bool = True,
        name: str | None = None,
        dtype: str = "float32",
        **kwargs: Any,
    ) -> None:
        name = layer_name("keras", "instance_norm", name)
        options = self._prepare(features, epsilon, affine, dtype, kwargs)
        super().__init__(self.features, scale=affine, center=affine, name=name, **options)
        self.build((None, features))
        self.input_spec = None  # ``check`` does it, for any number of axes

    @verbatim()
    def call(self, inputs: Any) -> Any:
        return instance_norm(inputs, self.gamma, self.beta, epsilon=self.epsilon)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["groups"]
        return config


@remembered
def _check(x: Any, epsilon: float, *, groups: int = 1, **per_feature: Any | None) -> float:
    epsilon = check_number("epsilon", epsilon, "(0, inf)")
    check_batch(x)
    check_features(x, x.shape[-1])
    tensors = given(**per_feature)
    check_floats(x=x, **tensors)
    for name, tensor in tensors.items():
        check_same_shape(name, tensor, x.shape[-1:])
    check_groups(groups, x.shape[-1])
    return epsilon
