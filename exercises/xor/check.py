"""What a learner's XOR network does, measured: nothing here looks at names or at the text."""

from collections.abc import Callable, Iterator
from types import ModuleType

import numpy as np

from triptych.exercises.findings import DONE, NOT_DONE, WRONG, Finding
from triptych.exercises.scripts import missing

from .batch_norm import batch_norm
from .dropout import dropout
from .gradients import gradient_fault
from .graphs import fastest, unoptimized
from .l2 import l2
from .loop import Loop, measure_loop
from .networks import Network, make
from .probe import CORNERS, Roles, Step, measure_noise, roles_of

__all__ = ["check"]

LABELS = np.array([0, 1, 1, 0], np.float32)


def check(
    module: ModuleType,
    framework: str,
    progress: Callable[[str], None],
    seed: int = 0,
    only: str | None = None,
) -> Iterator[Finding]:
    """``seed`` is what the seeds of the learner's networks begin with; ``only`` a TODO's key."""
    for fault in missing(module, ("build_model", "train", "predict")):
        yield fault
        return
    with unoptimized(framework):
        for finding in _findings(module, framework, progress, seed, only):
            if finding.todo in ("", only or finding.todo):
                yield finding


def _findings(
    module: ModuleType,
    framework: str,
    progress: Callable[[str], None],
    seed: int,
    only: str | None,
) -> Iterator[Finding]:
    """The checks of dropout and batch norm need one another; that of L2 stands alone."""
    progress("training on XOR")
    network = make(framework)(module, seed)
    solves = _solves(network)
    yield solves
    if fault := _shape(network):
        yield fault
    if solves.cause:
        return  # what follows rests on predict
    network_class = fastest(module, seed) if framework == "keras" else make(framework)

    def build(another: int = 1) -> Network:
        return network_class(module, seed + another)

    roles = roles_of(build())
    if only == "l2":
        yield from _steps_and_l2(build, roles, Step(build, roles), framework, progress)
        return
    progress("measuring dropout")
    noise, step = measure_noise(build(), roles), Step(build, roles)
    progress("measuring batch norm")
    found = list(batch_norm(build, roles, noise, step, framework))
    progress("measuring dropout")
    norm_is_wrong = _worst(found) == WRONG
    found = [*dropout(build, roles, noise, step, framework, norm_is_wrong=norm_is_wrong), *found]
    if _worst(found) != WRONG:
        progress("comparing the gradients with finite differences")
        done = {finding.todo for finding in found if finding.status == DONE}
        if fault := gradient_fault(build, done, roles, noise, framework):
            found = [each for each in found if each.todo != fault.todo] + [fault]
    yield from found
    if only is not None:
        return
    yield from _steps_and_l2(build, roles, step, framework, progress)


def _steps_and_l2(
    build: Callable[[], Network],
    roles: Roles,
    step: Step,
    framework: str,
    progress: Callable[[str], None],
) -> Iterator[Finding]:
    progress("replaying the steps of train")
    loop = Loop([]) if step.adaptive else measure_loop(build(), roles, framework)
    yield from loop.faults
    progress("measuring L2")
    yield from l2(build, roles, step, loop, framework)


def _worst(found: list[Finding]) -> str:
    return next((s for s in (WRONG, NOT_DONE) if s in {each.status for each in found}), DONE)


def _shape(network: Network) -> Finding | None:
    shape = tuple(np.shape(network.module.predict(network.model, CORNERS)))
    if shape == (len(CORNERS),):
        return None
    return Finding(
        "",
        WRONG,
        f"predict returns the shape {shape} for {len(CORNERS)} examples; it must have the shape "
        f"({len(CORNERS)},)",
        cause="the logits have the shape (N, 1): take their only column",
    )


def _solves(network: Network) -> Finding:
    x, y = np.tile(CORNERS, (50, 1)), np.tile(LABELS, 50)
    untrained = network.predict(CORNERS)
    network.train(x, y)
    probabilities = network.predict(CORNERS)
    right = int(((probabilities > 0.5) == (LABELS > 0.5)).sum())
    measured = ", ".join(
        f"{a:g} xor {b:g}: {p:.2f}" for (a, b), p in zip(CORNERS, probabilities, strict=True)
    )
    if not ((probabilities >= 0) & (probabilities <= 1)).all():
        cause = "the sigmoid of the logit is missing, or there are numbers that are none"
        return Finding("", WRONG, "predict does not return probabilities", "", measured, cause)
    if np.isin([untrained, probabilities], (0, 1)).all():  # training alone may lead that far
        cause = "the comparison with 0.5 is left to who calls predict"
        return Finding("", WRONG, "predict returns labels, not probabilities", "", measured, cause)
    if right == 4:
        return Finding("", DONE, f"it learns XOR: {measured}")
    return Finding(
        "", WRONG, f"trained, it gets {right} of the four corners of XOR right", measured=measured
    )
