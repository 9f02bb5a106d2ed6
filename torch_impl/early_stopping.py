r"""Early stopping: end the run when the validation loss stops improving; keep the best weights.

    improvement    mode "min"  value + min_delta < best      mode "max"  value - min_delta > best
    wait           epochs since the last improvement
    stop           after an epoch without improvement, if wait >= patience (so 0 acts as 1)

Epochs before ``start_from_epoch`` are not looked at. The first value is an improvement, and an
infinite one compares as usual. NaN never is an improvement: it makes ``wait`` grow. The weights of
the best epoch are restored at the end, whether the run was stopped or ran out of epochs.

``patience`` and ``start_from_epoch`` are integers >= 0, counted in epochs; ``min_delta`` >= 0 is in
the units of the value. A ``ValueError`` says which argument does not fit.

Paper: Prechelt, "Early stopping - but when?", in "Neural networks: tricks of the trade", 1998.

Framework differences: PyTorch has none. We count as Keras's ``EarlyStopping`` does. Keras's own
monitors "val_loss", guesses the mode from the name and keeps the last weights, by default; it lets
a NaN at the first epoch be the best for ever, and on TensorFlow and PyTorch it rounds the values to
float32 before it compares them. Neither happens here. The whole ``state_dict`` is copied,
buffers included.
"""

import copy
import math
from typing import Any

from torch import nn

from triptych.common.checks import check_choice, check_flag, check_integer, check_number

__all__ = ["improves", "EarlyStopping"]


def improves(
    value: float, best: float | None, *, min_delta: float = 0.0, mode: str = "min"
) -> bool:
    """Whether ``value`` beats ``best`` by more than ``min_delta``; any number beats None."""
    min_delta = check_number("min_delta", min_delta, "[0, inf)")
    check_choice("mode", mode, ("min", "max"))
    value = float(value)  # float64, whatever the precision of the model
    if math.isnan(value):
        return False
    if best is None:
        return True
    return value + min_delta < best if mode == "min" else value - min_delta > best


class EarlyStopping:
    """Watches one training run: ``update`` after each epoch, ``restore`` after the last one.

    ``best`` is the best value so far, ``best_epoch`` its epoch, ``best_weights`` a copy of the
    weights then; all are None before the first. ``wait`` counts the epochs since. ``stopped_epoch``
    is the epoch that stopped the run, or 0 (epoch 0 never does).
    """

    def __init__(
        self,
        patience: int = 0,
        *,
        monitor: str = "validation_loss",
        min_delta: float = 0.0,
        mode: str = "min",
        start_from_epoch: int = 0,
        restore_best_weights: bool = True,
    ) -> None:
        self.patience = check_integer("patience", patience)
        self.monitor = check_choice("monitor", monitor, ("validation_loss", "validation_accuracy"))
        self.min_delta = check_number("min_delta", min_delta, "[0, inf)")
        self.mode = check_choice("mode", mode, ("min", "max"))
        self.start_from_epoch = check_integer("start_from_epoch", start_from_epoch)
        self.restore_best_weights = check_flag("restore_best_weights", restore_best_weights)
        self.best: float | None = None
        self.best_epoch: int | None = None
        self.best_weights: dict[str, Any] | None = None
        self.wait = 0
        self.stopped_epoch = 0
        self._epoch = -1

    def update(self, epoch: int, value: float, model: nn.Module) -> bool:
        """Take in the value that was monitored after ``epoch``; True says stop."""
        # Epochs only grow: an object that has watched a run before is refused.
        self._epoch = check_integer("epoch", epoch, minimum=self._epoch + 1)
        if epoch < self.start_from_epoch:
            return False
        if improves(value, self.best, min_delta=self.min_delta, mode=self.mode):
            self.best, self.best_epoch, self.wait = float(value), epoch, 0
            if self.restore_best_weights:
                self.best_weights = copy.deepcopy(model.state_dict())
            return False
        self.wait += 1
        if self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            return True
        return False

    def restore(self, model: nn.Module) -> None:
        """Give the model its best weights back; without a best epoch it keeps those it has."""
        if self.best_weights is not None:
            model.load_state_dict(self.best_weights)
