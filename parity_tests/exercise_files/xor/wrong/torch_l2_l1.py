"""L1, the sum of absolute values."""

import torch

BASE = "parity_tests/exercise_files/xor/correct/torch_module_functional.py"
TODO = "l2"
FAULT = "that is L1"


def l2_penalty(model: Net) -> torch.Tensor:
    weights = (model.hidden.weight, model.out.weight)
    return 0.01 / 2 * sum(w.abs().sum() for w in weights)
