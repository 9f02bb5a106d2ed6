"""A teacher that is not heard: the solution and the starter, changed."""

from parity_tests.exercise_files.specimens import Right, Wrong

SOLUTION = "exercises/bug_deaf_student/solutions/bug_deaf_student_scratch.py"
STARTER = "exercises/bug_deaf_student/bug_deaf_student_scratch.py"
SOFT = "soft = (p - q) / temperature / len(labels)"
SUM = "return (1 - weight) * hard + weight * soft\n"
LOSS = "weight * temperature**2 * soft"


def right(name, what, *changes):
    return Right(name, what, STARTER, changes)


def wrong(name, says, *changes):
    return Wrong(name, "", STARTER, changes, todo="bug", says=says)


SPECIMENS = [
    right(
        "t_alone", "T^2 and 1 / T made one.", (SOFT, "soft = temperature * (p - q) / len(labels)")
    ),
    right(
        "in_the_sum",
        "The factor beside the weight, as in the loss.",
        (SUM, "return (1 - weight) * hard + weight * temperature**2 * soft\n"),
    ),
    right(
        "matrix_of_means",
        "With N first.",
        (SOFT, "soft = (p - q) / (len(student) / temperature)"),
    ),
    right(
        "in_place",
        "Added to the labels' part.",
        (
            SUM,
            "gradient = (1 - weight) * hard\n"
            "    gradient += weight * temperature * (p - q) / student.shape[0]\n"
            "    return gradient\n",
        ),
    ),
    right(
        "row_by_row",
        "A loop over the examples.",
        (
            SOFT,
            "soft = np.zeros_like(student)\n"
            "    for i in range(len(student)):\n"
            "        soft[i] = temperature * (p[i] - q[i]) / len(student)",
        ),
    ),
    wrong(
        "squared",
        "from the chain rule, is missing",
        (SOFT, "soft = temperature**2 * (p - q) / len(labels)"),
    ),
    wrong("bare", "the whole is missing", (SOFT, "soft = (p - q) / len(labels)")),
    wrong("sixteen", "The number 16", (SOFT, f"{SOFT} * 16")),
    wrong("four", "The number 4", (SOFT, "soft = 4 * (p - q) / len(labels)")),
    wrong("out_of_the_loss", "the loss is no longer", (LOSS, "weight * soft")),
    wrong(
        "on_both_terms",
        "The labels' term has no T",
        (SUM, "return temperature**2 * ((1 - weight) * hard + weight * soft)\n"),
    ),
    wrong("larger_steps", "not the derivative", ("RATE = 6, 5, 0.5", "RATE = 6, 5, 8.0")),
    wrong(
        "teacher_at_1",
        "not divided by T",
        (
            "q = np.exp(log_softmax(teacher / temperature))\n    soft = (p - q) /",
            "q = np.exp(log_softmax(teacher))\n    soft = (p - q) * temperature**2 /",
        ),
    ),
    wrong(
        "in_train",
        "the labels' part",
        ("RATE * x.T @ gradient", "RATE * temperature**2 * x.T @ gradient"),
        (SOFT, f"{SOFT} * temperature**2"),
        (SUM, "return ((1 - weight) * hard + weight * soft) / temperature**2\n"),
    ),
    wrong(
        "sum",
        "summed over the examples",
        (SOFT, "soft = temperature * (p - q)"),
    ),
    wrong(
        "steps_too_large",
        "train steps otherwise",
        (SOFT, f"{SOFT} * temperature**2"),
        ("student -= RATE", "student -= temperature * RATE"),
    ),
]
