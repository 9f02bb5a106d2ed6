"""Weights that shrink too fast: the exercise and its hints."""

from triptych.exercises.findings import Exercise, Hint, Todo

__all__ = ["EXERCISE"]

HINTS = (
    Hint(
        r"learning rate|without a penalty",
        "Does a step follow the data as far as it did before your mend?",
        "With a smaller learning rate everything is slower, the penalty and what is learned.",
        "Leave the optimizer as the docstring has it. What is too large is the penalty alone.",
    ),
    Hint(
        r"bias",
        "Which arrays of a Dense layer can have a regularizer, and which are to have one?",
        "Kernel and bias have an argument each.",
        "Let nothing of the penalty reach a bias.",
    ),
    Hint(
        r"kernel",
        "What is the derivative of s * w^2, and what that of s / 2 * w^2?",
        "Keras's documentation of L2 has the formula of what it adds to the loss. Compare it with "
        "the one in the docstring, for each of the two layers.",
        "Choose the strength given to Keras so that its formula gives the docstring's.",
    ),
    Hint(
        "",
        "For one weight w = 3: what does the docstring's penalty add to the loss, and what does "
        "Keras's L2?",
        "Look at the function that makes a layer: at the number that the regularizer is given, and "
        "at the arrays that it is given to. Both matter.",
        "Halve the strength, since L2 of Keras has no one-half in front; and leave biases free.",
    ),
)

EXERCISE = Exercise(
    name="bug_small_weights",
    title="find the bug: small weights",
    summary="An L2 penalty takes more from the weights than its formula says.",
    todos=(
        Todo(
            "bug",
            "a penalty of 0.01 / 2 * sum w^2 for the kernels alone",
            HINTS,
            "Keras's L2 has no one-half: a weight lost 0.002 of itself in a step where 0.001 was "
            "asked, and biases as well. Now the norm of the kernels is 3.05, not 2.79.",
        ),
    ),
)
