"""The gradients of a learner's NumPy network against finite differences of its own forward pass."""

import copy
import random
from collections.abc import Iterator
from typing import Any

import numpy as np

from exercises.findings import WRONG, Finding
from exercises.xor.networks import Network

__all__ = ["gradient_faults"]

EPSILON = 1e-5


def gradient_faults(network: Network, done: set[str], vectors: list[str]) -> Iterator[Finding]:
    """What is wrong with ``backward`` in training; ``done``: which of dropout and batch norm act.

    A faulty backward pass of dropout shows in beta already, behind which only dropout and the
    activation lie; if beta is right and others are wrong, it is batch norm's.
    """
    if done:
        with _Replay(network) as replay:
            yield from _faults(network, done, vectors, replay)


def _faults(
    network: Network, done: set[str], vectors: list[str], replay: "_Replay"
) -> Iterator[Finding]:
    rng = np.random.default_rng(5)
    x = rng.normal(size=(12, 2)).astype(np.float32)
    y = (rng.random(12) > 0.5).astype(float)
    for name, value in network.model.params.items():
        if name not in vectors:
            value[...] = rng.normal(size=value.shape)

    def logits(model: Any) -> np.ndarray:
        replay.rewind()
        return np.asarray(model.forward(x, training=True))

    model = copy.deepcopy(network.model)
    z = logits(model)
    again = logits(copy.deepcopy(network.model))
    if np.abs(z - again).max() > 0:
        raise ValueError(
            "the check cannot replay your masks: draw them with numpy.random, from a generator "
            "that the model keeps"
        )
    probability = 1 / (1 + np.exp(-z.reshape(-1)))
    model.backward(((probability - y) / len(y)).reshape(z.shape))
    grads = {name: np.array(value) for name, value in model.grads.items()}

    def loss(changed: Any) -> float:
        z = logits(changed).reshape(-1)
        return float(np.mean(np.maximum(z, 0) - z * y + np.log1p(np.exp(-np.abs(z)))))

    faults = {}
    scales = {}
    for name, value in network.model.params.items():
        numeric = np.empty(value.shape)
        for index in np.ndindex(value.shape):
            ends = []
            for move in (EPSILON, -EPSILON):
                changed = copy.deepcopy(network.model)
                changed.params[name][index] += move
                ends.append(loss(changed))
            numeric[index] = (ends[0] - ends[1]) / (2 * EPSILON)
        if name not in grads:
            yield Finding("", WRONG, f"backward leaves no gradient of {name} in model.grads")
            return
        # The penalty may be added in backward: it is no fault of the other two.
        penalized = grads[name] - 0.01 * np.asarray(value)
        gap = min(np.abs(g.reshape(value.shape) - numeric).max() for g in (grads[name], penalized))
        scales[name] = np.abs(numeric).max()
        if gap > 1e-5 + 1e-3 * scales[name]:
            faults[name] = gap
    if not faults:
        return
    # beta alone starts at 0 and has a gradient: a bias before batch norm has none.
    betas = [n for n in vectors if not network.model.params[n].any() and scales[n] > 1e-6]
    by_dropout = "dropout" in done and ("batch norm" not in done or any(n in faults for n in betas))
    name, gap = max(faults.items(), key=lambda item: item[1])
    yield Finding(
        "dropout" if by_dropout else "batch norm",
        WRONG,
        f"the backward pass is wrong: the gradient of {', '.join(faults)}",
        "what finite differences of the forward pass give, with the same mask",
        f"off by {gap:.2g} where the gradient is up to {scales[name]:.2g} ({name})",
        "backward must multiply by the mask and the scale of its forward pass"
        if by_dropout
        else "mean and variance depend on x too: dL/dx has three terms",
    )


class _Replay:
    """Random numbers from the same point again, while it is entered.

    The model has copies of its own generators; the global ones and those of the file are set back,
    and one that is made anew in each pass, without a seed, gets the same seed each time.
    """

    def __init__(self, network: Network) -> None:
        self.module = network.module
        own = vars(self.module).values()
        self.generators = [each for each in own if isinstance(each, np.random.Generator)]
        self.states = [each.bit_generator.state for each in self.generators]
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
        for generator, state in zip(self.generators, self.states, strict=True):
            generator.bit_generator.state = state
