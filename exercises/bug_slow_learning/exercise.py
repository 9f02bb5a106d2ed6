"""A loss that is too small: the exercise and its hints."""

from triptych.exercises.findings import Exercise, Hint, Todo

__all__ = ["EXERCISE"]

HINTS = (
    Hint(
        r"learning rate",
        "Is it the learning rate that is wrong, or what it is multiplied by?",
        "A larger rate hides the symptom for one number of classes, and the loss is still too "
        "small.",
        "Put the rate back, and look at what the loss of a batch is divided by.",
    ),
    Hint(
        r"10 stands|does not follow|not the gradient",
        "Does your mend hold for three classes, and for loss and gradient alike?",
        "Write the loss of a batch of one example by hand, once for ten classes and once for "
        "three. Then let the gradient be the derivative of that.",
        "Divide by nothing but the number of rows, in both lines.",
    ),
    Hint(
        "",
        "What is the loss of one example whose ten probabilities are all 0.1, by the formula and "
        "by the script?",
        "Look at the function that makes loss and gradient: over how many numbers does its mean "
        "go, and how many of these belong to one example?",
        "Sum over the classes of an example first; then the mean goes over the examples. The "
        "gradient is divided by the same number as the loss.",
    ),
)

EXERCISE = Exercise(
    name="bug_slow_learning",
    title="find the bug: learning",
    summary="A network starts at a tenth of the loss it should have, and learns as slowly.",
    todos=(
        Todo(
            "bug",
            "the cross-entropy of an example, averaged over the batch",
            HINTS,
            "A mean over the 10 classes as well made the loss and every step ten times smaller: "
            "0.23 for a network that knows nothing, where log(10) = 2.30. Now 10 epochs are "
            "enough for 100 %, not 78 %.",
        ),
    ),
)
