"""Dropout, measured: where values are dropped, when, how often, and what the others become."""

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from triptych.exercises.findings import DONE, NOT_DONE, WRONG, Finding

from .batch_norm import LATER_MODE, MODE
from .networks import Network
from .probe import (
    BIAS,
    PASSES,
    RATE,
    ROWS,
    Noise,
    Roles,
    Step,
    hidden,
    inference,
    set_first,
    settle,
)

__all__ = ["dropout"]

wrong = partial(Finding, "dropout", WRONG)


def dropout(
    build: Callable[..., Network],
    roles: Roles,
    noise: Noise,
    step: Step,
    framework: str,
    *,
    norm_is_wrong: bool,
) -> Iterator[Finding]:
    """Where batch norm is wrong, inference says nothing of dropout's scale."""
    if noise.in_predict > 1e-6:
        if noise.random:
            message = (
                "dropout is still active in inference: two predictions on the same input differ "
                f"by {noise.in_predict:.2g}"
            )
            cause = "predict runs the network in training mode"
            if noise.in_inference:
                cause = "values are dropped in whatever mode the network is run"
        else:
            message = "dropout is active in inference, and not in training"
            cause = "the condition on training is turned round"
        yield wrong(message, "the same prediction each time", cause=cause)
        return
    network = build()
    set_first(network, roles)
    if not noise.random:
        inferred = hidden(network, roles, ROWS, training=False)
        dead = (np.abs(noise.values).max(axis=(0, 1, 2)) < 1e-6) & (
            np.abs(inferred).max(axis=0) > 0.1
        )
        yield _the_same_mask() if dead.any() else Finding("dropout", NOT_DONE)
        return
    if noise.dropped is None or noise.different > 2:
        yield _other_noise(noise)
        return
    dropped = np.abs(noise.values - noise.dropped) < 2e-5  # (passes, 64, 4, units)
    rate = noise.rate
    another = build(2)
    set_first(another, roles)
    fault = (
        _which(noise, dropped, roles)
        or _of_the_seed(another, roles, dropped, noise)
        or _how_many(network, roles, noise)
    )
    if fault:
        yield fault
        return
    if abs(rate - RATE) > 0.02:
        swapped = abs(rate - (1 - RATE)) < 0.02
        yield wrong(
            f"{rate:.1%} of the hidden values are dropped",
            f"{RATE:.0%}",
            f"{rate:.1%} of {dropped.size} values",
            "the probability to drop and the probability to keep are swapped" if swapped else "",
        )
        return
    fault = _scale(network, roles, noise)
    if fault and not norm_is_wrong:
        yield fault
        return
    if not step.random:
        yield wrong(
            "train runs the network without dropout",
            "two steps of training from the same weights differ: they have other masks",
            "they are the same",
            MODE[framework],
        )
        return
    if not step.later_random:
        yield wrong(
            "train runs the network without dropout after the first epoch",
            "each step has a mask of its own",
            "the losses of later epochs on one batch are the same",
            LATER_MODE[framework],
        )
        return
    scale = (
        "once batch norm is right, their scale can be measured"
        if fault
        else f"the others are scaled by {1 / (1 - RATE):g}"
    )
    yield Finding(
        "dropout",
        DONE,
        f"{rate:.1%} of the hidden values are dropped in training, none in inference; {scale}",
    )


def _other_noise(noise: Noise) -> Finding:
    """Random, but there is no value for what is dropped: how many does a pass show instead?"""
    units = noise.values.round(4)[:, 0].reshape(PASSES, -1).T  # a row for each unit and corner
    if noise.different <= 1 and max(len(np.unique(unit)) for unit in units) > 2:
        return wrong(
            "the weights are dropped, not the hidden values",
            "a hidden value is either dropped or the same at each step",
            "equal rows of a batch agree, and differ from step to step",
        )
    if noise.different <= 1:
        return wrong(
            "one mask serves all examples of the batch",
            "a mask of the batch's shape: each example drops other units",
            "in a pass a unit has the same value in all rows that are equal",
            "the mask is drawn with the shape (units,)",
        )
    if noise.different <= 2:
        return wrong(
            "dropout stands before batch norm",
            "a hidden value is either dropped or the same at each step",
            "the values that are kept differ from step to step",
            "the dropped zeros enter the mean and variance of the batch",
        )
    if noise.different <= 4:
        return wrong(
            "dropout acts on the inputs",
            "the hidden layer's values are dropped",
            f"in equal rows of a batch a hidden value takes {noise.different:.0f} values",
        )
    return wrong(
        "the hidden values are disturbed, but none is dropped",
        f"{RATE:.0%} of them are 0, the others the same at each step",
        "a hidden value of the same input is another one each time",
        "noise of another kind than a mask of zeros and ones",
    )


