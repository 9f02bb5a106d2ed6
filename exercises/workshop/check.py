"""What a learner's training script does, measured: nothing here looks at its text."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import ModuleType

from triptych.exercises.findings import WRONG, Finding, InterfaceError
from triptych.exercises.functions import raised
from triptych.exercises.scripts import missing

from .course import augmentation, early_stopping, schedule
from .networks import Network, eagerly, make
from .regularizers import (
    accumulation,
    batch_norm,
    clipping,
    dropout,
    placement,
    smoothing,
    weight_decay,
)
from .reports import curves, misclassified

__all__ = ["check"]

FUNCTIONS = (
    *("build_model", "make_optimizer", "set_learning_rate", "train_step", "predict"),
    *("learning_rate", "augment", "evaluate", "train", "save_curves", "misclassified"),
)

# Of a step, what makes all the rest of it another, by its cause.
SPOILING = {"weight decay": "as Adam does", "clipping": ""}


def check(
    module: ModuleType,
    framework: str,
    progress: Callable[[str], None],
    seed: int = 0,
    only: str | None = None,
) -> Iterator[Finding]:
    """``seed`` is that of the learner's models; ``only`` a TODO's key."""
    for fault in missing(module, FUNCTIONS):
        yield fault
        return
    network = make(framework)

    def build() -> Network:
        return network(module, seed)

    with eagerly(framework):
        yield from _findings(module, build, progress, only)


def _findings(
    module: ModuleType,
    build: Callable[[], Network],
    progress: Callable[[str], None],
    only: str | None,
) -> Iterator[Finding]:
    yield from _of_model(build, progress, only)
    others: dict[str, Callable[[], Iterator[Finding]]] = {
        "schedule": lambda: schedule(module, build),
        "augmentation": lambda: augmentation(module, build),
        "early stopping": lambda: early_stopping(module, build),
        "curves": lambda: curves(module),
        "misclassified": lambda: misclassified(module),
    }
    for key, probe in others.items():
        if only in (None, key):
            progress(f"measuring {key}")
            try:
                yield from probe()
            except InterfaceError as error:
                yield Finding(key, WRONG, str(error))
            except Exception as error:  # the other sections are looked at all the same
                yield raised(key, error, module, "the section")


def _of_model(
    build: Callable[[], Network], progress: Callable[[str], None], only: str | None
) -> Iterator[Finding]:
    """What rests on something that is wrong is left out: it would seem wrong too."""
    probes = {"dropout": dropout, "batch norm": batch_norm}
    steps = {"weight decay": weight_decay, "clipping": clipping, "smoothing": smoothing}
    if only is not None and only not in probes | steps:
        return
    progress("looking at the model")
    if fault := placement(build):
        yield _told(fault, only)
        return
    for key, probe in probes.items():
        if only in (None, key):
            progress(f"measuring {key}")
            yield from probe(build)
    if only in probes:
        return
    progress("measuring steps")
    if fault := accumulation(build):
        yield fault
        return
    found = {key: list(probe(build)) for key, probe in steps.items()}
    for key, causes in SPOILING.items():
        spoils = [each for each in found[key] if each.status == WRONG]
        if any(re.search(causes, each.cause) for each in spoils):
            yield from found[key] if only in (None, key) else (_told(spoils[0], only),)
            return
    for key, findings in found.items():
        if only in (None, key):
            yield from findings


def _told(fault: Finding, only: str | None) -> Finding:
    """Of the whole file, where it keeps the one section that is asked for from being measured."""
    if only in (None, fault.todo):
        return fault
    return replace(fault, todo="", message=f"in the way is the {fault.todo}: {fault.message}")
