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

Here: the equation is written out, and its gradient is the backend's.
"""

import math
from typing import Any

import keras
from keras import ops

from keras_impl.dropout import draw_mask
from keras_impl.layers import Checked, verbatim
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

__all__ = ["alpha_dropout", "AlphaDropout"]

ALPHA_PRIME = -SCALE * ALPHA  # alpha'


def alpha_dropout(x: Any, rate: float, mask: Any | None, *, training: bool = True) -> Any:
    """The equations above, with a mask that is given. Inference uses none; it may then be None."""
    rate = _check(x, rate, mask, training)
    if not training:
        return x
    a, b = _affine(rate)
    kept = ops.cast(mask, x.dtype)
    return a * (x * kept + ALPHA_PRIME * (1 - kept)) + b


def _affine(rate: float) -> tuple[float, float]:
    a = 1 / math.sqrt((1 - rate) * (1 + rate * ALPHA_PRIME * ALPHA_PRIME))
    return a, -a * rate * ALPHA_PRIME


@keras.saving.register_keras_serializable("triptych")
class AlphaDropout(Checked, Draws, keras.layers.Layer):
    """Alpha dropout, masks from the stream (seed, name, step); ``step`` counts training passes."""

    passes_mask = True

    def __init__(
        self,
        rate: float,
        *,
        seed: int = 0,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        name = layer_name("keras", "alpha_dropout", name)
        super().__init__(name=name, **kwargs)
        self.rate = _check_rate(rate)
        self.seed = check_seed(seed)
        self.step = self.add_weight(
            name="step", shape=(), initializer="zeros", dtype="int64", trainable=False
        )

    @verbatim()
    def call(self, inputs: Any, training: bool = False) -> Any:
        mask = None
        if training:
            stream = Stream(self.seed, self.name, self.step.value)
            mask = draw_mask(stream, ops.shape(inputs), self.rate)
            self.step.assign_add(1)
        return alpha_dropout(inputs, self.rate, mask, training=training)

    def get_config(self) -> dict[str, Any]:
        own = {"rate": self.rate, "seed": self.seed}
        return super().get_config() | own


@remembered
def _check_rate(rate: float) -> float:
    return check_number("rate", rate, "[0, 1)")


@remembered
def _check(x: Any, rate: float, mask: Any | None, training: bool) -> float:
    rate = _check_rate(rate)
    check_floating("x", x)
    check_batch(x)
    if check_flag("training", training):
        check_mask(mask, x)
    return rate
