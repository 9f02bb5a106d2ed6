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

Here: the products are PyTorch's own, and the gradient is its autograd. The layer keeps weight and
log_sigma2 in PyTorch's layout, (out, in).
"""

import torch
import torch.nn.functional as F
from torch import nn

from torch_impl.layers import Dense, check_precision
from torch_impl.noise import draw_noise
from torch_impl.variational_dropout import kept, kl_divergence
from triptych.common.checks import (
    check_dense,
    check_features,
    check_floating,
    check_floats,
    check_kernel,
    check_number,
    check_same_shape,
    dtype_name,
    given,
    remembered,
)
from triptych.common.names import layer_name
from triptych.common.recipes import representable
from triptych.common.streams import Stream

__all__ = ["variational_dense", "log_alpha", "VariationalDense"]

EPSILON = 1e-8


def variational_dense(
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    log_sigma2: torch.Tensor,
    noise: torch.Tensor | None,
    *,
    training: bool = True,
    threshold: float = 3.0,
) -> torch.Tensor:
    """The equations above, with noise that is given. Inference uses none; it may then be None."""
    threshold = _check(x, weight, bias, log_sigma2, noise, training, threshold)
    if not training:
        mask = kept(log_alpha(weight, log_sigma2), threshold=threshold)
        return F.linear(x, (weight * mask).T, bias)
    variance = F.linear(x**2, torch.exp(log_sigma2).T)
    y = F.linear(x, weight.T, bias)
    return y + torch.sqrt(variance + EPSILON) * torch.as_tensor(noise)


def log_alpha(weight: torch.Tensor, log_sigma2: torch.Tensor) -> torch.Tensor:
    """Of each weight."""
    _check_log_alpha(weight, log_sigma2=log_sigma2)
    return log_sigma2 - torch.log(weight**2 + EPSILON)


class VariationalDense(Dense):
    """A dense layer with noise from the stream (seed, "name.noise", step).

    log sigma^2 begins at ``log_sigma2``; ``step`` counts training passes. The loss of a model:

        kl = sum(layer.kl() for layer in variational)
        loss = softmax_cross_entropy(model(x), y) + kl / len(x_train)
    """

    step: torch.Tensor

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
        name = layer_name("torch", "variational_dense", name)
        super().__init__(
            in_features, out_features, use_bias=use_bias, seed=seed, name=name, dtype=dtype
        )
        start = representable(check_number("log_sigma2", log_sigma2))
        self.threshold = _check_threshold(threshold)
        self.log_sigma2 = nn.Parameter(torch.full_like(self.weight, start))
        self.register_buffer("step", torch.zeros((), dtype=torch.int64))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        _check_input(x, self.in_features)
        check_precision(x, self.weight)
        noise = None
        if self.training:
            stream = Stream(self.seed, f"{self.name}.noise", self.step)
            shape = (*x.shape[:-1], self.out_features)
            noise = draw_noise(stream, shape, dtype=dtype_name(x), device=x.device)
            self.step += 1
        return variational_dense(
            x,
            self.weight.T,
            self.bias,
            self.log_sigma2.T,
            noise,
            training=self.training,
            threshold=self.threshold,
        )

    def log_alpha(self) -> torch.Tensor:
        """Of each weight, (in, out)."""
        return log_alpha(self.weight.T, self.log_sigma2.T)

    def kept(self) -> torch.Tensor:
        """Of each weight, (in, out), whether it is not pruned."""
        return kept(self.log_alpha(), threshold=self.threshold)

    def kl(self, *, approximation: str = "sigmoid") -> torch.Tensor:
        """The sum of KL over the weights."""
        return kl_divergence(self.log_alpha(), approximation=approximation)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, threshold={self.threshold}"


def _check_threshold(threshold: float) -> float:
    return check_number("threshold", threshold, "(-inf, inf]")


@remembered
def _check_input(x: torch.Tensor, in_features: int) -> None:
    check_features(x, in_features)
    check_floating("x", x)


@remembered
def _check_log_alpha(weight: torch.Tensor, **other: torch.Tensor) -> None:
    check_floats(weight=weight, **other)
    check_kernel("weight", weight)
    for name, array in other.items():
        check_same_shape(name, array, weight)


@remembered
def _check(
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    log_sigma2: torch.Tensor,
    noise: torch.Tensor | None,
    training: bool,
    threshold: float,
) -> float:
    check_dense(x, weight, bias, training)
    check_floats(x=x, log_sigma2=log_sigma2, **given(noise=noise))
    check_same_shape("log_sigma2", log_sigma2, weight)
    if training:
        if noise is None:
            raise ValueError("noise must be given in training, got None")
        check_same_shape("noise", noise, (*x.shape[:-1], weight.shape[1]))
    return _check_threshold(threshold)
