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

Here: integers are int64, where a product of two 32-bit words wraps; the bits are right all the
same.
"""

import math

import torch

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
    key_and_layer,
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

Device = torch.device | str | None
LOW_HALF = WORD - 1
torch.compiler.assume_constant_result(key_and_layer)  # in a graph: zlib cannot be traced


def philox(key: tuple[int, int], counter: torch.Tensor) -> torch.Tensor:
    """Ten rounds of Philox4x32.

    ``counter``: int64 in [0, 2**32), shape (4, ...); returns int64 in [0, 2**32), the same shape.
    """
    _check_philox(key, counter)
    return _philox(key, counter)


def _philox(key: tuple[int, int], counter: torch.Tensor) -> torch.Tensor:
    # (c0, c2) and (c1, c3) go through the same steps: as two rows, with half as many ops.
    even, odd = counter[0::2], counter[1::2]
    column = (2,) + (1,) * (counter.ndim - 1)
    multipliers = torch.tensor(MULTIPLIERS, device=counter.device).reshape(column)
    k0, k1 = key
    keys = []
    for _ in range(10):
        keys.append((k0, k1))
        k0, k1 = (k0 + WEYL[0]) % WORD, (k1 + WEYL[1]) % WORD
    for round_key in torch.tensor(keys, device=counter.device).reshape(10, *column):
        products = (even * multipliers).flip(0)
        even = ((products >> 32) & LOW_HALF) ^ odd ^ round_key
        odd = products & LOW_HALF
    return torch.stack([even[0], odd[0], even[1], odd[1]])


def words(stream: Stream, count: int, *, device: Device = None) -> torch.Tensor:
    """The first ``count`` random 32-bit words of a stream, int64 of shape (count,)."""
    count = _check_words(stream, count)
    return _words(stream, count, device)


def _words(stream: Stream, count: int, device: Device) -> torch.Tensor:
    key, layer, step = stream.address()
    block = torch.arange(-(-count // 4), device=device)
    if torch.compiler.is_compiling():  # a graph counts on, where a number would be one of its
        step = step + torch.zeros_like(block)  # constants
        low, high = step % WORD, step // WORD
    else:
        step = int(step)
        low, high = (torch.full_like(block, part) for part in (step % WORD, step // WORD))
    counter = torch.stack([block, torch.full_like(block, layer), low, high])
    return _philox(key, counter).T.reshape(-1)[:count]


def uniform(
    stream: Stream, shape: tuple[int, ...], *, dtype: str = "float32", device: Device = None
) -> torch.Tensor:
    """Multiples of 2**-24 in [0, 1): the same numbers in float32 and float64."""
    _check_draw(stream, shape, dtype)
    drawn = _words(stream, math.prod(shape), device).reshape(shape) >> 8
    return drawn.to(getattr(torch, dtype)) * 2.0**-24


def bernoulli(
    stream: Stream, shape: tuple[int, ...], probability: float, *, device: Device = None
) -> torch.Tensor:
    """Booleans that are True with ``probability`` in [0, 1], to the nearest 2**-16.

    Each word decides twice, with its low and then its high half: words are what takes time.
    """
    probability = _check_bernoulli(stream, shape, probability)
    count = math.prod(shape)
    word = _words(stream, -(-count // 2), device)
    halves = torch.stack([word % HALF_WORD, word >> 16], dim=-1)
    return halves.reshape(-1)[:count].reshape(shape) < round(probability * HALF_WORD)


def normal(
    stream: Stream, shape: tuple[int, ...], *, dtype: str = "float32", device: Device = None
) -> torch.Tensor:
    """Standard normal numbers, by inversion."""
    _check_draw(stream, shape, dtype)
    return _invert(_normal_table(), _words(stream, math.prod(shape), device), shape, dtype)


def integers(
    stream: Stream, shape: tuple[int, ...], low: int, high: int, *, device: Device = None
) -> torch.Tensor:
    """Integers in [low, high), int64; bias at most (high - low) / 2**32 (Lemire 2019)."""
    low, high = _check_interval(stream, shape, low, high)
    drawn = _words(stream, math.prod(shape), device).reshape(shape)
    return low + ((drawn * (high - low)) >> 32)


def permutation(stream: Stream, shape: tuple[int, ...], *, device: Device = None) -> torch.Tensor:
    """In each row (along the last axis) a permutation of its positions, int64.

    It is the order that sorts random words, ties by position.
    """
    _check_order(stream, shape)
    keys = _words(stream, math.prod(shape), device).reshape(shape) >> 1
    return torch.argsort((keys << 32) | torch.arange(shape[-1], device=device))


def beta(
    stream: Stream,
    shape: tuple[int, ...],
    a: float,
    b: float,
    *,
    dtype: str = "float32",
    device: Device = None,
) -> torch.Tensor:
    """Beta(a, b) numbers in [0, 1], by inversion: multiples of 2**-32."""
    a, b = _check_beta(stream, shape, a, b, dtype)
    return _invert(_beta_table(a, b), _words(stream, math.prod(shape), device), shape, dtype)


@torch.compiler.assume_constant_result
def _normal_table() -> tuple[torch.Tensor, torch.Tensor]:
    knots, quantiles = normal_table()
    return torch.from_numpy(knots), torch.from_numpy(quantiles)


@torch.compiler.assume_constant_result
def _beta_table(a: float, b: float) -> tuple[torch.Tensor, torch.Tensor]:
    knots, quantiles = beta_table(a, b)
    return torch.from_numpy(knots), torch.from_numpy(quantiles)


def _invert(
    table: tuple[torch.Tensor, torch.Tensor], word: torch.Tensor, shape: tuple[int, ...], dtype: str
) -> torch.Tensor:
    """Interpolate the quantile table at random words, in integers: exact, so equal everywhere."""
    knots, quantiles = (column.to(word.device) for column in table)
    i = torch.searchsorted(knots, word, right=True) - 1
    rise, run = quantiles[i + 1] - quantiles[i], knots[i + 1] - knots[i]
    value = quantiles[i] + torch.div(rise * (word - knots[i]), run, rounding_mode="floor")
    scaled = value.to(torch.float64) * 2.0**-FRACTION_BITS
    return scaled.reshape(shape).to(getattr(torch, dtype))


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


def _check_philox(key: tuple[int, int], counter: torch.Tensor) -> None:
    check_words("key", key)
    check_counter(counter)
