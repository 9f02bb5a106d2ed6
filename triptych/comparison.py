"""Measure whether two or more implementations give the same numbers.

    relative error = max|a - b| / scale        scale = max(max|a|, max|b|) over the whole array
    ulp error      = max|a - b| / spacing(scale)

Both are taken *at the array's scale*: one small element beside large ones may be off by more than
its own last place, because a sum that passes through the large ones cannot do better. Where the
rows of an array live on different scales, pass them as separate quantities.

The allowed relative error is derived from the dtype and from the longest sum behind one number
(:func:`derived_bound`); it is widened only by an explicit ``tolerance``, which deserves a comment
that says why. Shapes and dtypes must be equal, nothing is broadcast, integers and booleans must be
equal exactly, and NaN is never the same as NaN unless ``equal_nan=True``.

>>> import numpy as np
>>> x = np.array([-2.0, 0.0, 3.0], dtype=np.float32)
>>> result = compare(
...     {
...         "formula": lambda x: np.log(1 + np.exp(x)),
...         "stable": lambda x: np.logaddexp(0, x),
...         "relu": lambda x: np.maximum(x, 0),
...     },
...     x,
...     label="softplus",
... )
>>> result.ok
False
>>> [(row.first, row.second, row.ok) for row in result.rows]
[('formula', 'stable', True), ('formula', 'relu', False), ('stable', 'relu', False)]
>>> result.worst.index, round(result.worst.absolute, 4)
((1,), 0.6931)
"""

from __future__ import annotations

import copy
import itertools
import math
import numbers
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["Comparison", "Row", "compare", "derived_bound"]

FLOAT64_LIMIT = 1e-12  # the project's target for one step of anything, whatever its length
POINTWISE = 8  # roundings allowed around the sum: four library calls (exp, sqrt, ...) of one ulp


def derived_bound(dtype: str, terms: int = 1) -> float:
    """Largest relative error rounding can put between two implementations of one formula.

        bound = 2 * gamma(terms + 8),   gamma(k) = k*u / (1 - k*u),   u = eps / 2

    Each rounding multiplies by (1 + d) with |d| <= u, and k of them in a row change a result by at
    most gamma(k) (Higham, *Accuracy and Stability of Numerical Algorithms*, lemma 3.1). A sum of n
    products makes n of them in whichever order it is summed; 8 more are granted to the pointwise
    operations around it. Both implementations may be off by gamma, in opposite directions: hence
    the 2. The bound is relative to sum|x_i * y_i|, so it holds at the array's scale as long as the
    largest element of the array does not come out of cancellation.

    float64 is held to at most 1e-12. For ``terms=1`` the bound is 2e-15 in float64, 1.1e-6 in
    float32, 0.0088 in float16 and 0.073 in bfloat16.

    Raises ``ValueError`` if ``terms`` is no positive integer, or so large that the bound reaches 1:
    an all-zero array would then pass, and a check that cannot fail is none.
    """
    if isinstance(terms, bool) or not isinstance(terms, numbers.Integral) or terms < 1:
        raise ValueError(f"terms must be an integer >= 1, got {terms!r}")
    u = _eps(dtype) / 2
    k = int(terms) + POINTWISE
    if 3 * k * u >= 1:  # the same as bound >= 1, and safe from the pole at k*u = 1
        raise ValueError(
            f"terms={terms} leaves no significant digit in {dtype}; if the sum is accumulated in "
            "a wider dtype, count it as terms=1, otherwise pass tolerance="
        )
    bound = 2 * k * u / (1 - k * u)
    return min(bound, FLOAT64_LIMIT) if u <= 2.0**-53 else bound


