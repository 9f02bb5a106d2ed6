r"""Early stopping: end the run when the validation loss stops improving; keep the best weights.

    improvement    mode "min"  value + min_delta < best      mode "max"  value - min_delta > best
    wait           epochs since the last improvement (with a ``baseline``, that beat it as well)
    stop           after an epoch > 0 without improvement, if wait >= patience (so 0 acts as 1)

Epochs before ``start_from_epoch`` are not looked at. The first value is an improvement, and an
infinite one compares as usual. NaN never is an improvement: it makes ``wait`` grow. The weights of
the best epoch are restored at the end, whether the run was stopped or ran out of epochs. A run that
does not beat the ``baseline`` is stopped when its patience is over, but not while it improves.

``patience`` and ``start_from_epoch`` are integers >= 0, counted in epochs; ``min_delta`` >= 0 and
the ``baseline``, a finite number or None, are in the units of the value. ``monitor`` names a curve
of the history, or is a function of the history that gives the value. A ``ValueError`` says which
argument does not fit.

Paper: Prechelt, "Early stopping - but when?", in "Neural networks: tricks of the trade", 1998.

Framework differences: PyTorch has none, and we count as Keras's ``EarlyStopping`` does, without its
NaN and its rounding. In code the rule stands in ``triptych.common.early_stopping``. See ``triptych
differences``: early-stopping-first-nan, early-stopping-float32, early-stopping-mode,
early-stopping-restore, early-stopping-baseline.

Here: this is Keras's callback, which counts as the rule does, with another comparison. A function
that monitors is given the logs of ``model.fit``, and in our ``fit`` the history.
"""

from collections.abc import Callable
from typing import Any

import keras

from triptych.common import early_stopping
from triptych.common.early_stopping import improves

__all__ = ["improves", "EarlyStopping"]

LOGGED_AS = {"validation_loss": "val_loss", "validation_accuracy": "val_accuracy"}


class EarlyStopping(keras.callbacks.EarlyStopping):
    """Watches one training run.

    In a training of one's own:

        stopping = EarlyStopping(patience=3)
        model.fit(x, y, epochs=100, validation_data=validation, callbacks=[stopping])

    ``best`` is the best value so far, ``best_epoch`` its epoch, ``best_weights`` a copy of the
    weights then; all are None before the first. ``wait`` counts the epochs since, or since the
    baseline was beaten. ``stopped_epoch`` is the epoch that stopped the run, or 0.
    """

    def __init__(
        self,
        patience: int = 0,
        *,
        monitor: str | Callable[[Any], float] = "validation_loss",
        min_delta: float = 0.0,
        mode: str = "min",
        baseline: float | None = None,
        start_from_epoch: int = 0,
        restore_best_weights: bool = True,
    ) -> None:
        rule = early_stopping.EarlyStopping(
            patience,
            monitor=monitor,
            min_delta=min_delta,
            mode=mode,
            baseline=baseline,
            start_from_epoch=start_from_epoch,
            restore_best_weights=restore_best_weights,
        )
        super().__init__(
            patience=rule.patience,
            monitor=LOGGED_AS[monitor] if isinstance(monitor, str) else "function",
            min_delta=rule.min_delta,
            mode=rule.mode,
            baseline=rule.baseline,
            start_from_epoch=rule.start_from_epoch,
            restore_best_weights=rule.restore_best_weights,
        )
        self.function = rule.monitor if callable(rule.monitor) else None
        self.best_epoch: int | None = None

    def get_monitor_value(self, logs: Any) -> Any:
        if self.function is None:
            return super().get_monitor_value(logs)
        history = (self.params or {}).get("history")
        return self.function(logs if history is None else history)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        super().on_epoch_end(epoch, logs)
        if self.best is None:
            # Keras keeps the first weights it sees, NaN or not.
            self.best_epoch = self.best_weights = None

    def on_train_end(self, logs: Any = None) -> None:
        super().on_train_end(logs)
        history = (self.params or {}).get("history")
        if history is not None:  # that of our ``fit``
            history.best_epoch = self.best_epoch

    def _is_improvement(self, value: float, best: float | None) -> bool:
        # Keras turns the sign of min_delta in mode "min".
        return improves(value, best, min_delta=abs(self.min_delta), mode=self.mode)
