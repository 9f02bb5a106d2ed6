from triptych.exercises.findings import Exercise, Hint, Todo

__all__ = ["EXERCISE"]

HINTS = (
    Hint(
        r"running statistics",
        "What belongs to this network besides its parameters?",
        "Batch normalization measures with a running mean and variance. They are buffers, which "
        "named_parameters leaves out and state_dict has.",
        "Copy every entry of the state_dict.",
    ),
    Hint(
        "",
        "Between the best epoch and the end, who writes into the numbers that were kept?",
        "Print one weight of what is kept, in the epoch in which it is kept and two epochs later. "
        "Does a state_dict hold copies of the weights, or the weights?",
        "Copy the tensors themselves in the best epoch; copying the dictionary alone, with dict() "
        "or .copy(), leaves the tensors shared.",
    ),
)

EXERCISE = Exercise(
    name="bug_early_stop",
    title="find the bug: early stopping",
    summary="Training should end with its best model, and ends with a worse one.",
    todos=(
        Todo(
            "bug",
            "end with the best",
            HINTS,
            "state_dict holds the model's own tensors, not copies: the model that was restored "
            "had a loss of 0.217 where the best was 0.156. Now it has 0.156.",
        ),
    ),
)