@dataclass(frozen=True)
class Row:
    """One quantity in one pair of frameworks.

    ``absolute``, ``relative`` and ``ulp`` are the worst errors; infinite where there is no number
    to give (a shape, a missing key, NaN). For integers and booleans ``absolute`` and ``ulp`` count
    the elements that differ and ``relative`` is their share. ``index`` and ``values`` say where the
    worst element is and what the two frameworks have there (None where nothing differs).
    """

    quantity: str
    first: str
    second: str
    ok: bool = False
    reason: str = ""  # empty if ok
    absolute: float = math.inf
    relative: float = math.inf
    ulp: float = math.inf
    bound: float = 0.0  # allowed relative error; 0 means equal exactly
    index: tuple[int, ...] | None = None
    values: tuple[float, float] | None = None
    shapes: tuple[tuple[int, ...] | None, tuple[int, ...] | None] = (None, None)
    dtypes: tuple[str | None, str | None] = (None, None)

    @property
    def texts(self) -> list[str]:
        """The two values, in the fewest digits that tell them from their neighbours."""
        return [_text(v, d) for v, d in zip(self.values or (), self.dtypes, strict=False)]

    def __str__(self) -> str:
        text = self.reason or f"relative error {self.relative:.3g} within {self.bound:.3g}"
        if not self.absolute:
            text = self.reason or "equal"
        elif "float" in str(self.dtypes) and math.isfinite(self.ulp):
            text += f", off by {self.ulp:.3g} ulp"
        if self.values is not None and not self.ok:
            where = f"at {list(self.index)}: " if self.index else ""
            first, second = self.texts
            text += f"\n          {where}{self.first} has {first}, {self.second} has {second}"
        mark = "ok  " if self.ok else "FAIL"
        return f"{mark}  {self.quantity}, {self.first} / {self.second}: {text}"


@dataclass(frozen=True)
class Comparison:
    """What :func:`compare` measured: one :class:`Row` for each quantity and pair."""

    label: str
    reference: str
    rows: tuple[Row, ...]

    @property
    def ok(self) -> bool:
        """True if something was compared and all of it agrees."""
        return bool(self.rows) and all(row.ok for row in self.rows)

    def __bool__(self) -> bool:
        # Without it ``assert compare(...)`` would pass whatever was measured.
        return self.ok

    @property
    def worst(self) -> Row:
        """The row that fails, or comes nearest to failing: the largest error / bound."""
        return max(self.rows, key=lambda row: (not row.ok, _ratio(row)))

    def __str__(self) -> str:
        return "\n".join([self._headline(), *(f"  {row}" for row in self._failures_first())])

    def check(self) -> None:
        """Raise ``AssertionError`` with a readable report of the failures, if there are any."""
        if not self.ok:
            failures = [f"  {row}" for row in self.rows if not row.ok]
            raise AssertionError("\n".join([self._headline(), *failures]))

    def to_dict(self) -> dict[str, Any]:
        """Plain data for strict JSON; an infinite or NaN float becomes its name (``"inf"``)."""
        rows = [plain_data(asdict(row)) for row in self.rows]
        return {"label": self.label, "reference": self.reference, "ok": self.ok, "rows": rows}

    def table(self) -> Table:
        """A rich table: one line for each quantity and pair, failures first."""
        columns = ("quantity", "pair", "dtype", "relative error", "allowed", "ulp", "verdict")
        lines = [
            (
                row.quantity,
                f"{row.first} / {row.second}",
                " | ".join(dict.fromkeys(str(dtype or "-") for dtype in row.dtypes)),
                f"{row.relative:.2g}",
                f"{row.bound:.2g}",
                f"{row.ulp:.3g}",
                "ok" if row.ok else row.reason,
            )
            for row in self._failures_first()
        ]
        return as_table(self._headline(), lines, columns)

    def _headline(self) -> str:
        failed = sum(not row.ok for row in self.rows)
        agree = f"{self.label}: {len(self.rows) - failed} of {len(self.rows)} comparisons agree"
        return f"{agree}, {failed} FAILED" if failed else agree

    def _failures_first(self) -> list[Row]:
        return sorted(self.rows, key=lambda row: row.ok)


