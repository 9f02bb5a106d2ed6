"""GELU in blocks that stay in the cache, with an erf from a table.

    erf(z) = sum_n c_n(node) h^n,  h = z - node,  abs(h) <= 1/64
    c_0 = erf(node),  c_n = (-1)^(n - 1) 2 / sqrt(pi) H_(n-1)(node) exp(-node^2) / n!

with Taylor's coefficients, in which the Hermite polynomials H stand. By Cramer's bound,
abs(H_n(z)) exp(-z^2) <= 1.0865 sqrt(2^n n!), what is left out after h^7 is at most
2 / sqrt(pi) 1.0865 sqrt(2^7 7!) / 8! / 64^8 = 8.7e-17: less than a rounding of erf near 1. Beyond
abs(z) = 6 erf is 1 to float64.
"""

import math

import numpy as np
from numpy.polynomial.hermite import hermval

from scratch.half import half_in_float32

__all__ = ["gelu", "gelu_backward"]

BLOCK = 8192  # values
EDGE, STEPS = 6, 32  # the nodes lie in [-EDGE, EDGE], STEPS of them to 1
NODES = np.arange(-EDGE * STEPS, EDGE * STEPS + 1) / STEPS
SLOPE = 2 / math.sqrt(math.pi) * np.exp(-(NODES**2))  # of erf
TABLE = [np.array([math.erf(node) for node in NODES])] + [
    (-1) ** n * hermval(NODES, [0] * n + [1]) * SLOPE / math.factorial(n + 1) for n in range(7)
]


@half_in_float32
def gelu(x: np.ndarray, *, approximate: bool = False) -> np.ndarray:
    flat, y = x.reshape(-1), np.empty(x.size, x.dtype)
    for start in range(0, x.size, BLOCK):
        part = flat[start : start + BLOCK]
        if approximate:
            y[start : start + BLOCK] = part * (1 + _tanh(part)) / 2
        else:
            y[start : start + BLOCK] = part * _distribution(part)
    return y.reshape(x.shape)


@half_in_float32
def gelu_backward(grad: np.ndarray, x: np.ndarray, *, approximate: bool = False) -> np.ndarray:
    flat, dx = x.reshape(-1), np.empty(x.size, x.dtype)
    for start in range(0, x.size, BLOCK):
        part = flat[start : start + BLOCK]
        square = part * part
        if approximate:
            t = _tanh(part)
            slope = math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * square)
            derivative = (1 + t + part * (1 - t * t) * slope) / 2
        else:
            density = np.exp(square / -2) / math.sqrt(2 * math.pi)
            derivative = _distribution(part) + part * density
        dx[start : start + BLOCK] = derivative
    return grad * dx.reshape(x.shape)


def _tanh(x: np.ndarray) -> np.ndarray:
    return np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * (x * x * x)))  # ** 3 is slow


def _distribution(x: np.ndarray) -> np.ndarray:
    return ((1 + _erf(x / math.sqrt(2))) / 2).astype(x.dtype)


def _erf(z: np.ndarray) -> np.ndarray:
    """In float64."""
    z = np.clip(z.astype(np.float64), -EDGE, EDGE)
    node = np.rint(z * STEPS)
    h = z - node / STEPS
    index = np.nan_to_num(node).astype(np.intp) + EDGE * STEPS
    y = TABLE[-1].take(index)
    for coefficients in reversed(TABLE[:-1]):
        y *= h
        y += coefficients.take(index)
    return y
