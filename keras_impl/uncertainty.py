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

Here: batch norm is frozen as Keras does it, by ``trainable``; augmentation is called as in
inference.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import keras
from keras import ops

from keras_impl.augmentation import Augmentation
from keras_impl.rand_augment import RandAugment
from keras_impl.random_erasing import RandomErasing
from keras_impl.random_resized_crop import RandomResizedCrop
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

    mean: Any
    variance: Any
    entropy: Any
    mutual_information: Any


class Reliability(NamedTuple):
    """Of each bin, (bins,): how many examples it has, their mean confidence, and accuracy."""

    examples: Any
    confidence: Any
    accuracy: Any


def uncertainty(probabilities: Any) -> Uncertainty:
    """The four measures of T passes."""
    _check_passes(probabilities)
    p = ops.mean(probabilities, axis=0)
    variance = ops.mean(ops.square(probabilities - p), axis=0)
    entropy = _entropy(p)
    return Uncertainty(p, variance, entropy, entropy - ops.mean(_entropy(probabilities), axis=0))


def _entropy(p: Any) -> Any:
    log_p = ops.log(ops.where(p > 0, p, ops.ones_like(p)))  # 0 log 0 is 0
    return -ops.sum(p * log_p, axis=-1)


def reliability(probabilities: Any, labels: Any, *, bins: int = 15) -> Reliability:
    """Confidence and accuracy, bin by bin."""
    bins = _check_reliability(probabilities, labels, bins)
    confidence = ops.max(probabilities, axis=1)
    predicted = ops.cast(ops.argmax(probabilities, axis=1), "int64")
    right = ops.cast(ops.equal(predicted, ops.cast(labels, "int64")), probabilities.dtype)
    b = ops.cast(ops.clip(ops.ceil(confidence * bins) - 1, 0, bins - 1), "int32")
    inside = ops.one_hot(b, bins, dtype=probabilities.dtype)
    count = ops.sum(inside, axis=0)
    shares = inside / ops.maximum(count, 1)
    return Reliability(
        ops.cast(count, "int64"), ops.matmul(confidence, shares), ops.matmul(right, shares)
    )


def calibration_error(probabilities: Any, labels: Any, *, bins: int = 15) -> Any:
    """ECE, in [0, 1]."""
    bins = _check_reliability(probabilities, labels, bins)
    found = reliability(probabilities, labels, bins=bins)
    share = ops.cast(found.examples, probabilities.dtype) / labels.shape[0]
    return ops.sum(share * ops.abs(found.accuracy - found.confidence))


BATCH = 1000
AUGMENTATIONS = (Augmentation, RandAugment, RandomErasing, RandomResizedCrop)


def monte_carlo(model: keras.Model, x: Any, *, passes: int = 50) -> Any:
    """The class probabilities of each pass, (passes, N, C). The model stays as it was.

    Whatever draws is on, but augmentation; the draws are those of the next training steps.
    """
    passes = _check_model(model, x, passes)
    batches = [ops.convert_to_tensor(x[i : i + BATCH]) for i in range(0, len(x), BATCH)]
    with _drawing(model):
        return ops.stack(
            [
                ops.concatenate([ops.softmax(model(each, training=True)) for each in batches])
                for _ in range(passes)
            ]
        )


@contextmanager
def _drawing(model: keras.Model) -> Iterator[None]:
    state = [(variable, ops.copy(variable.value)) for variable in model.non_trainable_variables]
    layers = list(model._flatten_layers())
    norms = [each for each in layers if isinstance(each, keras.layers.BatchNormalization)]
    trainable = [norm.trainable for norm in norms]
    augmentations = [each for each in layers if isinstance(each, AUGMENTATIONS)]
    for norm in norms:
        norm.trainable = False
    for augmentation in augmentations:
        augmentation.call = _inference(augmentation.call)  # type: ignore[method-assign]
    try:
        yield
    finally:
        for norm, was in zip(norms, trainable, strict=True):
            norm.trainable = was
        for augmentation in augmentations:
            del augmentation.call
        for variable, value in state:
            variable.assign(value)


def _inference(call: Callable[..., Any]) -> Callable[..., Any]:
    return lambda inputs, training=False: call(inputs, training=False)


@own_arrays
def _check_passes(probabilities: Any) -> None:
    check_floating("probabilities", probabilities)
    check_batch(probabilities, "probabilities")
    if len(probabilities.shape) != 3:
        raise ValueError(
            f"probabilities must have shape (T, N, C), got {tuple(probabilities.shape)}"
        )
    rows = ops.reshape(probabilities, (-1, probabilities.shape[-1]))
    check_probabilities("probabilities", rows)


@own_arrays
def _check_reliability(probabilities: Any, labels: Any, bins: int) -> int:
    check_probabilities("probabilities", probabilities)
    check_labels(tuple(probabilities.shape), labels)
    check_counts(probabilities.shape[0], labels.shape[0], "probabilities")
    return check_size("bins", bins)


@own_arrays
def _check_model(model: keras.Model, x: Any, passes: int) -> int:
    check_model(model, keras.Model)
    check_floating("x", x)
    check_batch(x)
    return check_size("passes", passes)
