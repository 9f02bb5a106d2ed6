"""What the checks of networks over sequences share, in PyTorch."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from triptych.exercises.findings import InterfaceError

__all__ = ["changed", "share_weights"]


def changed(predict: Callable[[Any], np.ndarray], x: Any, token: int) -> float:
    """By how much the prediction of some sequence changes with one of its tokens."""
    before, changes = predict(x), []
    for row in range(len(x)):
        other = x.clone()
        other[row, token] = 2 - other[row, token]
        changes.append(float(np.abs(predict(other)[row] - before[row]).max()))
    return max(changes)


def share_weights(model: nn.Module, ours: nn.Module, generator: torch.Generator) -> None:
    """Larger ones than at first, so that what is attended to counts; those of the norm are kept."""
    theirs, its = list(model.parameters()), list(ours.parameters())
    if [p.shape for p in theirs] != [p.shape for p in its]:
        raise InterfaceError(
            "the layers with weights must stay, in their order; their shapes are "
            f"{', '.join(str(tuple(p.shape)) for p in theirs)}"
        )
    with torch.no_grad():
        for p, q in zip(theirs, its, strict=True):
            if p.ndim == 2:
                p.add_(0.2 * torch.randn(p.shape, generator=generator))
            q.copy_(p)
