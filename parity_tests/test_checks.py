import inspect
import math
import re
from decimal import Decimal
from fractions import Fraction
from types import SimpleNamespace

import jax
import keras
import ml_dtypes
import numpy as np
import pytest
import tensorflow as tf
import torch

from triptych.common import checks
from triptych.common.streams import Stream

pytestmark = pytest.mark.once

NAN, INF = math.nan, math.inf


def array(shape, dtype="float32"):
    """What a check sees of an array: a graph's has no values, and sizes of None."""
    return SimpleNamespace(shape=shape, dtype=dtype)


def fails(message, check, *args, **options):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (the text is compared below)
        check(*args, **options)
    assert str(caught.value) == message


# --- Arrays of every framework --------------------------------------------------------------------


def test_compiling():
    """PyTorch's answer where its panel is imported: values are then not to be read."""
    import torch_impl  # noqa: F401

    def reads(x):
        return x + 1 if checks.compiling() and checks.readable(x) is None else x - 1

    x = torch.ones(2)
    assert not checks.compiling()
    assert torch.equal(reads(x), x - 1)
    assert torch.equal(torch.compile(reads, fullgraph=True, backend="eager")(x), x + 1)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64", "int64", "bool"])
def test_arrays_of_every_framework(dtype):
    values = np.array([[0, 1, 1]])
    numpy_dtype = ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype
    with jax.enable_x64(True):
        arrays = [
            values.astype(numpy_dtype),
            torch.tensor(values).to(getattr(torch, dtype)),
            tf.cast(values, dtype),
            tf.Variable(tf.cast(values, dtype)),
            jax.numpy.asarray(values.astype(numpy_dtype)),
            keras.ops.cast(values, dtype),
            keras.Variable(values, dtype=dtype, trainable=False),
        ]
    for found in arrays:
        assert checks.dtype_name(found) == dtype
        assert tuple(checks.shape_of(found)) == (1, 3)
        np.testing.assert_array_equal(checks.readable(found).astype(float), values)
    gradient = torch.ones(2, requires_grad=True)
    np.testing.assert_array_equal(checks.readable(gradient), [1, 1])


def test_traced_arrays():
    """Shape and dtype are known, the values are not: they are neither read nor refused."""
    seen = []

    def look(x):
        labels = keras.ops.cast(x, "int32")[:, 0]
        checks.check_labels(x, labels)
        checks.check_finite("x", x)
        for tensor in (x, labels):
            seen.append((tuple(checks.shape_of(tensor)), checks.dtype_name(tensor)))
            assert checks.readable(tensor) is None
        return x

    signature = [tf.TensorSpec((None, 3), tf.float32)]
    tf.function(look, input_signature=signature).get_concrete_function()
    look(keras.KerasTensor((None, 3), "float32"))
    assert seen == 2 * [((None, 3), "float32"), ((None,), "int32")]
    seen.clear()

    def look_in_jax(x):
        labels = x.astype("int32")[:, 0]
        checks.check_labels(x, labels)
        seen.extend(
            (checks.shape_of(t), checks.dtype_name(t), checks.readable(t)) for t in (x, labels)
        )
        return x

    jax.jit(look_in_jax)(np.ones((2, 3), "float32"))
    assert seen == [((2, 3), "float32", None), ((2,), "int32", None)]
    for dtype in (torch.float32, torch.bfloat16):  # Keras on PyTorch infers shapes with such ones
        assert checks.readable(torch.ones(2, dtype=dtype, device="meta")) is None


def test_what_is_remembered():
    """One call for each kind of arguments: shapes and dtypes, but the values of numbers."""
    calls = []

    @checks.remembered
    def check(*args, **options):
        calls.append((args, options))
        if options.get("rate", 0) is True:
            raise ValueError("no")
        return len(calls)

    x = np.ones((2, 3))
    assert [check(x, rate=1), check(2 * x, rate=1)] == [1, 1]
    kinds = [
        lambda: check(x.astype("float32"), rate=1),
        lambda: check(x[:1], rate=1),
        lambda: check(torch.ones(2, 3, dtype=torch.float64), rate=1),
        lambda: check(x, rate=1.0),
        lambda: check(x, rate=np.float64(1)),
        lambda: check(x, rate=2),
        lambda: check(x, other=1),
        lambda: check(x, x, rate=1),
        lambda: check(x, rate=None),
        lambda: check(x, size=(1, 2)),
        lambda: check(x, size=(1, 2.0)),
    ]
    assert [call() for call in kinds] == [call() for call in kinds] == list(range(2, 13))
    for _ in range(2):  # what is refused is refused again
        with pytest.raises(ValueError, match="no"):
            check(x, rate=True)
    count = len(calls)
    assert check([x]) < check([x])  # a list has no hash
    assert check(np.array(4)) < check(np.array(4))  # which may stand for a number
    assert check(x, size=[1, 2]) < check(x, size=[1, 2])
    assert len(calls) == count + 6
    assert check(x, rate=1) == 1
    for number in range(checks.MOST_KINDS):
        check(number)
    assert check(x, rate=1) > 1  # so many kinds are not kept


# --- Numbers, choices, shapes ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("interval", "inside", "outside"),
    [
        ("[0, 1]", [0, 1, 0.5, 5e-324], [-5e-324, 1.0000000000000002, INF, -INF]),
        ("[0, 1)", [0, 0.9999999999999999], [1, 1.0, -1]),
        ("(0, 1]", [1, 5e-324], [0, 0.0, -0.0]),
        ("(0, 1)", [0.5], [0, 1]),
        ("(0, inf)", [1e308, 10**300], [0, INF]),
        ("[0, inf)", [0, -0.0], [INF, -1]),
        ("[0, inf]", [INF], [-1]),
        ("(-inf, inf)", [-1e308, 0], [INF, -INF]),
    ],
)
def test_number(interval, inside, outside):
    for value in inside:
        result = checks.check_number("rate", value, interval)
        assert type(result) is float
        assert result == float(value)
    for value in (*outside, NAN, True, False, None, "0.5", [0.5], 0.5j, Decimal("0.5")):
        message = f"rate must be a number in {interval}, got {value!r}"
        fails(message, checks.check_number, "rate", value, interval)


def test_number_of_other_types():
    for value in (np.float32(0.5), np.float64(0.5), np.float16(0.5), Fraction(1, 2)):
        result = checks.check_number("rate", value, "[0, 1)")
        assert type(result) is float
        assert result == 0.5
    assert type(checks.check_number("rate", np.int64(0), "[0, 1)")) is float
    interval = "rate must be a number in [0, 1), got "
    for value, text in (
        (np.float32(NAN), "np.float32(nan)"),
        (np.float64(1), "np.float64(1.0)"),
        (np.bool_(True), "np.True_"),
        (np.array(0.5), "array(0.5)"),
    ):
        fails(interval + text, checks.check_number, "rate", value, "[0, 1)")
    assert checks.check_number("x", 3) == 3.0  # any finite number by default
    fails("x must be a number in (-inf, inf), got inf", checks.check_number, "x", INF)


