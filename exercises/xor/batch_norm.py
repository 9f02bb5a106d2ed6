"""Batch norm, measured: what training does to a batch, and inference to a row."""

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from triptych.exercises.findings import DONE, NOT_DONE, WRONG, Finding

from .networks import Network
from .probe import BIAS, RATE, Noise, Roles, Step, hidden, inference, set_first, settle

__all__ = ["LATER_MODE", "MODE", "batch_norm", "betas_of"]

CLEAR = 0.02  # what is no rounding error, in hidden values of about 1
SMALL, LARGE = 0.2, 0.6  # of the first weights; the activation's input gets a spread of 1 and 3

wrong = partial(Finding, "batch norm", WRONG)

FROZEN = {
    "scratch": "training normalizes with the running statistics, and nothing moves those",
    "torch": ".eval() was called on it alone, or it is given training=False",
    "keras": "it has trainable=False, or is called with training=False",
}
MOMENTUM = {
    "scratch": "running = 0.9 * running + 0.1 * new: the large weight is that of the old value",
    "torch": "BatchNorm1d's momentum is the weight of the new value",
    "keras": "BatchNormalization's momentum is the weight of the old value",
}
MODE = {
    "scratch": "train calls forward without training=True",
    "torch": "train does not put the network into training mode (predict may have left it in "
    "inference mode)",
    "keras": "train runs the network without training=True, or its call does not hand that on",
}
LATER_MODE = {
    "scratch": "in later epochs train calls forward without training=True",
    "torch": "something in the loop leaves the network in inference mode",
    "keras": "in later epochs train runs the network without training=True",
}


def batch_norm(
    build: Callable[[], Network], roles: Roles, noise: Noise, step: Step, framework: str
) -> Iterator[Finding]:
    """Nothing at all where noise of another kind than dropout's hides it."""
    if noise.random and (noise.dropped is None or not noise.expected_drop):
        return
    x = 5 * np.random.default_rng(3).normal(size=(48, 2)) + 3
    network = build()
    fault = _training(network, roles, noise, x, framework)
    if fault is not None:
        yield fault
        return
    if fault := _gamma_and_beta(network.anew(), roles, noise, step):
        yield fault
        return
    network = network.anew()
    set_first(network, roles, scale=LARGE)
    start = hidden(network, roles, x, training=False)
    settle(network, roles, x)
    end = hidden(network, roles, x, training=False)
    # Random predictions are dropout's fault, and hide what batch norm does in inference.
    sure = noise.in_predict <= 1e-6
    if sure and (fault := _predictions(network, x)):
        yield fault
    elif np.abs(end - start).max() < 1e-4:
        yield wrong(
            "the running statistics never change",
            "each training pass moves them towards mean and variance of its batch",
            "predictions are the same before and after hundreds of training passes",
            "they are computed, but not stored (or never updated)",
        )
    elif sure and (fault := _statistics(network, roles, noise, x, framework)):
        yield fault
    elif not step.moves_statistics:
        yield wrong(
            "train leaves the running statistics as they are",
            "each step of train moves them",
            cause=MODE[framework],
        )
    elif not step.later_statistics:
        yield wrong(
            "train leaves the running statistics as they are after the first epoch",
            "each step of train moves them",
            cause=LATER_MODE[framework],
        )
    else:
        yield Finding(
            "batch norm",
            DONE,
            "training normalizes each unit over the batch, inference with running statistics that "
            "follow it",
        )


def _in_training(
    network: Network, roles: Roles, noise: Noise, x: np.ndarray, scale: float
) -> np.ndarray:
    """Hidden values in training, as they are where dropout keeps them."""
    set_first(network, roles, scale=scale)
    passes = 1
    if noise.random:  # so many that each value is kept in one of them
        passes = max(9, int(np.ceil(np.log(1e-3) / np.log(np.clip(noise.rate, 0.1, 0.9)))))
    return noise.kept(np.stack([hidden(network, roles, x, training=True) for _ in range(passes)]))


