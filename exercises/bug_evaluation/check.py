"""Whether ``evaluate`` measures the network as it is used, and training still is training."""

import copy
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from triptych.exercises.findings import Finding
from triptych.exercises.scripts import done, judged, still_there, wrong

__all__ = ["check"]

ROWS, GROUP = 60, 6


def check(
    module: ModuleType,
    framework: str,
    progress: Callable[[str], None],
    seed: int = 0,
    only: str | None = None,
) -> Iterator[Finding]:
    functions = ("build_model", "train_epoch", "evaluate")
    progress("measuring evaluate and train_epoch")
    yield from judged(module, functions, lambda: _judge(module, seed))


def _judge(module: ModuleType, seed: int) -> Iterator[Finding]:
    rng = np.random.default_rng(seed)
    x = torch.from_numpy(rng.normal(0.5, 2, (ROWS, 20)).astype(np.float32))
    y = torch.from_numpy(rng.integers(2, size=ROWS))
    model = module.build_model(seed)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(5):
        module.train_epoch(model, optimizer, x, y, np.random.default_rng(0))
    fault = _of_evaluation(module, model.train(), x, y) or _of_training(module, model, x, y)
    if fault is None:
        loss, _ = module.evaluate(model, x, y)
        fault = done(
            f"measured again, alone or in groups, the loss is {loss:.4f}, and training drops units "
            "and takes the statistics of its batches"
        )
    yield fault


def _of_evaluation(module: ModuleType, model: nn.Module, x: Any, y: Any) -> Finding | None:
    before = _state(model)
    found = [module.evaluate(model, x, y) for _ in range(5)]
    losses = [float(loss) for loss, _ in found]
    moved = not _equal(_state(model), before)
    model.load_state_dict(before)
    groups = [
        float(module.evaluate(model.train(), x[i : i + GROUP], y[i : i + GROUP])[0])
        for i in range(0, ROWS, GROUP)
    ]
    model.load_state_dict(before)
    varies, in_groups = np.ptp(losses) > 1e-5, float(np.mean(groups))
    together = f"{losses[0]:.4f} together, {in_groups:.4f} in groups of {GROUP}"
    if varies and moved:
        return still_there(
            "five measurements of one model on the same points give losses from "
            f"{min(losses):.4f} to {max(losses):.4f}, and change its running statistics"
        )
    if varies:
        return wrong(
            "measured again, the same points have another loss",
            "the same number each time",
            f"losses from {min(losses):.4f} to {max(losses):.4f}",
            "Batch normalization is as it should be, and dropout still drops units.",
        )
    right, accuracy = _measured(copy.deepcopy(model).eval(), x, y)
    if abs(losses[0] - right) > 1e-4 or abs(in_groups - right) > 1e-4:
        half = copy.deepcopy(model).train()
        for each in half.modules():
            each.train(not isinstance(each, nn.Dropout))
        by_batch = abs(_measured(half, x, y)[0] - losses[0]) < 1e-4
        return wrong(
            "the loss is not that of the network in use",
            f"{right:.4f}, together and in groups",
            together,
            "Dropout is off, and batch norm still takes the statistics of the points that are "
            "measured together."
            if by_batch
            else "The random numbers are fixed, so that each call drops the same units."
            if moved
            else "",
        )
    if moved:
        return wrong("evaluate changes the model", "the same weights and running statistics after")
    if abs(float(found[0][1]) - accuracy) > 1e-4:
        return wrong("the accuracy is another", f"{accuracy:.1%}", f"{float(found[0][1]):.1%}")
    return None


def _of_training(module: ModuleType, model: nn.Module, x: Any, y: Any) -> Finding | None:
    """After ``evaluate``, as in the second epoch."""

    def epochs(prepare: Callable[[], Any]) -> tuple[bool, bool]:
        """Whether units are dropped, and whether running statistics move."""
        optimizer, losses = torch.optim.SGD(model.parameters(), lr=0.0), []
        before = _state(model)
        for number in (1, 2):
            module.evaluate(model, x, y)
            prepare()
            torch.manual_seed(number)
            losses.append(module.train_epoch(model, optimizer, x, y, np.random.default_rng(0)))
        return abs(losses[0] - losses[1]) > 1e-5, not _equal(_state(model), before)

    drops, moves = epochs(lambda: None)
    if drops and moves:
        return None
    would_drop, would_move = epochs(lambda: model.train())
    gone = "Dropout" if not would_drop else "Batch normalization"
    both = would_drop and would_move
    return wrong(
        "training is no longer what it was" + (", once evaluate was called" if both else ""),
        "units are dropped and the running statistics move, in each epoch",
        f"units are {'' if drops else 'not '}dropped, the running statistics "
        f"{'move' if moves else 'stay'}",
        "The model never comes back from the mode of use: only the first epoch is trained as it "
        "should be."
        if both
        else f"{gone} is gone from the network: the numbers agree, and the help in training is "
        "lost.",
    )


def _measured(model: nn.Module, x: Any, y: Any) -> tuple[float, float]:
    with torch.no_grad():
        logits = model(x)
        accuracy = (logits.argmax(dim=1) == y).float().mean()
        return functional.cross_entropy(logits, y).item(), accuracy.item()


def _state(model: nn.Module) -> dict[str, Any]:
    return copy.deepcopy(model.state_dict())


def _equal(a: dict[str, Any], b: dict[str, Any]) -> bool:
    return all(torch.equal(a[name], b[name]) for name in a)
