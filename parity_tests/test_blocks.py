"""NumPy works block by block, for speed: the size of a block changes nothing but rounding.

(Convolution and the optimizers are held to their plain formulas at several sizes of block, in their
own test files.)
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


@pytest.mark.parametrize("wide", [1, 15, 30, 10**6])
@pytest.mark.parametrize("shape", [(4, 6, 5, 3), (4, 1, 1, 3)])
def test_spatial_dropout(monkeypatch, wide, shape):
    """One row of the image at a time, two, or the whole image."""
    technique = panel("scratch", "spatial_dropout")
    monkeypatch.setattr(technique, "WIDE", wide)
    x, mask = draw("float32", *shape), np.arange(12).reshape(4, 3) % 5 > 0
    y = technique.spatial_dropout(x, 0.5, mask)
    assert np.array_equal(y, 2 * x * mask[:, None, None, :])