def _training(
    network: Network, roles: Roles, noise: Noise, x: np.ndarray, framework: str
) -> Finding | None:
    """Does training normalize the batch? None if so."""

    def values(rows: np.ndarray, scale: float = SMALL) -> np.ndarray:
        return _in_training(network.anew(), roles, noise, rows, scale)

    def same(a: np.ndarray, b: np.ndarray) -> bool:
        return bool(np.median(np.abs(a - b)) < CLEAR)

    base = values(x)
    depends = not same(base[:24], values(np.concatenate([x[:24], 3 * x[24:] + 10]))[:24])
    any_scale, any_shift = same(base, values(x, LARGE)), same(base, values(x + 10))
    mean, deviation = np.median(np.abs(base.mean(axis=0))), np.median(base.std(axis=0))
    # Behind the activation: not invariant, but itself of mean 0 and variance 1.
    scales = (1, 1 / (1 - RATE), 1 / (1 - min(noise.rate, 0.99)))
    behind = any(mean < 0.1 * s and abs(deviation / s - 1) < 0.06 for s in scales)
    measured = (
        f"hidden values over the batch have mean {base.mean():.2g} and standard deviation "
        f"{deviation:.2g}"
    )
    if depends and (behind or (any_scale and any_shift)):
        if fault := _running_in_training(network.anew(), roles, noise, x, base):
            return fault
        return None
    if roles.of_inputs:
        return wrong(
            "batch norm acts on the inputs",
            "the hidden layer is normalized",
            "trained vectors of 2 values, one for each input",
        )
    if depends:
        message, cause = "the batch changes the hidden values, but does not normalize them", ""
        if any_shift or mean < CLEAR:
            message = "the mean of the batch is subtracted, but the variance is not made 1"
            cause = "divided by the variance, or not at all; by its square root it must be"
        elif any_scale:
            message = "each unit is not centred on its own mean over the batch"
            cause = "the mean is missing, or is one number for all units (an axis is missing)"
        expected = (
            "weights 3 times as large, or inputs shifted by 10, give the same normalized values"
        )
        return wrong(message, expected, measured, cause)
    row_mean, row_deviation = np.median(np.abs(base.mean(axis=1))), np.median(base.std(axis=1))
    if (any_scale and not any_shift) or (row_mean < CLEAR and abs(row_deviation - 1) < 0.3):
        return wrong(
            "each example is normalized over its units: that is layer normalization",
            "each unit is normalized over the examples of the batch",
            "other rows in the batch change nothing",
            "mean and variance are taken along axis 1, they belong along axis 0",
        )
    network = network.anew()
    before = network.logits(x, training=False)
    settle(network, roles, x)
    if np.abs(network.logits(x, training=False) - before).max() > 1e-4:
        return _uses_running()
    if len(roles.vectors) > 1 or roles.units in network.untrained():
        return wrong(
            "there is a batch norm, but it is frozen",
            "in training the mini-batch's own mean and variance normalize it, and move the running "
            "ones",
            "the other rows of a batch change nothing, and training passes change no prediction",
            FROZEN[framework],
        )
    return Finding("batch norm", NOT_DONE)


def _running_in_training(
    network: Network, roles: Roles, noise: Noise, x: np.ndarray, base: np.ndarray
) -> Finding | None:
    """After passes over other rows, a training pass must give what it gave before."""
    set_first(network, roles, scale=SMALL)
    for _ in range(30):
        network.logits(3 * x + 100, training=True)
    once = hidden(network, roles, x, training=True, units=[0])[:, 0]
    kept = np.abs(once - (np.inf if noise.dropped is None else noise.dropped)) > 1e-5
    gap = np.median(np.abs(once - base[:, 0])[kept])
    return _uses_running() if gap > 2 * CLEAR else None


def _uses_running() -> Finding:
    return wrong(
        "training uses the running statistics",
        "in training the mini-batch's own mean and variance normalize it",
        "what was run before changes a training pass, beyond the rows of its batch",
    )


def _gamma_and_beta(network: Network, roles: Roles, noise: Noise, step: Step) -> Finding | None:
    # Where no gradient comes to the hidden layer, that is another fault.
    trained = min(len(roles.vectors), step.trained if step.reaches else roles.units)
    if trained < 2:
        message = "gamma and beta are not trained"
        if len(roles.scalars) > 1:
            message = "gamma and beta are one number for all units"
        elif trained == 1:
            message = "one of gamma and beta is missing, or is not trained"
        return wrong(
            message,
            "two vectors that train moves, a scale and a shift for each hidden unit",
            f"train moves {trained} vectors of {roles.units} values",
        )
    values = network.parameters()
    names = {"gamma": (1.0, roles.vectors), "beta": (0.0, betas_of(network, roles, noise))}
    for name, (start, vectors) in names.items():
        if not any(np.allclose(values[vector], start) for vector in vectors):
            return wrong(
                f"there is no {name}, or it does not start at {start:g}",
                "a new network normalizes to mean 0 and variance 1",
            )
    return None


