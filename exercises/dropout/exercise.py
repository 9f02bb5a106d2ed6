"""Dropout from scratch: the exercise and its hints."""

from triptych.exercises.findings import Exercise, Hint, Todo

__all__ = ["EXERCISE"]

FORM = (
    Hint(
        r"in place",
        "Are the arrays that the function was given still what they were, after it returns?",
        "Operators like *= and assignments to elements, x[...] = ..., write into the array that "
        "they stand behind, and the caller holds the same array.",
        "Let the product be a new array, y = x * ..., and return that.",
    ),
    Hint(
        r"dtype",
        "Which of the things that take part in the product has another dtype than the argument?",
        "NumPy goes to the wider dtype of two arrays. Python's own floats, and booleans, leave the "
        "dtype of an array as it is.",
        "Use the mask as it is, boolean, and the rate as the Python number that it is: no astype, "
        "no np.array or np.float64 of them.",
    ),
    Hint(
        r"two calls with the same arguments|another mask|new mask|of its own",
        "Where does the randomness come from, when the mask is an argument?",
        "The function is given all that it needs: x or the gradient, the rate, the mask.",
        "Draw nothing here: use the mask in training, and leave it alone in inference.",
    ),
    Hint(
        r"active in inference|are swapped\.",
        "What does the equation of inference have in it, and what not?",
        "The docstring at the top has one equation for training and one for inference; the "
        "argument `training` tells which.",
        "Branch on training. The mask belongs to the branch of training alone.",
    ),
    Hint(
        r"mask is forgotten|Keep and drop|shape \(features|not used",
        "Which elements of the result have to be 0, and which numbers stand at the others?",
        "True in the mask means keep. The gradient goes where the activation went: both have the "
        "same zeros.",
        "In training multiply by the mask as it is given, whole, in forward and in backward; what "
        "it multiplies is x, or the upstream gradient.",
    ),
    Hint(
        r"[Rr]escaling|[Ss]cale|Multiplied|Divided",
        "Let x be 1 everywhere and rate 0.8. Which mean has the result in training, and which in "
        "inference?",
        "Both forms give the same mean in both modes: the standard form by a factor in inference, "
        "the inverted form by one in training, and neither by two. The gradient gets the same "
        "factor.",
        "The probability to keep is 1 - rate. The standard form multiplies by it in inference, the "
        "inverted form divides by it in training; the other mode has no factor.",
    ),
    Hint(
        r"returns no array",
        "What does the function return, and which shape has it?",
        "Each element of the result belongs to the element of the argument at the same place.",
        "Return the product itself, of the argument's shape: no sum, no mean, no selection.",
    ),
)
DRAW = (
    Hint(
        r"shape|kept or dropped together|no array",
        "How many elements has the mask, and how many numbers are drawn for it?",
        "Each element needs a number of its own. See what the random method of NumPy's Generator "
        "takes as its size.",
        "Draw with the whole shape, rng.random(shape), and compare; the result has that shape.",
    ),
    Hint(
        r"boolean",
        "What is the type of the result of a comparison?",
        "A mask says which: True is keep. Numbers and scales come later, where it is used.",
        "Return the comparison itself: no astype, no division.",
    ),
    Hint(
        r"same seed|same mask",
        "Which generator do your numbers come from, and who has seeded it?",
        "The rng that is given goes on from call to call, and two of one seed give the same.",
        "Call rng.random: no np.random, and no default_rng of your own.",
    ),
    Hint(
        r"number of kept",
        "How often does a coin that is thrown 100 times show heads? Always the same number?",
        "Each element is kept or dropped by itself. A choice of a fixed number makes them depend "
        "on one another.",
        "Compare a uniform number for each element with rate: no permutation, no choice.",
    ),
    Hint(
        r"share",
        "With rate 0.1, how many of 100 elements should be True?",
        "rate is the probability to drop, and True stands for keep.",
        "A uniform number lies below rate with probability rate: those are dropped, the others "
        "(and with rate 0 all) kept.",
    ),
    Hint(
        "",
        "How do numbers that are uniform between 0 and 1 become events of a given probability? And "
        "which of the two events does True stand for?",
        "See the random method of NumPy's Generator, and what it takes as its size. Each element "
        "of the mask needs a number of its own.",
        "Draw one uniform number for each element from the rng that is given, and compare all of "
        "them with rate at once. Choose the direction of the comparison so that a rate of 0 keeps "
        "everything.",
    ),
)
STANDARD = Hint(
    "",
    "Which fraction of the activations is left in training? Without dropout the next layer gets "
    "all of them: what has to happen in inference, so that it gets the same on average?",
    "The docstring at the top has one equation for training and one for inference. NumPy "
    "multiplies floats by booleans, True counting as 1.",
    "Branch on training. One branch uses the mask and no scale, the other a scale and no mask; the "
    "scale is the probability to keep. Make a new array rather than writing into x.",
)
STANDARD_BACKWARD = Hint(
    "",
    "How much does y change when x changes a little, at an element that is kept, and at one that "
    "is dropped?",
    "Each y depends on the x at its own place alone and is linear in it, so dL/dx is dL/dy times "
    "one number for each element. Read that number off the forward equation.",
    "Multiply the upstream gradient by whatever the forward pass multiplied x by, in training and "
    "in inference each. The mask is the one that you are given; x is not needed.",
)
INVERTED = Hint(
    "",
    "If inference is to do nothing at all, what has to happen to the activations that are kept in "
    "training?",
    "Let x be 1 and rate 0.8: one in five is kept. Which value does that one need, for the mean to "
    "be 1?",
    "Branch on training. In training mask as before, and make what is kept larger by the inverse "
    "of the probability to keep; in inference hand x on as it is. Make a new array rather than "
    "writing into x.",
)
INVERTED_BACKWARD = Hint(
    "",
    "The forward pass multiplies each x by a number. Is it the same number as in the standard "
    "form?",
    "The derivative of a constant times x is that constant: the scale belongs to it as well as the "
    "mask, and each of them once.",
    "Multiply the upstream gradient by whatever the forward pass multiplied x by: two factors in "
    "training, none in inference. Do not draw a new mask.",
)

EXERCISE = Exercise(
    name="dropout",
    title="Dropout from scratch",
    summary="Draw masks, and write the standard and the inverted form with their gradients.",
    todos=(
        Todo(
            "draw_mask",
            "draw a mask",
            DRAW,
            "Each step trains another thinned network: of 100 units some 50 are left at a rate of"
            " 0.5, give or take 5.",
        ),
        Todo(
            "standard_dropout",
            "standard dropout",
            (*FORM, STANDARD),
            "The next layer sees the same mean in training and in inference, and only the mean: "
            "at a rate of 0.5 a value of 1 comes as 0 or 1 in training, and always as 0.5 in "
            "inference.",
        ),
        Todo(
            "standard_dropout_backward",
            "standard dropout, backward",
            (*FORM, STANDARD_BACKWARD),
            "A unit that is dropped learns nothing in this step; at a rate of 0.5, that is half "
            "of them.",
        ),
        Todo(
            "inverted_dropout",
            "inverted dropout",
            (*FORM, INVERTED),
            "What is kept is larger, twice at a rate of 0.5 and 10 times at 0.9, so that "
            "inference needs neither factor nor rate: the trained network is a plain one.",
        ),
        Todo(
            "inverted_dropout_backward",
            "inverted dropout, backward",
            (*FORM, INVERTED_BACKWARD),
            "The gradient goes where the value went, with the same factor. Its mean over the "
            "masks is the gradient itself: 0 or 2 for a gradient of 1 at a rate of 0.5.",
        ),
    ),
)
