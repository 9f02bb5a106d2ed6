r"""Alpha dropout: dropout for SELU networks, which keeps the mean 0 and the variance 1.

    mask ~ Bernoulli(1 - rate)                                True = keep
    training    y = a (x * mask + alpha' * (1 - mask)) + b
                a = 1 / sqrt((1 - rate) (1 + rate alpha'^2)),   b = -a rate alpha'
    inference   y = x

alpha' = -scale alpha = -1.758..., with SELU's scale and alpha (see ``activations``), is what SELU
comes to far below 0: a dropped unit is set to that, not to 0, and a and b bring mean and variance
back to 0 and 1. The map is linear in x: dL/dx = dL/dy * a * mask.

``x`` has any shape, ``mask`` the same, ``rate`` lies in [0, 1); a ``ValueError`` says which
argument does not fit.

Paper: Klambauer, Unterthiner, Mayr and Hochreiter, "Self-normalizing neural networks", NeurIPS
2017 (section 2, "New dropout technique").

Framework differences: we use a mask that is given; neither framework takes one. See ``triptych
differences``: alpha-dropout-function-default, alpha-dropout-rate-one.

Here: the backward pass needs the mask alone.
"""

import math

import numpy as np

from scratch.dropout import draw_mask
from scratch.layers import Layer
from triptych.common.checks import (
    check_batch,
    check_flag,
    check_floating,
    check_mask,
    check_number,
    check_seed,
    remembered,
)
from triptych.common.names import Draws, layer_name
from triptych.common.selu import ALPHA, SCALE
from triptych.common.streams import Stream

__all__ = ["alpha_dropout", "alpha_dropout_backward", "AlphaDropout"]

ALPHA_PRIME = -SCALE * ALPHA  # alpha'


def alpha_dropout(
    x: np.ndarray, rate: float, mask: np.ndarray | None, *, training: bool = True
) -> np.ndarray:
    """The equations above, with a mask that is given. Inference uses none; it may then be None."""
    rate = _check(x, rate, mask, training)
    if not training:
        return x
    a, b = _affine(rate)
    kept = np.asarray(mask).astype(x.dtype)
    return a * (x * kept + ALPHA_PRIME * (1 - kept)) + b


def alpha_dropout_backward(
    grad: np.ndarray, rate: float, mask: np.ndarray | None, *, training: bool = True
) -> np.ndarray:
    """dL/dx from dL/dy."""
    rate = _check(grad, rate, mask, training, "grad")
    if not training:
        return grad
    a, _ = _affine(rate)
    return grad * mask * a


def _affine(rate: float) -> tuple[float, float]:
    a = 1 / math.sqrt((1 - rate) * (1 + rate * ALPHA_PRIME * ALPHA_PRIME))
    return a, -a * rate * ALPHA_PRIME


class AlphaDropout(Draws, Layer):
    """Alpha dropout, masks from the stream (seed, name, step); ``step`` counts training passes."""

    def __init__(self, rate: float, *, seed: int = 0, name: str | None = None) -> None:
        super().__init__(layer_name("scratch", "alpha_dropout", name))
        self.rate = _check_rate(rate)
        self.seed = check_seed(seed)
        self.state["step"] = np.zeros((), np.int64)

    def forward(self, x: np.ndarray, *, training: bool = False) -> np.ndarray:
        _check_input(x, training)
        self._mask, self._training = None, training
        if training:
            stream = Stream(self.seed, self.name, self.state["step"])
            self._mask = draw_mask(stream, x.shape, self.rate)
            self.state["step"] += 1
        return alpha_dropout(x, self.rate, self._mask, training=training)

    def backward(self, grad: np.ndarray) -> np.ndarray:
        return alpha_dropout_backward(grad, self.rate, self._mask, training=self._training)


@remembered
def _check_rate(rate: float) -> float:
    return check_number("rate", rate, "[0, 1)")


@remembered
def _check_input(x: np.ndarray, training: bool) -> None:
    check_floating("x", x)
    check_batch(x)
    check_flag("training", training)


@remembered
def _check(
    x: np.ndarray,
    rate: float,
    mask: np.ndarray | None,
    training: bool,
    name: str = "x",
) -> float:
    rate = _check_rate(rate)
    check_floating(name, x)
    check_batch(x, name)
    if check_flag("training", training):
        check_mask(mask, x)
    return rate
