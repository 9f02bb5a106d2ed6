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

Here: shape and step may be tensors. Integers are int64, where a product of two 32-bit words wraps;
the bits are right all the same. JAX has int64 only after
``jax.config.update("jax_enable_x64", True)``.
"""

import math
from typing import Any

import keras
import numpy as np
from keras import ops

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


def int64(value: Any) -> Any:
    """An int64 tensor; Python integers in ``keras.ops`` would be int32, which overflows here."""
    tensor = ops.convert_to_tensor(value, dtype="int64")
    if keras.backend.standardize_dtype(tensor.dtype) != "int64":
        raise RuntimeError(
            "JAX computes in 32 bits: set JAX_ENABLE_X64=1 "
            "(or jax.config.update('jax_enable_x64', True)) before the first array is made"
        )
    return tensor


def philox(key: tuple[int, int], counter: Any) -> Any:
    """Ten rounds of Philox4x32.

    ``counter``: int64 in [0, 2**32), shape (4, ...); returns int64 in [0, 2**32), the same shape.
    """
    _check_philox(key, counter)
    return _philox(key, counter)


def _philox(key: tuple[int, int], counter: Any) -> Any:
    c0, c1, c2, c3 = ops.unstack(int64(counter), 4)
    k0, k1 = key
    multiplier0, multiplier1 = int64(MULTIPLIERS[0]), int64(MULTIPLIERS[1])
    half, low_half = int64(32), int64(WORD - 1)
    for _ in range(10):
        product0, product1 = c0 * multiplier0, c2 * multiplier1
        high0 = ops.bitwise_and(ops.bitwise_right_shift(product0, half), low_half)
        high1 = ops.bitwise_and(ops.bitwise_right_shift(product1, half), low_half)
        c0 = ops.bitwise_xor(ops.bitwise_xor(high1, c1), int64(k0))
        c2 = ops.bitwise_xor(ops.bitwise_xor(high0, c3), int64(k1))
        c1 = ops.bitwise_and(product1, low_half)
        c3 = ops.bitwise_and(product0, low_half)
        k0, k1 = (k0 + WEYL[0]) % WORD, (k1 + WEYL[1]) % WORD
    return ops.stack([c0, c1, c2, c3])


def words(stream: Stream, count: int) -> Any:
    """The first ``count`` random 32-bit words of a stream, int64 of shape (count,)."""
    count = _check_words(stream, count)
    return _words(stream, count)


def _words(stream: Stream, count: int) -> Any:
    key, layer, step = stream.address()
    step = int64(step)
    block = ops.arange(-(-count // 4), dtype="int64")
    zero = ops.zeros_like(block)
    counter = ops.stack(
        [
            block,
            zero + int64(layer),
            zero + ops.bitwise_and(step, int64(WORD - 1)),
            zero + ops.bitwise_right_shift(step, int64(32)),
        ]
    )
    return ops.reshape(ops.transpose(_philox(key, counter)), (-1,))[:count]


def uniform(stream: Stream, shape: tuple[int, ...], *, dtype: str = "float32") -> Any:
    """Multiples of 2**-24 in [0, 1): the same numbers in float32 and float64."""
    _check_draw(stream, shape, dtype)
    drawn = ops.bitwise_right_shift(_draw(stream, shape), int64(8))
    return ops.cast(drawn, dtype) * 2.0**-24


def bernoulli(stream: Stream, shape: tuple[int, ...], probability: float) -> Any:
    """Booleans that are True with ``probability`` in [0, 1], to the nearest 2**-16.

    Each word decides twice, with its low and then its high half: words are what takes time.
    """
    probability = _check_bernoulli(stream, shape, probability)
    count = math.prod(shape)
    word = _words(stream, -(-count // 2))
    low = ops.bitwise_and(word, int64(HALF_WORD - 1))
    halves = ops.stack([low, ops.bitwise_right_shift(word, int64(16))], axis=-1)
    threshold = int64(round(probability * HALF_WORD))
    return ops.reshape(ops.reshape(halves, (-1,))[:count], shape) < threshold


def normal(stream: Stream, shape: tuple[int, ...], *, dtype: str = "float32") -> Any:
    """Standard normal numbers, by inversion."""
    _check_draw(stream, shape, dtype)
    return _invert(normal_table(), _draw(stream, shape), dtype)


def integers(stream: Stream, shape: tuple[int, ...], low: int, high: int) -> Any:
    """Integers in [low, high), int64; bias at most (high - low) / 2**32 (Lemire 2019)."""
    low, high = _check_interval(stream, shape, low, high)
    product = _draw(stream, shape) * int64(high - low)
    return int64(low) + ops.bitwise_right_shift(product, int64(32))


def permutation(stream: Stream, shape: tuple[int, ...]) -> Any:
    """In each row (along the last axis) a permutation of its positions, int64.

    It is the order that sorts random words, ties by position.
    """
    _check_order(stream, shape)
    keys = ops.bitwise_right_shift(_draw(stream, shape), int64(1))
    position = ops.arange(shape[-1], dtype="int64")
    order = ops.argsort(ops.bitwise_or(ops.bitwise_left_shift(keys, int64(32)), position))
    return ops.cast(order, "int64")


def beta(
    stream: Stream, shape: tuple[int, ...], a: float, b: float, *, dtype: str = "float32"
) -> Any:
    """Beta(a, b) numbers in [0, 1], by inversion: multiples of 2**-32."""
    a, b = _check_beta(stream, shape, a, b, dtype)
    return _invert(beta_table(a, b), _draw(stream, shape), dtype)


def _draw(stream: Stream, shape: tuple[int, ...]) -> Any:
    """One word for each element of ``shape``, whose sizes may be integer tensors."""
    return ops.reshape(words(stream, math.prod(shape)), shape)


def _invert(table: tuple[np.ndarray, np.ndarray], word: Any, dtype: str) -> Any:
    """Interpolate the quantile table at random words, in integers: exact, so equal everywhere."""
    knots, quantiles = int64(table[0]), int64(table[1])
    i = ops.searchsorted(knots, ops.reshape(word, (-1,)), side="right") - 1
    i = ops.reshape(i, ops.shape(word))
    left, right = ops.take(knots, i), ops.take(knots, i + 1)
    low, high = ops.take(quantiles, i), ops.take(quantiles, i + 1)
    value = low + ops.floor_divide((high - low) * (word - left), right - left)
    return ops.cast(ops.cast(value, "float64") * 2.0**-FRACTION_BITS, dtype)


def _check_words(stream: Stream, count: Any) -> Any:
    check_draw(stream, ())
    if ops.is_tensor(count):  # in a graph, where its value cannot be read
        return count
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


def _check_philox(key: tuple[int, int], counter: Any) -> None:
    check_words("key", key)
    check_counter(counter)
