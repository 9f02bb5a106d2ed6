"""Tests of the comparison itself: it has to fail wherever two results differ.

Nearly every other test of the suite passes through ``compare``, so a hole in it is a hole in all
of them. Most tests here therefore hand it something wrong and ask for a failure with its reason.
"""

from __future__ import annotations

import io
import itertools
import json
import math
import subprocess
import sys
import warnings
from fractions import Fraction
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from triptych.comparison import Comparison, Row, compare, derived_bound
from triptych.report import Report

pytestmark = pytest.mark.once

DTYPES = ("float16", "float32", "float64")
VALUES = [0.5, -1.25, 3.0, 0.0, -2.0, 7.0]  # exact in every dtype


def pair(a: Any, b: Any, *inputs: Any, **options: Any) -> Comparison:
    return compare({"scratch": a, "torch": b}, *inputs, **options)


def only(result: Comparison) -> Row:
    (row,) = result.rows
    return row


def failure(a: Any, b: Any, **options: Any) -> str:
    """The reason for which two values are told apart, in either order."""
    there, back = only(pair(a, b, **options)), only(pair(b, a, **options))
    assert not there.ok
    assert not back.ok
    assert there.reason
    return there.reason


def grid(dtype: str = "float64") -> NDArray[Any]:
    return np.array(VALUES, dtype).reshape(2, 3)


# What is equal passes.


@pytest.mark.parametrize("dtype", [*DTYPES, "int8", "int64", "uint64", "bool"])
@pytest.mark.parametrize("shape", [(), (1,), (6,), (2, 3), (1, 2, 3, 1)])
def test_equal_arrays_pass(dtype: str, shape: tuple[int, ...]) -> None:
    a = np.resize(np.abs(VALUES), shape).astype(dtype)
    row = only(pair(a, a.copy()))
    assert row.ok
    assert (row.absolute, row.relative, row.ulp) == (0, 0, 0)
    assert row.index is None
    assert row.values is None
    assert row.reason == ""
    assert row.shapes == (shape, shape)
    assert row.dtypes == (dtype, dtype)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (0.0, -0.0),
        (np.zeros(3), -np.zeros(3)),
        ([math.inf, -math.inf, 1.0], [math.inf, -math.inf, 1.0]),
        ([math.inf], [math.inf]),
        (1, np.int64(1)),
        (True, np.bool_(True)),
        ([[1.0, 2.0], [3.0, 4.0]], np.array([[1.0, 2.0], [3.0, 4.0]])),
        (np.asfortranarray(grid()), np.ascontiguousarray(grid())),
        (grid()[:, ::-1], grid()[:, ::-1].copy()),
        (np.array(1.5, ">f8"), np.array(1.5, "<f8")),
        (np.float64(5e-324), np.float64(5e-324)),
    ],
)
def test_the_same_numbers_in_another_guise_pass(a: Any, b: Any) -> None:
    assert only(pair(a, b)).ok


# What differs fails.


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("terms", [1, 10, 300])
@pytest.mark.parametrize("sign", [1, -1])
def test_fails_one_ulp_beyond_the_bound(dtype: str, terms: int, sign: int) -> None:
    kind = np.dtype(dtype).type
    a = np.array([1, 0, 0.5], dtype)  # scale 1, so the error put beside the 0 is the relative one
    inside = kind(derived_bound(dtype, terms))
    if float(inside) > derived_bound(dtype, terms):
        inside = np.nextafter(inside, kind(0))
    for error, ok in ((inside, True), (np.nextafter(inside, kind(1)), False)):
        b = np.array([1, sign * error, 0.5], dtype)
        row = only(pair(a, b, terms=terms))
        assert row.ok is ok
        assert row.relative == row.absolute == float(error)
        assert row.index == (1,)


@pytest.mark.parametrize("place", [0, 1, 123_456, 999_998, 999_999])
def test_finds_one_wrong_element_in_a_million(place: int) -> None:
    a = np.linspace(1, 2, 1_000_000).reshape(1000, 1000)
    b = a.copy()
    b.flat[place] += 1e-9
    row = only(pair(a, b))
    assert not row.ok
    assert row.index == divmod(place, 1000)
    assert row.values == (a.flat[place], b.flat[place])
    assert row.absolute == pytest.approx(1e-9, rel=1e-6)
    assert row.relative == pytest.approx(5e-10, rel=1e-6)


def test_reports_the_worst_element_and_not_the_first() -> None:
    row = only(pair([1.0, 2.0, 3.0, 4.0], [1.1, 2.0, 3.5, 4.2]))
    assert row.index == (2,)
    assert row.values == (3.0, 3.5)
    assert row.relative == 0.5 / 4.2


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((3, 1), (3,)),
        ((1, 3), (3,)),
        ((3,), ()),
        ((1,), ()),
        ((3, 1), ()),
        ((3, 1), (1, 3)),
        ((2, 3), (3, 2)),
        ((2,), (3,)),
        ((6,), (2, 3)),
        ((0,), (0, 1)),
        ((0,), ()),
    ],
)
def test_shapes_are_never_broadcast(first: tuple[int, ...], second: tuple[int, ...]) -> None:
    reason = failure(np.ones(first), np.ones(second))
    assert reason == f"shape {first} against {second}"
    assert failure(np.ones(first), np.ones(second), check_dtype=False, tolerance=0.9) == reason
    row = only(pair(np.ones(first), np.ones(second)))
    assert row.relative == row.ulp == row.absolute == math.inf
    assert row.index is None
    assert row.shapes == (first, second)