def test_integer():
    for value in (0, 7, np.int64(3), np.uint8(3), 10**30):
        result = checks.check_integer("count", value)
        assert type(result) is int
        assert result == value
    assert checks.check_integer("count", -3, minimum=-3, maximum=-3) == -3
    assert checks.check_integer("count", 2**64 - 1, maximum=2**64 - 1) == 2**64 - 1
    for value in (-1, 1.0, 1.5, NAN, "1", None, True, False, np.float64(1), np.bool_(True), [1]):
        message = f"count must be an integer >= 0, got {value!r}"
        fails(message, checks.check_integer, "count", value)
    for value in (0, 9, 5.0):
        message = f"count must be an integer in [1, 8], got {value!r}"
        fails(message, checks.check_integer, "count", value, minimum=1, maximum=8)
    fails("n must be an integer >= 2, got 1", checks.check_integer, "n", 1, minimum=2)


def test_pair():
    for value, pair in (
        (3, (3, 3)), ((2, 5), (2, 5)), ([2, 5], (2, 5)), (np.int64(4), (4, 4)), ((1, 1), (1, 1)),
    ):  # fmt: skip
        result = checks.check_pair("stride", value)
        assert result == pair
        assert all(type(size) is int for size in result)
    assert checks.check_pair("padding", (0, 2), minimum=0) == (0, 2)
    for value in (
        *(0, -1, 1.0, NAN, "3", None, True, np.array([2, 2])),
        *((0, 1), (1, 0), (2,), (), (1, 2, 3), (1, 2.0), (True, 1), ((1, 2), 1)),
    ):
        message = f"stride must be an integer >= 1 or a pair of them (height, width), got {value!r}"
        fails(message, checks.check_pair, "stride", value)
    message = "n must be an integer >= 0 or a pair of them (height, width), got (0, -1)"
    fails(message, checks.check_pair, "n", (0, -1), minimum=0)


SIDES = (((1, 2), 3), ((1, 2), (3, -1)), ((1, 2), (3, True)), ((1,), (2, 3)), ((1, 2),) * 3)


def test_padding():
    for value in ("valid", "same"):
        assert checks.check_padding(value) == value
    for value, pair in (
        (0, (0, 0)),
        (2, (2, 2)),
        ((0, 3), (0, 3)),
        ([1, 2], (1, 2)),
        (((0, 1), (2, 3)), ((0, 1), (2, 3))),
        ([[0, 1], (2, np.int64(3))], ((0, 1), (2, 3))),
    ):
        assert checks.check_padding(value) == pair
    for value in ("SAME", "full", "", None, -1, 1.0, True, (1, -1), (1,), ("same", "same"), *SIDES):
        message = (
            "padding must be 'valid', 'same', an integer >= 0, a pair of them (height, width) "
            f"or two pairs ((top, bottom), (left, right)), got {value!r}"
        )
        fails(message, checks.check_padding, value)


def test_pool_padding():
    for value in ("valid", "same"):
        assert checks.check_pool_padding(value, (1, 1)) == value
    assert checks.check_pool_padding(1, (2, 3)) == (1, 1)
    assert checks.check_pool_padding((1, 2), (2, 3)) == (1, 2)
    assert checks.check_pool_padding(0, (1, 1)) == (0, 0)
    assert checks.check_pool_padding(((1, 0), (2, 1)), (2, 3)) == ((1, 0), (2, 1))
    for value, pool_size in (
        (2, (2, 3)),
        (2, (3, 2)),
        ((0, 3), (2, 3)),
        ((5, 0), (2, 3)),
        (((0, 2), (0, 0)), (2, 3)),
        (((0, 0), (3, 0)), (2, 3)),
    ):
        message = f"padding must be smaller than pool_size {pool_size}, got {value!r}"
        fails(message, checks.check_pool_padding, value, pool_size)
    message = (
        "padding must be 'valid', 'same', an integer >= 0, a pair of them (height, width) "
        "or two pairs ((top, bottom), (left, right)), got 'full'"
    )
    fails(message, checks.check_pool_padding, "full", (2, 2))


def test_filter_groups():
    for groups, channels, filters in ((1, 3, 4), (3, 3, 6), (2, 4, 2)):
        assert checks.check_filter_groups(groups, channels, filters) == groups
    for groups, channels, filters in ((2, 3, 4), (2, 4, 3), (5, 4, 4)):
        message = (
            f"groups must divide the {channels} channels and the {filters} filters, got {groups}"
        )
        fails(message, checks.check_filter_groups, groups, channels, filters)
    message = "groups must be an integer >= 1, got 0"
    fails(message, checks.check_filter_groups, 0, 4, 4)


def test_maps():
    for shape in ((1, 2, 3, 4), (None, 2, 3, 4), (None, None, None, 4), (2, 3, 4, None), (1,) * 4):
        checks.check_maps(shape)
    checks.check_maps((2, 5, 5, 3), 3)
    checks.check_maps((None, None, None, None), 3)
    for shape in ((2, 3, 4), (2, 3), (), (1, 2, 3, 4, 5)):
        fails(f"x must have shape (N, H, W, C), got shape {shape}", checks.check_maps, shape)
    for shape in ((2, 3, 4), (2, 5, 5, 1), (2, 3, 5, 5), (None, 5, 5, 4)):
        fails(f"x must have shape (N, H, W, 3), got shape {shape}", checks.check_maps, shape, 3)
    for shape in ((0, 2, 2, 3), (2, 0, 2, 3), (2, 2, 2, 0)):
        fails(f"x must hold at least one row, got shape {shape}", checks.check_maps, shape)


def test_choice():
    assert checks.check_choice("mode", "min", ("min", "max")) == "min"
    assert checks.check_choice("mode", np.str_("min"), ("min", "max")) == "min"
    for value in ("MIN", "", None, 0, ["min"], b"min"):
        message = f"mode must be one of 'min', 'max', got {value!r}"
        fails(message, checks.check_choice, "mode", value, ("min", "max"))


def test_flag():
    assert checks.check_flag("on", True) is True
    assert checks.check_flag("on", False) is False
    for value in (1, 0, None, "True", np.bool_(True)):
        fails(f"on must be True or False, got {value!r}", checks.check_flag, "on", value)


