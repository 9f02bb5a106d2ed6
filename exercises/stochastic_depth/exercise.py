"""Stochastic depth from scratch: the exercise and its hints."""

from triptych.exercises.findings import Exercise, Hint, Todo
from triptych.exercises.hints import FORM

__all__ = ["EXERCISE"]

MASK = (
    Hint(
        r"dtype",
        "Which dtype has a boolean mask after it is divided by a number?",
        "NumPy divides booleans in float64, and float32 times float64 is float64. A product with "
        "the mask itself, and Python's own floats, leave the dtype of an array as it is.",
        "Multiply by the mask first, boolean as it is, and divide the product.",
    ),
    Hint(
        r"broadcast|share the draw",
        "Which shape has keep, and which has the array that it is multiplied with? What does NumPy "
        "line up?",
        "NumPy lines up the last axes. keep belongs to the first: it needs an axis of length 1 for "
        "each of the others, however many they are.",
        "Reshape keep to (N, 1, ..., 1), with ndim - 1 ones; or go through the examples in a loop.",
    ),
)
SURVIVAL = (
    Hint(
        r"counted from 0|from 0 to rate|L \+ 1|Not divided",
        "Which probability has the first block of four, and which the last, at rate 0.8?",
        "The first is block 1 and the last block L: already the first is dropped now and then, and "
        "the last just at rate.",
        "l runs through 1, 2, ..., L, both ends included, and is divided by L.",
    ),
    Hint(
        r"dropped; to survive|as the probability|reversed|All blocks|multiplied up|by a factor",
        "Does a survival probability go up or down along the stack, and where does it end?",
        "rate is the probability that the last block is dropped. Each block is that much worse "
        "off than the one before, by the same step.",
        "One minus a rate that grows in equal steps, from rate / L for the first block to rate for "
        "the last.",
    ),
    Hint(
        "",
        "At rate 0.8, which are the probabilities of four blocks?",
        "Each is 1 minus its rate, and the rates are rate * l / L, for l from 1 to L.",
        "np.arange(1, depth + 1) gives the numbers of the blocks, as an array to compute with.",
    ),
)
TRAIN = (
    Hint(
        r"shortcut",
        "What comes out of the block for an example whose branch is dropped?",
        "Its x, as it is. Neither keep nor the division touches the shortcut.",
        "First make of the branch what is left of it, then add x.",
    ),
    Hint(
        r"divided|multiplied|probability",
        "With rate 0.75 one example of four keeps its branch. By what is it multiplied, so that "
        "the mean of many draws is the branch?",
        "rate is the probability of being dropped, 1 - rate that of surviving. Both are the same "
        "whatever was drawn for this batch.",
        "Divide the branch by 1 - rate, where it is kept.",
    ),
    Hint(
        r"[Kk]eep (is|and)",
        "Which examples of the batch have x alone as their result?",
        "True in keep means that the branch stays. As a number True is 1 and False is 0.",
        "Multiply the branch by keep as it was given, with axes of length 1 to stand beside it.",
    ),
    Hint(
        "",
        "Which shape has keep, which has the branch, and along which axis do they go together?",
        "One number for each example, the same for all else of the example: 0 or 1 / (1 - rate).",
        "Reshape keep to (N, 1, ..., 1), multiply the branch by it, divide by 1 - rate, add x.",
    ),
)
INFERENCE = (
    Hint(
        r"factor|multiplied|divided|blended",
        "What is the mean of the branch's part in y over many draws of training?",
        "Training has divided by the survival probability, so that the mean is the branch itself.",
        "No factor at all: rate is an argument that this form of the method does not need.",
    ),
    Hint(
        "",
        "What does a residual block do that knows nothing of stochastic depth?",
        "In inference nothing is drawn and nothing is dropped. Both parts of the block are there.",
        "The shortcut plus the branch.",
    ),
)
BACKWARD = (
    Hint(
        r"dx",
        "y is x plus something. What is the derivative of y by the x of the shortcut?",
        "The shortcut has no factor in training, dropped or not, so neither has its gradient. What "
        "goes through the branch is not in it.",
        "dx is grad as it is, dbranch has the factors, and they are returned in that order.",
    ),
    Hint(
        "",
        "By which number was each example's branch multiplied in training?",
        "The gradient of a product with a number has the same number: 0 where the branch was "
        "dropped, 1 / (1 - rate) where it was kept.",
        "dbranch is grad times keep over 1 - rate, with keep reshaped as in training.",
    ),
)

EXERCISE = Exercise(
    name="stochastic_depth",
    title="Stochastic depth from scratch",
    summary="Leave out the branch of a residual block, example by example, more often when deep.",
    todos=(
        Todo(
            "survival_probabilities",
            "survival probabilities",
            (*FORM, *SURVIVAL),
            "Of 10 blocks with a last rate of 0.5, 7.25 are there on average: training can leave "
            "out a quarter of the work, and inference has them all.",
        ),
        Todo(
            "stochastic_depth_train",
            "training",
            (*MASK, *FORM, *TRAIN),
            "Each example goes through one of 2^L networks, most of them shallower. A branch of 1"
            " at a rate of 0.2 counts 0 or 1.25, on average 1.",
        ),
        Todo(
            "stochastic_depth_inference",
            "inference",
            (*FORM, *INFERENCE),
            "All blocks are there, each with what it had on average in training: one network in "
            "place of 2^L.",
        ),
        Todo(
            "stochastic_depth_backward",
            "the gradients",
            (*MASK, *FORM, *BACKWARD),
            "The shortcut carries the gradient past every block, whole. Where a branch was "
            "dropped only its own weights learn nothing.",
        ),
    ),
)
