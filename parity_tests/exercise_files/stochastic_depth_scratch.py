"""Stochastic depth from scratch: the solution, changed."""

from parity_tests.exercise_files.specimens import Right, Wrong

SOLUTION = "exercises/stochastic_depth/solutions/stochastic_depth_scratch.py"

SURVIVAL = "return 1 - rate * np.arange(1, depth + 1) / depth"
BESIDE = "keep = keep.reshape(-1, *[1] * (branch.ndim - 1))  # to stand beside the branch"
TRAIN = "return x + branch * keep / (1 - rate)"
INFERENCE = "return x + branch\n"
BESIDE_GRAD = "keep = keep.reshape(-1, *[1] * (grad.ndim - 1))"
BACKWARD = "return grad, grad * keep / (1 - rate)"


def wrong(name, todo, says, *changes):
    todo = todo if todo.startswith("survival") else f"stochastic_depth_{todo}"
    return Wrong(name, "", SOLUTION, changes, todo=todo, says=says)


SPECIMENS = [
    Right(
        "linspace",
        "The line from 1 to 1 - rate, without its first point.",
        SOLUTION,
        [(SURVIVAL, "return np.linspace(1, 1 - rate, depth + 1)[1:]")],
    ),
    Right(
        "transposed",
        "Axis 0 as the last one, beside which keep stands by itself.",
        SOLUTION,
        [(BESIDE, ""), (TRAIN, "return x + (branch.T * keep / (1 - rate)).T")],
    ),
    # --- survival probabilities
    wrong(
        "from_zero",
        "survival_probabilities",
        "counted from 0",
        (SURVIVAL, "return 1 - rate * np.arange(depth) / depth"),
    ),
    wrong(
        "to_the_end",
        "survival_probabilities",
        "as by linspace",
        (SURVIVAL, "return 1 - np.linspace(0, rate, depth)"),
    ),
    wrong(
        "rates",
        "survival_probabilities",
        "to survive is the rest of 1",
        (SURVIVAL, SURVIVAL.replace("1 - rate", "rate")),
    ),
    wrong(
        "reversed",
        "survival_probabilities",
        "order is reversed",
        (SURVIVAL, "return 1 - rate * np.arange(depth, 0, -1) / depth"),
    ),
    wrong(
        "constant",
        "survival_probabilities",
        "probability of the last",
        (SURVIVAL, "return np.full(depth, 1 - rate)"),
    ),
    wrong(
        "rate_survives",
        "survival_probabilities",
        "last block survives",
        (SURVIVAL, "return 1 - np.arange(1, depth + 1) / depth * (1 - rate)"),
    ),
    wrong(
        "one_block_short",
        "survival_probabilities",
        "has not the form",
        (SURVIVAL, SURVIVAL.replace("depth + 1", "depth")),
    ),
    # --- training
    wrong(
        "not_divided", "train", "not divided by the survival", (TRAIN, "return x + branch * keep")
    ),
    wrong(
        "divided_by_rate",
        "train",
        "divided by rate",
        (TRAIN, "return x + branch * keep / rate"),
    ),
    wrong(
        "multiplied",
        "train",
        "multiplied by the survival",
        (TRAIN, "return x + branch * keep * (1 - rate)"),
    ),
    wrong("swapped", "train", "Keep and drop are swapped", (TRAIN, TRAIN.replace("keep", "~keep"))),
    wrong(
        "whole_block_dropped",
        "train",
        "shortcut is dropped too",
        (TRAIN, "return (x + branch) * keep / (1 - rate)"),
    ),
    wrong(
        "whole_block_divided",
        "train",
        "shortcut is divided too",
        (TRAIN, "return (x + branch * keep) / (1 - rate)"),
    ),
    wrong("no_shortcut", "train", "shortcut is missing", (TRAIN, TRAIN.replace("x + ", ""))),
    wrong(
        "part_of_the_batch",
        "train",
        "part of this batch",
        (
            TRAIN,
            "return x + branch * keep / float(keep.mean())",
        ),
    ),
    wrong("last_axis", "train", "broadcast", (BESIDE, "keep = keep[None]")),
    wrong(
        "branch_in_place",
        "train",
        "branch is changed in place",
        (BESIDE, "branch[~keep] = 0"),
        (TRAIN, "return x + branch / (1 - rate)"),
    ),
    wrong(
        "wider",
        "train",
        "float64 array takes part",
        (BESIDE, BESIDE.replace("keep.reshape", "keep.astype(float).reshape")),
    ),
    # --- inference
    wrong(
        "factor_of_the_paper",
        "inference",
        "training has divided",
        (INFERENCE, "return x + branch * (1 - rate)\n"),
    ),
    wrong(
        "divided", "inference", "in training alone", (INFERENCE, "return x + branch / (1 - rate)\n")
    ),
    wrong("shortcut_alone", "inference", "branch is left out", (INFERENCE, "return x\n")),
    wrong("branch_alone", "inference", "shortcut is missing", (INFERENCE, "return branch\n")),
    wrong(
        "block_multiplied",
        "inference",
        "whole block is multiplied",
        (INFERENCE, "return (1 - rate) * (x + branch)\n"),
    ),
    wrong(
        "still_drawn",
        "inference",
        "two calls with the same arguments differ",
        (
            INFERENCE,
            "keep = np.random.random(len(x)) >= rate  # noqa: NPY002\n"
            "    return stochastic_depth_train(x, branch, rate, keep)\n",
        ),
    ),
    wrong(
        "x_in_place",
        "inference",
        "x is changed in place",
        (INFERENCE, "x += branch\n    return x\n"),
    ),
    # --- backward
    wrong("whole", "backward", "neither keep nor the division", (BACKWARD, "return grad, grad")),
    wrong(
        "gradient_not_divided", "backward", "not divided", (BACKWARD, "return grad, grad * keep")
    ),
    wrong(
        "no_mask",
        "backward",
        "keep is forgotten in dbranch",
        (BACKWARD, "return grad, grad / (1 - rate)"),
    ),
    wrong(
        "shortcut_dropped",
        "backward",
        "dx is dropped with the branch",
        (BACKWARD, "grad = grad * keep / (1 - rate)\n    return grad, grad"),
    ),
    wrong(
        "added_up",
        "backward",
        "added to dx",
        (
            BACKWARD,
            "dbranch = grad * keep / (1 - rate)\n    return grad + dbranch, dbranch",
        ),
    ),
    wrong(
        "order",
        "backward",
        "The order is dbranch, dx",
        (BACKWARD, "return grad * keep / (1 - rate), grad"),
    ),
    wrong(
        "one_gradient",
        "backward",
        "returns something else",
        (BACKWARD, "return grad * keep / (1 - rate)"),
    ),
    wrong(
        "gradient_in_place",
        "backward",
        "grad is changed in place",
        (BACKWARD, "dbranch = grad\n    dbranch *= keep / (1 - rate)\n    return grad, dbranch"),
    ),
]