def test_mask():
    checks.check_mask(array((2, 3), "bool"), (2, 3))
    checks.check_mask(np.ones((2, 3), bool), array((None, 3)))
    message = "mask must be given in training, got None"
    fails(message, checks.check_mask, None, (2, 3))
    fails("mask must be boolean, got float32", checks.check_mask, array((2, 3)), (2, 3))
    fails("keep must be boolean, got int64", checks.check_mask, array((2,), "int64"), (2,), "keep")
    message = "mask must have shape (2, 3), got (2, 1)"
    fails(message, checks.check_mask, array((2, 1), "bool"), (2, 3))


def test_layer_name():
    checks.check_layer_name("conv-2_a")
    message = (
        "name must be letters (a to z), digits, '_' and '-', the first a letter or a digit, or "
        "None for a name of its own, got 'a.b'"
    )
    fails(message, checks.check_layer_name, "a.b")


def test_examples():
    checks.check_examples(array((5, 2)), (2,))
    checks.check_examples(array((None, 8, 8, 1), "float64"), (8, 8, 1))
    message = "x must be floating point, got uint8"
    fails(message, checks.check_examples, array((5, 2), "uint8"), (2,))
    message = "x must have shape (None, 2), got (5, 3)"
    fails(message, checks.check_examples, array((5, 3)), (2,))
    message = "x must hold at least one row, got shape (0, 2)"
    fails(message, checks.check_examples, array((0, 2)), (2,))


def test_batch():
    for shape in ((1,), (3, 2), (None, 2), (None, None), (4, 1)):
        checks.check_batch(shape)
    for shape in ((), (0,), (0, 3), (3, 0), (None, 0)):
        fails(f"x must hold at least one row, got shape {shape}", checks.check_batch, shape)
    fails("y must hold at least one row, got shape (0, 2)", checks.check_batch, (0, 2), "y")


def test_features():
    for shape in ((1, 3), (5, 2, 3), (None, 3), (None, None)):
        checks.check_features(shape, 3)
    text = "x must have 3 features in its last axis (shape (N, ..., 3)), got shape "
    for shape in ((3,), (), (2, 4), (3, 1), (None, 2)):
        fails(f"{text}{shape}", checks.check_features, shape, 3)
    fails("x must hold at least one row, got shape (0, 3)", checks.check_features, (0, 3), 3)
    message = "images must have 1 features in its last axis (shape (N, ..., 1)), got shape (2, 2)"
    fails(message, checks.check_features, (2, 2), 1, "images")


def test_rows():
    for shape in ((2, 5), (1, 2, 1, 5), (None, 5), (1, None, 5)):
        checks.check_rows(shape)
    text = "batch norm in training needs at least 2 values per feature, got 1 (x has shape "
    for shape in ((1, 5), (1, 1, 1, 5), (1, 0)):
        fails(f"{text}{shape})", checks.check_rows, shape)


def test_groups():
    for groups, features in ((1, 6), (3, 6), (6, 6), (4, None)):
        assert checks.check_groups(groups, features) == groups
    for groups in (4, 12):
        message = f"groups must divide the 6 features, got {groups}"
        fails(message, checks.check_groups, groups, 6)
    for groups in (0, -1, 1.5, True, None):
        message = f"groups must be an integer >= 1, got {groups!r}"
        fails(message, checks.check_groups, groups, 6)


def test_same_shape():
    for shape, expected in (
        ((2, 3), (2, 3)),
        ((), ()),
        ((None, 3), (2, 3)),
        ((2, 3), (None, None)),
    ):
        checks.check_same_shape("mask", shape, expected)
    for shape, expected in (
        ((2, 1), (2, 3)), ((3,), (2, 3)), ((), (1,)), ((2, 3, 1), (2, 3)), ((None, 2), (2, 3)),
    ):  # fmt: skip
        message = f"mask must have shape {expected}, got {shape}"
        fails(message, checks.check_same_shape, "mask", shape, expected)


def test_floating():
    for dtype in ("float16", "bfloat16", "float32", "float64"):
        checks.check_floating("x", array((2,), dtype))
    for dtype in ("int32", "uint8", "bool", "complex64", "float"):
        message = f"x must be floating point, got {dtype}"
        fails(message, checks.check_floating, "x", array((2,), dtype))


def test_dtype():
    for dtype in ("float32", "float64"):
        assert checks.check_dtype(dtype) == dtype
    for dtype in ("float16", "int32", None, np.float32, np.dtype("float32")):
        message = f"dtype must be one of 'float32', 'float64', got {dtype!r}"
        fails(message, checks.check_dtype, dtype)


def test_images():
    for shape in ((1, 2, 3, 4), (None, 28, 28, 1)):
        checks.check_images(shape)
        for dtype in ("float16", "bfloat16", "float32", "float64"):
            checks.check_images(array(shape, dtype))
    for shape in ((28, 28, 1), (2, 28, 28), (), (1, 2, 3, 4, 5)):
        message = f"images must have shape (N, H, W, C), got shape {shape}"
        fails(message, checks.check_images, shape)
        fails(message, checks.check_images, array(shape))
    for dtype in ("uint8", "int64", "bool"):
        message = f"images must be floating point in [0, 1], got {dtype}: divide by 255 first"
        fails(message, checks.check_images, array((1, 2, 3, 4), dtype))
    for shape in ((0, 2, 2, 1), (2, 2, 0, 1)):
        message = f"images must hold at least one row, got shape {shape}"
        fails(message, checks.check_images, array(shape))


def test_counts():
    for counts in ((3, 3), (None, 3), (3, None), (0, 0)):
        checks.check_counts(*counts)
    fails("images and labels must have equal counts, got 3 and 4", checks.check_counts, 3, 4)
    message = "points and labels must have equal counts, got 0 and 1"
    fails(message, checks.check_counts, 0, 1, "points")


def unreadable(shape, dtype):
    """A tensor of a traced graph."""

    def read(*_, **__):
        raise NotImplementedError

    return type("Traced", (), {"shape": shape, "dtype": dtype, "__array__": read})()


def unread(shape, dtype):
    """An array whose values are not to be looked at before shape and dtype are right."""

    def read(*_, **__):
        raise AssertionError("the values were looked at")

    return type("Unread", (), {"shape": shape, "dtype": dtype, "__array__": read})()


