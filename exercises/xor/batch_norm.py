"""Batch norm, measured: what training does to a batch, and inference to a row."""

from collections.abc import Callable, Iterator

import numpy as np

from exercises.findings import DONE, NOT_DONE, WRONG, Finding
from exercises.xor.networks import Network
from exercises.xor.probe import RATE, Noise, Roles, Step, hidden, inference, set_first, settle

__all__ = ["batch_norm"]


CLEAR = 0.02  # what is no rounding error, in hidden values of about 1


def batch_norm(
    build: Callable[[], Network], roles: Roles, noise: Noise, step: Step
) -> Iterator[Finding]:
    def wrong(message: str, expected: str = "", measured: str = "", cause: str = "") -> Finding:
        return Finding("batch norm", WRONG, message, expected, measured, cause)

    rng = np.random.default_rng(3)
    x = rng.normal(size=(48, 2)) * 5 + 3
    others = np.concatenate([x[:24], 3 * x[24:] + 10])
    passes = 9 if noise.random else 1

    def in_training(rows: np.ndarray, scale: float = 0.2) -> np.ndarray:
        network = build()
        set_first(network, roles, scale=scale)
        found = [hidden(network, roles, rows, training=True) for _ in range(passes)]
        return noise.kept(np.stack(found))

    def same(a: np.ndarray, b: np.ndarray) -> bool:
        return bool(np.median(np.abs(a - b)) < CLEAR)

    base = in_training(x)
    depends = not same(base[:24], in_training(others)[:24])
    any_scale, any_shift = same(base, in_training(x, 0.6)), same(base, in_training(x + 10))
    mean, deviation = np.median(np.abs(base.mean(axis=0))), np.median(base.std(axis=0))
    behind = mean < 0.1 and min(abs(deviation - s) for s in (1, 1 / (1 - RATE))) < 0.06
    network = build()
    set_first(network, roles, scale=0.2)
    start = hidden(network, roles, x, training=False)
    network.logits(x, training=True)
    first = hidden(network, roles, x, training=False)
    settle(network, roles, x)
    end = hidden(network, roles, x, training=False)
    moves = not np.abs(end - start).max() < 1e-4

    if not depends:
        row_mean = np.median(np.abs(base.mean(axis=1)))
        row_deviation = np.median(base.std(axis=1))
        if moves:
            yield wrong(
                "training uses the running statistics",
                "in training the mini-batch's own mean and variance normalize it",
                "other rows in the batch change nothing",
            )
        elif (any_scale and not any_shift) or (row_mean < CLEAR and abs(row_deviation - 1) < 0.3):
            yield wrong(
                "each example is normalized over its units: that is layer normalization",
                "each unit is normalized over the examples of the batch",
                "other rows in the batch change nothing",
                "mean and variance are taken along axis 1, they belong along axis 0",
            )
        else:
            yield Finding("batch norm", NOT_DONE)
        return
    if not (any_scale and any_shift) and not behind:
        partly = "the batch changes the hidden values, but does not normalize them"
        cause = ""
        if any_shift or mean < CLEAR:
            partly = "the mean of the batch is subtracted, but the variance is not made 1"
            cause = "divided by the variance, or not at all; by its square root it must be"
        elif any_scale:
            partly = "each unit is not centred on its own mean over the batch"
            cause = "the mean is missing, or is one number for all units (an axis is missing)"
        yield wrong(
            partly,
            "weights 3 times as large, or inputs shifted by 10, leave the normalized values as "
            "they are",
            f"hidden values over the batch have mean {base.mean():.2g} and standard deviation "
            f"{deviation:.2g}",
            cause,
        )
        return
    if len(roles.vectors) < 2:
        yield wrong(
            "gamma and beta are not trained",
            "two trained vectors, a scale and a shift for each hidden unit",
            f"{len(roles.vectors)} trained vector of {roles.units} values",
        )
        return
    if noise.in_inference <= 1e-6:
        faults = list(_inference_faults(network, roles, x, wrong))
        if faults:
            yield from faults
            return
    if not moves:
        yield wrong(
            "the running statistics never change",
            "each training pass moves them towards mean and variance of its batch",
            "predictions are the same before and after 800 training passes",
            "they are computed, but not stored (or never updated)",
        )
        return
    left = np.median(np.abs(first - end)) / max(np.median(np.abs(start - end)), 1e-9)
    if left < 0.35:
        yield wrong(
            "the running statistics forget too fast",
            "each training pass keeps 0.9 (or more) of the old value",
            f"after one pass {1 - left:.0%} of the way to that batch's statistics are done",
            "momentum is turned round: for PyTorch it is the weight of the new value, for Keras "
            "of the old",
        )
        return
    plain, before = inference(network, roles, x)
    candidates = [plain, plain / (1 - RATE), *before]
    size = np.median(np.abs(base))
    if min(np.median(np.abs(base - each)) for each in candidates) > 0.06 * size:
        yield wrong(
            "the running statistics do not become those of the batch",
            "after many passes over one batch, inference normalizes it as training does",
            f"hidden values differ by {np.median(np.abs(base - plain)):.2g}, median",
            "the running variance is fed with something else than the variance, or normalization "
            "differs between training and inference",
        )
        return
    if not step.moves_statistics:
        yield wrong(
            "train leaves the running statistics as they are",
            "each step of train moves them",
            cause="train does not put the network into training mode (predict may have left it "
            "in inference mode)",
        )
        return
    yield Finding(
        "batch norm",
        DONE,
        "training normalizes each unit over the batch, inference with running statistics that "
        "follow it",
    )


def _inference_faults(
    network: Network, roles: Roles, x: np.ndarray, wrong: Callable[..., Finding]
) -> Iterator[Finding]:
    together = network.predict(x)
    alone = np.array([network.predict(x[i : i + 1])[0] for i in range(8)])
    if (gap := np.abs(together[:8] - alone).max()) > 1e-4:
        yield wrong(
            "inference uses the statistics of the batch it is given",
            "a prediction does not depend on the other rows",
            f"predicted alone and in a batch, the same row differs by {gap:.2g}",
            "predict runs the network in training mode, or inference does not use the running "
            "statistics",
        )
        return
    for _ in range(3):
        network.predict(3 * x + 10)
    if (gap := np.abs(network.predict(x) - together).max()) > 1e-6:
        yield wrong(
            "predict changes the running statistics",
            "the same prediction, whatever was predicted in between",
            f"it differs by {gap:.2g}",
            "they must be updated in training only",
        )
