r"""Uncertainty by Monte Carlo dropout: passes with dropout on, how they differ, and calibration.

    passes t = 1 ... T      p_t = softmax(logits), (T, N, C)         dropout on, batch norm frozen

    mean                    p = 1/T sum_t p_t
    variance                1/T sum_t (p_t - p)^2                    of each class
    predictive entropy      H[p] = - sum_c p_c log p_c               total uncertainty, in nats
    mutual information      I = H[p] - 1/T sum_t H[p_t]              the epistemic part (BALD)

    confidence              max_c p_c                        of bin b if in (b / B, (b + 1) / B]
    calibration error       ECE = sum_b n_b / N abs(accuracy_b - confidence_b)
                            B = ``bins``,  b = 0 ... B - 1

0 <= I <= H[p] <= log C. I is what the passes disagree on, and 0 where they agree, however unsure
they are: then the doubt lies in the data (aleatoric), and more of them would not help. Accuracy and
confidence of a bin are the means of its n_b examples; those of an empty bin are 0.

``probabilities`` (T, N, C) or (N, C), ``labels`` integers (N,) in [0, C); ``passes`` and ``bins``
are integers >= 1. A ``ValueError`` says which argument does not fit.

Papers: Gal and Ghahramani, "Dropout as a Bayesian approximation", ICML 2016; Houlsby, Huszar,
Ghahramani and Lengyel, "Bayesian active learning for classification and preference learning", arXiv
1112.5745, 2011 (mutual information); Guo, Pleiss, Sun and Weinberger, "On calibration of modern
neural networks", ICML 2017.

Framework differences: neither framework has it. Turning the whole model to training mode, as is
often done, has batch norm use and change its statistics too. See ``triptych differences``:
monte-carlo-dropout, batch-norm-freeze.

Here: each module has its own training flag, and only those that draw have it set.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from torch_impl.augmentation import Augmentation
from torch_impl.batch_norm import BatchNorm
from torch_impl.rand_augment import RandAugment
from torch_impl.random_erasing import RandomErasing
from torch_impl.random_resized_crop import RandomResizedCrop
from triptych.common.checks import (
    check_batch,
    check_counts,
    check_floating,
    check_labels,
    check_model,
    check_probabilities,
    check_size,
    own_arrays,
)

__all__ = [
    "Uncertainty",
    "Reliability",
    "uncertainty",
    "reliability",
    "calibration_error",
    "monte_carlo",
]


class Uncertainty(NamedTuple):
    """The mean and variance of the passes, (N, C), and the two measures of doubt, (N,)."""

    mean: torch.Tensor
    variance: torch.Tensor
    entropy: torch.Tensor
    mutual_information: torch.Tensor


class Reliability(NamedTuple):
    """Of each bin, (bins,): how many examples it has, their mean confidence, and accuracy."""

    examples: torch.Tensor
    confidence: torch.Tensor
    accuracy: torch.Tensor


def uncertainty(probabilities: torch.Tensor) -> Uncertainty:
    """The four measures of T passes."""
    _check_passes(probabilities)
    p = probabilities.mean(dim=0)
    variance = (probabilities - p).square().mean(dim=0)
    entropy = _entropy(p)
    return Uncertainty(p, variance, entropy, entropy - _entropy(probabilities).mean(dim=0))


def _entropy(p: torch.Tensor) -> torch.Tensor:
    return torch.special.entr(p).sum(dim=-1)


def reliability(
    probabilities: torch.Tensor, labels: torch.Tensor, *, bins: int = 15
) -> Reliability:
    """Confidence and accuracy, bin by bin."""
    bins = _check_reliability(probabilities, labels, bins)
    confidence, predicted = probabilities.max(dim=1)
    right = (predicted == labels).to(probabilities.dtype)
    b = (torch.ceil(confidence * bins) - 1).clamp(0, bins - 1).long()
    inside = torch.nn.functional.one_hot(b, bins).to(probabilities.dtype)
    count = inside.sum(dim=0)
    shares = inside / count.clamp(min=1)
    return Reliability(count.long(), confidence @ shares, right @ shares)


def calibration_error(
    probabilities: torch.Tensor, labels: torch.Tensor, *, bins: int = 15
) -> torch.Tensor:
    """ECE, in [0, 1]."""
    bins = _check_reliability(probabilities, labels, bins)
    found = reliability(probabilities, labels, bins=bins)
    share = found.examples.to(probabilities.dtype) / len(labels)
    return (share * (found.accuracy - found.confidence).abs()).sum()


BATCH = 1000
AUGMENTATIONS = (Augmentation, RandAugment, RandomErasing, RandomResizedCrop)


@torch.no_grad()
def monte_carlo(model: nn.Module, x: torch.Tensor, *, passes: int = 50) -> torch.Tensor:
    """The class probabilities of each pass, (passes, N, C). The model stays as it was.

    Whatever draws is on, but augmentation; the draws are those of the next training steps.
    """
    passes = _check_model(model, x, passes)
    device = next(model.parameters()).device
    with _drawing(model):
        return torch.stack(
            [
                torch.cat([model(each.to(device)).softmax(dim=1) for each in x.split(BATCH)])
                for _ in range(passes)
            ]
        )


@contextmanager
def _drawing(model: nn.Module) -> Iterator[None]:
    buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}
    modes = [(module, module.training) for module in model.modules()]
    for module, _ in modes:
        module.training = not isinstance(module, (BatchNorm, _BatchNorm, *AUGMENTATIONS))
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
        for name, buffer in model.named_buffers():
            buffer.copy_(buffers[name])


@own_arrays
def _check_passes(probabilities: torch.Tensor) -> None:
    check_floating("probabilities", probabilities)
    check_batch(probabilities, "probabilities")
    if len(probabilities.shape) != 3:
        raise ValueError(
            f"probabilities must have shape (T, N, C), got {tuple(probabilities.shape)}"
        )
    rows = probabilities.reshape(-1, probabilities.shape[-1])
    check_probabilities("probabilities", rows)


@own_arrays
def _check_reliability(probabilities: torch.Tensor, labels: torch.Tensor, bins: int) -> int:
    check_probabilities("probabilities", probabilities)
    check_labels(tuple(probabilities.shape), labels)
    check_counts(probabilities.shape[0], labels.shape[0], "probabilities")
    return check_size("bins", bins)


@own_arrays
def _check_model(model: nn.Module, x: torch.Tensor, passes: int) -> int:
    check_model(model, nn.Module)
    check_floating("x", x)
    check_batch(x)
    return check_size("passes", passes)