def test_labels():
    for dtype in ("int64", "int32", "uint8"):
        checks.check_labels(array((4, 3)), np.array([0, 2, 1, 0], dtype))
    checks.check_labels(array((None, 3)), np.array([1]))
    checks.check_labels((None, 3), np.array([1]))
    checks.check_labels(array((4, 3)), unreadable((None,), "int64"))
    checks.check_labels(array((2, None)), np.array([0, 99]))
    fails("logits must be floating point, got int64",
          checks.check_labels, array((4, 3), "int64"), unread((4,), "int64"))  # fmt: skip
    for shape in ((4,), (4, 3, 1), ()):
        message = f"logits must have shape (N, classes), got shape {shape}"
        fails(message, checks.check_labels, array(shape), unread((4,), "int64"))
    message = "logits must hold at least one row, got shape (0, 3)"
    fails(message, checks.check_labels, array((0, 3)), unread((0,), "int64"))
    for shape, dtype in (((4, 3), "int64"), ((), "int64"), ((4,), "float32"), ((4,), "bool")):
        message = f"labels must be integers of shape (N,), got {dtype} of shape {shape}"
        fails(message, checks.check_labels, array((4, 3)), unread(shape, dtype))
    message = "logits and labels must have equal counts, got 4 and 5"
    fails(message, checks.check_labels, array((4, 3)), unread((5,), "int64"))
    for low, high in ((-1, 2), (0, 3), (-5, 9)):
        message = f"labels must lie in [0, 2], got labels from {low} to {high}"
        fails(message, checks.check_labels, array((3, 3)), np.array([low, 1, high]))


def test_binary_labels():
    for shape in ((2, 1), (None, 1), (2, None)):
        checks.check_labels(array(shape), np.array([0, 1]), binary=True)
    for shape in ((4, 2), (4,)):
        message = f"logits must have shape (N, 1), got shape {shape}"
        fails(message, checks.check_labels, array(shape), unread((4,), "int64"), binary=True)
    message = "labels must lie in [0, 1], got labels from 0 to 2"
    fails(message, checks.check_labels, array((2, 1)), np.array([0, 2]), binary=True)


def test_per_image():
    for dtype, kind in (
        ("float32", "floating point"), ("bfloat16", "floating point"),
        ("int64", "integer"), ("uint8", "integer"), ("bool", "boolean"),
    ):  # fmt: skip
        for shape, images in (((4,), 4), ((None,), 4), ((4,), None), ((None,), None)):
            checks.check_per_image("angle", array(shape, dtype), kind, images)
        for other in {"float32", "int64", "bool"} - {dtype}:
            if (kind, other) not in (("floating point", "float32"), ("integer", "int64")):
                message = f"angle must be {kind} of shape (4,), got {other} of shape (4,)"
                fails(message, checks.check_per_image, "angle", array((4,), other), kind, 4)
    for shape in ((3,), (4, 1), ()):
        message = f"angle must be floating point of shape (4,), got float32 of shape {shape}"
        args = ("angle", array(shape), "floating point", 4)
        fails(message, checks.check_per_image, *args)
    message = "angle must be integer of shape (N,), got int32 of shape (2, 2)"
    fails(message, checks.check_per_image, "angle", array((2, 2), "int32"), "integer", None)


def test_dense():
    x, weight, bias = np.ones((4, 3)), np.ones((3, 2)), np.ones(2)
    checks.check_kernel("weight", weight)
    checks.check_dense(x, weight, bias, True)
    checks.check_dense(x, weight, None, False)
    message = "weight must have shape (in, out), got (3,)"
    fails(message, checks.check_kernel, "weight", weight[:, 0])
    fails("bias must have shape (2,), got (1,)", checks.check_dense, x, weight, bias[:1], True)
    message = "x must have 3 features in its last axis (shape (N, ..., 3)), got shape (4, 2)"
    fails(message, checks.check_dense, x[:, :2], weight, None, True)
    fails("training must be True or False, got 1", checks.check_dense, x, weight, None, 1)


def test_singular():
    w, u, v = np.ones((3, 2, 4)), np.ones(4), np.ones(6)
    checks.check_singular(w, u, v, grad=w)
    fails("u must have shape (4,), got (6,)", checks.check_singular, w, v, v)
    fails("v must have shape (6,), got (4,)", checks.check_singular, w, u, u)
    message = "w must have two axes or more, none of them empty, got shape {}"
    fails(message.format("(4,)"), checks.check_singular, u, u, v)
    fails(message.format("(3, 0, 4)"), checks.check_singular, w[:, :0], u, v)
    half = "v must have the dtype of w, float64, got float16"
    fails(half, checks.check_singular, w, u, v.astype("float16"))


def test_wrapped():
    layer = SimpleNamespace(name="dense_1")
    checks.check_wrapped(layer, SimpleNamespace, ("u", "v"))
    names = "layers must have names that differ, got ['dense_1', 'u', 'dense_1']"
    fails(names, checks.check_wrapped, layer, SimpleNamespace, ("u", "dense_1"))
    message = "layer must be a dense layer or a convolution, with a name, got {}"
    fails(message.format(repr(layer)), checks.check_wrapped, layer, int, ())
    fails(message.format("None"), checks.check_wrapped, None, SimpleNamespace, ())
    nameless = SimpleNamespace(name=None)
    fails(message.format(repr(nameless)), checks.check_wrapped, nameless, SimpleNamespace, ())


def test_noise_shape():
    assert checks.check_noise_shape(None, (4, 3)) == (4, 3)
    assert checks.check_noise_shape((None, 1), (4, 3)) == (4, 1)
    message = "noise_shape must be None, or have None or 1 for each of 2 axes, got "
    for bad in ((None,), (2, 1), "all", (None, True)):
        fails(message + repr(bad), checks.check_noise_shape, bad, (4, 3))


def test_mixing():
    partner, weight = np.array([1, 0]), np.array([0.25, 1], "float32")
    checks.check_partner(partner, 2)
    checks.check_partner(unreadable((None,), "int64"), None)
    checks.check_mixing_weight(weight, np.ones((2, 3), "float32"), "x")
    fails(
        "partner must be integer of shape (2,), got float32 of shape (2,)",
        checks.check_partner, weight, 2,
    )  # fmt: skip
    fails(
        "partner must lie in [0, 1], got values from 1 to 2", checks.check_partner, partner + 1, 2
    )
    fails(
        "weight must have the dtype of x, float64, got float32",
        checks.check_mixing_weight, weight, np.ones((2, 3)), "x",
    )  # fmt: skip
    fails(
        "weight must lie in [0, 1], got values from 0.5 to 2",
        checks.check_mixing_weight, 2 * weight, np.ones((2, 3), "float32"), "x",
    )  # fmt: skip


def test_box():
    box = np.array([[0, 1, 2, 3], [0, 0, 0, 0]])
    checks.check_box(box, 2, 2, 3)
    checks.check_box(unreadable((None, 4), "int64"), None, 2, 3)
    fails(
        "box must be integer of shape (3, 4), got int64 of shape (2, 4)",
        checks.check_box, box, 3, 2, 3,
    )  # fmt: skip
    for bad in ([0, 1, 3, 3], [-1, 0, 1, 1], [1, 0, 0, 1], [0, 2, 1, 1]):
        fails(
            "box must be (top, left, bottom, right) with 0 <= top <= bottom <= 2 and "
            f"0 <= left <= right <= 3, got {bad}",
            checks.check_box, np.array([box[0], bad]), 2, 2, 3,
        )  # fmt: skip


