"""Argument checks shared by the three panels, so that bad input reads the same in each.

Every check raises ``ValueError`` naming the argument, what is allowed and what was received. Checks
of arrays look at shapes and dtype names only, so they serve NumPy arrays, tensors and the symbolic
tensors of a traced graph (whose unknown dimensions are ``None`` and pass).
"""

import functools
import math
from collections.abc import Callable, Sequence
from numbers import Integral, Real
from typing import Any

Shape = Sequence[int | None]


def check_number(name: str, value: Any, interval: str = "(-inf, inf)") -> float:
    """Return ``value`` as a float if it lies in ``interval``, written ``"[0, 1)"``."""
    low, high = _bounds(interval)
    if isinstance(value, Real) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:  # an integer too large for a float
            number = math.nan
        above = number >= low if interval[0] == "[" else number > low
        below = number <= high if interval[-1] == "]" else number < high
        if above and below:  # both are False for NaN
            return number
    raise ValueError(f"{name} must be a number in {interval}, got {value!r}")


@functools.cache
def _bounds(interval: str) -> tuple[float, float]:
    low, high = interval[1:-1].split(",")
    return float(low), float(high)


def check_integer(name: str, value: Any, *, minimum: int = 0, maximum: int | None = None) -> int:
    """Return ``value`` as an int if ``minimum <= value <= maximum``."""
    allowed = f">= {minimum}" if maximum is None else f"in [{minimum}, {maximum}]"
    if isinstance(value, Integral) and not isinstance(value, bool):
        number = int(value)
        if number >= minimum and (maximum is None or number <= maximum):
            return number
    raise ValueError(f"{name} must be an integer {allowed}, got {value!r}")


def check_pair(name: str, value: Any, *, minimum: int = 1) -> tuple[int, int]:
    """Return (height, width) for an integer, which stands for both, or for a pair of them."""
    pair = value if isinstance(value, tuple | list) else (value, value)
    if len(pair) == 2 and all(isinstance(v, Integral) and not isinstance(v, bool) for v in pair):
        height, width = map(int, pair)
        if min(height, width) >= minimum:
            return height, width
    raise ValueError(
        f"{name} must be an integer >= {minimum} or a pair of them (height, width), got {value!r}"
    )


def check_padding(padding: Any) -> str | tuple[int, int]:
    """Return "valid", "same", or the pixels to add on either side as (height, width)."""
    if isinstance(padding, str) and padding in ("valid", "same"):
        return padding
    try:
        return check_pair("padding", padding, minimum=0)
    except ValueError:
        raise ValueError(
            "padding must be 'valid', 'same', an integer >= 0 or a pair of them "
            f"(height, width), got {padding!r}"
        ) from None


def check_pool_padding(padding: Any, pool_size: tuple[int, int]) -> str | tuple[int, int]:
    """As ``check_padding``, for pooling: every window has to hold a pixel of the image."""
    checked = check_padding(padding)
    if not isinstance(checked, str) and any(
        amount >= size for amount, size in zip(checked, pool_size, strict=True)
    ):
        raise ValueError(
            f"padding must be smaller than pool_size {tuple(pool_size)}, got {padding!r}"
        )
    return checked


def check_choice(name: str, value: Any, choices: Sequence[str]) -> str:
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, got {value!r}")
    return value


def check_flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be True or False, got {value!r}")
    return value


def check_batch(shape: Shape, name: str = "x") -> None:
    """An empty batch has no mean and no gradient; refuse it where it first appears."""
    if len(shape) == 0 or 0 in shape:
        raise ValueError(f"{name} must hold at least one row, got shape {tuple(shape)}")


def check_features(shape: Shape, features: int, name: str = "x") -> None:
    """The last axis of a batch holds ``features`` values."""
    if len(shape) < 2 or shape[-1] not in (features, None):
        raise ValueError(
            f"{name} must have {features} features in its last axis (shape (N, ..., {features})), "
            f"got shape {tuple(shape)}"
        )
    check_batch(shape, name)