@pytest.mark.parametrize(
    ("first", "second"),
    [*itertools.combinations([*DTYPES, "int32", "int64", "uint8", "bool"], 2)],
)
def test_dtypes_are_compared(first: str, second: str) -> None:
    a, b = np.array([0, 1, 1]).astype(first), np.array([0, 1, 1]).astype(second)
    assert failure(a, b) == f"dtype {first} against {second}"
    assert only(pair(a, b, check_dtype=False)).ok
    b[2] = 0
    assert failure(a, b).startswith(f"dtype {first} against {second}; ")
    assert failure(a, b, check_dtype=False)


def test_dtype_and_shape_are_both_named() -> None:
    reason = failure(np.ones(2, "f4"), np.ones(3, "f8"))
    assert reason == "dtype float32 against float64; shape (2,) against (3,)"


def test_unlike_dtypes_are_held_to_the_coarser_one() -> None:
    a = np.array([1.0, 1 / 3])
    row = only(pair(a, a.astype("f4"), check_dtype=False))
    assert row.ok
    assert row.bound == derived_bound("float32")
    assert 0.0 < row.ulp < 0.5  # of float32
    assert not pair(a, a.astype("f4").astype("f8"))
    assert not pair(a, np.array([1, 0]), check_dtype=False)
    huge = only(pair(np.array([1e300]), np.array([1.0], "f4"), check_dtype=False))
    assert not huge.ok
    assert math.isfinite(huge.ulp)


@pytest.mark.parametrize("equal_nan", [False, True])
@pytest.mark.parametrize("other", [0.5, 0.0, math.inf, -math.inf])
def test_nan_is_no_number(other: float, equal_nan: bool) -> None:
    a, b = grid(), grid()
    a[1, 1], b[1, 1] = math.nan, other
    assert failure(a, b, equal_nan=equal_nan) == f"NaN against {other}"
    row = only(pair(a, b, equal_nan=equal_nan))
    assert row.index == (1, 1)
    assert row.relative == row.ulp == row.absolute == math.inf


def test_nan_against_nan_passes_only_on_request() -> None:
    a = grid()
    a[0, 2] = math.nan
    assert failure(a, a.copy()) == "NaN against NaN"
    assert only(pair(a, a.copy(), equal_nan=True)).ok
    b = a.copy()
    b[1, 0] += 1.0  # a number that differs beside the NaN that does not
    assert only(pair(a, b, equal_nan=True)).index == (1, 0)
    assert not pair(a, b, equal_nan=True)
    assert failure(a, grid(), equal_nan=True) == "NaN against 3.0"


@pytest.mark.parametrize("other", [1e308, 0.0, -math.inf])
def test_infinity_equals_only_itself(other: float) -> None:
    assert failure([1.0, math.inf], [1.0, other]) == f"inf against {other}"
    assert failure([1.0, math.inf], [1.0, other], tolerance=0.99)


def test_finite_numbers_beside_equal_infinities_are_still_measured() -> None:
    row = only(pair([math.inf, 1.0, 2.0], [math.inf, 1.0, 2.5]))
    assert not row.ok
    assert row.index == (2,)
    assert row.relative == 0.5 / 2.5


@pytest.mark.parametrize("small", [1e-30, 5e-324, -1e-300])
def test_zero_is_not_small(small: float) -> None:
    row = only(pair(np.zeros(3), np.array([0, small, 0])))
    assert not row.ok
    assert row.relative == 1
    assert only(pair(np.zeros(3), np.zeros(3))).ok


@pytest.mark.parametrize("change", [np.transpose, np.negative, np.flipud, np.fliplr])
def test_a_rearranged_or_negated_array_fails(change: Any) -> None:
    a = np.arange(9.0).reshape(3, 3)
    assert not pair(a, change(a))
    assert not pair(a, change(a), tolerance=0.1)


@pytest.mark.parametrize(
    ("a", "b", "differ", "values"),
    [
        (np.array([1, 2, 3]), np.array([1, 5, 9]), 2, (2, 5)),
        (np.array([2**62, 7]), np.array([2**62 + 1, 7]), 1, (2**62, 2**62 + 1)),
        (np.array([0, 255], "u1"), np.array([255, 255], "u1"), 1, (0, 255)),
        (np.array([-128], "i1"), np.array([127], "i1"), 1, (-128, 127)),
        (np.array([True, True]), np.array([True, False]), 1, (True, False)),
    ],
)
def test_integers_and_booleans_are_exact(a: Any, b: Any, differ: int, values: Any) -> None:
    row = only(pair(a, b, tolerance=0.99))
    assert not row.ok
    assert row.bound == 0
    assert row.reason == f"{differ} of {a.size} elements differ"
    assert (row.absolute, row.ulp, row.relative) == (differ, differ, differ / a.size)
    assert row.values == values
    assert [type(v) for v in row.values or ()] == [type(a.flat[0].item())] * 2


def test_widths_of_integers_do_not_wrap_around() -> None:
    a, b = np.array([-1]), np.array([2**64 - 1], "u8")
    assert not pair(a, b, check_dtype=False)


@pytest.mark.parametrize("empty", [np.empty(0), np.empty((3, 0), "f4"), {}, [], (), {"a": {}}])
def test_nothing_compared_is_a_failure(empty: Any) -> None:
    assert failure(empty, empty) == "empty: nothing was compared"
    assert not pair({"x": 1.0, "nothing": empty}, {"x": 1.0, "nothing": empty})
    assert not pair(lambda: empty, lambda: empty)


