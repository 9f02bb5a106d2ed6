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

Here: a layer that is to stay as in inference is called so for the time of the passes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from scratch.augmentation import Augmentation
from scratch.batch_norm import BatchNorm
from scratch.layers import Layer, layers_in
from scratch.losses import softmax
from scratch.rand_augment import RandAugment
from scratch.random_erasing import RandomErasing
from scratch.random_resized_crop import RandomResizedCrop
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

    mean: np.ndarray
    variance: np.ndarray
    entropy: np.ndarray
    mutual_information: np.ndarray


class Reliability(NamedTuple):
    """Of each bin, (bins,): how many examples it has, their mean confidence, and accuracy."""

    examples: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray


def uncertainty(probabilities: np.ndarray) -> Uncertainty:
    """The four measures of T passes."""
    _check_passes(probabilities)
    p = probabilities.mean(axis=0)
    variance = ((probabilities - p) ** 2).mean(axis=0)
    entropy = _entropy(p)
    return Uncertainty(p, variance, entropy, entropy - _entropy(probabilities).mean(axis=0))


def _entropy(p: np.ndarray) -> np.ndarray:
    log_p = np.log(np.where(p > 0, p, 1))  # 0 log 0 is 0
    return -(p * log_p).sum(axis=-1)


def reliability(probabilities: np.ndarray, labels: np.ndarray, *, bins: int = 15) -> Reliability:
    """Confidence and accuracy, bin by bin."""
    bins = _check_reliability(probabilities, labels, bins)
    confidence = probabilities.max(axis=1)
    right = (probabilities.argmax(axis=1) == labels).astype(probabilities.dtype)
    b = np.clip(np.ceil(confidence * bins) - 1, 0, bins - 1).astype(int)
    count = np.bincount(b, minlength=bins)
    confidence, accuracy = (
        (np.bincount(b, each, minlength=bins) / np.maximum(count, 1)).astype(probabilities.dtype)
        for each in (confidence, right)
    )
    return Reliability(count, confidence, accuracy)


def calibration_error(
    probabilities: np.ndarray, labels: np.ndarray, *, bins: int = 15
) -> np.ndarray:
    """ECE, in [0, 1]."""
    bins = _check_reliability(probabilities, labels, bins)
    found = reliability(probabilities, labels, bins=bins)
    share = (found.examples / len(labels)).astype(probabilities.dtype)
    return (share * np.abs(found.accuracy - found.confidence)).sum()


BATCH = 1000
AUGMENTATIONS = (Augmentation, RandAugment, RandomErasing, RandomResizedCrop)


def monte_carlo(model: Layer, x: np.ndarray, *, passes: int = 50) -> np.ndarray:
    """The class probabilities of each pass, (passes, N, C). The model stays as it was.

    Whatever draws is on, but augmentation; the draws are those of the next training steps.
    """
    passes = _check_model(model, x, passes)
    batches = [x[i : i + BATCH] for i in range(0, len(x), BATCH)]
    with _drawing(model):
        return np.stack(
            [
                np.concatenate([softmax(model.forward(each, training=True)) for each in batches])
                for _ in range(passes)
            ]
        )


@contextmanager
def _drawing(model: Layer) -> Iterator[None]:
    weights = model.get_weights()
    frozen = [each for each in layers_in(model) if isinstance(each, (BatchNorm, *AUGMENTATIONS))]
    for layer in frozen:
        layer.forward = _inference(layer)  # type: ignore[method-assign]
    try:
        yield
    finally:
        for layer in frozen:
            del layer.forward
        model.set_weights(weights)


def _inference(layer: Layer) -> Any:
    forward = layer.forward
    return lambda x, *, training=False: forward(x, training=False)


@own_arrays
def _check_passes(probabilities: np.ndarray) -> None:
    check_floating("probabilities", probabilities)
    check_batch(probabilities, "probabilities")
    if len(probabilities.shape) != 3:
        raise ValueError(
            f"probabilities must have shape (T, N, C), got {tuple(probabilities.shape)}"
        )
    rows = probabilities.reshape(-1, probabilities.shape[-1])
    check_probabilities("probabilities", rows)


@own_arrays
def _check_reliability(probabilities: np.ndarray, labels: np.ndarray, bins: int) -> int:
    check_probabilities("probabilities", probabilities)
    check_labels(tuple(probabilities.shape), labels)
    check_counts(probabilities.shape[0], labels.shape[0], "probabilities")
    return check_size("bins", bins)


@own_arrays
def _check_model(model: Layer, x: np.ndarray, passes: int) -> int:
    check_model(model, Layer)
    check_floating("x", x)
    check_batch(x)
    return check_size("passes", passes)
