"""The process that runs a learner's file and checks it: ``python -m triptych.exercises.inside``.

It reads what to do from standard input, one line of JSON. Its standard output carries lines of JSON
with the token it was given: a verdict without the token is something the file printed. All that the
file prints goes to standard error.
"""

import faulthandler
import importlib
import json
import os
import sys
import time
import traceback
from dataclasses import asdict
from pathlib import Path
from typing import Any

from triptych.exercises import catalogue
from triptych.exercises.findings import WRONG, Finding, InterfaceError
from triptych.exercises.guard import limit_memory, refuse_outside
from triptych.repository import load

WHERE = "where.txt"  # what the process was doing when its time was nearly over


def main() -> None:
    order = json.loads(sys.stdin.readline())
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115 (open as long as the process)

    def send(kind: str, **values: Any) -> None:
        channel.write(json.dumps({"token": order["token"], "kind": kind} | values) + "\n")
        channel.flush()

    def progress(text: str) -> None:
        send("progress", text=text)

    folder = Path.cwd()
    # While the file is not loaded yet: what the framework itself does to the disk is its business.
    if order["framework"] != "scratch":
        progress(f"importing {order['framework']}")
        importlib.import_module(order["framework"])
    check = catalogue.part(order["exercise"], "check").check
    with (folder / WHERE).open("w", encoding="utf-8") as where:
        faulthandler.dump_traceback_later(max(0.1, order["nearly_over"] - time.time()), file=where)
        limit_memory(order["memory"])
        refuse_outside(str(folder), lambda what: send("refused", text=what))
        file = folder / order["file"]
        try:
            progress(f"running {file.name}")
            module = load(file, file.stem)
            for finding in check(module, order["framework"], progress, order["seed"]):
                send("finding", **asdict(finding))
        except BaseException as error:  # SystemExit too: the file may call sys.exit
            send("finding", **asdict(_explain(error, file)))
        faulthandler.cancel_dump_traceback_later()
    send("end")
    sys.stderr.flush()
    os._exit(0)  # no threads, atexit functions or destructors of the file


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