def test_overflow_is_measured_without_a_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        row = only(pair([1.0, 1e308], [1.0, -1e308]))
        most = only(pair(sys.float_info.max, -sys.float_info.max))
        near = only(pair(sys.float_info.max, np.nextafter(sys.float_info.max, 0)))
        single = only(pair(np.float32(3e38), np.float32(-3e38)))
        # the larger of two differences that both overflow
        both = only(pair([1.2e308, 1.7e308], [-0.8e308, -1.6e308]))
    assert row.relative == most.relative == single.relative == 2
    assert row.index == (1,)
    assert row.absolute == math.inf
    assert row.ulp == 2 * (1e308 / np.spacing(1e308))
    assert single.absolute == 2 * float(np.float32(3e38))
    assert (near.ok, near.ulp) == (True, 1)
    assert both.index == (1,)
    assert both.relative == pytest.approx(3.3 / 1.7)


@pytest.mark.parametrize("a", [1e308, 1e-308, 1.0])
def test_a_tolerance_of_zero_means_equal(a: float) -> None:
    assert pair([a, 0.0], [a, -0.0], tolerance=0)
    for b in (np.nextafter(a, 0), np.nextafter(a, math.inf)):
        assert not pair([a, 1.0], [b, 1.0], tolerance=0)
    assert not pair([1e308, 0.0], [1e308, 5e-324], tolerance=0)


def test_a_tolerance_replaces_the_bound_in_both_directions() -> None:
    a, b = np.array([1.0, 2.0]), np.array([1.0, 2.0 + 1e-6])
    assert not pair(a, b)
    assert pair(a, b, tolerance=1e-6)
    assert not pair(a, b, tolerance=1e-7)
    close = np.array([1.0, np.nextafter(2, 3)])
    assert pair(a, close)
    assert not pair(a, close, tolerance=1e-17)


def test_integers_that_float64_cannot_tell_apart() -> None:
    large = np.array([2**53 + 1, -(2**63)])
    assert failure(large, large.astype(float), check_dtype=False, tolerance=0)
    assert pair(large - [1, 0], large.astype(float), check_dtype=False, tolerance=0)


@pytest.mark.parametrize("dtype", DTYPES)
def test_ulp_is_counted_at_the_scale_of_the_array(dtype: str) -> None:
    kind = np.dtype(dtype).type
    a = np.array([1.5, 0.25], dtype)
    b = np.array([np.nextafter(kind(1.5), kind(2)), 0.25], dtype)
    assert only(pair(a, b)).ulp == 1
    small = np.array([1.5, np.nextafter(kind(0.25), kind(1))], dtype)
    assert only(pair(a, small)).ulp == 0.25  # spacing(0.25) = spacing(1.5) / 4


# The bound.


@pytest.mark.parametrize(
    ("dtype", "digits", "terms"),
    [
        ("float64", 53, 1),
        ("float64", 53, 4000),
        ("float32", 24, 1),
        ("float32", 24, 784),
        ("float16", 11, 100),
        ("bfloat16", 8, 10),
    ],
)
def test_the_derived_bound_is_twice_gamma(dtype: str, digits: int, terms: int) -> None:
    u, k = Fraction(1, 2**digits), terms + 8
    assert derived_bound(dtype, terms) == pytest.approx(float(2 * k * u / (1 - k * u)), rel=1e-14)
    assert derived_bound(dtype, np.int64(terms)) == derived_bound(dtype, terms)
    assert only(pair(np.float64(1), np.float64(1), terms=terms)).bound == derived_bound(
        "float64", terms
    )


def test_float64_is_held_to_1e_12() -> None:
    assert derived_bound("float64", 100_000) == 1e-12
    assert derived_bound("float64", 4000) < 1e-12
    assert derived_bound("float32", 100_000) > 1e-3
    assert not pair(np.float64(1), np.float64(1 + 2e-12), terms=100_000)


def test_a_bound_that_nothing_can_break_is_refused() -> None:
    with pytest.raises(ValueError, match="terms=1000 leaves no significant digit in float16"):
        pair(np.float16(1), np.float16(1), terms=1000)
    with pytest.raises(ValueError, match="no significant digit"):
        derived_bound("float16", 10**6)  # beyond the pole of gamma, where it is negative
    assert derived_bound("float16", 600) < 1
    assert pair(np.float16(1), np.float16(1), terms=1000, tolerance=0.01)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("terms", [2, 10, 100, 3000])
def test_orders_of_summation_stay_within_the_bound(dtype: str, terms: int) -> None:
    x = np.random.default_rng(terms).uniform(0.5, 1.5, (terms, 40)).astype(dtype)
    orders = {
        "forward": np.add.accumulate(x)[-1],
        "backward": np.add.accumulate(x[::-1])[-1],
        "pairwise": np.ascontiguousarray(x.T).sum(axis=1),
        "even and odd": np.add.accumulate(x[::2])[-1] + np.add.accumulate(x[1::2])[-1],
    }
    compare(orders, terms=terms).check()


def test_float32_work_in_a_float64_result_fails() -> None:
    x = np.random.default_rng(0).uniform(0.5, 1.5, 1000)
    assert not pair(x.sum(), np.float64(x.astype("f4").sum()), terms=1000)


# Arguments.


@pytest.mark.parametrize("candidates", [{}, {"scratch": np.ones(3)}])
def test_fewer_than_two_frameworks_is_an_error(candidates: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="two or more"):
        compare(candidates)


@pytest.mark.parametrize("tolerance", [-1e-9, 1, 2.0, math.inf, math.nan])
def test_tolerance_is_checked(tolerance: float) -> None:
    with pytest.raises(ValueError, match=r"tolerance must be None or in \[0, 1\), got"):
        pair(1.0, 1.0, tolerance=tolerance)


