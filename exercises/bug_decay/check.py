"""Which gradient Adam is given besides that of the data, and whether it alone moves the weights."""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from triptych.exercises.findings import Finding, InterfaceError
from triptych.exercises.scripts import done, judged, still_there, wrong

__all__ = ["check"]

STRENGTH = 0.01
SHAPES = [(32, 10), (32,), (32,), (32,), (2, 32), (2,)]
NAMES = ["first matrix", "first bias", "batch norm's scales", "its shifts"]
NAMES += ["second matrix", "second bias"]
MATRICES = (0, 4)


@dataclass(frozen=True)
class Step:
    """Of each parameter: itself, what was added to its gradient, and to its step besides Adam's."""

    values: list[np.ndarray]
    added: list[np.ndarray]
    beside: list[np.ndarray]

    def multiples(self) -> list[float]:
        pairs = zip(self.added, self.values, strict=True)
        return [float((a * w).sum() / (w * w).sum()) for a, w in pairs]


def check(
    module: ModuleType,
    framework: str,
    progress: Callable[[str], None],
    seed: int = 0,
    only: str | None = None,
) -> Iterator[Finding]:
    functions = ("build_model", "make_optimizer", "train_step")
    progress("measuring a step")
    yield from judged(module, functions, lambda: _judge(_step(module, seed)))


def _step(module: ModuleType, seed: int) -> Step:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(40, 10, generator=generator)
    y = torch.randint(2, (40,), generator=generator)
    model = module.build_model(seed)
    parameters = list(model.parameters())
    if [tuple(p.shape) for p in parameters] != SHAPES:
        raise InterfaceError("the network must keep its layers and their sizes")
    with torch.no_grad():
        for p in parameters:
            p.copy_(0.5 + torch.rand(p.shape, generator=generator))
    before = copy.deepcopy(model).train()
    functional.cross_entropy(before(x), y).backward()
    optimizer = module.make_optimizer(model)
    if not isinstance(optimizer, torch.optim.Adam | torch.optim.AdamW):
        raise InterfaceError(f"make_optimizer must return Adam; got {type(optimizer).__name__}")
    module.train_step(model, optimizer, x, y)
    values, added, beside = [], [], []
    for p, start in zip(parameters, before.parameters(), strict=True):
        group = next(g for g in optimizer.param_groups if any(each is p for each in g["params"]))
        given = _array(optimizer.state[p]["exp_avg"]) / (1 - group["betas"][0])
        moved = -group["lr"] * given / (np.abs(given) + group["eps"])  # Adam's first step
        values.append(_array(start))
        added.append(given - _array(start.grad))
        beside.append((_array(p) - _array(start) - moved) / group["lr"])
    return Step(values, added, beside)


def _judge(step: Step) -> Iterator[Finding]:
    multiples = step.multiples()
    shown = ", ".join(
        f"{round(m, 4) + 0.0:.4f} {name}" for m, name in zip(multiples, NAMES, strict=True)
    )
    expected = f"{STRENGTH} times itself in the gradient of both matrices, 0 in that of the others"
    matrices = [multiples[i] for i in MATRICES]
    others = {NAMES[i]: multiples[i] for i in range(len(NAMES)) if i not in MATRICES}
    outside = max(float(np.abs(each).mean()) for each in step.beside)
    if outside > 0.002:
        yield wrong(
            "weights shrink after Adam's step, beside it",
            "L2 in the loss: its gradient goes through Adam",
            f"a further {outside:.3g} times the rate",
            "The decay is that of AdamW, or by hand: Adam does not divide it as it does a "
            "gradient.",
        )
    elif _all_near(multiples, 3 * STRENGTH):
        yield still_there(
            f"a step takes {np.mean(matrices):.3f} times itself from the weights, where "
            f"{STRENGTH} is asked for, and {np.mean(list(others.values())):.3f} times itself from "
            "biases, scales and shifts, where nothing is"
        )
    elif any(abs(m) > 1e-3 for m in others.values()):
        names = [name for name, m in others.items() if abs(m) > 1e-3]
        yield wrong(
            f"other parameters shrink, too: {' and '.join(names)}",
            expected,
            shown,
            "Batch norm's scales are called weight as well: a name does not tell which parameters "
            "are matrices."
            if names == ["batch norm's scales"]
            else "The penalty or the weight_decay goes over all parameters.",
        )
    elif not _all_near(matrices, STRENGTH) or _uneven(step):
        yield wrong("L2 has another strength", expected, shown, _cause(step, matrices))
    else:
        yield done(
            f"the penalty adds {matrices[0]:.4f} and {matrices[1]:.4f} times itself to the "
            "gradient of the two matrices, and nothing to the others"
        )


def _all_near(found: list[float], right: float) -> bool:
    return all(abs(each - right) < 5e-4 for each in found)


def _uneven(step: Step) -> bool:
    """Whether what is added is not in proportion to the weights."""
    return any(
        np.abs(step.added[i] - step.multiples()[i] * step.values[i]).max() > 5e-4 for i in MATRICES
    )


def _cause(step: Step, matrices: list[float]) -> str:
    if _uneven(step):
        return "It is not in proportion to the weights: that is no sum of squares."
    if max(map(abs, matrices)) < 1e-5:
        return "There is no penalty left, or nothing is differentiated through it."
    if _all_near(matrices, 2 * STRENGTH):
        return "It counts twice: the one-half is missing, or penalty and weight_decay are both in."
    if _all_near(matrices, STRENGTH / 2):
        return "It is halved twice."
    if any(abs(each - STRENGTH) < 5e-4 for each in matrices):
        return "Only one of the two matrices is penalized with it."
    return ""


def _array(tensor: Any) -> np.ndarray:
    return np.array(tensor.detach().numpy(), np.float64)
