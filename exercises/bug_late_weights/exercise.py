"""Weights that come too late: the exercise and its hints."""

from triptych.exercises.findings import Exercise, Hint, Todo

__all__ = ["EXERCISE"]

HINTS = (
    Hint(
        r"end at the wrong epoch",
        "By which number is it decided that training goes on, and how long is waited?",
        "The loss of the points that are learned falls nearly always; that of others tells when "
        "it is enough. The lowest so far is what each epoch is compared with.",
        "Let the rule look at the validation loss, for the lowest, with the patience that is "
        "given.",
    ),
    Hint(
        r"weights",
        "When training ends, which epoch do the weights of the model belong to?",
        "It ends ``patience`` epochs after the best. What the model knew then has to be kept "
        "somewhere, by what is given to fit or by yourself.",
        "There is an argument that gives the best weights back at the end, and it is off by "
        "default. They are also to come back when the epochs run out.",
    ),
    Hint(
        "",
        "Which of the two curves in the history goes up again, and which one does the rule look "
        "at?",
        "Look at what is made for fit to stop with: at what it watches, and at what it does with "
        "the weights when it stops. Keras's defaults are not all what one expects.",
        "Name the loss of the validation as the one to watch, and ask for the weights of the best "
        "epoch.",
    ),
)

EXERCISE = Exercise(
    name="bug_late_weights",
    title="find the bug: late weights",
    summary="Early stopping does not stop, and the model is worse than its best epoch.",
    todos=(
        Todo(
            "bug",
            "early stopping with the weights of the best epoch",
            HINTS,
            "The lowest validation loss was 0.600 in epoch 3; the model that came out after 100 "
            "epochs had 1.904. Now it has 0.600, after 23 epochs.",
        ),
    ),
)
