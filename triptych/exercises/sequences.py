"""What the checks of networks over sequences share, in PyTorch."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import nn

from triptych.exercises.findings import InterfaceError

__all__ = ["Predict", "by_others", "changed", "predictor", "share_weights"]

Predict = Callable[[Any], np.ndarray]


def predictor(module: ModuleType, model: nn.Module) -> Predict:
    """The file's ``predict`` for ``model``: probabilities of two classes, in float64."""

    def predict(x: Any) -> np.ndarray:
        found = np.asarray(module.predict(model, x), np.float64)
        if found.shape != (len(x), 2) or not np.allclose(found.sum(axis=1), 1, 0, 1e-4):
            raise InterfaceError(
                f"predict must return probabilities of shape ({len(x)}, 2), for {len(x)} "
                f"sequences; it returns shape {found.shape}"
            )
        return found

    return predict


def by_others(predict: Predict, x: Any, others: Any) -> float:
    """By how much a prediction changes with the sequences that are predicted with it."""
    alone = np.concatenate([predict(x[i : i + 1]) for i in range(len(x))])
    return max(
        float(np.abs(predict(torch.cat([x, its]))[: len(x)] - alone).max())
        for its in (x[:0], others, 100 * others)
    )


def changed(predict: Predict, x: Any, token: int) -> float:
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
