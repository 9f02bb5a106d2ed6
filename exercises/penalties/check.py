"""Holds a learner's L1, L2 and elastic net against `scratch/penalties.py`."""

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np

from scratch import penalties as panel
from triptych.exercises.findings import Finding
from triptych.exercises.functions import Case, Mistake, Task, check_functions

__all__ = ["check"]

AGAINST = "scratch/penalties.py"
SHAPES = [(6, 4), (5,), (3, 3, 2, 4), (1, 1)]
STRENGTHS = (0.3, 2.0, 0.0)
STEP_SIZES = (0.25, 1.0, 3.0)
MIXTURES = ((0.3, 0.25), (2.0, 0.6), (1.5, 0.0), (1.5, 1.0), (0.0, 0.5))  # alpha, l1_ratio


def check(
    module: ModuleType,
    framework: str,
    progress: Callable[[str], None],
    seed: int = 0,
    only: str | None = None,
) -> Iterator[Finding]:
    """At least one finding for each TODO, or for one. ``framework`` is "scratch"."""
    yield from check_functions(module, tasks(seed), progress, only)


def tasks(seed: int) -> list[Task]:
    weights = list(_weights(np.random.default_rng(seed)))
    plain = [
        {"w": w, "strength": STRENGTHS[i % len(STRENGTHS)]} for i, w in enumerate([*weights] * 2)
    ]
    mixed = [
        {"w": w, "alpha": alpha, "l1_ratio": l1_ratio}
        for i, w in enumerate([*weights] * 2)
        for alpha, l1_ratio in [MIXTURES[i % len(MIXTURES)]]
    ]
    steps = [{"step_size": STEP_SIZES[i // 2 % len(STEP_SIZES)]} for i in range(len(plain))]
    l1_steps, mixed_steps = (
        [Case(each | step) for each, step in zip(given, steps, strict=True)]
        for given in (plain, mixed)
    )
    at_the_threshold = np.array([-0.5, 0.5, 0.75, 0.0, -2.0])
    l1_steps.append(Case({"w": at_the_threshold, "strength": 1.0, "step_size": 0.5}))
    both = ("penalty", "gradient")
    return [
        Task("l1", _l1, [*map(Case, plain)], both, AGAINST, L1_MISTAKES),
        Task("l2", _l2, [*map(Case, plain)], both, AGAINST, L2_MISTAKES),
        Task("elastic_net", _elastic_net, [*map(Case, mixed)], both, AGAINST, NET_MISTAKES),
        Task("l1_proximal", panel.l1_proximal, l1_steps, ("u",), AGAINST, L1_PROXIMAL_MISTAKES),
        Task(
            "elastic_net_proximal",
            panel.elastic_net_proximal,
            mixed_steps,
            ("u",),
            AGAINST,
            NET_PROXIMAL_MISTAKES,
        ),
    ]


def _weights(rng: np.random.Generator) -> Iterator[Any]:
    for shape in SHAPES:
        for dtype in ("float64", "float32"):
            w = rng.normal(0, 1.5, shape).astype(dtype)
            if w.size > 1:
                w.flat[:2] = 0.0, -abs(w.flat[1])  # the corner, and a weight below it
            yield w
    yield np.zeros((2, 3))


def _l1(w: Any, strength: float) -> tuple[Any, Any]:
    return panel.l1_penalty(w, strength), panel.l1_gradient(w, strength)


def _l2(w: Any, strength: float) -> tuple[Any, Any]:
    return panel.l2_penalty(w, strength), panel.l2_gradient(w, strength)


def _elastic_net(w: Any, alpha: float, l1_ratio: float) -> tuple[Any, Any]:
    given = w, alpha, l1_ratio
    return panel.elastic_net_penalty(*given), panel.elastic_net_gradient(*given)


def _both(a: Callable[..., Any], b: Callable[..., Any]) -> Callable[..., tuple[Any, Any]]:
    """Of one penalty with its gradient, by whatever the two are computed from."""
    return lambda *given: (a(*given), b(*given))


def _sum(w: Any) -> Any:
    return np.abs(w).sum()


def _squares(w: Any) -> Any:
    return (w**2).sum()


L1_MISTAKES = [
    Mistake(
        "The penalty is a mean over the weights; it is a sum.",
        _both(lambda w, c: c * np.abs(w).mean(), panel.l1_gradient),
    ),
    Mistake(
        "The absolute value is missing: weights below and above 0 cancel.",
        _both(lambda w, c: c * w.sum(), panel.l1_gradient),
    ),
    Mistake(
        "The penalty has the one-half of L2.",
        _both(lambda w, c: c / 2 * _sum(w), panel.l1_gradient),
    ),
    Mistake(
        "The penalty has squares in it, those of L2.", _both(panel.l2_penalty, panel.l1_gradient)
    ),
    Mistake(
        "The penalty has squares in it, those of L2, without its one-half.",
        _both(lambda w, c: c * _squares(w), panel.l1_gradient),
    ),
    Mistake(
        "The strength is forgotten in the penalty.", _both(lambda w, c: _sum(w), panel.l1_gradient)
    ),
    Mistake(
        "The gradient at w = 0 is strength; sign(0) is 0.",
        _both(panel.l1_penalty, lambda w, c: c * (2 * (w >= 0).astype(w.dtype) - 1)),
    ),
    Mistake(
        "The gradient at w = 0 is -strength; sign(0) is 0.",
        _both(panel.l1_penalty, lambda w, c: c * (2 * (w > 0).astype(w.dtype) - 1)),
    ),
    Mistake(
        "The sign is w / abs(w), which is 0 / 0 where w is 0.",
        _both(panel.l1_penalty, lambda w, c: c * (w / np.abs(w))),
    ),
    Mistake("The gradient is that of L2.", _both(panel.l1_penalty, panel.l2_gradient)),
    Mistake(
        "The gradient has abs(w) where sign(w) should be.",
        _both(panel.l1_penalty, lambda w, c: c * np.abs(w)),
    ),
    Mistake(
        "The gradient is strength everywhere: below 0 the penalty falls when w grows.",
        _both(panel.l1_penalty, lambda w, c: np.full_like(w, c)),
    ),
    Mistake(
        "The gradient has the other sign; it points away from 0.",
        _both(panel.l1_penalty, lambda w, c: -c * np.sign(w)),
    ),
    Mistake(
        "The strength is forgotten in the gradient.",
        _both(panel.l1_penalty, lambda w, c: np.sign(w)),
    ),
    Mistake(
        "The gradient is divided by the number of weights.",
        _both(panel.l1_penalty, lambda w, c: c * np.sign(w) / w.size),
    ),
]

L2_MISTAKES = [
    Mistake(
        "The penalty lacks the one-half.",
        _both(lambda w, c: c * _squares(w), panel.l2_gradient),
    ),
    Mistake(
        "The penalty is a mean over the weights; it is a sum.",
        _both(lambda w, c: c / 2 * (w**2).mean(), panel.l2_gradient),
    ),
    Mistake(
        "The penalty is a mean over the weights, and lacks the one-half; it is a sum.",
        _both(lambda w, c: c * (w**2).mean(), panel.l2_gradient),
    ),
    Mistake(
        "The penalty has the norm itself, the root of the sum; L2 has the sum of the squares.",
        _both(lambda w, c: c * np.sqrt(_squares(w)), panel.l2_gradient),
    ),
    Mistake(
        "The penalty has the norm itself, the root of the sum; L2 has the sum of the squares.",
        _both(lambda w, c: c / 2 * np.sqrt(_squares(w)), panel.l2_gradient),
    ),
    Mistake(
        "The penalty squares the sum; it is the sum of the squares.",
        _both(lambda w, c: c / 2 * w.sum() ** 2, panel.l2_gradient),
    ),
    Mistake(
        "The strength is squared with the weights.",
        _both(lambda w, c: ((c * w) ** 2).sum() / 2, panel.l2_gradient),
    ),
    Mistake("The penalty is that of L1.", _both(panel.l1_penalty, panel.l2_gradient)),
    Mistake(
        "The strength is forgotten in the penalty.",
        _both(lambda w, c: _squares(w) / 2, panel.l2_gradient),
    ),
    Mistake(
        "The gradient has a factor 2: that of a penalty without the one-half.",
        _both(panel.l2_penalty, lambda w, c: 2 * c * w),
    ),
    Mistake(
        "The gradient has the one-half, which the 2 of the derivative takes away.",
        _both(panel.l2_penalty, lambda w, c: c / 2 * w),
    ),
    Mistake("The gradient is that of L1.", _both(panel.l2_penalty, panel.l1_gradient)),
    Mistake(
        "The gradient has the other sign; it points away from 0.",
        _both(panel.l2_penalty, lambda w, c: -c * w),
    ),
    Mistake(
        "The strength is forgotten in the gradient.", _both(panel.l2_penalty, lambda w, c: w * 1)
    ),
    Mistake(
        "The gradient is divided by the number of weights.",
        _both(panel.l2_penalty, lambda w, c: c * w / w.size),
    ),
]


def _wrong_net(
    *,
    swapped: bool = False,
    share: bool = True,
    of_rest: bool = True,
    alpha_once: bool = False,
    half: float = 0.5,
    half_of_l1: bool = False,
    mean: bool = False,
    sign: Callable[[Any], Any] = np.sign,
    slope: float = 1.0,
) -> Callable[..., Any]:
    """Elastic net with one thing changed."""

    def net(w: Any, alpha: float, l1_ratio: float) -> tuple[Any, Any]:
        ratio = 1 - l1_ratio if swapped else l1_ratio
        a = alpha * (ratio if share else 1)
        b = (1 if alpha_once else alpha) * (1 - ratio if share and of_rest else 1)
        total = np.mean if mean else np.sum
        penalty = a * total(np.abs(w)) * (0.5 if half_of_l1 else 1) + b * half * total(w**2)
        return penalty, a * sign(w) + b * slope * w

    return net


NET_MISTAKES = [
    Mistake("l1_ratio is the share of L1; here it is that of L2.", _wrong_net(swapped=True)),
    Mistake("l1_ratio is not used: both parts have the whole of alpha.", _wrong_net(share=False)),
    Mistake(
        "The L2 part has the whole of alpha; 1 - l1_ratio of it is left.", _wrong_net(of_rest=False)
    ),
    Mistake("alpha is forgotten in the L2 part.", _wrong_net(alpha_once=True)),
    Mistake("The L2 part of the penalty lacks its one-half.", _wrong_net(half=1)),
    Mistake("The L1 part has the one-half too; only L2 has it.", _wrong_net(half_of_l1=True)),
    Mistake("The penalty is a mean over the weights; it is a sum.", _wrong_net(mean=True)),
    Mistake("The L2 part of the gradient has a factor 2.", _wrong_net(slope=2)),
    Mistake("The L2 part of the gradient has a one-half.", _wrong_net(slope=0.5)),
    Mistake("The L2 part of the gradient is missing.", _wrong_net(slope=0)),
    Mistake("The L1 part of the gradient is missing.", _wrong_net(sign=lambda w: 0)),
    Mistake(
        "The L1 part of the gradient has abs(w) where sign(w) should be.", _wrong_net(sign=np.abs)
    ),
    Mistake(
        "The gradient of the L1 part is not 0 at w = 0; sign(0) is 0.",
        _wrong_net(sign=lambda w: 2 * (w >= 0).astype(w.dtype) - 1),
    ),
    Mistake(
        "The gradient of the L1 part is not 0 at w = 0; sign(0) is 0.",
        _wrong_net(sign=lambda w: 2 * (w > 0).astype(w.dtype) - 1),
    ),
    Mistake(
        "The sign is w / abs(w), which is 0 / 0 where w is 0.",
        _wrong_net(sign=lambda w: w / np.abs(w)),
    ),
]


def _soft(w: Any, t: float) -> Any:
    return np.sign(w) * np.maximum(np.abs(w) - t, 0)


L1_PROXIMAL_MISTAKES = [
    Mistake(
        "The threshold is the strength alone; it is step_size times the strength.",
        lambda w, strength, step_size: _soft(w, strength),
    ),
    Mistake(
        "The threshold is step_size alone; it is step_size times the strength.",
        lambda w, strength, step_size: _soft(w, step_size),
    ),
    Mistake(
        "The strength is divided by step_size; the threshold is their product.",
        lambda w, strength, step_size: _soft(w, strength / step_size),
    ),
    Mistake(
        "The threshold is half as large as it should be: L1 has no one-half.",
        lambda w, strength, step_size: _soft(w, strength * step_size / 2),
    ),
    Mistake(
        "Nothing stops at 0: weights closer to it than the threshold come out on the other side. "
        "This is the gradient step, not the proximal one.",
        lambda w, strength, step_size: w - step_size * strength * np.sign(w),
    ),
    Mistake(
        "This is the hard threshold: weights beyond it do not move; they should move by it.",
        lambda w, strength, step_size: w * (np.abs(w) > step_size * strength),
    ),
    Mistake(
        "The sign is lost: weights below 0 come out above it.",
        lambda w, strength, step_size: np.maximum(np.abs(w) - step_size * strength, 0),
    ),
    Mistake(
        "Weights below 0 all become 0; they should move upwards, as far as 0.",
        lambda w, strength, step_size: np.maximum(w - step_size * strength, 0),
    ),
    Mistake(
        "Weights are cut off at the threshold; that part is what should be taken away.",
        lambda w, strength, step_size: np.clip(w, -step_size * strength, step_size * strength),
    ),
    Mistake(
        "Weights move away from 0, not towards it.",
        lambda w, strength, step_size: np.sign(w) * (np.abs(w) + step_size * strength),
    ),
    Mistake(
        "This is the proximal step of L2.",
        lambda w, strength, step_size: w / (1 + step_size * strength),
    ),
]


def _wrong_net_step(
    *,
    order: str = "12",
    swapped: bool = False,
    share: bool = True,
    step: bool = True,
    two: float = 1.0,
    gradient: bool = False,
    times: bool = False,
    soft: Callable[..., Any] = _soft,
) -> Callable[..., Any]:
    """``order``: which of the two parts come, and when."""

    def proximal(w: Any, alpha: float, l1_ratio: float, step_size: float) -> Any:
        ratio = 1 - l1_ratio if swapped else l1_ratio
        a, b = (alpha * ratio, alpha * (1 - ratio)) if share else (alpha, alpha)
        shrunk = 1 + two * (step_size if step else 1) * b
        factor = 1 - step_size * b if gradient else shrunk if times else 1 / shrunk
        for part in order:
            w = w * factor if part == "2" else soft(w, (step_size if step else 1) * a)
        return w

    return proximal


NET_PROXIMAL_MISTAKES = [
    Mistake(
        "The two steps are in the other order; L1 comes first, and its result is shrunk.",
        _wrong_net_step(order="21"),
    ),
    Mistake("The step of the L2 part is missing.", _wrong_net_step(order="1")),
    Mistake("The step of the L1 part is missing.", _wrong_net_step(order="2")),
    Mistake("l1_ratio is the share of L1; here it is that of L2.", _wrong_net_step(swapped=True)),
    Mistake(
        "l1_ratio is not used: both parts have the whole of alpha.", _wrong_net_step(share=False)
    ),
    Mistake("step_size is forgotten.", _wrong_net_step(step=False)),
    Mistake("The L2 part has a 2, that of a penalty without the one-half.", _wrong_net_step(two=2)),
    Mistake(
        "The L2 part has the one-half of the penalty, which its derivative has not.",
        _wrong_net_step(two=0.5),
    ),
    Mistake(
        "The L2 part is a gradient step, w * (1 - s * strength); the proximal step divides by "
        "1 + s * strength.",
        _wrong_net_step(gradient=True),
    ),
    Mistake("The L2 part multiplies; it divides.", _wrong_net_step(times=True)),
    Mistake(
        "Nothing stops at 0: weights closer to it than the threshold come out on the other side.",
        _wrong_net_step(soft=lambda w, t: w - t * np.sign(w)),
    ),
    Mistake(
        "The L1 part is the hard threshold: weights beyond it do not move; they should move by it.",
        _wrong_net_step(soft=lambda w, t: w * (np.abs(w) > t)),
    ),
    Mistake(
        "The sign is lost: weights below 0 come out above it.",
        _wrong_net_step(soft=lambda w, t: np.maximum(np.abs(w) - t, 0)),
    ),
]
