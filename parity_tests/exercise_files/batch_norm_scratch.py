"""Batch norm from scratch: the solution, changed."""

from parity_tests.exercise_files.specimens import Right, Wrong

SOLUTION = "exercises/batch_norm/solutions/batch_norm_scratch.py"

STATISTICS = "mean, variance = x.mean(axis=0), x.var(axis=0)"
TRAIN = "gamma * (x - mean) / np.sqrt(variance + epsilon) + beta"
MEAN = "running_mean = momentum * running_mean + (1 - momentum) * mean"
VARIANCE = "running_variance = momentum * running_variance + (1 - momentum) * variance"
INFERENCE = "gamma * (x - running_mean) / np.sqrt(running_variance + epsilon) + beta"
INVERSE = "inverse = 1 / np.sqrt(x.var(axis=0) + epsilon)"
SUMS = "dgamma, dbeta = (grad * x_hat).sum(axis=0), grad.sum(axis=0)"
DX = "gamma * inverse * (grad - grad.mean(axis=0) - x_hat * (grad * x_hat).mean(axis=0))"


def wrong(name, todo, says, *changes):
    return Wrong(name, "", SOLUTION, changes, todo=f"batch_norm_{todo}", says=says)


SPECIMENS = [
    Right(
        "lerp",
        "The running values go a part of the way to those of the batch.",
        SOLUTION,
        [
            (MEAN, "running_mean = running_mean + (1 - momentum) * (mean - running_mean)"),
            (
                VARIANCE,
                VARIANCE.replace("momentum * running_variance + ", "")
                + " + momentum * running_variance",
            ),
        ],
    ),
    Right(
        "scale_and_shift_first",
        "Inference as one scale and one shift.",
        SOLUTION,
        [
            (
                f"return {INFERENCE}",
                "scale = gamma / np.sqrt(running_variance + epsilon)\n"
                "    return x * scale + (beta - running_mean * scale)",
            )
        ],
    ),
    # --- training
    wrong(
        "over_features",
        "train",
        "axis 1",
        (STATISTICS, "mean, variance = x.mean(1, keepdims=True), x.var(1, keepdims=True)"),
        (MEAN, "running_mean = running_mean * momentum"),
        (VARIANCE, "running_variance = running_variance * momentum"),
    ),
    wrong(
        "over_everything", "train", "all axes", (STATISTICS, "mean, variance = x.mean(), x.var()")
    ),
    wrong(
        "unbiased",
        "train",
        "ddof=1",
        (
            STATISTICS,
            STATISTICS.replace("=0)\n", "").replace("x.var(axis=0)", "x.var(axis=0, ddof=1)"),
        ),
    ),
    wrong(
        "momentum_swapped",
        "train",
        "swapped",
        (MEAN, "running_mean = (1 - momentum) * running_mean + momentum * mean"),
        (VARIANCE, "running_variance = (1 - momentum) * running_variance + momentum * variance"),
    ),
    wrong(
        "running_deviation",
        "train",
        "keeps a deviation",
        (VARIANCE, VARIANCE.replace("* variance", "* np.sqrt(variance)")),
    ),
    wrong("normalized_with_running", "train", "not with the batch", (TRAIN, INFERENCE)),
    wrong(
        "running_in_place",
        "train",
        "changed in place",
        (MEAN, "running_mean *= momentum\n    running_mean += (1 - momentum) * mean"),
    ),
    wrong(
        "epsilon_outside",
        "train",
        "after the root",
        (TRAIN, "gamma * (x - mean) / (np.sqrt(variance) + epsilon) + beta"),
    ),
    # --- inference
    wrong(
        "batch_in_inference",
        "inference",
        "depends on the other rows",
        (INFERENCE, "gamma * (x - x.mean(0)) / np.sqrt(x.var(0) + epsilon) + beta"),
    ),
    wrong(
        "no_root",
        "inference",
        "square root is missing",
        (INFERENCE, "gamma * (x - running_mean) / (running_variance + epsilon) + beta"),
    ),
    wrong(
        "bare",
        "inference",
        "forgotten in inference",
        (INFERENCE, "(x - running_mean) / np.sqrt(running_variance + epsilon)"),
    ),
    wrong(
        "epsilon_outside_inference",
        "inference",
        "after the root",
        (INFERENCE, "gamma * (x - running_mean) / (np.sqrt(running_variance) + epsilon) + beta"),
    ),
    wrong(
        "in_place",
        "inference",
        "changed in place",
        (
            f"return {INFERENCE}",
            f"x -= running_mean\n    return {INFERENCE}".replace("(x - running_mean)", "x"),
        ),
    ),
    # --- backward
    wrong("constants", "backward", "taken as constants", (DX, "gamma * inverse * grad")),
    wrong(
        "no_mean",
        "backward",
        "through the mean",
        (DX, "gamma * inverse * (grad - x_hat * (grad * x_hat).mean(axis=0))"),
    ),
    wrong(
        "no_variance",
        "backward",
        "through the variance",
        (DX, "gamma * inverse * (grad - grad.mean(axis=0))"),
    ),
    wrong(
        "sums",
        "backward",
        "Sums stand",
        (DX, "gamma * inverse * (grad - grad.sum(axis=0) - x_hat * (grad * x_hat).sum(axis=0))"),
    ),
    wrong(
        "means",
        "backward",
        "they are sums",
        (SUMS, "dgamma, dbeta = (grad * x_hat).mean(axis=0), grad.mean(axis=0)"),
    ),
    wrong(
        "wider",
        "backward",
        "float64 array takes part",
        (INVERSE, "inverse = np.ones(x.shape[1]) / np.sqrt(x.var(axis=0) + epsilon)"),
    ),
]