def test_finite():
    checks.check_finite("x", np.ones(3))
    checks.check_finite("x", unreadable((3,), "float32"))
    for value in (NAN, INF, -INF):
        message = "x must be finite, got NaN or infinity"
        fails(message, checks.check_finite, "x", np.array([1, value]))


def test_probabilities():
    rows = np.array([[0.25, 0.75], [1.0, 0.0]])
    checks.check_probabilities("targets", rows)
    for shape in ((2, 2), (None, 2), (None, None)):
        checks.check_probabilities("targets", rows, array(shape, "float64"))
    checks.check_probabilities("targets", unreadable((2, 2), "bfloat16"))
    for shape, dtype in (((2,), "float32"), ((2, 2, 1), "float32"), ((2, 2), "int64")):
        message = (
            "targets must be floating point of shape (N, classes), "
            f"got {dtype} of shape {tuple(shape)}"
        )
        fails(message, checks.check_probabilities, "targets", unread(shape, dtype))
    message = "targets must hold at least one row, got shape (0, 2)"
    fails(message, checks.check_probabilities, "targets", unread((0, 2), "float32"))
    args = ("labels", unread((2, 2), "float32"))
    message = "labels must have shape (2, 3), got (2, 2)"
    fails(message, checks.check_probabilities, *args, array((2, 3)))
    message = "labels must have the dtype of the logits, float64, got float32"
    fails(message, checks.check_probabilities, *args, array((2, 2), "float64"))
    for low, high in ((-0.25, 1.25), (0.0, 1.5), (NAN, NAN)):
        found = "nan to nan" if math.isnan(low) else f"{min(low, 0.5)} to {high}"
        message = f"labels must lie in [0, 1], got values from {found}"
        fails(message, checks.check_probabilities, "labels", np.array([[0.5, 0.5], [low, high]]))
    # (2 + 8) * eps, of the dtype of the array.
    for dtype, eps in (("float64", 2.0**-52), ("float32", 2.0**-23), (ml_dtypes.bfloat16, 2.0**-7)):
        for steps, sign in ((10, 1), (10, -1), (11, 1), (11, -1)):
            found = np.array([[0.5, 0.5], [0.25, 0.75 + sign * steps * eps]]).astype(dtype)
            if steps == 10:
                checks.check_probabilities("labels", found)
            else:
                total = found[1].sum(dtype="float64")
                within = f"within {10 * eps:.2g}, got {total:.9g} in row 1"
                message = f"labels must have rows that add up to 1 {within}"
                fails(message, checks.check_probabilities, "labels", found)


def test_targets_of_the_losses():
    logits, integers = array((2, 3)), np.array([0, 2])
    assert checks.is_floating(np.ones(2))
    assert not checks.is_floating(integers)
    assert not checks.is_floating(None)
    assert checks.check_class_targets(logits, integers)
    assert checks.check_class_targets(logits, np.array([0, -100]), -100)
    assert not checks.check_class_targets(logits, np.eye(3, dtype="float32")[:2])
    message = "labels must not all be ignore_index, got 1 alone"
    fails(message, checks.check_class_targets, logits, np.array([1, 1]), 1)
    message = "ignore_index must be None where labels are rows of probabilities, got 1"
    fails(message, checks.check_class_targets, logits, np.eye(3, dtype="float32")[:2], 1)
    message = "ignore_index must be an integer in [-2147483647, 2147483647], got True"
    fails(message, checks.check_class_targets, logits, integers, True)

    one = array((2, 1))
    checks.check_binary_targets(one, np.array([0, 1], "float32"))
    checks.check_binary_targets(array((None, 1)), unreadable((None,), "float32"))
    message = "labels must lie in [0, 1], got values from nan to nan"
    fails(message, checks.check_binary_targets, one, np.array([0, NAN], "float32"))
    message = "logits must have shape (N, 1), got shape (2, 3)"
    fails(message, checks.check_binary_targets, logits, np.array([0, 1], "float32"))
    message = "labels must have shape (2,), got (2, 1)"
    fails(message, checks.check_binary_targets, one, np.zeros((2, 1), "float32"))


def test_weights_of_the_losses():
    logits, two, three = array((2, 3)), np.ones(2, "float32"), np.ones(3, "float32")
    checks.check_weights(logits, three, two)
    checks.check_weights(logits, None, None)
    checks.check_weights(logits, unreadable((3,), "float32"), None)
    fails("class_weights must have shape (3,), got (2,)", checks.check_weights, logits, two, two)
    message = "sample_weights must have the dtype of logits, float32, got float64"
    fails(message, checks.check_weights, logits, None, two.astype("float64"))
    for value, found in ((-1, "-1.0 to 1.0"), (INF, "1.0 to inf"), (NAN, "nan to nan")):
        message = f"sample_weights must be finite, >= 0 and not all 0, got values from {found}"
        fails(message, checks.check_weights, logits, None, np.array([1, value], "float32"))
    message = "class_weights must be finite, >= 0 and not all 0, got values from 0.0 to 0.0"
    fails(message, checks.check_weights, logits, 0 * three, None)
    message = "class_weights must be floating point, got int64"
    fails(message, checks.check_weights, logits, np.array([1, 1, 1]), None, "y")


def test_reductions():
    for reduction in ("none", "sum", "mean"):
        checks.check_reduction(reduction, "rows")
    message = "reduction must be one of 'none', 'sum', 'mean', got 'average'"
    fails(message, checks.check_reduction, "average", "weights")
    message = "mean_over must be one of 'weights', 'rows', got []"
    fails(message, checks.check_reduction, "mean", [])


def test_gradients():
    one, two = np.ones((3, 2), np.float32), np.ones((), np.float32)
    for grads in ([one], (two,), [one, two, one]):
        checks.check_gradients(grads)
    for grads, message in (
        ([], "grads must be a list of arrays, got an empty one"),
        (one, "grads must be a list of arrays, got something else"),
        (None, "grads must be a list of arrays, got something else"),
        ([one, None], "grads[1] must be an array, got None"),
        ([one > 0], "grads[0] must be floating point, got bool"),
        (
            [torch.ones(2, device="meta")],
            "grads[0] must have values, got a tensor on the device 'meta'",
        ),
        ([one, one[:0]], "grads[1] must not be empty, got shape (0, 2)"),
        ([one, one * 2.0, one.astype("float64")],
         "grads[2] must have the dtype of grads[0], float32, got float64"),
    ):  # fmt: skip
        fails(message, checks.check_gradients, grads)


