r"""Averaging of the weights: an exponential moving average, and stochastic weight averaging.

    EMA    a_0 = w_0,  a_t = d_t * a_{t-1} + (1 - d_t) * w_t         after every step
           d_t = decay, with warm-up min(decay, (1 + t) / (10 + t)),        t = 0, 1, ...

    SWA    a_0 = w_0,  a_k = a_{k-1} + (w_k - a_{k-1}) / (k + 1)     after epochs from start_epoch:
           the mean of w_0 ... w_k

w_0 are the weights when the average is first updated. Everything that is trained is averaged,
nothing else is: batch norm's running statistics belong to the weights that were trained, and after
SWA they are estimated anew, as the mean of those of the training set's batches. In a run the
average takes the place of the weights for validation, so that early stopping judges and keeps the
average; the next step goes on with the trained weights, and after the last epoch the average stays.
Izmailov et al. keep the rate constant (or cyclical) and high from ``start_epoch`` on, so that the
weights move about the optimum that the mean then finds.

``decay`` lies in [0, 1); ``start_epoch`` counts from 0. A ``ValueError`` says which argument does
not fit.

Papers: Polyak and Juditsky, "Acceleration of stochastic approximation by averaging", SIAM Journal
on Control and Optimization 30, 1992; Izmailov, Podoprikhin, Garipov, Vetrov and Wilson, "Averaging
weights leads to wider optima and better generalization", UAI 2018.

Framework differences: PyTorch averages in a second model, Keras in the optimizer, and neither warms
up. In code, when to average stands in ``triptych.common.averaging``. See ``triptych differences``:
exponential-moving-average, swa-float32, batch-norm-cumulative-average.

Here: they are callbacks, and work in ``model.fit`` too. The optimizers' own ``use_ema`` has no
warm-up, and gives the model the average at the end alone. ``update_batch_norm`` takes Keras's own
batch norm too.
"""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_impl.layers import synchronize
from triptych.common import averaging
from triptych.common.averaging import ema_decay
from triptych.common.checks import (
    check_batch,
    check_floating,
    check_floats,
    check_model,
    check_number,
    check_same_shape,
    check_size,
    own_arrays,
    remembered,
)

__all__ = [
    "ema_decay",
    "ema_update",
    "swa_update",
    "update_batch_norm",
    "ExponentialMovingAverage",
    "StochasticWeightAveraging",
]


def ema_update(average: Any, w: Any, decay: float) -> Any:
    """a_t from a_{t-1}."""
    decay = _check_ema(average, w, decay)
    keep, take = (ops.convert_to_tensor(factor, average.dtype) for factor in (decay, 1 - decay))
    return keep * average + take * w


def swa_update(average: Any, w: Any, count: int) -> Any:
    """a_k from a_{k-1}, the mean of ``count`` weights so far: k of them."""
    k = _check_swa(average, w, count)
    return average + (w - average) / (k + 1)


