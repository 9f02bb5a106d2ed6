"""What the checks read off a network: hidden values, their noise, a step of training.

The output layer is a probe. With weights of 1 for one hidden unit and 0 for the others the logit
*is* that unit's value as the output layer sees it, after batch norm, activation and dropout in
whatever order. What differs from pass to pass is dropout; what differs with the other rows of the
batch is batch norm.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from exercises.xor.networks import Network

__all__ = [
    "BIAS",
    "CORNERS",
    "PASSES",
    "RATE",
    "ROWS",
    "STRENGTH",
    "Noise",
    "Roles",
    "Step",
    "hidden",
    "inference",
    "measure_noise",
    "roles_of",
    "set_first",
    "settle",
]

RATE, STRENGTH = 0.2, 0.01
CORNERS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
BIAS = 3.0  # of the output, while hidden values are read
PASSES = 4


@dataclass
class Roles:
    """Which parameter is what, told by the shapes: 2 inputs, some hidden units, 1 output."""

    first: str
    output: str
    output_bias: str
    vectors: list[str]  # a value for each hidden unit: bias, gamma, beta
    units: int


def roles_of(network: Network) -> Roles:
    shapes = {name: value.shape for name, value in network.parameters().items()}
    firsts = [name for name, shape in shapes.items() if len(shape) == 2 and _other(shape, 2) > 2]
    units = _other(shapes[firsts[0]], 2) if firsts else 0
    # (in, out), or (out, in) as PyTorch has it
    turned = bool(firsts) and shapes[firsts[0]][0] != 2
    outputs = [
        name for name, shape in shapes.items() if shape == ((1, units) if turned else (units, 1))
    ]
    biases = [name for name, shape in shapes.items() if np.prod(shape) == 1]
    if not (len(firsts) == len(outputs) == len(biases) == 1):
        raise ValueError(
            "the network must keep its shape, 2 inputs, one hidden layer and 1 output with a bias; "
            f"its parameters have the shapes {', '.join(map(str, shapes.values())) or 'none'}"
        )
    rest = set(shapes) - {firsts[0], outputs[0], biases[0]}
    vectors = [name for name in shapes if name in rest and np.prod(shapes[name]) == units]
    roles = Roles(firsts[0], outputs[0], biases[0], vectors, units)
    values = network.parameters()
    network.assign(
        {
            roles.output: values[roles.output] * 0,
            roles.output_bias: np.full(shapes[biases[0]], -3.0),
        }
    )
    logits = network.logits(CORNERS, training=False)
    if np.abs(logits + 3).max() > 0.01:
        raise ValueError(
            "with output weights of 0 and an output bias of -3 the network must return the logit "
            f"-3, it returns {logits[0]:.4g}: is there a sigmoid at its end?"
        )
    return roles


def _other(shape: tuple[int, ...], size: int) -> int:
    """The side of a matrix beside one of ``size``, 0 if no side has it."""
    a, b = shape
    return b if a == size else a if b == size else 0


def hidden(network: Network, roles: Roles, x: np.ndarray, *, training: bool) -> np.ndarray:
    """Every hidden value as the output layer sees it, (N, units); a pass for each unit."""
    kept = network.parameters()
    columns = []
    for unit in range(roles.units):
        weights = np.zeros(roles.units)
        weights[unit] = 1
        network.assign(
            {
                roles.output: weights.reshape(kept[roles.output].shape),
                roles.output_bias: np.full(kept[roles.output_bias].shape, BIAS),
            }
        )
        columns.append(network.logits(x, training=training) - BIAS)
    network.assign({name: kept[name] for name in (roles.output, roles.output_bias)})
    return np.stack(columns, axis=1)


def set_first(network: Network, roles: Roles, *, scale: float = 1.0, seed: int = 0) -> None:
    """First weights whose columns are unit vectors times ``scale``: x of unit variance stays so."""
    angles = np.random.default_rng(seed).uniform(0, 2 * np.pi, roles.units)
    weights = scale * np.stack([np.cos(angles), np.sin(angles)])
    shape = network.parameters()[roles.first].shape
    network.assign({roles.first: weights if shape[0] == 2 else weights.T})


# Each corner 64 times, of mean 0 and variance 1: what differs between equal rows is dropout.
ROWS = np.tile(2 * CORNERS - 1, (64, 1))


@dataclass
class Noise:
    """What training passes over ROWS do to hidden values: ``values`` (passes, 64, 4, units)."""

    values: np.ndarray
    random: bool
    in_inference: float  # the gap between two predictions on the same input
    dropped: float | None  # the value that stands for a dropped unit, None if there is none

    def kept(self, values: np.ndarray) -> np.ndarray:
        """The median over the first axis of what was not dropped."""
        if self.dropped is not None:
            values = np.where(np.abs(values - self.dropped) < 1e-5, np.nan, values)
        with np.errstate(all="ignore"):
            found = np.nanmedian(values, axis=0)
        return np.where(np.isnan(found), self.dropped or 0.0, found)


def measure_noise(network: Network, roles: Roles) -> Noise:
    set_first(network, roles)
    predictions = [network.predict(ROWS) for _ in range(3)]
    in_inference = max(np.abs(p - predictions[0]).max() for p in predictions)
    passes = [hidden(network, roles, ROWS, training=True) for _ in range(PASSES)]
    values = np.stack(passes).reshape(PASSES, 64, 4, roles.units)
    cells = values.reshape(-1, 4, roles.units)
    random = bool((np.ptp(cells, axis=0) > 1e-4).any())
    dropped = None
    if random:
        found, counts = np.unique(cells.round(5), return_counts=True)
        candidate = found[counts.argmax()]
        here = (np.abs(cells - candidate) < 2e-5).any(axis=0)
        if here.mean() > 0.9:
            dropped = float(candidate)
    return Noise(values, random, float(in_inference), dropped)


def inference(network: Network, roles: Roles, x: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """Hidden values in inference; and what they would be were the activation's input larger by
    1 / (1 - RATE): by gamma and beta where there is a batch norm, by all weights where not.
    """
    plain = hidden(network, roles, x, training=False)
    own = network.parameters()
    before = []
    for names in (roles.vectors, [roles.first, *roles.vectors]):
        network.assign({name: own[name] / (1 - RATE) for name in names})
        before.append(hidden(network, roles, x, training=False))
        network.assign(own)
    return plain, before


def settle(network: Network, roles: Roles, x: np.ndarray) -> None:
    """Training passes over x, until its statistics are the running ones."""
    last = network.logits(x, training=False)
    for _ in range(10):
        for _ in range(80):
            network.logits(x, training=True)
        new = network.logits(x, training=False)
        if np.abs(new - last).max() < 1e-3:
            return
        last = new


class Step:
    """A step of training from the same weights, twice, with other seeds.

    ``random``: what comes out differs. ``moves_statistics``: so does inference, weights set back.
    """

    def __init__(self, build: Callable[..., Network], roles: Roles) -> None:
        rng = np.random.default_rng(2)
        x = rng.normal(3, 2, size=(16, 2))
        y = (rng.random(16) > 0.5).astype(np.float32)
        start = build().parameters()
        start[roles.first] = rng.normal(size=start[roles.first].shape)
        start[roles.output] = rng.normal(size=start[roles.output].shape)
        ends = []
        for seed in (1, 2):
            network = build(seed)
            network.assign(start)
            before = network.predict(x)  # which may leave the network in inference mode
            network.train(x, y, epochs=1, batch_size=16, learning_rate=0.1, seed=seed)
            ends.append(network.parameters())
            network.assign(start)
            self.moves_statistics = bool(np.abs(network.predict(x) - before).max() > 1e-6)
        change = max(np.abs(ends[0][name] - start[name]).max() for name in start)
        gap = max(np.abs(ends[0][name] - ends[1][name]).max() for name in start)
        self.random = bool(gap > 1e-3 * change)
