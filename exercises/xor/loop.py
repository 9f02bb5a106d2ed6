"""The loop of ``train``, replayed: is it gradient descent as it was asked for?

The network is silenced: with output weights of 0 and hidden values of 0 the logit is the output
bias, whatever dropout does, and the bias is all that the data move:

    bias -= learning_rate * (sigmoid(bias) - mean(y))

So a few steps can be computed here, as they ought to be and as usual mistakes make them. The first
weights have no gradient but the penalty's, and tell how often the weights decay.
"""

import inspect
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from triptych.exercises.findings import WRONG, Finding

from .networks import Network
from .probe import Roles

__all__ = ["STEPS", "Loop", "measure_loop"]

ROWS, BATCH, STEPS, RATE = 24, 6, 4, 1.0


@dataclass
class Loop:
    """``known``: the steps are understood. ``plain``: they are as asked. ``rate``: the one that
    they have, whatever is asked; None if it is that. ``kept``: what an epoch of STEPS steps at a
    learning rate of 1 leaves of the first weights.
    """

    faults: list[Finding]
    known: bool = True
    plain: bool = True
    rate: float | None = None
    kept: float | None = None


def _replay(
    labels: Sequence[float],
    rate: float = RATE,
    *,
    momentum: float = 0.0,
    nesterov: bool = False,
    left: float = 0.0,
    times: float = 1.0,
) -> np.ndarray:
    """The output bias before each step and after the last. ``labels``: the mean of each batch;
    ``left``: how much of the last gradient is still there; ``times``: a factor of each gradient.
    """
    bias, gradient, velocity, way = 0.0, 0.0, 0.0, [0.0]
    for label in labels:
        gradient = left * gradient + times * (1 / (1 + np.exp(-bias)) - label)
        velocity = momentum * velocity + gradient
        bias -= rate * (gradient + momentum * velocity if nesterov else velocity)
        way.append(bias)
    return np.array(way)


