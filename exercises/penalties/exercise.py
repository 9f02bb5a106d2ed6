"""L1, L2 and elastic net from scratch: the exercise and its hints."""

from triptych.exercises.findings import Exercise, Hint, Todo
from triptych.exercises.hints import FORM

__all__ = ["EXERCISE"]

CORNER = Hint(
    r"w = 0|0 / 0|numbers that are none",
    "What does your gradient give for a weight that is exactly 0?",
    "A comparison has two outcomes, the sign three: -1, 0 and 1. A division by abs(w) has none at "
    "0.",
    "NumPy has the function, and it is 0 at 0: np.sign.",
)
SUMS = Hint(
    r"mean over|number of weights",
    "If a layer gets twice as many weights of the same size, what becomes of the penalty?",
    "The equations have a sum over all weights, and nothing that divides by their number.",
    "sum, not mean; the number of weights stands nowhere, neither in the penalty nor in the "
    "gradient.",
)
L1 = (
    CORNER,
    SUMS,
    Hint(
        r"[Tt]he gradient",
        "If a weight below 0 grows a little, does the penalty grow or fall? By how much for a "
        "weight that is twice as large?",
        "The slope of abs(w) is 1 above 0 and -1 below, and does not depend on the size of w.",
        "The gradient is the strength times the sign of each weight: as many numbers as w has.",
    ),
    Hint(
        "",
        "For the weights -1, 0 and 2: what is the sum of the absolute values, and what is the "
        "slope at each of them?",
        "Two results: a number, summed up over all axes, and an array of the shape of w.",
        "np.abs, sum and np.sign; each of the two results has the strength as a factor, once.",
    ),
)
L2 = (
    SUMS,
    Hint(
        r"one-half|factor 2|everywhere (2|0\.5) times",
        "What is the derivative of w^2 / 2?",
        "The one-half stands in the penalty, so that the gradient needs no 2.",
        "strength / 2 times the sum of the squares, and strength times w.",
    ),
    Hint(
        r"[Tt]he gradient",
        "Which derivative has strength / 2 * w^2 for one weight?",
        "It is proportional to the weight: large weights are pulled harder, a weight of 0 not.",
        "The strength times w, an array of the shape of w.",
    ),
    Hint(
        "",
        "For the weights -1, 0 and 2: what are the squares, and what is their sum?",
        "Two results: a number, summed up over all axes, and an array of the shape of w. First "
        "square, then sum; there is no root.",
        "w**2, sum, times strength / 2; and strength times w.",
    ),
)
NET = (
    CORNER,
    SUMS,
    Hint(
        r"l1_ratio|alpha",
        "What is left of the elastic net at l1_ratio 1, and what at 0?",
        "alpha is split: the share l1_ratio of it is the strength of L1, the rest that of L2.",
        "Compute the two strengths first, alpha * l1_ratio and alpha * (1 - l1_ratio), and use "
        "nothing else afterwards.",
    ),
    Hint(
        r"one-half|factor 2",
        "Which of the two parts has a one-half, and where?",
        "The part of L2 has it in the penalty, and not in the gradient; the part of L1 has none.",
        "Your l1 and l2, added up, have everything in its place.",
    ),
    Hint(
        "",
        "If you had an L1 penalty and an L2 penalty on the same weights, what would be their sum?",
        "The penalty is a sum of two penalties, and the gradient the sum of their gradients. Only "
        "the strengths are new.",
        "Call your l1 and l2 with alpha * l1_ratio and alpha * (1 - l1_ratio), and add the "
        "penalties and the gradients.",
    ),
)
STOPS = Hint(
    r"stops at 0|gradient step, not",
    "Where does a weight of 0.1 end up, if the threshold is 0.5?",
    "It goes towards 0 and stays there: the distance from 0 shrinks, but not below 0.",
    "Take the larger of abs(w) - t and 0, weight by weight, with np.maximum.",
)
SIGN = Hint(
    r"sign is lost|below 0 all|cut off|away from 0",
    "What are the steps of the weights 3 and -3, with a threshold of 1?",
    "They mirror each other: 2 and -2. The distance from 0 shrinks, the side stays.",
    "First the new distance, from abs(w), then the side of w, by np.sign(w).",
)
L1_PROXIMAL = (
    STOPS,
    SIGN,
    Hint(
        r"[Tt]hreshold is|divided by step_size",
        "How far does a gradient step of this size move a weight, if the gradient is the strength?",
        "The proximal step moves a weight as far as a gradient step would, where 0 is not in the "
        "way.",
        "t is step_size times strength, without any other factor.",
    ),
    Hint(
        "",
        "What becomes of the weights 3, 0.5, -0.5 and -3, with a threshold of 1?",
        "Every weight moves by t towards 0; those that would arrive beyond 0 become exactly 0.",
        "The sign of w times the larger of abs(w) - t and 0, with t = step_size * strength.",
    ),
)
NET_PROXIMAL = (
    STOPS,
    SIGN,
    Hint(
        r"l1_ratio",
        "Which of the two steps is left at l1_ratio 1, and which at 0?",
        "alpha is split as in the penalty: the share l1_ratio is L1's, the rest L2's.",
        "Compute alpha * l1_ratio and alpha * (1 - l1_ratio) first; the step of L1 needs the one, "
        "the step of L2 the other.",
    ),
    Hint(
        r"L2 part",
        "By which number is a weight multiplied in the proximal step of L2, if the strength is "
        "very large?",
        "It goes to 0 and never beyond: the step divides. The one-half of the penalty and the 2 of "
        "its derivative have cancelled.",
        "Divide by 1 plus step_size times the strength of L2, the share 1 - l1_ratio of alpha.",
    ),
    Hint(
        "",
        "The docstring has two steps. What is the argument of the second?",
        "First the soft threshold of the L1 part, with its share of alpha; then what comes out is "
        "divided by a number above 1. step_size is in both.",
        "u from your l1_proximal, with the share l1_ratio of alpha as the strength; then divide it "
        "as the docstring's L2 does, with the rest of alpha as the strength.",
    ),
)

EXERCISE = Exercise(
    name="penalties",
    title="L1, L2 and elastic net from scratch",
    summary="Write penalties on the weights, their gradients, and the steps that reach exactly 0.",
    todos=(
        Todo(
            "l1",
            "L1 and its gradient",
            (*FORM, *L1),
            "Its gradient is as large for a weight of 0.001 as for one of 10: small weights go "
            "all the way to 0, and large ones lose no more than they.",
        ),
        Todo(
            "l2",
            "L2 and its gradient",
            (*FORM, *L2),
            "Each weight loses the same part of itself. After 1,000 steps of a thousandth, with "
            "no gradient from the data, 0.37 of it is left: small, but never 0.",
        ),
        Todo(
            "elastic_net",
            "elastic net and its gradient",
            (*FORM, *NET),
            "Of two inputs that are the same, L1 may take either and leave the other at 0; the L2"
            " part gives both the same weight.",
        ),
        Todo(
            "l1_proximal",
            "the proximal step of L1",
            (*FORM, *L1_PROXIMAL),
            "A gradient step of L1 that takes 0.05 sends a weight of 0.02 to -0.03, and back "
            "again. The proximal step puts it to 0, and there it stays until the data pull harder"
            " than the penalty.",
        ),
        Todo(
            "elastic_net_proximal",
            "that of the elastic net",
            (*FORM, *NET_PROXIMAL),
            "What L1 leaves of a weight also shrinks by a part, as with L2: divided by 1.01 in "
            "each of 100 steps, 0.37 of it is left.",
        ),
    ),
)
