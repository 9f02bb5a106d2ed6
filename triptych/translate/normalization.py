"""Batch norm between the frameworks: its arguments, and what it keeps.

    momentum_keras = 1 - momentum_torch
    variance_torch = m**k * v_0 + (variance_keras - m**k * v_0) * n / (n - 1)

after k batches, each of n values for a channel (rows, times pixels), with Keras's momentum m and
v_0 where the running variance began, 1 in both frameworks.
"""

from typing import Any

import numpy as np

from triptych.common.checks import check_number, check_size
from triptych.translate.refusal import NoCounterpart

__all__ = [
    "batch_norm_to_keras",
    "batch_norm_to_torch",
    "running_variance_to_keras",
    "running_variance_to_torch",
]


def batch_norm_to_keras(
    *, momentum: float | None = 0.1, eps: float = 1e-5, track_running_stats: bool = True
) -> dict[str, Any]:
    """Arguments of Keras's ``BatchNormalization`` for those of PyTorch's ``BatchNorm1d`` to ``3d``.

    >>> batch_norm_to_keras(momentum=0.25)
    {'momentum': 0.75, 'epsilon': 1e-05}
    """
    if momentum is None:
        text = "momentum=None averages over all batches, which Keras cannot"
        raise NoCounterpart("batch-norm-cumulative-average", text)
    if not track_running_stats:
        text = "track_running_stats=False infers with batch statistics, which Keras never does"
        raise NoCounterpart("batch-norm-without-statistics", text)
    momentum = check_number("momentum", momentum, "[0, 1]")
    return {"momentum": 1 - momentum, "epsilon": check_number("eps", eps, "(0, inf)")}


def batch_norm_to_torch(
    *,
    momentum: float = 0.99,
    epsilon: float = 1e-3,
    renorm: bool = False,
) -> dict[str, Any]:
    """Arguments of PyTorch's ``BatchNorm1d`` to ``3d`` for those of Keras's ``BatchNormalization``.

    >>> batch_norm_to_torch(momentum=0.75)
    {'momentum': 0.25, 'eps': 0.001}
    """
    if renorm:
        raise NoCounterpart("batch-norm-renorm", "PyTorch has no batch renormalization")
    momentum = check_number("momentum", momentum, "[0, 1]")
    return {"momentum": 1 - momentum, "eps": check_number("epsilon", epsilon, "(0, inf)")}


def running_variance_to_torch(
    variance: np.ndarray, n: int, *, momentum: float, batches: int, initial: float = 1.0
) -> np.ndarray:
    """PyTorch's running variance after the batches that gave Keras ``variance``.

    ``momentum`` is Keras's, ``batches`` how many there were, ``n`` the values for each channel in
    one of them. With many batches the start has faded, and the factor is n / (n - 1).
    """
    start, factor = _bessel(n, momentum, batches, initial)
    return start + (np.asarray(variance) - start) * factor


def running_variance_to_keras(
    variance: np.ndarray, n: int, *, momentum: float, batches: int, initial: float = 1.0
) -> np.ndarray:
    """Keras's running variance after the batches that gave PyTorch ``variance``.

    ``momentum`` is Keras's here too.
    """
    start, factor = _bessel(n, momentum, batches, initial)
    return start + (np.asarray(variance) - start) / factor


def _bessel(n: int, momentum: float, batches: int, initial: float) -> tuple[float, float]:
    n = check_size("n", n)
    if n == 1:
        text = "PyTorch refuses one value for a channel, whose variance is 0 / 0"
        raise NoCounterpart("batch-norm-one-value", text)
    momentum = check_number("momentum", momentum, "[0, 1]")
    initial = check_number("initial", initial, "[0, inf)")
    return momentum ** check_size("batches", batches) * initial, n / (n - 1)
