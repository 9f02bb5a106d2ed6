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
    if len(shape) == 0 or any(size == 0 for size in shape):
        raise ValueError(f"{name} must hold at least one row, got shape {tuple(shape)}")


def check_features(shape: Shape, features: int, name: str = "x") -> None:
    """The last axis of a batch holds ``features`` values."""
    if len(shape) < 2 or shape[-1] not in (features, None):
        raise ValueError(
            f"{name} must have {features} features in its last axis (shape (N, ..., {features})), "
            f"got shape {tuple(shape)}"
        )
    check_batch(shape, name)


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
    if len(shape) != len(expected) or any(
        a != b for a, b in zip(shape, expected, strict=True) if a is not None and b is not None
    ):
        raise ValueError(f"{name} must have shape {tuple(expected)}, got {tuple(shape)}")


def check_mask(mask: tuple[Shape, str] | None, expected: Shape) -> None:
    """The shape and dtype of a dropout mask: booleans, of the shape of what is masked."""
    if mask is None:
        raise ValueError("mask must be given in training, got None")
    shape, dtype = mask
    if dtype != "bool":
        raise ValueError(f"mask must be boolean, got {dtype}")
    check_same_shape("mask", shape, expected)


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


def check_finite(name: str, finite: bool | None) -> None:
    """``finite`` is None where values cannot be read (inside a traced graph)."""
    if finite is False:
        raise ValueError(f"{name} must be finite, got NaN or infinity")