def update_batch_norm(model: keras.Model, x: Any, *, batch_size: int = 128) -> None:
    """Set the running statistics to the mean of those of the batches of ``x``, as they come.

    The model is in training mode: what draws, draws. A last batch of one row, which has no
    variance, is left out.
    """
    _check_update(model, x, batch_size)
    norms = [
        layer
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    momenta = [norm.momentum for norm in norms]
    means = [[0.0, 0.0] for _ in norms]
    for norm in norms:
        norm.momentum = 0.0  # so that the running statistics are the batch's own
    starts = range(0, max(len(x) - 1, 1), batch_size)
    for k, start in enumerate(starts):
        model(ops.convert_to_tensor(x[start : start + batch_size]), training=True)
        for norm, mean in zip(norms, means, strict=True):
            for i, moving in enumerate((norm.moving_mean, norm.moving_variance)):
                mean[i] = mean[i] + (moving.value - mean[i]) / (k + 1)
    for norm, mean, momentum in zip(norms, means, momenta, strict=True):
        norm.momentum = momentum
        norm.moving_mean.assign(mean[0])
        norm.moving_variance.assign(mean[1])


class Variables(keras.callbacks.Callback):
    """The weights of a model of this panel, and when a callback is called."""

    def _weights(self, model: keras.Model) -> list[Any]:
        synchronize(model)
        return [variable.value for variable in model.trainable_variables]

    def _copy(self, weights: list[Any]) -> list[Any]:
        return [ops.copy(w) for w in weights]

    def _set_weights(self, model: keras.Model, weights: list[Any]) -> None:
        synchronize(model)
        for variable, w in zip(model.trainable_variables, weights, strict=True):
            variable.assign(ops.copy(w))  # JAX gives away the buffer of what it trains

    def _state(self, model: keras.Model) -> list[np.ndarray]:
        synchronize(model)
        return [ops.convert_to_numpy(variable.value).copy() for variable in model.variables]

    def _set_state(self, model: keras.Model, state: list[np.ndarray]) -> None:
        synchronize(model)
        for variable, value in zip(model.variables, state, strict=True):
            variable.assign(value)

    def on_train_begin(self, logs: Any = None) -> None:
        self._begin()

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.restore(self.model)


class ExponentialMovingAverage(Variables, averaging.ExponentialMovingAverage):
    """An average after every step.

    In a training of one's own:

        ema = ExponentialMovingAverage(decay=0.99)
        model.fit(x, y, epochs=10, callbacks=[ema])
        # and ema.restore(model) for the weights that were trained
    """

    def __init__(self, decay: float = 0.999, *, warmup: bool = False) -> None:
        keras.callbacks.Callback.__init__(self)
        averaging.ExponentialMovingAverage.__init__(self, decay, warmup=warmup)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.update(self.model)

    def on_test_begin(self, logs: Any = None) -> None:
        self.apply(self.model)

    def on_train_end(self, logs: Any = None) -> None:
        self.apply(self.model)

    def _blend(self, average: list[Any], weights: list[Any]) -> list[Any]:
        decay = ema_decay(self.count, self.decay, warmup=self.warmup)
        return [ema_update(a, w, decay) for a, w in zip(average, weights, strict=True)]


class StochasticWeightAveraging(Variables, averaging.StochasticWeightAveraging):
    """An average after each epoch from ``start_epoch``, with batch norm estimated anew.

    In a training of one's own:

        swa = StochasticWeightAveraging(start_epoch=5, inputs=x)
        model.fit(x, y, epochs=10, callbacks=[swa])
        # and swa.restore(model) for the weights that were trained
    """

    def __init__(self, start_epoch: int, *, batch_size: int = 128, inputs: Any = None) -> None:
        keras.callbacks.Callback.__init__(self)
        averaging.StochasticWeightAveraging.__init__(self, start_epoch, batch_size=batch_size)
        self.inputs = inputs

    def on_train_begin(self, logs: Any = None) -> None:
        super().on_train_begin(logs)
        self._epoch = -1

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epoch = epoch

    def on_test_begin(self, logs: Any = None) -> None:
        inputs = self.params.get("inputs") if self.inputs is None else self.inputs
        self.end_epoch(self.model, self._epoch, inputs)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if self._trained is None:  # nothing was validated
            self.on_test_begin()

    def _blend(self, average: list[Any], weights: list[Any]) -> list[Any]:
        return [swa_update(a, w, self.count) for a, w in zip(average, weights, strict=True)]

    def _estimate(self, model: keras.Model, inputs: Any) -> None:
        update_batch_norm(model, inputs, batch_size=self.batch_size)


@remembered
def _check_ema(average: Any, w: Any, decay: float) -> float:
    _check_pair(average, w)
    return check_number("decay", decay, "[0, 1)")


@remembered
def _check_swa(average: Any, w: Any, count: int) -> int:
    _check_pair(average, w)
    return check_size("count", count)


def _check_pair(average: Any, w: Any) -> None:
    check_floats(average=average, w=w)
    check_same_shape("w", w, average)


@own_arrays
def _check_update(model: keras.Model, x: Any, batch_size: int) -> None:
    check_model(model, keras.Model)
    check_floating("x", x)
    check_batch(x)
    check_size("batch_size", batch_size, minimum=2)
