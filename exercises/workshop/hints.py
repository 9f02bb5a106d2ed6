"""Hints for the workshop."""

from triptych.exercises.findings import Hint

__all__ = ["HINTS"]

HINTS: dict[str, tuple[Hint, ...]] = {
    key: (Hint("", "ask", "look", "do"),)
    for key in (
        "dropout",
        "weight decay",
        "schedule",
        "batch norm",
        "clipping",
        "augmentation",
        "early stopping",
        "smoothing",
        "curves",
        "misclassified",
    )
}
