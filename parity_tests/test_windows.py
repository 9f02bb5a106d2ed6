"""The windows lie where PyTorch and TensorFlow put them.

Each framework convolves the numbers 1, 2, 4, 8, ... with ones: a sum of powers of two tells which
pixels are in the window, so that one wrong pixel of padding shows.
"""

import itertools

import numpy as np
import pytest

from triptych.common.windows import geometry, output_size, padding_sizes

pytestmark = pytest.mark.once

SIDES = list(itertools.product(range(1, 8), range(1, 6), range(1, 5)))  # size, window, stride


def sums(size, window, stride, padding):
    """The sum of each window, by ``padding_sizes`` and ``output_size``."""
    before, after = padding_sizes(size, window, stride, padding)
    padded = np.pad(2.0 ** np.arange(size), (before, after))
    count = output_size(size, window, stride, padding)
    return [padded[i * stride : i * stride + window].sum() for i in range(count)]


def assert_same_windows(framework, *case):
    np.testing.assert_array_equal(framework(*case).numpy(), sums(*case), err_msg=str(case))


def in_torch(size, window, stride, padding):
    import torch

    powers, ones = torch.tensor(2.0 ** np.arange(size)), torch.ones(1, 1, window).double()
    return torch.nn.functional.conv1d(powers[None, None], ones, None, stride, padding)[0, 0]


def in_tensorflow(size, window, stride, padding):
    import tensorflow as tf

    powers, ones = tf.constant(2.0 ** np.arange(size)), tf.ones((window, 1, 1), "float64")
    return tf.nn.conv1d(powers[None, :, None], ones, stride, padding.upper())[0, :, 0]


def test_tensorflow_has_the_same_windows():
    for size, window, stride in SIDES:
        for padding in ("valid", "same"):
            if padding == "same" or window <= size:
                assert_same_windows(in_tensorflow, size, window, stride, padding)


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths:UserWarning")
def test_torch_has_the_same_windows():
    for size, window, stride in SIDES:
        for padding in (0, 1, 2, 3):
            if window <= size + 2 * padding:
                assert_same_windows(in_torch, size, window, stride, padding)
        if window <= size:
            assert_same_windows(in_torch, size, window, stride, "valid")
        if stride == 1:  # PyTorch has no other "same"
            assert_same_windows(in_torch, size, window, stride, "same")


def test_known_sides():
    assert padding_sizes(28, 3, 1, "same") == (1, 1)
    assert padding_sizes(28, 3, 2, "same") == (0, 1)
    assert padding_sizes(27, 3, 2, "same") == (1, 1)
    assert padding_sizes(28, 2, 1, "same") == (0, 1)
    assert padding_sizes(5, 1, 3, "same") == (0, 0)
    assert padding_sizes(28, 3, 2, 4) == (4, 4)
    assert padding_sizes(28, 3, 2, "valid") == (0, 0)
    assert padding_sizes(28, 3, 2, (1, 5)) == (1, 5)


@pytest.mark.parametrize(("size", "window", "padding"), [(2, 3, "valid"), (1, 6, 2)])
def test_no_window(size, window, padding):
    padded = size if padding == "valid" else size + 2 * padding
    message = (
        f"x must be at least {window} pixels high and wide after padding, "
        f"as large as the window, got {padded}"
    )
    for call in (
        lambda: output_size(size, window, 1, padding),
        lambda: geometry(
            (1, size, 9, 1), (window, 1), 1, (padding, 0) if padding == 2 else padding
        ),
        lambda: geometry(
            (1, 9, size, 1), (1, window), 1, (0, padding) if padding == 2 else padding
        ),
    ):
        with pytest.raises(ValueError) as caught:  # noqa: PT011 (the text is compared below)
            call()
        assert str(caught.value) == message


def test_geometry_of_an_image():
    """Height first, in everything; the batch and the channels do not matter."""
    windows = geometry((2, 8, 11, 3), (3, 4), (2, 3), "same")
    assert windows.stride == (2, 3)
    assert windows.padding == ((0, 1), (1, 1))
    assert windows.output == (4, 4)
    windows = geometry((1, 8, 11, 1), (3, 4), 2, (1, 0))
    assert windows.stride == (2, 2)
    assert windows.padding == ((1, 1), (0, 0))
    assert windows.output == (4, 4)
    assert geometry((1, 8, 11, 1), (3, 4), 1, "valid").output == (6, 8)
    assert geometry((1, 8, 11, 1), (3, 4), 1, 1).output == (8, 10)
    windows = geometry((1, 8, 11, 1), (3, 4), 2, ((1, 0), (0, 2)), (2, 3))
    assert windows.padding == ((1, 0), (0, 2))
    assert windows.output == (3, 2)
    assert windows.dilation == (2, 3)
    windows = geometry((1, 8, 11, 1), (3, 4), 1, "same", (2, 3))
    assert windows.padding == ((2, 2), (4, 5))


@pytest.mark.parametrize(
    "value", [0, -1, 1.5, "two", None, True, (1,), (1, 2, 3), (1, 0), (1, 1.0)]
)
def test_bad_geometry(value):
    with pytest.raises(ValueError, match="stride must be an integer >= 1 or a pair of them"):
        geometry((1, 5, 5, 1), (3, 3), value, "valid")
    if value != 0 and value != (1, 0):
        with pytest.raises(ValueError, match="padding must be 'valid', 'same', an integer >= 0"):
            geometry((1, 5, 5, 1), (3, 3), 1, value)
