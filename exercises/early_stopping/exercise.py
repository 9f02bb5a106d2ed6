"""Early stopping from scratch: the exercise and its hints."""

from triptych.exercises.findings import Exercise, Hint, Todo
from triptych.exercises.hints import FORM

__all__ = ["EXERCISE"]

IMPROVEMENT = (
    Hint(
        r"NaN|Epoch 0 is compared",
        "What does Python say of nan < 1, of 1 < nan, and of nan >= 1?",
        "False, all three: no comparison with NaN is true. Ask whether a loss is an improvement, "
        "not whether it is none, and let NaN never become the best.",
        "Begin with a best that every number is smaller than, infinity, and not with the first "
        "loss; replace it only where loss + min_delta < best is true.",
    ),
    Hint(
        r"min_delta|epoch before|Larger",
        "With a best of 0.5 and min_delta 0.25, which of the losses 0.25 and 0.1875 improves?",
        "Only 0.1875: 0.25 + 0.25 is not less than 0.5. The best stays what it was until there is "
        "an improvement, however small the losses become in between.",
        "One comparison, loss + min_delta < best; and only where it is true does this loss become "
        "the best.",
    ),
)
BEST = (
    *IMPROVEMENT,
    Hint(
        "",
        "Which epochs of 1.0, 0.5, 0.75, 0.5, 0.375 are improvements, and which is the last?",
        "Go through the losses with enumerate, and remember two things: the best loss, and its "
        "epoch, which is None at first.",
        "Where a loss is an improvement, set both; at the end return the epoch.",
    ),
)
STOPPING = (
    Hint(
        r"the last epoch is returned|number of losses is returned|-1 is returned|number of epochs",
        "Is a run that ends with its last epoch one that was stopped?",
        "The function returns from inside its loop where training stops; what comes after the loop "
        "is for a run that is not stopped.",
        "Return the epoch's number itself inside the loop, and None after it.",
    ),
    Hint(
        r"patience|wait|late|early|after epoch 0|count as epochs|at once",
        "With patience 2 and losses 1.0, 0.5, 0.75, 0.5, 0.375: what is wait after each epoch?",
        "0, 0, 1, 2 and there it stops. wait grows in each epoch that is no improvement, NaN among "
        "them, and is 0 again after one that is.",
        "In each epoch either set best and wait = 0, or add 1 to wait and then compare: stop where "
        "wait is at least patience, unless this is epoch 0.",
    ),
    *IMPROVEMENT,
    Hint(
        "",
        "What has to be remembered from epoch to epoch, besides the best loss?",
        "wait, the number of epochs since the last improvement.",
        "A loop as in best_epoch: an improvement sets best and wait = 0, else wait grows by 1 and "
        "is compared with patience; None after the loop.",
    ),
)
KEEPING = (
    Hint(
        r"not a copy|are not:",
        "After a = b, and then b -= 1, what has become of a, if b is an array?",
        "The same as of b: both names stand for one array. A dictionary holds arrays in this way "
        "too, and so does a copy of the dictionary.",
        "Make a new dictionary that has, under each name, a copy of the array: array.copy().",
    ),
    Hint(
        r"return|None|lost|not improve|improved or not|for ever",
        "What are the best weights after an epoch that is no improvement?",
        "Those that were the best before, None if there were none.",
        "Return a copy of weights where improved is true, and best, as it is, where it is not.",
    ),
    Hint(
        "",
        "If training goes on after this function, which arrays does it change?",
        "Those in weights. What is returned must have arrays of its own, the same names, and the "
        "numbers of the best epoch; weights itself stays as it is.",
        "Where improved, a new dictionary with a copy of each array; else best.",
    ),
)

EXERCISE = Exercise(
    name="early_stopping",
    title="Early stopping from scratch",
    summary="Find the best epoch and the one to stop after, and keep weights that go on changing.",
    todos=(
        Todo(
            "best_epoch",
            "the best epoch",
            (*FORM, *BEST),
            "The lowest of many noisy losses is low by luck too: of 100 epochs that are equally "
            "good it lies 2.5 deviations of the noise below their mean. min_delta keeps the "
            "smallest luck from counting.",
        ),
        Todo(
            "stopping_epoch",
            "when to stop",
            (*FORM, *STOPPING),
            "Patience is paid for in epochs: with a patience of 10, a run ends 10 epochs after "
            "its best one, and not at the first bad epoch.",
        ),
        Todo(
            "keep_best",
            "the weights of the best epoch",
            (*FORM, *KEEPING),
            "Without a copy the best weights become the last ones while training goes on, and "
            "restoring them does nothing. In bug_early_stop that costs a loss of 0.217 where "
            "0.156 was reached.",
        ),
    ),
)