@pytest.mark.parametrize("terms", [0, -3, 1.5, True, None])
def test_terms_is_checked(terms: Any) -> None:
    with pytest.raises(ValueError, match="terms must be an integer >= 1, got"):
        pair(1, 1, terms=terms)


def test_other_arguments_are_checked() -> None:
    with pytest.raises(ValueError, match="reference must be one of"):
        pair(1.0, 1.0, reference="keras")
    with pytest.raises(ValueError, match="no candidate is a callable"):
        pair(1.0, 1.0, np.ones(3))
    with pytest.raises(TypeError, match="candidates must map names to values, got list"):
        compare([np.ones(3), np.ones(3)])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "value",
    [
        "text",
        None,
        object(),
        {1.0},
        np.array(["a"]),
        np.array([None]),
        np.array([1j]),
        1j,
        10**30,
        [[1.0], [2.0, 3.0]],
        np.datetime64("2020-01-01"),
        np.array([(1, 2.0)], "i4,f8"),
        np.ma.masked_array([1.0, 2.0], [True, False]),
        iter([1.0]),
    ],
)
def test_what_cannot_be_measured_is_a_type_error(value: Any) -> None:
    for place in (value, {"a": {"b": value}}, lambda: value):
        with pytest.raises(TypeError, match="torch: "):
            pair(1.0, place)


def test_a_type_error_names_the_quantity() -> None:
    with pytest.raises(TypeError, match=r"torch: gradient.weight is complex128"):
        pair(1.0, {"gradient": {"weight": np.array([1j])}})


# Structures and callables.


def test_structures_are_compared_leaf_by_leaf() -> None:
    def tree(weight: float) -> dict[str, Any]:
        inner = {"weight": np.array([weight, 1.0]), "bias": 0.5}
        return {"output": grid(), "gradient": inner, "state": (1.0, [np.ones(2), {"n": 3}])}

    assert pair(tree(2), tree(2))
    result = pair(tree(2), tree(3))
    names = ["output", "gradient.weight", "gradient.bias", "state.0", "state.1.0", "state.1.1.n"]
    assert [row.quantity for row in result.rows] == names
    assert [row.quantity for row in result.rows if not row.ok] == ["gradient.weight"]
    assert result.worst.quantity == "gradient.weight"


def test_a_missing_quantity_fails_on_either_side() -> None:
    full, part = {"x": 1.0, "gradient": {"w": 2.0}}, {"x": 1.0}
    for a, b, name in ((full, part, "torch"), (part, full, "scratch")):
        result = pair(a, b)
        assert not result
        assert [row.quantity for row in result.rows] == ["x", "gradient.w"]
        assert result.rows[1].reason == f"missing in {name}"
    assert not pair(1.0, {"x": 1.0})
    assert not pair((1.0, np.ones(2)), (1.0, np.ones(2), np.ones(2)))


def test_two_quantities_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match=r"two quantities named 'a\.b'"):
        pair({"a.b": 1.0, "a": {"b": 2.0}}, {"a.b": 1.0})


def test_every_pair_is_compared_and_the_reference_comes_first() -> None:
    def pairs(result: Comparison) -> list[tuple[str, str, bool]]:
        return [(row.first, row.second, row.ok) for row in result.rows]

    # each within the tolerance of the reference, but not of each other
    candidates = {"scratch": 1.0, "torch": 1.0 + 8e-10, "keras": 1.0 - 8e-10}
    wide = compare(candidates, tolerance=1e-9)
    assert pairs(wide) == [
        ("scratch", "torch", True),
        ("scratch", "keras", True),
        ("torch", "keras", False),
    ]
    assert not wide.ok
    assert wide.reference == "scratch"
    assert wide.worst == wide.rows[2]
    other = compare(candidates, tolerance=1e-9, reference="keras")
    assert [p[:2] for p in pairs(other)] == [
        ("keras", "scratch"),
        ("keras", "torch"),
        ("scratch", "torch"),
    ]
    assert other.rows[0].values == (1.0 - 8e-10, 1.0)


def test_callables_get_a_copy_each() -> None:
    x, w = grid(), np.float32(2)
    seen = []

    def double(x: NDArray[Any], w: Any) -> NDArray[Any]:
        seen.append(x)
        return x * w

    assert pair(double, double, x, w)
    assert seen[0] is not seen[1]
    assert not any(np.shares_memory(x, y) for y in seen)
    assert pair(double, x * 2, x, w)


@pytest.mark.parametrize("which", [0, 1])
def test_a_changed_input_is_a_failure(which: int) -> None:
    def pure(x: NDArray[Any], grads: dict[str, Any]) -> Any:
        return 2 * x

    def changes_x(x: NDArray[Any], grads: dict[str, Any]) -> Any:
        x *= 2
        return x

    def changes_grads(x: NDArray[Any], grads: dict[str, Any]) -> Any:
        grads["w"][0] = math.nan
        return 2 * x

    x, grads = grid(), {"w": np.array([-0.0, math.nan])}
    bad, name = ((changes_x, "input 0"), (changes_grads, "input 1.w"))[which]
    assert pair(pure, pure, x, grads)
    for result in (pair(pure, bad, x, grads), pair(bad, pure, x, grads)):
        assert not result
        assert [(row.quantity, row.ok) for row in result.rows] == [("value", True), (name, False)]
    assert "torch changed its input in place" in str(pair(pure, bad, x, grads))
    assert "scratch changed its input in place" in str(pair(bad, pure, x, grads))
    np.testing.assert_array_equal(x, grid())


