import doctest
import functools
import math

import keras
import numpy as np
import pytest
import torch

from keras_impl.precision import floatx
from parity_tests.panels import ADAPTERS, PACKAGES, everywhere, panel, same_error
from triptych.common import gradient_norms
from triptych.comparison import derived_bound

SCRATCH = panel("scratch", "gradient_clipping")
FUNCTIONS = ["clip_by_value", "clip_by_norm", "clip_by_global_norm"]
SHAPES = [(3, 3, 2, 5), (7,), (), (1, 1), (40, 30)]
SIZE = sum(math.prod(shape) for shape in SHAPES)
NAN, INF = math.nan, math.inf


def draw(dtype, *, scale=1.0, seed=0):
    rng = np.random.default_rng(seed)
    return [np.array(scale * rng.normal(size=shape), dtype) for shape in SHAPES]


def clip(name, grads, limit):
    """``call(framework, adapter)``"""

    def call(framework, adapter):
        function = getattr(panel(framework, "gradient_clipping"), name)
        return function([adapter.tensor(grad) for grad in grads], limit)

    return call


@functools.cache
def compiled(name, limit):
    """The Keras function with its limit; PyTorch has no graph and runs it as it is."""
    function = getattr(panel("keras", "gradient_clipping"), name)

    def clipped(grads):
        return function(grads, limit)

    adapter = ADAPTERS["keras"]
    if adapter.backend == "tensorflow":
        import tensorflow as tf

        clipped = tf.function(clipped, jit_compile=True)
    elif adapter.backend == "jax":
        import jax

        clipped = jax.jit(clipped)
    return lambda grads: clipped([adapter.tensor(grad) for grad in grads])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("limit", [0.25, 5.0, 1000.0])
def test_the_panels_agree(parity, dtype, name, limit):
    """With all clipped, some, and none. The longest sum is that of all squares."""
    parity("gradient_clipping", everywhere(clip(name, draw(dtype), limit)), terms=SIZE)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_keras_graph(parity, dtype, name):
    grads = draw(dtype)
    scratch = getattr(SCRATCH, name)(grads, 5.0)
    graph = compiled(name, 5.0)(grads)
    parity("gradient_clipping", {"scratch": scratch, "keras": graph}, terms=SIZE)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("shapes", [[()], [(1,)], [(1, 1, 1, 1), ()], [(2, 1)] * 3])
def test_small_shapes_agree(parity, dtype, shapes):
    rng = np.random.default_rng(1)
    grads = [np.array(rng.normal(size=shape), dtype) for shape in shapes]
    for name in FUNCTIONS:
        parity("gradient_clipping", everywhere(clip(name, grads, 0.125)), terms=6)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_max_norm_is_not_rounded_to_float32(parity, name):
    """0.7 has no exact float32; the limit of a value is a number that Keras may round."""
    limit = 0.75 if name == "clip_by_value" else 0.7
    parity("gradient_clipping", everywhere(clip(name, draw("float64"), limit)), terms=SIZE)


