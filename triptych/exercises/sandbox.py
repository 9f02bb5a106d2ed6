"""A learner's file, checked in a process of its own: in a temporary folder, with limits.

``check_file`` copies the file there, starts ``triptych.exercises.inside``, reads what it finds, and
ends it when it takes too long, takes too much memory or prints without end. Its time is that of the
processor: on a busy machine a check takes longer, and finds the same.
"""

import contextlib
import json
import os
import queue
import re
import secrets
import shutil
import signal
import site
import subprocess
import sys
import tempfile
import threading
import time
import tokenize
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any

import psutil

from triptych.exercises.findings import WRONG, Finding
from triptych.exercises.inside import ASK, WHERE
from triptych.exercises.notebooks import in_cells, source_of
from triptych.extras import keras_backend

__all__ = ["Limits", "Outcome", "check_file"]

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Limits:
    seconds: float = 60.0  # of the processor, for the file and its check
    waiting: float = 300.0  # by the clock, for a file that sleeps; imports count
    memory: int = 2 * 2**30  # bytes, beyond what the framework takes
    output: int = 2**20  # bytes


@dataclass
class Outcome:
    """``output`` is the end of what the file printed; ``refused`` what it was kept from doing."""

    findings: list[Finding] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    output: str = ""
    seconds: float = 0.0


