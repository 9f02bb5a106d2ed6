"""Argument checks shared by the three panels, so that bad input reads the same in each.

Every check raises ``ValueError`` naming the argument, what is allowed and what was received. Checks
of arrays take those of any framework: NumPy arrays, tensors, and the symbolic tensors of a traced
graph, whose unknown dimensions are ``None`` and pass, and whose values cannot be read. Where there
is no array yet, a check of its shape takes the shape.
"""

import functools
import inspect
import math
import re
import typing
from collections.abc import Callable, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np

Shape = Sequence[int | None]


# Whether ``torch.compile`` or ``torch.export`` reads what runs, which no memory of calls may enter.
# The PyTorch panel puts PyTorch's own answer here; without that panel it is no.
compiling: Callable[[], bool] = bool


def dtype_name(array: Any) -> str:
    """ "float32", "bool", ...: of an array, tensor, variable or tracer of any framework."""
    dtype = array.dtype
    if compiling():  # which can look up no dtype among those of other frameworks
        return str(dtype).removeprefix("torch.")
    name = _names.get(dtype)
    if name is None:
        name = str(getattr(dtype, "name", dtype))  # NumPy, JAX and TensorFlow; Keras has strings
        name = _names[dtype] = name.removeprefix("torch.")
    return name


# NumPy puts the name together anew each time, as long as a small layer takes.
_names: dict[Any, str] = {}


def shape_of(x: Any, name: str = "x") -> Shape:
    """Of an array; a tuple is one already."""
    if isinstance(x, tuple):
        return x
    if hasattr(x, "as_list"):  # TensorFlow's own kind of shape
        return tuple(x.as_list())
    check_array(name, x)
    return x.shape


def check_array(name: str, array: Any) -> None:
    """An array of some framework, or what stands for one in a graph; NumPy's without a mask."""
    if isinstance(array, (np.ndarray, np.generic)):
        if isinstance(array, np.ma.MaskedArray):
            raise ValueError(f"{name} must not be a masked array: fill it first")
        if isinstance(array, np.matrix):
            raise ValueError(f"{name} must not be a numpy.matrix: np.asarray makes it an array")
    elif not (hasattr(array, "shape") and hasattr(array, "dtype")):
        raise ValueError(f"{name} must be an array, got {shown(array)}")


def shown(value: Any) -> str:
    """As an error shows what it got: in one line, cut short."""
    text = " ".join(repr(value).split())
    return text if len(text) <= MOST_SHOWN else f"{text[: MOST_SHOWN - 4]} ..."


MOST_SHOWN = 80


def readable(array: Any) -> np.ndarray | None:
    """The values in NumPy; ``None`` inside a traced graph, where there are none yet."""
    if isinstance(array, np.ndarray):
        return array
    if compiling():
        return None
    try:
        if hasattr(array, "detach"):  # PyTorch, where NumPy takes no gradient, device or bfloat16
            array = array.detach().cpu()
            array = array.float() if dtype_name(array) == "bfloat16" else array
        return np.asarray(array)
    except (NotImplementedError, TypeError, ValueError):  # traced by TensorFlow, JAX, Keras
        return None


def own_arrays(check: Callable[..., Any]) -> Callable[..., Any]:
    """``check``, and then whether what it calls ``np.ndarray`` or ``torch.Tensor`` is one.

    The checks below take the arrays of any framework. The functions of NumPy and PyTorch do not,
    and have errors of their own, or none; Keras's do.
    """
    parameters = inspect.signature(check).parameters
    kinds = {
        name: kind
        for name, parameter in parameters.items()
        for kind in (parameter.annotation, *typing.get_args(parameter.annotation))
        if getattr(kind, "__name__", "") in ("ndarray", "Tensor")
    }
    if not kinds:  # in Keras every array is Any
        return check
    rest = list(kinds.values())[-1]  # of what **options gather, which comes last
    order = list(parameters)

    @functools.wraps(check)
    def then(*args: Any, **options: Any) -> Any:
        result = check(*args, **options)
        for name, value in [*zip(order, args, strict=False), *options.items()]:
            kind = kinds.get(name) if name in order else rest
            if kind is not None:
                for array in value if isinstance(value, list | tuple) else [value]:
                    _check_owner(name, array, kind)
        return result

    return then


def _check_owner(name: str, array: Any, kind: type) -> None:
    own = isinstance(array, (kind, np.generic) if kind is np.ndarray else kind)
    if array is not None and not own:
        raise ValueError(
            f"{name} must be a {kind.__module__}.{kind.__name__}, "
            f"got a {type(array).__module__}.{type(array).__name__}"
        )


def remembered(check: Callable[..., Any]) -> Callable[..., Any]:
    """``check``, made once for arguments of one kind; later it returns what it returned then.

    The kind of an array is its shape and dtype, that of anything else its value: so this is for
    checks that read no values of arrays. What was refused is refused again. A training step hands
    over what the step before did, and need not pay for checking it. It has ``own_arrays``.
    """
    check = own_arrays(check)
    passed: dict[Any, Any] = {}
    new = object()

    @functools.wraps(check)
    def once(*args: Any, **options: Any) -> Any:
        if compiling():
            return check(*args, **options)
        kind = (*map(_kind, args), *options, *map(_kind, options.values()))
        try:
            result = passed.get(kind, new)
        except (TypeError, ValueError):  # something in it has no hash
            return check(*args, **options)
        if result is new:
            result = check(*args, **options)
            if len(passed) >= MOST_KINDS:
                passed.clear()
            passed[kind] = result
        return result

    return once