@pytest.mark.parametrize("x", [np.array([0.0, 1.0]), np.array([1.0, math.nan])])
def test_the_smallest_change_of_an_input_is_seen(x: NDArray[Any]) -> None:
    def flip(x: NDArray[Any]) -> float:
        x[0] = -0.0 if x[0] == 0 else np.nextafter(x[0], 2)
        return 1.0

    assert not pair(flip, lambda x: 1.0, x)
    assert not pair(lambda x: x.resize(1, refcheck=False) or 1.0, lambda x: 1.0, x)
    assert pair(lambda x: 1.0, lambda x: 1.0, x)


def test_a_reused_output_buffer_does_not_hide_a_difference() -> None:
    buffer = np.zeros(3)

    def layer(factor: float) -> Any:
        return lambda x: np.multiply(x, factor, out=buffer)

    assert not pair(layer(2), layer(3), np.ones(3))


def test_an_exception_names_the_framework() -> None:
    def broken(x: NDArray[Any]) -> None:
        raise KeyError("running_mean")

    with pytest.raises(RuntimeError, match="torch raised KeyError: 'running_mean'") as caught:
        pair(lambda x: x, broken, np.ones(2))
    assert isinstance(caught.value.__cause__, KeyError)


# Frameworks.


@pytest.fixture(scope="module")
def torch() -> ModuleType:
    return pytest.importorskip("torch")  # before TensorFlow, which is loaded in the same process


@pytest.fixture(scope="module")
def tf(torch: ModuleType) -> ModuleType:
    return pytest.importorskip("tensorflow")


@pytest.fixture(scope="module")
def keras(tf: ModuleType) -> ModuleType:
    return pytest.importorskip("keras")


@pytest.fixture(scope="module")
def jnp(tf: ModuleType) -> ModuleType:
    return pytest.importorskip("jax.numpy")


def both_ways(a: NDArray[Any], same: Any) -> None:
    """The tensor equals its source, and only its source."""
    pair(a, same).check()
    wrong = a.copy()
    wrong.flat[-1] += 1
    row = only(pair(wrong, same))
    assert not row.ok
    assert row.values == (wrong.flat[-1], a.flat[-1])


@pytest.mark.parametrize("dtype", [*DTYPES, "int32", "int64"])
def test_torch(torch: ModuleType, dtype: str) -> None:
    a = grid(dtype)
    both_ways(a, torch.tensor(a))
    both_ways(a, torch.tensor(a.T.copy()).T)
    if "float" in dtype:
        both_ways(a, torch.tensor(a, requires_grad=True))
        both_ways(a, torch.nn.Parameter(torch.tensor(a)) * 1)
    if dtype == "float64":
        lazy = torch.tensor(-1j * a).conj().imag
        assert lazy.is_neg()
        both_ways(a, lazy)


def test_torch_refusals(torch: ModuleType) -> None:
    for tensor in (torch.eye(2).to_sparse(), torch.eye(2).to("meta"), torch.eye(2) * 1j):
        with pytest.raises(TypeError, match="torch: value"):
            pair(np.eye(2), tensor)


def test_torch_module_as_a_callable(torch: ModuleType) -> None:
    x = grid("float32")
    both = {"scratch": lambda x: np.maximum(x, 0), "torch": lambda x: torch.relu(torch.tensor(x))}
    compare(both, x).check()
    in_place = pair(lambda x: np.maximum(x, 0), lambda x: torch.from_numpy(x).relu_(), x)
    assert [row.quantity for row in in_place.rows if not row.ok] == ["input 0"]


@pytest.mark.parametrize("dtype", [*DTYPES, "int32", "int64"])
def test_tensorflow(tf: ModuleType, dtype: str) -> None:
    both_ways(grid(dtype), tf.constant(grid(dtype)))
    both_ways(grid(dtype), tf.Variable(grid(dtype)))


def test_tensorflow_refusals(tf: ModuleType) -> None:
    slices = tf.IndexedSlices(tf.ones((1, 2)), tf.constant([0]))
    ragged = tf.ragged.constant([[1.0], [2.0, 3.0]])
    for tensor in (slices, ragged, tf.sparse.from_dense(tf.ones((2, 2))), tf.constant(["a"])):
        with pytest.raises(TypeError, match="torch: value"):
            pair(np.ones((2, 2)), tensor)


@pytest.mark.parametrize("dtype", ["float16", "float32", "int32"])
def test_jax(jnp: ModuleType, dtype: str) -> None:
    both_ways(grid(dtype), jnp.asarray(grid(dtype)))


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
def test_keras(keras: ModuleType, dtype: str) -> None:
    both_ways(grid(dtype), keras.ops.convert_to_tensor(grid(dtype)))
    both_ways(grid(dtype), keras.Variable(grid(dtype), dtype=dtype, trainable="float" in dtype))
    with pytest.raises(TypeError, match="torch: value"):
        pair(grid(dtype), keras.KerasTensor((2, 3)))


def test_a_keras_layer_as_a_callable(keras: ModuleType) -> None:
    x = grid("float32")
    compare({"scratch": lambda x: np.maximum(x, 0), "keras": keras.layers.ReLU()}, x).check()


def test_a_bfloat16_keras_variable(keras: ModuleType, torch: ModuleType) -> None:
    variable = keras.Variable(VALUES, dtype="bfloat16")
    pair(torch.tensor(VALUES, dtype=torch.bfloat16), variable).check()


