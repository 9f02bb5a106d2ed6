r"""Variational dropout: Gaussian dropout whose rate each unit learns for itself.

    noise ~ N(0, 1)
    training    y = x * (1 + sqrt(alpha) * noise),  that is x * N(1, alpha)
    inference   y = x * kept,                       kept: log alpha <= threshold
    loss        L = data + (1 / examples) * sum of KL(log alpha)
                data: the mean loss of a batch
                examples: how many the training set has, not the batch

    KL, "sigmoid"   k1 sigmoid(-(k2 + k3 log alpha)) + log(1 + 1 / alpha) / 2      for every alpha
                    k1, k2, k3 = 0.63576, 1.87320, 1.48695
    KL, "cubic"     -(log alpha / 2 + c1 alpha + c2 alpha^2 + c3 alpha^3)          for alpha <= 1
                    c1, c2, c3 = 1.16145124, -1.50204118, 0.58629921

KL is how far N(1, alpha) is from the log-uniform prior. It falls as alpha grows: noise is free
where the data do not object. With alpha fixed it is a constant, and what is left is Gaussian
dropout with the rate alpha / (1 + alpha). Far beyond alpha = 1 there is more noise than signal, and
the unit is pruned. The first approximation is 0 at infinity; the second is true up to a constant,
and stays beyond alpha = 1 what it is there.

    added = sqrt(alpha) * noise,                   z = k2 + k3 log alpha
    dx = dy * (1 + added),                         dlog_alpha = sum dy * x * added / 2
    dKL/dlog_alpha = -k1 k3 sigmoid(z) sigmoid(-z) - sigmoid(-log alpha) / 2     "sigmoid"
                   = -(1/2 + c1 alpha + 2 c2 alpha^2 + 3 c3 alpha^3)             "cubic", 0 beyond 1

``x`` has shape (N, ..., features), ``log_alpha`` (features,), ``noise`` the shape of x; of KL
``log_alpha`` has any shape. All have one dtype. A ``ValueError`` says which argument does not fit.

Papers: Kingma, Salimans and Welling, "Variational dropout and the local reparameterization trick",
NeurIPS 2015 (section 3, and the cubic form); Molchanov, Ashukha and Vetrov, "Variational dropout
sparsifies deep neural networks", ICML 2017 (the sigmoid form; log alpha > 3 is pruned).

Framework differences: neither framework has it. See ``triptych differences``:
gaussian-dropout-layer.

Here: the equations are written out, and their gradient is the backend's. On JAX and PyTorch,
float64 takes ``keras_impl.precision.enable_float64()`` first: without it Keras rounds to float32.
"""

import math
from typing import Any

import keras
from keras import ops

from keras_impl.layers import Checked, check_precision, verbatim
from keras_impl.noise import draw_noise
from triptych.common.checks import (
    check_batch,
    check_choice,
    check_dtype,
    check_features,
    check_flag,
    check_floating,
    check_floats,
    check_number,
    check_same_shape,
    check_seed,
    check_size,
    dtype_name,
    given,
    remembered,
)
from triptych.common.names import Draws, layer_name
from triptych.common.recipes import representable
from triptych.common.streams import Stream

__all__ = ["variational_dropout", "kept", "kl_divergence", "VariationalDropout"]

K1 = 0.63576
K2 = 1.87320
K3 = 1.48695
C1 = 1.16145124
C2 = -1.50204118
C3 = 0.58629921


def variational_dropout(
    x: Any,
    log_alpha: Any,
    noise: Any | None,
    *,
    training: bool = True,
    threshold: float = 3.0,
) -> Any:
    """The equations above, with noise that is given. Inference uses none; it may then be None."""
    threshold = _check(x, log_alpha, noise, training, threshold)
    if not training:
        return x * ops.cast(kept(log_alpha, threshold=threshold), x.dtype)
    return x * (1 + ops.exp(log_alpha / 2) * noise)


def kept(log_alpha: Any, *, threshold: float = 3.0) -> Any:
    """Booleans: what is not pruned."""
    threshold = _check_kept(log_alpha, threshold)
    return log_alpha <= threshold


