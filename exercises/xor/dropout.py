"""Dropout, measured: where values are dropped, when, how often, and what the others become."""

from collections.abc import Callable, Iterator

import numpy as np

from exercises.findings import DONE, NOT_DONE, WRONG, Finding
from exercises.xor.networks import Network
from exercises.xor.probe import (
    BIAS,
    PASSES,
    RATE,
    ROWS,
    Noise,
    Roles,
    Step,
    inference,
    set_first,
    settle,
)

__all__ = ["dropout"]


def dropout(
    build: Callable[[], Network], roles: Roles, noise: Noise, step: "Step"
) -> Iterator[Finding]:
    def wrong(message: str, expected: str = "", measured: str = "", cause: str = "") -> Finding:
        return Finding("dropout", WRONG, message, expected, measured, cause)

    if noise.in_inference > 1e-6:
        yield wrong(
            f"dropout is still active in inference: two predictions on the same input differ by "
            f"{noise.in_inference:.2g}"
            if noise.random
            else "dropout is active in inference, and not in training",
            "the same prediction each time",
            cause="predict runs the network in training mode"
            if noise.random
            else "the condition on training is turned round",
        )
        return
    if not noise.random:
        yield Finding("dropout", NOT_DONE)
        return
    if noise.dropped is None:
        yield _othermeasure_noise(noise, wrong)
        return
    dropped = np.abs(noise.values - noise.dropped) < 2e-5  # (passes, 64, 4, units)
    alive = ~dropped.all(axis=(0, 1))  # cells that are not the dropped value anyway (ReLU)
    rate = dropped[:, :, alive].mean()
    if abs(noise.dropped + BIAS) < 1e-4:
        yield wrong(
            "dropout acts on the output",
            "the hidden layer's values are dropped",
            f"{rate:.0%} of the logits are 0",
            "it stands behind the output layer",
        )
        return
    share = dropped.reshape(PASSES, -1, roles.units).mean(axis=1)  # of a unit, in a pass
    if ((share == 0) | (share == 1)).mean() > 0.9:
        yield wrong(
            "one mask serves all examples of the batch",
            "a mask of the batch's shape: each example drops other units",
            "a unit is dropped for every row, or for none",
            "the mask is drawn with the shape (units,)",
        )
        return
    if (dropped == dropped[:1]).all():
        yield wrong(
            "the mask is the same at every step",
            "a new mask in each training pass",
            f"{PASSES} passes drop the same values",
            "the mask is drawn once, or from a generator that starts anew each time",
        )
        return
    if abs(rate - RATE) > 0.02:
        swapped = abs(rate - (1 - RATE)) < 0.02
        yield wrong(
            f"{rate:.1%} of the hidden values are dropped",
            f"{RATE:.0%}",
            f"{rate:.1%} of {dropped[:, :, alive].size} values",
            "the probability to drop and the probability to keep are swapped" if swapped else "",
        )
        return
    network = build()
    set_first(network, roles)
    shared = network.parameters()
    shared = {roles.output: np.ones_like(shared[roles.output])}
    network.assign(
        shared | {roles.output_bias: np.full_like(network.parameters()[roles.output_bias], BIAS)}
    )
    sums = network.logits(ROWS, training=True) - BIAS
    if (np.abs(sums - roles.units * noise.dropped) < 1e-4).mean() > RATE / 4:
        yield wrong(
            "an example loses all hidden units at once or none",
            "each unit of each example is dropped by itself",
            cause="the mask is drawn with the shape (N, 1)",
        )
        return
    yield from _scale(network, roles, noise, rate, wrong)
    if not step.random:
        yield wrong(
            "train runs the network without dropout",
            "two steps of training from the same weights differ: they have other masks",
            "they are the same",
            "train does not put the network into training mode (predict may have left it in "
            "inference mode)",
        )


def _othermeasure_noise(noise: Noise, wrong: Callable[..., Finding]) -> Finding:
    """Random, but no value that stands for dropped ones: how many does a pass show instead?"""
    within = noise.values.round(4)  # of a corner and a unit in one pass
    different = np.median(
        [
            len(np.unique(within[p, :, corner, unit]))
            for p in range(PASSES)
            for corner in range(4)
            for unit in range(within.shape[3])
        ]
    )
    if different <= 2:
        return wrong(
            "dropout stands before batch norm",
            "a hidden value is either dropped or the same at each step",
            "the values that are kept differ from step to step",
            "the dropped zeros enter the mean and variance of the batch",
        )
    if different <= 4:
        return wrong(
            "dropout acts on the inputs",
            "the hidden layer's values are dropped",
            f"a hidden value of the same input takes {different:.0f} values",
        )
    return wrong(
        "the hidden values are disturbed, but none is dropped",
        f"{RATE:.0%} of them are 0, the others the same at each step",
        "a hidden value of the same input is another one each time",
        "noise of another kind than a mask of zeros and ones",
    )


def _scale(
    network: Network, roles: Roles, noise: Noise, rate: float, wrong: Callable[..., Finding]
) -> Iterator[Finding]:
    """Is what is kept divided by 1 - rate, before or after the activation?"""
    kept = noise.kept(noise.values.reshape(-1, 4, roles.units))
    settle(network, roles, ROWS)
    plain, before = inference(network, roles, ROWS[:4])
    sure = np.abs(plain) > 0.1 * np.abs(plain).max()
    ratio = float(np.median(kept[sure] / plain[sure]))
    right = 1 / (1 - RATE)
    gaps = [np.median(np.abs(kept - right * plain)[sure] / np.abs(kept)[sure])]
    gaps += [np.median(np.abs(kept - each)[sure] / np.abs(kept)[sure]) for each in before]
    if min(gaps) < 0.05:
        yield Finding(
            "dropout",
            DONE,
            f"{rate:.1%} of the hidden values are dropped, the others are scaled by {right:g}, "
            "and inference drops none",
        )
        return
    causes = {
        1.0: "what is kept is not divided by 1 - rate (nor is inference multiplied by it)",
        1 - RATE: "multiplied by 1 - rate, where it must be divided",
        1 / RATE: "divided by rate, where it must be divided by 1 - rate",
        right**2: "divided by 1 - rate twice, or in inference multiplied by it too",
    }
    cause = next((text for value, text in causes.items() if abs(ratio / value - 1) < 0.05), "")
    yield wrong(
        "training and inference do not have the same mean",
        f"what is kept is {right:g} times its value in inference",
        f"{ratio:.3g} times",
        cause,
    )
