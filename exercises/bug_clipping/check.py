"""How long the steps are, and where they go."""

import copy
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from scratch.gradient_clipping import clip_by_global_norm, global_norm
from triptych.exercises.findings import Finding
from triptych.exercises.scripts import done, judged, still_there, wrong

__all__ = ["check"]

LIMIT, RATE = 1.0, 0.01
Arrays = list[np.ndarray]


def check(
    module: ModuleType,
    framework: str,
    progress: Callable[[str], None],
    seed: int = 0,
    only: str | None = None,
) -> Iterator[Finding]:
    progress("measuring steps")
    yield from judged(module, ("build_model", "train_step"), lambda: _judge(module, seed))


def _judge(module: ModuleType, seed: int) -> Iterator[Finding]:
    rng = np.random.default_rng(seed)
    x = torch.from_numpy(rng.uniform(-1, 1, (10, 2)).astype(np.float32))
    noise = torch.from_numpy(rng.normal(1, 0.2, (10, 1)).astype(np.float32))
    model = module.build_model(seed)
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)

    def step(size: float) -> tuple[Arrays, Arrays, float, float]:
        """The gradient, minus the step by the rate, and the loss: as it is, and as returned."""
        with torch.no_grad():
            y = model(x) + size * noise
        before, other = _arrays(model.parameters()), copy.deepcopy(model)
        loss = functional.mse_loss(other(x), y)
        other.zero_grad()  # a copy has the gradients, too
        loss.backward()
        gradient = _arrays(p.grad for p in other.parameters())
        returned = float(module.train_step(model, optimizer, x, y))
        after = _arrays(model.parameters())
        moved = [(a - b) / RATE for a, b in zip(before, after, strict=True)]
        return gradient, moved, loss.item(), returned

    gradient, moved, loss, returned = step(1000.0)
    kept = [p.grad for p in model.parameters()]
    left = _norm(_arrays(kept)) if all(each is not None for each in kept) else 0.0
    fault = _of_large(gradient, moved, left)
    if fault is None:
        fault = _of_small(*step(-0.05)[:2])
    if fault is None and abs(returned - loss) > 1e-3 * loss:
        fault = wrong("train_step returns another loss", f"{loss:.4g}", f"{returned:.4g}")
    yield fault or done(
        f"a gradient of norm {_norm(gradient):.3g} makes a step of {_norm(moved):.4f} times the "
        "rate in its direction, and a small one is left as it is"
    )


def _of_large(gradient: Arrays, moved: Arrays, left: float) -> Finding | None:
    right, _ = clip_by_global_norm(gradient, LIMIT)
    large, norm = _norm(gradient), _norm(moved)
    norms = [_norm([each]) for each in moved]
    expected = f"a step of norm {LIMIT:g} times the rate, for a gradient of norm {large:.3g}"
    shown = f"norm {norm:.4g}: of the arrays {', '.join(f'{each:.3g}' for each in norms)}"
    # A step is read off float32 weights, divided by the rate: some 1e-5. Faults are of 1e-2 and up.
    if all(np.allclose(a, b, atol=1e-3) for a, b in zip(moved, right, strict=True)):
        return None
    elements = np.concatenate([each.ravel() for each in moved])
    if np.allclose(elements, np.clip(np.concatenate([g.ravel() for g in gradient]), -1, 1), 0, 0.1):
        return wrong(
            "single elements are cut, not the norm",
            expected,
            shown,
            "The gradient is clipped by value, which turns it to another direction.",
        )
    # Not clipped is thousands of times as large as clipped: a tenth tells which.
    rest = [a for a, g in zip(moved, gradient, strict=True) if np.allclose(a, g, rtol=0.1)]
    if 0 < len(rest) < len(moved):
        return wrong(
            "a part of the gradients is not clipped",
            expected,
            shown,
            f"{len(rest)} of {len(moved)} parameters are left out.",
        )
    if max(norms) < 1.01 * LIMIT < norm:
        return wrong(
            "each array is clipped by itself",
            expected,
            shown,
            "The norm is that of one array; it is to be that of all together.",
        )
    if norm > 0.9 * large and left < 1.01 * LIMIT:
        return still_there(
            f"a gradient of norm {large:.3g} makes a step of {norm:.3g} times the rate, where "
            f"{LIMIT:g} is allowed; after it the gradients have norm {left:.3g}"
        )
    if norm > 0.9 * large:
        return wrong(
            "nothing is clipped",
            expected,
            f"{shown}; after the step the gradients have norm {left:.3g}",
            "They are clipped before backward has filled them, or not at all.",
        )
    if norm < 1e-3:
        return wrong(
            "there is no step",
            expected,
            shown,
            "The gradient is gone before the step: it was set to zero, or the loss was cut, which "
            "makes its derivative 0.",
        )
    if abs(norm - LIMIT) > 0.01 * LIMIT and _cosine(moved, right) > 0.999:
        return wrong("a large gradient is cut to another norm", expected, shown)
    return wrong("the step goes in another direction", expected, shown)


def _of_small(gradient: Arrays, moved: Arrays) -> Finding | None:
    """The second step of the model."""
    # As above: read off float32 weights.
    if all(np.allclose(a, b, atol=1e-3) for a, b in zip(moved, gradient, strict=True)):
        return None
    small, norm, along = _norm(gradient), _norm(moved), _cosine(moved, gradient)
    return wrong(
        "a small gradient is not left as it is",
        f"a step of norm {small:.3g} times the rate, as long as the gradient",
        f"norm {norm:.3g}",
        "The gradient is always divided by its norm."
        if along > 0.99
        else "The gradients of the step before are still in: they add up.",
    )


def _norm(arrays: Arrays) -> float:
    return float(global_norm(arrays))


def _cosine(a: Arrays, b: Arrays) -> float:
    inner = sum(float((x * y).sum()) for x, y in zip(a, b, strict=True))
    return inner / max(_norm(a) * _norm(b), 1e-12)


def _arrays(tensors: Any) -> Arrays:
    return [np.array(each.detach().numpy(), np.float64) for each in tensors]
