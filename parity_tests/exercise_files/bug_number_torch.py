"""Find the bug, a logarithm of a number: the solution, changed."""

from parity_tests.exercise_files.specimens import Right, Wrong

SOLUTION = "exercises/bug_number/solutions/bug_number_torch.py"

ENTROPY = "return -sum(q * math.log(q) for q in [right] + [others] * (classes - 1) if q > 0)"
RIGHT = "right = 1 - smoothing + others\n"
SUM = "return -right * {0}(right) - (classes - 1) * others * {0}(others)"
LOSS = "return cross_entropy - entropy(smoothing, logits.shape[1])"
SMOOTHED = ", label_smoothing=smoothing)\n    return"
TARGETS = (
    "one_hot = functional.one_hot(labels, logits.shape[1]).to(logits.dtype)\n"
    "    q = (1 - smoothing) * one_hot + smoothing / logits.shape[1]\n"
)
LOGARITHM = """\
def log(number):
    return {}


def smoothed_loss("""


def right(name, *changes):
    return Right(name, "", SOLUTION, changes)


def wrong(name, says, *changes):
    return Wrong(name, "", SOLUTION, changes, todo="bug", says=says)


def entropy(text):
    return ENTROPY, text


def loss(text):
    return LOSS, TARGETS + f"    return {text}"


def log(text):
    """For all logarithms of the entropy; of 0 too."""
    return (
        entropy(SUM.format("log")),
        ("def smoothed_loss(", LOGARITHM.format(text)),
    )


