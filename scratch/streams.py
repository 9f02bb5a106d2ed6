"""Philox4x32-10 and the distributions drawn from it.

One round of Philox maps four 32-bit words (c0, c1, c2, c3) under the key (k0, k1) to

    (hi(M1 c2) ^ c1 ^ k0,  lo(M1 c2),  hi(M0 c0) ^ c3 ^ k1,  lo(M0 c0))

where hi and lo are the halves of the 64-bit product; ten rounds, the key growing by the Weyl
constants between them. All functions are pure: the same address gives the same numbers, bit for bit
in the three panels.

Paper: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.

Framework differences: PyTorch has one global generator (Mersenne Twister on CPU, Philox on CUDA),
Keras one ``SeedGenerator`` per layer (backend dependent). Neither can be reproduced in the other.
"""

import math

import numpy as np

from triptych.common.checks import check_dtype, check_integer, check_number
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
    counter = np.asarray(counter)
    c0, c1, c2, c3 = counter.reshape(4, -1).astype(np.uint64)
    (k0, k1), multipliers, weyl = (np.array(pair, np.uint64) for pair in (key, MULTIPLIERS, WEYL))
    for _ in range(10):
        product0, product1 = c0 * multipliers[0], c2 * multipliers[1]
        c0 = product1 >> HALF
        c0 ^= c1
        c0 ^= k0
        c2 = product0 >> HALF
        c2 ^= c3
        c2 ^= k1
        c1 = product1 & LOW_HALF
        c3 = product0 & LOW_HALF
        k0, k1 = (k0 + weyl[0]) & LOW_HALF, (k1 + weyl[1]) & LOW_HALF
    blocks = np.empty((len(c0), 4), np.uint32)  # the four words of a block side by side
    for column, word in zip(blocks.T, (c0, c1, c2, c3), strict=True):
        column[...] = word
    return blocks.T.reshape(counter.shape)


def words(stream: Stream, count: int) -> np.ndarray:
    """The first ``count`` random 32-bit words of a stream, uint32 of shape (count,)."""
    count = check_integer("count", count)
    blocks = -(-count // 4)
    step = int(stream.checked_step())
    counter = np.empty((4, blocks), dtype=np.uint32)
    counter[0] = np.arange(blocks, dtype=np.uint32)
    counter[1] = stream.layer_word()
    counter[2] = step % WORD
    counter[3] = step // WORD
    return philox(stream.key(), counter).T.reshape(-1)[:count]


def uniform(stream: Stream, shape: tuple[int, ...], *, dtype: str = "float32") -> np.ndarray:
    """Multiples of 2**-24 in [0, 1): the same numbers in float32 and float64."""
    drawn = words(stream, math.prod(shape)).reshape(shape) >> np.uint32(8)
    return drawn.astype(check_dtype(dtype)) * np.asarray(2.0**-24, dtype)


def bernoulli(stream: Stream, shape: tuple[int, ...], probability: float) -> np.ndarray:
    """Booleans that are True with ``probability`` in [0, 1], to the nearest 2**-16.

    Each word decides twice, with its low and then its high half: words are what takes time.
    """
    threshold = round(check_number("probability", probability, "[0, 1]") * HALF_WORD)
    count = check_integer("count", math.prod(shape))
    halves = words(stream, -(-count // 2)).astype("<u4", copy=False).view("<u2")
    return halves[:count].reshape(shape) < threshold


def normal(stream: Stream, shape: tuple[int, ...], *, dtype: str = "float32") -> np.ndarray:
    """Standard normal numbers, by inversion."""
    return _invert(normal_table(), words(stream, math.prod(shape)), shape, dtype)


def integers(stream: Stream, shape: tuple[int, ...], low: int, high: int) -> np.ndarray:
    """Integers in [low, high), int64; bias at most (high - low) / 2**32 (Lemire 2019)."""
    low = check_integer("low", low, minimum=-(2**31), maximum=2**31)
    high = check_integer("high", high, minimum=low + 1, maximum=low + 2**31)
    drawn = words(stream, math.prod(shape)).astype(np.int64).reshape(shape)
    return low + ((drawn * (high - low)) >> 32)


def permutation(stream: Stream, shape: tuple[int, ...]) -> np.ndarray:
    """In each row (along the last axis) a permutation of its positions, int64.

    It is the order that sorts random words, ties by position.
    """
    keys = words(stream, math.prod(shape)).astype(np.int64).reshape(shape) >> 1
    return np.argsort((keys << 32) | np.arange(shape[-1]))


def beta(
    stream: Stream, shape: tuple[int, ...], a: float, b: float, *, dtype: str = "float32"
) -> np.ndarray:
    """Beta(a, b) numbers in [0, 1], by inversion: multiples of 2**-32."""
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
    return scaled.reshape(shape).astype(check_dtype(dtype))
