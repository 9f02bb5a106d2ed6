"""L2, measured by a step of training in which the data have no say.

With an output bias so high that every prediction is sure and right, the data have no gradient left,
and what the step still changes is the penalty's doing.
"""

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from triptych.exercises.findings import DONE, NOT_DONE, WRONG, Finding

from .loop import STEPS, Loop
from .networks import Network
from .probe import STRENGTH, Roles, Step

__all__ = ["l2"]

NOTHING = STRENGTH / 500  # the data's gradient is not quite zero

wrong = partial(Finding, "l2", WRONG)


def l2(
    build: Callable[[], Network], roles: Roles, step: Step, loop: Loop, framework: str
) -> Iterator[Finding]:
    """One step of training where the data have no gradient: w -= learning_rate * STRENGTH * w.

    Nothing at all where the steps are not understood.
    """
    if step.adaptive:
        yield wrong(
            "every weight moves by the same, whatever its gradient",
            "plain gradient descent",
            cause="an optimizer like Adam or RMSprop divides the penalty's gradient by its own "
            "size, so that its strength no longer counts",
        )
        return
    if not loop.known or any(fault.todo == "l2" for fault in loop.faults):
        return
    asked, rows = 0.3, 3  # so few that a batch size of the file's own has room for them
    network, rate = build(), asked if loop.rate is None else loop.rate
    rng = np.random.default_rng(4)
    start = network.parameters()
    for name, value in start.items():
        start[name] = rng.normal(size=value.shape) * (0.1 if name == roles.output else 1.0)
    for name in roles.vectors:
        start[name] = np.abs(start[name]) + 0.5
    start[roles.output_bias] = np.full_like(start[roles.output_bias], 14.0)
    network.assign(start)
    x, y = rng.normal(size=(rows, 2)), np.ones(rows)
    losses = network.train(x, y, epochs=1, batch_size=rows, learning_rate=asked, seed=0)
    end = network.parameters()
    decay = {name: (start[name] - end[name]) / rate for name in start}  # what was added to dL/dw
    pull = {name: _slope(decay[name], start[name]) for name in start}
    weights = {"the first layer": roles.first, "the output layer": roles.output}
    biases = [name for name in (*roles.vectors, roles.output_bias) if abs(pull[name]) > NOTHING]
    expected = f"the gradient gets {STRENGTH:g} * w for each weight of the two matrices"
    found = {where: pull[name] for where, name in weights.items()}
    if max(map(abs, found.values())) < NOTHING:
        if biases:
            yield wrong("the biases are penalized, and the weights are not", expected)
        elif losses[0] > 0.005:
            yield wrong(
                "the loss has the penalty, but the gradients do not",
                expected,
                f"a loss of {losses[0]:.3g} where the data's is 0, and weights that do not move",
                "add the penalty's derivative to the gradients too",
            )
        elif framework == "keras" and getattr(network.model, "losses", None):
            yield wrong(
                "the penalty is never added to the loss",
                expected,
                "model.losses has it, but the weights do not move",
                "a training loop of one's own adds sum(model.losses) to the loss itself",
            )
        else:
            yield Finding("l2", NOT_DONE)
        return
    missing = [where for where, value in found.items() if abs(value) < NOTHING]
    if missing:
        yield wrong(f"the weights of {missing[0]} are not penalized", expected)
    for where, name in weights.items():
        if where in missing:
            continue
        slope, straight = found[where], _straight(decay[name], start[name])
        if abs(slope / STRENGTH - 1) < 0.04 and straight:
            continue
        measured = f"{slope:.4g} * w for the weights of {where}"
        if not straight:
            size = float(np.median(np.abs(decay[name])))
            even = bool(np.median(np.abs(np.abs(decay[name]) - size)) < 0.05 * size)
            yield wrong(
                f"the pull on the weights of {where} is not proportional to them",
                expected,
                f"{size:.3g}, whatever the weight" if even else "another pull",
                "that is L1, the sum of absolute values" if even else "",
            )
        else:
            yield wrong(
                f"the penalty's gradient on w is {slope / STRENGTH:.3g}x what it should be",
                expected,
                measured,
                _cause(slope / STRENGTH, rate, rows, start[name], framework),
            )
        break
    if biases:
        yield wrong(
            "biases are penalized"
            if roles.output_bias in biases
            else "gamma, beta or the hidden bias are penalized",
            "weight matrices only",
            f"{max((pull[name] for name in biases), key=abs):.3g} times the value is added to "
            "their gradients",
            "the penalty or the decay is set for all parameters"
            if roles.output_bias in biases
            else "gamma and beta are no weight matrices, whatever their names",
        )
        return
    if missing or any(abs(value / STRENGTH - 1) >= 0.04 for value in found.values()):
        return
    if loop.plain and loop.kept is not None and (fault := _over_an_epoch(loop.kept, found)):
        yield fault
        return
    low, high = sorted(f"{value:.4f}" for value in found.values())
    pulled = low if low == high else f"{low} to {high}"
    yield Finding(
        "l2", DONE, f"each weight is pulled by {pulled} times its value, biases by nothing"
    )


