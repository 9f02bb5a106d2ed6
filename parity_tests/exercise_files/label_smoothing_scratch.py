"""Label smoothing from scratch: the solution, changed."""

from parity_tests.exercise_files.specimens import Right, Wrong

SOLUTION = "exercises/label_smoothing/solutions/label_smoothing_scratch.py"

ONE_HOT = "labels[:, np.newaxis] == np.arange(classes)"
Q = "(1 - smoothing) * one_hot + smoothing / classes"
SHIFTED = "shifted = logits - logits.max(axis=1, keepdims=True)"
LOG_P = "shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))"
LOSS = "-(targets * log_p).sum(axis=1).mean()"
EXP = "np.exp(logits - logits.max(axis=1, keepdims=True))"
P = "exponentials / exponentials.sum(axis=1, keepdims=True)"
GRAD = "(p - targets) / len(logits)"


def wrong(name, todo, says, *changes):
    return Wrong(name, "", SOLUTION, changes, todo=todo, says=says)


SPECIMENS = [
    Right(
        "eye",
        "Rows of the identity; the loss as a dot product of everything.",
        SOLUTION,
        [
            (ONE_HOT, "np.eye(classes)[labels]"),
            (LOSS, "-np.vdot(targets, log_p) / logits.shape[0]"),
        ],
    ),
    Right(
        "log_sum_exp",
        "log sum exp outside the sum over the classes, as rows of the targets add up to 1.",
        SOLUTION,
        [
            (LOG_P, "np.log(np.exp(shifted).sum(axis=1))"),
            (LOSS, "float(np.mean(log_p - np.einsum('nc,nc->n', targets, shifted)))"),
            (GRAD, "p / len(p) - targets / len(targets)"),
        ],
    ),
    # --- the targets
    wrong("not_smoothed", "smooth_labels", "smoothing is not used", (Q, "one_hot * 1.0")),
    wrong("on_top", "smooth_labels", "more than 1", (Q, "one_hot + smoothing / classes")),
    wrong("no_shares", "smooth_labels", "less than 1", (Q, "(1 - smoothing) * one_hot")),
    wrong(
        "not_shared", "smooth_labels", "gets all of", (Q, "(1 - smoothing) * one_hot + smoothing")
    ),
    wrong(
        "among_the_others",
        "smooth_labels",
        "K - 1 other classes",
        (Q, "np.where(one_hot, 1 - smoothing, smoothing / (classes - 1))"),
    ),
    wrong(
        "no_share_of_its_own",
        "smooth_labels",
        "right class has no share",
        (Q, "np.where(one_hot, 1 - smoothing, smoothing / classes)"),
    ),
    wrong(
        "swapped",
        "smooth_labels",
        "are swapped",
        (Q, "smoothing * one_hot + (1 - smoothing) / classes"),
    ),
    wrong("from_1", "smooth_labels", "labels begin at 0", (ONE_HOT, "np.eye(classes)[labels - 1]")),
    wrong(
        "classes_of_the_batch",
        "smooth_labels",
        "may lack the last ones",
        (ONE_HOT, "labels[:, np.newaxis] == np.arange(classes := labels.max() + 1)"),
    ),
    wrong(
        "classes_as_rows",
        "smooth_labels",
        "classes are the rows",
        (ONE_HOT, "labels == np.arange(classes)[:, np.newaxis]"),
    ),
    # --- the loss
    wrong(
        "overflow",
        "cross_entropy",
        "overflows",
        (SHIFTED, "p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)"),
        (LOG_P, "np.log(p)"),
    ),
    wrong("not_shifted", "cross_entropy", "overflows", (SHIFTED, "shifted = logits")),
    wrong(
        "largest_of_all",
        "cross_entropy",
        "largest of all",
        (SHIFTED, "shifted = logits - logits.max()"),
    ),
    wrong(
        "log_of_p",
        "cross_entropy",
        "rounded to 0",
        (LOG_P, "np.log(np.exp(shifted) / np.exp(shifted).sum(axis=1, keepdims=True))"),
    ),
    wrong(
        "cut_off",
        "cross_entropy",
        "are cut off",
        (LOG_P, "np.log(np.exp(shifted) / np.exp(shifted).sum(axis=1, keepdims=True) + 1e-12)"),
    ),
    wrong("sum", "cross_entropy", "sum over the rows", (LOSS, "-(targets * log_p).sum()")),
    wrong("mean", "cross_entropy", "rows and classes", (LOSS, "-(targets * log_p).mean()")),
    wrong("below_0", "cross_entropy", "minus is missing", (LOSS, LOSS[1:])),
    wrong(
        "hard",
        "cross_entropy",
        "no smoothing",
        (LOSS, "-log_p[np.arange(len(logits)), targets.argmax(axis=1)].mean()"),
    ),
    wrong("each_row", "cross_entropy", "A sum or a mean is missing", (LOSS, LOSS[:-7])),
    wrong(
        "over_rows",
        "cross_entropy",
        "axis 0",
        (SHIFTED, "shifted = logits - logits.max(axis=0)"),
        (LOG_P, "shifted - np.log(np.exp(shifted).sum(axis=0))"),
    ),
    # --- the gradient
    wrong("not_divided", "cross_entropy_backward", "by N is missing", (GRAD, "p - targets")),
    wrong("by_size", "cross_entropy_backward", "classes too", (GRAD, "(p - targets) / p.size")),
    wrong(
        "other_sign",
        "cross_entropy_backward",
        "the other one",
        (GRAD, "(targets - p) / len(logits)"),
    ),
    wrong(
        "one_hot",
        "cross_entropy_backward",
        "Rows of 0 and 1",
        (
            f"return {GRAD}",
            "p[np.arange(len(p)), targets.argmax(axis=1)] -= 1\n    return p / len(p)",
        ),
    ),
    wrong(
        "no_softmax",
        "cross_entropy_backward",
        "softmax is missing",
        (GRAD, "(logits - targets) / len(p)"),
    ),
    wrong("for_p", "cross_entropy_backward", "gradient for p", (GRAD, "-targets / p / len(p)")),
    wrong("backward_overflow", "cross_entropy_backward", "overflows", (EXP, "np.exp(logits)")),
    wrong(
        "backward_largest_of_all",
        "cross_entropy_backward",
        "largest of all",
        (EXP, "np.exp(logits - np.max(logits))"),
    ),
    wrong(
        "backward_over_rows",
        "cross_entropy_backward",
        "axis 0",
        (EXP, "np.exp(logits - logits.max(axis=0))"),
        (P, "exponentials / exponentials.sum(axis=0)"),
    ),
    wrong(
        "backward_in_place",
        "cross_entropy_backward",
        "changed in place",
        (
            f"exponentials = {EXP}",
            "logits -= logits.max(axis=1, keepdims=True)\n    exponentials = np.exp(logits)",
        ),
    ),
]