def betas_of(network: Network, roles: Roles, noise: Noise) -> list[str]:
    """The vectors that move the mean of a unit over the batch: no bias before batch norm does."""
    x = np.random.default_rng(7).normal(size=(48, 2))
    set_first(network, roles)
    own, passes = network.parameters(), 9 if noise.random else 1

    def mean() -> float:
        values = [hidden(network, roles, x, training=True, units=[0]) for _ in range(passes)]
        return float(noise.kept(np.stack(values)).mean())

    before, found = mean(), []
    for name in roles.vectors:
        network.assign({name: own[name] + 1})
        if abs(mean() - before) > 0.1:
            found.append(name)
        network.assign({name: own[name]})
    return found


def _predictions(network: Network, x: np.ndarray) -> Finding | None:
    """Does a prediction depend on the row alone?"""
    together = network.predict(x)
    for _ in range(3):
        network.predict(3 * x + 10)
    again = network.predict(x)
    if (gap := np.abs(again - together).max()) > 1e-6:
        return wrong(
            "predict changes the running statistics",
            "the same prediction, whatever was predicted in between",
            f"it differs by {gap:.2g}",
            "they must be updated in training only: predict runs the network in training mode, or "
            "the update does not look at the mode",
        )
    # With one other row: some implementations refuse a batch of a single one.
    alone = np.array([network.predict(np.stack([x[i], 3 * x[i + 9] + 10]))[0] for i in range(8)])
    if (gap := np.abs(again[:8] - alone).max()) > 1e-4:
        return wrong(
            "inference uses the statistics of the batch it is given",
            "a prediction does not depend on the other rows",
            f"among other rows, the prediction for a row differs by {gap:.2g}",
            "predict runs the network in training mode, or inference does not use the running "
            "statistics",
        )
    return None


def _statistics(
    network: Network, roles: Roles, noise: Noise, x: np.ndarray, framework: str
) -> Finding | None:
    """Do the running statistics become those of the batch, and how fast? They are those of x."""
    plain, before = inference(network, roles, x)
    # A wrong scale, or dropout of the output, is dropout's fault.
    scales = [1, 1 / (1 - RATE), 1 - RATE, 1 / RATE, 1 / (1 - RATE) ** 2]
    scales.append(1 / (1 - min(noise.rate, 0.99)))
    candidates = [plain * scale for scale in scales] + before
    candidates.append((plain + BIAS) / (1 - RATE) - BIAS)
    base = _in_training(network.anew(), roles, noise, x, LARGE)
    gaps = [np.median(np.abs(base - each)) for each in candidates]
    if min(gaps) > 0.06 * np.median(np.abs(base)):
        return wrong(
            "the running statistics do not become those of the batch",
            "after many passes over one batch, inference normalizes it as training does",
            f"hidden values differ by {gaps[0]:.2g}, median",
            "the running variance is fed with something else than the variance, or normalization "
            "differs between training and inference",
        )
    if (kept := _kept(network, roles, noise, x)) < 0.75:
        return wrong(
            "the running statistics forget too fast",
            "each training pass keeps 0.9 (or more) of the old value",
            f"one pass does {1 - kept:.0%} of the way to that batch's mean",
            f"momentum is turned round: {MOMENTUM[framework]}" if kept < 0.35 else "",
        )
    return None


def _kept(network: Network, roles: Roles, noise: Noise, x: np.ndarray) -> float:
    """How much of the old running mean a pass keeps, by a unit's value in inference.

    One pass over rows that are shifted moves the mean, and leaves the variance. So it does not
    matter where the running variance began.
    """
    weights = network.parameters()[roles.first]
    along = weights[:, 0] if weights.shape[0] == 2 else weights[0]
    along = along / np.linalg.norm(along)

    def value(rows: np.ndarray, *, training: bool = False) -> np.ndarray:
        passes = 9 if training and noise.random else 1
        values = [hidden(network, roles, rows, training=training, units=[0]) for _ in range(passes)]
        return noise.kept(np.stack(values)) if training else values[0]

    shift = 2 * along
    moved = value(x + 5 * along, training=True) - value(x, training=True)
    if np.median(np.abs(moved)) > CLEAR:
        # Behind the activation: there a shift is none, but where the activation is straight.
        set_first(network, roles, scale=0.003)
        x = x + 30 * along
    settle(network, roles, x)
    end, start = value(x), value(x + shift)
    network.logits(x + shift, training=True)
    first = value(x + shift)
    sure = np.abs(start - end) >= 0.5 * np.abs(start - end).max()
    return float(np.median(((first - end) / np.where(sure, start - end, 1))[sure]))