MOST_KINDS = 1000
PLAIN = {int, float, bool, str, type(None)}


def _kind(value: Any) -> Any:
    # The type belongs to it: True == 1 == 1.0.
    kind = type(value)
    if kind in PLAIN:
        return kind, value
    if kind is tuple:
        return tuple(map(_kind, value))
    if hasattr(value, "address"):  # a stream, whose step is another in each step
        return kind, value.seed, value.layer
    if hasattr(value, "shape") and not isinstance(value, np.generic):
        # An array of one number may be taken for that number: a list has no hash.
        return [] if value.shape == () else (kind, value.shape, value.dtype)
    return kind, value


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
    raise ValueError(f"{name} must be a number in {interval}, got {shown(value)}")


def check_range(name: str, value: Any, interval: str) -> tuple[float, float]:
    """Return a pair of numbers in ``interval``, the smaller first."""
    try:
        low, high = (check_number(name, each, interval) for each in value)
    except (TypeError, ValueError):
        low, high = 1.0, 0.0
    if low > high or not isinstance(value, tuple | list):
        raise ValueError(
            f"{name} must be two numbers in {interval}, the smaller first, got {shown(value)}"
        )
    return low, high


def _bounds(interval: str) -> tuple[float, float]:
    bounds = _known_bounds.get(interval)
    if bounds is None:
        low, high = interval[1:-1].split(",")
        bounds = _known_bounds[interval] = float(low), float(high)
    return bounds


_known_bounds: dict[str, tuple[float, float]] = {}


def check_integer(name: str, value: Any, *, minimum: int = 0, maximum: int | None = None) -> int:
    """Return ``value`` as an int if ``minimum <= value <= maximum``."""
    allowed = f">= {minimum}" if maximum is None else f"in [{minimum}, {maximum}]"
    if isinstance(value, Integral) and not isinstance(value, bool):
        number = int(value)
        if number >= minimum and (maximum is None or number <= maximum):
            return number
    if type(value).__name__ == "SymInt":  # in a graph of PyTorch for any size
        size: int = value
        return size
    raise ValueError(f"{name} must be an integer {allowed}, got {shown(value)}")


MOST = 2**31 - 1  # what the frameworks' own integers hold


def check_size(name: str, value: Any, *, minimum: int = 1) -> int:
    """Return ``value`` as an int: a side of an image, a number of features, of steps."""
    return _at_most(name, check_integer(name, value, minimum=minimum))


def _at_most(name: str, number: int) -> int:
    if number > MOST:
        raise ValueError(f"{name} must be at most {MOST}, got {shown(number)}")
    return number


def check_pair(name: str, value: Any, *, minimum: int = 1) -> tuple[int, int]:
    """Return (height, width) for an integer, which stands for both, or for a pair of them."""
    pair = value if isinstance(value, tuple | list) else (value, value)
    if len(pair) == 2 and all(isinstance(v, Integral) and not isinstance(v, bool) for v in pair):
        height, width = map(int, pair)
        if min(height, width) >= minimum:
            return _at_most(name, height), _at_most(name, width)
    raise ValueError(
        f"{name} must be an integer >= {minimum} or a pair of them (height, width), "
        f"got {shown(value)}"
    )


def check_padding(padding: Any) -> str | tuple[Any, Any]:
    """Return "valid", "same", or the pixels to add as (height, width).

    Each of the two is a number, for either side, or the pair (before, after).
    """
    if isinstance(padding, str) and padding in ("valid", "same"):
        return padding
    pairs = isinstance(padding, tuple | list) and len(padding) == 2
    try:
        if pairs and all(isinstance(sides, tuple | list) for sides in padding):
            rows, columns = (check_pair("padding", sides, minimum=0) for sides in padding)
            return rows, columns
        return check_pair("padding", padding, minimum=0)
    except ValueError:
        raise ValueError(
            "padding must be 'valid', 'same', an integer >= 0, a pair of them (height, width) "
            f"or two pairs ((top, bottom), (left, right)), got {shown(padding)}"
        ) from None


def check_pool_padding(padding: Any, pool_size: tuple[int, int]) -> str | tuple[Any, Any]:
    """As ``check_padding``, for pooling: every window has to hold a pixel of the image."""
    checked = check_padding(padding)
    if not isinstance(checked, str) and any(
        max(sides if isinstance(sides, tuple) else (sides,)) >= size
        for sides, size in zip(checked, pool_size, strict=True)
    ):
        raise ValueError(
            f"padding must be smaller than pool_size {tuple(pool_size)}, got {shown(padding)}"
        )
    return checked


def check_filter_groups(groups: Any, channels: int, filters: int) -> int:
    """Return ``groups`` as an int if a convolution can be divided into as many."""
    number = check_size("groups", groups)
    if channels % number or filters % number:
        raise ValueError(
            f"groups must divide the {channels} channels and the {filters} filters, "
            f"got {shown(groups)}"
        )
    return number


