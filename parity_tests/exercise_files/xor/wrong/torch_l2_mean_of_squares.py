"""The mean of the squares instead of their sum."""

import torch

BASE = "parity_tests/exercise_files/xor/correct/torch_module_functional.py"
TODO = "l2"
FAULT = "the mean of the squares"


def l2_penalty(model: Net) -> torch.Tensor:
    weights = (model.hidden.weight, model.out.weight)
    return 0.01 / 2 * sum(w.pow(2).mean() for w in weights)
