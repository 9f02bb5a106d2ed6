r"""DropConnect: in training every weight of a dense layer is set to zero with probability ``rate``.

    mask ~ Bernoulli(1 - rate), for each weight               True = keep
    training     y = x (W * mask) / (1 - rate) + b            one mask for the batch,
                 y[n] = x[n] (W * mask[n]) / (1 - rate) + b   or one for each example
    inference    y = x W + b

Dropout drops inputs, and with an input all the weights that leave it; here each goes by itself. The
bias stays. With W_n = W * mask[n] / (1 - rate): dL/dW = sum_n x[n]^T dy[n] * mask[n] / (1 - rate),
dL/dx[n] = dy[n] W_n^T, dL/db = sum dy. A mask for each example has less variance, and takes N times
the memory of the weights.

``x`` has shape (N, ..., in), ``weight`` (in, out), ``bias`` (out,) or None, all of one dtype;
``mask`` has shape (in, out), or (N, in, out); ``rate`` lies in [0, 1). A ``ValueError`` says which
argument does not fit.

Paper: Wan, Zeiler, Zhang, LeCun and Fergus, "Regularization of neural networks using DropConnect",
ICML 2013. There a mask is drawn for each example, biases are dropped too, training does not divide
by 1 - rate, and inference draws from a normal distribution fitted to y; ours is its mean.

Framework differences: neither framework has it; both can apply their dropout to a weight. See
``triptych differences``: dropout-nan, dense-layout.

Here: the products are PyTorch's own, and the gradient is its autograd. The layer keeps its weight
in PyTorch's layout, (out, in).
"""

import torch
import torch.nn.functional as F

from torch_impl.dropout import draw_mask
from torch_impl.layers import Dense, check_precision
from triptych.common.checks import (
    check_dense,
    check_features,
    check_flag,
    check_floating,
    check_mask,
    check_number,
    remembered,
)
from triptych.common.names import layer_name
from triptych.common.streams import Stream

__all__ = ["drop_connect", "DropConnectDense"]


def drop_connect(
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    rate: float,
    mask: torch.Tensor | None,
    *,
    training: bool = True,
) -> torch.Tensor:
    """The equations above, with a mask that is given. Inference uses none; it may then be None."""
    rate = _check(x, weight, bias, rate, mask, training)
    if training:
        weight = weight * torch.as_tensor(mask, dtype=x.dtype) * (1 / (1 - rate))
    if weight.ndim == 2:
        return F.linear(x, weight.T, bias)
    y = x.reshape(x.shape[0], -1, x.shape[-1]) @ weight
    y = y.reshape(*x.shape[:-1], weight.shape[-1])
    return y if bias is None else y + bias


class DropConnectDense(Dense):
    """A dense layer with masks from the stream (seed, "name.mask", step).

    ``per_example``: a mask for each example, else one for all; ``step`` counts training passes.
    """

    step: torch.Tensor

    def __init__(
        self,
        in_features: int,
        out_features: int,
        rate: float,
        *,
        per_example: bool = False,
        use_bias: bool = True,
        seed: int = 0,
        name: str | None = None,
        dtype: str = "float32",
    ) -> None:
        name = layer_name("torch", "drop_connect_dense", name)
        super().__init__(
            in_features, out_features, use_bias=use_bias, seed=seed, name=name, dtype=dtype
        )
        self.rate = _check_rate(rate)
        self.per_example = check_flag("per_example", per_example)
        self.register_buffer("step", torch.zeros((), dtype=torch.int64))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        _check_input(x, self.in_features)
        check_precision(x, self.weight)
        mask = None
        if self.training:
            stream = Stream(self.seed, f"{self.name}.mask", self.step)
            shape: tuple[int, ...] = (self.in_features, self.out_features)
            if self.per_example:
                shape = (x.shape[0], *shape)
            mask = draw_mask(stream, shape, self.rate, device=x.device)
            self.step += 1
        return drop_connect(x, self.weight.T, self.bias, self.rate, mask, training=self.training)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, rate={self.rate}, per_example={self.per_example}"


@remembered
def _check_rate(rate: float) -> float:
    return check_number("rate", rate, "[0, 1)")


@remembered
def _check_input(x: torch.Tensor, in_features: int) -> None:
    check_features(x, in_features)
    check_floating("x", x)


@remembered
def _check(
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    rate: float,
    mask: torch.Tensor | None,
    training: bool,
) -> float:
    rate = _check_rate(rate)
    check_dense(x, weight, bias, training)
    if training:
        per_example = len(getattr(mask, "shape", ())) == 3
        check_mask(mask, (x.shape[0], *weight.shape) if per_example else weight)
    return rate
