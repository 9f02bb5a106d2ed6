"""NumPy works block by block, for speed: the size of a block changes nothing but rounding.

(The optimizers are held to their plain formulas at several sizes of block, in their own test file.)
"""

import numpy as np
import pytest

from parity_tests.panels import panel
from scratch.fast._blocks import blocks

pytestmark = pytest.mark.once

DTYPES = ["float64", "float32"]


def draw(dtype, *shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def test_a_batch_is_cut_into_blocks():
    """Every image once, also where the last block is short."""
    for most, images in ((1, [1] * 7), (24 * 3, [3, 3, 1]), (24 * 7, [7]), (10**6, [7])):
        cuts = [np.arange(7)[cut] for cut in blocks(7, 24, most)]
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


@pytest.mark.parametrize("wide", [1, 15, 30, 10**6])
@pytest.mark.parametrize("shape", [(4, 6, 5, 3), (4, 1, 1, 3)])
def test_spatial_dropout(monkeypatch, wide, shape):
    """One row of the image at a time, two, or the whole image."""
    technique = panel("scratch", "spatial_dropout")
    monkeypatch.setattr(technique, "WIDE", wide)
    x, mask = draw("float32", *shape), np.arange(12).reshape(4, 3) % 5 > 0
    y = technique.spatial_dropout(x, 0.5, mask)
    assert np.array_equal(y, 2 * x * mask[:, None, None, :])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
@pytest.mark.parametrize("fill_mode", ["constant", "nearest", "reflect"])
def test_affine(monkeypatch, parity, dtype, interpolation, fill_mode):
    affine = panel("scratch", "affine")
    images, matrices = draw(dtype, 7, 6, 5, 3), draw(dtype, 7, 2, 3, seed=1)
    options = {"interpolation": interpolation, "fill_mode": fill_mode}
    found = at_sizes(monkeypatch, "affine", lambda: affine.affine(images, matrices, **options))
    parity("affine, block size", found, tolerance=0)
