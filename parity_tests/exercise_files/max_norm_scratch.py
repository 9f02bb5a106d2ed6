"""Max-norm from scratch: the solution, changed."""

from parity_tests.exercise_files.specimens import Right, Wrong

SOLUTION = "exercises/max_norm/solutions/max_norm_scratch.py"

NORMS = "np.sqrt((w**2).sum(axis=0))"
CALL = "unit_norms(w)\n    return"
SCALED = "w * (limit / np.maximum(n, limit))  #"
KERNEL_NORMS = "np.sqrt((kernel**2).sum(axis=(0, 1, 2)))"
KERNEL = "kernel * (limit / np.maximum(n, limit))\n"


def wrong(name, todo, says, *changes):
    # max_norm does not go wrong together with unit_norms.
    apart = [(CALL, "np.linalg.norm(w, axis=0)\n    return")] if todo == "unit_norms" else []
    return Wrong(name, "", SOLUTION, [*apart, *changes], todo=todo, says=says)


SPECIMENS = [
    Right(
        "reshaped",
        "A kernel is a matrix with the filters as its columns.",
        SOLUTION,
        [
            (KERNEL_NORMS, "kernel.reshape(-1, kernel.shape[-1])"),
            (KERNEL, "max_norm(n, limit).reshape(kernel.shape)\n"),
        ],
    ),
    Right(
        "scale_of_some",
        "The factors are 1, but for some of them.",
        SOLUTION,
        [
            (
                f"return {SCALED}",
                "scale = np.ones_like(n)\n    scale[n > limit] = limit / n[n > limit]\n"
                "    return w * scale  #",
            ),
            (KERNEL, "kernel * np.minimum(1, limit / np.where(n == 0, limit, n))\n"),
        ],
    ),
    # --- the norms
    wrong("over_units", "unit_norms", "over the units (axis 1)", (NORMS, "np.sqrt((w**2).sum(1))")),
    wrong("one_norm", "unit_norms", "the whole matrix", (NORMS, "np.linalg.norm(w)")),
    wrong("no_root", "unit_norms", "root is missing", (NORMS, "(w**2).sum(axis=0)")),
    wrong("l1_norm", "unit_norms", "L1 norms", (NORMS, "np.linalg.norm(w, 1, axis=0)")),
    wrong("no_squares", "unit_norms", "cancel", (NORMS, "abs(w.sum(axis=0))")),
    wrong("mean", "unit_norms", "a norm has the sum", (NORMS, "np.sqrt((w**2).mean(axis=0))")),
    wrong("epsilon", "unit_norms", "added to the norms", (NORMS, f"{NORMS} + 1e-7")),
    wrong("wider", "unit_norms", "dtype", (NORMS, "np.sqrt((w.astype(float) ** 2).sum(axis=0))")),
    # --- the constraint
    wrong("stretched", "max_norm", "become 0 / 0", (SCALED, "w * limit / n  #")),
    wrong(
        "stretched_but_0",
        "max_norm",
        "stretched to it.",
        (SCALED, "w * limit / np.maximum(n, 1e-12)  #"),
    ),
    wrong("always", "max_norm", "all 0 are divided", (SCALED, "w * np.minimum(n, limit) / n  #")),
    wrong(
        "almost_1",
        "max_norm",
        "by almost 1",
        (SCALED, "w * (np.clip(n, 0, limit) / (n + 1e-7))  #"),
    ),
    wrong(
        "rounded",
        "max_norm",
        "to the last bit",
        (SCALED, "w / np.maximum(n, 1e-30) * np.minimum(n, limit)  #"),
    ),
    wrong("clipped", "max_norm", "one by one", (SCALED, "np.clip(w, -limit, limit)  #")),
    wrong(
        "rows",
        "max_norm",
        "not what enters a unit",
        (CALL, "unit_norms(w.T)[:, np.newaxis]\n    return"),
    ),
    wrong("frobenius", "max_norm", "all weights together", (CALL, "np.linalg.norm(w)\n    return")),
    wrong("unit", "max_norm", "norm 1, not c", (SCALED, "w * np.where(n > limit, 1 / n, 1)  #")),
    wrong(
        "largest", "max_norm", "of the largest one", (SCALED, SCALED.replace("m(n", "m(n.max()"))
    ),
    wrong(
        "in_place",
        "max_norm",
        "changed in place",
        (f"return {SCALED}", "w[:, n > limit] *= limit / n[n > limit]\n    return w  #"),
    ),
    # --- the constraint of a kernel
    wrong(
        "places_of_a_channel",
        "max_norm_kernel",
        "the channels belong to a filter too",
        (KERNEL_NORMS, "np.sqrt((kernel**2).sum(axis=(0, 1)))"),
    ),
    wrong(
        "channels_of_a_place",
        "max_norm_kernel",
        "at each place by itself",
        (KERNEL_NORMS, "np.linalg.norm(kernel, axis=2, keepdims=True)"),
    ),
    wrong(
        "as_dense",
        "max_norm_kernel",
        "as in a dense layer",
        (KERNEL_NORMS, "np.linalg.norm(kernel, axis=0)"),
    ),
    wrong(
        "input_channels",
        "max_norm_kernel",
        "of input channels",
        (KERNEL_NORMS, "np.sqrt((kernel**2).sum(axis=(0, 1, 3), keepdims=True))"),
    ),
    wrong(
        "filters_first",
        "max_norm_kernel",
        "as if the filters were the first axis",
        (KERNEL_NORMS, "np.sqrt((kernel**2).sum(axis=(1, 2, 3), keepdims=True))"),
    ),
    wrong(
        "whole_kernel",
        "max_norm_kernel",
        "all weights together",
        (KERNEL_NORMS, "np.linalg.norm(kernel)"),
    ),
    wrong(
        "kernel_rounded",
        "max_norm_kernel",
        "to the last bit",
        (KERNEL, "kernel / (n + (n == 0)) * np.minimum(n, limit)\n"),
    ),
    wrong(
        "kernel_epsilon",
        "max_norm_kernel",
        "end up below it",
        (KERNEL, "np.where(n > limit, kernel * limit / (n + 1e-7), kernel)\n"),
    ),
]
