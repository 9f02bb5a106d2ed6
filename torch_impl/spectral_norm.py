r"""Spectral norm: a layer's weight is divided by its largest singular value.

    v <- W u / ||W u||                   W: the weight as a matrix (K, M), a column for each unit
    u <- W^T v / ||W^T v||               one power iteration, in each training pass
    sigma = v^T W u                      which tends to the largest singular value of W
    W~ = W / sigma
    dL/dW = (dL/dW~ - sum(dL/dW~ * W~) v u^T) / sigma              u and v are taken as constants

So a dense layer stretches no input by more than about 1: it is nearly 1-Lipschitz (sigma comes from
below, so the norm of W~ is 1 or a few per cent more). A convolution is bounded only up to a factor:
at stride 1 at most sqrt(height * width) of its kernel. It was made for the discriminators of GANs.
What is trained is W, and W~ is made of it in every pass. u and v are kept from pass to pass: W
changes little in a step, so that one iteration follows it. Inference takes them as they are. Before
the first pass they have gone through 15 iterations from a random u. Where sigma is 0, W~ = W.

``w`` has shape (..., M), K is the product of the other axes: (in, out) of a dense layer, (height,
width, in, out) of a convolution; ``u`` has shape (M,), ``v`` (K,), all of one dtype; ``iterations``
is 1 or more. A ``ValueError`` says which argument does not fit.

Paper: Miyato, Kataoka, Koyama and Yoshida, "Spectral normalization for generative adversarial
networks", ICLR 2018 (algorithm 1).

Framework differences: PyTorch begins an iteration with u; Keras writes W~ over W, so that no
gradient goes through sigma. See ``triptych differences``: spectral-norm-timing,
spectral-norm-order, spectral-norm-gradient.

Here: W is PyTorch's own weight with its axes turned. ``torch.nn.utils.parametrizations`` has a
spectral norm, but renames the weight, which saved files and penalties would not know.
"""

import torch
from torch import nn

from torch_impl.streams import normal
from triptych.common.checks import (
    check_singular,
    check_size,
    check_wrapped,
    dtype_name,
    remembered,
)
from triptych.common.names import Draws, layer_name
from triptych.common.streams import Stream

__all__ = ["power_iteration", "spectral_norm", "SpectralNorm"]

START = 15  # iterations before the first pass, as in PyTorch
KINDS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)


@torch.no_grad()
def power_iteration(
    w: torch.Tensor, u: torch.Tensor, v: torch.Tensor, *, iterations: int = 1
) -> tuple[torch.Tensor, torch.Tensor]:
    """u and v after some steps."""
    iterations = _check_iteration(w, u, v, iterations)
    matrix = w.reshape(-1, w.shape[-1])
    for _ in range(iterations):
        v = _unit(matrix @ u, v)
        u = _unit(matrix.T @ v, u)
    return u, v


def spectral_norm(w: torch.Tensor, u: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """W~, in the shape of w."""
    _check(w, u, v)
    sigma = v @ w.reshape(-1, w.shape[-1]) @ u
    return w / torch.where(sigma == 0, 1, sigma)


def _unit(x: torch.Tensor, before: torch.Tensor) -> torch.Tensor:
    """x / ||x||; of zeros, which have no direction, the one before."""
    largest = x.abs().max()
    x = x / largest  # or squares may be too large or too small for the dtype
    return torch.where(largest == 0, before, x / torch.linalg.vector_norm(x))


class SpectralNorm(Draws, nn.Module):
    """A dense layer or a convolution with W~ for its weight; u begins from the stream (seed,
    "name.u").
    """

    u: torch.Tensor
    v: torch.Tensor

    def __init__(
        self,
        layer: nn.Linear | nn.Conv2d,
        *,
        iterations: int = 1,
        seed: int = 0,
        name: str | None = None,
    ) -> None:
        super().__init__()
        check_wrapped(layer, KINDS, ("u", "v"))
        self.seed = seed
        self.iterations = check_size("iterations", iterations)
        self.name = layer_name("torch", "spectral_norm", name)
        self._layer_name = str(layer.name)
        self.add_module(self._layer_name, layer)
        w = _units_last(layer.weight.detach())
        u = normal(Stream(seed, f"{self.name}.u"), w.shape[-1:], dtype=dtype_name(w)).to(w.device)
        v = w.new_zeros(w.numel() // w.shape[-1])
        u, v = power_iteration(w, u, v, iterations=START)
        self.register_buffer("u", u)
        self.register_buffer("v", v)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        layer = self.get_submodule(self._layer_name)
        weight, u, v = layer.get_parameter("weight"), self.u.clone(), self.v.clone()
        w = _units_last(weight)
        if self.training:
            u, v = power_iteration(w, u, v, iterations=self.iterations)
            self.u.copy_(u)
            self.v.copy_(v)
        normalized = _units_first(spectral_norm(w, u, v))
        y: torch.Tensor = torch.func.functional_call(layer, {"weight": normalized}, (x,))
        return y

    def extra_repr(self) -> str:
        return f"iterations={self.iterations}"


def _units_last(weight: torch.Tensor) -> torch.Tensor:
    """(out, in, ...) as (..., in, out)."""
    return weight.permute(*range(2, weight.ndim), 1, 0)


def _units_first(w: torch.Tensor) -> torch.Tensor:
    return w.permute(w.ndim - 1, w.ndim - 2, *range(w.ndim - 2))


@remembered
def _check(w: torch.Tensor, u: torch.Tensor, v: torch.Tensor) -> None:
    check_singular(w, u, v)


def _check_iteration(w: torch.Tensor, u: torch.Tensor, v: torch.Tensor, iterations: int) -> int:
    _check(w, u, v)
    return check_size("iterations", iterations)
