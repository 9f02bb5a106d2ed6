"""What the random streams of the three panels share: the address, and the quantile tables.

Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC
2011) turns (key, counter) into four 32-bit words. Nothing is remembered between calls: the same
address gives the same numbers in every framework, so a stream never has to be copied from one to
another.

    key     = (low, high 32 bits of the seed)
    counter = (block, layer, low, high 32 bits of the step),   four words to a block

Normal and Beta draws go through their inverse distribution function, as a table of integers that
each panel interpolates with integer arithmetic. ``log`` and ``cos`` differ in the last bit between
NumPy, PyTorch and TensorFlow; integers do not, so every draw is the same bit for bit.
"""

import math
import zlib
from functools import lru_cache
from numbers import Number
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np

from triptych.common.checks import check_integer, check_number, remembered

WORD = 2**32
HALF_WORD = 2**16
MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
WEYL = (0x9E3779B9, 0xBB67AE85)
FRACTION_BITS = 32
_PER_OCTAVE = 128


class Stream(NamedTuple):
    """The address of a stream of random numbers.

    ``seed`` is an integer in [0, 2**64), ``layer`` a name (or an integer in [0, 2**32)) that says
    what the numbers are for, and ``step`` counts from 0; it may be an integer tensor in a graph.
    """

    seed: int
    layer: int | str = 0
    step: Any = 0

    def address(self) -> tuple[tuple[int, int], int, Any]:
        """Philox's key, the word of the layer, and the step.

        A step that is a plain number has to lie in [0, 2**63); a tensor is taken as it is.
        """
        step = self.step
        if isinstance(step, Number | str):
            step = check_integer("step", step, maximum=2**63 - 1)
        return *key_and_layer(self.seed, self.layer), step


@remembered
def key_and_layer(seed: Any, layer: Any) -> tuple[tuple[int, int], int]:
    """Philox's key, and the word of the layer, which is the CRC-32 of its name."""
    if isinstance(layer, str):
        word = zlib.crc32(layer.encode())
    else:
        word = check_integer("layer", layer, maximum=WORD - 1)
    seed = check_integer("seed", seed, maximum=2**64 - 1)
    return (seed % WORD, seed // WORD), word


@lru_cache
def normal_table() -> tuple[np.ndarray, np.ndarray]:
    """Knots (int64, in [0, 2**32]) and standard normal quantiles there, in units of 2**-32.

    Linear interpolation between them is within 1e-5 of the true quantile; |z| stays below 6.4.
    """
    knots = _knots()
    half = knots[: knots.size // 2]  # quantiles of the lower half; the upper half mirrors them
    inverse = NormalDist().inv_cdf
    lower = np.array([inverse(max(float(k), 0.5) / WORD) for k in half])
    quantiles = np.concatenate([lower, [0.0], -lower[::-1]])
    return knots, _fixed_point(quantiles)


@lru_cache
def beta_table(alpha: float, beta: float) -> tuple[np.ndarray, np.ndarray]:
    """Knots (int64, in [0, 2**32]) and Beta(alpha, beta) quantiles there, in units of 2**-32.

    For alpha and beta >= 0.2, linear interpolation between them is within 1e-5 of the true quantile
    (2.5e-5 at 0.1; 2e-3 at 0.01, where nearly all draws are 0 or 1).
    """
    alpha = check_number("alpha", alpha, "(0, inf)")
    beta = check_number("beta", beta, "(0, inf)")
    knots = _knots()
    below = knots <= WORD // 2
    # The upper half is 1 - a quantile of Beta(beta, alpha): small probabilities keep their digits.
    lower = _beta_quantile(knots[below] / WORD, alpha, beta)
    upper = 1.0 - _beta_quantile((WORD - knots[~below]) / WORD, beta, alpha)
    return knots, _fixed_point(np.concatenate([lower, upper]))


def _knots() -> np.ndarray:
    """0, then ever wider steps to the middle, and the same mirrored: tails need the finer ones."""
    octaves = [np.arange(1, _PER_OCTAVE)]
    start = _PER_OCTAVE
    while start < WORD // 2:
        octaves.append(start + np.arange(_PER_OCTAVE) * (start // _PER_OCTAVE))
        start *= 2
    lower = np.concatenate([[0], *octaves])
    return np.concatenate([lower, [WORD // 2], WORD - lower[::-1]]).astype(np.int64)


def _fixed_point(values: np.ndarray) -> np.ndarray:
    return np.rint(values * 2.0**FRACTION_BITS).astype(np.int64)


def _beta_quantile(p: np.ndarray, a: float, b: float) -> np.ndarray:
    """Invert the regularized incomplete beta function by bisection in log x (x can be tiny)."""
    low, high = np.full(p.shape, -745.0), np.zeros(p.shape)
    for _ in range(60):
        middle = (low + high) / 2
        above = _beta_cdf(middle, a, b) > p
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return np.where(p > 0, np.exp((low + high) / 2), 0.0)


def _beta_cdf(log_x: np.ndarray, a: float, b: float) -> np.ndarray:
    """I_x(a, b) by its continued fraction (DLMF 8.17.22), evaluated with Lentz's method."""
    x = np.exp(log_x)
    swap = x > (a + 1) / (a + b + 2)  # I_x(a, b) = 1 - I_{1-x}(b, a), where the fraction is fast
    y = -np.expm1(log_x)
    p, q = np.where(swap, b, a), np.where(swap, a, b)
    z = np.where(swap, y, x)
    with np.errstate(divide="ignore"):
        log_y = np.log(y)
    log_front = a * log_x + b * log_y + math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    tiny = 1e-300
    c = np.ones_like(x)
    d = 1.0 / _away_from_zero(1.0 - (p + q) * z / (p + 1.0), tiny)
    fraction = d.copy()
    for m in range(1, 200):
        even = m * (q - m) * z / ((p + 2 * m - 1) * (p + 2 * m))
        d = 1.0 / _away_from_zero(1.0 + even * d, tiny)
        c = _away_from_zero(1.0 + even / c, tiny)
        fraction *= c * d
        odd = -(p + m) * (p + q + m) * z / ((p + 2 * m) * (p + 2 * m + 1))
        d = 1.0 / _away_from_zero(1.0 + odd * d, tiny)
        c = _away_from_zero(1.0 + odd / c, tiny)
        fraction *= c * d
        if np.all(np.abs(c * d - 1.0) < 1e-15):
            break
    tail = np.exp(log_front) * fraction / p
    return np.where(swap, 1.0 - tail, tail)


def _away_from_zero(x: np.ndarray, tiny: float) -> np.ndarray:
    return np.where(np.abs(x) < tiny, tiny, x)
