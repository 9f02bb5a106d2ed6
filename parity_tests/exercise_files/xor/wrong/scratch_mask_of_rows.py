"""The mask has the shape (N, 1): an example loses all units or none."""

BASE = "parity_tests/exercise_files/xor/correct/scratch_functions.py"
TODO = "dropout"
FAULT = "an example loses all hidden units at once"


def dropout_forward(x, rng, training):
    if training:
        mask = rng.binomial(1, 1 - P_DROP, size=(x.shape[0], 1)) / (1 - P_DROP)
        return x * mask, mask
    return x, None