def check_maps(shape: Shape, channels: int | None = None) -> None:
    """A batch of feature maps, channels last: what a convolution or a pooling takes."""
    if len(shape) != 4 or (channels is not None and shape[-1] not in (channels, None)):
        last = "C" if channels is None else channels
        raise ValueError(f"x must have shape (N, H, W, {last}), got shape {tuple(shape)}")
    check_batch(shape)


def check_rows(shape: Shape) -> None:
    """A training batch norm divides by the spread of a feature: one value has none."""
    leading = shape[:-1]
    if None not in leading and math.prod(size for size in leading if size is not None) < 2:
        raise ValueError(
            "batch norm in training needs at least 2 values per feature, "
            f"got 1 (x has shape {tuple(shape)})"
        )


def check_same_shape(name: str, shape: Shape, expected: Shape) -> None:
    """Refuse what would broadcast silently."""
    if shape == expected:
        return
    if len(shape) != len(expected) or any(
        a != b for a, b in zip(shape, expected, strict=True) if a is not None and b is not None
    ):
        raise ValueError(f"{name} must have shape {tuple(expected)}, got {tuple(shape)}")


def check_mask(mask: tuple[Shape, str] | None, expected: Shape, name: str = "mask") -> None:
    """The shape and dtype of a dropout mask: booleans, of the shape of what is masked."""
    if mask is None:
        raise ValueError(f"{name} must be given in training, got None")
    shape, dtype = mask
    if dtype != "bool":
        raise ValueError(f"{name} must be boolean, got {dtype}")
    check_same_shape(name, shape, expected)


def check_layer_names(names: Sequence[str]) -> None:
    """The arrays of a layer inside another one are called by its name."""
    if len(set(names)) < len(names):
        raise ValueError(f"layers must have names that differ, got {list(names)}")


def check_examples(shape: Shape, dtype: str, input_shape: tuple[int, ...]) -> None:
    """A batch of what a recipe's model takes."""
    check_floating("x", dtype)
    check_batch(shape)
    check_same_shape("x", shape, (None, *input_shape))


def check_floating(name: str, dtype: str) -> None:
    if dtype not in ("float16", "bfloat16", "float32", "float64"):
        raise ValueError(f"{name} must be floating point, got {dtype}")


def check_dtype(dtype: Any) -> str:
    """The working precision of a layer, recipe or data set."""
    return check_choice("dtype", dtype, ("float32", "float64"))


def check_images(shape: Shape, dtype: str) -> None:
    """Images are a batch, channels last, floating point, with values meant to lie in [0, 1]."""
    if len(shape) != 4:
        raise ValueError(f"images must have shape (N, H, W, C), got shape {tuple(shape)}")
    if dtype not in ("float16", "bfloat16", "float32", "float64"):
        raise ValueError(
            f"images must be floating point in [0, 1], got {dtype}: divide by 255 first"
        )
    check_batch(shape, "images")


def check_counts(points: int | None, labels: int | None, name: str = "images") -> None:
    if points is not None and labels is not None and points != labels:
        raise ValueError(f"{name} and labels must have equal counts, got {points} and {labels}")


def check_labels(
    logits_shape: Shape,
    labels_shape: Shape,
    dtype: str,
    limits: Callable[[], tuple[int, int] | None],
    *,
    binary: bool = False,
) -> None:
    """Integer class labels of shape (N,) for logits of shape (N, classes).

    ``binary``: labels in {0, 1} for one logit each, of shape (N, 1).

    ``limits`` returns the smallest and largest label, or ``None`` where values cannot be read
    (inside a traced graph). It is called last, when shape and dtype are known to be right.
    """
    columns = 1 if binary else "classes"
    if len(logits_shape) != 2 or (binary and logits_shape[1] not in (1, None)):
        raise ValueError(f"logits must have shape (N, {columns}), got shape {tuple(logits_shape)}")
    check_batch(logits_shape, "logits")
    if len(labels_shape) != 1 or not dtype.startswith(("int", "uint")):
        raise ValueError(
            f"labels must be integers of shape (N,), got {dtype} of shape {tuple(labels_shape)}"
        )
    check_counts(logits_shape[0], labels_shape[0], "logits")
    found, classes = limits(), 2 if binary else logits_shape[1]
    if found is not None and classes is not None:
        low, high = found
        if low < 0 or high >= classes:
            raise ValueError(
                f"labels must lie in [0, {classes - 1}], got labels from {low} to {high}"
            )