def check_choice(name: str, value: Any, choices: Sequence[str]) -> str:
    if not isinstance(value, str) or value not in choices:
        raise ValueError(
            f"{name} must be one of {', '.join(map(repr, choices))}, got {shown(value)}"
        )
    return value


def check_kind(name: str, value: Any, kind: type) -> None:
    """An object of a class of ours: a recipe, a model, a stream."""
    if not isinstance(value, kind):
        raise ValueError(f"{name} must be a {kind.__name__}, got {shown(value)}")


def check_model(model: Any, kind: type) -> None:
    """``kind`` is what every model of the panel is; the text is one for the three."""
    if not isinstance(model, kind):
        raise ValueError(f"model must be a model of this panel, got {shown(model)}")


def check_methods(name: str, value: Any, *methods: str) -> None:
    """An object that need not be of a class of ours: a penalty, say, of the user's own."""
    if isinstance(value, type) or not all(callable(getattr(value, m, None)) for m in methods):
        raise ValueError(f"{name} must have the methods {', '.join(methods)}, got {shown(value)}")


def check_noise_shape(noise_shape: Any, shape: Any) -> tuple[Any, ...]:
    """The shape of a draw that is shared along some axes of ``shape``: those that have 1."""
    if noise_shape is None:
        return tuple(shape)
    valid = isinstance(noise_shape, tuple | list) and all(
        each is None or (type(each) is int and each == 1) for each in noise_shape
    )
    if not valid or len(noise_shape) != len(shape):
        raise ValueError(
            f"noise_shape must be None, or have None or 1 for each of {len(shape)} axes, "
            f"got {shown(noise_shape)}"
        )
    pairs = zip(shape, noise_shape, strict=True)
    return tuple(size if each is None else 1 for size, each in pairs)


MOST_WORDS = 2**34  # that a stream has: 2**32 blocks of four


def check_draw(stream: Any, shape: Any) -> None:
    """The address and the shape of what is drawn. In a graph a size may be a tensor."""
    if not hasattr(stream, "address"):
        raise ValueError(f"stream must be a Stream, got {shown(stream)}")
    shape = shape.as_list() if hasattr(shape, "as_list") else shape  # TensorFlow's own kind
    if not isinstance(shape, tuple | list) or any(
        isinstance(size, str | Real) and not _is_size(size) for size in shape
    ):
        raise ValueError(f"shape must be a tuple of integers >= 0, got {shown(shape)}")
    known = [int(size) for size in shape if isinstance(size, Integral)]
    if math.prod(known) > MOST_WORDS:
        raise ValueError(f"shape must hold at most 2**34 values, got {shown(shape)}")


def _is_size(size: Any) -> bool:
    return isinstance(size, Integral) and not isinstance(size, bool) and int(size) >= 0


def check_words(name: str, value: Any) -> None:
    """A key of Philox: two 32-bit words."""
    if not isinstance(value, tuple) or len(value) != 2 or not all(map(_is_word, value)):
        raise ValueError(f"{name} must be two integers in [0, 2**32), got {shown(value)}")


def _is_word(value: Any) -> bool:
    return _is_size(value) and value < 2**32


def check_counter(counter: Any) -> None:
    """The counters of Philox: four 32-bit words each."""
    shape, dtype = tuple(shape_of(counter, "counter")), dtype_name(counter)
    if not dtype.startswith(("int", "uint")) or shape[:1] != (4,) or 0 in shape:
        raise ValueError(
            f"counter must be integers of shape (4, ...), got {dtype} of shape {shape}"
        )
    found = readable(counter)
    if found is not None and not (found.min() >= 0 and found.max() < 2**32):
        raise ValueError(
            f"counter must lie in [0, 2**32), got values from {found.min()} to {found.max()}"
        )


def check_measured(name: str, value: Any) -> float:
    """A loss or an accuracy, NaN included, as a float: often it is an array of one number."""
    try:
        if not isinstance(value, str | bool | np.bool_):
            return float(value)  # float64, whatever the precision of the model
    except (TypeError, ValueError, OverflowError):
        pass
    raise ValueError(f"{name} must be a number, got {shown(value)}")


def check_seed(seed: Any) -> int:
    return check_integer("seed", seed, maximum=2**64 - 1)


def check_mode(monitor: str, mode: str) -> None:
    """The larger an accuracy is, the better."""
    if monitor == "validation_accuracy" and mode == "min":
        raise ValueError("mode must be 'max' for validation_accuracy, got 'min'")


def check_text(name: str, value: Any) -> None:
    if not isinstance(value, str):
        raise ValueError(f"{name} must be text, got {shown(value)}")


def check_flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be True or False, got {shown(value)}")
    return value


@remembered
def check_batch(x: Any, name: str = "x") -> None:
    """An empty batch has no mean and no gradient; refuse it where it first appears."""
    shape = shape_of(x, name)
    if len(shape) == 0 or 0 in shape:
        raise ValueError(f"{name} must hold at least one row, got shape {tuple(shape)}")


@remembered
def check_features(x: Any, features: int, name: str = "x") -> None:
    """The last axis of a batch holds ``features`` values."""
    shape = shape_of(x, name)
    if len(shape) < 2 or shape[-1] not in (features, None):
        raise ValueError(
            f"{name} must have {features} features in its last axis (shape (N, ..., {features})), "
            f"got shape {tuple(shape)}"
        )
    check_batch(tuple(shape), name)


