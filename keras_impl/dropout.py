r"""Dropout: in training every activation is set to zero with probability ``rate``.

    mask ~ Bernoulli(1 - rate)                                True = keep
    inverted    training  y = x * mask / (1 - rate)           inference  y = x
    original    training  y = x * mask                        inference  y = x * (1 - rate)

Either way the expectation of y is the same in training and in inference. The map is linear in x and
diagonal, so the gradient goes through the same map: in training dL/dx = dL/dy * mask / (1 - rate)
for the inverted form, dL/dy * mask for the original.

``x`` has any shape, ``mask`` the same, ``rate`` lies in [0, 1). ``noise_shape`` has 1 for each axis
along which one draw is shared, None for the others. A ``ValueError`` says which argument does not
fit.

Paper: Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov, "Dropout: a simple way to
prevent neural networks from overfitting", JMLR 15, 2014 (the original form; section 10 has the
inverted one).

Framework differences: we multiply by a mask that is given; neither framework takes one, and neither
has the original form. See ``triptych differences``: dropout-nan, dropout-bare-call, dropout-seed,
dropout-rate-one-gradient.

Here: the product is written out, and its gradient is the backend's. On JAX and PyTorch, float64
takes ``keras_impl.precision.enable_float64()`` first: without it Keras rounds to float32.
"""

from typing import Any

import keras
from keras import ops

from keras_impl.layers import Checked, verbatim
from keras_impl.streams import bernoulli
from triptych.common.checks import (
    check_batch,
    check_draw,
    check_flag,
    check_floating,
    check_mask,
    check_noise_shape,
    check_number,
    check_seed,
    remembered,
)
from triptych.common.names import Draws, layer_name
from triptych.common.streams import Stream

__all__ = ["draw_mask", "dropout", "Dropout"]


def draw_mask(
    stream: Stream,
    shape: tuple[int, ...],
    rate: float,
    *,
    noise_shape: tuple[int | None, ...] | None = None,
) -> Any:
    """Booleans of ``shape``, True (keep) with probability 1 - rate."""
    rate, drawn = _check_draw(stream, shape, rate, noise_shape)
    mask = ops.logical_not(bernoulli(stream, drawn, rate))
    return mask if noise_shape is None else ops.broadcast_to(mask, shape)


def dropout(
    x: Any,
    rate: float,
    mask: Any | None,
    *,
    training: bool = True,
    inverted: bool = True,
) -> Any:
    """The equations above, with a mask that is given. Inference uses none; it may then be None."""
    rate = _check(x, rate, mask, training, inverted)
    if not training:
        return x if inverted else x * (1 - rate)
    y = x * ops.cast(mask, x.dtype)
    return y * (1 / (1 - rate)) if inverted else y  # as PyTorch divides: equal to the last bit


@keras.saving.register_keras_serializable("triptych")
class Dropout(Checked, Draws, keras.layers.Layer):
    """Dropout with masks from the stream (seed, name, step); ``step`` counts training passes."""

    passes_mask = True

    def __init__(
        self,
        rate: float,
        *,
        inverted: bool = True,
        noise_shape: tuple[int | None, ...] | None = None,
        seed: int = 0,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        name = layer_name("keras", "dropout", name)
        super().__init__(name=name, **kwargs)
        self.rate = _check_rate(rate)
        self.inverted = check_flag("inverted", inverted)
        self.noise_shape = _check_noise_shape(noise_shape)
        self.seed = check_seed(seed)
        self.step = self.add_weight(
            name="step", shape=(), initializer="zeros", dtype="int64", trainable=False
        )

    @verbatim()
    def call(self, inputs: Any, training: bool = False) -> Any:
        mask = None
        if training:
            stream = Stream(self.seed, self.name, self.step.value)
            mask = draw_mask(stream, ops.shape(inputs), self.rate, noise_shape=self.noise_shape)
            self.step.assign_add(1)
        return dropout(inputs, self.rate, mask, training=training, inverted=self.inverted)

    def get_config(self) -> dict[str, Any]:
        own = {"rate": self.rate, "inverted": self.inverted, "noise_shape": self.noise_shape}
        return super().get_config() | own | {"seed": self.seed}


@remembered
def _check_rate(rate: float) -> float:
    return check_number("rate", rate, "[0, 1)")


def _check_noise_shape(noise_shape: Any) -> tuple[int | None, ...] | None:
    if noise_shape is not None:
        axes = noise_shape if isinstance(noise_shape, tuple | list) else ()
        check_noise_shape(noise_shape, axes)
        return tuple(noise_shape)
    return None


@remembered
def _check_draw(
    stream: Stream, shape: tuple[int, ...], rate: float, noise_shape: Any
) -> tuple[float, tuple[int, ...]]:
    check_draw(stream, shape)
    return _check_rate(rate), check_noise_shape(noise_shape, shape)


@remembered
def _check(x: Any, rate: float, mask: Any | None, training: bool, inverted: bool) -> float:
    rate = _check_rate(rate)
    check_flag("inverted", inverted)
    check_floating("x", x)
    check_batch(x)
    if check_flag("training", training):
        check_mask(mask, x)
    return rate
