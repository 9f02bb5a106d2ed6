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
from scratch.fast._blocks import blocks

pytestmark = pytest.mark.once

FOLDER = Path(scratch.fast.__file__).parent
MODULES = sorted(path.stem for path in FOLDER.glob("[!_]*.py"))
FAST = {name: importlib.import_module(f"scratch.fast.{name}") for name in MODULES}
PLAIN = {name: importlib.import_module(f"scratch.{name}") for name in MODULES}
PAIRS = [(name, function) for name in MODULES for function in FAST[name].__all__]

BLOCKS = {"one": 1, "a few": 200, "all": 10**9}  # of each BLOCK and WIDE of the fast module


def draw(dtype, *shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


# What a fast function may write to.
IN_PLACE = {"optimizers": ("w", "m", "v"), "attention": ("grad",), "recurrent": ("a",)}


# --- Arguments: each yields (positional, keyword) -------------------------------------------------


def batch_norms(dtype, *, gradient=False, statistics=False):
    for shape in ((37, 5), (7, 6, 5, 3), (8, 4, 4, 64), (9, 300), (2, 1)):
        for affine in (True, False):
            x = draw(dtype, *shape)
            gamma, beta = draw(dtype, 2, shape[-1], seed=2) if affine else (None, None)
            mean, variance = draw(dtype, 2, shape[-1], seed=3) ** 2
            if gradient:
                grad = draw(dtype, *shape, seed=1)
                yield (grad, x, gamma, mean, variance), {"epsilon": 1e-5, "training": False}
                if x.size > 2:  # of two values dx is 0, all but epsilon
                    axes = tuple(range(x.ndim - 1))
                    batch = x.mean(axes), x.var(axes)
                    yield (grad, x, gamma, *batch), {"epsilon": 1e-5, "training": True}
            elif statistics:
                yield (x, gamma, beta, mean, variance), {"epsilon": 1e-3}
            else:
                yield (x, gamma, beta), {"epsilon": 1e-5}


def gelus(dtype, *, gradient=False):
    for shape in ((37, 5), (1,), (3, 4, 5, 2)):
        x = 3 * draw(dtype, *shape)
        x.reshape(-1)[-1] = -40  # beyond the table
        for approximate in (False, True):
            p = PLAIN["activations"].gelu_kept(x, approximate=approximate)[1]
            arguments = (draw(dtype, *shape, seed=1), x, p) if gradient else (x,)
            yield arguments, {"approximate": approximate}


def layer_norms(dtype, *, gradient=False):
    for shape in ((37, 5), (7, 6, 5, 3), (2, 1), (3, 300)):
        for affine in (True, False):
            x = draw(dtype, *shape) + 3
            gamma, beta = draw(dtype, 2, shape[-1], seed=2) if affine else (None, None)
            if gradient:
                _, *kept = PLAIN["normalization"].layer_norm_kept(x, None, None, epsilon=1e-5)
                yield (draw(dtype, *shape, seed=1), gamma, *kept), {}
            else:
                yield (x, gamma, beta), {"epsilon": 1e-5}


def spatial_dropouts(dtype):
    for shape in ((4, 6, 5, 3), (3, 1, 1, 2), (3, 6, 5, 10), (2, 7, 3, 40)):
        x, mask = draw(dtype, *shape), draw(dtype, shape[0], shape[3], seed=1) > 0
        yield (x, 0.3, mask), {}
        yield (x, 0.3, None), {"training": False}


def counters(dtype):
    """Of any shape (4, ...); Philox has integers only."""
    for shape in ((4, 37), (4, 1), (4,), (4, 2, 3)):
        counter = np.random.default_rng(0).integers(0, 2**32, shape, np.uint32)
        for key in ((0, 0), (2**32 - 1, 7)):
            yield (key, counter), {}


def steps(dtype, *, moments, variants):
    """Two steps, from moments that are given: with t = 1 and later."""
    for shape in ((37, 5), (300,), (7, 4, 5, 1)):
        arrays = [draw(dtype, *shape, seed=seed) for seed in range(2 + moments)]
        arrays[-1] **= 2
        for variant in variants:
            for t in (1, 5):
                yield (*arrays, t), {"learning_rate": 0.1} | variant


def sgd_steps(dtype):
    decays = ({"weight_decay": 0.2}, {"weight_decay": 0.2, "coupled_weight_decay": True})
    velocities = (
        {"momentum": 0.9},
        {"momentum": 0.9, "nesterov": True},
        {"momentum": 0.9, "dampening": 0.3},
        {"momentum": 0.9, "learning_rate_in_velocity": True},
        {"momentum": 0.9, "nesterov": True, "learning_rate_in_velocity": True},
        {"momentum": 0.9, "dampening": 0.3, "learning_rate_in_velocity": True},
    )
    variants = [{}, *decays, *velocities, *(velocities[1] | decay for decay in decays)]
    yield from steps(dtype, moments=1, variants=variants)


def adam_steps(dtype):
    variants = (
        {},
        {"beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-3},
        {"epsilon": 1e-2, "epsilon_hat": True},
        {"beta_1": 0.0, "beta_2": 0.0, "weight_decay": 0.2},
        {"weight_decay": 0.2, "coupled_weight_decay": True},
    )
    yield from steps(dtype, moments=2, variants=variants)


def penalties(dtype, *numbers):
    for shape in ((), (1,), (37, 5), (3, 3, 2, 5)):
        w = draw(dtype, *shape, 3)[..., 0]
        yield (np.where(np.abs(w) < 0.1, 0, w).astype(dtype), *numbers), {}


# Shape of the images (N, H, W, C), window, stride, padding.
WINDOWS = [
    ((7, 6, 5, 3), 2, 2, "same"),
    ((5, 7, 8, 2), 3, 2, 1),
    ((3, 5, 5, 1), 1, 1, "valid"),
    ((4, 9, 8, 2), 2, 3, "valid"),  # stride > window: pixels that no window has
    ((2, 6, 7, 3), (4, 2), (1, 3), "same"),
    ((2, 6, 5, 2), (2, 3), (1, 2), (1, 2)),
    ((2, 3, 4, 17), (3, 4), 1, "valid"),  # one window; rows of many values
    ((2, 4, 6, 8), 2, 2, "valid"),  # windows side by side
]


# And dilation, groups, filters.
GROUPS = [
    *((*case, 1, 1, 5) for case in WINDOWS),
    ((3, 7, 8, 2), (2, 3), (2, 1), ((0, 3), (2, 1)), (2, 3), 1, 5),
    ((3, 7, 6, 6), 3, 2, "same", 2, 2, 4),
    ((4, 6, 5, 17), (2, 3), 1, 1, 1, 17, 17),  # depthwise
    ((3, 7, 6, 3), 3, 2, "same", (1, 2), 3, 6),
    ((2, 9, 8, 5), 2, 3, "valid", 2, 5, 15),
]


def convolutions(dtype, make):
    for shape, window, stride, padding, dilation, groups, filters in GROUPS:
        height, width = window if isinstance(window, tuple) else (window, window)
        x, options = draw(dtype, *shape), {"stride": stride, "padding": padding}
        options |= {"dilation": dilation, "groups": groups}
        weight = draw(dtype, height, width, shape[-1] // groups, filters, seed=1)
        bias = draw(dtype, filters, seed=2)
        y = PLAIN["convolution"].conv2d(x, weight, **options)
        yield from make(x, weight, bias, draw(dtype, *y.shape, seed=3), options)


def pools(dtype, *, gradient=False):
    """Of whole numbers, so that windows have equal maxima."""
    for shape, pool_size, stride, padding in WINDOWS:
        x, options = np.rint(draw(dtype, *shape)), {"stride": stride, "padding": padding}
        if not gradient:
            yield (x, pool_size), options
        else:
            y, winners = PLAIN["pooling"].max_pool2d_with_winners(x, pool_size, **options)
            grad = draw(dtype, *y.shape, seed=1)
            yield (grad, winners, shape, pool_size), options


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


def attentions(dtype, *, gradient=False):
    for count, heads, steps, keys, size in ((2, 3, 5, 7, 4), (1, 1, 1, 1, 1), (3, 2, 1, 6, 5)):
        q, k = draw(dtype, count, heads, steps, size), draw(dtype, count, heads, keys, size, seed=1)
        mask = np.random.default_rng(2).random((count, steps, keys)) < 0.6
        mask[0] = False
        for seen in (None, mask, mask[:, :1], mask[:1]):
            if gradient:
                a = PLAIN["attention"].attention_weights(q, k, seen)
                yield (draw(dtype, *a.shape, seed=3), a, q, k), {}
            else:
                yield (q, k, seen), {}


def embeddings(dtype):
    for shape in ((1, 1), (4, 9), (3, 5, 2), (60,)):
        x = np.random.default_rng(0).integers(0, 7, shape)
        w, grad, keep = draw(dtype, 7, 3), draw(dtype, *shape, 3, seed=1), np.arange(7) % 3 > 0
        yield (grad, x, w), {}
        yield (grad, x, w), {"rate": 0.25, "keep": keep, "padding_index": 2}


def recurrent_steps(dtype, kind, *, gradient=False):
    gates = {"rnn": 1, "lstm": 4, "gru": 3}[kind]
    for count, units in ((3, 4), (1, 1), (2, 7)):
        a, s = 3 * draw(dtype, 2, count, gates * units)
        h, c, dh, dc = draw(dtype, 4, count, units, seed=1)
        arguments = {"rnn": (a, s), "lstm": (a, s, c), "gru": (a, s, h)}[kind]
        if gradient:
            found = getattr(PLAIN["recurrent"], f"{kind}_step")(*arguments)
            if kind == "rnn":
                arguments = dh, found
            elif kind == "lstm":
                arguments = dh, dc, c, *found[2:]
            else:
                arguments = dh, h, found[1]
        yield arguments, {}


CASES = {
    "attention.attention_weights": attentions,
    "attention.attention_weights_backward": lambda dtype: attentions(dtype, gradient=True),
    "embedding.embedding_backward": embeddings,
    "recurrent.rnn_step": lambda dtype: recurrent_steps(dtype, "rnn"),
    "recurrent.rnn_step_backward": lambda dtype: recurrent_steps(dtype, "rnn", gradient=True),
    "recurrent.lstm_step": lambda dtype: recurrent_steps(dtype, "lstm"),
    "recurrent.lstm_step_backward": lambda dtype: recurrent_steps(dtype, "lstm", gradient=True),
    "recurrent.gru_step": lambda dtype: recurrent_steps(dtype, "gru"),
    "recurrent.gru_step_backward": lambda dtype: recurrent_steps(dtype, "gru", gradient=True),
    "activations.gelu_kept": gelus,
    "activations.gelu_kept_backward": lambda dtype: gelus(dtype, gradient=True),
    "normalization.layer_norm_kept": layer_norms,
    "normalization.layer_norm_kept_backward": lambda dtype: layer_norms(dtype, gradient=True),
    "affine.affine": affines,
    "affine.affine_backward": lambda dtype: affines(dtype, backward=True),
    "batch_norm.batch_norm_train": batch_norms,
    "batch_norm.batch_norm_inference": lambda dtype: batch_norms(dtype, statistics=True),
    "batch_norm.batch_norm_backward": lambda dtype: batch_norms(dtype, gradient=True),
    "spatial_dropout.spatial_dropout": spatial_dropouts,
    "spatial_dropout.spatial_dropout_backward": spatial_dropouts,
    "streams.philox": counters,
    "optimizers.sgd_step": sgd_steps,
    "optimizers.adam_step": adam_steps,
    "penalties.l1_penalty": lambda dtype: penalties(dtype, 0.3),
    "penalties.l1_gradient": lambda dtype: penalties(dtype, 0.3),
    "penalties.l1_proximal": lambda dtype: penalties(dtype, 0.3, 0.7),
    "penalties.l2_penalty": lambda dtype: penalties(dtype, 0.3),
    "penalties.l2_gradient": lambda dtype: penalties(dtype, 0.3),
    "penalties.l2_proximal": lambda dtype: penalties(dtype, 0.3, 0.7),
    "penalties.elastic_net_penalty": lambda dtype: penalties(dtype, 0.3, 0.2),
    "penalties.elastic_net_gradient": lambda dtype: penalties(dtype, 0.3, 0.2),
    "penalties.elastic_net_proximal": lambda dtype: penalties(dtype, 0.3, 0.2, 0.7),
    "convolution.conv2d": lambda dtype: convolutions(
        dtype, lambda x, w, b, dy, options: [((x, w, b), options), ((x, w), options)]
    ),
    "convolution.conv2d_input_backward": lambda dtype: convolutions(
        dtype, lambda x, w, b, dy, options: [((dy, x, w), options)]
    ),
    "convolution.conv2d_weight_backward": lambda dtype: convolutions(
        dtype, lambda x, w, b, dy, options: [((dy, x, w), options)]
    ),
    "convolution.conv2d_bias_backward": lambda dtype: convolutions(
        dtype, lambda x, w, b, dy, options: [((dy,), {})]
    ),
    "pooling.max_pool2d_with_winners": pools,
    "pooling.max_pool2d_with_winners_backward": lambda dtype: pools(dtype, gradient=True),
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
    assert plain.__module__ == PLAIN[name].__name__
    assert inspect.signature(plain) == inspect.signature(fast)
    assert f"{name}.{function}" in CASES


def test_every_function_is_found():
    """What a fast module offers stands in its ``__all__``; nothing in CASES is left over."""
    for name in MODULES:
        functions = inspect.getmembers(FAST[name], inspect.isfunction)
        own = {key for key, value in functions if value.__module__ == FAST[name].__name__}
        assert {key for key in own if not key.startswith("_")} == set(FAST[name].__all__), name
    assert set(CASES) == {f"{name}.{function}" for name, function in PAIRS}


def test_a_batch_is_cut_into_blocks():
    """Every image once, also where the last block is short."""
    for most, images in ((1, [1] * 7), (24 * 3, [3, 3, 1]), (24 * 7, [7]), (10**6, [7])):
        cuts = [np.arange(7)[cut] for cut in blocks(7, 24, most)]
        assert [len(cut) for cut in cuts] == images
        assert np.array_equal(np.concatenate(cuts), np.arange(7))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize(("name", "function"), PAIRS)
def test_fast_is_plain(monkeypatch, parity, name, function, block, dtype):
    plain, fast = getattr(PLAIN[name], function), getattr(FAST[name], function)
    for constant in ("BLOCK", "WIDE"):
        if hasattr(FAST[name], constant):
            monkeypatch.setattr(FAST[name], constant, BLOCKS[block])
    for arguments, options in CASES[f"{name}.{function}"](dtype):
        given = copied(arguments)
        found = {
            "plain": plain(*copied(arguments), **options),
            "fast": fast(*given, **options),
        }
        parity(f"{name}, fast / plain", found, terms=terms(arguments))
        names = inspect.signature(fast).parameters
        for parameter, before, after in zip(names, arguments, given, strict=False):
            if parameter not in IN_PLACE.get(name, ()):
                np.testing.assert_array_equal(after, before, parameter)