def test_bfloat16(torch: ModuleType, tf: ModuleType, jnp: ModuleType) -> None:
    values = {
        "torch": torch.tensor(VALUES, dtype=torch.bfloat16),
        "tensorflow": tf.constant(VALUES, tf.bfloat16),
        "jax": jnp.asarray(VALUES, jnp.bfloat16),
    }
    result = compare(values)
    result.check()
    assert {row.dtypes for row in result.rows} == {("bfloat16", "bfloat16")}
    assert {row.bound for row in result.rows} == {derived_bound("bfloat16")}
    assert failure(values["torch"], grid("float32").ravel()) == "dtype bfloat16 against float32"
    one, next_up = (torch.tensor([v], dtype=torch.bfloat16) for v in (1.0, 1.0 + 2**-7))
    assert only(pair(one, next_up)).ulp == 1
    assert not pair(one, one + 0.25)
    with pytest.raises(TypeError, match="float8"):
        pair(jnp.ones(2, jnp.float8_e4m3fn), 1.0)


def test_importing_compare_imports_no_framework() -> None:
    code = """
import sys
from triptych.comparison import compare
compare({"a": 1.0, "b": [1.0, 2.0]}).to_dict()
loaded = {"torch", "tensorflow", "keras", "jax", "rich"} & set(sys.modules)
assert not loaded, loaded
"""
    subprocess.run([sys.executable, "-c", code], check=True)


# Reading the result.


def test_check_says_what_differs_where_and_by_how_much() -> None:
    a, b = grid("float32"), grid("float32")
    b[1, 2] = 7.5
    result = compare(
        {"scratch": {"gradient": {"weight": a}}, "keras": {"gradient": {"weight": b}}},
        label="dropout",
        terms=128,
    )
    with pytest.raises(AssertionError) as caught:
        result.check()
    assert str(caught.value) == (
        "dropout: 0 of 1 comparisons agree, 1 FAILED\n"
        "  FAIL  gradient.weight, scratch / keras: "
        "relative error 0.0667 above 1.62e-05, off by 1.05e+06 ulp\n"
        "          at [1, 2]: scratch has 7.0, keras has 7.5"
    )


def test_check_lists_failures_only_and_str_lists_all() -> None:
    result = pair({"x": 1.0, "y": 2.0, "z": 1.0}, {"x": 1.0, "y": 3.0, "z": 1 + 2**-52})
    with pytest.raises(AssertionError) as caught:
        result.check()
    assert "x, scratch" not in str(caught.value)
    lines = str(result).splitlines()
    assert lines[1].startswith("  FAIL  y, scratch / torch: relative error 0.333 above 2e-15")
    assert lines[2] == "          scratch has 2.0, torch has 3.0"
    assert lines[3] == "  ok    x, scratch / torch: equal"
    ok = "  ok    z, scratch / torch: relative error 2.22e-16 within 2e-15, off by 1 ulp"
    assert lines[4] == ok
    assert len(lines) == 5
    pair(1.0, 1.0).check()


@pytest.mark.parametrize(
    ("a", "b", "text"),
    [
        (math.nan, 0.5, "NaN against 0.5\n          scratch has NaN, torch has 0.5"),
        (3, 4, "1 of 1 elements differ\n          scratch has 3, torch has 4"),
        (np.float32(1), 1.0, "dtype float32 against float64"),
        (
            np.array([np.float32(0.1)]),
            np.array([0.1]),
            "dtype float32 against float64, off by 0.2 ulp\n"
            "          at [0]: scratch has 0.1, torch has 0.1",
        ),
        ({"x": 1.0}, {"y": 1.0}, "missing in torch"),
    ],
)
def test_each_failure_reads_well(a: Any, b: Any, text: str) -> None:
    assert str(pair(a, b)).split("/ torch: ")[1].split("\n  FAIL")[0] == text


def test_the_two_values_are_printed_apart() -> None:
    for kind in (np.float32, np.float64):
        a, b = kind(0.1), np.nextafter(kind(0.1), kind(1))
        first, second = only(pair(a, b, tolerance=0)).texts
        assert first == "0.1"
        assert second != first
        assert kind(second) == b


def test_a_failed_comparison_is_false() -> None:
    assert bool(pair(1.0, 1.0)) is True
    assert bool(pair(1.0, 2.0)) is False
    assert not Comparison("nothing", "scratch", ()).ok


def test_worst_prefers_a_failure_and_then_the_least_room() -> None:
    near = np.nextafter(1, 2)
    good = pair({"x": 1.0, "y": 1.0, "n": 3}, {"x": 1.0, "y": near, "n": 3})
    assert good.ok
    assert good.worst.quantity == "y"
    # 1 of 9 float32 roundings is a larger error than 2 of 9 float64 ones, but has more room
    one, two = np.nextafter(np.float32(1), np.float32(2)), 1 + 2**-51
    assert pair({"x": np.float32(1), "y": 1.0}, {"x": one, "y": two}).worst.quantity == "y"
    # a dtype that differs by no number is still worse than a number that fits
    a = {"x": 1.0, "y": np.float32(1), "n": 3}
    assert pair(a, {"x": near, "y": 1.0, "n": 3}).worst.quantity == "y"
    assert pair(a, {"x": 1.5, "y": np.float32(1), "n": 4}).worst.quantity == "n"


def rendered(table: Any) -> str:
    page = io.StringIO()
    pytest.importorskip("rich.console").Console(width=160, file=page).print(table)
    return page.getvalue()


def test_the_table_shows_every_row() -> None:
    a = {"[i]weight": grid(), "mask": np.array([True])}
    result = pair(a, {"[i]weight": grid() * 2, "mask": np.array([True])}, label="[red]l2[/red]")
    text = rendered(result.table())
    assert "[red]l2[/red]: 1 of 2 comparisons agree, 1 FAILED" in text
    (weight,) = (line for line in text.splitlines() if "[i]weight" in line)
    (mask,) = (line for line in text.splitlines() if "mask" in line)
    for part in ("scratch / torch", "float64", "0.5", "2e-15", "relative error 0.5 above 2e-15"):
        assert part in weight
    assert "bool" in mask
    assert "ok" in mask
    assert rendered(pair({"x": 1.0}, {"y": 1.0}).table()).count("missing in") == 2