def compare(
    candidates: Mapping[str, Any],
    *inputs: Any,
    tolerance: float | None = None,
    terms: int = 1,
    reference: str | None = None,
    label: str = "comparison",
    equal_nan: bool = False,
    check_dtype: bool = True,
) -> Comparison:
    """Compare every candidate with every other, quantity by quantity.

    Parameters
    ----------
    candidates : two or more, by framework name. Each is an array of any framework (a list of
        numbers is one, in float64 or int64), a mapping, tuple or list of those, nested at will
        (compared leaf by leaf under dotted names such as ``gradient.weight``), or a callable that
        returns such.
    inputs : what the callables are called with, a fresh copy each. Writing into it is a failure.
    tolerance : allowed relative error in [0, 1), the same for every floating dtype. None derives
        it from the dtype and ``terms``, see :func:`derived_bound`.
    terms : length of the longest sum behind one number, e.g. the batch size for a weight gradient.
    reference : the candidate that stands first in every pair. Default: the first one.
    label : the technique's name in reports.
    equal_nan : accept NaN in both arrays at the same place.
    check_dtype : False lets dtypes differ; the bound is then that of the coarser floating dtype.

    Raises ``ValueError`` for fewer than two candidates and other bad arguments, ``TypeError`` for
    what cannot be measured (complex, sparse, text, objects), and ``RuntimeError`` that names the
    framework when a callable raises. Disagreement raises nothing: ask ``.ok`` or ``.check()``.
    """
    if not isinstance(candidates, Mapping):
        raise TypeError(f"candidates must map names to values, got {type(candidates).__name__}")
    if len(candidates) < 2:
        raise ValueError(f"candidates must hold two or more frameworks, got {list(candidates)}")
    reference = next(iter(candidates)) if reference is None else reference
    if reference not in candidates:
        raise ValueError(f"reference must be one of {list(candidates)}, got {reference!r}")
    if tolerance is not None and not 0 <= tolerance < 1:
        raise ValueError(f"tolerance must be None or in [0, 1), got {tolerance!r}")
    derived_bound("float64", terms)  # refuse bad terms even if only integers are compared
    if inputs and not any(map(callable, candidates.values())):
        raise ValueError("inputs were given, but no candidate is a callable")

    def allowed(dtype: str | None) -> float:
        if dtype is None:  # integers and booleans
            return 0.0
        return derived_bound(dtype, terms) if tolerance is None else float(tolerance)

    names = [reference, *(name for name in candidates if name != reference)]
    measured = {name: _collect(name, candidates[name], inputs) for name in names}
    quantities = dict.fromkeys(key for found in measured.values() for key in found.leaves)
    rows = []
    for pair in itertools.combinations(names, 2):
        for quantity in quantities:
            a, b = (measured[name].leaves.get(quantity) for name in pair)
            if a is not None or b is not None:
                rows.append(_judge(quantity, pair, a, b, allowed, equal_nan, check_dtype))
        for name in pair:
            for changed in measured[name].changed:
                rows.append(Row(changed, *pair, reason=f"{name} changed its input in place"))
    return Comparison(label, reference, tuple(rows))


# From a candidate to named NumPy arrays.


class _Leaf(NamedTuple):
    values: NDArray[Any]
    dtype: str  # the framework's name for it; bfloat16 values are carried in float32


class _Measured(NamedTuple):
    leaves: dict[str, _Leaf]
    changed: list[str]  # the inputs that a callable wrote into


def _collect(name: str, candidate: Any, inputs: tuple[Any, ...]) -> _Measured:
    """The candidate's arrays by quantity; a callable is called on its own copy of the inputs."""
    if not callable(candidate):
        return _Measured(_leaves(name, candidate), [])
    given = copy.deepcopy(inputs)
    try:
        returned = candidate(*given)
    except Exception as error:
        raise RuntimeError(f"{name} raised {type(error).__name__}: {error}") from error
    # As bytes, a NaN is itself and -0.0 is not 0.0.
    before, after = (
        {key: (leaf.dtype, leaf.values.shape, leaf.values.tobytes()) for key, leaf in found.items()}
        for found in (_leaves(f"{name}, input", dict(enumerate(seen))) for seen in (inputs, given))
    )
    changed = [key for key in {**before, **after} if before.get(key) != after.get(key)]
    return _Measured(_leaves(name, returned), [f"input {key}" for key in changed])


