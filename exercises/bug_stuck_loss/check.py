"""What is dropped in training, read off logits.

With a first matrix of 0 and its bias of 1 each hidden unit is 1, but for dropout. An output matrix
that is 1 for one unit, for all classes, makes each logit that unit: if logits of a row differ, they
are dropped themselves.
"""

import functools
import math
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np

from scratch.losses import softmax_cross_entropy
from scratch.optimizers import SGD
from triptych.exercises.findings import DONE, NOT_DONE, WRONG, Finding, InterfaceError
from triptych.exercises.scripts import missing

__all__ = ["check"]

RATE, INPUTS, CLASSES, ROWS = 0.5, 7, 5, 400
wrong = functools.partial(Finding, "bug", WRONG)


def check(
    module: ModuleType,
    framework: str,
    progress: Callable[[str], None],
    seed: int = 0,
    only: str | None = None,
) -> Iterator[Finding]:
    if gone := list(missing(module, ("build_model", "train_step", "train", "predict"))):
        yield from gone
        return
    progress("measuring dropout")
    network = _Network(module, seed)
    x = np.random.default_rng(seed).normal(size=(100, INPUTS))
    passes = [network.logits(x) for _ in range(4)]
    moves = float(np.ptp(passes, axis=0).max())
    dropped_logits = float(np.mean([np.mean(each == 0) for each in passes]))
    five = network.five()
    hidden, by_class = network.hidden()
    logits_dropped = bool(np.ptp(by_class, axis=-1).max() > 1e-6)
    # Where logits are dropped, one in 32 rows has none left that shows the hidden value.
    hidden_dropped = bool(np.mean(hidden == 0) > 0.1) if logits_dropped else np.ptp(hidden) > 1e-6
    if logits_dropped and not hidden_dropped:
        yield Finding(
            "bug",
            NOT_DONE,
            f"in training {dropped_logits:.0%} of the logits are exactly 0, whatever the weights "
            "are, and no hidden value is dropped",
        )
        return
    if logits_dropped:
        yield wrong(
            "hidden values are dropped now, and logits still are",
            "logits that are 0 only by chance",
            f"{dropped_logits:.0%} of them exactly 0",
            "There are two dropouts: take the one behind the output layer away.",
        )
    elif moves < 1e-9:
        yield wrong(
            "nothing is dropped in training mode",
            f"{RATE:g} of the hidden values",
            "four passes with the same logits",
            "The loss falls that way, and the regularization is gone: dropout was to stay.",
        )
    elif not hidden_dropped:
        yield wrong(
            "something is drawn in training, but no hidden value is dropped",
            f"{RATE:g} of the hidden values 0",
            "all of them alike, where each is 1",
            "Dropout stands in front of the first matrix, and drops inputs.",
        )
    else:
        yield from list(_of_hidden(hidden, five)) + list(_of_modes(module, seed, x)) or [
            Finding(
                "bug",
                DONE,
                f"in training {np.mean(hidden == 0):.3f} of the hidden values are 0 and the others "
                f"times {hidden.max():.3g}, no logit is dropped, and predict drops nothing",
            )
        ]


