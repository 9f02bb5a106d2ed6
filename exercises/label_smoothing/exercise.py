"""Label smoothing from scratch: the exercise and its hints."""

from triptych.exercises.findings import Exercise, Hint, Todo
from triptych.exercises.hints import FORM

__all__ = ["EXERCISE"]

SMOOTH = (
    Hint(
        r"from the labels|are the rows|from 1",
        "How many columns has q, if the labels of a batch are 0, 2 and 2, out of four classes?",
        "A row for each example, a column for each class, whether it occurs in the batch or not; "
        "the first class is 0.",
        "Make rows of 0 and 1 of shape (N, classes): hold the labels, as a column, against "
        "np.arange(classes).",
    ),
    Hint(
        r"add up|all of smoothing|not smoothed|K - 1|swapped|no share|smoothing / 2",
        "With smoothing 0.4 and four classes: what does the right class get, what each of the "
        "others, and what is the sum?",
        "0.6 goes to the right class alone, and 0.4 is shared by all four, the right one included: "
        "0.7, 0.1, 0.1 and 0.1.",
        "1 - smoothing times the row of 0 and 1, plus smoothing / classes everywhere.",
    ),
    Hint(
        "",
        "What is a row of q without smoothing, and what is it with a smoothing of 1?",
        "Begin with rows that are 1 at the label and 0 elsewhere. With a smoothing of 1 all "
        "classes are equal, at 1 / K. In between q is a mixture of the two.",
        "The labels, as a column, compared with np.arange(classes) give the 1 of each row, as "
        "True; then comes the line of q in the docstring.",
    ),
)
STABLE = Hint(
    r"overflow|exp = 0|rounded to 0|cut off|numbers that are none|largest logit",
    "What is exp(1000), what is exp(-1000), and what is the logarithm of the latter?",
    "p does not change if all logits of a row are moved by the same amount. If the largest of the "
    "row is 0, no exp overflows, and the sum of them is at least 1.",
    "shifted = the logits minus the max of their row, with keepdims=True. Use it for everything "
    "that follows, and nothing else has to be added or clipped.",
)
AXIS = Hint(
    r"axis 0|all the logits at once",
    "Which numbers have to add up to 1 after the softmax?",
    "The classes of one row: they are axis 1. A max and a sum of each row stand beside the logits "
    "if they keep their axis.",
    "max and sum with axis=1 and keepdims=True.",
)
TARGETS = Hint(
    r"largest target|Rows of 0 and 1|targets are missing",
    "How many classes have a part in the loss of one row?",
    "With smoothing every class has a target above 0, and its own term. The targets are given; use "
    "all of their numbers as they are.",
    "Use the whole array of targets, element by element: no argmax, and no selection by the label.",
)
LOSS = (
    STABLE,
    AXIS,
    TARGETS,
    Hint(
        r"sum over the rows|mean goes over|minus|times what it should",
        "If a batch is doubled by each of its rows once more, what becomes of the loss?",
        "It stays: the loss is a mean over the rows. Within a row it is a sum over the classes, "
        "with a minus, for logarithms of probabilities are below 0.",
        "Sum over axis 1, then mean, and turn the sign.",
    ),
    Hint(
        "",
        "With the logits 1000 and 0: what is log p of each class?",
        "Compute log p by the last line of the docstring's equations, for all classes, and hold it "
        "against the targets afterwards.",
        "shifted = logits minus the max of the row; log_p = shifted minus the log of the row's sum "
        "of exp(shifted); then the targets times log_p: sum over a row, mean over the rows, minus.",
    ),
)
BACKWARD = (
    STABLE,
    AXIS,
    TARGETS,
    Hint(
        r"division by N|number of classes",
        "By what does the loss divide the sum over the rows, and so the gradient of each row?",
        "The loss is a mean over the N rows, so each row has 1 / N of it. The number of classes "
        "divides nothing.",
        "Divide by len(logits), once.",
    ),
    Hint(
        "",
        "At which p is the loss of a row smallest, and what is the gradient there?",
        "There p is q, and p - q is 0. The derivatives of the logarithm and of the softmax have "
        "cancelled to this difference.",
        "p is the softmax of each row, from exp of the logits minus their max; subtract the "
        "targets, divide by the number of rows.",
    ),
)

EXERCISE = Exercise(
    name="label_smoothing",
    title="Label smoothing from scratch",
    summary="Smooth labels, and write a stable cross-entropy with its gradient.",
    todos=(
        Todo(
            "smooth_labels",
            "smoothed targets",
            (*FORM, *SMOOTH),
            "With 10 classes and a smoothing of 0.1 the right class is to have 0.91 and each "
            "other one 0.01: the loss is lowest where their logits differ by log(91) = 4.5.",
        ),
        Todo(
            "cross_entropy",
            "the loss",
            (*FORM, *LOSS),
            "The lowest loss is no longer 0 but the entropy of the targets, 0.50 for 10 classes "
            "and a smoothing of 0.1. So losses with and without it cannot be compared.",
        ),
        Todo(
            "cross_entropy_backward",
            "the gradient",
            (*FORM, *BACKWARD),
            "Without smoothing a probability of 0.99 still asks for a larger logit. With a target"
            " of 0.91 it asks for a smaller one.",
        ),
    ),
)
