"""How much memory a training step of the convolutional network takes.

    python -m benchmarks.memory "NumPy panel"

prints two numbers of bytes: the peak of resident memory, and how far the peak of the steps rises
above what was resident just before the first of them. Each contestant needs a process of its own.
"""

import statistics
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.networks import BATCH, cnn_contestants

__all__ = ["CONTESTANTS", "measure", "memory", "resident"]

STATUS = Path("/proc/self/status")
STEPS = 10
REFERENCE = "PyTorch eager"
CONTESTANTS = (
    REFERENCE,
    "PyTorch channels_last",
    "NumPy panel",
    "PyTorch panel",
    "Keras fit",
    "Keras panel",
)


def memory(times: int, done: Callable[[], None]) -> dict:
    """What bench.json holds of it; ``done`` is called after every process."""
    contestants = {}
    for name in CONTESTANTS:
        sizes = []
        for _ in range(times):
            sizes.append(measure(name))
            done()
        peak, rise = (statistics.median(both) for both in zip(*sizes, strict=True))
        contestants[name] = {"peak": peak, "rise": rise, "processes": sizes}
    return {
        "work": "Memory of training that network",
        "note": "Each in processes of its own: the peak of resident memory, libraries included, "
        "and how far it rises above what was resident just before the first step.",
        "reference": REFERENCE,
        "contestants": contestants,
    }


def measure(contestant: str, steps: int = STEPS) -> tuple[int, int]:
    """The two numbers, from a new process."""
    result = subprocess.run(
        [sys.executable, "-m", "benchmarks.memory", contestant, "--steps", str(steps)],
        cwd=Path(__file__).resolve().parent.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        raise RuntimeError(f"the process of {contestant} failed:\n{result.stderr}")
    highest, rise = map(int, result.stdout.split())
    return highest, rise


def main(
    contestant: Annotated[str, typer.Argument(help="As in the table, for example 'Keras fit'.")],
    steps: Annotated[int, typer.Option(min=1, help="Steps of an epoch.")] = STEPS,
) -> None:
    """Print the peak of resident memory, and its rise during the steps, in bytes."""
    makers = cnn_contestants(steps * BATCH)
    if contestant not in makers:
        raise typer.BadParameter(f"must be one of {', '.join(makers)}, got {contestant!r}")
    run = makers[contestant]()
    if "torch" in sys.modules:
        import torch._dynamo  # noqa: F401  (72 MB, which the first optimizer would load in ``fit``)
    before, highest = resident("VmRSS"), resident("VmHWM")
    # The peak starts anew, so that what was needed only for importing is no part of the rise.
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    run()
    rise = resident("VmHWM") - before
    print(max(highest, before + rise), rise)


def resident(entry: str) -> int:
    """Bytes of this process in memory: now ("VmRSS"), or the most so far ("VmHWM"), which is all
    that other systems than Linux tell.
    """
    if not STATUS.is_file():
        import resource

        highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return highest if sys.platform == "darwin" else 1024 * highest
    # Not getrusage here: on Linux a new process inherits the peak of the one that started it.
    for line in STATUS.read_text("utf-8").splitlines():
        name, _, value = line.partition(":")
        if name == entry:
            return 1024 * int(value.split()[0])
    raise RuntimeError(f"{STATUS} has no {entry}")


if __name__ == "__main__":
    typer.run(main)