def check_kernel(name: str, weight: Any) -> None:
    """Of a dense layer."""
    shape = tuple(shape_of(weight, name))
    if len(shape) != 2 or 0 in shape:
        raise ValueError(f"{name} must have shape (in, out), got {shape}")


def check_dense(x: Any, weight: Any, bias: Any, training: Any) -> None:
    """What goes into a dense layer as a function, (in, out) and (out,); the bias may be None."""
    check_flag("training", training)
    check_floats(x=x, **given(weight=weight, bias=bias))
    check_kernel("weight", weight)
    check_features(x, weight.shape[0])
    if bias is not None:
        check_same_shape("bias", bias, (weight.shape[1],))


def check_singular(w: Any, u: Any, v: Any, **grad: Any) -> None:
    """A weight, its units in the last axis, and a vector on each side of it as a matrix."""
    check_floats(w=w, u=u, v=v, **grad)
    shape: tuple[Any, ...] = tuple(shape_of(w, "w"))
    if len(shape) < 2 or 0 in shape:
        raise ValueError(f"w must have two axes or more, none of them empty, got shape {shape}")
    check_same_shape("u", u, shape[-1:])
    others = shape[:-1]
    check_same_shape("v", v, (None if None in others else math.prod(others),))


@remembered
def check_maps(x: Any, channels: int | None = None, name: str = "x") -> None:
    """A batch of feature maps, channels last: what a convolution or a pooling takes."""
    shape = shape_of(x, name)
    if len(shape) != 4 or (channels is not None and shape[-1] not in (channels, None)):
        last = "C" if channels is None else channels
        raise ValueError(f"{name} must have shape (N, H, W, {last}), got shape {tuple(shape)}")
    check_batch(tuple(shape), name)


def check_sequences(x: Any, features: int | None = None, name: str = "x") -> None:
    """A batch of sequences: (N, T, features)."""
    shape = tuple(shape_of(x, name))
    if len(shape) != 3 or (features is not None and shape[2] not in (features, None)):
        last = "features" if features is None else features
        raise ValueError(f"{name} must have shape (N, T, {last}), got shape {shape}")
    check_batch(shape, name)


def check_steps_mask(mask: Any, x: Any) -> None:
    """Which steps of sequences (N, T, ...) are real: booleans (N, T), or None where all are."""
    if mask is not None:
        check_mask(mask, tuple(shape_of(x))[:2])


def check_heads(features: Any, heads: Any) -> tuple[int, int]:
    """Both as integers, if the heads can share the features."""
    features, heads = check_size("features", features), check_size("heads", heads)
    if features % heads:
        raise ValueError(f"heads must divide the {features} features, got {heads}")
    return features, heads


def check_attention(q: Any, k: Any, mask: Any) -> Shape:
    """(N, heads, T, S), for queries (N, heads, T, d), keys (N, heads, S, d) and their mask."""
    shape = tuple(shape_of(q, "q"))
    if len(shape) != 4:
        raise ValueError(f"q must have shape (N, heads, T, d), got shape {shape}")
    check_batch(shape, "q")
    check_batch(k, "k")
    check_same_shape("k", k, (*shape[:2], None, shape[3]))
    shape = (*shape[:3], shape_of(k)[2])
    if mask is not None:
        check_array("mask", mask)
        found, (count, _, steps, keys) = tuple(mask.shape), shape
        fits = len(found) == 3 and all(
            size in allowed or None in (size, allowed[-1])
            for size, allowed in zip(found, ((1, count), (1, steps), (keys,)), strict=True)
        )
        if dtype_name(mask) != "bool" or not fits:
            raise ValueError(
                f"mask must be boolean of shape ({count} or 1, {steps} or 1, {keys}), "
                f"got {dtype_name(mask)} of shape {found}"
            )
    return shape


def check_attention_inputs(query: Any, key: Any, value: Any) -> None:
    """(N, T, C), and twice (N, S, C)."""
    check_sequences(query, name="query")
    count, _, features = tuple(shape_of(query))
    check_sequences(key, features, "key")
    check_same_shape("key", key, (count, None, features))
    check_same_shape("value", value, key)


def check_integers(name: str, array: Any) -> None:
    """A batch of numbers of words, or of what else a table has rows for."""
    check_array(name, array)
    if not dtype_name(array).startswith(("int", "uint")):
        raise ValueError(f"{name} must be integers, got {dtype_name(array)}")
    check_batch(array, name)


def check_within(name: str, array: Any, rows: int) -> None:
    """Integers that are rows of a table, where they can be read."""
    found = readable(array)
    if found is not None and found.size and (found.min() < 0 or found.max() >= rows):
        raise ValueError(
            f"{name} must lie in [0, {rows - 1}], got integers from {found.min()} to {found.max()}"
        )


def check_table(name: str, w: Any) -> None:
    """A row of features for each word or step."""
    check_floating(name, w)
    shape = tuple(shape_of(w, name))
    if len(shape) != 2 or 0 in shape:
        raise ValueError(f"{name} must have shape (rows, features), got {shape}")


