"""Philox4x32-10 and the distributions drawn from it.

One round of Philox maps four 32-bit words (c0, c1, c2, c3) under the key (k0, k1) to

    (hi(M1 c2) ^ c1 ^ k0,  lo(M1 c2),  hi(M0 c0) ^ c3 ^ k1,  lo(M0 c0))

where hi and lo are the halves of the 64-bit product; ten rounds, the key growing by the Weyl
constants between them. All functions are pure: the same address gives the same numbers, bit for bit
in the three panels, on every device, eagerly and inside a compiled graph.

Paper: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.

Framework differences: our numbers are the same in every framework and on every device. See
``triptych differences``: dropout-seed, seed-resets-layers, seed-of-other-framework,
initial-weights-of-seed.

Here: words are drawn by the ``philox`` of ``scratch.fast.streams``, which gives the same.
"""

import math

import numpy as np

from scratch.fast import streams as fast
from triptych.common.checks import (
    MOST_WORDS,
    check_counter,
    check_draw,
    check_dtype,
    check_integer,
    check_number,
    check_words,
    remembered,
)
from triptych.common.streams import (
    FRACTION_BITS,
    HALF_WORD,
    MULTIPLIERS,
    WEYL,
    WORD,
    Stream,
    beta_table,
    normal_table,
)

__all__ = [
    "philox",
    "words",
    "uniform",
    "bernoulli",
    "normal",
    "integers",
    "permutation",
    "beta",
]

LOW_HALF, HALF = np.uint64(WORD - 1), np.uint64(32)


def philox(key: tuple[int, int], counter: np.ndarray) -> np.ndarray:
    """Ten rounds of Philox4x32.

    ``counter``: integers in [0, 2**32), shape (4, ...); returns uint32 of the same shape.
    """
    _check_philox(key, counter)
    c0, c1, c2, c3 = counter.astype(np.uint64)
    (k0, k1), (m0, m1), (w0, w1) = (np.array(pair, np.uint64) for pair in (key, MULTIPLIERS, WEYL))
    for _ in range(10):
        product0, product1 = c0 * m0, c2 * m1
        c0, c1 = (product1 >> HALF) ^ c1 ^ k0, product1 & LOW_HALF
        c2, c3 = (product0 >> HALF) ^ c3 ^ k1, product0 & LOW_HALF
        k0, k1 = (k0 + w0) & LOW_HALF, (k1 + w1) & LOW_HALF
    return np.stack([c0, c1, c2, c3]).astype(np.uint32)


def words(stream: Stream, count: int) -> np.ndarray:
    """The first ``count`` random 32-bit words of a stream, uint32 of shape (count,)."""
    count = _check_words(stream, count)
    return _words(stream, count)


def _words(stream: Stream, count: int) -> np.ndarray:
    key, layer, step = stream.address()
    step, blocks = int(step), -(-count // 4)
    counter = np.empty((4, blocks), dtype=np.uint32)
    counter[0] = np.arange(blocks, dtype=np.uint32)
    counter[1] = layer
    counter[2] = step % WORD
    counter[3] = step // WORD
    return fast.philox(key, counter).T.reshape(-1)[:count]


def uniform(stream: Stream, shape: tuple[int, ...], *, dtype: str = "float32") -> np.ndarray:
    """Multiples of 2**-24 in [0, 1): the same numbers in float32 and float64."""
    _check_draw(stream, shape, dtype)
    drawn = words(stream, math.prod(shape)).reshape(shape) >> np.uint32(8)
    return drawn.astype(dtype) * np.asarray(2.0**-24, dtype)


def bernoulli(stream: Stream, shape: tuple[int, ...], probability: float) -> np.ndarray:
    """Booleans that are True with ``probability`` in [0, 1], to the nearest 2**-16.

    Each word decides twice, with its low and then its high half: words are what takes time.
    """
    probability = _check_bernoulli(stream, shape, probability)
    count = math.prod(shape)
    halves = _words(stream, -(-count // 2)).astype("<u4", copy=False).view("<u2")
    return halves[:count].reshape(shape) < round(probability * HALF_WORD)


def normal(stream: Stream, shape: tuple[int, ...], *, dtype: str = "float32") -> np.ndarray:
    """Standard normal numbers, by inversion."""
    _check_draw(stream, shape, dtype)
    return _invert(normal_table(), words(stream, math.prod(shape)), shape, dtype)


def integers(stream: Stream, shape: tuple[int, ...], low: int, high: int) -> np.ndarray:
    """Integers in [low, high), int64; bias at most (high - low) / 2**32 (Lemire 2019)."""
    low, high = _check_interval(stream, shape, low, high)
    drawn = words(stream, math.prod(shape)).astype(np.int64).reshape(shape)
    return low + ((drawn * (high - low)) >> 32)


def permutation(stream: Stream, shape: tuple[int, ...]) -> np.ndarray:
    """In each row (along the last axis) a permutation of its positions, int64.

    It is the order that sorts random words, ties by position.
    """
    _check_order(stream, shape)
    keys = words(stream, math.prod(shape)).astype(np.int64).reshape(shape) >> 1
    return np.argsort((keys << 32) | np.arange(shape[-1]))


def beta(
    stream: Stream, shape: tuple[int, ...], a: float, b: float, *, dtype: str = "float32"
) -> np.ndarray:
    """Beta(a, b) numbers in [0, 1], by inversion: multiples of 2**-32."""
    a, b = _check_beta(stream, shape, a, b, dtype)
    return _invert(beta_table(a, b), words(stream, math.prod(shape)), shape, dtype)


def _invert(
    table: tuple[np.ndarray, np.ndarray], drawn: np.ndarray, shape: tuple[int, ...], dtype: str
) -> np.ndarray:
    """Interpolate the quantile table at random words, in integers: exact, so equal everywhere."""
    knots, quantiles = table
    word = drawn.astype(np.int64)
    i = np.searchsorted(knots, word, side="right") - 1
    rise, run = quantiles[i + 1] - quantiles[i], knots[i + 1] - knots[i]
    value = quantiles[i] + rise * (word - knots[i]) // run
    scaled = value.astype(np.float64) * 2.0**-FRACTION_BITS
    return scaled.reshape(shape).astype(dtype)


def _check_words(stream: Stream, count: int) -> int:
    check_draw(stream, ())
    return check_integer("count", count, maximum=MOST_WORDS)


@remembered
def _check_draw(stream: Stream, shape: tuple[int, ...], dtype: str) -> None:
    check_draw(stream, shape)
    check_dtype(dtype)


@remembered
def _check_bernoulli(stream: Stream, shape: tuple[int, ...], probability: float) -> float:
    check_draw(stream, shape)
    return check_number("probability", probability, "[0, 1]")


@remembered
def _check_interval(stream: Stream, shape: tuple[int, ...], low: int, high: int) -> tuple[int, int]:
    check_draw(stream, shape)
    low = check_integer("low", low, minimum=-(2**31), maximum=2**31)
    return low, check_integer("high", high, minimum=low + 1, maximum=low + 2**31)


@remembered
def _check_order(stream: Stream, shape: tuple[int, ...]) -> None:
    check_draw(stream, shape)
    if not shape:
        raise ValueError("shape must have an axis to permute, got ()")


@remembered
def _check_beta(
    stream: Stream, shape: tuple[int, ...], a: float, b: float, dtype: str
) -> tuple[float, float]:
    _check_draw(stream, shape, dtype)
    return check_number("a", a, "(0, inf)"), check_number("b", b, "(0, inf)")


def _check_philox(key: tuple[int, int], counter: np.ndarray) -> None:
    check_words("key", key)
    check_counter(counter)
