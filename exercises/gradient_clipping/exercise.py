"""Gradient clipping from scratch: the exercise and its hints."""

from triptych.exercises.findings import Exercise, Hint, Todo
from triptych.exercises.hints import FORM

__all__ = ["EXERCISE"]

VALUE = (
    Hint(
        r"sign|[Nn]egative|-limit|beyond",
        "What becomes of -4 at a limit of 3.5?",
        "There are two limits, -limit and limit, and a number beyond one of them becomes that one.",
        "A minimum with limit and a maximum with -limit, one after the other; NumPy has a function "
        "that does both.",
    ),
    Hint(
        "",
        "What becomes of 3 and of -4 at a limit of 3.5, and does one depend on the other?",
        "Each element is looked at by itself: within the limits it stays as it is, beyond them it "
        "becomes the limit.",
        "np.clip takes an array, the lower limit and the upper limit, and gives a new array.",
    ),
)
FACTOR = (
    Hint(
        r"short|longer|the norm 1|upside|numbers that are none|ZeroDivision",
        "Which factor does a gradient get that is short enough, and which one a gradient of zeros?",
        "The factor is max_norm / norm for what is too long and 1 for all else; a norm of 0 must "
        "not be divided by.",
        "Compare the norm with max_norm before you divide; or divide max_norm by the larger of the "
        "two, which never is 0.",
    ),
    Hint(
        r"norm is that after|in the place of the norm",
        "Which norm tells someone who watches the training that the gradients explode?",
        "The one before clipping: afterwards it never is above max_norm.",
        "Keep the norm in a variable before you make the new arrays, and return that variable.",
    ),
)
NORM = (
    *FACTOR,
    Hint(
        r"square|absolute|row",
        "What is the norm of 3 and -4?",
        "Square, sum over all elements whatever the shape, and take the root: 5.",
        "np.sum without axis goes over all elements; np.sqrt of the sum of grad**2.",
    ),
    Hint(
        "",
        "By which one number are 3 and -4 multiplied so that their norm becomes 2.5?",
        "One norm for the whole array, one factor from it, and all elements times this factor.",
        "norm = root of the sum of squares; factor = 1, or max_norm / norm if that is smaller; "
        "return grad times the factor, and the norm.",
    ),
)
GLOBAL = (
    Hint(
        r"own norm|themselves|one factor",
        "Do the gradients of a network still point into the same direction, taken together, when "
        "each layer has a factor of its own?",
        "There is one norm, of all arrays together, and one factor from it. An array that is short "
        "by itself is scaled as the others are.",
        "First a loop (or a sum) over all arrays for the norm, then the factor, and only then a "
        "second loop that multiplies each array by it.",
    ),
    *FACTOR,
    Hint(
        r"[Gg]lobal norm is|square|absolute|alone",
        "What is the global norm of the arrays [3] and [-4]?",
        "As if they were one long vector: 5, neither 3 + 4 nor the larger of the two.",
        "Add up the sums of squares of all arrays; take the root once, at the end.",
    ),
    Hint(
        "",
        "Which norm do the arrays have together, as one long vector?",
        "One norm from all arrays, one factor from the norm, as in clipping by norm; then every "
        "array times the factor.",
        "Root of the sum, over the arrays, of their sums of squares; the factor as before; return "
        "a new list of arrays times the factor, and the norm.",
    ),
)

EXERCISE = Exercise(
    name="gradient_clipping",
    title="Gradient clipping from scratch",
    summary="Limit gradients by value, by the norm of an array, and by the norm of all arrays.",
    todos=(
        Todo(
            "clip_by_value",
            "clipping by value",
            (*FORM, *VALUE),
            "(3, 4) becomes (1, 1) with a limit of 1: shorter, and turned by 8 degrees.",
        ),
        Todo(
            "clip_by_norm",
            "clipping by norm",
            (*FORM, *NORM),
            "(3, 4) becomes (0.6, 0.8): as long as 1, and not turned. But each array has a factor"
            " of its own, so that the step as a whole may still turn.",
        ),
        Todo(
            "clip_by_global_norm",
            "clipping by the global norm",
            (*FORM, *GLOBAL),
            "A step of plain gradient descent is at most the learning rate times max_norm long, "
            "in the old direction. In bug_clipping one step is 54.3 long without it, and 0.02 "
            "with it.",
        ),
    ),
)