def test_by_hand():
    grads = [np.array([3.0, 0.0]), np.array([[-4.0]])]
    assert SCRATCH.global_norm(grads) == 5
    assert [g.tolist() for g in SCRATCH.clip_by_value(grads, 3.5)] == [[3, 0], [[-3.5]]]
    assert [g.tolist() for g in SCRATCH.clip_by_norm(grads, 3.5)] == [[3, 0], [[-3.5]]]
    clipped, norm = SCRATCH.clip_by_global_norm(grads, 2.5)
    assert [g.tolist() for g in clipped] == [[1.5, 0], [[-2]]]
    assert norm == 5


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_below_the_limit_every_bit_stays(dtype):
    """Also at it, with signed zeros, and with a limit whose reciprocal is rounded."""
    for grads, limits in (
        ([np.array([3, -0.0], dtype), np.array([0, 4], dtype)], [5, 49, 1e30]),
        ([np.zeros(3, dtype), np.array(-0.0, dtype)], [1e-30, 1]),
        (draw(dtype), [1000, 1009]),
    ):
        for name in FUNCTIONS:
            for limit in limits:
                for framework, found in everywhere(clip(name, grads, limit)).items():
                    found = found[0] if name == "clip_by_global_norm" else found
                    for grad, kept in zip(grads, found, strict=True):
                        kept = ADAPTERS[framework].numpy(kept)
                        assert kept.dtype == grad.dtype
                        assert kept.tobytes() == grad.tobytes(), (framework, name, limit)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_no_square_overflows_or_underflows(parity, dtype):
    """Powers of two scale everything exactly: so the norm of any size is that of size one."""
    largest = 1000 if dtype == "float64" else 120
    smallest = 32 - largest  # TensorFlow and XLA take subnormal numbers for 0
    for grads in (draw(dtype, seed=2), [np.ones(100, dtype)], [np.ones(1, dtype)]):
        plain = SCRATCH.global_norm(grads)
        for power in (largest, largest // 2, smallest // 2, smallest):
            scale = np.array(2.0**power, dtype)
            scaled = [grad * scale for grad in grads]

            def norms(framework, adapter, scaled=scaled):
                module = panel(framework, "gradient_clipping")
                tensors = [adapter.tensor(grad) for grad in scaled]
                return module.global_norm(tensors)

            found = everywhere(norms)
            parity("gradient_clipping", found, terms=SIZE)
            bound = derived_bound(dtype, SIZE)
            np.testing.assert_allclose(found["scratch"], plain * scale, rtol=bound)
            clipped = clip("clip_by_norm", scaled, float(scale) / 4)
            parity("gradient_clipping", everywhere(clipped), terms=SIZE)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("end", ["max", "tiny"])
def test_the_ends_of_the_range(parity, dtype, end):
    """The largest number, whose reciprocal XLA takes for 0, and one near the smallest normal."""
    value = np.array(np.finfo(dtype).max if end == "max" else 4 * np.finfo(dtype).tiny)
    grads, limit = [np.array([0, value], dtype), np.zeros(2, dtype)], float(value) / 2
    found = everywhere(clip("clip_by_global_norm", grads, limit))
    parity("gradient_clipping", found)
    graph = compiled("clip_by_global_norm", limit)(grads)
    parity("gradient_clipping", {"scratch": found["scratch"], "keras": graph})
    clipped, norm = found["scratch"]
    np.testing.assert_array_equal(clipped, [[0, value / 2], [0, 0]])
    assert norm == value


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_squares_that_lose_their_last_places(parity, dtype):
    """Squares below the normal numbers have few digits left, though their sum is not 0."""
    grads = [np.full(10, 3.0, dtype) * np.sqrt(np.finfo(dtype).tiny)]
    grads[0] /= 1000
    assert np.vdot(grads[0], grads[0]) > 0
    found = everywhere(lambda f, a: panel(f, "gradient_clipping").global_norm([a.tensor(grads[0])]))
    parity("gradient_clipping", found, terms=10)
    exact = np.linalg.norm(grads[0].astype(np.longdouble))
    np.testing.assert_allclose(found["scratch"], exact, rtol=derived_bound(dtype, 10))


def test_arrays_of_very_different_sizes(parity):
    grads = [np.full(3, 1e25, np.float32), np.full(4, 1e-25, np.float32), np.ones(2, np.float32)]
    for name in ("clip_by_norm", "clip_by_global_norm"):
        found = everywhere(clip(name, grads, 0.5))
        parity("gradient_clipping", found, terms=9)
    clipped, norm = found["scratch"]
    np.testing.assert_allclose(norm, np.sqrt(3) * 1e25, rtol=1e-6)
    np.testing.assert_allclose(SCRATCH.global_norm(clipped), 0.5, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("bad", [INF, -INF, NAN, (INF, NAN), "too large"])
def test_what_is_not_finite(dtype, bad):
    """Finite numbers with a norm that is too large are treated as if they had an infinite one."""
    first, second = np.array([0.5, 0.0, -3.0], dtype), np.array([[2.0], [0.0], [0.25]], dtype)
    values = np.full(2, np.finfo(dtype).max) if bad == "too large" else np.atleast_1d(bad)
    second[: len(values), 0] = values
    expected = {
        "clip_by_value": [[0.5, 0, -1], np.clip(second, -1, 1)],
        "clip_by_norm": [first / np.sqrt(9.25), np.full_like(second, NAN)],
        "clip_by_global_norm": [[NAN] * 3, np.full_like(second, NAN)],
    }
    for name in FUNCTIONS:
        found = everywhere(clip(name, [first, second], 1.0))
        found["graph"] = compiled(name, 1.0)([first, second])
        for framework, clipped in found.items():
            adapter = ADAPTERS.get(framework, ADAPTERS["keras"])
            if name == "clip_by_global_norm":
                clipped, norm = clipped
                wanted = NAN if np.isnan(values).any() else INF
                np.testing.assert_equal(float(adapter.numpy(norm)), wanted, framework)
            for got, wanted in zip(clipped, expected[name], strict=True):
                got = adapter.numpy(got)
                assert got.dtype == dtype
                np.testing.assert_allclose(got, wanted, rtol=1e-6, err_msg=framework)


def test_nothing_that_is_given_changes():
    grads = draw("float32", scale=100.0)
    for framework in PACKAGES:
        adapter, module = ADAPTERS[framework], panel(framework, "gradient_clipping")
        for name in FUNCTIONS:
            for limit in (1.0, 1e6):
                tensors = [adapter.tensor(grad) for grad in grads]
                given = list(tensors)
                getattr(module, name)(tensors, limit)
                assert all(a is b for a, b in zip(tensors, given, strict=True))
                for tensor, grad in zip(tensors, grads, strict=True):
                    assert adapter.numpy(tensor).tobytes() == grad.tobytes()


def test_arrays_that_are_not_contiguous():
    grad = np.random.default_rng(3).normal(size=(6, 8, 4)).transpose(2, 0, 1)[:, ::2]
    norm = SCRATCH.global_norm([grad])
    # Other orders of the sum: the last place may differ, here and below.
    np.testing.assert_allclose(norm, np.linalg.norm(grad.ravel()), rtol=1e-15)
    for name in ("clip_by_value", "clip_by_norm"):
        (clipped,) = getattr(SCRATCH, name)([grad], 0.5)
        (dense,) = getattr(SCRATCH, name)([np.ascontiguousarray(grad)], 0.5)
        # Other strides, another order of the sum: the norm may differ in its last place.
        np.testing.assert_allclose(clipped, dense, rtol=1e-15)


# Native parity.


def parameters(grads):
    """PyTorch parameters that have these gradients."""
    params = [torch.nn.Parameter(torch.zeros_like(torch.tensor(grad))) for grad in grads]
    for param, grad in zip(params, grads, strict=True):
        param.grad = torch.tensor(grad)
    return params


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("scale", [1.0, 1e-6])
@pytest.mark.parametrize("max_norm", [0.5, 1e3, 1e-5])
def test_bare_torch_clip_grad_norm(parity, dtype, scale, max_norm):
    """With its epsilon: gradients of 1e-6 show it. By norm is the same, one parameter at a time.

    Entries of the map: clip-epsilon, clip-scope.
    """
    grads = draw(dtype, scale=scale)
    params = parameters(grads)
    norm = torch.nn.utils.clip_grad_norm_(params, max_norm)
    alone = parameters(grads)
    for param in alone:
        torch.nn.utils.clip_grad_norm_([param], max_norm)
    parity(
        "gradient_clipping, native",
        {
            "scratch": {
                "global": SCRATCH.clip_by_global_norm(grads, max_norm, epsilon=1e-6),
                "norm": SCRATCH.clip_by_norm(grads, max_norm, epsilon=1e-6),
            },
            "torch": {
                "global": ([param.grad for param in params], norm),
                "norm": [param.grad for param in alone],
            },
        },
        terms=SIZE,
    )


def test_epsilon_of_bare_torch_is_seen():
    grads = draw("float64", scale=1e-8)
    with_epsilon, norm = SCRATCH.clip_by_global_norm(grads, 1e-8, epsilon=1e-6)
    assert SCRATCH.global_norm(with_epsilon) < 0.3e-8
    np.testing.assert_allclose(
        SCRATCH.global_norm(with_epsilon), 1e-8 * norm / (norm + 1e-6), rtol=1e-12
    )


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_bare_torch_clip_grad_value(parity, dtype):
    grads = draw(dtype)
    grads[1][:3] = INF, -INF, NAN
    params = parameters(grads)
    torch.nn.utils.clip_grad_value_(params, 0.3)
    found = {"scratch": SCRATCH.clip_by_value(grads, 0.3), "torch": [p.grad for p in params]}
    parity("gradient_clipping, native", found, tolerance=0, equal_nan=True)


def keras_step(grads, **options):
    """Minus what one step of Keras's SGD with learning rate 1 adds to weights of 0."""
    adapter, dtype = ADAPTERS["keras"], grads[0].dtype.name
    with floatx(dtype):
        optimizer = keras.optimizers.SGD(1.0, **options)
        weights = [keras.Variable(np.zeros_like(grad), dtype=dtype) for grad in grads]
        optimizer.apply([adapter.tensor(grad) for grad in grads], weights)
    return [-adapter.numpy(weight.value) for weight in weights]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("limit", [0.25, 5.0, 1000.0])
def test_a_step_of_bare_keras_optimizers(parity, dtype, limit):
    """And TensorFlow's own function, which returns the norm too.

    Entries of the map: clip-scope, clip-below-limit.
    """
    grads = draw(dtype)
    whole, norm = SCRATCH.clip_by_global_norm(grads, limit)
    scratch = {
        "value": SCRATCH.clip_by_value(grads, limit),
        "norm": SCRATCH.clip_by_norm(grads, limit),
        "global": whole,
    }
    bare = {
        "value": keras_step(grads, clipvalue=limit),
        "norm": keras_step(grads, clipnorm=limit),
        "global": keras_step(grads, global_clipnorm=limit),
    }
    parity("gradient_clipping, native", {"scratch": scratch, "keras": bare}, terms=SIZE)
    if ADAPTERS["keras"].backend == "tensorflow":
        import tensorflow as tf

        bare = tf.clip_by_global_norm([tf.constant(grad) for grad in grads], limit)
        found = {"scratch": (whole, norm), "tensorflow": bare}
        parity("gradient_clipping, native", found, terms=SIZE)


def test_where_the_bare_frameworks_are_not_followed():
    """What the docstrings say of them, so that it stays true."""
    large = [np.full(3, 1e20, np.float32), np.ones(2, np.float32)]
    assert np.isnan(keras_step(large, global_clipnorm=1.0)[1]).all()
    assert not keras_step(large, clipnorm=1.0)[0].any()
    params = parameters(large)
    assert torch.nn.utils.clip_grad_norm_(params, 1.0).isinf()
    assert not params[1].grad.any()

    infinite = [np.array([INF, 1.0]), np.ones(2)]
    assert np.isnan(keras_step(infinite, global_clipnorm=1.0)[1]).all()
    np.testing.assert_array_equal(keras_step(infinite, clipnorm=1.0)[0], [NAN, 0])
    params = parameters(infinite)
    torch.nn.utils.clip_grad_norm_(params, 1.0)
    np.testing.assert_array_equal(params[0].grad, [NAN, 0])
    np.testing.assert_array_equal(params[1].grad, [0, 0])

    short = [np.array([1.0, 0.3])]
    assert (keras_step(short, global_clipnorm=49.0)[0] != short[0]).any()


# Errors.


@pytest.mark.parametrize("limit", [0, -1.0, INF, NAN, None, "1", True])
def test_bad_limits(limit):
    for name, argument in zip(FUNCTIONS, ("limit", "max_norm", "max_norm"), strict=True):
        message = f"{argument} must be a number in (0, inf), got {limit!r}"
        same_error(clip(name, draw("float32"), limit), message)
    for name in FUNCTIONS[1:]:
        with pytest.raises(ValueError, match="epsilon must be a number in"):
            getattr(SCRATCH, name)(draw("float32"), 1.0, epsilon=-1e-6)


def test_bad_gradients():
    good = np.ones(2, np.float32)

    def bad(make, message):
        for name in ("global_norm", *FUNCTIONS):
            limit = () if name == "global_norm" else (1.0,)
            same_error(
                lambda f, a, name=name, limit=limit: getattr(panel(f, "gradient_clipping"), name)(
                    make(a.tensor), *limit
                ),
                message,
            )

    bad(lambda tensor: [tensor(good), None], "grads[1] must be an array, got None")
    bad(lambda tensor: tensor(good), "grads must be a list of arrays, got something else")
    bad(lambda tensor: {"w": tensor(good)}, "grads must be a list of arrays, got something else")
    bad(lambda tensor: [], "grads must be a list of arrays, got an empty one")
    bad(
        lambda tensor: [tensor(good), tensor(good.astype(int))],
        "grads[1] must be floating point, got int64",
    )
    bad(
        lambda tensor: [tensor(good), tensor(good), tensor(good.astype(np.float64))],
        "grads[2] must have the dtype of grads[0], float32, got float64",
    )
    bad(
        lambda tensor: (tensor(good), tensor(np.ones((0, 3), np.float32))),
        "grads[1] must not be empty, got shape (0, 3)",
    )


# The monitor.


def test_the_monitor_is_one_class():
    for framework in PACKAGES:
        module = panel(framework, "gradient_clipping")
        assert module.NormMonitor is gradient_norms.NormMonitor
        # It takes a scalar of any framework.
        adapter, monitor = ADAPTERS[framework], module.NormMonitor()
        monitor.update(module.global_norm([adapter.tensor(np.array([3.0, 4.0]))]))
        assert monitor.norms == [5.0]
        assert type(monitor.norms[0]) is float


def test_monitor():
    monitor = gradient_norms.NormMonitor(max_norm=10)
    for norm in [*range(1, 101), INF, NAN, INF]:
        monitor.update(norm)
    assert len(monitor.norms) == 103
    assert monitor.norms[:2] == [1.0, 2.0]
    assert monitor.clipped == 0.9  # 10 itself is not clipped
    assert monitor.nonfinite == 3
    summary = monitor.summary()
    assert summary == {
        "median": 50.5,
        "percentile_95": pytest.approx(95.05),
        "largest": 100.0,
        "clipped": 0.9,
        "nonfinite": 3,
    }
    assert [type(value) for value in summary.values()] == [float] * 4 + [int]


def test_monitor_of_little():
    monitor = gradient_norms.NormMonitor()
    for _ in range(2):
        summary = monitor.summary()
        statistics = [summary[key] for key in ("median", "percentile_95", "largest", "clipped")]
        assert np.isnan(statistics).all()
        assert summary["nonfinite"] == monitor.nonfinite == len(monitor.norms)
        monitor.update(NAN)
    monitor.update(7.0)
    assert monitor.clipped == 0.0  # no max_norm, nothing clipped
    assert monitor.summary()["largest"] == monitor.summary()["median"] == 7.0


def test_bad_monitor():
    for value in (0, -1.0, INF, NAN, "1"):
        message = f"max_norm must be a number in (0, inf), got {value!r}"
        with pytest.raises(ValueError) as caught:  # noqa: PT011 (the text is compared below)
            gradient_norms.NormMonitor(max_norm=value)
        assert str(caught.value) == message
    for value in (-1.0, -INF):
        with pytest.raises(ValueError, match=rf"^norm must be a number .* or NaN, got {value}$"):
            gradient_norms.NormMonitor().update(value)


def test_the_example_of_the_monitor():
    assert doctest.testmod(gradient_norms).attempted > 0
    assert doctest.testmod(gradient_norms).failed == 0