SPECIMENS = [
    right(
        "numpy",
        entropy(
            "q = np.array([right] + [others] * (classes - 1))\n    q = q[q > 0]\n"
            "    return -(q * np.log(q)).sum()"
        ),
    ),
    right("tensor", *log("torch.log(torch.tensor(number)) if number else 0")),
    right(
        "entr",
        entropy(
            "q = torch.tensor([right] + [others] * (classes - 1))\n"
            "    return torch.special.entr(q).sum()"
        ),
    ),
    right(
        "xlogy",
        entropy(
            "right, others = torch.tensor(right), torch.tensor(others)\n"
            "    return -torch.xlogy(right, right)"
            " - (classes - 1) * torch.xlogy(others, others)"
        ),
    ),
    right(
        "kl_div",
        loss("functional.kl_div(logits.log_softmax(dim=1), q, reduction='batchmean')"),
    ),
    right(
        "by_hand",
        loss("(torch.xlogy(q, q) - q * logits.log_softmax(dim=1)).sum(dim=1).mean()"),
    ),
    right(
        "a_distribution",
        entropy(
            "q = torch.tensor([right] + [others] * (classes - 1))\n"
            "    return torch.distributions.Categorical(q).entropy()"
        ),
    ),
    right(
        "zero_apart",
        entropy(f"if smoothing == 0:\n        return 0.0\n    {SUM.format('math.log')}"),
    ),
    right("a_little_added", *log("math.log(number + 1e-12)")),
    right("at_least_a_little", *log("np.log(max(number, 1e-12))")),
    wrong("dropped", "no entropy is subtracted", (LOSS, "return cross_entropy")),
    wrong("sign", "The entropy is added", (LOSS, LOSS.replace(" - ", " + "))),
    wrong("bits", "in bits", (ENTROPY, ENTROPY.replace("math.log(", "math.log2("))),
    wrong("base_ten", "base of 10", (ENTROPY, ENTROPY.replace("math.log(", "math.log10("))),
    wrong("right_class_without_its_share", "without its", (RIGHT, "right = 1 - smoothing\n")),
    wrong(
        "shared_by_the_others",
        "by the others alone",
        (RIGHT, "right, others = 1 - smoothing, smoothing / (classes - 1)\n"),
    ),
    wrong("k_others", "K times", (ENTROPY, ENTROPY.replace("(classes - 1)", "classes"))),
    wrong("one_other", "One of the others", (ENTROPY, ENTROPY.replace(" * (classes - 1)", ""))),
    wrong(
        "right_class_alone",
        "terms of the other classes",
        entropy("return -right * math.log(right)"),
    ),
    wrong(
        "others_alone",
        "term of the right class",
        (ENTROPY, ENTROPY.replace("[right] + ", "")),
    ),
    wrong("cross_entropy_of_labels", "without smoothing", (SMOOTHED, ")\n    return")),
    wrong(
        "sum_over_the_rows",
        "sum over the rows",
        loss("functional.kl_div(logits.log_softmax(dim=1), q, reduction='sum')"),
    ),
    wrong(
        "mean_over_all",
        "rows and classes",
        loss("functional.kl_div(logits.log_softmax(dim=1), q, reduction='none').mean()"),
    ),
    wrong(
        "the_other_way_round",
        "the other way round",
        loss("functional.kl_div(q.log(), logits.softmax(dim=1), reduction='batchmean')"),
    ),
    wrong(
        "softmax_over_the_rows",
        "not over the classes",
        loss("functional.kl_div(logits.log_softmax(dim=0), q, reduction='batchmean')"),
    ),
    wrong(
        "probabilities_for_logarithms",
        "where its logarithm should",
        loss("functional.kl_div(logits.softmax(dim=1), q, reduction='batchmean')"),
    ),
    wrong(
        "entropy_of_the_predictions",
        "entropy is that of p",
        loss("cross_entropy - torch.special.entr(logits.softmax(dim=1)).sum(dim=1).mean()"),
    ),
    wrong("factor", "not that of the targets", (LOSS, f"{LOSS} / 2")),
    wrong("math_domain", "0 log 0 is 0", entropy(SUM.format("math.log"))),
    wrong("nan", "0 log 0 is 0", entropy(SUM.format("np.log"))),
    wrong(
        "nan_of_tensors",
        "0 log 0 is 0",
        entropy(
            "q = torch.tensor([right] + [others] * (classes - 1))\n    return -(q * q.log()).sum()"
        ),
    ),
    wrong(
        "nothing_without_smoothing",
        "with smoothing 0.0",
        (LOSS, f"{LOSS} if smoothing else 0 * cross_entropy"),
    ),
    wrong(
        "float64",
        "tensor of float64",
        entropy(
            "q = torch.tensor([right] + [others] * (classes - 1), dtype=torch.float64)\n"
            "    return torch.special.entr(q).sum()"
        ),
    ),
    wrong(
        "float32",
        "made float32",
        (LOSS, LOSS.replace("cross_entropy", "cross_entropy.float()", 1)),
    ),
    wrong(
        "float32_on_the_way",
        "on the way",
        (
            LOSS,
            "cross_entropy = functional.cross_entropy(\n"
            "        logits.float(), labels, label_smoothing=smoothing\n"
            "    ).to(logits.dtype)\n"
            f"    {LOSS}",
        ),
    ),
    wrong("item", "is no tensor", (LOSS, LOSS.replace("cross_entropy", "cross_entropy.item()", 1))),
    wrong(
        "detached",
        "has no gradient",
        (LOSS, LOSS.replace("cross_entropy", "cross_entropy.detach()", 1)),
    ),
    wrong(
        "a_new_tensor",
        "has no gradient",
        (
            LOSS,
            LOSS.replace("return ", "return torch.tensor(").replace(" - ", ".item() - ")
            + ", dtype=logits.dtype)",
        ),
    ),
    wrong(
        "for_each_row",
        "mean over the rows is missing",
        (SMOOTHED, SMOOTHED.replace(")", ", reduction='none')")),
    ),
    wrong(
        "an_axis", "has an axis", (LOSS, LOSS.replace("entropy(sm", "torch.ones(1) * entropy(sm"))
    ),
    wrong(
        "another_gradient",
        "not what is differentiated",
        (
            LOSS,
            "other = functional.cross_entropy(logits, labels)\n"
            "    cross_entropy = other + (cross_entropy - other).detach()\n"
            f"    {LOSS}",
        ),
    ),
    wrong(
        "logarithm_of_probabilities",
        "has become 0",
        loss("(torch.xlogy(q, q) - q * logits.softmax(dim=1).log()).sum(dim=1).mean()"),
    ),
    wrong(
        "logarithm_of_a_little_more",
        "has become 0",
        loss("(torch.xlogy(q, q) - q * (logits.softmax(dim=1) + 1e-9).log()).sum(dim=1).mean()"),
    ),
]
