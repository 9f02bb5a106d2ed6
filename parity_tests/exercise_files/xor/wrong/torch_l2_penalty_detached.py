"""The penalty is computed from .data and has no gradient."""

import torch

BASE = "parity_tests/exercise_files/xor/correct/torch_module_functional.py"
TODO = "l2"
FAULT = "the loss has the penalty, but the gradients do not"


def l2_penalty(model: Net) -> torch.Tensor:
    weights = (model.hidden.weight, model.out.weight)
    return 0.01 / 2 * sum(w.data.pow(2).sum() for w in weights)
