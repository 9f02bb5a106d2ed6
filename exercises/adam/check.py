"""Holds a learner's Adam and AdamW against `scratch/optimizers.py`."""

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np

from scratch.optimizers import adam_step
from triptych.exercises.findings import Finding
from triptych.exercises.functions import Case, Mistake, Task, check_functions

__all__ = ["check"]

AGAINST = "scratch/optimizers.py"
RESULTS = ("w", "m", "v")


def check(
    module: ModuleType,
    framework: str,
    progress: Callable[[str], None],
    seed: int = 0,
    only: str | None = None,
) -> Iterator[Finding]:
    """At least one finding for each TODO, or for one. ``framework`` is "scratch"."""
    correction, *steps = tasks(seed)
    yield from check_functions(module, [correction], progress, only)
    if hasattr(module, correction.key):  # what is wrong about it is not said of the steps too
        setattr(module, correction.key, correction.oracle)
    yield from check_functions(module, steps, progress, only)


def tasks(seed: int) -> list[Task]:
    rng = np.random.default_rng(seed)
    corrections, steps = [], []
    for dtype in ("float64", "float32"):
        one = np.array([1.0], dtype)
        corrections += [
            Case({"moment": array, "beta": beta, "step": step})
            for array in (3 * one, 0 * one, rng.normal(size=(4, 3)).astype(dtype))
            for beta, step in ((0.5, 1), (0.5, 2), (0.9, 3), (0.999, 1), (0.0, 1), (0.9, 1000))
        ]
        steps += [
            _case(one, 2 * one, 0 * one, 0 * one, 1, decay=0.0),
            _case(one, 2 * one, 0 * one, 0 * one, 1),
            _case(one, 0 * one, 0 * one, 0 * one, 1),  # no gradient: all is the decay's
            _case(0 * one, 2 * one, one, one, 3),  # no weight: nothing to decay
        ]
        for shape in [(4, 3), (5,), (1, 2, 3)]:
            w, grad, m = (rng.normal(size=shape).astype(dtype) for _ in range(3))
            v = rng.uniform(0, 2, shape).astype(dtype)
            steps += [
                _case(w, grad, 0 * m, 0 * v, 1),
                _case(w, grad, m, v, 2),
                _case(w, grad, m, v, 7, learning_rate=0.1, betas=(0.5, 0.9), epsilon=1.0),
                _case(w, grad, m, v, 1000, betas=(0.9, 0.999), epsilon=1e-8, decay=0.01),
                _case(w, grad, m, v, 3, betas=(0.0, 0.5), decay=1.0),
            ]
    return [
        Task(
            "bias_corrected",
            lambda moment, beta, step: moment / (1 - beta**step),
            corrections,
            ("corrected",),
            "the equation",
            CORRECTION_MISTAKES,
        ),
        Task("adam_step", _oracle(coupled=True), steps, RESULTS, AGAINST, ADAM_MISTAKES),
        Task("adamw_step", _oracle(coupled=False), steps, RESULTS, AGAINST, ADAMW_MISTAKES),
    ]


def _case(w: Any, grad: Any, m: Any, v: Any, step: int, **options: Any) -> Case:
    """Large rates and decays, so that all that is wrong can be seen."""
    usual = {"learning_rate": 0.5, "betas": (0.8, 0.9), "epsilon": 0.1, "decay": 0.5}
    return Case({"w": w, "grad": grad, "m": m, "v": v, "step": step}, usual | options)


def _oracle(*, coupled: bool) -> Callable[..., Any]:
    def step_of(
        w: Any, grad: Any, m: Any, v: Any, step: int, *, betas: Any, decay: float, **options: Any
    ) -> Any:
        options |= {"beta_1": betas[0], "beta_2": betas[1], "weight_decay": decay}
        return adam_step(w, grad, m, v, step, **options, coupled_weight_decay=coupled)

    return step_of


