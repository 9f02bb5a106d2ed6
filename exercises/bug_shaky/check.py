"""What the output layer sees in training and in prediction, where each hidden value is 1.

With w1 = 0 and b1 = 1 each is. In training it is read off the gradient of w2, which for one row is
the hidden value times something known; in prediction off a logit.
"""

import functools
import math
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np

from triptych.exercises.findings import DONE, NOT_DONE, WRONG, Finding
from triptych.exercises.scripts import missing

__all__ = ["check"]

RATE, INPUTS, CLASSES, PASSES = 0.5, 2, 3, 150
Model = dict[str, np.ndarray]
wrong = functools.partial(Finding, "bug", WRONG)


def check(
    module: ModuleType,
    framework: str,
    progress: Callable[[str], None],
    seed: int = 0,
    only: str | None = None,
) -> Iterator[Finding]:
    if gone := list(missing(module, ("build_model", "loss_and_gradients", "predict", "train"))):
        yield from gone
        return
    progress("measuring dropout")
    x = np.random.default_rng(seed).normal(size=(20, INPUTS))
    labels = np.arange(20) % CLASSES
    model = module.build_model(INPUTS, CLASSES, seed)
    calls = [np.array(module.predict(model, x)) for _ in range(4)]
    moves = float(np.ptp(calls, axis=0).max())
    in_training = _in_training(module, seed)
    in_predict = _in_predict(module, seed)
    kept = in_training[in_training != 0]
    share = float((in_training == 0).mean())
    plain = kept.size > 0 and np.allclose(kept, 1)
    if moves > 1e-9 and plain and np.isin(in_predict.round(6), (0, 1)).all():
        yield Finding(
            "bug",
            NOT_DONE,
            f"four calls of predict differ by up to {moves:.2g} in a probability; where each "
            f"hidden value is 1, predict lets the output layer see {in_predict.min():.0f} to "
            f"{in_predict.max():.0f}",
        )
        return
    faults = _of_training(module, model, x, labels, share, kept) or list(_of_train(module, seed, x))
    if moves > 1e-9:
        faults.append(
            wrong(
                "predict still gives other probabilities in each call",
                "the same, to the last digit",
                f"differences of up to {moves:.2g}",
                "Something is still drawn there; a mean over many draws changes too.",
            )
        )
    elif np.ptp(in_predict) > 1e-6:
        faults.append(
            wrong(
                "predict drops hidden values, the same ones in each call",
                "all of them, where each is 1",
                f"values from {in_predict.min():.3g} to {in_predict.max():.3g}",
                "The mask is drawn from a fixed seed. It is a thinned network all the same.",
            )
        )
    elif not faults and abs(float(kept[0]) * (1 - RATE) - in_predict.mean()) > 1e-6:
        faults.append(_of_means(float(kept[0]), float(in_predict.mean())))
    yield from faults or [
        Finding(
            "bug",
            DONE,
            f"predict gives the same in each call; training drops {share:.3f} of the hidden values "
            f"and lets the others count {kept[0]:.3g}, predict lets all count {in_predict[0]:.3g}",
        )
    ]


def _ones(module: ModuleType, seed: int) -> Model:
    model: Model = module.build_model(INPUTS, CLASSES, seed)
    model["w1"] = np.zeros_like(model["w1"])
    model["b1"] = np.ones_like(model["b1"])
    model["w2"] = np.zeros_like(model["w2"])
    return model


def _in_training(module: ModuleType, seed: int) -> np.ndarray:
    """(passes, units)"""
    model, rng = _ones(module, seed), np.random.default_rng(seed)
    x, label = np.zeros((1, INPUTS)), np.zeros(1, int)
    found = [module.loss_and_gradients(model, x, label, rng)[1]["w2"] for _ in range(PASSES)]
    return np.array(found)[:, :, 1] * CLASSES  # the gradient there is a third of it


def _in_predict(module: ModuleType, seed: int) -> np.ndarray:
    """(units,): a logit that is the hidden value of one unit, against one that is 0."""
    model, found = _ones(module, seed), []
    for unit in range(len(model["b1"])):
        model["w2"] = np.zeros_like(model["w2"])
        model["w2"][unit, 0] = 1
        row = np.asarray(module.predict(model, np.zeros((1, INPUTS))))[0]
        found.append(math.log(row[0] / row[1]))
    return np.array(found)