def check_positions(name: str, x: Any, p: Any) -> None:
    """Sequences (N, T, C), and a table (steps, C) that is long enough."""
    if not isinstance(p, tuple):
        check_table("p", p)
    rows, features = tuple(shape_of(p))
    check_sequences(x, features, name)
    steps = shape_of(x)[1]
    if steps is not None and rows is not None and steps > rows:
        raise ValueError(f"{name} must have at most {rows} steps, got {steps}")


def check_recurrent(
    x: Any,
    weight: Any,
    recurrent_weight: Any,
    bias: Any,
    recurrent_bias: Any,
    gates: int,
    *,
    turned: bool = False,
) -> None:
    """The weights of a recurrent layer, units last or ``turned`` first; its biases, or none."""
    arrays = given(
        weight=weight, recurrent_weight=recurrent_weight, bias=bias, recurrent_bias=recurrent_bias
    )
    check_floats(x=x, **arrays)
    check_sequences(x)
    shape, order = tuple(shape_of(recurrent_weight)), -1 if turned else 1
    units, columns = shape[::order] if len(shape) == 2 else (None, None)
    if not units or columns != gates * units:
        wanted = ", ".join(["units", "units" if gates == 1 else f"{gates} units"][::order])
        raise ValueError(f"recurrent_weight must have shape ({wanted}), got shape {shape}")
    check_same_shape("weight", weight, (shape_of(x)[2], columns)[::order])
    if (bias is None) != (recurrent_bias is None):
        raise ValueError("bias and recurrent_bias must both be given, or both be None")
    for name in ("bias", "recurrent_bias"):
        if name in arrays:
            check_same_shape(name, arrays[name], (columns,))


def check_recurrent_options(
    shape: Shape, mask: Any, reverse: Any, rate: Any, keep: Any, zoneouts: Any, zones: Any
) -> None:
    """What else decides a pass over states (N, T, units)."""
    if mask is not None:
        check_mask(mask, shape[:2])
    check_flag("reverse", reverse)
    if keep is not None:
        check_mask(keep, (shape[0], shape[2]), "keep")
    check_rates(rate, dict(zip(("zoneout", "cell_zoneout"), zoneouts, strict=False)), "rate")
    for name, zone in zip(("zones", "cell_zones"), zones, strict=False):
        if zone is not None:
            check_mask(zone, shape, name)


def check_rates(
    rate: Any, zoneouts: dict[str, Any], name: str = "recurrent_dropout"
) -> tuple[float, dict[str, float]]:
    """Of recurrent dropout and of zoneout."""
    found = {key: check_number(key, value, "[0, 1)") for key, value in zoneouts.items()}
    return check_number(name, rate, "[0, 1)"), found


def check_directions(forward: Any, backward: Any, kind: Any) -> None:
    """The two recurrent layers of a bidirectional one."""
    for name, layer, reverse in (("forward", forward, False), ("backward", backward, True)):
        if not isinstance(layer, kind):
            raise ValueError(f"{name} must be a recurrent layer, got {shown(layer)}")
        if layer.reverse != reverse:
            raise ValueError(f"{name} must have reverse={reverse}, got reverse={layer.reverse}")
    for key in ("in_features", "return_sequences"):
        ours, other = getattr(forward, key), getattr(backward, key)
        if ours != other:
            raise ValueError(f"backward must have the {key} of forward, {ours}, got {other}")


def check_rows(x: Any) -> None:
    """A training batch norm divides by the spread of a feature: one value has none."""
    shape = shape_of(x)
    known = [size for size in shape[:-1] if size is not None]
    if len(known) == len(shape) - 1 and math.prod(known) < 2:
        raise ValueError(
            "batch norm in training needs at least 2 values per feature, "
            f"got 1 (x has shape {tuple(shape)})"
        )


def check_groups(groups: Any, features: int | None) -> int:
    """Return ``groups`` as an int if the features can be divided into as many groups."""
    number = check_size("groups", groups)
    if features is not None and features % number:
        raise ValueError(f"groups must divide the {features} features, got {shown(groups)}")
    return number


def check_same_shape(name: str, array: Any, expected: Any) -> None:
    """Refuse what would broadcast silently. ``expected`` is a shape, or an array that has it."""
    shape, wanted = shape_of(array, name), shape_of(expected)
    if len(shape) != len(wanted) or any(
        a != b for a, b in zip(shape, wanted, strict=True) if a is not None and b is not None
    ):
        raise ValueError(f"{name} must have shape {tuple(wanted)}, got {tuple(shape)}")


def check_mask(mask: Any, expected: Any, name: str = "mask") -> None:
    """A dropout mask: booleans, of the shape of what is masked."""
    if mask is None:
        raise ValueError(f"{name} must be given in training, got None")
    check_array(name, mask)
    if dtype_name(mask) != "bool":
        raise ValueError(f"{name} must be boolean, got {dtype_name(mask)}")
    check_same_shape(name, mask, expected)


def check_layers(name: str, layers: Any, kind: Any) -> None:
    """Layers of the panel, in a list: those of a container."""
    if not isinstance(layers, list | tuple):
        raise ValueError(f"{name} must be a list of layers, got {shown(layers)}")
    for index, layer in enumerate(layers):
        if not isinstance(layer, kind) or not isinstance(getattr(layer, "name", None), str):
            raise ValueError(f"{name}[{index}] must be a layer with a name, got {shown(layer)}")