CORRECTION_MISTAKES = [
    Mistake(
        "The division is by 1 - beta, as at step 1; beta has the power step.",
        lambda moment, beta, step: moment / (1 - beta),
    ),
    Mistake(
        "beta is multiplied by step; it has the power step.",
        lambda moment, beta, step: moment / (1 - beta * step),
    ),
    Mistake(
        "The whole of 1 - beta has the power step; only beta has it.",
        lambda moment, beta, step: moment / (1 - beta) ** step,
    ),
    Mistake(
        "The power is one too small: at step 1 that divides by 0.",
        lambda moment, beta, step: moment / (1 - beta ** (step - 1)),
    ),
    Mistake(
        "The power is one too large: step counts from 1, so it is the power itself.",
        lambda moment, beta, step: moment / (1 - beta ** (step + 1)),
    ),
    Mistake(
        "It is multiplied where it should be divided: the moment becomes even smaller.",
        lambda moment, beta, step: moment * (1 - beta**step),
    ),
    Mistake(
        "The division is by beta^step; it is by 1 - beta^step.",
        lambda moment, beta, step: moment / beta**step,
    ),
    Mistake(
        "The square root of the correction is taken; it has none.",
        lambda moment, beta, step: moment / (1 - beta**step) ** 0.5,
    ),
    Mistake("Nothing is corrected.", lambda moment, beta, step: moment),
]


def _wrong(
    decay_as: str,
    *,
    first: Callable[[float, int], float] = lambda beta, step: 1 - beta**step,
    second: Callable[[float, int], float] = lambda beta, step: 1 - beta**step,
    swapped: bool = False,
    other_way_round: bool = False,
    square: bool = True,
    root: Callable[[Any, float], Any] = lambda v_hat, epsilon: np.sqrt(v_hat) + epsilon,
    epsilon_hat: bool = False,
    stale: bool = False,
    numerator: str = "m_hat",
    sign: float = 1,
    returned: str = "m, v",
) -> Callable[..., Any]:
    """A step with one thing changed; ``decay_as`` is where the decay goes."""

    def step_of(
        w: Any,
        grad: Any,
        m: Any,
        v: Any,
        step: int,
        *,
        learning_rate: float,
        betas: tuple[float, float],
        epsilon: float,
        decay: float,
    ) -> Any:
        old = (m, v)
        one, two = betas[::-1] if swapped else betas
        strength = {"coupled twice": 2, "coupled half": 0.5, "coupled minus": -1}.get(decay_as, 1)
        penalized = grad + strength * decay * w
        coupled = decay_as.startswith("coupled") and decay_as != "coupled after"
        g = penalized if coupled and decay_as != "coupled in v alone" else grad
        g_of_v = grad if decay_as == "coupled in m alone" else g
        g_of_v = penalized if decay_as == "coupled in v alone" else g_of_v
        new = (1 - one, 1 - two)
        if other_way_round:
            one, two, new = 1 - one, 1 - two, (one, two)
        m, v = one * m + new[0] * g, two * v + new[1] * (g_of_v**2 if square else g_of_v)
        top_of, square_of = old if stale else (m, v)
        m_hat, v_hat = top_of / first(betas[0], step), square_of / second(betas[1], step)
        if epsilon_hat:
            epsilon /= (1 - betas[1] ** step) ** 0.5
        top = {"m_hat": m_hat, "g": g}[numerator]
        if decay_as == "coupled after":  # through the root, but not through the moments
            top = top + decay * w
        shift = learning_rate * top / root(v_hat, epsilon)
        stepped = w - sign * shift
        stepped = {
            "decoupled": stepped - learning_rate * decay * w,
            "without the rate": stepped - decay * w,
            "after": stepped * (1 - learning_rate * decay),
            "grows": stepped + learning_rate * decay * w,
            "multiplied": stepped * decay,
            "squared rate": stepped - learning_rate**2 * decay * w,
        }.get(decay_as, stepped)
        results = {
            "m, v": (m, v),
            "v, m": (v, m),
            "corrected": (m_hat, v_hat),
            "old": old,
        }[returned]
        return (stepped, *results)

    return step_of


