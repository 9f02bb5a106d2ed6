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

Here: the equations are written out, and their gradient is PyTorch's autograd.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn

from torch_impl.layers import check_precision
from torch_impl.noise import draw_noise
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
    x: torch.Tensor,
    log_alpha: torch.Tensor,
    noise: torch.Tensor | None,
    *,
    training: bool = True,
    threshold: float = 3.0,
) -> torch.Tensor:
    """The equations above, with noise that is given. Inference uses none; it may then be None."""
    threshold = _check(x, log_alpha, noise, training, threshold)
    if not training:
        return x * kept(log_alpha, threshold=threshold)
    return x * (1 + torch.exp(log_alpha / 2) * torch.as_tensor(noise))


def kept(log_alpha: torch.Tensor, *, threshold: float = 3.0) -> torch.Tensor:
    """Booleans: what is not pruned."""
    threshold = _check_kept(log_alpha, threshold)
    return log_alpha <= threshold


def kl_divergence(log_alpha: torch.Tensor, *, approximation: str = "sigmoid") -> torch.Tensor:
    """The sum of KL over all of ``log_alpha``."""
    _check_kl(log_alpha, approximation)
    if approximation == "sigmoid":
        # F.softplus cuts off at 20: 1e-9 of it is lost there.
        half = -F.logsigmoid(log_alpha) / 2
        return (K1 * torch.sigmoid(-(K2 + K3 * log_alpha)) + half).sum()
    log_alpha = torch.where(log_alpha > 0, 0.0, log_alpha)  # clamp's gradient at 0 varies
    alpha = torch.exp(log_alpha)
    return -(log_alpha / 2 + C1 * alpha + C2 * alpha**2 + C3 * alpha**3).sum()


class VariationalDropout(Draws, nn.Module):
    """Noise from the stream (seed, name, step); ``step`` counts training passes.

    Each of the units begins with ``alpha``, and stays there if it is not ``learned``. A step:

        loss = softmax_cross_entropy(model(x), y) + layer.kl() / len(x_train)
        loss.backward()
        optimizer.step()
    """

    log_alpha: torch.Tensor
    step: torch.Tensor

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
        super().__init__()
        self.name = layer_name("torch", "variational_dropout", name)
        self.features = check_size("features", features)
        self.alpha = check_number("alpha", alpha, "(0, inf)")
        self.learned = check_flag("learned", learned)
        self.threshold = _check_threshold(threshold)
        self.seed = check_seed(seed)
        start = representable(math.log(self.alpha))
        log_alpha = torch.full((self.features,), start, dtype=getattr(torch, check_dtype(dtype)))
        if learned:
            self.log_alpha = nn.Parameter(log_alpha)
        else:
            self.register_buffer("log_alpha", log_alpha)
        self.register_buffer("step", torch.zeros((), dtype=torch.int64))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        _check_input(x, self.features)
        check_precision(x, self.log_alpha)
        noise = None
        if self.training:
            stream = Stream(self.seed, self.name, self.step)
            noise = draw_noise(stream, tuple(x.shape), dtype=dtype_name(x), device=x.device)
            self.step += 1
        return variational_dropout(
            x, self.log_alpha, noise, training=self.training, threshold=self.threshold
        )

    def kept(self) -> torch.Tensor:
        """Of each unit, whether it is not pruned."""
        return kept(self.log_alpha, threshold=self.threshold)

    def kl(self, *, approximation: str = "sigmoid") -> torch.Tensor:
        """The sum of KL over the units."""
        return kl_divergence(self.log_alpha, approximation=approximation)

    def extra_repr(self) -> str:
        return f"{self.features}, learned={self.learned}, threshold={self.threshold}"


def _check_threshold(threshold: float) -> float:
    return check_number("threshold", threshold, "(-inf, inf]")


@remembered
def _check_kept(log_alpha: torch.Tensor, threshold: float) -> float:
    check_floating("log_alpha", log_alpha)
    check_batch(log_alpha, "log_alpha")
    return _check_threshold(threshold)


@remembered
def _check_kl(log_alpha: torch.Tensor, approximation: str) -> None:
    check_choice("approximation", approximation, ("sigmoid", "cubic"))
    check_floating("log_alpha", log_alpha)
    check_batch(log_alpha, "log_alpha")


@remembered
def _check_input(x: torch.Tensor, features: int) -> None:
    check_features(x, features)
    check_floating("x", x)


@remembered
def _check(
    x: torch.Tensor,
    log_alpha: torch.Tensor,
    noise: torch.Tensor | None,
    training: bool,
    threshold: float,
) -> float:
    check_floats(x=x, log_alpha=log_alpha, **given(noise=noise))
    check_batch(x)
    check_same_shape("log_alpha", log_alpha, tuple(x.shape[-1:]))
    if check_flag("training", training):
        if noise is None:
            raise ValueError("noise must be given in training, got None")
        check_same_shape("noise", noise, x)
    return _check_threshold(threshold)