def _over_an_epoch(kept: float, found: dict[str, float]) -> Finding | None:
    """Do the first weights decay at each step, by what they are then?"""
    strength = found["the first layer"]
    ways = {
        (1 - strength) ** STEPS: None,
        1 - strength: wrong(
            "the weights decay once in an epoch",
            "the gradient of every mini-batch gets the penalty's",
            f"an epoch of {STEPS} steps pulls by {1 - kept:.4g} * w",
        ),
        1 - STEPS * strength: wrong(
            "the penalty is that of the weights before training",
            f"the gradient gets {STRENGTH:g} * w, of the weights as each step finds them",
            f"each of {STEPS} steps at a learning rate of 1 takes the same from w",
            "the weights are read once, when train begins",
        ),
    }
    return ways[min(ways, key=lambda each: abs(each - kept))]


def _slope(change: np.ndarray, values: np.ndarray) -> float:
    return float((change * values).sum() / (values**2).sum())


def _straight(change: np.ndarray, values: np.ndarray) -> bool:
    slope = _slope(change, values)
    return bool(np.abs(change - slope * values).max() < 0.1 * np.abs(slope * values).max())


def _cause(ratio: float, rate: float, rows: int, weights: np.ndarray, framework: str) -> str:
    """Of a penalty whose gradient is ``ratio`` times what it should be."""
    twice = "the penalty is strength * sum(w**2), without the one-half"
    half = "the one-half counts twice: the gradient of strength / 2 * w**2 is strength * w"
    if framework == "keras":
        twice = f"{twice}, as keras.regularizers.L2 is: its argument must be half of the strength"
    if framework == "torch":
        half = "the one-half counts twice: weight_decay adds strength * w, it has no one-half"
    norm, size = float(np.linalg.norm(weights)), weights.size
    causes = {
        2.0: twice,
        0.5: half,
        -1.0: "the sign: the weights grow",
        1 / rows: "the penalty is divided by the number of examples, as the data's loss is",
        2 / rows: "the penalty is divided by the number of examples, and lacks the one-half",
        1 / rate: "the decay is not multiplied by the learning rate",
        rate: "the decay is multiplied by the learning rate twice",
        float(rows): "the penalty counts once for each example",
        1 / norm: "the norm of the weights is penalized, not its square",
        1 / size: "the mean of the squares is penalized, not their sum",
        2 / size: "the mean of the squares is penalized, not their sum, and without the one-half",
        0.5 / norm: "half the norm of the weights is penalized, not its square",
        4.0: "the one-half is missing, and the penalty counts twice",
    }
    return next((text for value, text in causes.items() if abs(ratio / value - 1) < 0.05), "")
