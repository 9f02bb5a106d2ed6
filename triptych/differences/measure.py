"""Run the probes: how far apart the frameworks are now, by themselves and under the mapping."""

import importlib
import math
import os
import sys
import tempfile
from dataclasses import dataclass
from typing import Any

from triptych.differences.entry import Entry
from triptych.extras import version

__all__ = ["Measurement", "judge", "load", "measure", "probe_of"]

HOLDS, CHANGED, NOT_MEASURED = "holds", "changed", "not measured"


@dataclass(frozen=True)
class Measurement:
    """What one probe showed.

    ``apart`` is the relative error at the defaults, ``left`` under the mapping (None where there is
    no mapping). Infinite where no number can say it: one raises, or one is NaN.
    """

    name: str
    verdict: str
    reason: str = ""  # what is not as the entry says, or why it could not be measured
    apart: float | None = None
    left: float | None = None
    results: tuple[Any, ...] = ()  # PyTorch's, Keras's, and both once more under the mapping


def measure(entry: Entry) -> Measurement:
    """Both sides of an entry by themselves, and under its mapping."""
    missing = [package for package in ("torch", "keras", *entry.needs) if version(package) is None]
    if missing:
        return Measurement(
            entry.name,
            NOT_MEASURED,
            f'{", ".join(missing)} not installed; pip install "triptych[differences]" brings all',
        )
    backend = load()
    if backend not in entry.backends:
        return Measurement(entry.name, NOT_MEASURED, f"Keras runs on {backend}")
    return judge(entry, probe_of(entry))


def probe_of(entry: Entry) -> Any:
    """The class with both sides, imported with the frameworks that they use."""
    module = importlib.import_module(f"triptych.differences.chapters.{entry.chapter}")
    return getattr(module, entry.class_name)


def load() -> str:
    """Import PyTorch and Keras, and return Keras's backend.

    TensorFlow writes notes about its own build to the terminal, whatever its log level: they are
    held back, and shown if the import fails.
    """
    if "keras" not in sys.modules:
        sys.stderr.flush()
        kept = os.dup(2)
        with tempfile.TemporaryFile() as notes:
            os.dup2(notes.fileno(), 2)
            try:
                import triptych.differences.probe  # noqa: F401
            except BaseException:
                notes.seek(0)
                os.write(kept, notes.read())
                raise
            finally:
                os.dup2(kept, 2)
                os.close(kept)
    import keras

    return str(keras.backend.backend())


def judge(entry: Entry, probe: Any) -> Measurement:
    """As :func:`measure`, for a probe in hand."""
    try:
        results = _run(probe, mapped=False)
        apart = distance(*results)
        if apart < entry.differs:
            reason = f"they differ by {apart:.2g}, not by {entry.differs:.2g} or more"
            return Measurement(entry.name, CHANGED, reason, apart, results=results)
        if entry.mapping is None:
            return Measurement(entry.name, HOLDS, apart=apart, results=results)
        mapped = _run(probe, mapped=True)
        left = distance(*mapped)
    except Exception as error:
        reason = f"the probe ends with {type(error).__name__}: {error}"
        return Measurement(entry.name, CHANGED, reason)
    reason = ""
    if not left <= entry.bound:
        reason = f"under the mapping {left:.2g} is left, more than {entry.bound:.2g}"
    return Measurement(
        entry.name, CHANGED if reason else HOLDS, reason, apart, left, (*results, *mapped)
    )


def _run(probe: Any, *, mapped: bool) -> tuple[Any, Any]:
    from triptych.differences.probe import measuring

    results = []
    for side in (probe.in_pytorch, probe.in_keras):
        with measuring():
            results.append(plain(side(mapped)))
    return results[0], results[1]


def plain(result: Any) -> Any:
    """Tensors as NumPy arrays; text, numbers and the containers as they are."""
    import numpy as np

    from triptych.differences.probe import array

    if isinstance(result, list | tuple):
        values = tuple(plain(value) for value in result)
        numbers = values and all(isinstance(each, np.ndarray) and not each.ndim for each in values)
        return np.array(values) if numbers else values  # a list of numbers has one scale
    return result if isinstance(result, str) or result is None else array(result)


def distance(first: Any, second: Any) -> float:
    """The largest relative error; infinite where text, a shape or NaN differs."""
    import numpy as np

    from triptych.comparison import compare

    if isinstance(first, tuple) and isinstance(second, tuple) and len(first) == len(second):
        return max((distance(*pair) for pair in zip(first, second, strict=True)), default=0.0)
    if not (isinstance(first, np.ndarray) and isinstance(second, np.ndarray)):
        return 0.0 if type(first) is type(second) and first == second else math.inf
    rows = compare(
        {"PyTorch": first, "Keras": second}, tolerance=0.0, equal_nan=True, check_dtype=False
    ).rows
    return max(row.relative if row.values or row.reason else 0.0 for row in rows)
