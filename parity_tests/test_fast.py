"""``scratch.fast`` gives what its twins in ``scratch`` give, block by block or all at once.

Every function in it is found here by itself. It needs a twin of the same name and signature, and a
line in CASES that makes its arguments: several odd shapes, in the dtype that is asked for.
"""

import importlib
import inspect
from pathlib import Path

import numpy as np
import pytest

import scratch.fast

pytestmark = pytest.mark.once

FOLDER = Path(scratch.fast.__file__).parent
MODULES = sorted(path.stem for path in FOLDER.glob("[!_]*.py"))
FAST = {name: importlib.import_module(f"scratch.fast.{name}") for name in MODULES}
PLAIN = {name: importlib.import_module(f"scratch.{name}") for name in MODULES}
PAIRS = [(name, function) for name in MODULES for function in FAST[name].__all__]

BLOCKS = {"one": 1, "a few": 200, "all": 10**9}  # of each BLOCK and WIDE of the fast module


def draw(dtype, *shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


# --- Arguments: each yields (positional, keyword) -------------------------------------------------


def batch_norms(dtype, *, gradient=False, statistics=False):
    for shape in ((37, 5), (7, 6, 5, 3), (8, 4, 4, 64), (9, 300), (2, 1)):
        for affine in (True, False):
            x = draw(dtype, *shape)
            gamma, beta = draw(dtype, 2, shape[-1], seed=2) if affine else (None, None)
            mean, variance = draw(dtype, 2, shape[-1], seed=3) ** 2
            if gradient:
                for training in (True, False):
                    grad = draw(dtype, *shape, seed=1)
                    options = {"epsilon": 1e-5, "training": training}
                    yield (grad, x, gamma, mean, variance), options
            elif statistics:
                yield (x, gamma, beta, mean, variance), {"epsilon": 1e-3}
            else:
                yield (x, gamma, beta), {"epsilon": 1e-5}


def affines(dtype, *, backward=False):
    for shape in ((7, 6, 5, 3), (3, 28, 28, 1), (2, 1, 4, 2), (2, 1, 1, 1)):
        matrices = draw(dtype, shape[0], 2, 3, seed=1) * 2
        for interpolation in ("bilinear", "nearest"):
            for fill_mode in ("constant", "nearest", "reflect"):
                options = {"interpolation": interpolation, "fill_mode": fill_mode}
                fill = {} if backward else {"fill_value": 0.5}
                yield (draw(dtype, *shape), matrices), options | fill


def crops(dtype):
    for shape, height, width in (((7, 6, 5, 3), 4, 5), ((5, 4, 3, 1), 4, 2), ((3, 1, 1, 2), 1, 1)):
        top, left = np.random.default_rng(1).integers(-9, 10, (2, shape[0]))
        for fill_mode in ("constant", "nearest", "reflect"):
            options = {"fill_mode": fill_mode, "fill_value": 0.5}
            yield (draw(dtype, *shape), top, left, height, width), options


CASES = {
    "affine.affine": affines,
    "affine.affine_backward": lambda dtype: affines(dtype, backward=True),
    "batch_norm.batch_norm_train": batch_norms,
    "batch_norm.batch_norm_inference": lambda dtype: batch_norms(dtype, statistics=True),
    "batch_norm.batch_norm_backward": lambda dtype: batch_norms(dtype, gradient=True),
    "flips_and_crops.crop": crops,
}


# --- The tests ------------------------------------------------------------------------------------


def copied(values):
    return [value.copy() if isinstance(value, np.ndarray) else value for value in values]


def terms(arguments):
    """No sum is longer than the largest array has values."""
    return max(value.size for value in arguments if isinstance(value, np.ndarray))


@pytest.mark.parametrize(("name", "function"), PAIRS)
def test_it_has_a_twin_and_cases(name, function):
    plain, fast = getattr(PLAIN[name], function), getattr(FAST[name], function)
    assert function in PLAIN[name].__all__
    assert inspect.signature(plain) == inspect.signature(fast)
    assert f"{name}.{function}" in CASES


def test_every_function_is_found():
    """What a fast module offers stands in its ``__all__``; nothing in CASES is left over."""
    for name in MODULES:
        functions = inspect.getmembers(FAST[name], inspect.isfunction)
        own = {key for key, value in functions if value.__module__ == FAST[name].__name__}
        assert {key for key in own if not key.startswith("_")} == set(FAST[name].__all__), name
    assert set(CASES) == {f"{name}.{function}" for name, function in PAIRS}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize(("name", "function"), PAIRS)
def test_fast_is_plain(monkeypatch, parity, name, function, block, dtype):
    plain, fast = getattr(PLAIN[name], function), getattr(FAST[name], function)
    for constant in ("BLOCK", "WIDE"):
        if hasattr(FAST[name], constant):
            monkeypatch.setattr(FAST[name], constant, BLOCKS[block])
    for arguments, options in CASES[f"{name}.{function}"](dtype):
        found = {
            "plain": plain(*copied(arguments), **options),
            "fast": fast(*copied(arguments), **options),
        }
        parity(f"{name}, fast / plain", found, terms=terms(arguments))
