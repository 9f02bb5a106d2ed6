"""Holds a learner's batch norm against `scratch/batch_norm.py`."""

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np

from scratch import batch_norm as panel
from triptych.exercises.findings import Finding
from triptych.exercises.functions import Case, Mistake, Task, check_functions

__all__ = ["check"]

AGAINST = "scratch/batch_norm.py"


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
    rng = np.random.default_rng(seed)
    train, inference, backward = [], [], []
    for shape in [(6, 4), (2, 1), (33, 3)]:
        for dtype in ("float64", "float32"):
            x, grad = (rng.normal(1.5, 2, shape).astype(dtype) for _ in range(2))
            gamma, beta, mean = (rng.normal(size=shape[1]).astype(dtype) for _ in range(3))
            variance = rng.uniform(0.5, 2, shape[1]).astype(dtype)
            given = {"x": x, "gamma": gamma, "beta": beta}
            running = {"running_mean": mean, "running_variance": variance}
            train += [
                Case(given | running, {"momentum": momentum, "epsilon": epsilon})
                for momentum, epsilon in ((0.9, 1e-5), (0.5, 0.1))
            ]
            inference.append(Case(given | running, {"epsilon": 0.1}))
            backward.append(Case({"grad": grad, "x": x, "gamma": gamma}, {"epsilon": 0.1}))
    return [
        Task(
            "batch_norm_train",
            _train,
            train,
            ("y", "running_mean", "running_variance"),
            AGAINST,
            TRAIN_MISTAKES,
        ),
        Task(
            "batch_norm_inference",
            panel.batch_norm_inference,
            inference,
            ("y",),
            AGAINST,
            INFERENCE_MISTAKES,
        ),
        Task(
            "batch_norm_backward",
            _backward,
            backward,
            ("dx", "dgamma", "dbeta"),
            AGAINST,
            BACKWARD_MISTAKES,
        ),
    ]


def _train(
    x: Any,
    gamma: Any,
    beta: Any,
    running_mean: Any,
    running_variance: Any,
    *,
    momentum: float,
    epsilon: float,
) -> tuple[Any, Any, Any]:
    y, mean, variance = panel.batch_norm_train(x, gamma, beta, epsilon=epsilon)
    return (
        y,
        panel.update_running(running_mean, mean, momentum=momentum),
        panel.update_running(running_variance, variance, momentum=momentum),
    )


def _backward(grad: Any, x: Any, gamma: Any, *, epsilon: float) -> tuple[Any, Any, Any]:
    mean, variance = x.mean(axis=0), x.var(axis=0)
    return panel.batch_norm_backward(grad, x, gamma, mean, variance, epsilon=epsilon)


def _wrong_train(
    *,
    axis: int | None = 0,
    ddof: int = 0,
    swapped: bool = False,
    outside: bool = False,
    running: bool = False,
    forgotten: str = "",
) -> Callable[..., Any]:
    """Training with one thing changed."""

    def train(
        x: Any,
        gamma: Any,
        beta: Any,
        running_mean: Any,
        running_variance: Any,
        *,
        momentum: float,
        epsilon: float,
    ) -> tuple[Any, Any, Any]:
        mean, variance = x.mean(axis=axis, keepdims=axis == 1), x.var(axis, ddof=ddof)
        variance = variance[:, None] if axis == 1 else variance
        weight = 1 - momentum if swapped else momentum
        mu, v = (running_mean, running_variance) if running else (mean, variance)
        deviation = np.sqrt(v) + epsilon if outside else np.sqrt(v + epsilon)
        if forgotten == "root":
            deviation = v + epsilon
        if forgotten == "epsilon":
            deviation = np.sqrt(v)
        y = (0 if forgotten == "mean" else x - mu) / deviation
        y = x / deviation if forgotten == "mean" else y
        y = (y if forgotten == "gamma" else gamma * y) + (0 if forgotten == "beta" else beta)
        if forgotten == "update":
            return y, running_mean, running_variance
        if forgotten == "old":
            return y, mean, variance
        other = np.sqrt(variance) if forgotten == "square" else variance
        return (
            y,
            weight * running_mean + (1 - weight) * mean,
            weight * running_variance + (1 - weight) * other,
        )

    return train