def check_wrapped(layer: Any, kinds: Any, kept: Sequence[str]) -> None:
    """A layer whose weight has one place for units in all panels; ``kept`` stands beside it."""
    if not isinstance(layer, kinds) or not isinstance(getattr(layer, "name", None), str):
        raise ValueError(
            f"layer must be a dense layer or a convolution, with a name, got {shown(layer)}"
        )
    check_layer_names([layer.name, *kept])


def check_layer_name(name: Any) -> None:
    """What the three frameworks, and the names of weights, have room for."""
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
        raise ValueError(
            "name must be letters (a to z), digits, '_' and '-', the first a letter or a digit, "
            f"or None for a name of its own, got {shown(name)}"
        )


def check_layer_names(names: Sequence[str]) -> None:
    """The arrays of a layer inside another one are called by its name."""
    if len(set(names)) < len(names):
        raise ValueError(f"layers must have names that differ, got {list(names)}")


def check_examples(
    x: Any, input_shape: tuple[int, ...], vocabulary: int = 0, name: str = "x"
) -> None:
    """A batch of what a recipe's model takes: numbers, or words of a vocabulary, in fewer steps."""
    if vocabulary == 0:
        check_floating(name, x)
        check_batch(x, name)
        check_same_shape(name, x, (None, *input_shape))
        return
    check_integers(name, x)
    check_within(name, x, vocabulary)
    if len(x.shape) != 2 or x.shape[1] > input_shape[0]:
        raise ValueError(
            f"{name} must have shape (N, {input_shape[0]}), or fewer steps, "
            f"got shape {tuple(x.shape)}"
        )


FLOATING = ("float16", "bfloat16", "float32", "float64")


def check_floating(name: str, array: Any) -> None:
    check_array(name, array)
    if dtype_name(array) not in FLOATING:
        raise ValueError(f"{name} must be floating point, got {dtype_name(array)}")


def check_floats(**arrays: Any) -> None:
    """Floating-point arrays of one dtype, that of the first."""
    (first, array), *others = arrays.items()
    check_floating(first, array)
    for name, other in others:
        check_floating(name, other)
        if dtype_name(other) != dtype_name(array):
            raise ValueError(
                f"{name} must have the dtype of {first}, {dtype_name(array)}, "
                f"got {dtype_name(other)}"
            )


def given(**arrays: Any) -> dict[str, Any]:
    """Without those that are None."""
    return {name: array for name, array in arrays.items() if array is not None}


def check_precision(x: Any, weight: Any) -> None:
    """What goes into a layer that has weights: nothing is cast in silence."""
    check_floating("x", x)
    if dtype_name(x) != dtype_name(weight):
        raise ValueError(
            f"x must have the layer's dtype, {dtype_name(weight)}, got {dtype_name(x)}: convert "
            f"it, or make the layer with dtype={dtype_name(x)!r}"
        )


def check_dtype(dtype: Any) -> str:
    """The working precision of a layer, recipe or data set."""
    return check_choice("dtype", dtype, ("float32", "float64"))


def check_images(images: Any, name: str = "images") -> None:
    """Images are a batch, channels last, floating point, with values meant to lie in [0, 1]."""
    shape = shape_of(images, name)
    if len(shape) != 4:
        raise ValueError(f"{name} must have shape (N, H, W, C), got shape {tuple(shape)}")
    if shape is not images and dtype_name(images) not in FLOATING:
        if name != "images":  # a gradient of images
            check_floating(name, images)
        raise ValueError(
            f"{name} must be floating point in [0, 1], got {dtype_name(images)}: "
            "divide by 255 first"
        )
    check_batch(images, name)


def check_colors(images: Any, name: str = "images") -> None:
    """Images of red, green and blue, or of one channel."""
    check_images(images, name)
    shape = tuple(shape_of(images, name))
    if shape[3] not in (1, 3):
        raise ValueError(f"{name} must have 1 or 3 channels, got shape {shape}")


def check_known_batch(images: Any, name: str = "images") -> None:
    """Outside a traced graph the size of a symbol's batch cannot be asked for."""
    if type(images).__name__ == "KerasTensor" and images.shape[0] is None:
        raise ValueError(
            f"{name} must have a batch of a known size here, got shape {tuple(images.shape)}: "
            "call the function in the call of a layer, with a compute_output_shape"
        )


def check_counts(points: int | None, labels: int | None, name: str = "images") -> None:
    if points is not None and labels is not None and points != labels:
        raise ValueError(f"{name} and labels must have equal counts, got {points} and {labels}")


def check_labels(
    logits: Any,
    labels: Any,
    *,
    binary: bool = False,
    ignore_index: int | None = None,
    name: str = "labels",
) -> None:
    """Integer class labels of shape (N,) for logits, or a shape alone, of (N, classes).

    ``binary``: labels in {0, 1} for one logit each, of shape (N, 1). One label must be another than
    ``ignore_index``, if that is given.
    """
    _check_label_kind(logits, labels, binary, name)
    found, classes = readable(labels), 2 if binary else shape_of(logits)[1]
    if found is not None and ignore_index is not None:
        found = found[found.astype("int64") != ignore_index]
        if not found.size:
            raise ValueError(f"{name} must not all be ignore_index, got {ignore_index} alone")
    if found is not None and classes is not None:
        low, high = int(found.min()), int(found.max())
        if low < 0 or high >= classes:
            raise ValueError(
                f"{name} must lie in [0, {classes - 1}], got labels from {low} to {high}"
            )