EPS = {"float16": 2.0**-10, "bfloat16": 2.0**-7, "float32": 2.0**-23, "float64": 2.0**-52}


def check_probabilities(
    name: str,
    shape: Shape,
    dtype: str,
    values: Callable[[], Any],
    logits: tuple[Shape, str] | None = None,
) -> None:
    """Rows of class probabilities, (N, classes), of the shape and dtype of the ``logits``, if any.

    ``values`` returns them as a NumPy array, or ``None`` where they cannot be read (inside a traced
    graph). It is called last, when shape and dtype are known to be right.
    """
    if len(shape) != 2 or dtype not in EPS:
        raise ValueError(
            f"{name} must be floating point of shape (N, classes), "
            f"got {dtype} of shape {tuple(shape)}"
        )
    check_batch(shape, name)
    if logits is not None:
        check_same_shape(name, shape, logits[0])
        if dtype != logits[1]:
            raise ValueError(f"{name} must have the dtype of the logits, {logits[1]}, got {dtype}")
    found = values()
    if found is None:
        return
    low, high = float(found.min()), float(found.max())
    if not (low >= 0 and high <= 1):
        raise ValueError(f"{name} must lie in [0, 1], got values from {low} to {high}")
    # Each value is rounded, and so is each step of the sum that they were divided by.
    allowed = (found.shape[1] + 8) * EPS[dtype]
    sums = found.sum(axis=1, dtype="float64")
    row = int(abs(sums - 1).argmax())
    if abs(sums[row] - 1) > allowed:
        raise ValueError(
            f"{name} must have rows that add up to 1 within {allowed:.2g}, "
            f"got {sums[row]:.9g} in row {row}"
        )


KINDS = {
    "floating point": ("float", "bfloat"),
    "integer": ("int", "uint"),
    "boolean": ("bool",),
}


def check_per_image(name: str, shape: Shape, dtype: str, kind: str, images: int | None) -> None:
    """One value for each image, of one of the KINDS."""
    counts_agree = len(shape) == 1 and (shape[0] == images or None in (shape[0], images))
    if not counts_agree or not dtype.startswith(KINDS[kind]):
        count = "N" if images is None else images
        raise ValueError(
            f"{name} must be {kind} of shape ({count},), got {dtype} of shape {tuple(shape)}"
        )


def check_gradients(grads: Any, dtype_name: Callable[[Any], str]) -> None:
    """A list of gradients of one floating dtype; those of a model's parameters, say."""
    if not isinstance(grads, list | tuple) or not grads:
        got = "an empty one" if isinstance(grads, list | tuple) else "something else"
        raise ValueError(f"grads must be a list of arrays, got {got}")
    dtypes = []
    for index, grad in enumerate(grads):
        name = f"grads[{index}]"
        if grad is None:
            raise ValueError(f"{name} must be an array, got None")
        dtypes.append(dtype_name(grad))
        check_floating(name, dtypes[-1])
        if 0 in grad.shape:
            raise ValueError(f"{name} must not be empty, got shape {tuple(grad.shape)}")
        if dtypes[-1] != dtypes[0]:
            raise ValueError(
                f"{name} must have the dtype of grads[0], {dtypes[0]}, got {dtypes[-1]}"
            )


def check_finite(name: str, finite: bool | None) -> None:
    """``finite`` is None where values cannot be read (inside a traced graph)."""
    if finite is False:
        raise ValueError(f"{name} must be finite, got NaN or infinity")