def measure_loop(network: Network, roles: Roles, framework: str) -> Loop:
    """Not where the network cannot be silenced: dropout or batch norm is then another thing."""
    found = _silenced(network, roles)
    if found is None:
        return Loop([])
    x, start = found

    def run(y: np.ndarray, rate: float) -> tuple[float, float, float]:
        """The loss, the output bias, and what is left of the first weights."""
        network.assign(start)
        (loss,) = network.train(x, y, epochs=1, batch_size=BATCH, learning_rate=rate, seed=3)
        end = network.parameters()
        first = start[roles.first]
        kept = float((end[roles.first] * first).sum() / (first**2).sum())
        return loss, float(end[roles.output_bias].reshape(-1)[0]), kept

    loss, bias, kept = run(np.ones(ROWS), RATE)
    way = _replay([1.0] * STEPS)
    if abs(bias / way[-1] - 1) > 0.06:  # a penalty on the bias may take some
        return _unlike(network, bias, way[-1], framework)
    faults = []
    if fault := _reported(loss, way):
        faults.append(fault)
    # The first half of the rows is of one class: in that order the batches are, too. A high rate
    # leads far from where other orders end.
    _, bias, _ = run(np.repeat([1.0, 0.0], ROWS // 2), 8.0)
    in_order = _replay(np.repeat([1.0, 0.0], STEPS // 2).tolist(), 8.0)[-1]
    if abs(bias - in_order) < 0.02:
        fault = Finding(
            "",
            WRONG,
            "train takes the rows in the order in which they are given",
            "mini-batches in an order drawn from seed",
            "of sorted rows, each mini-batch has one class only",
            "the rows are not shuffled",
        )
        faults.append(fault)
    return Loop(faults, kept=kept)


def _silenced(network: Network, roles: Roles) -> tuple[np.ndarray, dict[str, np.ndarray]] | None:
    """Rows and parameters for which the logit is the output bias, in training too."""
    rng = np.random.default_rng(6)
    start, rows = network.parameters(), rng.normal(size=(ROWS, 2))
    for name, value in start.items():
        start[name] = np.zeros_like(value)
    start[roles.first] = rng.normal(0, 0.3, size=start[roles.first].shape)
    start[roles.output] += 1e-6  # as good as 0, and a norm of it can be divided by
    start[roles.output_bias] += 1  # dropout of the logit would show
    for x, level in ((rows, 0.0), (0 * rows, 0.0), (0 * rows, -100.0)):  # sigmoid(-100) is 0
        for name in roles.vectors:
            start[name][...] = level
        network.assign(start)
        # A row's weight in the output: hidden values that are not 0 would have a gradient.
        network.assign({roles.output: np.ones_like(start[roles.output])})
        logits = [network.logits(x, training=True) for _ in range(2)]
        network.assign({roles.output: start[roles.output]})
        if np.abs(np.stack(logits) - 1).max() < 1e-6:
            start[roles.output_bias] -= 1
            return x, start
    return None


def _unlike(network: Network, bias: float, asked: float, framework: str) -> Loop:
    """What steps end in this bias?"""
    asked_for = inspect.signature(network.module.train).parameters.get("learning_rate")
    for rate in (getattr(asked_for, "default", None), 0.1, 0.01, 0.001, 0.05, 0.5):
        if isinstance(rate, float) and _same(bias, _replay([1.0] * STEPS, rate)):
            fault = Finding(
                "",
                WRONG,
                "train ignores its learning rate",
                "each step is learning_rate times the gradient",
                f"asked for a learning rate of {RATE:g}, its steps are those of {rate:g}",
                "the optimizer, or the step, has a number of its own",
            )
            return Loop([fault], plain=False, rate=rate)
    for size in range(1, 10 * ROWS):
        batches = [min(size, ROWS - i) for i in range(0, ROWS, size)]
        if _same(bias, _replay([1.0] * len(batches))):
            fault = Finding(
                "",
                WRONG,
                "train ignores its batch size",
                f"{STEPS} steps in an epoch of {ROWS} rows, with a batch size of {BATCH}",
                f"{len(batches)} step{'s' if len(batches) > 1 else ''}",
                "the mini-batches have a size of their own, or there are none",
            )
            return Loop([fault], plain=False)
    for momentum in (0.5, 0.8, 0.9, 0.95, 0.99):
        for nesterov in (False, True):
            if _same(bias, _replay([1.0] * STEPS, momentum=momentum, nesterov=nesterov)):
                fault = Finding(
                    "l2",
                    WRONG,
                    f"the optimizer has momentum, {momentum:g}",
                    "plain gradient descent: a step is learning_rate times this step's gradient",
                    f"{STEPS} steps end where those with a momentum of {momentum:g} do",
                    "with momentum the gradients of earlier steps count again, the penalty's too",
                )
                return Loop([fault], plain=False)
    if _same(bias, _replay([1.0] * STEPS, left=1.0)):
        fault = Finding(
            "",
            WRONG,
            "each step takes the gradients of all steps before it, too",
            "a step takes the gradient of its own mini-batch",
            f"{STEPS} steps end where those with the sum of all gradients so far do",
            {
                "scratch": "gradients are added to those of the last step, and never set to 0",
                "torch": "optimizer.zero_grad() is missing: backward adds to what is in .grad",
                "keras": "gradients are added to those of the last step, and never set to 0",
            }[framework],
        )
        return Loop([fault], plain=False)
    for times, what in (
        (BATCH, "it is the gradient of the sum over the mini-batch, not of the mean"),
        (ROWS, "it is multiplied by the number of rows"),
        (BATCH / ROWS, "it is divided by the number of all rows, not by the mini-batch's"),
        (1 / BATCH, "it is divided by the number of rows twice"),
        (0.5, "it is half of that of the binary cross-entropy"),
        (2.0, "it is twice that of the binary cross-entropy"),
    ):
        if _same(bias, _replay([1.0] * STEPS, times=times)):
            fault = Finding(
                "",
                WRONG,
                f"the gradient of the loss is {times:g}x what it should be",
                "the gradient of the mean binary cross-entropy over the mini-batch",
                f"{STEPS} steps end where those with such a gradient do",
                what,
            )
            return Loop([fault], plain=False)
    fault = Finding(
        "",
        WRONG,
        "the steps of train are not those of plain gradient descent",
        f"{STEPS} steps from an output bias of 0, where all labels are 1 and the hidden values 0, "
        f"end at {asked:.3g}",
        f"they end at {bias:.3g}",
    )
    return Loop([fault], known=False, plain=False)


def _same(bias: float, way: np.ndarray) -> bool:
    return bool(abs(bias - way[-1]) < 0.004 * abs(way[-1]))


def _reported(loss: float, way: np.ndarray) -> Finding | None:
    """Is it a sum? Means over examples or batches are right, and those after the epoch."""
    losses = np.log1p(np.exp(-way))  # of the label 1, and so the first is the largest
    if loss < losses[0] + 0.1:  # the penalty may be in it
        return None
    mean = float(losses[:-1].mean())
    causes = {
        STEPS: "the losses of the mini-batches are summed, and not divided by their number",
        ROWS: "the losses of all examples are summed, and not divided by their number",
        BATCH: "the losses of a mini-batch are summed, and not divided by its rows",
    }
    return Finding(
        "",
        WRONG,
        "train does not return mean losses",
        "the mean loss of each epoch, over its examples",
        f"{loss:.3g} for an epoch in which the mean is {mean:.3g}",
        next((text for times, text in causes.items() if abs(loss / mean / times - 1) < 0.1), ""),
    )
