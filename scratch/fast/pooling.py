"""Max pooling in few passes over memory, a few images at a time.

The pixels of the windows are copied side by side, because NumPy is slow where only C values are,
and stay in the processor's cache until the winners are found. Where no two windows share a pixel,
the gradient is written, not added.
"""

import math

import numpy as np

from scratch.fast._blocks import blocks
from scratch.windows import crop, pad, padded_shape, shifted
from triptych.common.windows import Padding, Size, pool_geometry

__all__ = ["max_pool2d_with_winners", "max_pool2d_with_winners_backward"]

BLOCK = 2**19  # elements: 2 MB of float32, about a core's cache


def max_pool2d_with_winners(
    x: np.ndarray, pool_size: Size, *, stride: Size | None = None, padding: Padding = "valid"
) -> tuple[np.ndarray, np.ndarray]:
    pool, windows = pool_geometry(x.shape, pool_size, stride, padding)
    padded = pad(x, windows, -np.inf)
    y = np.empty((len(x), *windows.output, x.shape[-1]), x.dtype)
    winners = np.empty((math.prod(pool), *y.shape), bool)
    for images in blocks(len(y), 2 * math.prod(pool) * y[0].size, BLOCK):
        pixels = [shifted(padded[images], u, v, windows).copy() for u, v in np.ndindex(pool)]
        largest = np.maximum(pixels[0], pixels[-1], out=y[images])
        for others in pixels[1:-1]:
            np.maximum(largest, others, out=largest)
        # A window waits until one of its pixels wins; those still waiting at the last have only it.
        *earlier, waiting = winners[:, images]
        waiting[...] = True
        for wins, candidates in zip(earlier, pixels, strict=False):
            np.equal(candidates, largest, out=wins)
            wins &= waiting
            waiting ^= wins
    return y, winners


def max_pool2d_with_winners_backward(
    grad: np.ndarray,
    winners: np.ndarray,
    shape: tuple[int, ...],
    pool_size: Size,
    *,
    stride: Size | None = None,
    padding: Padding = "valid",
) -> np.ndarray:
    pool, windows = pool_geometry(shape, pool_size, stride, padding)
    dpadded = np.empty(padded_shape(shape, windows), grad.dtype)
    apart = all(step >= size for step, size in zip(windows.stride, pool, strict=True))
    # Windows that lie side by side write every pixel once.
    tiles = apart and grad.size * math.prod(pool) == dpadded.size
    for images in blocks(len(grad), 4 * math.prod(pool) * grad[0].size, BLOCK):
        if not tiles:
            dpadded[images] = 0
        for (u, v), wins in zip(np.ndindex(pool), winners[:, images], strict=True):
            pixels = shifted(dpadded[images], u, v, windows)
            if apart:  # a pixel belongs to one window at most
                np.multiply(grad[images], wins, out=pixels)
            else:
                pixels += grad[images] * wins
    return crop(dpadded, shape, windows)
