"""What keeps a learner's file from doing harm by accident: limits, and refusals.

In the process that runs the file an audit hook (PEP 578) refuses to write, move or delete anything
outside one folder, to start processes and to send signals. It is a guard against accidents and no
security boundary: it sees what Python opens, not what a library opens in C (``torch.save``), and
who wants to get around it can.
"""

import os
import sys
from collections.abc import Callable
from typing import Any

__all__ = ["limit_memory", "refuse_outside"]

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
# Audit events by what they do, with the positions of paths and of their folders' descriptors.
CHANGES: dict[str, tuple[str, list[tuple[int, int | None]]]] = {
    "os.remove": ("delete", [(0, 1)]),
    "os.rmdir": ("delete", [(0, 1)]),
    "os.rename": ("move", [(0, 2), (1, 3)]),
    "os.mkdir": ("make", [(0, 2)]),
    "os.link": ("link", [(0, 2), (1, 3)]),
    "os.symlink": ("link", [(1, 2)]),
    "os.truncate": ("truncate", [(0, None)]),
    "os.chmod": ("change", [(0, 2)]),
    "os.chown": ("change", [(0, 3)]),
    "os.utime": ("change", [(0, 3)]),
    "os.mkfifo": ("make", [(0, 2)]),
    "os.mknod": ("make", [(0, 3)]),
    "shutil.rmtree": ("delete", [(0, 1)]),
    "sqlite3.connect": ("write to", [(0, None)]),
}
PROCESSES = {
    "os.exec",
    "os.fork",
    "os.forkpty",
    "os.posix_spawn",
    "os.spawn",
    "os.startfile",
    "os.system",
    "pty.spawn",
    "subprocess.Popen",
}
# Programs that libraries ask on import: Matplotlib for fonts, ``platform`` for the processor.
HARMLESS = {"fc-list", "uname"}
SIGNALS = {"os.kill", "os.killpg", "signal.pthread_kill"}


def limit_memory(further: int) -> None:
    """Let this process take ``further`` bytes more than it has, where the system can do that."""
    if sys.platform != "linux":
        return
    import resource

    with open("/proc/self/status", encoding="ascii") as status:
        taken = next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmData:"))
    resource.setrlimit(resource.RLIMIT_DATA, (taken + further, taken + further))
    resource.setrlimit(resource.RLIMIT_FSIZE, (further, further))


def refuse_outside(folder: str, refused: Callable[[str], None]) -> None:
    """From now on raise ``PermissionError`` at what changes anything outside ``folder``.

    ``refused`` is told each time, since the file may swallow the exception. There is no way back.
    """
    inside = os.path.realpath(folder)
    fsdecode, realpath, basename, join = (
        os.fsdecode,
        os.path.realpath,
        os.path.basename,
        os.path.join,
    )
    free = {realpath(os.devnull)}

    def outside(path: Any, descriptor: Any = None) -> str:
        """The path if it lies outside, else ""."""
        if path is None or isinstance(path, int):
            return ""  # an open file: it was judged when it was opened
        text = fsdecode(path)
        if isinstance(descriptor, int) and descriptor >= 0:
            text = join(realpath(f"/proc/self/fd/{descriptor}"), text)
        real = realpath(text)
        return "" if real in free or real == inside or real.startswith(inside + os.sep) else text

    def refuse(what: str) -> None:
        refused(what)
        raise PermissionError(f"the check does not let the file {what}")

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event == "open":
            path, mode, flags = args
            writes = set("wax+") & set(mode) if isinstance(mode, str) else flags & WRITING
            if writes and (text := outside(path)):
                refuse(f"write to {text}")
        elif event in CHANGES:
            verb, positions = CHANGES[event]
            for position, folder_position in positions:
                descriptor = None
                if folder_position is not None and folder_position < len(args):
                    descriptor = args[folder_position]
                if text := outside(args[position], descriptor):
                    refuse(f"{verb} {text}")
        elif event in PROCESSES:
            if not (args and isinstance(args[0], str) and basename(args[0]) in HARMLESS):
                refuse("start a process")
        elif event in SIGNALS:
            refuse("send a signal")

    sys.addaudithook(hook)
