"""Gradient clipping from scratch: the solution, changed."""

from parity_tests.exercise_files.specimens import Right, Wrong

SOLUTION = "exercises/gradient_clipping/solutions/gradient_clipping_scratch.py"

VALUE = "np.clip(grad, -limit, limit)"
NORM = "norm = np.sqrt(np.sum(grad**2))"
CLIPPED = "return grad * (max_norm / max(norm, max_norm)), norm"
GLOBAL_NORM = "norm = np.sqrt(sum(np.sum(grad**2) for grad in grads))"
FACTOR = "factor = max_norm / max(norm, max_norm)"
ALL_CLIPPED = "return [grad * factor for grad in grads], norm"


def wrong(name, todo, says, *changes):
    return Wrong(name, "", SOLUTION, changes, todo=f"clip_by_{todo}", says=says)


def by_hand(*lines):
    return (f"return {VALUE}", "\n    ".join(lines))


SPECIMENS = [
    Right(
        "minimum_and_maximum",
        "The equation as it stands, and NumPy's own norm.",
        SOLUTION,
        [
            (VALUE, "np.maximum(np.minimum(grad, limit), -limit)"),
            (NORM, "norm = np.linalg.norm(grad)"),
            (CLIPPED, "return grad * np.minimum(max_norm / norm, 1) if norm else grad, norm"),
            (GLOBAL_NORM, "norm = np.linalg.norm([np.linalg.norm(grad) for grad in grads])"),
            (ALL_CLIPPED, "return [(grad * factor).astype(grad.dtype) for grad in grads], norm"),
        ],
    ),
    Right(
        "only_if_too_long",
        "Two returns; an array that is short enough is returned itself.",
        SOLUTION,
        [
            (
                CLIPPED,
                "if norm > max_norm:\n        return grad * (max_norm / norm), norm\n"
                "    return grad, norm",
            ),
            (FACTOR, "factor = max_norm / norm if norm > max_norm else 1.0"),
        ],
    ),
    # --- by value
    wrong(
        "only_above",
        "value",
        "-limit is a limit too",
        (VALUE, "np.minimum(grad, limit)"),
    ),
    wrong("only_below", "value", "large ones are not", by_hand("return np.maximum(grad, -limit)")),
    wrong("from_zero", "value", "lower limit is 0", (VALUE, "np.clip(grad, 0, limit)")),
    wrong(
        "sign_lost",
        "value",
        "becomes limit",
        by_hand("clipped = grad.copy()", "clipped[np.abs(grad) > limit] = limit", "return clipped"),
    ),
    wrong(
        "set_to_zero",
        "value",
        "becomes 0",
        (VALUE, "grad * (np.abs(grad) <= limit)"),
    ),
    wrong(
        "scaled",
        "value",
        "scaled by its largest element",
        by_hand(
            "largest = np.abs(grad).max()",
            "return grad * (limit / largest) if largest > limit else grad",
        ),
    ),
    wrong("signs", "value", "also those within", (VALUE, "limit * np.sign(grad)")),
    wrong(
        "value_in_place",
        "value",
        "changed in place",
        (VALUE, "np.clip(grad, -limit, limit, out=grad)"),
    ),
    wrong(
        "value_not_returned",
        "value",
        "return is missing",
        (f"return {VALUE}", f"clipped = {VALUE}"),
    ),
    # --- by norm
    wrong(
        "always_scaled",
        "norm",
        "above 1",
        (CLIPPED, "return grad * (max_norm / norm), norm"),
    ),
    wrong(
        "longer_if_not_zero",
        "norm",
        "above 1",
        (CLIPPED, "return (grad * (max_norm / norm) if norm > 0 else grad), norm"),
    ),
    wrong(
        "zero_division",
        "norm",
        "ZeroDivisionError",
        (NORM, "norm = float(np.sqrt(np.sum(grad**2)))"),
        (CLIPPED, "return grad * min(1, max_norm / norm), norm"),
    ),
    wrong("no_root", "norm", "no square root", (NORM, "norm = np.sum(grad**2)")),
    wrong("absolute", "norm", "sum of absolute", (NORM, "norm = np.abs(grad).sum()")),
    wrong("mean_of_squares", "norm", "a mean of squares", (NORM, NORM.replace("sum", "mean"))),
    wrong("largest", "norm", "largest absolute", (NORM, "norm = np.max(np.abs(grad))")),
    wrong(
        "norm_after",
        "norm",
        "norm before",
        (CLIPPED, f"{CLIPPED[:-4]}min(norm, max_norm)"),
    ),
    wrong(
        "unit",
        "norm",
        "they get max_norm",
        (CLIPPED, "return (grad / norm if norm > max_norm else grad), norm"),
    ),
    wrong(
        "upside_down",
        "norm",
        "upside down",
        (CLIPPED, "return grad * max(1, norm / max_norm), norm"),
    ),
    wrong(
        "wrong_way_round",
        "norm",
        "wrong way round",
        (
            CLIPPED,
            "return (grad if norm >= max_norm or norm == 0 else grad * max_norm / norm), norm",
        ),
    ),
    wrong(
        "added_to_the_norm",
        "norm",
        "1e-6",
        (CLIPPED, "return grad * min(1.0, max_norm / (norm + 1e-6)), norm"),
    ),
    wrong(
        "rows",
        "norm",
        "Each row",
        (
            CLIPPED,
            "rows = np.linalg.norm(grad, axis=-1, keepdims=True)\n"
            "    return grad * (max_norm / np.maximum(rows, max_norm)), norm",
        ),
    ),
    wrong("norm_not_returned", "norm", "returns something else", (CLIPPED, CLIPPED[:-6])),
    wrong(
        "norm_in_place",
        "norm",
        "changed in place",
        (CLIPPED, "grad *= max_norm / max(norm, max_norm)\n    return grad, norm"),
    ),
    wrong(
        "norm_wider",
        "norm",
        "float64 array takes part",
        (NORM, "norm = np.float64(np.sqrt(np.sum(grad**2)))"),
        (CLIPPED, CLIPPED.replace("max(norm, max_norm)", "np.maximum(norm, max_norm)")),
    ),
    # --- by the global norm
    wrong(
        "each_by_its_own",
        "global_norm",
        "clipped by its own norm",
        (ALL_CLIPPED, "return [clip_by_norm(grad, max_norm)[0] for grad in grads], norm"),
    ),
    wrong(
        "only_long_ones",
        "global_norm",
        "longer than max_norm",
        (
            ALL_CLIPPED,
            "return [g * factor if np.linalg.norm(g) > max_norm else g for g in grads], norm",
        ),
    ),
    wrong(
        "sum_of_norms",
        "global_norm",
        "sum of the arrays' norms",
        (GLOBAL_NORM, "norm = sum(np.sqrt(np.sum(grad**2)) for grad in grads)"),
    ),
    wrong(
        "largest_norm",
        "global_norm",
        "largest of the arrays' norms",
        (GLOBAL_NORM, "norm = max(np.linalg.norm(grad) for grad in grads)"),
    ),
    wrong(
        "mean_over_arrays",
        "global_norm",
        "mean over the arrays",
        (GLOBAL_NORM, f"{GLOBAL_NORM} / len(grads) ** 0.5"),
    ),
    wrong(
        "last_alone",
        "global_norm",
        "last array alone",
        (GLOBAL_NORM, "for grad in grads:\n        norm = np.sqrt(np.sum(grad**2))"),
    ),
    wrong(
        "global_no_root",
        "global_norm",
        "no square root",
        (GLOBAL_NORM, "norm = sum(np.sum(grad**2) for grad in grads)"),
    ),
    wrong(
        "global_always_scaled",
        "global_norm",
        "above 1",
        (FACTOR, "factor = max_norm / norm"),
    ),
    wrong(
        "factor_returned",
        "global_norm",
        "factor is returned",
        (ALL_CLIPPED, ALL_CLIPPED.replace("], norm", "], factor")),
    ),
    wrong(
        "list_in_place",
        "global_norm",
        "changed in place",
        (
            ALL_CLIPPED,
            "for k, grad in enumerate(grads):\n        grads[k] = grad * factor\n"
            "    return grads, norm",
        ),
    ),
    wrong(
        "one_long_vector",
        "global_norm",
        "has not the form",
        (ALL_CLIPPED, "return np.concatenate([grad.ravel() for grad in grads]) * factor, norm"),
    ),
]
