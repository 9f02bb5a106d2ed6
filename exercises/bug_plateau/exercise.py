from triptych.exercises.findings import Exercise, Hint, Todo

__all__ = ["EXERCISE"]

HINTS = (
    Hint(
        r"epoch too late|epoch too early|counts|direction|own clock",
        "How often in an epoch does the schedule hear of a loss, and of which one?",
        "It keeps the lowest loss so far and counts the epochs since. It wants the loss of this "
        "epoch, once, at its end, and lower is better.",
        "One call in each epoch, after evaluate, with what evaluate has just returned.",
    ),
    Hint(
        "",
        "Which of the two losses that are printed has a plateau?",
        "ReduceLROnPlateau knows nothing of training or validation: it looks at the number that "
        "its step is given.",
        "Give it the number that the task speaks of.",
    ),
)

EXERCISE = Exercise(
    name="bug_plateau",
    title="find the bug: the plateau",
    summary="Validation gets worse for fifty epochs, and the learning rate is not lowered.",
    todos=(
        Todo(
            "bug",
            "lower the rate in time",
            HINTS,
            "The training loss fell to 0.011, so the rate was never lowered, and the validation "
            "loss rose to 2.173. Now the rate falls in time, and the validation loss ends at "
            "0.842.",
        ),
    ),
)