def _which(noise: Noise, dropped: np.ndarray, roles: Roles) -> Finding | None:
    """Are all examples, and all steps, given masks of their own?"""
    if noise.dropped is not None and abs(noise.dropped + BIAS) < 1e-4:
        return wrong(
            "dropout acts on the output",
            "the hidden layer's values are dropped",
            "whole logits are 0",
            "it stands behind the output layer",
        )
    if not noise.expected_drop:
        return wrong(
            f"what is dropped becomes {noise.dropped:.3g}, not 0",
            "a dropped value is 0 (or what the activation makes of 0)",
            cause="another kind of dropout, with a scale and a shift of its own",
        )
    share = dropped.reshape(PASSES, -1, roles.units).mean(axis=1)  # of a unit, in a pass
    if ((share == 0) | (share == 1)).mean() > 0.9:
        return wrong(
            "one mask serves all examples of the batch",
            "a mask of the batch's shape: each example drops other units",
            "a unit is dropped for every row, or for none",
            "the mask is drawn with the shape (units,)",
        )
    if (dropped == dropped[:1]).all():
        return _the_same_mask()
    return None


def _of_the_seed(
    another: Network, roles: Roles, dropped: np.ndarray, noise: Noise
) -> Finding | None:
    """Has a network of another seed other masks?"""
    values = hidden(another, roles, ROWS, training=True, units=[0]).reshape(64, 4)
    if (
        noise.dropped is None
        or ((np.abs(values - noise.dropped) < 2e-5) != dropped[0, ..., 0]).any()
    ):
        return None
    return wrong(
        "the masks are the same whatever the seed of build_model is",
        "different seeds give different masks",
        cause="dropout has a fixed seed of its own",
    )


def _the_same_mask() -> Finding:
    return wrong(
        "the mask is the same at every step",
        "a new mask in each training pass",
        f"{PASSES} passes drop the same values",
        "the mask is drawn once, or from a generator that starts anew each time",
    )


def _how_many(network: Network, roles: Roles, noise: Noise) -> Finding | None:
    """How many units does a row lose? With output weights of 1 / value the logit counts the kept.

    Independent masks make a binomial number, of variance units * RATE * (1 - RATE).
    """
    base = noise.dropped or 0.0
    kept = noise.kept(noise.values.reshape(-1, 4, roles.units)) - base  # of each corner
    corner = int(np.abs(kept).min(axis=1).argmax())
    counted = np.abs(kept[corner]) > 0.01
    weights = np.where(counted, 1 / np.where(counted, kept[corner], 1), 0)
    own = network.parameters()
    network.assign(
        {
            roles.output: weights.reshape(own[roles.output].shape),
            roles.output_bias: np.full_like(own[roles.output_bias], BIAS),
        }
    )
    logits = [network.logits(ROWS, training=True)[corner::4] for _ in range(PASSES)]
    network.assign(own)
    number = np.concatenate(logits) - BIAS - base * weights.sum()
    ratio = number.var() / (counted.sum() * RATE * (1 - RATE))
    if ratio > 4:
        return wrong(
            "an example loses all hidden units at once or none",
            "each unit of each example is dropped by itself",
            cause="the mask is drawn with the shape (N, 1)",
        )
    if ratio < 0.3:
        return wrong(
            "every example loses the same number of hidden units",
            "each unit of each example is dropped by itself: the number varies",
            f"{counted.sum() - number.mean():.1f} of {counted.sum()} in each row",
        )
    return None


def _scale(network: Network, roles: Roles, noise: Noise) -> Finding | None:
    """Is what is kept divided by 1 - rate, before or after the activation?"""
    kept = noise.kept(noise.values.reshape(-1, 4, roles.units))
    settle(network, roles, ROWS)
    plain, before = inference(network, roles, ROWS[:4])
    sure = np.abs(plain) > 0.1 * np.abs(plain).max()
    ratio = float(np.median(kept[sure] / plain[sure]))
    right = 1 / (1 - RATE)
    gaps = [
        np.median(np.abs(kept - each)[sure] / np.abs(kept)[sure])
        for each in (right * plain, *before)
    ]
    if min(gaps) < 0.05:
        return None
    causes = {
        1.0: "what is kept is not divided by 1 - rate (nor is inference multiplied by it)",
        1 - RATE: "multiplied by 1 - rate, where it must be divided",
        1 / RATE: "divided by rate, where it must be divided by 1 - rate",
        right**2: "divided by 1 - rate twice, or in inference multiplied by it too",
    }
    cause = next((text for value, text in causes.items() if abs(ratio / value - 1) < 0.05), "")
    return wrong(
        "training and inference do not have the same mean",
        f"what is kept is {right:g} times its value in inference",
        f"{ratio:.3g} times",
        cause,
    )
