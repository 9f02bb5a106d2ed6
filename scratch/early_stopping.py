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
"""

import numpy as np

from scratch.layers import Layer
from triptych.common import early_stopping
from triptych.common.early_stopping import improves

__all__ = ["improves", "EarlyStopping"]


class EarlyStopping(early_stopping.EarlyStopping):
    """Watches one training run.

    In a loop of one's own:

        stopping = EarlyStopping(patience=3)
        for epoch in range(100):
            ...
            if stopping.update(epoch, validation_loss, model):
                break
        stopping.restore(model)

    ``best`` is the best value so far, ``best_epoch`` its epoch, ``best_weights`` a copy of the
    weights then; all are None before the first. ``wait`` counts the epochs since, or since the
    baseline was beaten. ``stopped_epoch`` is the epoch that stopped the run, or 0.
    """

    def _copy_weights(self, model: Layer) -> dict[str, np.ndarray]:
        return model.get_weights()

    def _set_weights(self, model: Layer, weights: dict[str, np.ndarray]) -> None:
        model.set_weights(weights)
