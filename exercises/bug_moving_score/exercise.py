"""A validation score that moves: the exercise and its hints."""

from triptych.exercises.findings import Exercise, Hint, Todo

__all__ = ["EXERCISE"]

HINTS = (
    Hint(
        r"training images|in each epoch",
        "Does the network still learn from images that augment has returned, in each epoch from "
        "others?",
        "Augmentation in training was right: the same pipeline serves two purposes, and only one "
        "of them was to change.",
        "Let the training pipeline augment at the moment when it hands out a batch, as it did.",
    ),
    Hint(
        r"val_loss",
        "At how many places in the script are validation images looked at?",
        "The validation during training is one of them, and evaluate is another.",
        "What you did for the one place, do for the other.",
    ),
    Hint(
        r"evaluate",
        "Which images does the network see in evaluate: those that it was given?",
        "A seed makes the numbers stay, and the images are still other ones. A mean over several "
        "draws is a mean over other images.",
        "Hand the images in evaluate to the network as they are.",
    ),
    Hint(
        "",
        "What is there in a call of evaluate that could be another in the next call?",
        "Follow the images from evaluate, and from the validation in train, to the network: "
        "through which function do they go, and what was that written for?",
        "Let the pipeline know whether it is for training, and augment only then, at both places.",
    ),
)

EXERCISE = Exercise(
    name="bug_moving_score",
    title="find the bug: a moving score",
    summary="The same network has another validation loss in every call.",
    todos=(
        Todo(
            "bug",
            "augmentation in training, and validation on images as they are",
            HINTS,
            "Augmented validation images gave one network another loss in each call, and 80 % "
            "right. As they are, the loss is 0.331 each time, and all are right.",
        ),
    ),
)