def no_constants(name: str) -> None:
    raise AssertionError(f"{name} is not JSON")


def test_to_dict_is_strict_json() -> None:
    a = {"x": np.array([math.nan, 1]), "y": 1.0, "m": True, "n": np.ones(2), "i": 2, "z": math.inf}
    b = {"x": np.array([0.5, 1]), "m": False, "n": np.ones(3), "i": 3, "z": -1.0}
    data = pair(a, b, label="all").to_dict()
    text = json.dumps(data, allow_nan=False)
    assert json.loads(text, parse_constant=no_constants) == data
    assert data["label"] == "all"
    assert data["ok"] is False
    rows = {row["quantity"]: row for row in data["rows"]}
    assert rows["x"]["values"] == ["nan", 0.5]
    assert rows["x"]["relative"] == "inf"
    assert rows["x"]["index"] == [0]
    assert rows["z"]["values"] == ["inf", -1.0]
    assert rows["n"]["shapes"] == [[2], [3]]
    assert rows["m"]["values"] == [True, False]
    assert rows["y"]["reason"] == "missing in torch"
    longdouble = pair(np.longdouble(1), np.longdouble(2)).to_dict()
    assert json.loads(json.dumps(longdouble)) == longdouble


# Reports.


def report() -> Report:
    result = Report()
    for dtype, factor in (("float64", 1), ("float64", 1 + 2**-52), ("float32", 1 + 2**-23)):
        a = np.array([1.0, 1.5], dtype)
        b = {"output": a, "gradient": a * np.dtype(dtype).type(factor)}
        same = {"output": a, "gradient": a}
        frameworks = {"scratch": same, "torch": b, "keras": same}
        result.add(compare(frameworks, label="dropout"))
    result.add(pair(np.ones(2), np.zeros(3), label="l2"))
    result.add(pair(np.ones(2), np.ones(2), label="l2", reference="torch"))
    return result


def test_the_summary_holds_the_worst_of_each_pair() -> None:
    lines = {(line["label"], line["first"], line["second"]): line for line in report().summary()}
    assert list(lines) == [
        ("dropout", "scratch", "keras"),
        ("dropout", "scratch", "torch"),
        ("dropout", "torch", "keras"),
        ("l2", "scratch", "torch"),
    ]
    line = lines["dropout", "scratch", "torch"]
    a, b = 1.5, 1.5 * (1 + 2**-52)
    assert line["float64"] == (b - a) / b
    c, d = np.float32(1.5), np.float32(1.5) * np.float32(1 + 2**-23)
    assert line["float32"] == (float(d) - float(c)) / float(d)
    assert line["ulp"] == 2
    assert (line["cases"], line["ok"]) == (3, True)
    same = lines["dropout", "scratch", "keras"]
    assert (same["float64"], same["float32"], same["ulp"]) == (0, 0, 0)
    bad = lines["l2", "scratch", "torch"]
    assert (bad["cases"], bad["ok"]) == (2, False)
    assert (bad["float64"], bad["float32"], bad["ulp"]) == ("inf", None, "inf")


def test_a_report_is_ok_if_all_its_cases_are() -> None:
    result = Report()
    assert not result.ok
    result.add(pair(1.0, 1.0))
    assert result.ok
    result.add(pair(1.0, 2.0))
    assert not result.ok


def test_a_report_survives_its_file(tmp_path: Any) -> None:
    path = tmp_path / "parity.json"
    report().to_json(path)
    data = json.loads(path.read_text(), parse_constant=no_constants)
    assert list(data) == ["cases", "summary"]
    assert data["summary"] == report().summary()
    again = Report.from_json(path)
    assert again.cases == report().cases
    assert again.summary() == report().summary()
    assert rendered(again.table()) == rendered(report().table())


def test_a_report_writes_no_json_that_others_cannot_read(tmp_path: Any) -> None:
    case = pair(1.0, 2.0).to_dict()
    case["rows"][0]["relative"] = math.inf  # not by its name, as to_dict gives it
    with pytest.raises(ValueError, match="JSON"):
        Report([case]).to_json(tmp_path / "parity.json")


def test_reports_merge() -> None:
    whole = report()
    parts = Report(whole.cases[:2])
    parts.extend(whole.cases[2:])
    assert parts.summary() == whole.summary()
    backwards = Report(whole.cases[::-1])
    assert [line["cases"] for line in backwards.summary()] == [3, 3, 3, 2]


def test_a_report_is_in_the_order_of_the_catalogue() -> None:
    """Techniques, what they rest on, then anything else; within one, by label."""
    result = Report()
    for technique, label in (
        ("", "anything"), ("weights", "weights"), ("optimizers", "sgd"), ("optimizers", "adam"),
        ("batch_norm", "batch_norm, native"), ("batch_norm", "batch_norm"), ("dropout", "zeros"),
    ):  # fmt: skip
        result.add(pair(1.0, 1.0, label=label), technique)
    expected = ["zeros", "batch_norm", "batch_norm, native", "adam", "sgd", "anything", "weights"]
    assert [line["label"] for line in result.summary()] == expected
    lines = rendered(result.table()).splitlines()
    shown = [line.split("│")[1].strip() for line in lines if line.startswith("│")]
    assert shown == expected