@remembered
def _check_label_kind(logits: Any, labels: Any, binary: bool, name: str) -> None:
    shape = shape_of(logits, "logits")
    check_array(name, labels)
    if shape is not logits:
        check_floating("logits", logits)
    if len(shape) != 2 or (binary and shape[1] not in (1, None)):
        columns = 1 if binary else "classes"
        raise ValueError(f"logits must have shape (N, {columns}), got shape {tuple(shape)}")
    check_batch(tuple(shape), "logits")
    if len(labels.shape) != 1 or not dtype_name(labels).startswith(("int", "uint")):
        raise ValueError(
            f"{name} must be integers of shape (N,), "
            f"got {dtype_name(labels)} of shape {tuple(labels.shape)}"
        )
    check_batch(tuple(labels.shape), name)
    check_counts(shape[0], labels.shape[0], "logits")


EPS = {"float16": 2.0**-10, "bfloat16": 2.0**-7, "float32": 2.0**-23, "float64": 2.0**-52}


def check_probabilities(name: str, array: Any, logits: Any = None) -> None:
    """Rows of class probabilities, (N, classes), with the shape and dtype of any ``logits``."""
    check_array(name, array)
    dtype = dtype_name(array)
    if len(array.shape) != 2 or dtype not in EPS:
        raise ValueError(
            f"{name} must be floating point of shape (N, classes), "
            f"got {dtype} of shape {tuple(array.shape)}"
        )
    check_batch(array, name)
    if logits is not None:
        check_same_shape(name, array, logits)
        if dtype != dtype_name(logits):
            raise ValueError(
                f"{name} must have the dtype of the logits, {dtype_name(logits)}, got {dtype}"
            )
    found = readable(array)
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


def check_class_targets(logits: Any, labels: Any, ignore_index: int | None = None) -> bool:
    """Integers (N,), for which it returns True, or rows of probabilities (N, classes)."""
    if ignore_index is not None:
        check_integer("ignore_index", ignore_index, minimum=-MOST, maximum=MOST)
    if not is_floating(labels):
        check_labels(logits, labels, ignore_index=ignore_index)
        return True
    if ignore_index is not None:
        raise ValueError(
            f"ignore_index must be None where labels are rows of probabilities, got {ignore_index}"
        )
    check_floating("logits", logits)
    check_probabilities("labels", labels, logits)
    return False


def check_binary_targets(logits: Any, labels: Any) -> None:
    """For logits (N, 1): numbers (N,) in [0, 1], of the dtype of the logits."""
    check_floats(logits=logits, labels=labels)
    if len(logits.shape) != 2 or logits.shape[1] not in (1, None):
        raise ValueError(f"logits must have shape (N, 1), got shape {tuple(logits.shape)}")
    check_batch(logits, "logits")
    check_same_shape("labels", labels, (logits.shape[0],))
    found = readable(labels)
    if found is not None and not (found.min() >= 0 and found.max() <= 1):
        raise ValueError(
            f"labels must lie in [0, 1], got values from {found.min()} to {found.max()}"
        )


def is_floating(array: Any) -> bool:
    return hasattr(array, "dtype") and dtype_name(array) in FLOATING


def check_weights(
    logits: Any, class_weights: Any, sample_weights: Any, name: str = "logits"
) -> None:
    """One for each class, and one for each row, of logits (N, classes), if they are given."""
    both = (("class_weights", class_weights, 1), ("sample_weights", sample_weights, 0))
    for kind, weights, axis in both:
        if weights is None:
            continue
        check_floats(**{name: logits, kind: weights})
        check_same_shape(kind, weights, (logits.shape[axis],))
        found = readable(weights)
        if found is not None:
            low, high = float(found.min()), float(found.max())
            if not 0 <= low <= high < math.inf or high == 0:
                raise ValueError(
                    f"{kind} must be finite, >= 0 and not all 0, got values from {low} to {high}"
                )


@remembered
def check_reduction(reduction: Any, mean_over: Any) -> None:
    """What the losses of the rows become, and what their mean divides by."""
    check_choice("reduction", reduction, ("none", "sum", "mean"))
    check_choice("mean_over", mean_over, ("weights", "rows"))


KINDS = {
    "floating point": ("float", "bfloat"),
    "integer": ("int", "uint"),
    "boolean": ("bool",),
}


def check_per_image(name: str, values: Any, kind: str, images: int | None) -> None:
    """One value for each image, of one of the KINDS."""
    shape = shape_of(values, name)
    counts_agree = len(shape) == 1 and (shape[0] == images or None in (shape[0], images))
    if not counts_agree or not dtype_name(values).startswith(KINDS[kind]):
        count = "N" if images is None else images
        raise ValueError(
            f"{name} must be {kind} of shape ({count},), "
            f"got {dtype_name(values)} of shape {tuple(shape)}"
        )


