"""GELU in blocks that stay in the cache, with the normal distribution from a table.

    Phi(x) = erfc(-z) / 2 = sum_n c_n(node) h^n,  z = x / sqrt(2),  h = z - node,  abs(h) <= 1/64
    c_0 = erfc(-node) / 2,  c_n = (-1)^(n - 1) / sqrt(pi) H_(n-1)(node) exp(-node^2) / n!

with Taylor's coefficients, in which the Hermite polynomials H stand. By Cramer's bound,
abs(H_n(z)) exp(-z^2) <= 1.0865 sqrt(2^n n!), what is left out after h^7 is at most
1 / sqrt(pi) 1.0865 sqrt(2^7 7!) / 8! / 64^8 = 4.4e-17, and after h^3, where float32 stops, 1.1e-8:
less than a rounding near 1. Beyond abs(z) = 6 it is 0 or 1 to float64.
"""

import math

import numpy as np
from numpy.polynomial.hermite import hermval

from scratch.half import half_in_float32

__all__ = ["gelu", "gelu_backward"]

BLOCK = 8192  # values
EDGE, STEPS = 6, 32  # the nodes lie in [-EDGE, EDGE], STEPS of them to 1
NODES = np.arange(-EDGE * STEPS, EDGE * STEPS + 1) / STEPS
SLOPE = np.exp(-(NODES**2)) / math.sqrt(math.pi)  # of erfc(-z) / 2
START = np.array([math.erfc(-node) / 2 for node in NODES])
START[0] = 0  # not 1e-17: gelu(-1e30) is 0
TABLE = [START] + [
    (-1) ** n * hermval(NODES, [0] * n + [1]) * SLOPE / math.factorial(n + 1) for n in range(7)
]
TABLES = {"float64": TABLE, "float32": [each.astype(np.float32) for each in TABLE[:4]]}


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
    z = x / math.sqrt(2)
    # NaN is taken for an edge in the index, and stays in h.
    node = np.fmin(np.fmax(z, -EDGE), EDGE) * STEPS
    np.rint(node, out=node)
    index = (node + EDGE * STEPS).astype(np.intp)
    h = np.minimum(np.maximum(z, -EDGE), EDGE)
    node /= STEPS
    h -= node
    *first, last = TABLES[x.dtype.name]
    y = last.take(index)
    for coefficients in reversed(first):
        y *= h
        y += coefficients.take(index)
    return y
