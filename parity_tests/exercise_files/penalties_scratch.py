"""L1, L2 and elastic net from scratch: the solution, changed."""

from parity_tests.exercise_files.specimens import Right, Wrong

SOLUTION = "exercises/penalties/solutions/penalties_scratch.py"

L1, L1_GRADIENT = "strength * np.abs(w).sum()", "strength * np.sign(w)\n"
L2, L2_GRADIENT = "strength / 2 * (w**2).sum()", ", strength * w\n"
SPLIT = "a, b = alpha * l1_ratio, alpha * (1 - l1_ratio)\n    return"
NET = "a * np.abs(w).sum() + b / 2 * (w**2).sum()"
NET_GRADIENT = "a * np.sign(w) + b * w"
T = "t = step_size * strength"
SOFT = "np.sign(w) * np.maximum(np.abs(w) - t, 0)"
STEP_SPLIT = "a, b = alpha * l1_ratio, alpha * (1 - l1_ratio)\n    u"
STEP = "np.sign(w) * np.maximum(np.abs(w) - step_size * a, 0)"
SHRINK = "u / (1 + step_size * b)"


def wrong(name, todo, says, *changes):
    return Wrong(name, "", SOLUTION, changes, todo=todo, says=says)


SPECIMENS = [
    Right(
        "net_of_both",
        "The elastic net by the functions before it.",
        SOLUTION,
        [
            (
                f"return {NET}, {NET_GRADIENT}",
                "(p, g), (q, h) = l1(w, a), l2(w, b)\n    return p + q, g + h",
            ),
            (STEP, "l1_proximal(w, a, step_size)"),
        ],
    ),
    Right(
        "floats",
        "Penalties as Python's numbers, the square as a product.",
        SOLUTION,
        [
            (L1, "float(strength * np.sum(np.abs(w)))"),
            (L2, "0.5 * strength * float(np.dot(w.ravel(), w.ravel()))"),
            (NET, "float(a * np.linalg.norm(w.ravel(), 1)) + b * float(np.sum(w * w)) / 2"),
        ],
    ),
    Right(
        "clipped",
        "The soft threshold takes away what lies within it.",
        SOLUTION,
        [(SOFT, "w - np.clip(w, -t, t)")],
    ),
    Right(
        "two_sides",
        "The soft threshold, one side at a time.",
        SOLUTION,
        [
            (SOFT, "np.maximum(w - t, 0) - np.maximum(-w - t, 0)"),
            (STEP, "np.maximum(w - step_size * a, 0) + np.minimum(w + step_size * a, 0)"),
        ],
    ),
    # --- L1
    wrong("l1_mean", "l1", "is a mean", (L1, "strength * np.abs(w).mean()")),
    wrong("l1_no_abs", "l1", "absolute value is missing", (L1, "strength * w.sum()")),
    wrong("l1_half", "l1", "one-half of L2", (L1, "strength / 2 * np.abs(w).sum()")),
    wrong(
        "l1_two_signs",
        "l1",
        "at w = 0 is strength",
        (L1_GRADIENT, "np.where(w >= 0, strength, -strength).astype(w.dtype)\n"),
    ),
    wrong(
        "l1_two_signs_below",
        "l1",
        "at w = 0 is -strength",
        (L1_GRADIENT, "np.where(w > 0, strength, -strength).astype(w.dtype)\n"),
    ),
    wrong("l1_quotient", "l1", "0 / 0", (L1_GRADIENT, "strength * w / np.abs(w)\n")),
    wrong("l1_gradient_of_l2", "l1", "gradient is that of L2", (L1_GRADIENT, "strength * w\n")),
    wrong("l1_bare_sign", "l1", "strength is forgotten", (L1_GRADIENT, "np.sign(w)\n")),
    wrong(
        "l1_wider",
        "l1",
        "float64 array takes part",
        (L1_GRADIENT, "np.where(w == 0, 0.0, np.where(w > 0, strength, -strength))\n"),
    ),
    wrong("l1_per_column", "l1", "over fewer axes", (L1, "strength * np.abs(w).sum(axis=0)")),
    # --- L2
    wrong("l2_no_half", "l2", "lacks the one-half", (L2, "strength * (w**2).sum()")),
    wrong("l2_mean", "l2", "is a mean", (L2, "strength / 2 * np.mean(w**2)")),
    wrong("l2_norm", "l2", "the norm itself", (L2, "strength * np.linalg.norm(w)")),
    wrong("l2_square_of_sum", "l2", "squares the sum", (L2, "strength / 2 * w.sum() ** 2")),
    wrong("l2_doubled", "l2", "factor 2", (L2_GRADIENT, ", 2 * strength * w\n")),
    wrong("l2_halved", "l2", "has the one-half", (L2_GRADIENT, ", strength / 2 * w\n")),
    wrong("l2_uphill", "l2", "points away from 0", (L2_GRADIENT, ", -strength * w\n")),
    wrong("l2_alone", "l2", "something else than penalty and gradient", (L2_GRADIENT, "\n")),
    # --- elastic net
    wrong(
        "net_swapped",
        "elastic_net",
        "here it is that of L2",
        (SPLIT, "b, a = alpha * l1_ratio, alpha * (1 - l1_ratio)\n    return"),
    ),
    wrong(
        "net_not_split",
        "elastic_net",
        "l1_ratio is not used",
        (SPLIT, "a = b = alpha\n    return"),
    ),
    wrong(
        "net_alpha_once",
        "elastic_net",
        "alpha is forgotten in the L2 part",
        (SPLIT, "a, b = alpha * l1_ratio, 1 - l1_ratio\n    return"),
    ),
    wrong(
        "net_no_half",
        "elastic_net",
        "lacks its one-half",
        (NET, "a * np.abs(w).sum() + b * (w**2).sum()"),
    ),
    wrong(
        "net_both_halved",
        "elastic_net",
        "L1 part has the one-half too",
        (NET, "(a * np.abs(w).sum() + b * (w**2).sum()) / 2"),
    ),
    wrong(
        "net_doubled", "elastic_net", "has a factor 2", (NET_GRADIENT, "a * np.sign(w) + 2 * b * w")
    ),
    wrong("net_quotient", "elastic_net", "0 / 0", (NET_GRADIENT, "a * w / np.abs(w) + b * w")),
    # --- the proximal step of L1
    wrong("no_step", "l1_proximal", "the strength alone", (T, "t = strength")),
    wrong("no_strength", "l1_proximal", "step_size alone", (T, "t = step_size")),
    wrong("past_0", "l1_proximal", "Nothing stops at 0", (SOFT, "w - t * np.sign(w)")),
    wrong("hard", "l1_proximal", "hard threshold", (SOFT, "np.where(np.abs(w) > t, w, 0)")),
    wrong("no_sign", "l1_proximal", "sign is lost", (SOFT, "np.maximum(np.abs(w) - t, 0)")),
    wrong("one_side", "l1_proximal", "below 0 all become 0", (SOFT, "np.maximum(w - t, 0)")),
    wrong("what_is_taken", "l1_proximal", "cut off", (SOFT, "np.clip(w, -t, t)")),
    wrong(
        "into_w",
        "l1_proximal",
        "changed in place",
        (f"return {SOFT}", f"w[np.abs(w) <= t] = 0\n    return {SOFT}"),
    ),
    # --- the proximal step of the elastic net
    wrong("no_shrinking", "elastic_net_proximal", "L2 part is missing", (SHRINK, "u")),
    wrong(
        "other_order",
        "elastic_net_proximal",
        "in the other order",
        (STEP, "w / (1 + step_size * b)"),
        (SHRINK, "np.sign(u) * np.maximum(np.abs(u) - step_size * a, 0)"),
    ),
    wrong(
        "step_swapped",
        "elastic_net_proximal",
        "here it is that of L2",
        (STEP_SPLIT, "b, a = alpha * l1_ratio, alpha * (1 - l1_ratio)\n    u"),
    ),
    wrong(
        "step_forgotten",
        "elastic_net_proximal",
        "step_size is forgotten",
        (STEP, "np.sign(w) * np.maximum(np.abs(w) - a, 0)"),
        (SHRINK, "u / (1 + b)"),
    ),
    wrong(
        "gradient_of_l2",
        "elastic_net_proximal",
        "is a gradient step",
        (SHRINK, "u * (1 - step_size * b)"),
    ),
    wrong(
        "step_doubled", "elastic_net_proximal", "has a 2", (SHRINK, "u / (1 + 2 * step_size * b)")
    ),
    wrong(
        "step_past_0",
        "elastic_net_proximal",
        "Nothing stops at 0",
        (STEP, "w - step_size * a * np.sign(w)"),
    ),
]
