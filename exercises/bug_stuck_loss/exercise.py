"""A training loss that gets stuck: the exercise and its hints."""

from triptych.exercises.findings import Exercise, Hint, Todo

__all__ = ["EXERCISE"]

HINTS = (
    Hint(
        r"nothing is dropped|training mode|inference mode|predict",
        "In which mode does the model run in a training step, and in which in predict?",
        "Dropout is to act in training and nowhere else. Taking it out makes the loss fall, and "
        "takes the regularization with it.",
        "Leave a dropout of rate 0.5 in the model, train with training=True and predict without.",
    ),
    Hint(
        r"backward|another share|another scale|together",
        "What does the dropout of scratch/dropout.py do that yours does not?",
        "Each unit of each row has a draw of its own, what is kept is divided by the share that is "
        "kept, and the way back has the mask of the way there.",
        "Use the layer that the starter uses, with its rate.",
    ),
    Hint(
        r"drops inputs|two dropouts",
        "Which layers does a value go through on its way from a point to a logit, and behind which "
        "of them does something drop it?",
        "There is one place for it: behind the ReLU, where the hidden units are.",
        "One dropout, between the hidden layer and the output's matrix, and none elsewhere.",
    ),
    Hint(
        "",
        "What are the logits of one training point, in a few training passes one after the other?",
        "Print them: some are exactly 0. Which layer is the last that they come through, and what "
        "would the softmax make of a 0?",
        "Dropout should act on what the output's matrix is multiplied by, not on what comes out: "
        "move that layer.",
    ),
)

EXERCISE = Exercise(
    name="bug_stuck_loss",
    title="find the bug: a stuck loss",
    summary="With dropout the training loss stays around a half, while every point is right.",
    todos=(
        Todo(
            "bug",
            "dropout of the hidden layer, in training",
            HINTS,
            "With half of the logits set to 0, the training loss could not fall below 0.57. With "
            "dropout in front of the output it falls to 0.10, and the hidden layer is thinned out"
            " as it was meant to be.",
        ),
    ),
)
