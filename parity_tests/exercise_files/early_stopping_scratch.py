"""Early stopping from scratch: the solution, changed."""

from parity_tests.exercise_files.specimens import Right, Wrong

SOLUTION = "exercises/early_stopping/solutions/early_stopping_scratch.py"

START = "epoch, best = None, np.inf\n"
IMPROVES = "if loss + min_delta < best:\n            epoch, best = i, loss\n"
LAST = "return epoch\n"
START_STOP = "wait, best = 0, np.inf\n"
IMPROVES_STOP = "if loss + min_delta < best:\n            wait, best = 0, loss\n"
GROWS = "wait += 1\n"
STOPS = "if wait >= patience and i > 0:"
STOP = "return i\n"
NEVER = "            return i\n    return None\n"
KEPT = "{name: array.copy() for name, array in weights.items()} if improved else best"


def wrong(name, todo, says, *changes):
    return Wrong(name, "", SOLUTION, changes, todo=todo, says=says)


def best(name, says, *changes):
    return wrong(name, "best_epoch", says, *changes)


def stopping(name, says, *changes):
    return wrong(name, "stopping_epoch", says, *changes)


def keeping(name, says, *lines):
    return wrong(name, "keep_best", says, (f"return {KEPT}", "\n    ".join(lines)))


def changed(text, old, new):
    return (text, text.replace(old, new))


