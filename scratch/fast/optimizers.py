"""SGD and Adam in place, a few rows at a time, in a buffer that all of them share.

A block of rows is small enough for the processor's cache, so that of all the passes over it only
the first has to wait for memory.
"""

import math
from collections.abc import Iterator

import numpy as np

__all__ = ["sgd_step", "adam_step"]

BLOCK = 131072  # values: half a megabyte of float32, a few of which fit in a core's cache


def sgd_step(
    w: np.ndarray,
    g: np.ndarray,
    v: np.ndarray | None,
    t: int,
    *,
    learning_rate: float,
    momentum: float = 0.0,
    nesterov: bool = False,
    weight_decay: float = 0.0,
    dampening: float = 0.0,
    learning_rate_in_velocity: bool = False,
    coupled_weight_decay: bool = False,
) -> tuple[np.ndarray, np.ndarray | None]:
    if v is None or momentum == 0:
        for w_, g_, buffer in _blocks(w, g):
            g_ = _decay(w_, g_, learning_rate, weight_decay, coupled_weight_decay)
            w_ -= np.multiply(g_, learning_rate, out=buffer)
        return w, v
    inner, outer = (learning_rate, 1.0) if learning_rate_in_velocity else (1.0, learning_rate)
    gain = inner if t == 1 else inner * (1 - dampening)
    for w_, g_, v_, buffer in _blocks(w, g, v):
        g_ = _decay(w_, g_, learning_rate, weight_decay, coupled_weight_decay)
        # v = momentum * v + gain * g
        push = g_ if gain == 1 else gain * g_
        v_ *= momentum
        v_ += push
        # w -= outer * v, with nesterov outer * (gain * g + momentum * v)
        direction = push + momentum * v_ if nesterov else v_
        w_ -= np.multiply(direction, outer, out=buffer)
    return w, v


def adam_step(
    w: np.ndarray,
    g: np.ndarray,
    m: np.ndarray,
    v: np.ndarray,
    t: int,
    *,
    learning_rate: float,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-8,
    weight_decay: float = 0.0,
    epsilon_hat: bool = False,
    coupled_weight_decay: bool = False,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    # learning_rate * m_hat / (sqrt(v_hat) + epsilon), both fractions times c
    c = math.sqrt(1 - beta_2**t)
    added = epsilon if epsilon_hat else epsilon * c
    rate = learning_rate * c / (1 - beta_1**t)
    for w_, g_, m_, v_, buffer in _blocks(w, g, m, v):
        g_ = _decay(w_, g_, learning_rate, weight_decay, coupled_weight_decay)
        # m = beta_1 * m + (1 - beta_1) * g
        np.multiply(g_, 1 - beta_1, out=buffer)
        m_ *= beta_1
        m_ += buffer
        # v = beta_2 * v + (1 - beta_2) * g**2
        np.multiply(g_, g_, out=buffer)
        buffer *= 1 - beta_2
        v_ *= beta_2
        v_ += buffer
        # w -= rate * m / (sqrt(v) + added)
        np.sqrt(v_, out=buffer)
        buffer += added
        np.divide(m_, buffer, out=buffer)
        buffer *= rate
        w_ -= buffer
    return w, m, v


def _decay(
    w: np.ndarray, g: np.ndarray, learning_rate: float, weight_decay: float, coupled: bool
) -> np.ndarray:
    """Decay w in place, or return g with the decay in it."""
    if weight_decay > 0 and coupled:
        return g + weight_decay * w
    if weight_decay > 0:
        w *= 1 - learning_rate * weight_decay
    return g


def _blocks(*arrays: np.ndarray) -> Iterator[list[np.ndarray]]:
    """The same rows of each array, as views, and a buffer of that shape."""
    w = arrays[0]
    if w.size <= BLOCK:
        yield [*arrays, np.empty_like(w)]
        return
    rows = max(1, BLOCK * len(w) // w.size)
    buffer = np.empty_like(w[:rows])
    for start in range(0, len(w), rows):
        block = [array[start : start + rows] for array in arrays]
        yield [*block, buffer[: len(block[0])]]
