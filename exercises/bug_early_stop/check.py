"""With which weights ``train`` ends, for validation losses that we choose."""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np
import torch

from triptych.exercises.findings import Finding, InterfaceError
from triptych.exercises.scripts import done, judged, replaced, still_there, wrong

__all__ = ["check"]

State = dict[str, Any]

# Each: validation losses, patience, epochs until the end, and the best one.
COURSES = {
    "stops": ([1.0, 0.8, 0.9, 0.7, 0.75, 0.74, 0.72, 0.71, 0.5], 3, 7, 3),
    "goes on": ([1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2], 2, 9, 8),
    "ends": ([1.0, 0.5, 0.8, 0.9], 5, 4, 1),
    "ties": ([1.0, 0.5, 0.5, 0.5, 0.55, 0.3], 2, 4, 1),
}


@dataclass
class Run:
    """The states of the model: at first, after each epoch, and at the end."""

    first: State
    seen: list[State] = field(default_factory=list)
    end: State = field(default_factory=dict)
    history: Any = None


def check(
    module: ModuleType,
    framework: str,
    progress: Callable[[str], None],
    seed: int = 0,
    only: str | None = None,
) -> Iterator[Finding]:
    functions = ("build_model", "train_epoch", "evaluate", "train")
    progress("running train")
    yield from judged(module, functions, lambda: _judge(module, seed))


def _run(module: ModuleType, seed: int, losses: list[float], patience: int) -> Run:
    rng = np.random.default_rng(seed)
    data = [torch.from_numpy(rng.normal(size=(12, 1)).astype(np.float32)) for _ in range(4)]
    model = module.build_model(seed)
    run, own = Run(_state(model)), module.train_epoch

    def train_epoch(model: Any, *arguments: Any, **options: Any) -> Any:
        result = own(model, *arguments, **options)
        run.seen.append(_state(model))
        return result

    def evaluate(model: Any, *arguments: Any, **options: Any) -> float:
        model.eval()
        return losses[len(run.seen) - 1]

    with replaced(module, train_epoch=train_epoch, evaluate=evaluate):
        run.history = module.train(model, data[:2], data[2:], epochs=len(losses), patience=patience)
    run.end = _state(model)
    if not isinstance(run.history, list | tuple | np.ndarray):
        raise InterfaceError("train must return the validation losses; a return is missing")
    return run


def _judge(module: ModuleType, seed: int) -> Iterator[Finding]:
    runs = {name: _run(module, seed, *course[:2]) for name, course in COURSES.items()}
    for name, (losses, patience, end, _) in COURSES.items():
        if len(runs[name].seen) != end:
            yield wrong(
                "training ends after another epoch",
                f"{end} epochs for the validation losses {losses} with patience {patience}",
                f"{len(runs[name].seen)} epochs",
            )
            return
    whole = runs["goes on"].seen
    for name, run in runs.items():
        if not all(_equal(a, b) for a, b in zip(run.seen, whole, strict=False)):
            yield wrong(
                "the training itself is another",
                "epochs that go on from where the one before has ended",
                f"other weights after an epoch, for the validation losses {COURSES[name][0]}",
                "The best weights are loaded before training is over.",
            )
            return
    if all(_equal(run.end, run.seen[-1]) for run in runs.values()):
        losses, _, end, best = COURSES["stops"]
        yield still_there(
            f"for the validation losses {losses[:end]} the model has the weights of epoch "
            f"{end - 1}, not those of epoch {best}; they differ by up to "
            f"{_gap(runs['stops'].seen[best], runs['stops'].end):.2g}"
        )
        return
    for name, (losses, _, end, best) in COURSES.items():
        if not _equal(runs[name].end, runs[name].seen[best]):
            yield wrong(
                "the model does not end with the weights of its best epoch",
                f"those after epoch {best}, for the validation losses {losses[:end]}",
                *_other(runs[name], name, best),
            )
            return
        if [float(loss) for loss in runs[name].history] != losses[:end]:
            yield wrong(
                "train returns another history",
                f"the losses of all epochs that were run, {losses[:end]}",
                str(runs[name].history)[:200],
            )
            return
    yield done(
        "in four trainings with chosen validation losses the model ends with all that it had in "
        "its best epoch"
    )


def _other(run: Run, name: str, best: int) -> tuple[str, str]:
    """What was measured, and the likely cause."""
    right = run.seen[best]
    trained = [key for key in right if "running" not in key and "num_batches" not in key]
    if _equal({key: run.end[key] for key in trained}, right):
        return (
            "the weights of that epoch with the running statistics of another",
            "Parameters alone were copied; a state_dict has the buffers too.",
        )
    if _equal(run.end, run.first):
        return "those from before training", "The copy was made before the first epoch."
    if best > 0 and _equal(run.end, run.seen[best - 1]):
        return f"those after epoch {best - 1}", "They were copied before the epoch's training."
    for number, state in enumerate(run.seen):
        if _equal(run.end, state):
            return f"those after epoch {number}", (
                "They are restored only when training is stopped early."
                if name == "ends"
                else "Of equal losses the first is the best: the next is not lower."
                if name == "ties"
                else ""
            )
    return "weights that it had after no epoch", "Only a part of them is kept and restored."


def _state(model: Any) -> State:
    return copy.deepcopy(model.state_dict())


def _equal(a: State, b: State) -> bool:
    return all(torch.equal(a[name], b[name]) for name in a)


def _gap(a: State, b: State) -> float:
    return max(float((a[name] - b[name]).abs().max()) for name in a if a[name].is_floating_point())
