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

Here: it is Keras's own layer, with our arguments, and with a variance that is summed after the mean
is taken out: ``keras.ops.moments`` has 1/n sum x^2 - mean^2 on the PyTorch backend, which in
float32 is negative, and the output NaN, for a feature that is nearly constant. In a graph that was
traced for any batch size, n = 1 is not seen and gives beta. As in Keras, ``trainable = False`` also
means inference; freezing the parameters of the other two panels does not. On JAX and PyTorch,
float64 takes ``keras_impl.precision.enable_float64()`` first: without it Keras rounds to float32. A
layer with weights has the dtype that it is made with, whatever Keras's dtype policy is: under
"mixed_float16" it computes in that, and refuses float16.
"""

from typing import Any

import keras
from keras import ops

from keras_impl.layers import Checked, check_precision, verbatim
from triptych.common.checks import (
    check_array,
    check_batch,
    check_dtype,
    check_features,
    check_flag,
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

# Arguments of Keras's layer that ``affine`` stands for, or that our ``call`` does not know.
FIXED = {
    *("axis", "center", "scale", "synchronized"),
    *("renorm", "renorm_clipping", "renorm_momentum"),
}


def batch_norm_train(
    x: Any, gamma: Any | None, beta: Any | None, *, epsilon: float
) -> tuple[Any, Any, Any]:
    """y, and the mean and variance of the batch (as constants: no gradient flows through them)."""
    epsilon = _check(x, epsilon, training=True, gamma=gamma, beta=beta)
    axes = list(range(len(x.shape) - 1))
    mean = ops.mean(x, axes)
    centred = x - mean
    variance = ops.mean(ops.square(centred), axes)
    # Centred already: to Keras's op, the mean is 0.
    y = batch_norm_inference(centred, gamma, beta, ops.zeros_like(mean), variance, epsilon=epsilon)
    return y, ops.stop_gradient(mean), ops.stop_gradient(variance)


def batch_norm_inference(
    x: Any, gamma: Any | None, beta: Any | None, mean: Any, variance: Any, *, epsilon: float
) -> Any:
    """y, for statistics that are given."""
    epsilon = _check_inference(x, epsilon, mean=mean, variance=variance, gamma=gamma, beta=beta)
    return ops.batch_normalization(
        x, mean, variance, axis=-1, offset=beta, scale=gamma, epsilon=epsilon
    )


def update_running(running: Any, batch: Any, *, momentum: float) -> Any:
    """The running mean (or variance) after a batch that has the mean (or variance) ``batch``."""
    momentum = _check_running(running, batch, momentum)
    return momentum * running + (1 - momentum) * batch


@keras.saving.register_keras_serializable("triptych")
class BatchNorm(Checked, keras.layers.BatchNormalization):
    def __init__(
        self,
        features: int,
        *,
        momentum: float = 0.9,
        epsilon: float = 1e-5,
        affine: bool = True,
        name: str | None = None,
        dtype: str = "float32",
        **kwargs: Any,
    ) -> None:
        name = layer_name("keras", "batch_norm", name)
        if not FIXED.isdisjoint(kwargs):
            raise TypeError(f"BatchNorm takes none of {sorted(FIXED)}, got {sorted(kwargs)}")
        self.features = check_size("features", features)
        super().__init__(
            momentum=check_number("momentum", momentum, "[0, 1]"),
            epsilon=check_number("epsilon", epsilon, "(0, inf)"),
            center=check_flag("affine", affine),
            scale=affine,
            name=name,
            dtype=check_dtype(dtype),
            **kwargs,
        )
        self.supports_masking = False
        self.build((None, features))
        self.input_spec = None  # ``check`` does it, for any number of axes

    has_weights = True

    def check(self, inputs: Any) -> None:
        check_features(inputs, self.features)
        check_precision(inputs, self.moving_mean)

    @verbatim()
    def call(self, inputs: Any, training: bool = False) -> Any:
        gamma, beta = self.gamma, self.beta
        if not (training and self.trainable):
            return batch_norm_inference(
                inputs, gamma, beta, self.moving_mean, self.moving_variance, epsilon=self.epsilon
            )
        y, mean, variance = batch_norm_train(inputs, gamma, beta, epsilon=self.epsilon)
        for moving, batch in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(update_running(moving.value, batch, momentum=self.momentum))
        return y

    def get_config(self) -> dict[str, Any]:
        own = {"features": self.features, "affine": self.scale}
        inherited = super().get_config()
        return {key: inherited[key] for key in inherited if key not in FIXED} | own


@remembered
def _check(x: Any, epsilon: float, *, training: bool = False, **per_feature: Any | None) -> float:
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
    x: Any, epsilon: float, *, mean: Any, variance: Any, **affine: Any | None
) -> float:
    check_array("mean", mean)
    check_array("variance", variance)
    return _check(x, epsilon, mean=mean, variance=variance, **affine)


@remembered
def _check_running(running: Any, batch: Any, momentum: float) -> float:
    check_floats(running=running, batch=batch)
    check_same_shape("batch", batch, running)
    return check_number("momentum", momentum, "[0, 1]")
