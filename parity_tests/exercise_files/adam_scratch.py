"""Adam and AdamW from scratch: the solution, changed."""

from parity_tests.exercise_files.specimens import Right, Wrong

SOLUTION = "exercises/adam/solutions/adam_scratch.py"

CORRECTED = "moment / (1 - beta**step)"
G = "g = grad + decay * w\n"
M = "m = betas[0] * m + (1 - betas[0]) * g\n"
V = "v = betas[1] * v + (1 - betas[1]) * g**2\n"
HATS = "m_hat, v_hat = bias_corrected(m, betas[0], step), bias_corrected(v, betas[1], step)"
STEPPED = "return w - learning_rate * m_hat / (np.sqrt(v_hat) + epsilon), m, v"
SHRUNK = "shrunk = w - learning_rate * decay * w"
M_W = "m = betas[0] * m + (1 - betas[0]) * grad\n"
V_W = "v = betas[1] * v + (1 - betas[1]) * grad**2\n"
HATS_W = "top, square = bias_corrected(m, betas[0], step), bias_corrected(v, betas[1], step)"
STEPPED_W = "return shrunk - learning_rate * top / (np.sqrt(square) + epsilon), m, v"


def wrong(name, todo, says, *changes):
    return Wrong(name, "", SOLUTION, changes, todo=todo, says=says)


def correction(name, says, formula):
    return wrong(name, "bias_corrected", says, (CORRECTED, formula))


