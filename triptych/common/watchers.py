"""What takes part in a training run without being a layer, a loss or an optimizer: watchers.

``fit`` has one list of them, the recipe's own and then the user's, and calls each at seven moments:

    moment                    scratch, PyTorch           Keras, whose watchers are its callbacks
    the run begins            before_training(run)       on_train_begin(logs)
    a batch was taken         before_step(run)           on_train_batch_begin(batch, logs)
    the gradients are known   after_gradients(run)       none: the optimizer clips, by an argument,
                                                         changes them by its ``transforms``, and
                                                         asks a schedule for its rate
    the weights have changed  after_step(run)            on_train_batch_end(batch, logs)
    validation is to begin    before_validation(run)     on_test_begin(logs)
    an epoch was validated    after_epoch(run)           on_epoch_end(epoch, logs)
    the run is over           after_training(run)        on_train_end(logs)

    what it sees              run.model, .optimizer,     self.model, self.model.optimizer, logs,
                              .x, .y, .grads, .history,  epoch, batch; in our ``fit`` the batch too,
                              .epoch, .step              as logs["x"] and logs["y"] before a step,
                                                         and the history, as self.params["history"]
    the run is to end         run.stop = True            self.model.stop_training = True
    after this epoch

A watcher needs no ``fit``: a loop of one's own calls it at the same moments, with a ``Run`` of its
own, and Keras's ``model.fit`` takes it as one of its ``callbacks``.
"""

from dataclasses import dataclass
from typing import Any

from triptych.common.history import History

__all__ = ["Run", "Watcher", "check_watchers"]


@dataclass
class Run:
    """A training run, as its watchers see it.

    ``epoch`` counts from 0, ``step`` counts the updates made so far. ``grads`` holds the gradients
    by name, to be replaced, not written into; in PyTorch it is None, as ``parameter.grad`` has
    them. ``x`` and ``y`` are the batch of the step, which may be replaced before it. ``inputs`` are
    those of all training examples. ``history`` ends with the epoch that was validated last.
    """

    model: Any
    optimizer: Any
    history: History
    epoch: int = 0
    step: int = 0
    grads: Any = None
    stop: bool = False
    x: Any = None
    y: Any = None
    inputs: Any = None


class Watcher:
    """Does nothing at each of the moments; a watcher has its own method for some."""

    def before_training(self, run: Run) -> None:
        """Before the first step: what watched another run begins anew."""

    def before_step(self, run: Run) -> None:
        """Before the model sees the batch."""

    def after_gradients(self, run: Run) -> None:
        """Before the step that they are for."""

    def after_step(self, run: Run) -> None: ...

    def before_validation(self, run: Run) -> None:
        """Before the model is measured, after the last step of the epoch."""

    def after_epoch(self, run: Run) -> None: ...

    def after_training(self, run: Run) -> None:
        """Once, whether the run was stopped or ran out of epochs."""


def check_watchers(watchers: Any, kind: type = Watcher) -> None:
    """Watchers of this panel: ``kind`` is Keras's ``Callback`` there."""
    if not isinstance(watchers, list | tuple):
        raise ValueError(f"watchers must be a list of watchers, got {watchers!r}")
    for index, watcher in enumerate(watchers):
        if not isinstance(watcher, kind):
            raise ValueError(
                f"watchers[{index}] must be a Watcher (in Keras a Callback), got {watcher!r}"
            )
