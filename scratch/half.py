"""Half precision: what adds numbers up is computed in float32, and rounded once at the end.

A sum in float16 stops growing at 2048 ones, and squares above 256 are infinite. PyTorch and Keras
add half precision up in float32 too.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import numpy as np

__all__ = ["wide", "narrow", "half_in_float32"]

P = ParamSpec("P")
R = TypeVar("R")


def wide(x: np.ndarray) -> np.ndarray:
    """float32 where ``x`` is float16: for layers that keep more than their input."""
    return x.astype(np.float32) if x.dtype == np.float16 else x


def narrow(value: np.ndarray, dtype: Any) -> np.ndarray:
    with np.errstate(over="ignore"):  # a result may be too large, and is infinite then
        return value.astype(dtype, copy=False)


def half_in_float32(function: Callable[P, R]) -> Callable[P, R]:
    """``function`` of float32 where all its floating-point arrays are float16; else as it is."""

    @wraps(function)
    def rounded_once(*args: P.args, **options: P.kwargs) -> R:
        kinds = {array.dtype for array in _arrays([*args, *options.values()])}
        if kinds != {np.dtype(np.float16)}:
            return function(*args, **options)
        wide = {name: _cast(value, np.float16, np.float32) for name, value in options.items()}
        result: Any = function(*(_cast(value, np.float16, np.float32) for value in args), **wide)
        with np.errstate(over="ignore"):  # a result may be too large, and is infinite then
            return _cast(result, np.float32, np.float16)

    return rounded_once


def _arrays(values: list[Any] | tuple[Any, ...]) -> list[Any]:
    flat = [v for each in values for v in (each if isinstance(each, list | tuple) else [each])]
    return [v for v in flat if isinstance(v, np.ndarray | np.generic) and v.dtype.kind == "f"]


def _cast(value: Any, old: type, new: type) -> Any:
    if hasattr(value, "_fields"):  # a named tuple
        return type(value)(*(_cast(each, old, new) for each in value))
    if isinstance(value, list | tuple):
        return type(value)(_cast(each, old, new) for each in value)
    if isinstance(value, np.ndarray | np.generic) and value.dtype == old:
        return value.astype(new)
    return value