SPECIMENS = [
    Right(
        "differences",
        "The gain against min_delta; wait as the distance from the best epoch.",
        SOLUTION,
        [
            (IMPROVES, IMPROVES.replace("loss + min_delta < best", "best - loss > min_delta")),
            (START_STOP, "last, best = -1, np.inf\n"),
            (IMPROVES_STOP, IMPROVES_STOP.replace("wait, best = 0, loss", "last, best = i, loss")),
            (f"{GROWS}        {STOPS}", "if i and i - last >= patience:"),
            (KEPT, "{k: np.array(w) for k, w in weights.items()} if improved else best"),
        ],
    ),
    Right(
        "none_at_first",
        "None in the place of infinity, NaN asked for; deepcopy.",
        SOLUTION,
        [
            (START, "epoch, best = None, None\n"),
            (
                IMPROVES,
                IMPROVES.replace(
                    "if loss + min_delta < best",
                    "if not np.isnan(loss) and (best is None or loss < best - min_delta)",
                ),
            ),
            (STOPS, "if wait >= max(patience, 1) and i != 0:"),
            (
                f"return {KEPT}",
                "import copy\n\n    return copy.deepcopy(weights) if improved else best",
            ),
        ],
    ),
    # --- the best epoch
    best("no_min_delta", "min_delta is not used", changed(IMPROVES, "loss + min_delta", "loss")),
    best("as_good", "just min_delta", changed(IMPROVES, "<", "<=")),
    best("wrong_side", "wrong side", changed(IMPROVES, "+ min", "- min")),
    best(
        "argmin",
        "np.argmin",
        (START, "return int(np.argmin(losses))\n    epoch, best = None, np.inf\n"),
    ),
    best("best_drifts", "slow progress", (IMPROVES, f"{IMPROVES}        best = min(best, loss)\n")),
    best(
        "epoch_before",
        "the epoch before",
        (IMPROVES, f"{IMPROVES}        best = loss\n"),
    ),
    best(
        "first_loss",
        "even if it is NaN",
        (START, "epoch, best = 0, losses[0]\n"),
    ),
    best(
        "nan_improves",
        "NaN counts as an improvement",
        changed(IMPROVES, "if loss + min_delta <", "if not loss + min_delta >="),
    ),
    best(
        "loss_returned",
        "best loss is returned",
        (LAST, "return best if epoch is not None else None\n"),
    ),
    best(
        "from_one", "Epochs count from 1", (LAST, "return None if epoch is None else epoch + 1\n")
    ),
    best("zero_for_none", "0 is returned", (START, "epoch, best = 0, np.inf\n")),
    best("minus_one_for_none", "-1 is returned", (START, "epoch, best = -1, np.inf\n")),
    best("not_returned", "A return is missing", (LAST, "\n")),
    best(
        "largest",
        "Larger losses",
        (START, "epoch, best = None, -np.inf\n"),
        changed(IMPROVES, "+ min_delta <", "- min_delta >"),
    ),
    # --- when to stop
    stopping("late", "an epoch late", changed(STOPS, ">= patience", "> patience")),
    stopping("early", "an epoch early", changed(STOPS, ">= patience", ">= patience - 1")),
    stopping(
        "wait_not_reset",
        "not set back",
        changed(IMPROVES_STOP, "wait, best = 0, loss", "best = loss"),
    ),
    stopping("after_epoch_0", "after epoch 0", changed(STOPS, " and i > 0", "")),
    stopping(
        "stops_while_it_improves",
        "epochs that improve",
        (f"            continue\n        {GROWS}", f"        else:\n            {GROWS}"),
    ),
    stopping("patience_0_never", "none at all", changed(STOPS, "i > 0", "i > 0 and patience > 0")),
    stopping("exactly", "past it", changed(STOPS, ">=", "==")),
    stopping(
        "nan_passed_over",
        "passed over",
        (GROWS, "if np.isnan(loss):\n            continue\n        wait += 1\n"),
    ),
    stopping(
        "stop_no_min_delta",
        "min_delta is not used",
        changed(IMPROVES_STOP, "loss + min_delta", "loss"),
    ),
    stopping("stop_as_good", "just min_delta", changed(IMPROVES_STOP, "<", "<=")),
    stopping("stop_epoch_before", "the epoch before", (GROWS, f"best = loss\n        {GROWS}")),
    stopping("last_for_none", "the last epoch is returned", (NEVER, NEVER.replace("None", "i"))),
    stopping(
        "length_for_none",
        "number of losses is returned",
        (NEVER, NEVER.replace("None", "len(losses)")),
    ),
    stopping("number_of_epochs", "number of epochs", changed(STOP, "i", "i + 1")),
    stopping("stop_not_returned", "A return is missing", changed(STOP, "return i", "break")),
    stopping(
        "first_loss_twice",
        "its own loss",
        (START_STOP, "wait, best = 0, losses[0]\n"),
    ),
    stopping(
        "second_loss_first",
        "even if it is NaN",
        (START_STOP, "wait, best = 0, losses[0]\n"),
        (
            "for i, loss in enumerate(losses):\n        " + IMPROVES_STOP,
            "for i, loss in enumerate(losses[1:], 1):\n        " + IMPROVES_STOP,
        ),
    ),
    # --- the weights
    keeping("reference", "a reference", "return weights if improved else best"),
    keeping("shallow", "the arrays in it are not", "return dict(weights) if improved else best"),
    keeping(
        "views",
        "the arrays in it are not",
        "return {k: w[:] for k, w in weights.items()} if improved else best",
    ),
    keeping(
        "asarray",
        "the arrays in it are not",
        "return {k: np.asarray(w) for k, w in weights.items()} if improved else best",
    ),
    keeping("always", "improved or not", "return {k: w.copy() for k, w in weights.items()}"),
    keeping(
        "other_way_round",
        "they did not improve",
        "return best if improved else {k: w.copy() for k, w in weights.items()}",
    ),
    keeping(
        "lost",
        "best weights are lost",
        "if improved:",
        "    return {k: w.copy() for k, w in weights.items()}",
    ),
    keeping(
        "first_for_ever",
        "kept for ever",
        "if improved and best is None:",
        "    best = {k: w.copy() for k, w in weights.items()}",
        "return best",
    ),
    keeping(
        "from_the_first",
        "it stays None",
        "if improved or best is None:",
        "    best = {k: w.copy() for k, w in weights.items()}",
        "return best",
    ),
    keeping(
        "no_return",
        "A return is missing",
        "if improved:",
        "    best = {k: w.copy() for k, w in weights.items()}",
    ),
    keeping(
        "lists",
        "has not the form",
        "return {k: (w + 0,) for k, w in weights.items()} if improved else best",
    ),
    keeping(
        "wider",
        "float64 array takes part",
        "return {k: np.array(w, float) for k, w in weights.items()} if improved else best",
    ),
    keeping(
        "weights_alone",
        "has not the form",
        "return {k: weights[k] + 0 for k in ['dense.weight']} if improved else best",
    ),
]