def test_array():
    for array in (np.ones(2), np.float32(1), torch.ones(2), tf.ones(2), keras.ops.ones(2)):
        checks.check_array("x", array)
    for value in (None, [1.0], 0.5, True, "text", {}):
        fails(f"x must be an array, got {value!r}", checks.check_array, "x", value)
    message = "x must not be a masked array: fill it first"
    fails(message, checks.check_array, "x", np.ma.masked_array([1.0], [True]))
    with pytest.warns(PendingDeprecationWarning):
        matrix = np.matrix([[1.0]])
    message = "x must not be a numpy.matrix: np.asarray makes it an array"
    fails(message, checks.check_array, "x", matrix)


def test_shown():
    assert checks.shown(3) == "3"
    assert checks.shown(np.ones(2)) == "array([1., 1.])"
    assert "\n" not in checks.shown(np.ones((2, 2)))
    assert checks.shown("a" * 100) == "'" + "a" * 75 + " ..."


def test_own_arrays():
    @checks.own_arrays
    def numpys(x: np.ndarray, rate: float, y: np.ndarray | None = None) -> float:
        return 2 * rate

    @checks.own_arrays
    def torches(x: torch.Tensor, rate: float, **others: torch.Tensor | None) -> float:
        return 2 * rate

    @checks.own_arrays
    def any_array(x: object) -> object:
        return x

    assert numpys(np.ones(2), 3.0) == numpys(np.float32(1), rate=3.0, y=None) == 6
    assert torches(torch.ones(2), np.float32(3), a=None, b=torch.ones(1)) == 6
    assert any_array(7) == 7
    fails("x must be a numpy.ndarray, got a torch.Tensor", numpys, torch.ones(2), 3.0)
    x = np.ones(2)
    fails("x must be a torch.Tensor, got a numpy.ndarray", torches, x, 3.0)
    message = "b must be a torch.Tensor, got a numpy.ndarray"
    fails(message, lambda: torches(torch.ones(2), 3.0, a=None, b=x))

    def lists(x: list[np.ndarray]) -> None:
        pass

    fails(
        "x must be a numpy.ndarray, got a torch.Tensor", checks.own_arrays(lists), [torch.ones(2)]
    )


def test_size():
    assert checks.check_size("side", np.int64(3)) == 3
    assert checks.check_size("side", checks.MOST) == 2**31 - 1
    fails("side must be an integer >= 1, got 0", checks.check_size, "side", 0)
    fails("side must be at most 2147483647, got 2147483648", checks.check_size, "side", 2**31)
    fails("side must be at most 2147483647, got 2147483648", checks.check_pair, "side", (1, 2**31))


def test_kind():
    checks.check_kind("recipe", 3, int)
    fails("recipe must be a int, got None", checks.check_kind, "recipe", None, int)


def test_model():
    checks.check_model(torch.nn.ReLU(), torch.nn.Module)
    fails("model must be a model of this panel, got 3", checks.check_model, 3, torch.nn.Module)


def test_methods():
    checks.check_methods("text", "abc", "upper", "lower")
    message = "text must have the methods upper, lower, got 3"
    fails(message, checks.check_methods, "text", 3, "upper", "lower")
    fails(
        "text must have the methods upper, got <class 'str'>",
        checks.check_methods,
        "text",
        str,
        "upper",
    )


def test_draw():
    stream = Stream(0)
    for shape in ((), (0,), (2, 3), [4], (np.int64(3),), tf.TensorShape([2, None])):
        checks.check_draw(stream, shape)
    checks.check_draw(stream, (tf.constant(3), 2))
    fails("stream must be a Stream, got 3", checks.check_draw, 3, ())
    for shape in (3, None, "2", (2.5,), (-1,), (True,), ("2",)):
        message = f"shape must be a tuple of integers >= 0, got {shape!r}"
        fails(message, checks.check_draw, stream, shape)
    message = "shape must hold at most 2**34 values, got (17179869184, 2)"
    fails(message, checks.check_draw, stream, (checks.MOST_WORDS, 2))


def test_words():
    checks.check_words("key", (0, 2**32 - 1))
    for value in (None, 3, (1,), (1, 2, 3), (1, 2**32), (-1, 0), (True, 0), [1, 2]):
        message = f"key must be two integers in [0, 2**32), got {value!r}"
        fails(message, checks.check_words, "key", value)


def test_counter():
    checks.check_counter(np.zeros((4, 2), np.uint32))
    message = "counter must be integers of shape (4, ...), got float64 of shape (4, 2)"
    fails(message, checks.check_counter, np.zeros((4, 2)))
    message = "counter must be integers of shape (4, ...), got int64 of shape (3, 2)"
    fails(message, checks.check_counter, np.zeros((3, 2), int))
    message = "counter must lie in [0, 2**32), got values from -1 to -1"
    fails(message, checks.check_counter, np.full((4, 2), -1))


def test_measured():
    for value in (2, 2.0, np.float32(2), np.array(2), torch.tensor(2.0), tf.constant(2.0)):
        assert checks.check_measured("value", value) == 2
    assert math.isnan(checks.check_measured("value", math.nan))
    for value in (None, "2", True, [2], 10**400):
        message = f"value must be a number, got {checks.shown(value)}"
        fails(message, checks.check_measured, "value", value)


def test_seed():
    assert checks.check_seed(2**64 - 1) == 2**64 - 1
    fails("seed must be an integer in [0, 18446744073709551615], got -1", checks.check_seed, -1)


def test_mode():
    for monitor, mode in (("validation_loss", "min"), ("validation_accuracy", "max")):
        checks.check_mode(monitor, mode)
    message = "mode must be 'max' for validation_accuracy, got 'min'"
    fails(message, checks.check_mode, "validation_accuracy", "min")


def test_layer_names():
    checks.check_layer_names([])
    checks.check_layer_names(("a", "b"))
    message = "layers must have names that differ, got ['a', 'b', 'a']"
    fails(message, checks.check_layer_names, ("a", "b", "a"))


def test_unit():
    for array in (np.array([0.0, 1.0]), torch.ones(2), tf.ones(2), torch.ones(2, device="meta")):
        checks.check_unit("images", array)
    message = (
        "images must lie in [0, 1], to which they are clipped, got values from 0 to 255: divide by "
        "255 first"
    )
    for array in (np.array([0.0, 255.0]), torch.tensor([0.0, 255.0]), tf.constant([0.0, 255.0])):
        fails(message, checks.check_unit, "images", array)


