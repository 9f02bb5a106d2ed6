"""When weights are averaged, and when the average takes their place: a rule that knows no arrays.

The equations stand in each panel's ``averaging.py``.
"""

from typing import Any

from triptych.common.checks import check_flag, check_integer, check_number, check_size
from triptych.common.watchers import Run, Watcher

__all__ = ["ExponentialMovingAverage", "StochasticWeightAveraging", "ema_decay"]


def ema_decay(step: int, decay: float, *, warmup: bool = False) -> float:
    """d_t: ``decay``, or with warm-up at most (1 + t) / (10 + t).

    >>> [round(ema_decay(t, 0.9, warmup=True), 2) for t in (0, 1, 8, 80, 1000)]
    [0.1, 0.18, 0.5, 0.9, 0.9]
    """
    t = check_integer("step", step)
    decay = check_number("decay", decay, "[0, 1)")
    return min(decay, (1 + t) / (10 + t)) if check_flag("warmup", warmup) else decay


class WeightAverage(Watcher):
    """Keeps an average, and puts it in the place of the weights and back; a panel has the arrays.

    ``average`` is that of the weights so far, ``count`` how many were taken in.
    """

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self.average: Any = None
        self.count = 0
        self._trained: Any = None

    def update(self, model: Any) -> None:
        """Take in the weights that the model has now."""
        weights = self._weights(model)
        first = self.average is None
        self.average = self._copy(weights) if first else self._blend(self.average, weights)
        self.count += 1

    def apply(self, model: Any) -> None:
        """Give the model the average, if there is one, until ``restore``."""
        if self.average is not None and self._trained is None:
            self._trained = self._state(model)
            self._set_weights(model, self.average)

    def restore(self, model: Any) -> None:
        """Give the model those weights back that it had before ``apply``, to train on."""
        if self._trained is not None:
            self._set_state(model, self._trained)
            self._trained = None

    def before_training(self, run: Run) -> None:
        self._begin()

    def before_step(self, run: Run) -> None:
        self.restore(run.model)

    def before_validation(self, run: Run) -> None:
        self.apply(run.model)

    def _blend(self, average: Any, weights: Any) -> Any:
        raise NotImplementedError

    def _weights(self, model: Any) -> Any:
        """What is averaged: everything that is trained."""
        raise NotImplementedError

    def _copy(self, weights: Any) -> Any:
        raise NotImplementedError

    def _set_weights(self, model: Any, weights: Any) -> None:
        raise NotImplementedError

    def _state(self, model: Any) -> Any:
        """A copy of everything: weights, and what is kept but not trained."""
        raise NotImplementedError

    def _set_state(self, model: Any, state: Any) -> None:
        raise NotImplementedError


class ExponentialMovingAverage(WeightAverage):
    def __init__(self, decay: float = 0.999, *, warmup: bool = False) -> None:
        super().__init__()
        self.decay = check_number("decay", decay, "[0, 1)")
        self.warmup = check_flag("warmup", warmup)

    def after_step(self, run: Run) -> None:
        self.update(run.model)


class StochasticWeightAveraging(WeightAverage):
    def __init__(self, start_epoch: int, *, batch_size: int = 128) -> None:
        super().__init__()
        self.start_epoch = check_integer("start_epoch", start_epoch)
        self.batch_size = check_size("batch_size", batch_size, minimum=2)

    def before_validation(self, run: Run) -> None:
        self.end_epoch(run.model, run.epoch, run.inputs)

    def end_epoch(self, model: Any, epoch: int, inputs: Any) -> None:
        """After the steps of an epoch: take its weights in, and give the model the average."""
        if check_integer("epoch", epoch) >= self.start_epoch:
            self.update(model)
            self.apply(model)
            self._estimate(model, inputs)

    def _estimate(self, model: Any, inputs: Any) -> None:
        """Batch norm's statistics anew."""
        raise NotImplementedError
