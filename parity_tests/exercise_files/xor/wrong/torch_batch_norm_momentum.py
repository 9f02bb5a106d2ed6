"""momentum=0.9, meant as the part that is kept: for PyTorch it is the weight of the new."""

import torch
from torch import nn

BASE = "parity_tests/exercise_files/xor/correct/torch_dropout_before_tanh.py"
TODO = "batch norm"
FAULT = "forget too fast"


def build_model(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    model = nn.Sequential(
        nn.Linear(2, 16),
        nn.BatchNorm1d(16, momentum=0.9),
        nn.Tanh(),
        nn.Dropout(0.2),
        nn.Linear(16, 1),
    )
    for layer, deviation in ((model[0], 1.0), (model[-1], 0.25)):
        nn.init.normal_(layer.weight, std=deviation)
        nn.init.zeros_(layer.bias)
    return model
