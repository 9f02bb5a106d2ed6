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

Here: PyTorch's ``AveragedModel`` keeps a second model, where this keeps the tensors alone, and its
``lerp`` makes NaN of what is infinite. ``update_batch_norm`` takes PyTorch's own batch norm too.
"""

import copy
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from torch_impl.batch_norm import BatchNorm
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


def ema_update(average: torch.Tensor, w: torch.Tensor, decay: float) -> torch.Tensor:
    """a_t from a_{t-1}."""
    decay = _check_ema(average, w, decay)
    return decay * average + (1 - decay) * w


def swa_update(average: torch.Tensor, w: torch.Tensor, count: int) -> torch.Tensor:
    """a_k from a_{k-1}, the mean of ``count`` weights so far: k of them."""
    k = _check_swa(average, w, count)
    return average + (w - average) / (k + 1)


@torch.no_grad()
def update_batch_norm(model: nn.Module, x: torch.Tensor, *, batch_size: int = 128) -> None:
    """Set the running statistics to the mean of those of the batches of ``x``, as they come.

    The model is in training mode: what draws, draws. A last batch of one row, which has no
    variance, is left out.
    """
    _check_update(model, x, batch_size)
    norms = [layer for layer in model.modules() if isinstance(layer, BatchNorm | _BatchNorm)]
    momenta, training = [norm.momentum for norm in norms], model.training
    means = [[torch.zeros_like(buffer) for buffer in _statistics(norm)] for norm in norms]
    for norm in norms:  # so that the running statistics are the batch's own
        norm.momentum = 1.0 if isinstance(norm, _BatchNorm) else 0.0
    model.train()
    device = next(model.parameters()).device
    starts = range(0, max(len(x) - 1, 1), batch_size)
    for k, start in enumerate(starts):
        model(x[start : start + batch_size].to(device))
        for norm, mean in zip(norms, means, strict=True):
            for each, buffer in zip(mean, _statistics(norm), strict=True):
                each += (buffer - each) / (k + 1)
    for norm, mean, momentum in zip(norms, means, momenta, strict=True):
        norm.momentum = momentum
        for each, buffer in zip(mean, _statistics(norm), strict=True):
            buffer.copy_(each)
    model.train(training)


def _statistics(norm: nn.Module) -> list[torch.Tensor]:
    names = ("running_mean", "running_variance", "running_var")
    return [buffer for name, buffer in norm.named_buffers() if name in names]


class Tensors:
    """The weights of a model of this panel."""

    def _weights(self, model: nn.Module) -> dict[str, torch.Tensor]:
        return {name: w.detach() for name, w in model.named_parameters()}

    def _copy(self, weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return {name: w.clone() for name, w in weights.items()}

    def _set_weights(self, model: nn.Module, weights: dict[str, torch.Tensor]) -> None:
        for name, w in self._weights(model).items():
            w.copy_(weights[name])

    def _state(self, model: nn.Module) -> dict[str, Any]:
        return copy.deepcopy(model.state_dict())

    def _set_state(self, model: nn.Module, state: dict[str, Any]) -> None:
        model.load_state_dict(state)


class ExponentialMovingAverage(Tensors, averaging.ExponentialMovingAverage):
    """An average after every step.

    In a loop of one's own:

        ema = ExponentialMovingAverage(decay=0.99)
        for x, y in batches:
            ...
            optimizer.step()
            ema.update(model)
        ema.apply(model)  # and ema.restore(model) to train on
    """

    def _blend(
        self, average: dict[str, torch.Tensor], weights: dict[str, torch.Tensor]
    ) -> dict[str, torch.Tensor]:
        decay = ema_decay(self.count, self.decay, warmup=self.warmup)
        return {name: ema_update(average[name], w, decay) for name, w in weights.items()}


class StochasticWeightAveraging(Tensors, averaging.StochasticWeightAveraging):
    """An average after each epoch from ``start_epoch``, with batch norm estimated anew.

    In a loop of one's own:

        swa = StochasticWeightAveraging(start_epoch=5)
        for epoch in range(10):
            ...
            swa.end_epoch(model, epoch, x_train)
            ...  # validate
            swa.restore(model)
        swa.apply(model)
        update_batch_norm(model, x_train)
    """

    def _blend(
        self, average: dict[str, torch.Tensor], weights: dict[str, torch.Tensor]
    ) -> dict[str, torch.Tensor]:
        return {name: swa_update(average[name], w, self.count) for name, w in weights.items()}

    def _estimate(self, model: nn.Module, inputs: torch.Tensor) -> None:
        update_batch_norm(model, inputs, batch_size=self.batch_size)


@remembered
def _check_ema(average: torch.Tensor, w: torch.Tensor, decay: float) -> float:
    _check_pair(average, w)
    return check_number("decay", decay, "[0, 1)")


@remembered
def _check_swa(average: torch.Tensor, w: torch.Tensor, count: int) -> int:
    _check_pair(average, w)
    return check_size("count", count)


def _check_pair(average: torch.Tensor, w: torch.Tensor) -> None:
    check_floats(average=average, w=w)
    check_same_shape("w", w, average)


@own_arrays
def _check_update(model: nn.Module, x: torch.Tensor, batch_size: int) -> None:
    check_model(model, nn.Module)
    check_floating("x", x)
    check_batch(x)
    check_size("batch_size", batch_size, minimum=2)