def test_one_row():
    checks.check_one_row(lambda: None, 5, 2)

    def raises(text):
        raise ValueError(text)

    message = (
        "batch_size must leave 2 examples for the last batch, which batch norm needs, got 2 for 5 "
        "examples: choose another, or drop_last=True"
    )
    for text in ("at least 2 values per feature", "Expected more than 1 value per channel"):
        fails(message, lambda text=text: checks.check_one_row(lambda: raises(text), 5, 2))
    fails("another", lambda: checks.check_one_row(lambda: raises("another"), 5, 2))


def test_text():
    checks.check_text("name", "dense")
    fails("name must be text, got None", checks.check_text, "name", None)


def test_layers():
    layer = torch.nn.ReLU()
    layer.name = "relu"
    checks.check_layers("layers", [layer], torch.nn.Module)
    checks.check_layers("layers", (), torch.nn.Module)
    fails("layers must be a list of layers, got 3", checks.check_layers, "layers", 3, object)
    message = "layers[1] must be a layer with a name, got ReLU()"
    fails(message, checks.check_layers, "layers", [layer, torch.nn.ReLU()], torch.nn.Module)


def test_floats():
    x = np.ones(2, "float32")
    checks.check_floats(x=x, y=torch.ones(3))
    fails("y must be an array, got None", lambda: checks.check_floats(x=x, y=None))
    message = "y must have the dtype of x, float32, got float64"
    fails(message, lambda: checks.check_floats(x=x, y=np.ones(2)))
    message = "y must be floating point, got int64"
    fails(message, lambda: checks.check_floats(x=x, y=np.ones(2, int)))


def test_known_batch():
    checks.check_known_batch(np.ones((2, 3, 3, 1)))
    checks.check_known_batch(keras.KerasTensor((2, 3, 3, 1)))
    message = (
        "images must have a batch of a known size here, got shape (None, 3, 3, 1): call the "
        "function in the call of a layer, with a compute_output_shape"
    )
    fails(message, checks.check_known_batch, keras.KerasTensor((None, 3, 3, 1)))


def test_given():
    assert checks.given(a=None, b=3) == {"b": 3}


def test_precision():
    checks.check_precision(np.ones(2), np.zeros(3))
    message = (
        "x must have the layer's dtype, float32, got float64: convert it, or make the layer with "
        "dtype='float64'"
    )
    fails(message, checks.check_precision, np.ones(2), np.zeros(3, "float32"))


def test_range():
    assert checks.check_range("scale", [0.25, 1], "(0, 1]") == (0.25, 1.0)
    assert checks.check_range("ratio", (2, 2), "(0, inf)") == (2.0, 2.0)
    for bad in (0.5, (0.5, 0.25), (0.0, 1.0), (0.5,), (1, 1, 1), {0.25, 0.5}, None, "ab"):
        message = f"scale must be two numbers in (0, 1], the smaller first, got {bad!r}"
        fails(message, checks.check_range, "scale", bad, "(0, 1]")


def test_filter():
    checks.check_filter("bilinear", True)
    checks.check_filter("nearest", False)
    message = "antialias must be False where interpolation is 'nearest', got True"
    fails(message, checks.check_filter, "nearest", True)
    message = "interpolation must be one of 'bilinear', 'nearest', got 'cubic'"
    fails(message, checks.check_filter, "cubic", False)


def test_windows():
    start, length = np.array([0, 2]), np.array([3, 1])
    checks.check_windows(start, length, 3)
    message = "start and length must be windows of at least 1 pixel inside of 2, got [0, 2] and [3"
    with pytest.raises(ValueError, match=re.escape(message)):
        checks.check_windows(start, length, 2)
    message = "top must be integer of shape (3,), got int64 of shape (2,)"
    fails(message, checks.check_windows, start, length, 3, ("top", "height"), 3)


def test_colors():
    for channels in (1, 3):
        checks.check_colors(np.ones((2, 4, 5, channels)))
    message = "grad must have 1 or 3 channels, got shape (2, 4, 5, 2)"
    fails(message, checks.check_colors, np.ones((2, 4, 5, 2)), "grad")


# --- Sequences ------------------------------------------------------------------------------------


def test_sequences():
    for shape in ((2, 3, 4), (None, None, 4)):
        checks.check_sequences(array(shape))
        checks.check_sequences(array(shape), 4)
    fails(
        "x must have shape (N, T, features), got shape (3, 4)",
        checks.check_sequences,
        array((3, 4)),
    )
    message = "key must have shape (N, T, 5), got shape (2, 3, 4)"
    fails(message, checks.check_sequences, array((2, 3, 4)), 5, "key")
    message = "x must hold at least one row, got shape (2, 0, 4)"
    fails(message, checks.check_sequences, array((2, 0, 4)))


def test_mask_of_steps():
    checks.check_steps_mask(None, array((2, 3, 4)))
    checks.check_steps_mask(array((2, 3), "bool"), array((2, 3, 4)))
    checks.check_steps_mask(array((None, 3), "bool"), array((2, None, 4)))
    message = "mask must have shape (2, 3), got (2, 4)"
    fails(message, checks.check_steps_mask, array((2, 4), "bool"), array((2, 3, 4)))
    message = "mask must be boolean, got int64"
    fails(message, checks.check_steps_mask, array((2, 3), "int64"), array((2, 3, 4)))


def test_heads():
    assert checks.check_heads(np.int64(8), 2) == (8, 2)
    fails("heads must divide the 8 features, got 3", checks.check_heads, 8, 3)
    fails("features must be an integer >= 1, got 0", checks.check_heads, 0, 1)
    fails("heads must be an integer >= 1, got 1.0", checks.check_heads, 8, 1.0)


def test_attention():
    q, k = array((2, 3, 4, 5)), array((2, 3, 6, 5))
    assert checks.check_attention(q, k, None) == (2, 3, 4, 6)
    for shape in ((2, 4, 6), (1, 4, 6), (2, 1, 6), (1, 1, 6), (None, None, 6)):
        checks.check_attention(q, k, array(shape, "bool"))
    unknown = array((None, 3, None, 5))
    assert checks.check_attention(unknown, unknown, None) == (None, 3, None, None)
    checks.check_attention(unknown, unknown, array((7, 1, 9), "bool"))
    message = "mask must be boolean of shape (2 or 1, 4 or 1, 6), got "
    for shape in ((2, 4, 1), (3, 4, 6), (4, 6), (2, 3, 4, 6)):
        fails(
            f"{message}bool of shape {shape}",
            checks.check_attention,
            q,
            k,
            array(shape, "bool"),
        )
    fails(
        f"{message}int8 of shape (2, 4, 6)", checks.check_attention, q, k, array((2, 4, 6), "int8")
    )
    message = "q must have shape (N, heads, T, d), got shape (3, 4, 5)"
    fails(message, checks.check_attention, array((3, 4, 5)), k, None)
    message = "k must have shape (2, 3, None, 5), got (2, 1, 6, 5)"
    fails(message, checks.check_attention, q, array((2, 1, 6, 5)), None)


