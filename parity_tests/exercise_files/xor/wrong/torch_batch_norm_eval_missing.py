"""predict never calls model.eval(): it normalizes with the batch it is given."""

import numpy as np
import torch
from torch import nn

BASE = "parity_tests/exercise_files/xor/correct/torch_dropout_before_tanh.py"
TODO = "batch norm"
FAULT = "predict runs the network in training mode"


def build_model(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    model = nn.Sequential(
        nn.Linear(2, 16),
        nn.BatchNorm1d(16),
        nn.Tanh(),
        nn.Linear(16, 1),
    )
    for layer, deviation in ((model[0], 1.0), (model[-1], 0.25)):
        nn.init.normal_(layer.weight, std=deviation)
        nn.init.zeros_(layer.bias)
    return model


def predict(model: nn.Module, x: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return torch.sigmoid(model(torch.from_numpy(x)))[:, 0].numpy()