def _both(decay_as: str) -> list[Mistake]:
    """Mistakes of the step, whatever the decay."""
    uncorrected = {"first": lambda beta, step: 1.0, "second": lambda beta, step: 1.0}
    constant = {"first": lambda beta, step: 1 - beta, "second": lambda beta, step: 1 - beta}
    late = {
        "first": lambda beta, step: 1 - beta ** (step + 1),
        "second": lambda beta, step: 1 - beta ** (step + 1),
    }
    told: list[tuple[str, dict[str, Any]]] = [
        ("Neither m nor v is corrected for its start at 0.", uncorrected),
        ("m is not corrected for its start at 0.", {"first": uncorrected["first"]}),
        ("v is not corrected for its start at 0.", {"second": uncorrected["second"]}),
        ("The corrections divide by 1 - beta; beta has the power step.", constant),
        ("The power in the corrections is step + 1; step counts from 1 already.", late),
        ("The two betas are swapped: the first is that of m.", {"swapped": True}),
        (
            "The weights of old and new are swapped: beta is that of the old moment.",
            {"other_way_round": True},
        ),
        ("v has the gradient in the place of its square.", {"square": False}),
        (
            "epsilon stands under the root; it is added after the root.",
            {"root": lambda v_hat, epsilon: np.sqrt(v_hat + epsilon)},
        ),
        ("The square root of v_hat is missing.", {"root": lambda v_hat, epsilon: v_hat + epsilon}),
        (
            "epsilon is added to sqrt(v) before the correction, as in Keras; it is added to "
            "sqrt(v_hat).",
            {"epsilon_hat": True},
        ),
        (
            "The corrections are of the old m and v; they are of the new ones.",
            {"stale": True},
        ),
        ("epsilon is forgotten.", {"root": lambda v_hat, epsilon: np.sqrt(v_hat)}),
        ("The step has the gradient itself in the place of m_hat.", {"numerator": "g"}),
        ("The step goes up: it is subtracted from w.", {"sign": -1}),
        (
            "m_hat and v_hat are returned; the next step needs m and v as they are, uncorrected.",
            {"returned": "corrected"},
        ),
        ("v and m are returned in the wrong order.", {"returned": "v, m"}),
        ("m and v are returned as they were before the step.", {"returned": "old"}),
    ]
    return [Mistake(cause, _wrong(decay_as, **options)) for cause, options in told]


NONE = Mistake("The decay is forgotten.", _wrong("nowhere"))

ADAM_MISTAKES = [
    Mistake(
        "The decay stands beside the step, as in AdamW; here it is part of the gradient, and goes "
        "through m and v.",
        _wrong("decoupled"),
    ),
    NONE,
    Mistake(
        "The decay is added to m_hat, after the moments; it is part of the gradient in them.",
        _wrong("coupled after"),
    ),
    Mistake("The decay is in m and not in v: both have g.", _wrong("coupled in m alone")),
    Mistake("The decay is in v and not in m: both have g.", _wrong("coupled in v alone")),
    Mistake("The decay enters the gradient as 2 * decay * w.", _wrong("coupled twice")),
    Mistake("The decay enters the gradient as decay / 2 * w.", _wrong("coupled half")),
    Mistake("The decay is subtracted from the gradient; it is added.", _wrong("coupled minus")),
    *_both("coupled"),
]
ADAMW_MISTAKES = [
    Mistake(
        "The decay is added to the gradient, as in Adam with L2; here it enters neither m nor v.",
        _wrong("coupled"),
    ),
    NONE,
    Mistake("The decay lacks the learning rate.", _wrong("without the rate")),
    Mistake("The decay has the learning rate twice.", _wrong("squared rate")),
    Mistake("The decay is of the w after the step; it is of the w from before.", _wrong("after")),
    Mistake("The decay is added to w, so that the weights grow.", _wrong("grows")),
    Mistake(
        "w is multiplied by decay; it is multiplied by 1 - learning_rate * decay.",
        _wrong("multiplied"),
    ),
    Mistake(
        "The decay is divided by the root with the rest; it stands beside the step.",
        _wrong("coupled after"),
    ),
    *_both("decoupled"),
]
