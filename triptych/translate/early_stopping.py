"""Early stopping: Keras's callback, and those of Lightning and of Ignite, since PyTorch has none.

All three stop when ``patience`` epochs in a row brought no gain. Keras and Lightning count a gain
of more than ``min_delta`` on the best; Ignite does with ``cumulative_delta=True``, else the best
also follows smaller gains.
"""

from typing import Any

from triptych.common.checks import check_choice, check_integer, check_number
from triptych.translate.refusal import NoCounterpart

__all__ = [
    "early_stopping_from_ignite",
    "early_stopping_from_lightning",
    "early_stopping_to_ignite",
    "early_stopping_to_lightning",
]

MODES = ("min", "max")


def early_stopping_to_lightning(
    *,
    patience: int = 0,
    min_delta: float = 0.0,
    mode: str,
    baseline: float | None = None,
    restore_best_weights: bool = False,
) -> dict[str, Any]:
    """Arguments of Lightning's ``EarlyStopping`` for those of Keras's.

    ``mode`` has to be said: Keras guesses it from the metric's name.

    >>> early_stopping_to_lightning(patience=2, mode="min")
    {'patience': 2, 'min_delta': 0.0, 'mode': 'min', 'check_finite': False}
    """
    _refuse(baseline, restore_best_weights)
    return {**_common(patience, min_delta, mode), "check_finite": False}


def early_stopping_from_lightning(
    *,
    patience: int = 3,
    min_delta: float = 0.0,
    mode: str = "min",
    check_finite: bool = True,
    stopping_threshold: float | None = None,
    divergence_threshold: float | None = None,
) -> dict[str, Any]:
    """Arguments of Keras's ``EarlyStopping`` for those of Lightning's.

    ``check_finite=True`` stops at the first NaN: in Keras that is ``TerminateOnNaN``, for the loss.
    """
    if check_finite:
        text = "check_finite=True stops at the first NaN, Keras's callback waits"
        raise NoCounterpart("early-stopping-nan", text)
    if stopping_threshold is not None or divergence_threshold is not None:
        text = "Keras's callback stops at no threshold; its baseline is another thing"
        raise NoCounterpart("early-stopping-baseline", text)
    return _common(patience, min_delta, mode)


def early_stopping_to_ignite(
    *,
    patience: int = 0,
    min_delta: float = 0.0,
    mode: str,
    baseline: float | None = None,
    restore_best_weights: bool = False,
) -> dict[str, Any]:
    """Arguments of Ignite's ``EarlyStopping`` for those of Keras's; ``sign`` is the score's.

    Ignite maximizes a score: ``score_function`` returns ``sign`` times what Keras monitors.

    >>> early_stopping_to_ignite(patience=2, mode="min")
    {'patience': 2, 'min_delta': 0.0, 'cumulative_delta': True, 'sign': -1}
    """
    _refuse(baseline, restore_best_weights)
    common = _common(patience, min_delta, mode)
    return {
        "patience": max(common["patience"], 1),
        "min_delta": common["min_delta"],
        "cumulative_delta": True,
        "sign": 1 if mode == "max" else -1,
    }


def early_stopping_from_ignite(
    *, patience: int, min_delta: float = 0.0, cumulative_delta: bool = False, sign: int = 1
) -> dict[str, Any]:
    """Arguments of Keras's ``EarlyStopping`` for those of Ignite's."""
    if sign not in (-1, 1):
        raise ValueError(f"sign must be 1 or -1, got {sign!r}")
    if min_delta and not cumulative_delta:
        text = "cumulative_delta=False lets the best follow gains below min_delta, Keras does not"
        raise NoCounterpart("early-stopping-small-gains", text)
    return _common(check_integer("patience", patience, minimum=1), min_delta, MODES[sign > 0])


def _common(patience: int, min_delta: float, mode: str) -> dict[str, Any]:
    return {
        "patience": check_integer("patience", patience),
        "min_delta": check_number("min_delta", min_delta, "[0, inf)"),
        "mode": check_choice("mode", mode, MODES),
    }


def _refuse(baseline: float | None, restore_best_weights: bool) -> None:
    if baseline is not None:
        raise NoCounterpart("early-stopping-baseline", "only Keras's callback has a baseline")
    if restore_best_weights:
        text = "only Keras's callback restores weights: keep a copy of the best state_dict"
        raise NoCounterpart("early-stopping-restore", text)