def test_the_report_table_shows_verdicts() -> None:
    found = report()
    found.add(compare({"scratch": [1], "opencv": [1]}, label="counts"))
    lines = rendered(found.table()).splitlines()
    (heading,) = (line for line in lines if "technique" in line)
    cells = {
        name: [
            cell.strip() for line in lines if f" {name} " in line for cell in line.split("│")[1:-1]
        ]
        for name in ("dropout", "l2", "counts")
    }
    pairs = ["scratch / keras", "scratch / torch", "torch / keras"]
    assert [cell.strip() for cell in heading.split("┃")[1:-1]] == [
        *("technique", *pairs, "other", "cases", "verdict")
    ]
    different = "3e-16 2e-07"
    assert cells["dropout"] == ["dropout", "0 0", different, different, "", "3", "same"]
    assert cells["l2"] == ["l2", "-", "inf", "-", "", "2", "DIFFERENT"]
    assert cells["counts"] == ["counts", "-", "-", "-", "opencv 0", "1", "same"]


# Properties.

UNHURRIED = settings(deadline=None)

SHAPES = hnp.array_shapes(min_dims=0, max_dims=3, min_side=1, max_side=4)


@st.composite
def arrays(draw: st.DrawFn, count: int = 1, finite: bool = True) -> list[NDArray[Any]]:
    """Arrays of one shape and dtype, from anywhere in the floating-point range."""
    width = draw(st.sampled_from([32, 64]))
    shape = draw(SHAPES)
    elements = st.floats(width=width, allow_nan=not finite, allow_infinity=not finite)
    return [draw(hnp.arrays(f"float{width}", shape, elements=elements)) for _ in range(count)]


@UNHURRIED
@given(arrays(count=2, finite=False))
def test_the_order_of_the_candidates_does_not_matter(both: list[NDArray[Any]]) -> None:
    a, b = both
    there, back = only(pair(a, b)), only(pair(b, a))
    for name in ("ok", "absolute", "relative", "ulp", "index", "bound"):
        assert getattr(there, name) == getattr(back, name)
    if there.values and back.values:
        np.testing.assert_array_equal(there.values, back.values[::-1])


@UNHURRIED
@given(arrays())
def test_an_array_equals_its_copy(one: list[NDArray[Any]]) -> None:
    row = only(pair(one[0], one[0].copy(), tolerance=0))
    assert row.ok
    assert row.relative == row.ulp == row.absolute == 0


@UNHURRIED
@given(arrays(count=2), st.integers(1, 10_000))
def test_the_error_is_the_one_of_exact_arithmetic(both: list[NDArray[Any]], terms: int) -> None:
    check_against_fractions(*both, terms)


@UNHURRIED
@given(arrays(), st.data(), st.floats(-4, 4), st.integers(1, 1000))
def test_any_perturbation_above_the_bound_is_found(
    one: list[NDArray[Any]], data: st.DataObject, size: float, terms: int
) -> None:
    a = one[0]
    place = data.draw(st.integers(0, a.size - 1))
    scale = float(np.abs(a).max())
    step = size * derived_bound(a.dtype.name, terms) * scale
    b = a.copy()
    with np.errstate(over="ignore"):
        b.flat[place] = float(a.flat[place]) + step
    assume(np.isfinite(b).all())
    check_against_fractions(a, b, terms)


def check_against_fractions(a: NDArray[Any], b: NDArray[Any], terms: int) -> None:
    exact = [(Fraction(float(x)), Fraction(float(y))) for x, y in zip(a.flat, b.flat, strict=True)]
    gap = max(abs(x - y) for x, y in exact)
    scale = max(max(abs(x), abs(y)) for x, y in exact)
    relative = gap / scale if scale else Fraction(0)
    row = only(pair(a, b, terms=terms))
    bound = derived_bound(a.dtype.name, terms)
    assert row.bound == bound
    assert row.relative == pytest.approx(float(relative), rel=1e-12, abs=5e-324)
    assert (row.relative == 0) is (gap == 0)
    if abs(relative / Fraction(bound) - 1) > Fraction(1, 10**12):  # beyond its own rounding
        assert row.ok is (relative <= bound)
    if gap:
        info = np.finfo(a.dtype)
        exponent = scale.numerator.bit_length() - scale.denominator.bit_length()
        exponent -= Fraction(2) ** exponent > scale  # 2**exponent <= scale < 2**(exponent + 1)
        spacing = Fraction(2) ** (max(exponent, int(info.minexp)) - info.nmant)
        assert row.ulp == pytest.approx(float(gap / spacing), rel=1e-12)
        x, y = exact[int(np.ravel_multi_index(row.index or (), a.shape)) if a.shape else 0]
        assert abs(x - y) >= gap * (1 - Fraction(1, 10**12))
        assert row.values == (x, y)


@UNHURRIED
@given(SHAPES, SHAPES, st.sampled_from(["float32", "int64", "bool"]))
def test_unlike_shapes_never_pass(
    first: tuple[int, ...], second: tuple[int, ...], dtype: str
) -> None:
    result = pair(np.ones(first, dtype), np.ones(second, dtype))
    assert result.ok is (first == second)


@UNHURRIED
@given(hnp.arrays("int64", SHAPES), st.data())
def test_any_change_of_an_integer_is_found(a: NDArray[Any], data: st.DataObject) -> None:
    b = a.copy()
    place = data.draw(st.integers(0, a.size - 1))
    b.flat[place] ^= 1 << data.draw(st.integers(0, 62))
    row = only(pair(a, b))
    assert not row.ok
    assert row.absolute == 1
    assert row.index == np.unravel_index(place, a.shape)
