"""What a training run leaves behind, the same from every framework."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

__all__ = ["MONITORED", "History", "load_histories", "save_histories"]

MONITORED = ("validation_loss", "validation_accuracy")  # what a watcher may go by


@dataclass
class History:
    """The curves of one run.

    ``step_loss`` has one entry for each training step: the mean loss over the batch, penalties
    included. ``loss`` has one for each epoch, the mean of its steps weighted by batch size;
    ``validation_loss`` (penalties included) and ``validation_accuracy`` are measured after each
    epoch, in inference mode; ``learning_rate`` is that of the epoch's last step. If gradients are
    clipped, ``gradient_norm`` has their global norm before that, for each step. ``best_epoch`` is
    the best epoch (from 0) that early stopping found, if it was on; ``stopped_early`` tells whether
    it, or another watcher, ended the run. ``diverged`` says where a number that is not finite ended
    it, if one did. ``seconds`` is wall time.
    """

    framework: str
    step_loss: list[float] = field(default_factory=list)
    loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    validation_accuracy: list[float] = field(default_factory=list)
    learning_rate: list[float] = field(default_factory=list)
    gradient_norm: list[float] = field(default_factory=list)
    best_epoch: int | None = None
    stopped_early: bool = False
    diverged: str | None = None
    seconds: float = 0.0

    def add_epoch(
        self,
        step_loss: list[float],
        batch_sizes: list[int],
        validation_loss: float,
        validation_accuracy: float,
        learning_rate: float,
    ) -> None:
        self.step_loss += [float(value) for value in step_loss]
        self.loss.append(float(np.average(step_loss, weights=batch_sizes)))
        self.validation_loss.append(float(validation_loss))
        self.validation_accuracy.append(float(validation_accuracy))
        self.learning_rate.append(float(learning_rate))

    @property
    def epochs(self) -> int:
        return len(self.loss)

    def save(self, path: str | Path) -> None:
        Path(path).write_text(json.dumps(asdict(self), indent=1) + "\n", "utf-8")

    @classmethod
    def load(cls, path: str | Path) -> "History":
        try:
            return cls(**json.loads(Path(path).read_text("utf-8")))
        except (TypeError, ValueError) as error:
            raise _damaged(path, error) from error


def save_histories(histories: Mapping[str, History], path: str | Path) -> None:
    """Several runs in one file, by name."""
    fields = {name: asdict(history) for name, history in histories.items()}
    Path(path).write_text(json.dumps(fields, indent=1) + "\n", "utf-8")


def load_histories(path: str | Path) -> dict[str, History]:
    """What ``save_histories`` wrote; or ``History.save``, by the name of its framework."""
    try:
        found = json.loads(Path(path).read_text("utf-8"))
        if "framework" in found:
            found = {found["framework"]: found}
        histories = {name: History(**fields) for name, fields in found.items()}
        for history in histories.values():
            _check_numbers(history)
    except (AttributeError, TypeError, ValueError) as error:
        raise _damaged(path, error) from error
    return histories


def _check_numbers(history: History) -> None:
    for name, value in vars(history).items():
        if isinstance(getattr(History(""), name), list) and not (
            isinstance(value, list) and all(isinstance(number, int | float) for number in value)
        ):
            raise TypeError(f"{name} must be a list of numbers")


def _damaged(path: str | Path, error: Exception) -> ValueError:
    return ValueError(
        f"path must be a file that save wrote, got {path}, which is none or is damaged ({error})"
    )
