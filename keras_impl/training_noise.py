r"""Noise in training: on the weights for the time of a pass, and on the gradients.

    weights     w' = w + stddev * noise            for the forward and the backward pass
                w  = w - update(dL/dw')            the step changes the weights without it
    gradients   g' = g + sqrt(eta / (1 + t)**gamma) * noise         t = 0, 1, ...

noise ~ N(0, 1), drawn anew for every number and every step. Of the weights those that penalties act
on have noise, no biases and no scales; of the gradients all.

``stddev`` is in the units of the weights, and lies in (0, inf); ``eta`` too, in those of a squared
gradient; ``gamma`` lies in [0, inf), and 0 does not anneal. A ``ValueError`` says which argument
does not fit.

Papers: Jim, Giles and Horne, "An analysis of noise in recurrent neural networks: convergence and
generalization", IEEE Transactions on Neural Networks 7, 1996; Neelakantan, Vilnis, Le, Sutskever,
Kaiser, Kurach and Martens, "Adding gradient noise improves learning for very deep networks",
arXiv 1511.06807, 2015 (eta 0.01, 0.3 or 1, gamma 0.55).

Framework differences: neither framework has these. The i-th array has the noise of the stream
(seed, name/i, step), in the layout of NumPy and Keras, (..., in, out).

Here: both are transforms of an optimizer of this panel, and the first is a callback too: the
optimizer has the weights without noise among its variables, and puts them back before its step.
"""

from typing import Any

import keras
from keras import ops

from keras_impl.layers import synchronize
from keras_impl.noise import draw_noise
from keras_impl.optimizers import Transform
from keras_impl.penalties import is_weight
from triptych.common.checks import check_number, check_seed, dtype_name
from triptych.common.names import layer_name
from triptych.common.streams import Stream

__all__ = ["WeightNoise", "GradientNoise"]


@keras.saving.register_keras_serializable("triptych")
class WeightNoise(Transform, keras.callbacks.Callback):
    """Noise on the weights of a model while it is passed through.

    In a training of one's own:

        from keras_impl.optimizers import Adam

        noise = WeightNoise(0.1)
        model.compile(optimizer=Adam(transforms=[noise]), loss=loss)
        model.fit(x, y, callbacks=[noise])
    """

    def __init__(self, stddev: float, *, seed: int = 0, name: str | None = None) -> None:
        super().__init__()
        self.name = layer_name("keras", "weight_noise", name)
        self.stddev = check_number("stddev", stddev, "(0, inf)")
        self.seed = check_seed(seed)

    def build(self, optimizer: keras.optimizers.Optimizer, variables: list[Any]) -> None:
        self._weights = [v for v in variables if is_weight(v)]
        self._clean = [optimizer.add_variable_from_reference(v, "clean") for v in self._weights]

    def __call__(self, grads: list[Any], variables: list[Any], step: Any) -> list[Any]:
        self._remove()
        return grads

    def on_train_begin(self, logs: Any = None) -> None:
        self._step = 0

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        synchronize(self.model)
        if not self.model.optimizer.built:
            self.model.optimizer.build(self.model.trainable_variables)
        for i, (weight, clean) in enumerate(zip(self._weights, self._clean, strict=True)):
            stream = Stream(self.seed, f"{self.name}/{i}", self._step)
            noise = draw_noise(stream, tuple(weight.shape), dtype=dtype_name(weight))
            clean.assign(weight)
            weight.assign(weight + ops.convert_to_tensor(self.stddev, weight.dtype) * noise)
        self._step += 1

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self._step % (self.model.optimizer.gradient_accumulation_steps or 1) > 0:
            synchronize(self.model)  # the gradients were added up, and there was no step
            self._remove()
            for weight in self._weights:  # Keras has constrained what was noisy
                if weight.constraint is not None:
                    weight.assign(weight.constraint(weight))

    def _remove(self) -> None:
        for weight, clean in zip(self._weights, self._clean, strict=True):
            weight.assign(clean)

    def get_config(self) -> dict[str, Any]:
        return {"stddev": self.stddev, "seed": self.seed, "name": self.name}


@keras.saving.register_keras_serializable("triptych")
class GradientNoise(Transform):
    """Annealed noise on the gradients of each step.

    In a training of one's own:

        from keras_impl.optimizers import Adam

        model.compile(optimizer=Adam(transforms=[GradientNoise(eta=0.01)]), loss=loss)
    """

    def __init__(
        self, eta: float = 0.01, *, gamma: float = 0.55, seed: int = 0, name: str | None = None
    ) -> None:
        self.name = layer_name("keras", "gradient_noise", name)
        self.eta, self.gamma = _check(eta, gamma)
        self.seed = check_seed(seed)

    def add(self, grads: list[Any], step: Any) -> list[Any]:
        """The gradients of a step with its noise."""
        t = ops.cast(step, "float64")
        stddev = ops.sqrt(self.eta / ops.power(1 + t, ops.convert_to_tensor(self.gamma, "float64")))
        streams = [Stream(self.seed, f"{self.name}/{i}", step) for i in range(len(grads))]
        return [
            grad
            + ops.cast(stddev, grad.dtype)
            * draw_noise(stream, tuple(grad.shape), dtype=dtype_name(grad))
            for grad, stream in zip(grads, streams, strict=True)
        ]

    def __call__(self, grads: list[Any], variables: list[Any], step: Any) -> list[Any]:
        return self.add(grads, ops.cast(step, "int64"))

    def get_config(self) -> dict[str, Any]:
        return {"eta": self.eta, "gamma": self.gamma, "seed": self.seed, "name": self.name}


def _check(eta: float, gamma: float) -> tuple[float, float]:
    return check_number("eta", eta, "(0, inf)"), check_number("gamma", gamma, "[0, inf)")
