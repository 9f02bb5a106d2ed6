from triptych.exercises.findings import Exercise, Hint, Todo

__all__ = ["EXERCISE"]

HINTS = (
    Hint(
        r"other parameters shrink",
        "Which parameters does the penalty go over, and which does the optimizer shrink?",
        "A large bias makes no function less smooth. Batch norm's scale is called weight, "
        "too, and has one axis as a bias has; a matrix has two.",
        "Choose by the number of axes, or take the weights of the Linear layers.",
    ),
    Hint(
        r"after Adam's step",
        "Is w pulled to 0 by the gradient that Adam is given, or beside it?",
        "AdamW takes the decay out of the gradient, and then it is another method than L2 in the "
        "loss: Adam divides a gradient by its size, and this decay not.",
        "Keep Adam, and bring the penalty in through the gradient: in the loss, or with Adam's own "
        "weight_decay.",
    ),
    Hint(
        r"strength|of the matrices",
        "What is the derivative of your penalty by one weight?",
        "That of w**2 is 2 * w: a one-half in the penalty makes it w. A sum over a matrix and a "
        "mean over it differ by its size.",
        "STRENGTH / 2 times the sum of squares in the loss, or weight_decay=STRENGTH: one of them.",
    ),
    Hint(
        "",
        "In how many places does this script shrink its weights?",
        "weight_decay of torch.optim.Adam adds its multiple of w to the gradient: that is L2, of "
        "all parameters that the group has. And what does the penalty add?",
        "Leave one of the two. Give it the strength 0.01 with a one-half that counts once, and the "
        "two matrices alone.",
    ),
)

EXERCISE = Exercise(
    name="bug_decay",
    title="find the bug: weight decay",
    summary="L2 of strength 0.01 is asked for, and everything shrinks much faster.",
    todos=(
        Todo(
            "bug",
            "L2 as strong as it says",
            HINTS,
            "Each parameter was pulled to 0 three times as hard as asked, 0.03 of itself, the "
            "scales of batch norm too. Now it is 0.01, for the matrices alone, and 95.6 % are "
            "right in place of 92.4 %.",
        ),
    ),
)
