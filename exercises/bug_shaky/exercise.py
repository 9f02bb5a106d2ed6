"""Predictions that change: the exercise and its hints."""

from triptych.exercises.findings import Exercise, Hint, Todo

__all__ = ["EXERCISE"]

HINTS = (
    Hint(
        r"mean in training",
        "If every hidden value is 1, what is their mean in a training pass, and what in predict?",
        "A mask of 0 and 1 takes a share of the mean away. Either training gives it back, or "
        "predict takes as much.",
        "Divide what training keeps by the share that it keeps (then predict does nothing), or "
        "multiply all hidden values in predict by that share (then training does nothing). One.",
    ),
    Hint(
        r"gradient",
        "Which factors stand between a hidden value before dropout and the output layer?",
        "The way back has the same factors as the way there: zeros, and the scale.",
        "Multiply by one array on both ways, the mask with its scale in it.",
    ),
    Hint(
        r"training passes|two trainings|nothing is dropped|another share|scaled by one",
        "What did dropout in training do before your mend?",
        "It drew a mask of its own in each pass, from the rng that it was given, and dropped half.",
        "Leave the draw in the training pass as it was.",
    ),
    Hint(
        "",
        "What in predict is not determined by model and x?",
        "Compare the line in predict that stands between the ReLU and the output layer with the "
        "training pass: should it be there? And what does it do to the mean, once it is gone?",
        "Let predict draw nothing. Then compare the mean of the hidden values in both, with a "
        "half of them dropped in training: a factor has to make up for it.",
    ),
)

EXERCISE = Exercise(
    name="bug_shaky",
    title="find the bug: prediction",
    summary="A network with dropout predicts something else in every call.",
    todos=(
        Todo(
            "bug",
            "dropout in training, and predictions that stay",
            HINTS,
            "A prediction changed from call to call, by up to nine tenths, and some 12 % were "
            "wrong. Without a mask, and with training scaled to fit, nothing changes, and all are "
            "right.",
        ),
    ),
)