def _of_training(
    module: ModuleType, model: Model, x: Any, labels: Any, share: float, kept: np.ndarray
) -> list[Finding]:
    def loss(weights: Model, seed: int = 3) -> float:
        return float(module.loss_and_gradients(weights, x, labels, np.random.default_rng(seed))[0])

    if abs(loss(model) - loss(model)) > 1e-12:
        return [
            wrong(
                "two training passes with the same rng differ",
                "all that is drawn comes from rng",
                "other losses",
                "The mask is drawn from np.random, or from a generator made elsewhere.",
            )
        ]
    if share == 0:
        return [
            wrong(
                "nothing is dropped in training any more",
                f"{RATE:g} of the hidden values",
                "none",
                "Dropout was to stay in training; predict is what should do without.",
            )
        ]
    error = 5 * math.sqrt(RATE * (1 - RATE) / (kept.size / (1 - share)))
    if abs(share - RATE) > error:
        return [
            wrong(
                "another share of the hidden values is dropped in training",
                f"{RATE:g} +- {error:.2g} (5 standard errors)",
                f"{share:.3f}",
            )
        ]
    if not np.allclose(kept, kept[0]):
        return [
            wrong(
                "what is kept is not scaled by one number",
                "one value, where each hidden value is 1",
                f"values from {kept.min():.3g} to {kept.max():.3g}",
                "It is divided by the share that was kept this time, or by a mean.",
            )
        ]
    return list(_of_gradients(module, model, x, labels, loss))


def _of_train(module: ModuleType, seed: int, x: np.ndarray) -> Iterator[Finding]:
    """That it learns, and draws from its seed alone."""
    labels, models = np.arange(len(x)) % CLASSES, []
    for _ in range(2):
        models.append(module.build_model(INPUTS, CLASSES, seed))
        module.train(models[-1], x, labels, epochs=2, batch_size=5, seed=seed)
    first, second = models
    if np.array_equal(first["w1"], module.build_model(INPUTS, CLASSES, seed)["w1"]):
        yield wrong("train leaves the first layer as it was")
    elif not all(np.array_equal(first[name], second[name]) for name in first):
        yield wrong(
            "two trainings with the same seed differ",
            "all that is drawn comes from rng",
            "other weights",
            "The mask is drawn from np.random, or from a generator made elsewhere.",
        )


def _of_gradients(
    module: ModuleType, model: Model, x: Any, labels: Any, loss: Callable[[Model], float]
) -> Iterator[Finding]:
    """Against difference quotients, all with one mask."""
    gradients = module.loss_and_gradients(model, x, labels, np.random.default_rng(3))[1]
    rng, step = np.random.default_rng(0), 1e-6
    for name in ("w2", "w1", "b1"):
        direction = rng.normal(size=model[name].shape)
        ahead, behind = (
            loss(model | {name: model[name] + sign * step * direction}) for sign in (1, -1)
        )
        measured = (ahead - behind) / (2 * step)
        claimed = float((gradients[name] * direction).sum())
        if abs(measured - claimed) > 1e-4 * max(1, abs(measured)):
            yield wrong(
                f"the gradient of {name} is not that of the loss",
                f"{measured:.4g} in a random direction, by the difference quotient",
                f"{claimed:.4g}",
                "The mask or its scale is not the same forward and backward.",
            )
            return


def _of_means(kept: float, predicted: float) -> Finding:
    ratio = predicted / (kept * (1 - RATE))
    causes = {
        (1.0, 1.0): "The mask is gone from predict, and nothing makes up for it: half of the mend.",
        (2.0, 0.5): "Both make up for it; one should.",
        (0.5, 1.0): "What is kept is multiplied by the share, where it should be divided.",
        (1.0, 2.0): "predict multiplies by 1 / share; it should be by the share.",
    }
    return wrong(
        "the mean in training is not that in prediction",
        "the same, where each hidden value is 1",
        f"{kept * (1 - RATE):.3g} in training, {predicted:.3g} in prediction: {ratio:.3g} times it",
        causes.get((round(kept, 4), round(predicted, 4)), ""),
    )
