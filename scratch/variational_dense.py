r"""Sparse variational dropout: each weight of a dense layer learns its noise, and most are pruned.

    alpha = sigma^2 / w^2                                   the noise of a weight, relative to it
    training    y = x W + b + sqrt(x^2 sigma^2 + 1e-8) * noise,       noise ~ N(0, 1)
    inference   y = x (W * kept) + b,                                 kept: log alpha <= threshold
    loss        L = data + (1 / examples) * sum of KL(log alpha)
                data: the mean loss of a batch
                examples: how many the training set has, not the batch

A weight is drawn from N(w, sigma^2); x^2 and sigma^2 are squares of each element. The weights are
not drawn one by one: y is, from the normal distribution that they give it, with a noise of its own
for each example (local reparameterization), so that gradients have less variance. KL, of
``variational_dropout``, falls as alpha grows: noise is free where the data do not object. Beyond
log alpha = 3 a weight is 95 % noise, and is pruned. What is learned beside W is log sigma^2, not
log alpha: of w + sigma * noise the derivative by w is 1, of w (1 + sqrt(alpha) * noise) it is as
noisy as alpha is large (additive noise reparameterization).

    s = sqrt(x^2 sigma^2 + 1e-8),    dv = dy * noise / (2 s)
    dW = x^T dy,    db = sum dy,     dlog_sigma2 = sigma^2 * ((x^2)^T dv)
    dx = dy W^T + 2 x * (dv (sigma^2)^T)

    log alpha = log sigma^2 - log(w^2 + 1e-8)
    its derivatives: -2 w / (w^2 + 1e-8) by w, 1 by log sigma^2

``x`` has shape (N, ..., in), ``weight`` and ``log_sigma2`` (in, out), ``bias`` (out,) or None,
``noise`` (N, ..., out), all of one dtype; ``threshold`` lies in (-inf, inf], where infinity keeps
all. A ``ValueError`` says which argument does not fit.

Paper: Molchanov, Ashukha and Vetrov, "Variational dropout sparsifies deep neural networks", ICML
2017; Kingma, Salimans and Welling, "Variational dropout and the local reparameterization trick",
NeurIPS 2015.

Framework differences: neither framework has it. See ``triptych differences``: dense-layout.

Here: a loss of data and KL has two backward passes: ``kl_backward`` adds to ``grads`` of the first.
"""

import numpy as np

from scratch.layers import Dense
from scratch.noise import draw_noise
from scratch.variational_dropout import kept, kl_divergence, kl_divergence_backward
from triptych.common.checks import (
    check_dense,
    check_features,
    check_flag,
    check_floats,
    check_kernel,
    check_number,
    check_precision,
    check_same_shape,
    dtype_name,
    given,
    remembered,
)
from triptych.common.names import layer_name
from triptych.common.recipes import representable
from triptych.common.streams import Stream

__all__ = [
    "variational_dense",
    "variational_dense_backward",
    "log_alpha",
    "log_alpha_backward",
    "VariationalDense",
]

EPSILON = 1e-8


def variational_dense(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None,
    log_sigma2: np.ndarray,
    noise: np.ndarray | None,
    *,
    training: bool = True,
    threshold: float = 3.0,
) -> np.ndarray:
    """The equations above, with noise that is given. Inference uses none; it may then be None."""
    threshold = _check(x, weight, bias, log_sigma2, noise, training, threshold)
    if training:
        variance = x**2 @ np.exp(log_sigma2)
        y = x @ weight + np.sqrt(variance + EPSILON) * np.asarray(noise)
    else:
        y = x @ (weight * kept(log_alpha(weight, log_sigma2), threshold=threshold))
    return y if bias is None else y + bias


