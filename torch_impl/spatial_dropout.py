r"""Spatial dropout: in training whole feature maps are set to zero with probability ``rate``.

    mask ~ Bernoulli(1 - rate), shape (N, C)                  True = keep
    training     y[n, i, j, c] = x[n, i, j, c] * mask[n, c] / (1 - rate)
    inference    y = x

Neighbouring pixels of a feature map say nearly the same, so dropping some of them takes little
away: a map of an image is dropped as a whole, or kept. The map is linear in x and diagonal, so
the gradient goes through the same map: in training dL/dx = dL/dy * mask / (1 - rate).

``x`` has shape (N, H, W, C), ``mask`` (N, C); ``rate`` lies in [0, 1); a ``ValueError`` says which
argument does not fit.

Paper: Tompson, Goroshin, Jain, LeCun and Bregler, "Efficient object localization using
convolutional networks", CVPR 2015, section 3.2.

Framework differences: we take four axes, channels last, and multiply by a mask that is given. See
``triptych differences``: spatial-dropout-rank, dropout-nan, dropout-noise-shape.

Here: the product is written out, and its gradient is PyTorch's autograd.
"""

import torch
from torch import nn

from torch_impl.streams import Device, bernoulli
from triptych.common.checks import (
    check_draw,
    check_flag,
    check_floating,
    check_maps,
    check_mask,
    check_number,
    check_seed,
    remembered,
)
from triptych.common.names import Draws, layer_name
from triptych.common.streams import Stream

__all__ = ["draw_mask", "spatial_dropout", "SpatialDropout2D"]


def draw_mask(
    stream: Stream, shape: tuple[int, ...], rate: float, *, device: Device = None
) -> torch.Tensor:
    """Booleans (N, C) for x of ``shape`` (N, H, W, C), True (keep) with probability 1 - rate."""
    rate = _check_draw(stream, shape, rate)
    return ~bernoulli(stream, (shape[0], shape[3]), rate, device=device)


def spatial_dropout(
    x: torch.Tensor, rate: float, mask: torch.Tensor | None, *, training: bool = True
) -> torch.Tensor:
    """The equations above, with a mask that is given. Inference uses none; it may then be None."""
    rate = _check(x, rate, mask, training)
    if not training:
        return x
    factor = torch.as_tensor(mask, dtype=x.dtype) * (1 / (1 - rate))
    return x * factor[:, None, None, :]


class SpatialDropout2D(Draws, nn.Module):
    """Dropout of maps by the stream (seed, name, step); ``step`` counts training passes."""

    step: torch.Tensor

    def __init__(self, rate: float, *, seed: int = 0, name: str | None = None) -> None:
        super().__init__()
        self.name = layer_name("torch", "spatial_dropout", name)
        self.rate = _check_rate(rate)
        self.seed = check_seed(seed)
        self.register_buffer("step", torch.zeros((), dtype=torch.int64))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        check_maps(x)
        mask = None
        if self.training:
            stream = Stream(self.seed, self.name, self.step)
            mask = draw_mask(stream, tuple(x.shape), self.rate, device=x.device)
            self.step += 1
        return spatial_dropout(x, self.rate, mask, training=self.training)

    def extra_repr(self) -> str:
        return f"rate={self.rate}"


@remembered
def _check_rate(rate: float) -> float:
    return check_number("rate", rate, "[0, 1)")


@remembered
def _check_draw(stream: Stream, shape: tuple[int, ...], rate: float) -> float:
    check_draw(stream, shape)
    rate = _check_rate(rate)
    check_maps(tuple(shape))
    return rate


@remembered
def _check(x: torch.Tensor, rate: float, mask: torch.Tensor | None, training: bool) -> float:
    rate = _check_rate(rate)
    check_floating("x", x)
    check_maps(x)
    if check_flag("training", training):
        check_mask(mask, (x.shape[0], x.shape[3]))
    return rate
