"""NumPy works block by block, for speed: the size of a block changes nothing but rounding.

(Convolution is held to its plain formula at several sizes of block, in its own test file.)
"""

import numpy as np
import pytest

from parity_tests.panels import panel

pytestmark = pytest.mark.once

DTYPES = ["float64", "float32"]


def draw(dtype, *shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def test_a_batch_is_cut_into_blocks(monkeypatch):
    """Every image once, also where the last block is short."""
    convolution = panel("scratch", "convolution")
    positions = np.zeros((7, 3, 2))
    for size, images in ((1, [1] * 7), (6 * 4 * 3, [3, 3, 1]), (6 * 4 * 7, [7]), (10**6, [7])):
        monkeypatch.setattr(convolution, "BLOCK", size)
        cuts = [np.arange(7)[cut] for cut in convolution.blocks(positions, 4)]
        assert [len(cut) for cut in cuts] == images
        assert np.array_equal(np.concatenate(cuts), np.arange(7))


def at_sizes(monkeypatch, technique, call):
    """What ``call`` returns where each row or image is a block, a few are, and all are."""
    module = panel("scratch", technique)
    found = {}
    for name, size in (("one", 1), ("a few", 200), ("all", 10**9)):
        monkeypatch.setattr(module, "BLOCK", size)
        found[name] = call()
    return found


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_max_pooling(monkeypatch, parity, dtype, stride):
    """In whole numbers, so that windows have equal maxima."""
    pooling = panel("scratch", "pooling")
    x = np.rint(draw(dtype, 7, 6, 5, 3))
    options = {"stride": stride, "padding": "same"}
    upstream = draw(dtype, *pooling.max_pool2d(x, 2, **options).shape, seed=1)

    def call():
        dx = pooling.max_pool2d_backward(upstream, x, 2, **options)
        return [pooling.max_pool2d(x, 2, **options), dx]

    found = at_sizes(monkeypatch, "convolution", call)  # whose blocks pooling takes
    parity("pooling, block size", found, tolerance=0)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
@pytest.mark.parametrize("fill_mode", ["constant", "nearest", "reflect"])
def test_affine(monkeypatch, parity, dtype, interpolation, fill_mode):
    affine = panel("scratch", "affine")
    images, matrices = draw(dtype, 7, 6, 5, 3), draw(dtype, 7, 2, 3, seed=1)
    options = {"interpolation": interpolation, "fill_mode": fill_mode}
    found = at_sizes(monkeypatch, "affine", lambda: affine.affine(images, matrices, **options))
    parity("affine, block size", found, tolerance=0)
