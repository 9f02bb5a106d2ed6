"""A loss that is too small: the solution and the starter, changed."""

from parity_tests.exercise_files.specimens import Right, Wrong

SOLUTION = "exercises/bug_slow_learning/solutions/bug_slow_learning_scratch.py"
STARTER = "exercises/bug_slow_learning/bug_slow_learning_scratch.py"
LOSS = "np.mean(-np.sum(targets * np.log(probabilities + 1e-12), axis=1))"
GRADIENT = "(probabilities - targets) / len(targets)"


def wrong(name, says, *changes, base=SOLUTION):
    return Wrong(name, "", base, changes, todo="bug", says=says)


SPECIMENS = [
    Right(
        "of_the_label",
        "The probability of the label alone, by its index.",
        SOLUTION,
        [(LOSS, "-np.log(probabilities[np.arange(len(labels)), labels]).mean()")],
    ),
    Right(
        "sum_by_rows",
        "The sum of everything, by the number of rows.",
        SOLUTION,
        [(LOSS, "-np.sum(targets * np.log(probabilities)) / logits.shape[0]")],
    ),
    Right(
        "times_classes",
        "The mean over everything, times the number of classes.",
        STARTER,
        [
            ("probabilities + 1e-12))", "probabilities + 1e-12)) * logits.shape[1]"),
            ("/ targets.size", "/ targets.size * logits.shape[1]"),
        ],
    ),
    Right(
        "log_sum_exp",
        "From the logits, and the gradient by indices.",
        SOLUTION,
        [
            (
                LOSS,
                "np.mean(np.log(np.exp(logits).sum(axis=1)) - (targets * logits).sum(axis=1))",
            ),
            (
                f"gradient = {GRADIENT}",
                "gradient = probabilities.copy()\n"
                "    gradient[np.arange(len(labels)), labels] -= 1\n"
                "    gradient /= len(labels)",
            ),
        ],
    ),
    Right(
        "loop",
        "Example by example.",
        SOLUTION,
        [
            (
                f"loss = {LOSS}",
                "loss = 0.0\n"
                "    for row, label in zip(probabilities, labels):\n"
                "        loss -= np.log(row[label]) / len(labels)",
            )
        ],
    ),
    wrong("larger_rate", "the learning rate", ("32, 0.05", "32, 0.5"), base=STARTER),
    wrong(
        "loss_alone",
        "the gradient is not that",
        (GRADIENT, "(probabilities - targets) / targets.size"),
    ),
    wrong(
        "gradient_alone",
        "the loss is not that",
        (LOSS, "np.mean(-targets * np.log(probabilities + 1e-12))"),
    ),
    wrong(
        "ten",
        "The number 10 stands in the code",
        ("probabilities + 1e-12))", "probabilities + 1e-12)) * CLASSES"),
        ("/ targets.size", "/ targets.size * CLASSES"),
        base=STARTER,
    ),
    wrong(
        "sum",
        "summed over the examples",
        (LOSS, "-np.sum(targets * np.log(probabilities))"),
        (GRADIENT, "probabilities - targets"),
    ),
    wrong(
        "sum_over_examples",
        "summed over the examples and averaged over the classes",
        (LOSS, LOSS.replace("axis=1", "axis=0")),
    ),
    wrong("divided_twice", "twice", (GRADIENT, f"{GRADIENT} / len(targets)")),
    wrong(
        "in_the_step",
        "train steps otherwise",
        (
            "loss_and_gradient(logits, labels[rows])\n",
            "loss_and_gradient(logits, labels[rows])\n            gradient = 10 * gradient\n",
        ),
    ),
    wrong("turned", "sign is turned", (LOSS, LOSS.replace("np.mean(-", "np.mean("))),
]
