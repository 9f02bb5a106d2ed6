"""What the checks read off a network: hidden values, their noise, a step of training.

The output layer is a probe. With weights of 1 for one hidden unit and 0 for the others the logit
*is* that unit's value as the output layer sees it, after batch norm, activation and dropout in
whatever order. What differs from pass to pass is dropout; what differs with the other rows of the
batch is batch norm.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from triptych.exercises.findings import InterfaceError

from .networks import Network

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
    scalars: list[str]  # single values, the output bias among them
    of_inputs: list[str]  # a value for each input
    units: int


def roles_of(network: Network) -> Roles:
    shapes = {name: value.shape for name, value in network.parameters().items()}
    firsts = [name for name, shape in shapes.items() if len(shape) == 2 and _other(shape, 2) > 2]
    reshaped = InterfaceError(
        "the network must keep its shape, 2 inputs, one hidden layer and 1 output with a bias; "
        f"its parameters have the shapes {', '.join(map(str, shapes.values())) or 'none'}"
    )
    if len(firsts) != 1:
        raise reshaped
    units = _other(shapes[firsts[0]], 2)
    # (in, out), or (out, in) as PyTorch has it; a gamma of shape (1, units) looks like the latter
    shape = (units, 1) if shapes[firsts[0]][0] == 2 else (1, units)
    outputs = [name for name in shapes if shapes[name] == shape]
    scalars = [name for name in shapes if np.prod(shapes[name]) == 1]
    if not outputs or not scalars:
        raise reshaped
    output, bias = _output(network, outputs, scalars)
    others = [name for name in shapes if name not in (firsts[0], output)]
    vectors, of_inputs = (
        [name for name in others if np.prod(shapes[name]) == size] for size in (units, 2)
    )
    if set(others) - {*vectors, *scalars, *of_inputs}:
        raise reshaped
    return Roles(firsts[0], output, bias, vectors, scalars, of_inputs, units)


def _output(network: Network, outputs: list[str], scalars: list[str]) -> tuple[str, str]:
    """Weights that, at 0, leave a logit that is the bias, whatever the other parameters are."""
    own, rng = network.parameters(), np.random.default_rng(1)
    logit = np.nan
    for output, bias in itertools.product(outputs, scalars):
        values = {name: rng.uniform(0.5, 1.5, size=value.shape) for name, value in own.items()}
        values[output] = np.zeros_like(own[output])
        values[bias] = np.full_like(own[bias], -3.0)
        network.assign(values)
        logit = float(network.logits(CORNERS, training=False)[0])
        network.assign(own)
        if abs(logit + 3) < 0.01:
            return output, bias
    raise InterfaceError(
        "with output weights of 0 and an output bias of -3 the network must return the logit -3, "
        f"it returns {logit:.4g}: is there a sigmoid at its end?"
    )


def _other(shape: tuple[int, ...], size: int) -> int:
    """The side of a matrix beside one of ``size``, 0 if no side has it."""
    a, b = shape
    return b if a == size else a if b == size else 0


def hidden(
    network: Network,
    roles: Roles,
    x: np.ndarray,
    *,
    training: bool,
    units: Sequence[int] | None = None,
) -> np.ndarray:
    """Hidden values as the output layer sees them, (N, units); a pass for each unit."""
    own = network.parameters()
    network.assign({roles.output_bias: np.full_like(own[roles.output_bias], BIAS)})
    columns = []
    for unit in range(roles.units) if units is None else units:
        weights = np.zeros(roles.units)
        weights[unit] = 1
        network.assign({roles.output: weights.reshape(own[roles.output].shape)})
        columns.append(network.logits(x, training=training) - BIAS)
    network.assign({name: own[name] for name in (roles.output, roles.output_bias)})
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
    """What training passes over ROWS do to hidden values."""

    values: np.ndarray  # (passes, 64, 4, units)
    random: bool
    in_predict: float  # the gap between two predictions on the same input
    in_inference: bool  # the network itself is random in inference mode
    dropped: float | None  # the value that stands for a dropped unit, None if there is none
    expected_drop: bool  # it is 0, or what the activation makes of 0
    different: float  # how many values a unit has in equal rows of a pass

    @property
    def rate(self) -> float:
        """The share of what is dropped, of values that are not that value anyway (ReLU)."""
        if self.dropped is None:
            return 0.0
        dropped = np.abs(self.values - self.dropped) < 2e-5
        return float(dropped[:, :, ~dropped.all(axis=(0, 1))].mean())

    def kept(self, values: np.ndarray) -> np.ndarray:
        """The median over the first axis of what was not dropped."""
        if self.dropped is None:
            return np.median(values, axis=0)
        dropped = np.abs(values - self.dropped) < 1e-5
        return np.ma.median(np.ma.array(values, mask=dropped), axis=0).filled(self.dropped)


def measure_noise(network: Network, roles: Roles) -> Noise:
    set_first(network, roles)
    predictions = np.stack([network.predict(ROWS) for _ in range(3)])
    in_inference = network.logits(ROWS, training=False).reshape(64, 4)
    passes = [hidden(network, roles, ROWS, training=True) for _ in range(PASSES)]
    values = np.stack(passes).reshape(PASSES, 64, 4, roles.units)
    cells = values.reshape(-1, 4, roles.units)
    random = bool((np.ptp(cells, axis=0) > 1e-4).any())
    columns = values.round(4).transpose(0, 2, 3, 1).reshape(-1, 64)
    different = float(np.median([len(np.unique(column)) for column in columns]))
    gap = float(np.ptp(predictions.reshape(3, 64, 4), axis=1).max())
    if not random or different <= 1:
        # Where masks differ from row to row, a gap between calls alone is drift of statistics.
        gap = float(np.ptp(predictions, axis=0).max())
    dropped, expected = None, True
    if random:
        found, counts = np.unique(cells.round(5), return_counts=True)
        candidate = found[counts.argmax()]
        if (np.abs(cells - candidate) < 2e-5).any(axis=0).mean() > 0.9:
            dropped = float(candidate)
            expected = abs(dropped) < 1e-5 or abs(dropped - _of_zero(network, roles)) < 1e-3
    randomly = bool(np.ptp(in_inference, axis=0).max() > 1e-6)
    return Noise(values, random, gap, randomly, dropped, expected, different)


def _of_zero(network: Network, roles: Roles) -> float:
    """What the activation makes of 0."""
    own = network.parameters()
    network.assign({name: np.zeros_like(own[name]) for name in (roles.first, *roles.vectors)})
    value = float(hidden(network, roles, ROWS[:4], training=False, units=[0])[0, 0])
    network.assign(own)
    return value


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
    """Training for one step, and for three, all on one batch.

    ``random``: the steps differ by more than the weights. ``moves_statistics``: inference differs
    afterwards, with the weights set back. ``later_...``: so it is after the first epoch too.
    ``trained``: how many values for each unit a step moves. ``reaches``: the first weights have a
    gradient of the data. ``adaptive``: the optimizer is no plain gradient descent.
    """

    def __init__(self, build: Callable[..., Network], roles: Roles) -> None:
        rng = np.random.default_rng(2)
        x = rng.normal(3, 2, size=(16, 2))
        y = (rng.random(16) > 0.5).astype(np.float32)
        start = build().parameters()
        start[roles.first] = rng.normal(size=start[roles.first].shape)
        start[roles.output] = rng.normal(size=start[roles.output].shape)

        def run(
            *, seed: int = 1, epochs: int = 1, rate: float = 0.1
        ) -> tuple[list[float], dict[str, np.ndarray], np.ndarray, bool]:
            """Losses, changes, predictions with the old weights, and whether those are new."""
            network = build(seed)
            network.assign(start)
            before = network.predict(x)  # which may leave the network in inference mode
            losses = network.train(
                x, y, epochs=epochs, batch_size=16, learning_rate=rate, seed=seed
            )
            change = {name: value - start[name] for name, value in network.parameters().items()}
            network.assign(start)
            after = network.predict(x)
            return losses, change, after, bool(np.abs(after - before).max() > 1e-6)

        _, change, once, self.moves_statistics = run()
        losses, _, thrice, _ = run(epochs=3, rate=1e-9)
        gaps = np.abs(np.diff(losses))
        self.random = bool(gaps.max() > 1e-5)
        self.later_random = bool(gaps[-1] > 1e-5)
        self.later_statistics = bool(np.abs(thrice - once).max() > 1e-6)
        sizes = {name: np.abs(value).max() for name, value in change.items()}
        if not self.random:  # the losses may be those of an evaluation: compare the weights
            _, other, _, _ = run(seed=2)
            gap = max(np.abs(change[name] - other[name]).max() for name in start)
            self.random = self.later_random = bool(gap > 1e-3 * max(sizes.values()))
        self.trained = sum(sizes[name] > 1e-4 * max(sizes.values()) for name in roles.vectors)
        # Not the gradient, but its sign: nearly all values move by the same.
        moved = np.abs(np.append(change[roles.output], change[roles.output_bias]))
        usual = np.median(moved)
        self.adaptive = bool(np.median(np.abs(moved - usual)) < 0.03 * usual)
        weights, data = start[roles.first], change[roles.first]
        data = data - (data * weights).sum() / (weights**2).sum() * weights  # without the penalty's
        self.reaches = bool(np.abs(data).max() > 1e-4 * max(sizes.values()))
