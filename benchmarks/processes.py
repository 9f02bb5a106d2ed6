"""A process for each contestant, so that none is timed beside the memory and threads of another.

What one library does to the process slows the others. TensorFlow, say, once it has read from a
generator (a Keras ``PyDataset`` is one), tells the C library to give free memory back at once
(``M_TRIM_THRESHOLD``): from then on every large array of NumPy or PyTorch is made of new pages, and
a training step of the convolutional network takes 1.5 to 2.4 times as long.
"""

import multiprocessing
import traceback
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

from benchmarks.machine import machine
from benchmarks.timing import Contestant, Section, timed

__all__ = ["Processes"]


class Processes:
    """Those of one section. ``contestants(task)`` do their work there, and return its seconds."""

    def __init__(self, make: Callable[[bool], Section], quick: bool) -> None:
        self.section = make(quick)
        context = multiprocessing.get_context("spawn")
        self.processes: dict[str, tuple[Any, Connection]] = {}
        for task in self.section.tasks.values():
            for name in task.contestants:
                if name not in self.processes:
                    here, there = context.Pipe()
                    process = context.Process(target=_serve, args=(there, make, quick), daemon=True)
                    process.start()
                    self.processes[name] = process, here

    def __enter__(self) -> "Processes":
        return self

    def __exit__(self, *error: object) -> None:
        for process, _ in self.processes.values():
            process.terminate()
            process.join()

    def contestants(self, task: str) -> dict[str, Callable[[], float]]:
        names = self.section.tasks[task].contestants
        return {name: partial(self._ask, name, task) for name in names}

    def machine(self) -> dict:
        """As ``machine()``, with the libraries of all processes."""
        found = [self._ask(name, None) for name in self.processes]
        merged = dict(found[0])
        for key in ("versions", "threads"):
            merged[key] = {name: value for each in found for name, value in each[key].items()}
        return merged

    def _ask(self, name: str, task: str | None) -> Any:
        _, connection = self.processes[name]
        connection.send((name, task))
        try:
            answer, error = connection.recv()
        except EOFError:
            raise RuntimeError(f"the process of {name} died at {task}") from None
        if error is not None:
            raise RuntimeError(f"the process of {name} failed at {task}:\n{error}")
        return answer


def _serve(connection: Connection, make: Callable[[bool], Section], quick: bool) -> None:
    tasks, made = make(quick).tasks, dict[str, Contestant]()
    while True:
        name, task = connection.recv()
        try:
            if task is None:
                connection.send((machine(), None))
                continue
            if task not in made:
                made[task] = tasks[task].contestants[name]()
            connection.send((timed(made[task], pause=0.0 if quick else 0.1), None))
        except Exception:
            connection.send((None, traceback.format_exc()))
