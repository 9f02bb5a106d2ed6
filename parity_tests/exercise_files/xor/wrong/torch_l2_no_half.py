"""The penalty 0.01 * sum(w**2), without the one-half."""

import torch

BASE = "parity_tests/exercise_files/xor/correct/torch_module_functional.py"
TODO = "l2"
FAULT = "without the one-half"


def l2_penalty(model: Net) -> torch.Tensor:
    weights = (model.hidden.weight, model.out.weight)
    return 0.01 * sum(w.pow(2).sum() for w in weights)
