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

Here: a loss of data and KL has two backward passes: ``kl_backward`` adds to ``grads`` of the first.
"""

import math

import numpy as np

from scratch.layers import Layer, sigmoid
from scratch.noise import draw_noise
from triptych.common.checks import (
    check_batch,
    check_choice,
    check_dtype,
    check_features,
    check_flag,
    check_floating,
    check_floats,
    check_number,
    check_precision,
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

__all__ = [
    "variational_dropout",
    "variational_dropout_backward",
    "kept",
    "kl_divergence",
    "kl_divergence_backward",
    "VariationalDropout",
]

K1 = 0.63576
K2 = 1.87320
K3 = 1.48695
C1 = 1.16145124
C2 = -1.50204118
C3 = 0.58629921


def variational_dropout(
    x: np.ndarray,
    log_alpha: np.ndarray,
    noise: np.ndarray | None,
    *,
    training: bool = True,
    threshold: float = 3.0,
) -> np.ndarray:
    """The equations above, with noise that is given. Inference uses none; it may then be None."""
    threshold = _check(x, log_alpha, noise, training, threshold)
    if not training:
        return x * kept(log_alpha, threshold=threshold)
    return x * (1 + np.exp(log_alpha / 2) * np.asarray(noise))


def variational_dropout_backward(
    grad: np.ndarray,
    x: np.ndarray,
    log_alpha: np.ndarray,
    noise: np.ndarray | None,
    *,
    training: bool = True,
    threshold: float = 3.0,
) -> tuple[np.ndarray, np.ndarray]:
    """dL/dx and dL/dlog_alpha from dL/dy."""
    threshold = _check(x, log_alpha, noise, training, threshold, grad=grad)
    if not training:
        return grad * kept(log_alpha, threshold=threshold), np.zeros_like(log_alpha)
    added = np.exp(log_alpha / 2) * np.asarray(noise)
    return grad * (1 + added), (grad * x * added / 2).reshape(-1, x.shape[-1]).sum(axis=0)


def kept(log_alpha: np.ndarray, *, threshold: float = 3.0) -> np.ndarray:
    """Booleans: what is not pruned."""
    threshold = _check_kept(log_alpha, threshold)
    return log_alpha <= threshold


def kl_divergence(log_alpha: np.ndarray, *, approximation: str = "sigmoid") -> np.ndarray:
    """The sum of KL over all of ``log_alpha``."""
    _check_kl(log_alpha, approximation)
    if approximation == "sigmoid":
        return (K1 * sigmoid(-(K2 + K3 * log_alpha)) + np.logaddexp(0, -log_alpha) / 2).sum()
    log_alpha = np.minimum(log_alpha, 0)
    alpha = np.exp(log_alpha)
    return -(log_alpha / 2 + C1 * alpha + C2 * alpha**2 + C3 * alpha**3).sum()


def kl_divergence_backward(log_alpha: np.ndarray, *, approximation: str = "sigmoid") -> np.ndarray:
    """The gradient of the sum."""
    _check_kl(log_alpha, approximation)
    if approximation == "sigmoid":
        z = K2 + K3 * log_alpha
        return -K1 * K3 * sigmoid(z) * sigmoid(-z) - sigmoid(-log_alpha) / 2
    alpha = np.exp(np.minimum(log_alpha, 0))
    return (log_alpha <= 0) * -(0.5 + C1 * alpha + 2 * C2 * alpha**2 + 3 * C3 * alpha**3)


class VariationalDropout(Draws, Layer):
    """Noise from the stream (seed, name, step); ``step`` counts training passes.

    Each of the units begins with ``alpha``, and stays there if it is not ``learned``. A step:

        model.backward_parameters(softmax_cross_entropy_backward(logits, y))
        layer.kl_backward(1 / len(x_train))
        optimizer.step(params, grads)
    """

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
    ) -> None:
        super().__init__(layer_name("scratch", "variational_dropout", name))
        self.features = check_size("features", features)
        self.alpha = check_number("alpha", alpha, "(0, inf)")
        self.learned = check_flag("learned", learned)
        self.threshold = _check_threshold(threshold)
        self.seed = check_seed(seed)
        start = representable(math.log(self.alpha))
        self._arrays = self.params if learned else self.state
        self._arrays["log_alpha"] = np.full(self.features, start, check_dtype(dtype))
        self.state["step"] = np.zeros((), np.int64)

    def forward(self, x: np.ndarray, *, training: bool = False) -> np.ndarray:
        _check_input(x, self._arrays["log_alpha"], training)
        noise = None
        if training:
            stream = Stream(self.seed, self.name, self.state["step"])
            noise = draw_noise(stream, x.shape, dtype=dtype_name(x))
            self.state["step"] += 1
        self._x, self._noise, self._training = x, noise, training
        return variational_dropout(
            x, self._arrays["log_alpha"], noise, training=training, threshold=self.threshold
        )

    def backward(self, grad: np.ndarray) -> np.ndarray:
        dx, dlog_alpha = variational_dropout_backward(
            grad,
            self._x,
            self._arrays["log_alpha"],
            self._noise,
            training=self._training,
            threshold=self.threshold,
        )
        if self.learned:
            self.grads["log_alpha"] = dlog_alpha
        return dx

    def kept(self) -> np.ndarray:
        """Of each unit, whether it is not pruned."""
        return kept(self._arrays["log_alpha"], threshold=self.threshold)

    def kl(self, *, approximation: str = "sigmoid") -> np.ndarray:
        """The sum of KL over the units."""
        return kl_divergence(self._arrays["log_alpha"], approximation=approximation)

    def kl_backward(self, scale: float = 1.0, *, approximation: str = "sigmoid") -> None:
        """Add ``scale`` times the gradient of ``kl()`` to ``grads``."""
        scale = _check_scale(scale)
        if self.learned:
            more = kl_divergence_backward(self.params["log_alpha"], approximation=approximation)
            self.grads["log_alpha"] = self.grads.get("log_alpha", 0) + scale * more


def _check_threshold(threshold: float) -> float:
    return check_number("threshold", threshold, "(-inf, inf]")


@remembered
def _check_kept(log_alpha: np.ndarray, threshold: float) -> float:
    check_floating("log_alpha", log_alpha)
    check_batch(log_alpha, "log_alpha")
    return _check_threshold(threshold)


@remembered
def _check_kl(log_alpha: np.ndarray, approximation: str) -> None:
    check_choice("approximation", approximation, ("sigmoid", "cubic"))
    check_floating("log_alpha", log_alpha)
    check_batch(log_alpha, "log_alpha")


def _check_scale(scale: float) -> float:
    return check_number("scale", scale)


@remembered
def _check_input(x: np.ndarray, log_alpha: np.ndarray, training: bool) -> None:
    check_flag("training", training)
    check_features(x, log_alpha.shape[0])
    check_precision(x, log_alpha)


@remembered
def _check(
    x: np.ndarray,
    log_alpha: np.ndarray,
    noise: np.ndarray | None,
    training: bool,
    threshold: float,
    **grad: np.ndarray,
) -> float:
    check_floats(x=x, log_alpha=log_alpha, **given(noise=noise), **grad)
    check_batch(x)
    check_same_shape("log_alpha", log_alpha, tuple(x.shape[-1:]))
    if check_flag("training", training):
        if noise is None:
            raise ValueError("noise must be given in training, got None")
        check_same_shape("noise", noise, x)
    for name, array in grad.items():
        check_same_shape(name, array, x)
    return _check_threshold(threshold)
