r"""DropBlock: dropout of whole squares of a feature map, whose neighbours cannot stand in for them.

    gamma = rate / b^2 * H W / ((H - b + 1) (W - b + 1))                    b = block_size
    seeds ~ Bernoulli(gamma), at each place of (H - b + 1, W - b + 1)       True = a block begins

    mask[i, j] = False where a seed (u, v) has u <= i < u + b and v <= j < v + b, else True
    training     y = x * mask * count(mask) / count_ones(mask)              inference  y = x

With gamma about ``rate`` of the units are dropped while it is small (0.1: 9 %); blocks overlap, and
at 0.5 it may be 37 %. A unit in the middle of a larger map lies in b^2 blocks, one in a corner in
one: the border is dropped far less. Every block lies inside the map; every channel of every image
has seeds of its own. The scale is one number for the batch, and 0 if nothing is kept. The map is
linear in x: dL/dx = dL/dy * mask * count(mask) / count_ones(mask).

``x`` has shape (N, H, W, C), ``mask`` the same, ``seeds`` (N, H - b + 1, W - b + 1, C); ``rate``
lies in [0, 1), ``block_size`` is an integer from 1 to the smaller side of the map. A ``ValueError``
says which argument does not fit.

Paper: Ghiasi, Lin and Le, "DropBlock: a regularization method for convolutional networks", NeurIPS
2018 (Algorithm 1).

Framework differences: neither framework has it; torchvision's pads the corners of blocks as we do,
and has the rate for p.

Here: the mask is cut out block by block.
"""

import numpy as np

from scratch.layers import Layer
from scratch.streams import bernoulli
from triptych.common.checks import (
    check_draw,
    check_flag,
    check_floating,
    check_integer,
    check_maps,
    check_mask,
    check_number,
    check_seed,
    check_size,
    remembered,
)
from triptych.common.names import Draws, layer_name
from triptych.common.streams import Stream

__all__ = ["draw_seeds", "block_mask", "drop_block", "drop_block_backward", "DropBlock2D"]


def draw_seeds(stream: Stream, shape: tuple[int, ...], rate: float, block_size: int) -> np.ndarray:
    """Where blocks begin in feature maps of ``shape`` (N, H, W, C)."""
    rate, b = _check_draw(stream, shape, rate, block_size)
    n, height, width, channels = shape
    gamma = _gamma(rate, b, height, width)
    return bernoulli(stream, (n, height - b + 1, width - b + 1, channels), gamma)


def block_mask(seeds: np.ndarray, block_size: int) -> np.ndarray:
    """True (keep) where no block lies, (N, H, W, C)."""
    b = _check_seeds(seeds, block_size)
    n, height, width, channels = seeds.shape
    mask = np.ones((n, height + b - 1, width + b - 1, channels), bool)
    for u in range(b):
        for v in range(b):
            mask[:, u : u + height, v : v + width] &= ~seeds
    return mask


def drop_block(x: np.ndarray, mask: np.ndarray | None, *, training: bool = True) -> np.ndarray:
    """y, with a mask that is given. Inference uses none; it may then be None."""
    _check(x, mask, training)
    return x * mask * _scale(np.asarray(mask), x) if training else x


def drop_block_backward(
    grad: np.ndarray, mask: np.ndarray | None, *, training: bool = True
) -> np.ndarray:
    """dL/dx from dL/dy: the same map."""
    _check(grad, mask, training, "grad")
    return drop_block(grad, mask, training=training)


def _gamma(rate: float, b: int, height: int, width: int) -> float:
    places = (height - b + 1) * (width - b + 1)
    # Rounding alone can pass 1.
    return min(1.0, rate / b**2 * height * width / places)


def _scale(mask: np.ndarray, x: np.ndarray) -> np.ndarray:
    ones = np.count_nonzero(mask)
    return np.asarray(mask.size / ones if ones else 0.0, x.dtype)


class DropBlock2D(Draws, Layer):
    """DropBlock, seeds from the stream (seed, name, step); ``step`` counts training passes."""

    def __init__(
        self, rate: float, block_size: int, *, seed: int = 0, name: str | None = None
    ) -> None:
        super().__init__(layer_name("scratch", "drop_block", name))
        self.rate = check_number("rate", rate, "[0, 1)")
        self.block_size = check_size("block_size", block_size)
        self.seed = check_seed(seed)
        self.state["step"] = np.zeros((), np.int64)

    def forward(self, x: np.ndarray, *, training: bool = False) -> np.ndarray:
        _check_input(x, self.block_size, training)
        self._mask, self._training = None, training
        if training:
            stream = Stream(self.seed, self.name, self.state["step"])
            seeds = draw_seeds(stream, x.shape, self.rate, self.block_size)
            self._mask = block_mask(seeds, self.block_size)
            self.state["step"] += 1
        return drop_block(x, self._mask, training=training)

    def backward(self, grad: np.ndarray) -> np.ndarray:
        return drop_block_backward(grad, self._mask, training=self._training)


@remembered
def _check_draw(
    stream: Stream, shape: tuple[int, ...], rate: float, block_size: int
) -> tuple[float, int]:
    check_draw(stream, shape)
    if len(shape) != 4 or 0 in shape:
        raise ValueError(f"shape must be (N, H, W, C), got {tuple(shape)}")
    return check_number("rate", rate, "[0, 1)"), _check_size(block_size, shape)


def _check_size(block_size: int, shape: tuple[int, ...]) -> int:
    sides = [side for side in shape[1:3] if isinstance(side, int)]
    most = min(sides) if sides else None
    return check_integer("block_size", block_size, minimum=1, maximum=most)


@remembered
def _check_seeds(seeds: np.ndarray, block_size: int) -> int:
    check_maps(seeds, name="seeds")
    check_mask(seeds, seeds, "seeds")
    return check_size("block_size", block_size)


@remembered
def _check_input(x: np.ndarray, block_size: int, training: bool) -> None:
    check_maps(x)
    check_floating("x", x)
    _check_size(block_size, tuple(x.shape))
    check_flag("training", training)


@remembered
def _check(x: np.ndarray, mask: np.ndarray | None, training: bool, name: str = "x") -> None:
    check_maps(x, name=name)
    check_floating(name, x)
    if check_flag("training", training):
        check_mask(mask, x)