TRAIN_MISTAKES = [
    Mistake(
        "The mean and variance are over the features of a row (axis 1), not over the rows.",
        _wrong_train(axis=1),
    ),
    Mistake("One mean and variance is taken over all of x, all axes.", _wrong_train(axis=None)),
    Mistake(
        "The variance is divided by N - 1 (ddof=1); batch norm divides by N.", _wrong_train(ddof=1)
    ),
    Mistake(
        "The two weights of the running values are swapped: momentum is that of the old value.",
        _wrong_train(swapped=True),
    ),
    Mistake("epsilon is added to the deviation, after the root.", _wrong_train(outside=True)),
    Mistake(
        "x is normalized with the running values, not with the batch.", _wrong_train(running=True)
    ),
    Mistake("The square root is missing.", _wrong_train(forgotten="root")),
    Mistake("epsilon is forgotten.", _wrong_train(forgotten="epsilon")),
    Mistake("The mean is not subtracted.", _wrong_train(forgotten="mean")),
    Mistake("gamma is forgotten.", _wrong_train(forgotten="gamma")),
    Mistake("beta is forgotten.", _wrong_train(forgotten="beta")),
    Mistake("The running values are returned as they were.", _wrong_train(forgotten="update")),
    Mistake(
        "The running values are those of the batch alone: momentum is not used.",
        _wrong_train(forgotten="old"),
    ),
    Mistake("The running variance keeps a deviation.", _wrong_train(forgotten="square")),
]


def _wrong_inference(
    *, batch: bool = False, root: bool = True, scaled: bool = True, outside: bool = False
) -> Callable[..., Any]:
    def inference(
        x: Any, gamma: Any, beta: Any, running_mean: Any, running_variance: Any, *, epsilon: float
    ) -> Any:
        mu, v = (x.mean(axis=0), x.var(axis=0)) if batch else (running_mean, running_variance)
        deviation = np.sqrt(v + epsilon) if root else v + epsilon
        deviation = np.sqrt(v) + epsilon if outside else deviation
        return (gamma if scaled else 1) * (x - mu) / deviation + (beta if scaled else 0)

    return inference


INFERENCE_MISTAKES = [
    Mistake(
        "The batch's own mean and variance are used: an output depends on the other rows.",
        _wrong_inference(batch=True),
    ),
    Mistake("The square root is missing.", _wrong_inference(root=False)),
    Mistake("gamma and beta are forgotten in inference.", _wrong_inference(scaled=False)),
    Mistake("epsilon is added to the deviation, after the root.", _wrong_inference(outside=True)),
]


def _wrong_backward(
    *,
    through_mean: bool = True,
    through_variance: bool = True,
    sums: bool = False,
    scaled: bool = True,
    means: bool = False,
    raw: bool = False,
) -> Callable[..., Any]:
    def backward(grad: Any, x: Any, gamma: Any, *, epsilon: float) -> tuple[Any, Any, Any]:
        inverse = 1 / np.sqrt(x.var(axis=0) + epsilon)
        x_hat = (x - x.mean(axis=0)) * inverse
        reduced = np.sum if sums else np.mean
        dx = grad - (reduced(grad, axis=0) if through_mean else 0)
        dx = dx - (x_hat * reduced(grad * x_hat, axis=0) if through_variance else 0)
        dx = dx * inverse * (gamma if scaled else 1)
        total = np.mean if means else np.sum
        return dx, total(grad * (x if raw else x_hat), axis=0), total(grad, axis=0)

    return backward


BACKWARD_MISTAKES = [
    Mistake(
        "The mean and variance are taken as constants: nothing goes back through them.",
        _wrong_backward(through_mean=False, through_variance=False),
    ),
    Mistake(
        "The term through the mean, mean(dy), is missing.", _wrong_backward(through_mean=False)
    ),
    Mistake(
        "The term through the variance, x_hat * mean(dy * x_hat), is missing.",
        _wrong_backward(through_variance=False),
    ),
    Mistake("Sums stand where dx has means over the batch.", _wrong_backward(sums=True)),
    Mistake("gamma is forgotten in dx.", _wrong_backward(scaled=False)),
    Mistake(
        "dgamma and dbeta are means over the batch; they are sums.", _wrong_backward(means=True)
    ),
    Mistake("dgamma has x in the place of x_hat.", _wrong_backward(raw=True)),
]
