"""Uncertainty and calibration from scratch: the exercise and its hints."""

from triptych.exercises.findings import Exercise, Hint, Todo
from triptych.exercises.hints import FORM

__all__ = ["EXERCISE"]

MOMENTS = (
    Hint(
        r"over the classes|over the examples|another shape|axis|axes|form",
        "Which axis of passes has one place for each pass?",
        "passes has shape (T, N, K). What is averaged are the T passes; an example and a class "
        "stay as they are, so that the results have shape (N, K).",
        "Mean and variance run over axis 0, and over no other.",
    ),
    Hint(
        r"variance:",
        "Two passes give 0 and 1. Which number is their variance?",
        "The mean over the passes is subtracted, the difference squared, and the squares averaged: "
        "divided by T, also if there is only one pass.",
        "NumPy has it as the variance with ddof=0, which it takes by itself. No root.",
    ),
    Hint(
        "",
        "What is the mean of two passes, one with probabilities 1 and 0, one with 0 and 1?",
        "The probabilities themselves are averaged, class by class and example by example; all "
        "passes count the same.",
        "The mean over axis 0, then the variance over axis 0, returned in this order.",
    ),
)
ENTROPIES = (
    Hint(
        r"0 log 0|nan|none|small number",
        "What is 0 * np.log(0) in NumPy, and what should it count?",
        "np.log(0) is -inf, and 0 times that is nan. A class of probability 0 counts 0. Whatever "
        "small number is added to p makes the others wrong.",
        "Where p is 0, put a 1 in its place inside the logarithm: log 1 is 0. np.where does it.",
    ),
    Hint(
        r"mutual|sign is the other|quotient|difference",
        "The passes agree. Which number is their mutual information, and can it ever be below 0?",
        "The entropy of the mean is at least the mean of the entropies. What it is more comes from "
        "passes that disagree.",
        "The first minus the second, as they were computed for the other two results.",
    ),
    Hint(
        r"base|log K|averaged; an|sign is missing|weights|yes or no",
        "Which entropy has a row of K equal probabilities?",
        "log K, in nats, by the natural logarithm. It is the sum over the classes of p log p, with "
        "the sign turned: logarithms of probabilities are not above 0.",
        "Minus the sum, over the last axis, of p times np.log(p). No factor, no quotient.",
    ),
    Hint(
        r"order|of the entropies|of the mean|one pass|added up",
        "Which comes first in each of the two: the entropy, or the mean over the passes?",
        "Predictive: average the passes, then take the entropy of each row. Expected: take the "
        "entropy of each row of each pass, (T, N), then average the passes.",
        "Write a function for the entropy over the last axis. Call it with the mean of passes, and "
        "with passes; of that result take the mean over axis 0.",
    ),
    Hint(
        "",
        "How many entropies has an array of shape (T, N, K), and how many has its mean?",
        "An entropy belongs to a row of K probabilities: T x N of them there, N of them here. All "
        "three results have shape (N,).",
        "A function for the entropy over the last axis does for both; the third result is the "
        "difference of the first two.",
    ),
)
CALIBRATION = (
    Hint(
        r"0 / 0|nan|none|[Ee]mpty",
        "What is the mean of the examples of a bin that has none?",
        "An empty bin has no accuracy and no confidence, and the weight 0.",
        "Leave out the bins in which there is no example.",
    ),
    Hint(
        r"edge|last bin|bins go|equal widths|from 0 to 1",
        "Four bins: into which one goes a confidence of 0.5, and into which one of 1?",
        "The bins (b / M, (b + 1) / M] divide 0 to 1 evenly. The lower end is not in a bin, the "
        "upper end is, so that 1 is in the last one.",
        "With masks: larger than b / M, and at most (b + 1) / M. Or round confidence * M up, minus "
        "1.",
    ),
    Hint(
        r"weight|largest gap|divided|M as well|examples, but",
        "One bin has 98 examples, another one 2. How much does each of them count?",
        "The sum of n_b / N over the bins is 1: the error is a mean over examples, bin by bin.",
        "Multiply each gap by the part of the examples that is in the bin, and add up.",
    ),
    Hint(
        r"absolute|cancel|squared",
        "One bin is too sure by 0.2 and another not sure enough by 0.2. Is the network calibrated?",
        "Each bin's gap counts as it is, whatever its sign.",
        "The absolute value of accuracy minus confidence, in each bin, before they are added up.",
    ),
    Hint(
        r"probability of the label|middle|no bins",
        "What is compared in a bin, and where does each of the two come from?",
        "Confidence: the mean of the largest probabilities of the bin's examples. Accuracy: how "
        "many of them have their largest probability at the label, as a part of 1.",
        "max and argmax over axis 1, then one mean of each in each bin.",
    ),
    Hint(
        "",
        "How sure is each example, is it right, and into which bin does it go?",
        "These are three arrays of shape (N,). Then each bin needs two means, and its part of the "
        "examples.",
        "A loop over the bins, with a mask of its examples; skip the empty ones; add up the part "
        "times the absolute difference of the two means.",
    ),
)

EXERCISE = Exercise(
    name="uncertainty",
    title="Uncertainty and calibration from scratch",
    summary="Say how sure a network is, from many passes, and how right it is to be so sure.",
    todos=(
        Todo(
            "mean_and_variance",
            "mean and variance of the passes",
            (*FORM[:-1], MOMENTS[0], FORM[-1], *MOMENTS[1:]),
            "The mean of T passes is off by about sqrt(v / T): 100 passes give one more digit "
            "than a single one.",
        ),
        Todo(
            "entropies",
            "entropies and mutual information",
            (*FORM, *ENTROPIES),
            "Passes that say (1, 0) and (0, 1) have the same mean as two that say (0.5, 0.5), and"
            " the same entropy, 0.69. The mutual information is 0.69 for the first and 0 for the "
            "second: the network does not know, or the example cannot be told.",
        ),
        Todo(
            "calibration_error",
            "the calibration error",
            (*FORM, *CALIBRATION),
            "99 % sure and 95 % right is an ECE of 0.04. But bins are noisy: with 100 examples "
            "even a calibrated network has some 0.09, with 10,000 less than 0.01.",
        ),
    ),
)
