"""A learner's gradients against finite differences of the forward pass, with the same masks.

In NumPy those of ``backward``, in PyTorch and Keras those that the framework computes: what is
detached on the way is missing in them.
"""

import copy
import gc
import random
from collections.abc import Callable
from typing import Any

import numpy as np

from triptych.exercises.findings import WRONG, Finding, InterfaceError

from .batch_norm import betas_of
from .networks import Network
from .probe import Noise, Roles

__all__ = ["gradient_fault"]


def gradient_fault(
    build: Callable[[], Network], done: set[str], roles: Roles, noise: Noise, framework: str
) -> Finding | None:
    """What is wrong with the gradients in training; ``done`` tells whether the other two act."""
    if not done & {"dropout", "batch norm"}:
        return None
    network = build()
    rng = np.random.default_rng(5)
    x = rng.normal(size=(12, 2)).astype(np.float32)
    y = (rng.random(12) > 0.5).astype(float)
    start = network.parameters()
    zeros = [name for name in roles.vectors if not start[name].any()]
    for name, value in start.items():
        # gamma: at 1, a factor of gamma that is missing would not show
        low = 0.5 if name in roles.vectors else -1.5
        if name not in zeros:
            value[...] = rng.uniform(low, 1.5, size=value.shape)
    network.assign(start)
    measure = _of_backward if framework == "scratch" else _of_the_framework
    found = measure(network, roles, x, y, rng)
    if isinstance(found, Finding) or not found[0]:
        return found if isinstance(found, Finding) else None
    gaps, sizes = found
    betas = set(zeros) & set(betas_of(build(), roles, noise)) if "batch norm" in done else set()
    by_dropout = "dropout" in done and (
        "batch norm" not in done or bool({roles.output, *betas} & set(gaps))
    )
    return _explained(network, gaps, sizes, roles, framework, by_dropout=by_dropout)


def _of_the_framework(
    network: Network, roles: Roles, x: np.ndarray, y: np.ndarray, rng: np.random.Generator
) -> tuple[dict[str, float], dict[str, float]]:
    """Where the derivatives along some directions differ: by how much, and how large they are."""
    start, step, relative = network.parameters(), 3e-3, 3e-2
    with _Replay(network) as replay:

        def loss(**moved: np.ndarray) -> float:
            network.assign({**start, **moved})
            replay.rewind()
            return _cross_entropy(network.logits(x, training=True), y)

        if loss() != loss():
            raise InterfaceError(
                "the check cannot replay your masks: draw them with the framework's own random "
                "numbers"
            )
        replay.rewind()
        grads = network.gradients(x, y)
        gaps, sizes = {}, {}
        for name, value in start.items():
            own, size = 0.0, 0.0
            for _ in range(2):
                along = rng.normal(size=value.shape)
                ends = [loss(**{name: value + move * along}) for move in (step, -step)]
                numeric = (ends[0] - ends[1]) / (2 * step)
                found = float((grads[name] * along).sum())
                own = max(own, abs(found - numeric))
                size = max(size, abs(numeric), abs(found))
            sizes[name] = size
            if own > relative * (0.01 + size):
                gaps[name] = own
    network.assign(start)
    return gaps, sizes


def _cross_entropy(logits: np.ndarray, y: np.ndarray) -> float:
    z = logits.astype(float)
    return float(np.mean(np.maximum(z, 0) - z * y + np.log1p(np.exp(-np.abs(z)))))


def _of_backward(
    network: Network, roles: Roles, x: np.ndarray, y: np.ndarray, rng: np.random.Generator
) -> Finding | tuple[dict[str, float], dict[str, float]]:
    """The same of ``backward``, for each number of each parameter."""
    params = network.model.params
    with _Replay(network) as replay:

        def logits(model: Any) -> np.ndarray:
            replay.rewind()
            return np.asarray(model.forward(x, training=True)).reshape(-1)

        duplicate = _duplicate(network.model, logits, roles)
        model = duplicate(network.model)
        probability = 1 / (1 + np.exp(-logits(model)))
        model.backward(((probability - y) / len(y)).reshape(-1, 1))
        grads = {name: np.array(value) for name, value in model.grads.items()}
        if missing := [name for name in params if name not in grads]:
            todo = "batch norm" if missing[0] in roles.vectors else ""
            return Finding(
                todo, WRONG, f"backward leaves no gradient of {missing[0]} in model.grads"
            )
        exact = all(value.dtype == np.float64 for value in params.values())
        step, relative = (1e-5, 1e-3) if exact else (1e-2, 3e-2)
        gaps, sizes = {}, {}
        for name in params:
            numeric = np.empty(params[name].shape)
            for index in np.ndindex(numeric.shape):
                ends = []
                for move in (step, -step):
                    changed = duplicate(network.model)
                    changed.params[name][index] += move
                    ends.append(_cross_entropy(logits(changed), y))
                    changed.params[name][index] -= move
                numeric[index] = (ends[0] - ends[1]) / (2 * step)
            # The penalty may be added in backward: it is no fault of the other two.
            found = grads[name].reshape(numeric.shape)
            own = min(
                np.abs(found - numeric).max(), np.abs(found - 0.01 * params[name] - numeric).max()
            )
            sizes[name] = np.abs(numeric).max()
            if own > relative * (0.01 + sizes[name]):
                gaps[name] = own
    return gaps, sizes


