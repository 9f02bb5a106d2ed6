from triptych.exercises.findings import Exercise, Hint, Todo

__all__ = ["EXERCISE"]

HINTS = (
    Hint(
        r"no probabilities",
        "What does predict return now: logits, log-probabilities or probabilities?",
        "The training loss and predict may need different things from the same network.",
        "Let the network give logits, and turn them into probabilities in predict.",
    ),
    Hint(
        r"sure and wrong",
        "What is the logarithm of a probability that float32 has rounded to 0?",
        "log softmax can be computed from the logits without ever making the small number: the "
        "logit less the logsumexp of its row.",
        "Give the logits to the function that takes logits; add no small number to p.",
    ),
    Hint(
        "",
        "Which numbers does functional.cross_entropy take: logits, probabilities or their logs?",
        "Follow one row from the last Linear to the loss, and count how often it is normalized. "
        "What is the least loss that the row (1, 0, 0) can have?",
        "Leave one of the two: the network should end in logits when it is trained. predict still "
        "has to return probabilities.",
    ),
)

EXERCISE = Exercise(
    name="bug_slow_loss",
    title="find the bug: the loss",
    summary="All points are classified surely and rightly, and the loss stays above 0.55.",
    todos=(
        Todo(
            "bug",
            "a loss that can reach 0",
            HINTS,
            "With a softmax of a softmax even a sure and right answer costs log(1 + 2 / e) = "
            "0.551. Now the loss goes on to fall, to 0.0002.",
        ),
    ),
)