def variational_dense_backward(
    grad: np.ndarray,
    x: np.ndarray,
    weight: np.ndarray,
    log_sigma2: np.ndarray,
    noise: np.ndarray | None,
    *,
    training: bool = True,
    threshold: float = 3.0,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """dL/dx, dL/dweight, dL/dbias and dL/dlog_sigma2 from dL/dy."""
    threshold = _check(x, weight, None, log_sigma2, noise, training, threshold, grad=grad)
    rows, dy = x.reshape(-1, x.shape[-1]), grad.reshape(-1, grad.shape[-1])
    dweight, dbias = rows.T @ dy, dy.sum(axis=0)
    if not training:
        mask = kept(log_alpha(weight, log_sigma2), threshold=threshold)
        return grad @ (weight * mask).T, dweight * mask, dbias, np.zeros_like(log_sigma2)
    sigma2 = np.exp(log_sigma2)
    s = np.sqrt(x**2 @ sigma2 + EPSILON)
    dv = grad * np.asarray(noise) / (2 * s)
    dx = grad @ weight.T + 2 * x * (dv @ sigma2.T)
    return dx, dweight, dbias, sigma2 * ((rows**2).T @ dv.reshape(dy.shape))


def log_alpha(weight: np.ndarray, log_sigma2: np.ndarray) -> np.ndarray:
    """Of each weight."""
    _check_log_alpha(weight, log_sigma2=log_sigma2)
    return log_sigma2 - np.log(weight**2 + EPSILON)


def log_alpha_backward(grad: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """dL/dweight and dL/dlog_sigma2 from dL/dlog_alpha."""
    _check_log_alpha(weight, grad=grad)
    return -2 * weight / (weight**2 + EPSILON) * grad, grad


class VariationalDense(Dense):
    """A dense layer with noise from the stream (seed, "name.noise", step).

    log sigma^2 begins at ``log_sigma2``; ``step`` counts training passes. A step:

        model.backward_parameters(softmax_cross_entropy_backward(logits, y))
        for layer in variational:
            layer.kl_backward(1 / len(x_train))
        optimizer.step(params, grads)
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        use_bias: bool = True,
        log_sigma2: float = -10.0,
        threshold: float = 3.0,
        seed: int = 0,
        name: str | None = None,
        dtype: str = "float32",
    ) -> None:
        name = layer_name("scratch", "variational_dense", name)
        super().__init__(
            in_features, out_features, use_bias=use_bias, seed=seed, name=name, dtype=dtype
        )
        start = representable(check_number("log_sigma2", log_sigma2))
        self.threshold = _check_threshold(threshold)
        self.params["log_sigma2"] = np.full((self.in_features, self.out_features), start, dtype)
        self.state["step"] = np.zeros((), np.int64)

    def forward(self, x: np.ndarray, *, training: bool = False) -> np.ndarray:
        _check_input(x, self.in_features, self.params["weight"], training)
        noise = None
        if training:
            stream = Stream(self.seed, f"{self.name}.noise", self.state["step"])
            noise = draw_noise(stream, (*x.shape[:-1], self.out_features), dtype=dtype_name(x))
            self.state["step"] += 1
        self._x, self._noise, self._training = x, noise, training
        return variational_dense(
            x,
            self.params["weight"],
            self.params.get("bias"),
            self.params["log_sigma2"],
            noise,
            training=training,
            threshold=self.threshold,
        )

    def backward(self, grad: np.ndarray) -> np.ndarray:
        dx, *grads = variational_dense_backward(
            grad,
            self._x,
            self.params["weight"],
            self.params["log_sigma2"],
            self._noise,
            training=self._training,
            threshold=self.threshold,
        )
        named = zip(("weight", "bias", "log_sigma2"), grads, strict=True)
        self.grads |= {name: grad for name, grad in named if name in self.params}
        return dx

    def backward_parameters(self, grad: np.ndarray) -> None:
        self.backward(grad)

    def log_alpha(self) -> np.ndarray:
        """Of each weight, (in, out)."""
        return log_alpha(self.params["weight"], self.params["log_sigma2"])

    def kept(self) -> np.ndarray:
        """Of each weight, (in, out), whether it is not pruned."""
        return kept(self.log_alpha(), threshold=self.threshold)

    def kl(self, *, approximation: str = "sigmoid") -> np.ndarray:
        """The sum of KL over the weights."""
        return kl_divergence(self.log_alpha(), approximation=approximation)

    def kl_backward(self, scale: float = 1.0, *, approximation: str = "sigmoid") -> None:
        """Add ``scale`` times the gradients of ``kl()`` to ``grads``."""
        scale = _check_scale(scale)
        grad = scale * kl_divergence_backward(self.log_alpha(), approximation=approximation)
        more = log_alpha_backward(grad, self.params["weight"])
        for key, value in zip(("weight", "log_sigma2"), more, strict=True):
            self.grads[key] = self.grads.get(key, 0) + value


def _check_threshold(threshold: float) -> float:
    return check_number("threshold", threshold, "(-inf, inf]")


def _check_scale(scale: float) -> float:
    return check_number("scale", scale)


@remembered
def _check_input(x: np.ndarray, in_features: int, weight: np.ndarray, training: bool) -> None:
    check_flag("training", training)
    check_features(x, in_features)
    check_precision(x, weight)


@remembered
def _check_log_alpha(weight: np.ndarray, **other: np.ndarray) -> None:
    check_floats(weight=weight, **other)
    check_kernel("weight", weight)
    for name, array in other.items():
        check_same_shape(name, array, weight)


@remembered
def _check(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None,
    log_sigma2: np.ndarray,
    noise: np.ndarray | None,
    training: bool,
    threshold: float,
    **grad: np.ndarray,
) -> float:
    check_dense(x, weight, bias, training)
    check_floats(x=x, log_sigma2=log_sigma2, **given(noise=noise), **grad)
    check_same_shape("log_sigma2", log_sigma2, weight)
    output = (*x.shape[:-1], weight.shape[1])
    if training:
        if noise is None:
            raise ValueError("noise must be given in training, got None")
        check_same_shape("noise", noise, output)
    for name, array in grad.items():
        check_same_shape(name, array, output)
    return _check_threshold(threshold)
