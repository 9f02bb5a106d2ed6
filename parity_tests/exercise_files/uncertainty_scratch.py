"""Uncertainty and calibration from scratch: the solution, changed."""

from parity_tests.exercise_files.specimens import Right, Wrong

SOLUTION = "exercises/uncertainty/solutions/uncertainty_scratch.py"

MOMENTS = "return passes.mean(axis=0), passes.var(axis=0)"
PREDICTIVE = "predictive = entropy(passes.mean(axis=0))"
EXPECTED = "expected = entropy(passes).mean(axis=0)"
ENTROPIES = "return predictive, expected, predictive - expected"
ENTROPY = "return -(p * np.log(np.where(p > 0, p, 1))).sum(axis=-1)"
CONFIDENCE = "confidence = probabilities.max(axis=1)"
RIGHT = "right = probabilities.argmax(axis=1) == labels"
BIN = "b = np.maximum(np.ceil(confidence * bins) - 1, 0)"
FILLED = "if inside.any():"
GAP = "gap = abs(right[inside].mean() - confidence[inside].mean())"
TOTAL = "total += inside.mean() * gap"


def wrong(name, todo, says, *changes):
    return Wrong(name, "", SOLUTION, changes, todo=todo, says=says)


SPECIMENS = [
    Right(
        "tiny",
        "A number in the logarithm that is too small to be seen.",
        SOLUTION,
        [(ENTROPY, "return -(p * np.log(p + 1e-15)).sum(axis=-1)")],
    ),
    Right(
        "digitized",
        "The bins by np.digitize, the gap from two sums.",
        SOLUTION,
        [
            (BIN, "b = np.digitize(confidence, np.arange(1, bins) / bins, right=True)"),
            (GAP, "gap = np.abs(right[inside].sum() - confidence[inside].sum())"),
            (TOTAL, "total += gap / len(labels)"),
        ],
    ),
    # --- mean and variance
    wrong(
        "unbiased",
        "mean_and_variance",
        "ddof=1",
        (
            MOMENTS,
            "mean = passes.mean(axis=0)\n"
            "    return mean, ((passes - mean) ** 2).sum(axis=0) / (len(passes) - 1)",
        ),
    ),
    wrong(
        "deviation",
        "mean_and_variance",
        "standard deviation",
        (MOMENTS, MOMENTS.replace("var", "std")),
    ),
    wrong(
        "squares",
        "mean_and_variance",
        "mean is not subtracted",
        (MOMENTS, MOMENTS.replace("passes.var", "(passes**2).mean")),
    ),
    wrong(
        "one_draw",
        "mean_and_variance",
        "p (1 - p)",
        (MOMENTS, "mean = passes.mean(axis=0)\n    return mean, mean * (1 - mean)"),
    ),
    wrong(
        "votes",
        "mean_and_variance",
        "vote for a class",
        (
            MOMENTS,
            "votes = passes.argmax(-1)[..., None] == np.arange(passes.shape[-1])\n"
            "    return votes.mean(axis=0, dtype=passes.dtype), passes.var(axis=0)",
        ),
    ),
    wrong(
        "over_classes",
        "mean_and_variance",
        "mean has not the form",
        (MOMENTS, MOMENTS.replace("axis=0", "axis=-1")),
    ),
    wrong(
        "no_variance",
        "mean_and_variance",
        "something else",
        (MOMENTS, "return passes.mean(axis=0)"),
    ),
    wrong(
        "order",
        "mean_and_variance",
        "the mean comes first",
        (MOMENTS, "return passes.var(axis=0), passes.mean(axis=0)"),
    ),
    # --- entropies
    wrong("nan", "entropies", "0 * -inf", (ENTROPY, "return -(p * np.log(p)).sum(axis=-1)")),
    wrong(
        "small_number",
        "entropies",
        "small number is added",
        (ENTROPY, "return -(p * np.log(p + 1e-8)).sum(axis=-1)"),
    ),
    wrong(
        "cut",
        "entropies",
        "small number is added",
        (ENTROPY, "p = np.maximum(p, 1e-7)\n    return -(p * np.log(p)).sum(axis=-1)"),
    ),
    wrong("bits", "entropies", "base 2", (ENTROPY, ENTROPY.replace("log", "log2"))),
    wrong("sign", "entropies", "sign is missing", (ENTROPY, ENTROPY.replace("-(", "(", 1))),
    wrong(
        "averaged_classes",
        "entropies",
        "sum over them",
        (ENTROPY, ENTROPY.replace("sum", "mean")),
    ),
    wrong(
        "normalized",
        "entropies",
        "divided by log K",
        (ENTROPY, f"{ENTROPY} / float(np.log(p.shape[-1]))"),
    ),
    wrong(
        "entropy_of_the_mean_twice",
        "entropies",
        "mean of the entropies of the passes is asked for",
        (EXPECTED, "expected = predictive"),
    ),
    wrong(
        "mean_of_entropies_twice",
        "entropies",
        "entropy of their mean is asked for",
        (PREDICTIVE, "predictive = entropy(passes).mean(axis=0)"),
    ),
    wrong(
        "swapped",
        "entropies",
        "The order is expected, predictive",
        (ENTROPIES, "return expected, predictive, predictive - expected"),
    ),
    wrong(
        "negative",
        "entropies",
        "sign is the other",
        (ENTROPIES, "return predictive, expected, expected - predictive"),
    ),
    wrong(
        "for_each_pass",
        "entropies",
        "expected entropy has not the form",
        (EXPECTED, "expected = entropy(passes)"),
    ),
    wrong(
        "zeros_in_place",
        "entropies",
        "passes is changed in place",
        (ENTROPY, f"p[p == 0] = 1e-30\n    {ENTROPY}"),
    ),
    # --- calibration
    wrong(
        "lower_edge",
        "calibration_error",
        "closed on the other side",
        (BIN, "b = np.minimum((confidence * bins).astype(int), bins - 1)"),
    ),
    wrong(
        "one_falls_out",
        "calibration_error",
        "falls out of the last bin",
        (BIN, "b = np.floor(confidence * bins)"),
    ),
    wrong("rounded", "calibration_error", "nearest edge", (BIN, "b = np.round(confidence * bins)")),
    wrong(
        "same_weights",
        "calibration_error",
        "the same weight, 1 / M",
        (TOTAL, "total += gap / bins"),
    ),
    wrong(
        "largest_gap",
        "calibration_error",
        "largest gap",
        (TOTAL, "total = max(total, gap)"),
    ),
    wrong("signed", "calibration_error", "cancel", (GAP, GAP.replace("abs(", "("))),
    wrong(
        "one_bin",
        "calibration_error",
        "there is one bin only",
        (BIN, "return abs(right.mean() - confidence.mean())"),
    ),
    wrong("squared", "calibration_error", "squared", (GAP, f"{GAP} ** 2")),
    wrong(
        "middle_of_the_bin",
        "calibration_error",
        "middle of the bin",
        (GAP, "gap = abs(right[inside].mean() - (each + 0.5) / bins)"),
    ),
    wrong(
        "probability_of_the_label",
        "calibration_error",
        "probability of the label",
        (CONFIDENCE, "confidence = probabilities[np.arange(len(labels)), labels]"),
    ),
    wrong(
        "no_bins",
        "calibration_error",
        "no bins",
        (BIN, "return np.abs(right - confidence).mean()"),
    ),
    wrong(
        "empty_bins",
        "calibration_error",
        "An empty bin gives",
        (FILLED, "if True:"),
        (
            GAP,
            "count = inside.sum()\n"
            "            gap = abs(right[inside].sum() - confidence[inside].sum()) / count",
        ),
        (TOTAL, "total += count / len(labels) * gap"),
    ),
    wrong(
        "numbers_of_examples",
        "calibration_error",
        "not divided by N",
        (TOTAL, "total += inside.sum() * gap"),
    ),
    wrong(
        "gaps_of_bins",
        "calibration_error",
        "has not the form",
        (FILLED, "gaps = np.zeros(bins)\n        if inside.any():"),
        ("return total", "return gaps"),
    ),
]