def check_gradients(grads: Any, of: str = "grads") -> None:
    """A list of gradients of one floating dtype; those of a model's parameters, say."""
    if not isinstance(grads, list | tuple) or not grads:
        got = "an empty one" if isinstance(grads, list | tuple) else "something else"
        raise ValueError(f"{of} must be a list of arrays, got {got}")
    for index, grad in enumerate(grads):
        name = f"{of}[{index}]"
        check_floating(name, grad)
        if getattr(grad, "is_meta", False):
            raise ValueError(f"{name} must have values, got a tensor on the device 'meta'")
        if 0 in grad.shape:
            raise ValueError(f"{name} must not be empty, got shape {tuple(grad.shape)}")
        if dtype_name(grad) != dtype_name(grads[0]):
            raise ValueError(
                f"{name} must have the dtype of {of}[0], {dtype_name(grads[0])}, "
                f"got {dtype_name(grad)}"
            )


def check_unit(name: str, images: Any) -> None:
    """Pixels in [0, 1], where they are clipped to it: 0..255 would all be white."""
    if hasattr(images, "aminmax"):  # PyTorch, which need not move them from their device
        values = (
            [] if images.is_meta or compiling() else [bound.item() for bound in images.aminmax()]
        )
    else:
        found = readable(images)
        values = [] if found is None else [float(found.min()), float(found.max())]
    if values and (values[0] < 0 or values[1] > 1):  # NaN passes: it stays to be seen
        raise ValueError(
            f"{name} must lie in [0, 1], to which they are clipped, got values from "
            f"{values[0]:g} to {values[1]:g}: divide by 255 first"
        )


def check_one_row(call: Callable[[], Any], examples: int, batch_size: int) -> None:
    """Whether a model trains on the one example of a last batch, which ``call`` tries."""
    try:
        call()
    except ValueError as error:
        # Ours, and that of PyTorch's own batch norm.
        if not any(text in str(error) for text in ("values per feature", "value per channel")):
            raise
        raise ValueError(
            f"batch_size must leave 2 examples for the last batch, which batch norm needs, "
            f"got {batch_size} for {examples} examples: choose another, or drop_last=True"
        ) from error


def check_finite(name: str, array: Any) -> None:
    found = readable(array)
    if found is not None and not np.isfinite(found).all():
        raise ValueError(f"{name} must be finite, got NaN or infinity")


def check_partner(partner: Any, examples: int | None) -> None:
    """For each example the index of the one that it is mixed with."""
    check_per_image("partner", partner, "integer", examples)
    found = readable(partner)
    if found is not None and not (found.min() >= 0 and found.max() < len(found)):
        raise ValueError(
            f"partner must lie in [0, {len(found) - 1}], "
            f"got values from {found.min()} to {found.max()}"
        )


def check_mixing_weight(weight: Any, x: Any, name: str) -> None:
    """For each example the share of its own that it keeps."""
    check_per_image("weight", weight, "floating point", x.shape[0])
    if dtype_name(weight) != dtype_name(x):
        raise ValueError(
            f"weight must have the dtype of {name}, {dtype_name(x)}, got {dtype_name(weight)}"
        )
    found = readable(weight)
    if found is not None and not (found.min() >= 0 and found.max() <= 1):
        raise ValueError(
            f"weight must lie in [0, 1], got values from {found.min():g} to {found.max():g}"
        )


def check_box(box: Any, examples: int | None, height: int | None, width: int | None) -> None:
    """For each image a box inside it: top, left, bottom, right, the last two exclusive."""
    shape = shape_of(box, "box")
    counts_agree = len(shape) == 2 and (shape[0] == examples or None in (shape[0], examples))
    if not counts_agree or shape[1] != 4 or not dtype_name(box).startswith(KINDS["integer"]):
        count = "N" if examples is None else examples
        raise ValueError(
            f"box must be integer of shape ({count}, 4), "
            f"got {dtype_name(box)} of shape {tuple(shape)}"
        )
    check_batch(tuple(shape), "box")
    found = readable(box)
    if found is None or height is None or width is None:
        return
    top, left, bottom, right = found.T
    inside = (top >= 0) & (top <= bottom) & (bottom <= height)
    inside &= (left >= 0) & (left <= right) & (right <= width)
    if not inside.all():
        raise ValueError(
            f"box must be (top, left, bottom, right) with 0 <= top <= bottom <= {height} and "
            f"0 <= left <= right <= {width}, got {found[~inside][0].tolist()}"
        )


INTERPOLATIONS = ("bilinear", "nearest")


def check_filter(interpolation: Any, antialias: Any) -> None:
    """How a resize looks at pixels."""
    check_choice("interpolation", interpolation, INTERPOLATIONS)
    if check_flag("antialias", antialias) and interpolation == "nearest":
        raise ValueError("antialias must be False where interpolation is 'nearest', got True")


def check_windows(
    start: Any,
    length: Any,
    size: int,
    names: tuple[str, str] = ("start", "length"),
    images: int | None = None,
) -> None:
    """Pixels ``start`` to ``start + length`` of a side of ``size``, for each image."""
    count = images if images is not None else next(iter(shape_of(start, names[0])), None)
    check_per_image(names[0], start, "integer", count)
    check_per_image(names[1], length, "integer", count)
    first, pixels = readable(start), readable(length)
    if first is None or pixels is None:
        return
    if first.size and (first.min() < 0 or pixels.min() < 1 or (first + pixels).max() > size):
        raise ValueError(
            f"{names[0]} and {names[1]} must be windows of at least 1 pixel inside of {size}, got "
            f"{shown(first.tolist())} and {shown(pixels.tolist())}"
        )
