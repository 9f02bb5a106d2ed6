"""Functions of a learner's file, held against an oracle: the check of the exercises "from scratch".

A ``Task`` is one function: an oracle, ordinary and odd cases, and mistakes, which are functions as
learners write them, each with the words for it. Whatever differs from the oracle is explained by
the first mistake that gives the learner's numbers in every case, if there is one.
"""

import ast
import copy
import functools
import inspect
import math
import textwrap
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Any

import numpy as np

from triptych.exercises.findings import DONE, NOT_DONE, WRONG, Finding, InterfaceError

__all__ = ["Case", "Mistake", "Task", "check_functions", "raised"]

# Relative to the largest number of an array: rounding, summed up in another order than ours.
TOLERANCE = {"float64": 1e-9, "float32": 1e-4}
MOST_SHOWN = 3  # numbers of an array
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Case:
    """A call: ``given`` by place, ``options`` by name."""

    given: Mapping[str, Any]
    options: Mapping[str, Any] = field(default_factory=dict)

    def call(self, function: Callable[..., Any]) -> Any:
        given, options = copy.deepcopy((tuple(self.given.values()), dict(self.options)))
        return function(*given, **options)

    def __str__(self) -> str:
        """The first array, and what can be written down of the others."""
        first, *others = {**self.given, **self.options}.items()
        told = [first, *(each for each in others if _is_short(each[1]))]
        return ", ".join(f"{name} {_shown(value)}" for name, value in told)


@dataclass(frozen=True)
class Mistake:
    """``function`` has the arguments of the task's; ``cause`` says what is wrong about it."""

    cause: str
    function: Callable[..., Any]


@dataclass(frozen=True)
class Task:
    """``key`` is the function's name and that of its TODO, ``results`` what it returns, by name.

    ``against`` says what the oracle is.
    """

    key: str
    oracle: Callable[..., Any]
    cases: Sequence[Case]
    results: Sequence[str]
    against: str
    mistakes: Sequence[Mistake] = ()


@dataclass(frozen=True)
class Call:
    """How a call ended: its results one by one, those of a second call, what it wrote into."""

    results: list[Any]
    again: list[Any]
    changed: tuple[str, ...]


def check_functions(
    module: ModuleType, tasks: Sequence[Task], progress: Progress, only: str | None = None
) -> Iterator[Finding]:
    """At least one finding for each task, or for the one that ``only`` names."""
    for task in tasks:
        if only not in (None, task.key):
            continue
        function = getattr(module, task.key, None)
        if not callable(function):
            yield Finding(task.key, WRONG, f"the file has no function {task.key}")
            continue
        progress(f"running {task.key}")
        try:
            with np.errstate(all="ignore"):  # nan and inf are judged as numbers
                calls = [_call(task, case, function) for case in task.cases]
        except NotImplementedError:
            yield Finding(task.key, NOT_DONE, _raise_left(function))
        except InterfaceError as error:
            yield Finding(task.key, WRONG, str(error))
        except Exception as error:
            yield raised(task.key, error, module)
        else:
            with np.errstate(all="ignore"):
                found = list(_judge(task, calls))
            yield from found


