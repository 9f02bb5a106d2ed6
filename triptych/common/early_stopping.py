"""The rule of early stopping, which knows no arrays: the equations stand in each panel's file."""

import math
from collections.abc import Callable
from typing import Any

from triptych.common.checks import (
    check_choice,
    check_flag,
    check_integer,
    check_measured,
    check_mode,
    check_number,
)
from triptych.common.history import MONITORED, History
from triptych.common.watchers import Run, Watcher

__all__ = ["EarlyStopping", "improves"]


def improves(
    value: float, best: float | None, *, min_delta: float = 0.0, mode: str = "min"
) -> bool:
    """Whether ``value`` beats ``best`` by more than ``min_delta``; any number beats None."""
    min_delta = _check(min_delta, mode)
    value = check_measured("value", value)
    if math.isnan(value):
        return False
    if best is None:
        return True
    best = check_measured("best", best)
    return value + min_delta < best if mode == "min" else value - min_delta > best


class EarlyStopping(Watcher):
    """Counts, and keeps the best weights; a panel says what a copy of the weights is."""

    def __init__(
        self,
        patience: int = 0,
        *,
        monitor: str | Callable[[History], float] = "validation_loss",
        min_delta: float = 0.0,
        mode: str = "min",
        baseline: float | None = None,
        start_from_epoch: int = 0,
        restore_best_weights: bool = True,
    ) -> None:
        self.patience = check_integer("patience", patience)
        self.monitor = monitor if callable(monitor) else check_choice("monitor", monitor, MONITORED)
        self.min_delta, self.mode = _check(min_delta, mode), mode
        self.start_from_epoch = check_integer("start_from_epoch", start_from_epoch)
        self.restore_best_weights = check_flag("restore_best_weights", restore_best_weights)
        self.baseline = None if baseline is None else check_number("baseline", baseline)
        if isinstance(monitor, str):
            check_mode(monitor, mode)
        self._begin()

    def _begin(self) -> None:
        self.best: float | None = None
        self.best_epoch: int | None = None
        self.best_weights: Any = None
        self.wait = 0
        self.stopped_epoch = 0
        self._epoch = -1

    def update(self, epoch: int, value: float, model: Any) -> bool:
        """Take in the value that was monitored after ``epoch``; True says stop."""
        # Epochs only grow: in a loop of one's own, each run has an object of its own.
        self._epoch = check_integer("epoch", epoch, minimum=self._epoch + 1)
        if epoch < self.start_from_epoch:
            return False
        self.wait += 1
        if improves(value, self.best, min_delta=self.min_delta, mode=self.mode):
            self.best, self.best_epoch = float(value), epoch
            if self.restore_best_weights:
                self.best_weights = self._copy_weights(model)
            if improves(value, self.baseline, min_delta=self.min_delta, mode=self.mode):
                self.wait = 0
            return False
        if self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            return True
        return False

    def restore(self, model: Any) -> None:
        """Give the model its best weights back; without a best epoch it keeps those it has."""
        if self.best_weights is not None:
            self._set_weights(model, self.best_weights)

    def before_training(self, run: Run) -> None:
        self._begin()

    def after_epoch(self, run: Run) -> None:
        history, monitor = run.history, self.monitor
        value = monitor(history) if callable(monitor) else getattr(history, monitor)[-1]
        if self.update(run.epoch, value, run.model):
            run.stop = True

    def after_training(self, run: Run) -> None:
        self.restore(run.model)
        run.history.best_epoch = self.best_epoch

    def _copy_weights(self, model: Any) -> Any:
        raise NotImplementedError

    def _set_weights(self, model: Any, weights: Any) -> None:
        raise NotImplementedError


def _check(min_delta: float, mode: str) -> float:
    min_delta = check_number("min_delta", min_delta, "[0, inf)")
    check_choice("mode", mode, ("min", "max"))
    return min_delta