def kl_divergence(log_alpha: Any, *, approximation: str = "sigmoid") -> Any:
    """The sum of KL over all of ``log_alpha``."""
    _check_kl(log_alpha, approximation)
    if approximation == "sigmoid":
        half = -ops.log_sigmoid(log_alpha) / 2  # PyTorch's softplus loses digits beyond 20
        return ops.sum(K1 * ops.sigmoid(-(K2 + K3 * log_alpha)) + half)
    log_alpha = ops.where(log_alpha > 0, 0.0, log_alpha)  # minimum's gradient at 0 varies
    alpha = ops.exp(log_alpha)
    return -ops.sum(log_alpha / 2 + C1 * alpha + C2 * alpha**2 + C3 * alpha**3)


@keras.saving.register_keras_serializable("triptych")
class VariationalDropout(Checked, Draws, keras.layers.Layer):
    """Noise from the stream (seed, name, step); ``step`` counts training passes.

    Each of the units begins with ``alpha``, and stays there if it is not ``learned``. KL belongs to
    the loss; ``model.fit`` sees it where ``call`` adds it:

        class InFit(VariationalDropout):
            def call(self, inputs, training=False):
                self.add_loss(self.kl() / len(x_train))
                return super().call(inputs, training=training)
    """

    passes_mask = True
    has_weights = True

    def __init__(
        self,
        features: int,
        *,
        alpha: float = 0.25,
        learned: bool = True,
        threshold: float = 3.0,
        seed: int = 0,
        name: str | None = None,
        dtype: str = "float32",
        **kwargs: Any,
    ) -> None:
        name = layer_name("keras", "variational_dropout", name)
        super().__init__(name=name, dtype=check_dtype(dtype), **kwargs)
        self.features = check_size("features", features)
        self.alpha = check_number("alpha", alpha, "(0, inf)")
        self.learned = check_flag("learned", learned)
        self.threshold = _check_threshold(threshold)
        self.seed = check_seed(seed)
        self.log_alpha = self.add_weight(
            name="log_alpha",
            shape=(self.features,),
            initializer=keras.initializers.Constant(representable(math.log(self.alpha))),
            trainable=learned,
        )
        self.step = self.add_weight(
            name="step", shape=(), initializer="zeros", dtype="int64", trainable=False
        )

    def check(self, inputs: Any) -> None:
        check_features(inputs, self.features)
        check_precision(inputs, self.log_alpha)

    @verbatim()
    def call(self, inputs: Any, training: bool = False) -> Any:
        noise = None
        if training:
            stream = Stream(self.seed, self.name, self.step.value)
            noise = draw_noise(stream, ops.shape(inputs), dtype=dtype_name(inputs))
            self.step.assign_add(1)
        return variational_dropout(
            inputs, self.log_alpha.value, noise, training=training, threshold=self.threshold
        )

    def kept(self) -> Any:
        """Of each unit, whether it is not pruned."""
        return kept(self.log_alpha.value, threshold=self.threshold)

    def kl(self, *, approximation: str = "sigmoid") -> Any:
        """The sum of KL over the units."""
        return kl_divergence(self.log_alpha.value, approximation=approximation)

    def get_config(self) -> dict[str, Any]:
        own = {
            "features": self.features,
            "alpha": self.alpha,
            "learned": self.learned,
            "threshold": self.threshold,
            "seed": self.seed,
        }
        return super().get_config() | own


def _check_threshold(threshold: float) -> float:
    return check_number("threshold", threshold, "(-inf, inf]")


@remembered
def _check_kept(log_alpha: Any, threshold: float) -> float:
    check_floating("log_alpha", log_alpha)
    check_batch(log_alpha, "log_alpha")
    return _check_threshold(threshold)


@remembered
def _check_kl(log_alpha: Any, approximation: str) -> None:
    check_choice("approximation", approximation, ("sigmoid", "cubic"))
    check_floating("log_alpha", log_alpha)
    check_batch(log_alpha, "log_alpha")


@remembered
def _check(x: Any, log_alpha: Any, noise: Any | None, training: bool, threshold: float) -> float:
    check_floats(x=x, log_alpha=log_alpha, **given(noise=noise))
    check_batch(x)
    check_same_shape("log_alpha", log_alpha, tuple(x.shape[-1:]))
    if check_flag("training", training):
        if noise is None:
            raise ValueError("noise must be given in training, got None")
        check_same_shape("noise", noise, x)
    return _check_threshold(threshold)
