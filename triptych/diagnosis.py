"""A verdict on a training run, from its history alone, with the numbers that say so.

    start       the loss of the first step: what the network is worth before it learns
    training    the training loss at the end, median of the last quarter of the epochs (3 at least)
    validation  the validation loss at the end, likewise
    gap         validation - training
    rise        validation - the lowest of the means of three epochs
    sway        how far the validation loss goes back and forth in an epoch: over the second half of
                the run, the length of its way minus its net change, per epoch

In this order, with losses as shares of ``start``:

    divergence           a number is not finite, the loss ends above 1.5, or jumps above 5 and ends
                         above 0.8
    not enough evidence  fewer than 5 epochs, or no validation loss
    overfitting          gap >= 0.06 and validation >= 1.2 training, or rise >= 0.03 and validation
                         >= 1.15 of its lowest; either only where it is 3 times the sway
    underfitting         the lower of the two losses is above 0.35, by 3 times the sway
    not enough evidence  sway >= 0.04, and >= 0.1 of the validation loss
    underfitting         the lower of the two losses is above 0.35, or the accuracy below 0.8
    good fit             none of these

With an accuracy of 0.9 nothing is called underfitting.

The limits lie between what 60 clear runs of known outcome show, and hold for 60 others
(parity_tests/histories.json). Of 174 more, whose recipes were drawn at random, the verdict is right
in 91 % (``python -m benchmarks.diagnose_histories --random 200``): dropout and penalties are in the
training loss, so a history does not always show what is known by heart. Nor can it show whether
noise in the labels leaves nothing better, or the validation set stands for what comes later.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from triptych.common.checks import check_kind
from triptych.common.history import History

__all__ = ["VERDICTS", "Diagnosis", "diagnose"]

# In words for whoever meets them for the first time.
VERDICTS = {
    "underfitting": "It has not learned even the training examples.",
    "good fit": "It has learned, and what it learned holds for examples it has not seen.",
    "overfitting": "It knows the training examples by heart, and fails on others.",
    "divergence": "The steps are too large: instead of settling, the weights were thrown away.",
    "not enough evidence": "These numbers do not tell one case from the other.",
}
EPOCHS = 5
ENDS_HIGH, JUMPS, NEVER_BACK = 1.5, 5.0, 0.8
GAP, SCORE, RISE, RISEN = 0.06, 1.2, 0.03, 1.15
SWAY, SWAYS, CLEAR = 0.04, 0.1, 3.0
LEVEL, ACCURATE, INACCURATE = 0.35, 0.9, 0.8

# What to try first: names of the catalogue, and to what end.
Remedies = tuple[tuple[str, str], ...]
LEARN_MORE: Remedies = (
    ("schedules", "train longer, with a higher learning rate at first"),
    ("batch_norm", "deeper networks then learn faster, at higher rates"),
    ("residual", "a larger network, whose depth does no harm"),
    ("penalties", "weaken them, as well as dropout and augmentation: they hold it back"),
)
GENERALIZE: Remedies = (
    ("early_stopping", "keep the weights of the best epoch"),
    ("augmentation", "more images out of those there are"),
    ("mixing", "blends of two examples, which cannot be known by heart"),
    ("dropout", "no unit can rely on another"),
    ("penalties", "smaller weights make a smoother function"),
    ("label_smoothing", "no reward for being ever surer of what is known by heart"),
)
STEADY: Remedies = (
    ("gradient_clipping", "no single step can throw the weights away"),
    ("schedules", "a smaller learning rate: try a tenth"),
    ("warmup", "small steps first, while the gradients are still large"),
    ("batch_norm", "keeps the scale of the activations in hand"),
)
QUIETER: Remedies = (
    ("schedules", "let the learning rate fall: the steps at the end become small"),
    ("averaging", "the mean of the weights of many steps does not sway"),
    ("gradient_clipping", "single steps do not throw it off"),
)


@dataclass(frozen=True)
class Diagnosis:
    """``verdict`` is one of ``VERDICTS``; ``because`` says why, one sentence each.

    ``numbers`` are those of the module's text, losses as shares of ``start`` but for itself.
    ``first`` has what to try first: the names of techniques, each with its purpose.
    """

    verdict: str
    because: tuple[str, ...]
    numbers: Mapping[str, float] = field(default_factory=dict)
    first: Remedies = ()


def diagnose(history: History) -> Diagnosis:
    """The verdict on a run; no error whatever the history lacks.

    >>> diagnose(History("scratch", [0.7], [0.7], [0.7], [0.5])).verdict
    'not enough evidence'
    """
    check_kind("history", history, History)
    losses, validation = np.array(history.loss), np.array(history.validation_loss)
    if np.isnan(validation).all():  # also where there is none: whoever had nothing to validate on
        validation = validation[:0]
    steps = np.array(history.step_loss or history.loss)
    if not len(losses):
        return _unknown("There is no training loss: not one epoch has ended.")
    if min(steps.min(), losses.min()) < 0:
        return _unknown("The loss is negative: these rules are for losses that end at 0.")
    start = steps[0] or 1.0
    numbers = {"epochs": float(len(losses)), "start": float(start)}
    if history.diverged or not all(np.isfinite(a).all() for a in (steps, losses, validation)):
        where = history.diverged or "a loss is not finite"
        return Diagnosis("divergence", (f"A number is not finite: {where}.",), numbers, STEADY)
    training = numbers["training"] = _end(losses) / float(start)
    jump = float(steps.max() / start)
    if training >= ENDS_HIGH or (jump >= JUMPS and training >= NEVER_BACK):
        numbers["largest"] = jump
        because = (
            f"The loss began at {start:.3g}, which is what guessing costs, and ends at "
            f"{training * start:.3g}.",
            f"In between it went up to {jump * start:.3g}.",
        )
        return Diagnosis("divergence", because, numbers, STEADY)
    if len(losses) < EPOCHS:
        few = f"{len(losses)} epoch{'s' if len(losses) > 1 else ''}"
        return _unknown(f"{few}: a tendency shows from {EPOCHS} on. Train longer.", numbers)
    if not len(validation):
        return _without_validation(numbers)
    if len(validation) < EPOCHS:
        return _unknown(f"Only {len(validation)} epochs have a validation loss.", numbers)
    return _compared(history, losses / start, validation / start, numbers)


def _compared(
    history: History, losses: np.ndarray, validation: np.ndarray, numbers: dict[str, float]
) -> Diagnosis:
    """Both losses are there, and finite, as shares of the first."""
    start, training, end = numbers["start"], numbers["training"], _end(validation)
    lowest = float(np.convolve(validation, np.full(3, 1 / 3), "valid").min())
    gap, rise, sway = end - training, end - lowest, _sway(validation[len(validation) // 2 :])
    accuracy = _end(np.array(history.validation_accuracy))
    numbers |= {"validation": end, "gap": gap, "rise": rise, "sway": sway, "accuracy": accuracy}
    right = "" if math.isnan(accuracy) else f"; {accuracy:.1%} of the validation examples are right"
    ends = (
        f"The loss began at {start:.3g}. It ends at {training * start:.3g} in training, at "
        f"{end * start:.3g} in validation{right}."
    )

    apart = gap >= GAP and end >= SCORE * training
    turned = gap > 0 and rise >= RISE and end >= RISEN * lowest
    if (apart and gap >= CLEAR * sway) or (turned and rise >= CLEAR * sway):
        because = [
            ends,
            f"On examples it has not seen the loss is {_times(end, training)} as high as on those "
            "it learned from.",
        ]
        if turned:
            best = int(validation.argmin())
            because.append(
                f"The validation loss was lowest after epoch {best + 1}, at "
                f"{validation[best] * start:.3g}, and has risen since."
            )
        if history.best_epoch is not None:
            because.append(
                f"Early stopping chose epoch {history.best_epoch + 1}: with the weights of that "
                "epoch, the model is better than the end of its curve."
            )
        return Diagnosis("overfitting", tuple(because), numbers, GENERALIZE)

    best_loss = min(training, end)
    high = best_loss > LEVEL and not accuracy >= ACCURATE
    if sway >= SWAY and sway >= SWAYS * end and not (high and best_loss - LEVEL >= CLEAR * sway):
        because = [
            ends,
            f"From epoch to epoch the validation loss goes back and forth by {sway * start:.2g}: "
            "where it ends may be chance.",
            "Validate on more examples, or take larger batches.",
        ]
        return Diagnosis("not enough evidence", tuple(because), numbers, QUIETER)

    if high or accuracy < INACCURATE:
        because = [ends, "It does not do well even on the examples it learned from."]
        if (falling := float(losses[-2] - losses[-1])) > 0.01:
            because.append(
                f"The training loss still falls, by {falling * start:.2g} in the last epoch."
            )
        because.append("If a larger network does no better, labels may be wrong or inputs lacking.")
        return Diagnosis("underfitting", tuple(because), numbers, LEARN_MORE)

    because = [ends, "It does as well on examples it has not seen as on those it learned from."]
    same_length = len(losses) == len(validation)
    if same_length and np.allclose(losses, validation, rtol=0.1, atol=1e-3):
        because.append("If both are the same examples, this says nothing about others.")
    return Diagnosis("good fit", tuple(because), numbers)


def _without_validation(numbers: dict[str, float]) -> Diagnosis:
    if numbers["training"] > LEVEL:
        share = f"The training loss ends at {numbers['training']:.0%} of what it began with."
        return Diagnosis("underfitting", (share,), numbers, LEARN_MORE)
    text = "There is no validation loss: how it does on examples it has not seen is not known."
    return _unknown(text, numbers)


def _unknown(because: str, numbers: Mapping[str, float] | None = None) -> Diagnosis:
    return Diagnosis("not enough evidence", (because,), numbers or {})


def _end(values: np.ndarray) -> float:
    """The median of the last quarter, three epochs at least; NaN if there are none."""
    return float(np.median(values[-max(3, len(values) // 4) :])) if len(values) else math.nan


def _sway(values: np.ndarray) -> float:
    changes = np.diff(values)
    return float((np.abs(changes).sum() - abs(changes.sum())) / len(changes))


def _times(high: float, low: float) -> str:
    ratio = high / low if low else math.inf
    return f"{ratio:.3g} times" if ratio < 1000 else "more than 1000 times"
