"""Max-norm from scratch: the exercise and its hints."""

from triptych.exercises.findings import Exercise, Hint, Todo
from triptych.exercises.hints import FORM

__all__ = ["EXERCISE"]

EPSILON = Hint(
    r"[Ss]omething small",
    "What is the number that you add to the norm there for?",
    "It keeps a division by 0 away, and changes every other unit a little. There is a way without "
    "a division by 0, where nothing has to be added.",
    "Take the quotient so that what stands below is never smaller than the limit, and add nothing.",
)
NORMS = (
    Hint(
        r"axis 1|axes|whole matrix",
        "Where in the matrix are the weights that lead to the second unit?",
        "The shape is (inputs, units): a unit is a column. Three units have three norms.",
        "Sum over the inputs, which are axis 0; what is left has shape (units,).",
    ),
    EPSILON,
    Hint(
        "",
        "What is the length of the vector (3, 4)?",
        "The norm is the Euclidean one: square, add up, take the root, for each column by itself.",
        "The root, np.sqrt, of the sum of w**2 over axis 0.",
    ),
)
ZERO = Hint(
    r"0 / 0|numbers that are none",
    "What comes out for a unit whose weights are all 0?",
    "Its norm is 0, which is within every limit: it has to stay as it is, so nothing may be "
    "divided by its norm.",
    "Make what stands below the fraction the larger of the norm and the limit, with np.maximum.",
)
SHARED = (
    EPSILON,
    ZERO,
    Hint(
        r"last bit",
        "If x is divided by 3 and multiplied by 3, is the result always x?",
        "Each of the two operations rounds. A product with exactly 1 does not; neither does a "
        "choice of the old value.",
        "Compute the factor first, one for each unit, so that it is exactly 1 within the limit; "
        "then multiply once.",
    ),
    Hint(
        r"stretched|almost 1|reversed|the wrong way|largest one",
        "With the limit 2, what happens to a unit of norm 1, beside one of norm 5?",
        "Nothing at all: only what is above the limit is scaled, each unit by its own factor.",
        "The factor is limit / n for units above the limit and 1 for the others.",
    ),
    Hint(
        r"one by one|together|norm 1, not|multiplied by c|become 0|square root",
        "What is the norm of a unit after the constraint, if it was above the limit?",
        "It is c, and the weights keep their proportions to each other: all of a unit's weights "
        "have one factor.",
        "Multiply the weights of a unit by limit / n, where n is the norm, with its root.",
    ),
)
MAX_NORM = (
    Hint(
        r"axis 1",
        "Where in the matrix are the weights that lead to the second unit?",
        "The shape is (inputs, units): a unit is a column, and has one norm and one factor.",
        "Use your unit_norms. A factor of shape (units,) stands beside w by itself.",
    ),
    *SHARED,
    Hint(
        "",
        "By which number has a unit of norm 5 to be multiplied, to have the norm 2? And a unit of "
        "norm 1?",
        "Compute the norms, then one factor for each unit, then multiply once. The larger of the "
        "norm and the limit helps, for both kinds of units.",
        "Divide the limit by the larger of the norm and the limit, which np.maximum gives: that is "
        "limit / n above the limit, and exactly 1 within it.",
    ),
)
KERNEL = (
    Hint(
        r"axis 0 alone|height and width alone|channels|last axis|three axes",
        "Which of the four axes count filters, and which lie within one?",
        "The shape is (height, width, channels, filters): a filter is kernel[:, :, :, j], with its "
        "weights at every place and of every channel.",
        "Sum over the axes 0, 1 and 2 at once; what is left has shape (filters,).",
    ),
    *SHARED,
    Hint(
        "",
        "How many weights has one filter of a kernel of shape (3, 3, 16, 32), and how many norms "
        "are there?",
        "Only the norm is another one than for a dense layer: 144 weights are in each of the 32.",
        "The sum of the squares over axis=(0, 1, 2); then the factor and the product as before.",
    ),
)

EXERCISE = Exercise(
    name="max_norm",
    title="Max-norm from scratch",
    summary="Hold the norm of each unit's weights at a limit, for dense layers and for kernels.",
    todos=(
        Todo(
            "unit_norms",
            "the norm of each unit",
            (*FORM, *NORMS),
            "The norm says how steep a unit is: with a norm of 3, inputs that differ by a vector "
            "of length 1 change its output by at most 3.",
        ),
        Todo(
            "max_norm",
            "the constraint",
            (*FORM, *MAX_NORM),
            "However large the learning rate, no unit grows beyond the limit; one that stays "
            "below it loses nothing, where weight decay would shrink it as well.",
        ),
        Todo(
            "max_norm_kernel",
            "the constraint of a kernel",
            (*FORM, *KERNEL),
            "A filter of 3 x 3 pixels and 64 channels is one vector of 576 weights. A limit for "
            "each channel alone would let it become sqrt(64) = 8 times as long.",
        ),
    ),
)