def check_file(
    file: Path,
    exercise: str,
    framework: str,
    *,
    seed: int = 0,
    only: str | None = None,
    limits: Limits | None = None,
    progress: Callable[[str], None] = lambda text: None,
) -> Outcome:
    """``only``: the key of a TODO; the others are not judged."""
    limits = limits or Limits()
    start = time.monotonic()
    try:
        text = _source(file)
    except (SyntaxError, UnicodeDecodeError) as error:
        return Outcome([_not_text(file, error)])
    except ValueError as error:
        return Outcome([Finding("", WRONG, str(error))])
    with tempfile.TemporaryDirectory(prefix="triptych-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        copy = folder / f"{file.stem}.py"
        if file.suffix == ".ipynb":
            copy.write_text(text, "utf-8")
        else:
            shutil.copyfile(file, copy)
        order = {
            "token": secrets.token_hex(16),
            "exercise": exercise,
            "framework": framework,
            "file": copy.name,
            "seed": seed,
            "only": only,
            "memory": limits.memory,
        }
        run = _Run(folder, order, limits, text.splitlines())
        try:
            with _stopped_properly():
                outcome = run.watch(progress)
        finally:
            run.kill()
        outcome.output = run.tail.decode(errors="replace")
    if file.suffix == ".ipynb":
        outcome.findings = [
            replace(
                each, message=in_cells(each.message, text), measured=in_cells(each.measured, text)
            )
            for each in outcome.findings
        ]
    outcome.seconds = time.monotonic() - start
    return outcome


def _source(file: Path) -> str:
    """What is run, of a notebook its code."""
    if file.suffix == ".ipynb":
        return source_of(file)
    with tokenize.open(file) as text:
        return text.read()


def _not_text(file: Path, error: SyntaxError | UnicodeDecodeError) -> Finding:
    """Python would not run such a file, not even for a comment's sake."""
    place = ""
    for number, line in enumerate(file.read_bytes().split(b"\n"), start=1):
        try:
            line.decode()
        except UnicodeDecodeError as wrong:
            place = f"line {number} has the byte {line[wrong.start]:#04x}: "
            place += ascii(line[:60])[1:]
            break
    return Finding(
        "",
        WRONG,
        "the file is no text in UTF-8" if place else f"the file cannot be read: {error}",
        measured=place,
        cause="Save it as UTF-8, which is what Python takes a file to be.",
    )


@contextlib.contextmanager
def _stopped_properly() -> Iterator[None]:
    """Meanwhile a signal that ends this process (a closed terminal) runs what cleans up."""

    def stop(number: int, frame: object) -> None:
        raise SystemExit(128 + number)

    signals = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    if threading.current_thread() is not threading.main_thread():
        signals = []  # Python lets no other thread handle signals
    before = [(each, signal.signal(each, stop)) for each in signals]
    try:
        yield
    finally:
        for each, handler in before:
            signal.signal(each, handler)


class _Run:
    def __init__(
        self, folder: Path, order: dict[str, Any], limits: Limits, source: list[str]
    ) -> None:
        self.folder, self.order, self.limits, self.source = folder, order, limits, source
        self.lines: queue.Queue[str | None] = queue.Queue()
        self.token = order["token"].encode() + b" "
        self.printed, self.tail = 0, b""
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "triptych.exercises.inside"],
            cwd=folder,
            env=_environment(folder),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self.ends = time.monotonic() + limits.waiting
        self.spent: float | None = None  # processor time before the file was run
        self.readers = [
            threading.Thread(target=read, args=[pipe], daemon=True)
            for read, pipe in (
                (self._read_lines, self.process.stdout),
                (self._read_output, self.process.stderr),
            )
        ]
        for reader in self.readers:
            reader.start()
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(order).encode() + b"\n")
        self.process.stdin.close()

    def _read_lines(self, pipe: IO[bytes]) -> None:
        """The lines with the token. What the file has put between them counts as printed."""
        while line := pipe.readline(2**20):
            if line.startswith(self.token):
                self.lines.put(line[len(self.token) :].decode(errors="replace"))
            else:
                self.printed += len(line)
        self.lines.put(None)

    def _read_output(self, pipe: IO[bytes]) -> None:
        while chunk := os.read(pipe.fileno(), 65536):
            self.printed += len(chunk)
            self.tail = (self.tail + chunk)[-4000:]

    def watch(self, progress: Callable[[str], None]) -> Outcome:
        outcome, doing, received = Outcome(), "starting", 0
        fault: Finding | None = None
        while fault is None:
            try:
                line = self.lines.get(timeout=0.1)
            except queue.Empty:
                fault = self._over_a_limit(doing)
                continue
            if line is None:
                fault = self._ended(doing)
                break
            try:
                message = json.loads(line)
                kind, number = message.pop("kind"), message.pop("number")
            except ValueError:
                continue  # damaged: the next one has another number than expected
            received += 1
            if number != received:
                fault = _lost()
            elif kind in ("progress", "running"):
                doing = message["text"]
                progress(doing)
                if kind == "running":
                    self.spent = self._processor_time()
            elif kind == "refused" and message["text"] not in outcome.refused:
                outcome.refused.append(message["text"])
            elif kind == "finding":
                outcome.findings.append(Finding(**message))
            elif kind == "end":
                break
            fault = fault or self._over_a_limit(doing)
        if fault is not None:
            outcome.findings.append(fault)
        return outcome

    def _processor_time(self) -> float:
        try:
            times = psutil.Process(self.process.pid).cpu_times()
        except psutil.Error:
            return 0.0
        return float(times.user + times.system)

    def _over_a_limit(self, doing: str) -> Finding | None:
        if self.spent is not None and (self._processor_time() > self.spent + self.limits.seconds):
            return self._too_long(
                f"{self.limits.seconds:g} seconds of processor time",
                doing,
                "A loop that never ends, or training that takes too many steps. "
                "(Where it needs more: --seconds.)",
            )
        if time.monotonic() > self.ends:
            return self._too_long(
                f"{self.limits.waiting:g} seconds",
                doing,
                "It waits for something: sleep, a lock, an answer. (On a slow machine: --seconds.)",
            )
        if self.printed > self.limits.output:
            size = f"{self.limits.output / 2**20:g} MB"
            return Finding(
                "",
                WRONG,
                f"the file was stopped while {doing}: it prints without end, more than {size}",
                cause="Print less: once in an epoch, not at every step.",
            )
        try:
            memory = psutil.Process(self.process.pid).memory_info().rss
        except psutil.Error:
            return None
        if memory > self.limits.memory + 2 * 2**30:  # a framework takes up to one
            return Finding(
                "",
                WRONG,
                f"the file was stopped while {doing}: it takes {memory / 2**30:.1f} GB of memory",
            )
        return None

    def _too_long(self, limit: str, doing: str, cause: str) -> Finding:
        message = f"the file was stopped after {limit}, while {doing}"
        return Finding("", WRONG, message, measured=self._place(), cause=cause)

    def _place(self) -> str:
        """Where the file is, from its stack."""
        if ASK is None or self.spent is None:
            return ""
        stack = ""
        with contextlib.suppress(OSError):  # it has ended, or the file has deleted this one
            os.kill(self.process.pid, ASK)
            for _ in range(20):
                time.sleep(0.05)
                before, stack = stack, (self.folder / WHERE).read_text("utf-8", "replace")
                if stack and stack == before:
                    break
        lines = re.findall(rf"{re.escape(self.order['file'])}\", line (\d+) in (\S+)", stack)
        if not lines:
            return ""
        number, function = lines[0]
        return f"it was at line {number}, in {function}: {self.source[int(number) - 1].strip()}"

    def _ended(self, doing: str) -> Finding:
        code = self.process.wait()
        how = f"with exit code {code}"
        if code < 0:
            how = f"by {signal.Signals(-code).name}"
        return Finding(
            "",
            WRONG,
            f"the process ended {how} while {doing}, before the check was over",
            cause="os._exit, a crash for want of memory, or os.close of what is not its own.",
        )

    def kill(self) -> None:
        if os.name == "posix":
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
        else:
            self.process.kill()
        self.process.wait()
        for reader in self.readers:
            reader.join(timeout=1)
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()


def _lost() -> Finding:
    return Finding(
        "",
        WRONG,
        "a part of what the check found is lost: the file has written over it",
        cause="It writes to files that it has not opened (os.write to a number).",
    )


def _environment(folder: Path) -> dict[str, str]:
    own = {
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
        "PYTHONUSERBASE": site.getuserbase(),  # which would follow HOME
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONIOENCODING": "utf-8",
        "PYTHONUNBUFFERED": "1",  # or what was printed last would be lost when it is stopped
        "KERAS_BACKEND": keras_backend(),
        "KERAS_HOME": str(folder / ".keras"),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TF_ENABLE_ONEDNN_OPTS": "0",  # and with it, its note
        "CUDA_VISIBLE_DEVICES": "",  # so small a network is faster without
    }
    own |= dict.fromkeys(("HOME", "USERPROFILE", "TMPDIR", "TEMP", "TMP"), str(folder))
    # PyTorch's and Triton's too: a process that has imported PyTorch hands its own down.
    caches = "XDG_CACHE_HOME", "MPLCONFIGDIR", "TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR"
    own |= dict.fromkeys(caches, str(folder / ".cache"))
    own |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return dict(os.environ) | own