def raised(key: str, error: Exception, module: ModuleType, what: str | None = None) -> Finding:
    """``what`` raises it; without one, the function that has the name of the TODO."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename == module.__file__]
    place = f" at line {own[-1].lineno}: {own[-1].line}" if own else ""
    cause = ""
    if not own and isinstance(error, TypeError):
        cause = "The function's arguments are not those of the starter."
    message = f"{what or key} raises {type(error).__name__}{place}"
    return Finding(key, WRONG, message, measured=str(error)[:500], cause=cause)


def _raise_left(function: Callable[..., Any]) -> str:
    """Where more than the ``raise`` of the starter stands in it."""
    try:
        (tree,) = ast.parse(textwrap.dedent(inspect.getsource(function))).body
    except (OSError, TypeError, ValueError, SyntaxError):
        return ""
    body = [each for each in getattr(tree, "body", ()) if not isinstance(each, ast.Expr)]
    return "its raise NotImplementedError is still there: take it out" if len(body) > 1 else ""


def _without_generators(key: str, output: Any) -> Any:
    for each in output if isinstance(output, tuple | list) else [output]:
        if inspect.isgenerator(each) or inspect.iscoroutine(each) or isinstance(each, map | zip):
            raise InterfaceError(
                f"{key} returns a {type(each).__name__}, which has no numbers yet: make a list of "
                "it, or take the yield out"
            )
    return output


def _call(task: Task, case: Case, function: Callable[..., Any]) -> Call:
    given, options = copy.deepcopy((tuple(case.given.values()), dict(case.options)))
    before = {**case.given, **case.options}
    first = copy.deepcopy(_without_generators(task.key, function(*given, **options)))
    after = dict(zip(case.given, given, strict=True)) | options
    changed = tuple(name for name in before if not _same(before[name], after[name]))
    return Call(_split(task, first), _split(task, case.call(function)), changed)


def _split(task: Task, output: Any) -> list[Any]:
    """One for each of the results; of another number of them, the whole as it is."""
    if len(task.results) == 1:
        return [output]
    return list(output) if isinstance(output, tuple | list) else [output]


def _judge(task: Task, calls: list[Call]) -> Iterator[Finding]:
    expected = [_split(task, case.call(task.oracle)) for case in task.cases]
    for faults in (_faults_of_form, _faults_of_value, _floats_for_ints):
        if found := list(faults(task, calls, expected)):
            yield from found
            return
    yield _agreement(task, calls, expected)


def _faults_of_form(task: Task, calls: list[Call], expected: list[list[Any]]) -> Iterator[Finding]:
    """Number of results, type, shape and dtype, changed arguments, and two calls that differ."""
    wrong = functools.partial(Finding, task.key, WRONG)
    cases = list(zip(task.cases, calls, expected, strict=True))
    for case, call, wanted in cases:
        if len(call.results) != len(wanted):
            yield wrong(
                f"{task.key} returns something else than {' and '.join(task.results)}",
                f"{len(wanted)} results: {', '.join(task.results)}",
                _shown(call.results[0] if len(call.results) == 1 else tuple(call.results)),
                "A return is missing." if [each is None for each in call.results] == [True] else "",
            )
            return
        for index, name in enumerate(task.results):
            found, right = call.results[index], wanted[index]
            others = [results[index] for results in expected if results[index] is not None]
            if right is None and any(_form(found, other) is None for other in others):
                continue  # a wrong value
            if found is None and len(others) < len(expected):
                continue
            if fault := _form(found, right):
                measured, cause = fault
                known = _cause_of_shape_by_mistake(task, index, calls, expected)
                what = "dtype" if "dtype" in cause else "form"
                form = "another shape than" if known else f"not the {what} that"
                yield wrong(
                    f"{name} has {form} it should have ({case})",
                    _shown(right),
                    measured,
                    known or cause,
                )
                return
    for name in dict.fromkeys(name for call in calls for name in call.changed):
        where = [case for case, call, _ in cases if name in call.changed]
        yield wrong(
            f"{name} is changed in place, in {len(where)} of {len(cases)} cases",
            f"{name} as it was before the call",
            f"other values afterwards ({where[0]})",
            f"An operator such as *= or an assignment to elements writes into {name}, which the "
            "caller still needs; make a new array.",
        )
    if random := [case for case, call, _ in cases if not _same(call.results, call.again)]:
        yield wrong(
            f"two calls with the same arguments differ, in {len(random)} of {len(cases)} cases",
            "the same numbers: all that is needed is given",
            f"others ({random[0]})",
            "Something random is in it, or something that is kept from call to call.",
        )


def _form(found: Any, right: Any) -> tuple[str, str] | None:
    """What is measured, and the likely cause, where the kind of result is another."""
    missing = "A return is missing." if found is None else ""
    if isinstance(right, bool | str | None):
        ok = isinstance(found, type(right) | np.bool_ if isinstance(right, bool) else type(right))
        return None if ok else (_shown(found), missing)
    if isinstance(right, tuple | list | Mapping):
        leaves = _leaves(found, right)
        if any(b is right for _, _, b in leaves):
            return _shown(found), missing
        return next((fault for _, a, b in leaves if (fault := _form(a, b))), None)
    try:
        number = np.asarray(found if found is not None else "")
    except ValueError:  # arrays of several shapes
        return _shown(found), missing
    if number.dtype.kind not in "biuf":
        return _shown(found), missing
    if number.shape != np.shape(right):
        return _shown(found), _cause_of_shape(number.shape, np.shape(right))
    if isinstance(right, np.ndarray) and right.ndim and number.dtype != right.dtype:
        wider = number.dtype.itemsize > right.dtype.itemsize
        return _shown(found), (
            "A float64 array takes part, such as a mask or a scale made with astype, np.array or "
            "np.float64, and NumPy goes to the wider dtype."
            if wider
            else "The numbers are converted to a fixed dtype; use that of the argument."
        )
    return None


def _cause_of_shape_by_mistake(
    task: Task, index: int, calls: list[Call], expected: list[list[Any]]
) -> str:
    """Where results are arrays of other shapes: the mistake with these shapes and numbers."""
    found = [call.results[index] for call in calls if len(call.results) == len(task.results)]
    right = [results[index] for results in expected]
    if len(found) < len(calls) or not all(isinstance(a, np.ndarray | np.generic) for a in found):
        return ""
    if all(np.shape(a) == np.shape(b) for a, b in zip(found, right, strict=True)):
        return ""
    return _cause(task, index, found, right, set())


def _cause_of_shape(found: tuple[int, ...], right: tuple[int, ...]) -> str:
    if math.prod(found) == math.prod(right):
        return "The numbers may be right: an axis is missing, or one of length 1 too many."
    if len(found) == len(right):
        return "An axis has another length than it should."
    if len(found) < len(right):
        return "A sum or a mean goes over more axes than it should."
    return "A sum or a mean is missing, or goes over fewer axes than it should."


def _faults_of_value(task: Task, calls: list[Call], expected: list[list[Any]]) -> Iterator[Finding]:
    """For each result that differs: where, by how much, and the mistake that would do the same.

    One mistake is said once, however many results show it.
    """
    said: set[str] = set()
    task = _whole_first(task, calls)
    for index, name in enumerate(task.results):
        found = [call.results[index] for call in calls]
        right = [results[index] for results in expected]
        off = [i for i in range(len(calls)) if not _close(found[i], right[i])]
        if not off:
            continue
        cause = _cause(task, index, found, right, said)
        if cause and cause in said:
            continue
        said.add(cause)
        worst = off[0]
        place, got, want = _example(found[worst], right[worst])
        where = f"in {len(off)} of {len(calls)} cases"
        yield Finding(
            task.key,
            WRONG,
            f"{name}: other numbers, {where}"
            if len(off) < len(calls)
            else f"{name}: other numbers",
            f"{name}{place} = {want} for {task.cases[worst]}",
            f"{got}{_ratio(found, right)}",
            cause,
        )


def _floats_for_ints(task: Task, calls: list[Call], expected: list[list[Any]]) -> Iterator[Finding]:
    """Of the right value, but no index and no size."""
    for case, call, wanted in zip(task.cases, calls, expected, strict=True):
        for name, found, right in zip(task.results, call.results, wanted, strict=True):
            if type(right) is int and np.asarray(found).dtype.kind == "f":
                message = f"{name} has not the form that it should have ({case})"
                cause = "A whole number is asked for: make it an int."
                yield Finding(
                    task.key, WRONG, message, f"{right}, an int", f"{found}, a float", cause
                )
                return


def _whole_first(task: Task, calls: list[Call]) -> Task:
    """The mistakes that give all results stand before those that give some of them."""

    def gives_some(mistake: Mistake) -> bool:
        for index in range(len(task.results)):
            theirs = _of_mistake(task, mistake, index)
            found = [call.results[index] for call in calls]
            if theirs is None or not all(map(_close, found, theirs)):
                return True
        return False

    return replace(task, mistakes=sorted(task.mistakes, key=gives_some))


def _cause(task: Task, index: int, found: list[Any], right: list[Any], said: set[str]) -> str:
    """What was ``said`` of another result, if it is that again."""
    for mistake in sorted(task.mistakes, key=lambda each: each.cause not in said):
        if (theirs := _of_mistake(task, mistake, index)) is None:
            continue
        differs = any(not _close(a, b) for a, b in zip(theirs, right, strict=True))
        its = zip(found, theirs, right, strict=True)
        if differs and all(_close(a, b, like=c) for a, b, c in its):
            return mistake.cause
    if any(_not_numbers(a) and not _not_numbers(b) for _, a, b in _leaves(found, right)):
        return "There are numbers that are none: 0 / 0, the logarithm of 0, or an overflow of exp."
    return ""


def _of_mistake(task: Task, mistake: Mistake, index: int) -> list[Any] | None:
    try:
        return [_split(task, case.call(mistake.function))[index] for case in task.cases]
    except (ArithmeticError, IndexError, ValueError):
        return None  # in some case it has no result


def _ratio(found: list[Any], right: list[Any]) -> str:
    """Whether all numbers are one multiple of what they should be."""
    pairs = [(np.asarray(a), np.asarray(b)) for _, a, b in _leaves(found, right)]
    if any(b.dtype.kind != "f" or a.dtype.kind != "f" for a, b in pairs):
        return ""
    ours, theirs = (
        np.concatenate([each.ravel() for each in side]) for side in zip(*pairs, strict=True)
    )
    counted = theirs != 0
    if counted.sum() < 2 or (ours[~counted] != 0).any():
        return ""
    ratios = ours[counted] / theirs[counted]
    first = float(np.median(ratios))
    if not np.isfinite(ratios).all() or not np.allclose(ratios, first, rtol=1e-4):
        return ""
    if f"{first:.4g}" == "1":  # not in any way that can be said
        return ""
    return f"; everywhere {first:.4g} times what it should be"


def _example(found: Any, right: Any) -> tuple[str, str, str]:
    """The place with the largest gap, in the first array that differs; the two numbers there."""
    leaves = _leaves(found, right)
    within, found, right = next(leaf for leaf in leaves if not _close(*leaf[1:]))
    if not isinstance(right, np.ndarray) or right.ndim == 0 or right.dtype.kind not in "iuf":
        return within, _shown(found), _shown(right)
    gap = np.nan_to_num(np.abs(np.subtract(found, right, dtype=float)), nan=math.inf)
    place = np.unravel_index(int(np.argmax(gap)), right.shape)
    text = ", ".join(str(int(i)) for i in place)
    got, want = np.asarray(found)[place], right[place]
    digits = 4 if f"{got:.4g}" != f"{want:.4g}" else 10
    return f"{within}[{text}]", f"{got:.{digits}g}", f"{want:.{digits}g}"


def _agreement(task: Task, calls: list[Call], expected: list[list[Any]]) -> Finding:
    worst = max(
        _error(found, right)
        for call, results in zip(calls, expected, strict=True)
        for found, right in zip(call.results, results, strict=True)
    )
    to = f"to {worst:.1g}" if worst else "exactly"
    return Finding(task.key, DONE, f"agrees with {task.against} in {len(calls)} cases, {to}")


def _leaves(found: Any, right: Any, place: str = "") -> list[tuple[str, Any, Any]]:
    """What lists and dictionaries hold: the place, what was found there, what should be there.

    Where they do not hold the same parts, they are left whole.
    """
    keys: Sequence[Any]
    if isinstance(right, Mapping) and isinstance(found, Mapping) and found.keys() == right.keys():
        keys = list(right)
    elif (
        isinstance(right, tuple | list)
        and isinstance(found, tuple | list)
        and len(found) == len(right)
    ):
        keys = range(len(right))
    else:
        return [(place, found, right)]
    return [leaf for key in keys for leaf in _leaves(found[key], right[key], f"{place}[{key!r}]")]


def _close(found: Any, right: Any, like: Any = None) -> bool:
    """``like`` has the dtypes that count, where they are not those of ``right``."""
    if like is not None:
        allowed = max((_tolerance(each) for _, each, _ in _leaves(like, like)), default=0.0)
        return _error(found, right) <= allowed
    return all(_error(a, b) <= _tolerance(b) for _, a, b in _leaves(found, right))


def _tolerance(right: Any) -> float:
    dtype = right.dtype.name if isinstance(right, np.ndarray | np.generic) else "float64"
    return TOLERANCE.get(dtype, 0.0)


def _error(found: Any, right: Any) -> float:
    """The largest difference, relative to the largest of the right numbers."""
    if found is None or right is None:
        return 0.0 if found is right else math.inf
    if isinstance(right, bool | str):
        return 0.0 if found == right else math.inf
    if isinstance(right, tuple | list | Mapping):
        leaves = _leaves(found, right)
        return max((math.inf if b is right else _error(a, b) for _, a, b in leaves), default=0.0)
    a, b = np.asarray(found), np.asarray(right)
    if a.dtype.kind not in "biuf" or a.shape != b.shape:
        return math.inf
    a, b = a.astype(float), b.astype(float)
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    if same.all():
        return 0.0
    largest = float(np.max(np.abs(b), where=np.isfinite(b), initial=0.0)) or 1.0
    gap = np.abs(a - b)[~same]
    return float(np.nan_to_num(gap, nan=math.inf).max()) / largest


def _not_numbers(value: Any) -> bool:
    array = np.asarray(value)
    return array.dtype.kind == "f" and not np.isfinite(array).all()


def _same(a: Any, b: Any) -> bool:
    """To the bit."""
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        a, b = np.asarray(a), np.asarray(b)
        return a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(_same(a[key], b[key]) for key in a)
    if isinstance(a, tuple | list) and isinstance(b, tuple | list):
        return len(a) == len(b) and all(_same(x, y) for x, y in zip(a, b, strict=True))
    return bool(a == b) or (a != a and b != b)


def _is_short(value: Any) -> bool:
    return isinstance(value, tuple) or np.size(value) <= MOST_SHOWN


def _shown(value: Any) -> str:
    if isinstance(value, np.ndarray) and value.size > MOST_SHOWN:
        return f"{value.dtype} of shape {value.shape}"
    if isinstance(value, np.ndarray):
        numbers = np.array2string(value, precision=4, separator=", ").replace("\n", "")
        return f"{value.dtype} {numbers}"
    if isinstance(value, float | np.floating):
        return f"{value:.4g}"
    if value is None or isinstance(value, bool | int | str | np.integer | np.bool_):
        return str(value)
    if isinstance(value, tuple | list):
        inside = ", ".join(_shown(each) for each in value)
        return f"({inside})" if isinstance(value, tuple) else f"[{inside}]"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key!r}: {_shown(its)}' for key, its in value.items())}}}"
    return type(value).__name__
