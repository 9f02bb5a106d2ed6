import numpy as np
import pytest

from parity_tests.panels import assert_gradient, everywhere, panel, same_error

SHAPES = [(4, 28, 28, 1), (4, 7, 10, 3), (2, 1, 1, 2), (1, 2, 5, 1)]


def module(framework):
    return panel(framework, "cutout")


def centres(shape, seed=0):
    n, height, width, _ = shape
    rng = np.random.default_rng(seed)
    return rng.integers(0, height, n), rng.integers(0, width, n)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("side", [0, 1, 4, 5])
def test_output_and_gradient_agree(parity, dtype, shape, side):
    images, upstream = np.random.default_rng(1).normal(size=(2, *shape)).astype(dtype)
    row, column = centres(shape)

    def call(framework, adapter):
        centre = adapter.tensor(row), adapter.tensor(column)

        def function(x):
            return module(framework).cutout(x, *centre, side, fill_value=0.3)

        if framework == "scratch":
            return [function(images), module(framework).cutout_backward(upstream, *centre, side)]
        output, grads = adapter.vjp(function, (images,), upstream)
        return [output, *grads]

    # Pixels are chosen, not computed with: equal to the last bit.
    parity("cutout", everywhere(call), tolerance=0.0)


@pytest.mark.parametrize("side", [1, 2, 3, 4])
def test_it_is_a_square_about_the_centre(side):
    images = np.random.default_rng(2).normal(size=(1, 6, 7, 2))
    for row, column in np.ndindex(6, 7):
        cut = module("scratch").cutout(
            images, np.array([row]), np.array([column]), side, fill_value=9.0
        )
        top, left = row - side // 2, column - side // 2
        expected = images.copy()
        expected[:, max(top, 0) : max(top + side, 0), max(left, 0) : max(left + side, 0)] = 9.0
        np.testing.assert_array_equal(cut, expected)
        whole = 0 <= top <= 6 - side and 0 <= left <= 7 - side
        assert ((cut == 9.0).sum() == 2 * side**2) == whole


def test_backward_is_the_gradient():
    images, upstream = np.random.default_rng(3).normal(size=(2, 3, 4, 5, 2))
    centre = centres(images.shape)
    cutout = module("scratch").cutout
    assert_gradient(
        lambda x: (upstream * cutout(x, *centre, 3, fill_value=0.5)).sum(),
        images,
        module("scratch").cutout_backward(upstream, *centre, 3),
    )


def test_inputs_are_left_alone():
    images = np.random.default_rng(4).normal(size=(2, 5, 6, 1))
    row, column = centres(images.shape)

    def unchanged(framework, adapter):
        tensors = [adapter.tensor(array) for array in (images, row, column)]
        module(framework).cutout(*tensors, 3)
        for tensor, array in zip(tensors, (images, row, column), strict=True):
            np.testing.assert_array_equal(adapter.numpy(tensor), array)

    everywhere(unchanged)
    frozen = images.copy()
    module("scratch").cutout_backward(images, row, column, 3)
    np.testing.assert_array_equal(images, frozen)


def test_bad_input():
    images, zeros = np.zeros((2, 4, 5, 1), np.float32), np.zeros(2, int)

    def apply(images=images, row=zeros, column=zeros, side=3, **options):
        def call(framework, adapter):
            tensors = [adapter.tensor(array) for array in (images, row, column)]
            module(framework).cutout(*tensors, side, **options)

        return call

    integers = "images must be floating point in [0, 1], got uint8: divide by 255 first"
    same_error(apply(images=images.astype(np.uint8)), integers)
    rank = "images must have shape (N, H, W, C), got shape (4, 5, 1)"
    same_error(apply(images=images[0]), rank)
    empty = "images must hold at least one row, got shape (0, 4, 5, 1)"
    same_error(apply(images=images[:0]), empty)
    same_error(apply(row=zeros[:1]), "row must be integer of shape (2,), got int64 of shape (1,)")
    same_error(
        apply(column=np.zeros(2)),
        "column must be integer of shape (2,), got float64 of shape (2,)",
    )
    same_error(apply(side=-1), "side must be an integer >= 0, got -1")
    same_error(apply(side=2.0), "side must be an integer >= 0, got 2.0")
    same_error(apply(fill_value=np.nan), "fill_value must be a number in (-inf, inf), got nan")


def test_squares_far_outside():
    """A centre beyond what int32 holds is far outside, and not back at 0."""
    images = np.random.default_rng(0).uniform(size=(2, 4, 5, 1))
    for far in (2**31, 2**32, 2**32 + 1, -(2**32)):
        row, column = np.array([far, 0]), np.array([0, far])

        def call(framework, adapter, row=row, column=column):
            cutout = panel(framework, "cutout").cutout
            centre = adapter.tensor(row), adapter.tensor(column)
            return adapter.numpy(cutout(adapter.tensor(images), *centre, 3, fill_value=9.0))

        for framework, found in everywhere(call).items():
            np.testing.assert_array_equal(found, images, err_msg=framework)