class _Network:
    """The learner's model, and its arrays by their roles."""

    def __init__(self, module: ModuleType, seed: int) -> None:
        self.model = module.build_model(INPUTS, CLASSES, seed)
        self.found = [(layer, key) for _, layer, key in self.model.parameters()]
        shapes = [layer.params[key].shape for layer, key in self.found]
        self.units = next((s[1] for s in shapes if len(s) == 2 and s[0] == INPUTS), 0)
        needed = [(INPUTS, self.units), (self.units,), (self.units, CLASSES), (CLASSES,)]
        if sorted(shapes) != sorted(needed):
            raise InterfaceError(
                "the network must keep its shape, one hidden layer; for 7 inputs and 5 classes its "
                f"parameters have the shapes {', '.join(map(str, shapes))}"
            )
        self.first, self.shift, self.output, self.bias = (
            self.found[shapes.index(shape)] for shape in needed
        )

    def set(self, role: tuple[Any, str], value: Any) -> None:
        role[0].params[role[1]][...] = value

    def logits(self, x: np.ndarray) -> np.ndarray:
        return np.array(self.model.forward(x, training=True))

    def hidden(self) -> tuple[np.ndarray, np.ndarray]:
        """(units, rows) of some units, and the logits that show them, (units, rows, classes)."""
        self._ones()
        found = []
        for unit in range(8):
            self.set(self.output, np.eye(self.units)[:, [unit]])
            found.append(self.logits(np.zeros((ROWS, INPUTS))))
        every = np.array(found)
        return every.max(axis=-1), every

    def five(self) -> np.ndarray:
        """(rows, classes): each logit is a unit of its own, all in one pass."""
        self._ones()
        self.set(self.output, np.eye(self.units, CLASSES))
        return self.logits(np.zeros((ROWS, INPUTS)))

    def _ones(self) -> None:
        self.set(self.first, 0)
        self.set(self.shift, 1)
        self.set(self.bias, 0)


def _of_hidden(hidden: np.ndarray, five: np.ndarray) -> Iterator[Finding]:
    kept, error = hidden[hidden != 0], 5 * math.sqrt(RATE * (1 - RATE) / hidden.size)
    share = float(np.mean(hidden == 0))
    if 0 in (np.ptp(five, axis=0).max(), np.ptp(five, axis=1).max()):
        yield wrong(
            "hidden values are dropped together",
            "a draw for each unit and each row",
            "all rows of a unit, or all units of a row, at once",
            "The mask has too few numbers.",
        )
    elif abs(share - RATE) > error:
        yield wrong(
            "another share of the hidden values is dropped",
            f"{RATE:g} +- {error:.2g} (5 standard errors)",
            f"{share:.3f}",
            "Two dropouts in a row drop more than each."
            if abs(share - 0.75) < error
            else "The rate was right.",
        )
    elif kept.size and not np.allclose(kept, 1 / (1 - RATE)):
        yield wrong(
            "what is kept has another scale",
            f"{1 / (1 - RATE):g} times itself",
            f"{kept.min():.3g} to {kept.max():.3g} times",
            "What is kept is not divided by the share that is kept.",
        )


def _of_modes(module: ModuleType, seed: int, x: np.ndarray) -> Iterator[Finding]:
    """That steps are made in training mode and predictions are not, and the way back."""
    network = _Network(module, seed)
    found = [np.array(module.predict(network.model, x)) for _ in range(3)]
    if np.ptp(found, axis=0).max() > 0:
        yield wrong(
            "predict gives other logits in each call",
            "the same: nothing is dropped",
            f"differences of up to {np.ptp(found, axis=0).max():.2g}",
            "The model runs in training mode there.",
        )
        return
    labels = np.arange(len(x)) % CLASSES
    without = float(softmax_cross_entropy(found[0], labels))
    if abs(module.train_step(network.model, SGD(0.1), x, labels) - without) < 1e-9:
        yield wrong(
            "train_step drops nothing",
            "a pass in training mode",
            f"the loss of a pass in inference mode, {without:.4f}",
            "The model runs in inference mode there: training=True is missing.",
        )
        return
    network = _Network(module, seed)
    before = network.first[0].params[network.first[1]].copy()
    module.train(network.model, x, labels, epochs=1)
    if np.array_equal(before, network.first[0].params[network.first[1]]):
        yield wrong("train leaves the first layer as it was")
        return
    hidden, _ = network.hidden()
    network.model.backward(np.ones((ROWS, CLASSES)))
    layer, key = network.shift
    measured, right = float(layer.grads[key][7]), CLASSES * float(hidden[7].sum())
    if abs(measured - right) > 1e-6 * abs(right):
        yield wrong(
            "backward has another mask than forward",
            f"{right:.4g}, the gradient of one unit's bias",
            f"{measured:.4g}",
            "backward must multiply by the mask of the last forward, with its scale.",
        )
