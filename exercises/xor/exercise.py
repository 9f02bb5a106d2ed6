from triptych.exercises.findings import Exercise, Todo

from .hints import BATCH_NORM, DROPOUT, L2

__all__ = ["EXERCISE"]

EXERCISE = Exercise(
    name="xor",
    title="the XOR challenge",
    summary="Give a network that learns XOR dropout, batch norm and L2.",
    todos=(
        Todo(
            "dropout",
            "dropout",
            DROPOUT,
            "Each row of a step trains one of 2**16 thinned networks. With four corners to learn "
            "there is nothing to generalize to: here dropout costs training loss and brings "
            "nothing, and that is as it should be.",
        ),
        Todo(
            "batch norm",
            "batch normalization",
            BATCH_NORM,
            "Each hidden unit is spread over the batch, so that tanh is neither flat nor straight "
            "there. A prediction takes the running statistics: it must not depend on other rows.",
        ),
        Todo(
            "l2",
            "L2",
            L2,
            "A weight that the data do not hold up shrinks by a thousandth in each step of rate "
            "0.1. The probabilities stay further from 0 and 1: surety costs large weights.",
        ),
    ),
)
