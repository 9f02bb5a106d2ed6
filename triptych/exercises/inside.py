"""The process that runs a learner's file and checks it: ``python -m triptych.exercises.inside``.

It reads what to do from standard input, one line of JSON. Its standard output carries lines that
begin with the token it was given and go on with JSON; whatever else stands there the file has
written. All that the file prints goes to standard error.
"""

import contextlib
import faulthandler
import importlib
import json
import logging
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from triptych.exercises import catalogue
from triptych.exercises.findings import WRONG, Finding, InterfaceError
from triptych.exercises.guard import limit_memory, refuse_outside
from triptych.extras import keras_backend
from triptych.repository import load

WHERE = "where.txt"  # what the process was doing when it was asked
ASK = getattr(signal, "SIGUSR1", None)  # Windows has none
# What Keras and TensorFlow import if it is there, for something that no check needs. With them the
# import takes half as long again.
OPTIONAL = ("jax", "matplotlib", "sklearn", "tensorflow", "torch")


def main() -> None:
    order = json.loads(sys.stdin.readline())
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115 (open as long as the process)

    sent, one_by_one = 0, threading.RLock()

    def send(kind: str, **values: Any) -> None:
        nonlocal sent
        with one_by_one:
            sent += 1
            message = json.dumps({"kind": kind, "number": sent} | values)
            # A line of its own, also where the file has left one without an end.
            channel.write(f"\n{order['token']} {message}\n")
            channel.flush()

    def progress(text: str) -> None:
        send("progress", text=text)

    folder, framework, backend = Path.cwd(), order["framework"], keras_backend()
    # While the file is not loaded yet: what the framework itself does to the disk is its business.
    if framework != "scratch":
        progress(f"importing {framework}")
        with _quiet():
            _import(framework, backend)
    check = catalogue.part(order["exercise"], "check").check
    with (folder / WHERE).open("w", encoding="utf-8") as where:
        if ASK is not None:
            faulthandler.register(ASK, file=where)
        limit_memory(order["memory"])
        refuse_outside(str(folder), lambda what: send("refused", text=what))
        file = folder / order["file"]
        try:
            send("running", text=f"running {file.name}")
            module = load(file, file.stem)
            if fault := _other_backend(file, framework, backend):
                send("finding", **asdict(fault))
            else:
                for finding in check(module, framework, progress, order["seed"], order["only"]):
                    send("finding", **asdict(finding))
        except BaseException as error:  # SystemExit too: the file may call sys.exit
            send(
                "finding",
                **asdict(_other_backend(file, framework, backend) or _explain(error, file)),
            )
    send("end")
    sys.stderr.flush()
    os._exit(0)  # no threads, atexit functions or destructors of the file


def _import(framework: str, backend: str) -> None:
    """With what the framework itself needs, and nothing else: the rest the file may import."""
    if framework != "keras":
        importlib.import_module(framework)
        return
    absent = [name for name in OPTIONAL if name != backend]
    sys.modules |= dict.fromkeys(absent)  # type: ignore[arg-type]  # None: not to be found
    try:
        importlib.import_module("keras")
    finally:
        for name in absent:
            del sys.modules[name]
    for name in ("tensorflow", "absl", "jax"):
        logging.getLogger(name).setLevel(logging.ERROR)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the notes of libraries in C on how they were built."""
    errors = os.dup(2)
    with open(os.devnull, "w", encoding="utf-8") as nothing:
        os.dup2(nothing.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(errors, 2)
        os.close(errors)


def _other_backend(file: Path, framework: str, backend: str) -> Finding | None:
    """Keras is imported before the file, which then can no longer choose."""
    if framework != "keras":
        return None
    asked = {os.environ.get("KERAS_BACKEND"), sys.modules["keras"].backend.backend()}
    asked -= {backend, None}
    if not asked:
        return None
    (other, *_) = asked
    return Finding(
        "",
        WRONG,
        f"the file asks for Keras on {other!r}, and the check runs it on {backend!r}",
        cause="KERAS_BACKEND is set in the file. Take that out, or set it for the check: "
        f"KERAS_BACKEND={other} triptych exercise check {file.name}",
    )


def _explain(error: BaseException, file: Path) -> Finding:
    """What the file did that ended the check."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename == str(file)]
    place = ""
    if own:
        function = "" if own[-1].name == "<module>" else f", in {own[-1].name}"
        place = f" at line {own[-1].lineno}{function}: {own[-1].line}"
    elif isinstance(error, SyntaxError) and error.filename == str(file):
        place = f" at line {error.lineno}: {(error.text or '').strip()}"
    if isinstance(error, InterfaceError):
        return Finding("", WRONG, str(error))
    if isinstance(error, SystemExit):
        return Finding("", WRONG, f"the file calls sys.exit{place}", cause="Take that out.")
    text = str(error).strip()
    text = text if len(text) < 600 else f"{text[:600]} ..."
    cause = ""
    if isinstance(error, MemoryError) or "allocate memory" in text or "OOM" in text:
        cause = "It takes more memory than the check allows."
    elif isinstance(error, ModuleNotFoundError):
        cause = "The file is checked alone: it finds installed packages, not the files beside it."
    elif isinstance(error, EOFError):
        cause = "The check gives no input: put input() under if __name__ == '__main__'."
    elif not own and not isinstance(error, SyntaxError):
        cause = "The file leaves the interface that its docstring asks for."
    return Finding("", WRONG, f"{type(error).__name__}{place}", measured=text, cause=cause)


if __name__ == "__main__":
    main()
