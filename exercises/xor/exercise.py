from triptych.exercises.findings import Exercise, Todo

from .hints import BATCH_NORM, DROPOUT, L2

__all__ = ["EXERCISE"]

EXERCISE = Exercise(
    name="xor",
    title="the XOR challenge",
    summary="Give a network that learns XOR dropout, batch norm and L2.",
    todos=(
        Todo("dropout", "dropout", DROPOUT),
        Todo("batch norm", "batch normalization", BATCH_NORM),
        Todo("l2", "L2", L2),
    ),
)
