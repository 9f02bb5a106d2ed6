"""Whether the loss and its gradient are those of the probabilities that ``predict`` gives."""

import math
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import nn

from scratch.losses import softmax_cross_entropy, softmax_cross_entropy_backward
from triptych.exercises.findings import Finding, InterfaceError
from triptych.exercises.scripts import done, judged, still_there, wrong

__all__ = ["check"]

CLASSES, RATE = 3, 0.01


def check(
    module: ModuleType,
    framework: str,
    progress: Callable[[str], None],
    seed: int = 0,
    only: str | None = None,
) -> Iterator[Finding]:
    functions = ("build_model", "train_step", "predict")
    progress("measuring the loss and a step")
    yield from judged(module, functions, lambda: _judge(module, seed))


def _judge(module: ModuleType, seed: int) -> Iterator[Finding]:
    x = np.random.default_rng(seed).normal(0, 2, (12, 2)).astype(np.float32)
    model = _model(module, seed, 2)
    p = np.asarray(module.predict(model, torch.from_numpy(x)), np.float64)
    if fault := _of_probabilities(p, len(x)):
        yield fault
        return
    y = p.argmax(axis=1)
    y[::4] = (y[::4] + 1) % CLASSES
    of_label = p[np.arange(len(y)), y]
    expected = -np.log(of_label).mean()
    found, gradient = _step(module, model, x, y)
    right, (once_more, its) = (p - np.eye(CLASSES)[y]).mean(axis=0), _doubled(p, y)
    if abs(found - expected) < 1e-3 * expected:
        if np.abs(gradient - right).max() > 2e-3:
            yield wrong(
                "the loss is right, and the step does not go down it",
                f"the gradient {_row(right)} at the biases of the logits: the mean of p less the "
                "label's row",
                _row(gradient),
                "The step is that of the softmax of a softmax."
                if np.abs(gradient - its).max() < 2e-3
                else "What is returned is not what is differentiated.",
            )
            return
        yield _of_sure(module, seed, x) or done(
            f"the loss is {found:.4f}, the mean of -log p, its gradient fits, and a label of "
            "probability 0 leaves it finite"
        )
        return
    if abs(found - once_more) < 1e-3 * once_more:
        yield still_there(
            f"the loss is {found:.4f}, where the mean of -log p is {expected:.4f}; of probabilities"
            f" 1, 0 and 0 it would be {math.log(1 + 2 / math.e):.3f}"
        )
        return
    yield wrong(
        "the loss is not the mean of -log p",
        f"{expected:.4f}, for the probabilities that predict gives",
        f"{found:.4f}",
        "That is the mean of -p: the logarithm is missing."
        if abs(found + of_label.mean()) < 1e-3
        else "That is another loss: not the cross-entropy of the probabilities of predict.",
    )


def _model(module: ModuleType, seed: int, factor: float) -> nn.Module:
    """With weights that make it surer than it is at first."""
    model: nn.Module = module.build_model(seed)
    with torch.no_grad():
        for p in model.parameters():
            p.mul_(factor)
    return model


def _of_probabilities(p: np.ndarray, rows: int) -> Finding | None:
    if p.shape != (rows, CLASSES):
        raise InterfaceError(f"predict must return shape ({rows}, {CLASSES}), it returns {p.shape}")
    sums = p.sum(axis=1)
    if np.allclose(sums, 1, 0, 1e-4) and (p >= 0).all():
        return None
    return wrong(
        "what predict returns are no probabilities",
        "rows of numbers from 0 to 1 that add up to 1",
        f"sums from {sums.min():.3g} to {sums.max():.3g}",
        "The columns add up to 1: the softmax goes over the points, not over the classes."
        if np.allclose(p.sum(axis=0), 1, 0, 1e-4)
        else "Those are log-probabilities."
        if np.allclose(np.exp(p).sum(axis=1), 1, 0, 1e-4)
        else "Those are logits."
        if (p < 0).any()
        else "Each class has a probability for itself, as from a sigmoid.",
    )


def _step(
    module: ModuleType, model: nn.Module, x: np.ndarray, y: np.ndarray
) -> tuple[float, np.ndarray]:
    """The loss, and its gradient at the biases of the logits."""
    biases = [p for p in model.parameters() if tuple(p.shape) == (CLASSES,)]
    if not biases:
        raise InterfaceError("the network must keep its last layer, with three biases")
    bias: Any = biases[-1]
    before = bias.detach().numpy().astype(np.float64)
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    loss = float(module.train_step(model, optimizer, torch.from_numpy(x), torch.from_numpy(y)))
    return loss, (before - bias.detach().numpy()) / RATE


def _doubled(p: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
    """The loss and the gradient at the logits' biases with a softmax of the softmax."""
    at_p = softmax_cross_entropy_backward(p, y)
    at_logits = p * (at_p - (at_p * p).sum(axis=1, keepdims=True))
    return float(softmax_cross_entropy(p, y)), at_logits.sum(axis=0)


def _of_sure(module: ModuleType, seed: int, x: np.ndarray) -> Finding | None:
    """Logits of thousands, and labels that are wrong."""
    model = _model(module, seed, 100)
    p = np.asarray(module.predict(model, torch.from_numpy(x)), np.float64)
    y = (p.argmax(axis=1) + 1) % CLASSES
    loss, gradient = _step(module, model, x, y)
    right = (p - np.eye(CLASSES)[y]).mean(axis=0)
    if math.isfinite(loss) and loss > 100 and np.abs(gradient - right).max() < 0.05:
        return None
    return wrong(
        "the loss is wrong where the network is sure and wrong",
        "a loss of hundreds, for logits that differ by hundreds, and a gradient to learn from",
        f"{loss:.4g}, and a gradient of {_row(gradient)} at the biases",
        "The logarithm is taken of a probability that has become 0.",
    )


def _row(numbers: np.ndarray) -> str:
    return f"({', '.join(f'{each:.3f}' for each in numbers)})"