def _explained(
    network: Network,
    gaps: dict[str, float],
    sizes: dict[str, float],
    roles: Roles,
    framework: str,
    *,
    by_dropout: bool,
) -> Finding:
    """Whose fault it is. Only dropout and the activation lie behind beta, only dropout behind the
    output weights; if these are right, it is batch norm's.
    """
    if by_dropout:
        causes = {
            "scratch": "the gradient of the output weights needs the hidden values after dropout"
            if roles.output in gaps
            else "backward multiplies by the mask and the scale of its forward pass, and takes the "
            "slope of the activation where that was computed, before or after the mask",
            "torch": "the hidden values are detached, or multiplied by the mask under no_grad or "
            "in .data: only the mask needs no gradient",
            "keras": "a stop_gradient, or an array of another library, stands where the hidden "
            "values are multiplied by the mask: only the mask needs no gradient",
        }
    elif set(gaps) <= set(roles.vectors):
        causes = dict.fromkeys(
            ("scratch", "torch", "keras"),
            "dL/dgamma is the sum of dL/dy times the normalized values, dL/dbeta that of dL/dy",
        )
    else:
        also = "mean and variance depend on x too"
        causes = {
            "scratch": f"{also}: dL/dx has three terms, all times gamma",
            "torch": f"{also}: as they normalize, they may not be detached, nor be computed under "
            "no_grad",
            "keras": f"{also}: as they normalize, no stop_gradient may stand before them",
        }
    name = max(gaps, key=lambda name: gaps[name])
    named = ", ".join(network.label(each) for each in gaps)
    what = "the backward pass is wrong: the gradient" if framework == "scratch" else "the gradient"
    return Finding(
        "dropout" if by_dropout else "batch norm",
        WRONG,
        f"{what} of {named}"
        + ("" if framework == "scratch" else " is not that of the forward pass"),
        "what finite differences of the forward pass give, with the same mask",
        f"off by {gaps[name]:.2g} where the gradient is up to {sizes[name]:.2g} "
        f"({network.label(name)})",
        causes[framework],
    )


def _duplicate(
    model: Any, logits: Callable[[Any], np.ndarray], roles: Roles
) -> Callable[[Any], Any]:
    """What gives a model to move the parameters of: a copy; where that does not work, itself."""
    for duplicate in (copy.deepcopy, lambda model: model):
        one, two = logits(duplicate(model)), logits(duplicate(model))
        moved = duplicate(model)
        moved.params[roles.output][...] += 1
        other = logits(moved)
        moved.params[roles.output][...] -= 1
        if np.array_equal(one, two) and not np.array_equal(one, other):
            return duplicate
    raise InterfaceError(
        "the check cannot replay your masks: draw them with numpy.random, from a generator that "
        "the model keeps"
    )


class _Replay:
    """Random numbers from the same point again, while it is entered.

    Every generator there is is set back; one that is made anew in each pass, without a seed, gets
    the same seed each time.
    """

    def __init__(self, network: Network) -> None:
        self.module, self.of_the_framework = network.module, network.rewinder()
        kinds = (np.random.Generator, np.random.RandomState)
        everything = [each for each in gc.get_objects() if issubclass(type(each), kinds)]
        self.generators = [g for g in everything if isinstance(g, np.random.Generator)]
        self.states = [each.bit_generator.state for each in self.generators]
        self.legacy = [r for r in everything if isinstance(r, np.random.RandomState)]
        self.legacy += [
            r for r in vars(self.module).values() if isinstance(r, np.random.RandomState)
        ]
        self.legacy_states = [each.get_state() for each in self.legacy]
        self.fresh, self.default_rng = 0, np.random.default_rng

    def __enter__(self) -> "_Replay":
        self._replace(self.default_rng, self._seeded)
        return self

    def __exit__(self, *error: object) -> None:
        self._replace(self._seeded, self.default_rng)

    def _replace(self, old: Any, new: Any) -> None:
        np.random.default_rng = new
        for name, value in list(vars(self.module).items()):
            if callable(value) and value == old:
                setattr(self.module, name, new)

    def _seeded(self, seed: Any = None) -> np.random.Generator:
        self.fresh += 1
        return self.default_rng(self.fresh if seed is None else seed)

    def rewind(self) -> None:
        self.fresh = 0
        random.seed(0)
        np.random.seed(0)  # noqa: NPY002 (the learner may draw from it)
        self.of_the_framework()
        for generator, state in zip(self.generators, self.states, strict=True):
            generator.bit_generator.state = state
        for legacy, state in zip(self.legacy, self.legacy_states, strict=True):
            legacy.set_state(state)
