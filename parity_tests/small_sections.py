"""Sections for the tests of the benchmarks: a process that works on one imports no framework."""

import os
from collections.abc import Callable

import numpy as np

from benchmarks.timing import Section, Task

__all__ = ["processes", "rotation"]


def processes(quick: bool) -> Section:
    """Contestants that tell their process, and one that fails."""
    tasks = {
        "ids": {"NumPy panel": _pid, "Keras panel": _pid},
        "again": {"NumPy panel": _pid},
        "bad": {"NumPy panel": _failing},
    }
    return Section("", "", {title: Task(made, "NumPy panel") for title, made in tasks.items()})


def _pid() -> Callable[[], float]:
    return lambda: float(os.getpid())


def _failing() -> Callable[[], float]:
    raise ValueError("no such thing")


def rotation(quick: bool) -> Section:
    """In place of the rotation of images: two tasks of NumPy and SciPy."""
    made = {"NumPy panel": _numpy, "SciPy, image by image": _scipy}
    pairs = [("NumPy panel", "SciPy, image by image")]
    tasks = {f"{n} images": Task(made, "SciPy, image by image", pairs=pairs) for n in (128, 64)}
    return Section("Rotation of a batch", "a small stand-in", tasks)


def _numpy() -> Callable[[], object]:
    def run() -> None:
        np.ones((50, 50)) @ np.ones((50, 50))

    return run


def _scipy() -> Callable[[], object]:
    import scipy.ndimage

    def run() -> None:
        scipy.ndimage.rotate(np.ones((50, 50)), 15)

    return run