def _leaves(name: str, tree: Any) -> dict[str, _Leaf]:
    """Flatten nested mappings, tuples and lists: ``{"gradient": {"w": x}}`` -> ``gradient.w``."""
    found: dict[str, _Leaf] = {}
    for path, value in _walk((), tree):
        quantity = ".".join(path) or "value"
        if quantity in found:
            raise ValueError(f"{name} has two quantities named {quantity!r}")
        found[quantity] = _to_numpy(value, f"{name}: {quantity}")
    return found


def _walk(path: tuple[str, ...], tree: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(tree, Mapping):
        children = list(tree.items())
    elif isinstance(tree, (tuple, list)) and not _is_numbers(tree):
        children = list(enumerate(tree))
    else:
        yield path, tree
        return
    if not children:
        yield path, np.empty(0)  # judged like an empty array: nothing was compared
    for key, child in children:
        yield from _walk((*path, str(key)), child)


def _is_numbers(value: Any) -> bool:
    if isinstance(value, (tuple, list)):
        return all(_is_numbers(item) for item in value)
    return isinstance(value, (numbers.Number, np.bool_))


def _to_numpy(value: Any, where: str) -> _Leaf:
    """A copy as a NumPy array: a layer may reuse the buffer that it returned."""
    torch = sys.modules.get("torch")  # a tensor can only exist if torch is imported already
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(f"{where} is a masked array; fill it first")
    try:
        if torch is not None and isinstance(value, torch.Tensor):
            value = value.detach().cpu().resolve_neg()  # NumPy has no lazy minus sign
            if value.dtype == torch.bfloat16:  # NumPy has none
                return _Leaf(value.float().numpy(), "bfloat16")
            value = value.numpy()
        values = np.array(np.asarray(value))  # TensorFlow's __array__ knows no copy argument
    except Exception as error:
        kind = type(value).__name__
        raise TypeError(f"{where} ({kind}) cannot be read as a dense array: {error}") from error
    dtype = values.dtype.name
    if dtype == "bfloat16":  # of ml_dtypes, as TensorFlow and JAX give it
        return _Leaf(values.astype(np.float32), dtype)
    if values.dtype.kind == "c":
        raise TypeError(f"{where} is {dtype}; compare its real and imaginary parts")
    if values.dtype.kind not in "biuf":
        kind = type(value).__name__
        raise TypeError(f"{where} ({kind}) is no dense array of real numbers: its dtype is {dtype}")
    return _Leaf(values, dtype)


# From two arrays to a row.


# Absolute, relative and ulp error, and the flat index of the worst element if any differs.
_Errors = tuple[tuple[float, float, float], int | None]


def _judge(
    quantity: str,
    pair: tuple[str, str],
    a: _Leaf | None,
    b: _Leaf | None,
    allowed: Callable[[str | None], float],
    equal_nan: bool,
    check_dtype: bool,
) -> Row:
    if a is None or b is None:
        return Row(quantity, *pair, reason=f"missing in {pair[0] if a is None else pair[1]}")
    shape, shapes, dtypes = a.values.shape, (a.values.shape, b.values.shape), (a.dtype, b.dtype)
    # The coarser dtype is the one that both have to fit into.
    dtype = max((d for d in dtypes if "float" in d), key=_eps, default=None)
    row = Row(quantity, *pair, bound=allowed(dtype), shapes=shapes, dtypes=dtypes)
    problems = []
    if check_dtype and a.dtype != b.dtype:
        problems.append(f"dtype {a.dtype} against {b.dtype}")
    if shape != b.values.shape:
        problems.append(f"shape {shape} against {b.values.shape}")
    elif not a.values.size:
        problems.append("empty: nothing was compared")
    if shape != b.values.shape or not a.values.size:
        return replace(row, reason="; ".join(problems))

    x, y = a.values.ravel(), b.values.ravel()
    errors, worst = _count(x, y) if dtype is None else _distance(x, y, dtype, equal_nan)
    row = replace(row, absolute=errors[0], relative=errors[1], ulp=errors[2])
    if worst is not None:
        index = tuple(int(i) for i in np.unravel_index(worst, shape))
        row = replace(row, index=index, values=(_number(x[worst]), _number(y[worst])))
    if row.relative > row.bound:
        if dtype is None:
            problems.append(f"{row.absolute:.0f} of {x.size} elements differ")
        elif math.isinf(row.relative):
            problems.append(" against ".join(row.texts))
        else:
            problems.append(f"relative error {row.relative:.3g} above {row.bound:.3g}")
    return replace(row, ok=not problems, reason="; ".join(problems))


def _count(x: NDArray[Any], y: NDArray[Any]) -> _Errors:
    """Integers and booleans: how many elements differ."""
    different = x != y
    count = int(np.count_nonzero(different))
    worst = int(np.argmax(different)) if count else None
    return (float(count), count / x.size, float(count)), worst


def _distance(x: NDArray[Any], y: NDArray[Any], dtype: str, equal_nan: bool) -> _Errors:
    """The worst error of two flat arrays, one of them floating at least, in float64 or wider."""
    # Integers above 2**53 need more bits than float64 has.
    integers = any(array.dtype.kind in "iu" for array in (x, y))
    wide = np.result_type(x, y, np.longdouble if integers else np.float64)
    x, y = x.astype(wide), y.astype(wide)
    finite = np.isfinite(x) & np.isfinite(y)
    if not finite.all():
        same = finite | (x == y) | (equal_nan & np.isnan(x) & np.isnan(y))
        if not same.all():
            return (math.inf, math.inf, math.inf), int(np.argmin(same))
        x, y = np.where(finite, x, 0), np.where(finite, y, 0)
    with np.errstate(over="ignore"):
        gap = np.abs(x - y)
    worst = int(np.argmax(gap))
    if not gap[worst]:
        return (0.0, 0.0, 0.0), None
    factor = 1.0
    if np.isinf(gap[worst]):  # 1e308 - -1e308: measure at half the size
        factor, x, y = 2.0, x / 2, y / 2
        gap = np.abs(x - y)
        worst = int(np.argmax(gap))
    scale = max(np.abs(x).max(), np.abs(y).max())
    # A difference is never reported as 0, not even where the division underflows.
    relative = max(float(gap[worst] / scale), math.ulp(0.0))
    ulp = float(gap[worst] / _spacing(scale * factor, dtype)) * factor
    return (float(gap[worst]) * factor, relative, ulp), worst


def _eps(dtype: str) -> float:
    return 2.0**-7 if dtype == "bfloat16" else float(np.finfo(dtype).eps)


def _spacing(scale: Any, dtype: str) -> Any:
    """The distance from ``scale`` to the next larger number of the dtype: eps * 2**exponent."""
    # Unlike np.spacing it knows bfloat16 and does not overflow at the largest number.
    smallest = np.finfo("float32" if dtype == "bfloat16" else dtype).minexp
    return np.ldexp(type(scale)(_eps(dtype)), max(np.frexp(scale)[1] - 1, smallest))


# From numbers to text.


def _number(value: Any) -> float:
    """A Python bool, int or float."""
    number = value.item()
    return number if isinstance(number, int) else float(number)


def _text(value: float, dtype: str | None) -> str:
    """The fewest digits that tell the value from its neighbours in the dtype."""
    if math.isnan(value):
        return "NaN"
    return str(value if dtype in (None, "bfloat16") else np.dtype(dtype).type(value))


def _ratio(row: Row) -> float:
    if row.bound:
        return row.relative / row.bound
    return math.inf if row.relative else 0.0


def plain_data(value: Any) -> Any:
    """Lists for tuples, and text for the floats that strict JSON has no name for."""
    if isinstance(value, dict):
        return {key: plain_data(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [plain_data(item) for item in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def as_table(title: str, lines: Iterable[tuple[str, ...]], columns: tuple[str, ...]) -> Table:
    """Lines in red if the last cell is not a good verdict; text is never read as markup."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(title))
    for column in columns:
        table.add_column(column, overflow="fold")
    for cells in lines:
        style = None if cells[-1] in ("ok", "same") else "bold red"
        table.add_row(*(Text(cell) for cell in cells), style=style)
    return table