SPECIMENS = [
    Right(
        "decay_at_the_end",
        "The decay after the step, of the old w; one rate of both corrections.",
        SOLUTION,
        [
            (
                f"{HATS}\n    {STEPPED}",
                "rate = learning_rate * (1 - betas[1] ** step) ** 0.5 / (1 - betas[0] ** step)\n"
                "    root = np.sqrt(v) + epsilon * (1 - betas[1] ** step) ** 0.5\n"
                "    return w - rate * m / root, m, v",
            ),
            (SHRUNK, "old = w"),
            (
                STEPPED_W,
                "new = w - learning_rate * top / (np.sqrt(square) + epsilon)\n"
                "    new = new - learning_rate * decay * old\n"
                "    return new, m, v",
            ),
        ],
    ),
    Right(
        "one_factor",
        "A factor shrinks the weights; the moments go a part of the way to the gradients.",
        SOLUTION,
        [
            (CORRECTED, "np.divide(moment, 1 - np.power(float(beta), step).item())"),
            (M, "m = m + (1 - betas[0]) * (g - m)\n"),
            (V, "v = v + (1 - betas[1]) * (g * g - v)\n"),
            (SHRUNK, "shrunk = w * (1 - learning_rate * decay)"),
        ],
    ),
    # --- the correction
    correction("first_step_for_ever", "as at step 1", "moment / (1 - beta)"),
    correction("times_step", "multiplied by step", "moment / (1 - beta * step)"),
    correction("brackets", "only beta has it", "moment / (1 - beta) ** step"),
    correction("too_late", "one too large", "moment / (1 - beta ** (step + 1))"),
    correction("multiplied", "even smaller", "moment * (1 - beta**step)"),
    correction("without_one", "by 1 - beta^step", "moment / beta**step"),
    correction("rooted", "it has none", "moment / (1 - beta**step) ** 0.5"),
    correction("not_corrected", "Nothing is corrected", "moment"),
    correction("step_before", "divides by 0", "moment / (1 - beta ** (step - 1))"),
    wrong(
        "correction_in_place",
        "bias_corrected",
        "changed in place",
        (f"return {CORRECTED}", "moment /= 1 - beta**step\n    return moment"),
    ),
    # --- Adam with L2
    wrong(
        "decoupled",
        "adam_step",
        "as in AdamW",
        (G, "g = grad\n"),
        (STEPPED, STEPPED.replace("return w -", "return w - learning_rate * decay * w -")),
    ),
    wrong("no_decay", "adam_step", "decay is forgotten", (G, "g = grad\n")),
    wrong(
        "decay_after_the_moments",
        "adam_step",
        "added to m_hat",
        (G, "g = grad\n"),
        (STEPPED, STEPPED.replace("m_hat", "(m_hat + decay * w)")),
    ),
    wrong("decay_in_m_alone", "adam_step", "in m and not in v", (V, V.replace("g**2", "grad**2"))),
    wrong("decay_in_v_alone", "adam_step", "in v and not in m", (M, M.replace("* g", "* grad"))),
    wrong("decay_twice", "adam_step", "2 * decay * w", (G, "g = grad + 2 * decay * w\n")),
    wrong("decay_subtracted", "adam_step", "it is added", (G, "g = grad - decay * w\n")),
    wrong("no_correction", "adam_step", "Neither m nor v", (HATS, "m_hat, v_hat = m, v")),
    wrong(
        "epsilon_inside",
        "adam_step",
        "under the root",
        (STEPPED, STEPPED.replace("(np.sqrt(v_hat) + epsilon)", "np.sqrt(v_hat + epsilon)")),
    ),
    wrong(
        "epsilon_before_the_correction",
        "adam_step",
        "added to sqrt(v) before",
        (HATS, HATS.replace("m_hat, v_hat = ", "m_hat = ").split(", bias_corrected(v")[0]),
        (
            STEPPED,
            STEPPED.replace(
                "(np.sqrt(v_hat) + epsilon)",
                "(np.sqrt(v) + epsilon) * (1 - betas[1] ** step) ** 0.5",
            ),
        ),
    ),
    wrong("no_square", "adam_step", "place of its square", (V, V.replace("g**2", "g"))),
    wrong(
        "corrected_returned",
        "adam_step",
        "m_hat and v_hat are returned",
        (STEPPED, STEPPED.replace(", m, v", ", m_hat, v_hat")),
    ),
    wrong(
        "corrected_before_the_moments",
        "adam_step",
        "of the old m and v",
        (f"    {M}    {V}    {HATS}", f"    {HATS}\n    {M}    {V}".rstrip()),
    ),
    wrong(
        "moments_in_place",
        "adam_step",
        "changed in place",
        (M, "m *= betas[0]\n    m += (1 - betas[0]) * g\n"),
    ),
    wrong(
        "w_in_place",
        "adam_step",
        "changed in place",
        (STEPPED, "w -= learning_rate * m_hat / (np.sqrt(v_hat) + epsilon)\n    return w, m, v"),
    ),
    # --- AdamW
    wrong(
        "coupled",
        "adamw_step",
        "as in Adam with L2",
        (SHRUNK, "shrunk, grad = w, grad + decay * w"),
    ),
    wrong("adamw_no_decay", "adamw_step", "decay is forgotten", (SHRUNK, "shrunk = w")),
    wrong("no_rate", "adamw_step", "lacks the learning rate", (SHRUNK, "shrunk = w - decay * w")),
    wrong(
        "decay_of_the_new_w",
        "adamw_step",
        "of the w after the step",
        (SHRUNK, "shrunk = w"),
        (
            STEPPED_W,
            "w = w - learning_rate * top / (np.sqrt(square) + epsilon)\n"
            "    w = w - learning_rate * decay * w\n"
            "    return w, m, v",
        ),
    ),
    wrong(
        "grows", "adamw_step", "weights grow", (SHRUNK, "shrunk = w * (1 + learning_rate * decay)")
    ),
    wrong(
        "decay_under_the_root",
        "adamw_step",
        "divided by the root",
        (SHRUNK, "shrunk = w"),
        (STEPPED_W, STEPPED_W.replace("top", "(top + decay * w)")),
    ),
    wrong(
        "betas_swapped",
        "adamw_step",
        "two betas are swapped",
        (M_W, M_W.replace("[0]", "[1]")),
        (V_W, V_W.replace("[1]", "[0]")),
    ),
    wrong(
        "weights_swapped",
        "adamw_step",
        "weights of old and new",
        (M_W, "m = (1 - betas[0]) * m + betas[0] * grad\n"),
        (V_W, "v = (1 - betas[1]) * v + betas[1] * grad**2\n"),
    ),
    wrong(
        "no_root",
        "adamw_step",
        "root of v_hat is missing",
        (STEPPED_W, STEPPED_W.replace("np.sqrt(square)", "square")),
    ),
    wrong(
        "v_not_corrected",
        "adamw_step",
        "v is not corrected",
        (HATS_W, "top, square = bias_corrected(m, betas[0], step), v"),
    ),
    wrong(
        "adamw_epsilon_inside",
        "adamw_step",
        "under the root",
        (STEPPED_W, STEPPED_W.replace("(np.sqrt(square) + epsilon)", "np.sqrt(square + epsilon)")),
    ),
    wrong(
        "uphill",
        "adamw_step",
        "subtracted from w",
        (STEPPED_W, STEPPED_W.replace("shrunk -", "shrunk +")),
    ),
    wrong(
        "old_moments",
        "adamw_step",
        "as they were before",
        (STEPPED_W, STEPPED_W.replace(", m, v", ", old, older")),
        (SHRUNK, f"old, older = m, v\n    {SHRUNK}"),
    ),
    wrong(
        "wider",
        "adamw_step",
        "float64 array takes part",
        (SHRUNK, "shrunk = w - np.float64(learning_rate * decay) * w"),
    ),
]
