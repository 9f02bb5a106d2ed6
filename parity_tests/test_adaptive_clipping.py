import numpy as np
import pytest

from parity_tests.panels import ADAPTERS, everywhere, panel, same_error, traced

RNG = np.random.default_rng(0)
SHAPES = [(6, 4), (4,), (3, 3, 2, 5), (1, 1), ()]
scratch = panel("scratch", "adaptive_clipping")


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("clipping", [0.01, 0.3, 10.0])
def test_agree(parity, dtype, clipping):
    params = [RNG.normal(size=shape).astype(dtype) for shape in SHAPES]
    params[0][:, 1] = 0  # a unit that epsilon lets grow
    grads = [RNG.normal(size=shape).astype(dtype) for shape in SHAPES]
    grads[0][:, 2] = 0

    def call(framework, adapter):
        clip = panel(framework, "adaptive_clipping").clip_adaptively
        given = ([adapter.tensor(array) for array in arrays] for arrays in (grads, params))
        return clip(*given, clipping, epsilon=0.001, axis=-1)

    clipped = everywhere(call)
    parity("adaptive_clipping", clipped)
    for g, w in zip(clipped["scratch"], params, strict=True):
        limit = clipping * np.maximum(scratch.unit_norms(w), 0.001)
        assert (scratch.unit_norms(g) <= limit * (1 + 1e-5)).all()
    if clipping == 10.0:
        np.testing.assert_array_equal(clipped["scratch"][2], grads[2])


def test_units_of_each_layout():
    """The filters of a convolution and the units of a dense layer, as each panel lays them out."""
    w = RNG.normal(size=(3, 3, 2, 5))
    expected = np.sqrt((w**2).sum(axis=(0, 1, 2)))
    tensor = ADAPTERS["torch"].tensor(w.transpose(3, 2, 0, 1).copy())
    for found in (
        scratch.unit_norms(w),
        panel("torch", "adaptive_clipping").unit_norms(tensor).numpy(),
        ADAPTERS["keras"].numpy(panel("keras", "adaptive_clipping").unit_norms(w)),
    ):
        np.testing.assert_allclose(found.reshape(-1), expected, rtol=1e-14)


def test_equation():
    """Brock et al., equation 3, unit by unit."""
    w, g = RNG.normal(size=(2, 7, 3))
    clipped = scratch.clip_adaptively([g], [w], 0.1)[0]
    for unit in range(3):
        norm, limit = np.linalg.norm(g[:, unit]), 0.1 * np.linalg.norm(w[:, unit])
        expected = g[:, unit] * min(1, limit / norm)
        # In another order of operations: a few roundings of float64.
        np.testing.assert_allclose(clipped[:, unit], expected, rtol=1e-14)


def test_what_is_not_finite_shows():
    g, w = np.ones((3, 2)), np.ones((3, 2))
    g[0, 0] = np.inf
    clipped = everywhere(
        lambda f, a: [
            a.numpy(each)
            for each in panel(f, "adaptive_clipping").clip_adaptively(
                [a.tensor(g)], [a.tensor(w)], 0.5, axis=-1
            )
        ]
    )
    for found in clipped.values():
        assert np.isnan(found[0][:, 0]).all()
        assert np.isfinite(found[0][:, 1]).all()


def test_keras_in_a_graph():
    clip, w = panel("keras", "adaptive_clipping").clip_adaptively, RNG.normal(size=(6, 4))
    g = RNG.normal(size=(6, 4))
    weights = ADAPTERS["keras"].tensor(w)
    for function in traced(lambda g: clip([g], [weights], 0.1)[0], g.shape, "float64"):
        found = ADAPTERS["keras"].numpy(function(ADAPTERS["keras"].tensor(g)))
        np.testing.assert_allclose(found, scratch.clip_adaptively([g], [w], 0.1)[0], rtol=1e-13)


@pytest.mark.parametrize("value", [0, -1.0, float("nan"), float("inf"), "a half", None])
def test_bad_numbers(value):
    for name in ("clipping", "epsilon"):
        message = f"{name} must be a number in (0, inf), got {value!r}"
        make = lambda f, a, n=name: panel(f, "adaptive_clipping").AdaptiveClipping(**{n: value})  # noqa: E731
        same_error(make, message)


def test_bad_arrays():
    a = np.ones((2, 3))

    def clip(grads, params, **options):
        return lambda f, ad: panel(f, "adaptive_clipping").clip_adaptively(
            [ad.tensor(g) for g in grads], [ad.tensor(w) for w in params], 0.1, **options
        )

    same_error(clip([a], [a, a]), "params must be as many as grads, 1, got 2")
    same_error(clip([a], [a[:1]]), "params[0] must have shape (2, 3), got (1, 3)")
    same_error(
        clip([a], [a.astype("float32")]),
        "params[0] must have the dtype of grads[0], float64, got float32",
    )
    same_error(clip([], []), "grads must be a list of arrays, got an empty one")
    same_error(clip([a], [a], axis=2), "axis must be an integer in [-2, 1], got 2")
