"""Predictions that change: the solution and the starter, changed."""

from parity_tests.exercise_files.specimens import Right, Wrong

SOLUTION = "exercises/bug_shaky/solutions/bug_shaky_scratch.py"
STARTER = "exercises/bug_shaky/bug_shaky_scratch.py"
PLAIN = "return rng.random(shape) >= RATE"
SCALED = "return (rng.random(shape) >= RATE) / (1 - RATE)"
DRAWN = "    hidden = hidden * draw_mask(hidden.shape, np.random)\n"
FORWARD, BACK = "np.maximum(before, 0) * mask", '@ model["w2"].T * mask'
PASS = "mask = draw_mask(before.shape, rng)"


def right(name, what, *changes):
    return Right(name, what, STARTER, changes)


def wrong(name, says, *changes, base=STARTER):
    return Wrong(name, "", base, changes, todo="bug", says=says)


SPECIMENS = [
    right("as_in_1989", "The share in prediction.", (DRAWN, "    hidden = hidden * (1 - RATE)\n")),
    right(
        "scale_by_hand",
        "Scaled where it is used, on both ways.",
        (DRAWN, ""),
        (FORWARD, f"{FORWARD} / (1 - RATE)"),
        (BACK, f"{BACK} / (1 - RATE)"),
    ),
    right(
        "where",
        "A mask of floats, by np.where.",
        (DRAWN, ""),
        (PLAIN, "return np.where(rng.random(shape) < RATE, 0.0, 1.0 / (1.0 - RATE))"),
    ),
    right(
        "binomial",
        "Another way to draw.",
        (DRAWN, ""),
        (PLAIN, "return rng.binomial(1, 1 - RATE, shape) / (1 - RATE)"),
    ),
    right(
        "before_the_relu",
        "Which is the same, for it keeps zeros and positive factors.",
        (DRAWN, ""),
        (PLAIN, SCALED),
        (FORWARD, "np.maximum(before * mask, 0)"),
    ),
    right(
        "smaller_output_weights",
        "The share taken from the output layer.",
        (DRAWN, ""),
        (
            '    return softmax(hidden @ model["w2"] + model["b2"])',
            '    return softmax(hidden @ ((1 - RATE) * model["w2"]) + model["b2"])',
        ),
    ),
    wrong("half", "half of the mend", (DRAWN, "")),
    wrong("still_drawn", "still gives other", (PLAIN, SCALED)),
    wrong(
        "fixed_seed",
        "drawn from a fixed seed",
        (DRAWN, DRAWN.replace("np.random)", "np.random.default_rng(0))")),
    ),
    wrong(
        "both",
        "Both make up for it",
        (PLAIN, SCALED),
        (DRAWN, "    hidden = hidden * (1 - RATE)\n"),
    ),
    wrong("no_dropout", "nothing is dropped", (DRAWN, ""), (PASS, "mask = np.ones(before.shape)")),
    wrong(
        "not_backward",
        "not the same forward and backward",
        (DRAWN, ""),
        (FORWARD, f"{FORWARD} / (1 - RATE)"),
    ),
    wrong("multiplied", "should be divided", (DRAWN, ""), (PLAIN, f"{SCALED.replace('/', '*')}")),
    wrong(
        "many_masks",
        "a mean over many draws",
        (PLAIN, SCALED),
        (
            DRAWN,
            "    masks = [draw_mask(hidden.shape, np.random) for _ in range(50)]\n"
            "    hidden = hidden * np.mean(masks, axis=0)\n",
        ),
    ),
    wrong(
        "global_draws",
        "two training passes with the same rng",
        (PASS, "mask = draw_mask(before.shape, np.random)"),
        base=SOLUTION,
    ),
    wrong("other_rate", "another share", (SCALED, SCALED.replace("RATE", "0.3")), base=SOLUTION),
    wrong(
        "by_the_share_of_the_mask",
        "not scaled by one number",
        (DRAWN, ""),
        (PLAIN, "mask = rng.random(shape) >= RATE\n    return mask / mask.mean()"),
    ),
]
