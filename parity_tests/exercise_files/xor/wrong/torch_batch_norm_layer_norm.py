"""nn.LayerNorm instead of batch normalization."""

import torch
from torch import nn

BASE = "parity_tests/exercise_files/xor/correct/torch_dropout_before_tanh.py"
TODO = "batch norm"
FAULT = "layer normalization"


def build_model(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    model = nn.Sequential(
        nn.Linear(2, 16),
        nn.LayerNorm(16),
        nn.Tanh(),
        nn.Dropout(0.2),
        nn.Linear(16, 1),
    )
    for layer, deviation in ((model[0], 1.0), (model[-1], 0.25)):
        nn.init.normal_(layer.weight, std=deviation)
        nn.init.zeros_(layer.bias)
    return model
