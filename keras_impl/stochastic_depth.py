r"""Stochastic depth: in training the branch of a residual block is left out, sample by sample.

    keep ~ Bernoulli(1 - rate), shape (N,)                    True = keep
    inverted    training  y[n] = x[n] * keep[n] / (1 - rate)  inference  y = x
    original    training  y[n] = x[n] * keep[n]               inference  y = x * (1 - rate)

x is what the branch of a residual block gives, so that a sample with keep = 0 goes through the
shortcut alone, as if the block were not there. Either way the expectation of y is the same in
training and in inference. The map is linear in x and diagonal, so the gradient goes through the
same map: in training dL/dx[n] = dL/dy[n] * keep[n] / (1 - rate) for the inverted form.

Deep blocks are left out more often than early ones, by a linear rule (section 3 of the paper):

    rate of block l = rate * l / depth,   l = 1, ..., depth

``x`` has shape (N, ...), ``keep`` (N,); ``rate`` lies in [0, 1); a ``ValueError`` says which
argument does not fit.

Paper: Huang, Sun, Liu, Sedra and Weinberger, "Deep networks with stochastic depth", ECCV 2016 (the
original form). EfficientNet (Tan and Le, ICML 2019) and timm's DropPath have the inverted one.

Framework differences: neither has a layer of that name; Keras's Dropout with the ``noise_shape``
(None, 1, ..., 1) is the inverted form, and so are PyTorch's Dropout1d of x as (1, N, features) and
torchvision's StochasticDepth in its mode "row". timm's rates are linspace(0, rate, depth): its
first block is never left out. See ``triptych differences``: dropout-noise-shape.

Here: the product is written out, and its gradient is the backend's. On JAX and PyTorch, float64
takes ``keras_impl.precision.enable_float64()`` first: without it Keras rounds to float32.
"""

from typing import Any

import keras
from keras import ops

from keras_impl.layers import Checked, verbatim
from keras_impl.streams import bernoulli
from triptych.common.checks import (
    MOST_WORDS,
    check_batch,
    check_draw,
    check_flag,
    check_floating,
    check_integer,
    check_mask,
    check_number,
    check_seed,
    check_size,
    remembered,
)
from triptych.common.names import Draws, layer_name
from triptych.common.streams import Stream

__all__ = ["linear_decay", "draw_keep", "stochastic_depth", "StochasticDepth"]


def linear_decay(rate: float, depth: int) -> list[float]:
    """The rate of each of ``depth`` blocks, from rate / depth to rate."""
    rate, depth = _check_decay(rate, depth)
    return [rate * block / depth for block in range(1, depth + 1)]


def draw_keep(stream: Stream, count: int, rate: float) -> Any:
    """Booleans of shape (count,), True (keep) with probability 1 - rate."""
    count, rate = _check_draw(stream, count, rate)
    return ops.logical_not(bernoulli(stream, (count,), rate))


def stochastic_depth(
    x: Any,
    rate: float,
    keep: Any | None,
    *,
    training: bool = True,
    inverted: bool = True,
) -> Any:
    """The equations above, with a draw that is given. Inference uses none; it may then be None."""
    rate = _check(x, rate, keep, training, inverted)
    if not training:
        return x if inverted else x * (1 - rate)
    scale = 1 / (1 - rate) if inverted else 1
    factor = ops.cast(keep, x.dtype) * scale
    return x * ops.reshape(factor, (-1, *[1] * (len(x.shape) - 1)))


@keras.saving.register_keras_serializable("triptych")
class StochasticDepth(Checked, Draws, keras.layers.Layer):
    """Draws from the stream (seed, name, step); ``step`` counts training passes."""

    passes_mask = True

    def __init__(
        self,
        rate: float,
        *,
        inverted: bool = True,
        seed: int = 0,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        name = layer_name("keras", "stochastic_depth", name)
        super().__init__(name=name, **kwargs)
        self.rate = _check_rate(rate)
        self.inverted = check_flag("inverted", inverted)
        self.seed = check_seed(seed)
        self.step = self.add_weight(
            name="step", shape=(), initializer="zeros", dtype="int64", trainable=False
        )

    @verbatim()
    def call(self, inputs: Any, training: bool = False) -> Any:
        keep = None
        if training:
            stream = Stream(self.seed, self.name, self.step.value)
            keep = draw_keep(stream, ops.shape(inputs)[0], self.rate)
            self.step.assign_add(1)
        return stochastic_depth(inputs, self.rate, keep, training=training, inverted=self.inverted)

    def get_config(self) -> dict[str, Any]:
        own = {"rate": self.rate, "inverted": self.inverted, "seed": self.seed}
        return super().get_config() | own


@remembered
def _check_rate(rate: float) -> float:
    return check_number("rate", rate, "[0, 1)")


@remembered
def _check_draw(stream: Stream, count: Any, rate: float) -> tuple[Any, float]:
    check_draw(stream, ())
    if ops.is_tensor(count):  # in a graph, where its value cannot be read
        return count, _check_rate(rate)
    return check_integer("count", count, maximum=MOST_WORDS), _check_rate(rate)


def _check_decay(rate: float, depth: int) -> tuple[float, int]:
    return _check_rate(rate), check_size("depth", depth)


@remembered
def _check(x: Any, rate: float, keep: Any | None, training: bool, inverted: bool) -> float:
    rate = _check_rate(rate)
    check_flag("inverted", inverted)
    check_floating("x", x)
    check_batch(x)
    if check_flag("training", training):
        check_mask(keep, x.shape[:1], "keep")
    return rate
