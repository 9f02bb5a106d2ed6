"""Dropout from scratch: the exercise and its hints."""

from triptych.exercises.findings import Exercise, Todo

__all__ = ["EXERCISE"]

EXERCISE = Exercise(
    name="dropout",
    title="Dropout from scratch",
    summary="Draw masks, and write the standard and the inverted form with their gradients.",
    todos=(
        Todo(
            "draw_mask",
            "draw a mask",
            (
                "How do numbers that are uniform between 0 and 1 become events of a given "
                "probability? And which of the two events does True stand for?",
                "See the random method of NumPy's Generator, and what it takes as its size. "
                "Each element of the mask needs a number of its own.",
                "Draw one uniform number for each element from the rng that is given, and compare "
                "all of them with rate at once. Choose the direction of the comparison so that a "
                "rate of 0 keeps everything.",
            ),
        ),
        Todo(
            "standard_dropout",
            "standard dropout",
            (
                "Which fraction of the activations is left in training? Without dropout the next "
                "layer gets all of them: what has to happen in inference, so that it gets the "
                "same on average?",
                "The docstring at the top has one equation for training and one for inference. "
                "NumPy multiplies floats by booleans, True counting as 1.",
                "Branch on training. One branch uses the mask and no scale, the other a scale and "
                "no mask; the scale is the probability to keep. Make a new array rather than "
                "writing into x.",
            ),
        ),
        Todo(
            "standard_dropout_backward",
            "standard dropout, backward",
            (
                "How much does y change when x changes a little, at an element that is kept, and "
                "at one that is dropped?",
                "Each y depends on the x at its own place alone and is linear in it, so dL/dx is "
                "dL/dy times one number for each element. Read that number off the forward "
                "equation.",
                "Multiply the upstream gradient by whatever the forward pass multiplied x by, in "
                "training and in inference each. The mask is the one that you are given; x is not "
                "needed.",
            ),
        ),
        Todo(
            "inverted_dropout",
            "inverted dropout",
            (
                "If inference is to do nothing at all, what has to happen to the activations that "
                "are kept in training?",
                "Let x be 1 and rate 0.8: one in five is kept. Which value does that one need, for "
                "the mean to be 1?",
                "Branch on training. In training mask as before, and make what is kept larger by "
                "the inverse of the probability to keep; in inference hand x on as it is. Make a "
                "new array rather than writing into x.",
            ),
        ),
        Todo(
            "inverted_dropout_backward",
            "inverted dropout, backward",
            (
                "The forward pass multiplies each x by a number. Is it the same number as in the "
                "standard form?",
                "The derivative of a constant times x is that constant: the scale belongs to it "
                "as well as the mask, and each of them once.",
                "Multiply the upstream gradient by whatever the forward pass multiplied x by: two "
                "factors in training, none in inference. Do not draw a new mask.",
            ),
        ),
    ),
)