def test_inputs_of_attention():
    query, key = array((2, 4, 8)), array((2, 6, 8))
    checks.check_attention_inputs(query, key, key)
    message = "key must have shape (2, None, 8), got (3, 6, 8)"
    fails(message, checks.check_attention_inputs, query, array((3, 6, 8)), key)
    message = "key must have shape (N, T, 8), got shape (2, 6, 7)"
    fails(message, checks.check_attention_inputs, query, array((2, 6, 7)), key)
    message = "value must have shape (2, 6, 8), got (2, 4, 8)"
    fails(message, checks.check_attention_inputs, query, key, query)


def test_weights_of_a_recurrent_layer():
    x, w, u, b = array((2, 3, 4)), array((4, 6)), array((2, 6)), array((6,))
    checks.check_recurrent(x, w, u, b, b, 3)
    checks.check_recurrent(x, w, u, None, None, 3)
    checks.check_recurrent(x, array((6, 4)), array((6, 2)), b, b, 3, turned=True)
    message = "recurrent_weight must have shape (units, 4 units), got shape (2, 6)"
    fails(message, checks.check_recurrent, x, w, u, b, b, 4)
    message = "recurrent_weight must have shape (units, units), got shape (2,)"
    fails(message, checks.check_recurrent, x, w, array((2,)), b, b, 1)
    message = "weight must have shape (4, 6), got (5, 6)"
    fails(message, checks.check_recurrent, x, array((5, 6)), u, b, b, 3)
    message = "bias and recurrent_bias must both be given, or both be None"
    fails(message, checks.check_recurrent, x, w, u, b, None, 3)
    message = "recurrent_bias must have shape (6,), got (5,)"
    fails(message, checks.check_recurrent, x, w, u, b, array((5,)), 3)
    with pytest.raises(ValueError, match=r"\(3 units, units\), got shape \(2, 6\)"):
        checks.check_recurrent(x, array((6, 4)), u, b, b, 3, turned=True)


def test_options_of_a_recurrent_layer():
    shape, check = (2, 3, 4), checks.check_recurrent_options
    whole, none = array(shape, "bool"), (None, None)
    check(shape, array((2, 3), "bool"), True, 0.5, array((2, 4), "bool"), (0.5, 0), (whole, None))
    check((None, None, 4), array((5, 7), "bool"), False, 0, None, (0.0,), (None,))
    message = "keep must have shape (2, 4), got (2, 3)"
    fails(message, check, shape, None, False, 0.5, array((2, 3), "bool"), (0, 0), none)
    message = "cell_zones must have shape (2, 3, 4), got (2, 4)"
    fails(message, check, shape, None, False, 0, None, (0, 0), (whole, array((2, 4), "bool")))
    message = "reverse must be True or False, got None"
    fails(message, check, shape, None, None, 0, None, (0,), (None,))
    message = "cell_zoneout must be a number in [0, 1), got 1"
    fails(message, check, shape, None, False, 0, None, (0, 1), none)


def test_rates_of_a_recurrent_layer():
    assert checks.check_rates(0, {"zoneout": 0.5}) == (0.0, {"zoneout": 0.5})
    fails("zoneout must be a number in [0, 1), got 1", checks.check_rates, 0, {"zoneout": 1})
    message = "recurrent_dropout must be a number in [0, 1), got -1"
    fails(message, checks.check_rates, -1, {})


def test_directions():
    def layer(**options):
        found = {"reverse": False, "in_features": 3, "return_sequences": True} | options
        return SimpleNamespace(**found)

    there, back = layer(), layer(reverse=True)
    checks.check_directions(there, back, SimpleNamespace)
    message = "forward must be a recurrent layer, got 3"
    fails(message, checks.check_directions, 3, back, SimpleNamespace)
    message = "backward must have reverse=True, got reverse=False"
    fails(message, checks.check_directions, there, there, SimpleNamespace)
    message = "backward must have the in_features of forward, 3, got 4"
    other = layer(reverse=True, in_features=4)
    fails(message, checks.check_directions, there, other, SimpleNamespace)


def test_integers():
    for kind in ("int8", "int64", "uint8"):
        checks.check_integers("x", array((2, 3), kind))
    fails("x must be integers, got float32", checks.check_integers, "x", array((2, 3)))
    fails("x must be integers, got bool", checks.check_integers, "x", array((2, 3), "bool"))
    message = "x must hold at least one row, got shape (0, 3)"
    fails(message, checks.check_integers, "x", array((0, 3), "int64"))


def test_words_within_a_table():
    checks.check_within("x", np.array([[0, 6]]), 7)
    checks.check_within("x", keras.KerasTensor((2, 3), "int64"), 1)  # has no values to read
    for values in ([0, 7], [-1, 3]):
        message = f"x must lie in [0, 6], got integers from {min(values)} to {max(values)}"
        for own in (np.array, torch.tensor, tf.constant):
            fails(message, checks.check_within, "x", own([values]), 7)


def test_table():
    checks.check_table("w", array((2, 3)))
    for shape in ((2,), (0, 3), (2, 3, 4)):
        fails(
            f"w must have shape (rows, features), got {shape}",
            checks.check_table,
            "w",
            array(shape),
        )
    fails("w must be floating point, got int64", checks.check_table, "w", array((2, 3), "int64"))


def test_positions():
    checks.check_positions("x", array((2, 3, 4)), array((3, 4)))
    checks.check_positions("x", array((None, None, 4)), (3, 4))
    message = "x must have at most 3 steps, got 5"
    fails(message, checks.check_positions, "x", array((2, 5, 4)), array((3, 4)))
    message = "grad must have shape (N, T, 4), got shape (2, 3, 5)"
    fails(message, checks.check_positions, "grad", array((2, 3, 5)), (3, 4))


def test_examples_of_words():
    checks.check_examples(np.zeros((2, 5), int), (5,), 9)
    checks.check_examples(np.zeros((2, 3), int), (5,), 9)
    message = "x must have shape (N, 5), or fewer steps, got shape (2, 6)"
    fails(message, checks.check_examples, np.zeros((2, 6), int), (5,), 9)
    message = "x_validation must lie in [0, 8], got integers from 0 to 9"
    fails(message, checks.check_examples, np.array([[0, 9]]), (5,), 9, "x_validation")
    fails("x must be integers, got float64", checks.check_examples, np.zeros((2, 5)), (5,), 9)


def test_every_check_is_tested_here():
    """A new check needs a test in this file, of its own or another's name."""
    source = inspect.getsource(inspect.getmodule(unread))
    for name, function in vars(checks).items():
        if inspect.isfunction(function) and not name.startswith("_"):
            assert f"checks.{name}" in source, name
