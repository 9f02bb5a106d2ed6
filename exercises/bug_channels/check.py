"""The layer, against that of ``scratch/batch_norm.py`` with pixels as rows; then the model's own.

A model that normalizes each channel first does not see, in training, in which units a channel is.
"""

import functools
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np

from scratch.batch_norm import batch_norm_train
from triptych.exercises.findings import DONE, NOT_DONE, WRONG, Finding, InterfaceError
from triptych.exercises.scripts import missing, replaced

__all__ = ["check"]

SHAPE, CLASSES, ROWS = (5, 7, 3), 2, 6
UNITS = np.array([10.0, 3.0, 1.0], np.float32)
wrong = functools.partial(Finding, "bug", WRONG)
# The axes that a mean goes over, and what that is called.
OTHERS = {
    (0, 2, 3): "Each row of pixels has statistics of its own: axis 1 is the height.",
    (0, 1, 3): "Each column of pixels has statistics of its own: axis 2 is the width.",
    (1, 2, 3): "Each image is normalized by itself, all channels together: layer normalization.",
    (3,): "Each pixel is normalized by itself, over its channels: layer normalization.",
    (1, 2): "Each image is normalized by itself, channel by channel: instance normalization.",
    (0,): "Each pixel of each channel has statistics of its own, over the batch alone.",
    (0, 1, 2, 3): "Everything is normalized together.",
}


def check(
    module: ModuleType,
    framework: str,
    progress: Callable[[str], None],
    seed: int = 0,
    only: str | None = None,
) -> Iterator[Finding]:
    if gone := list(missing(module, ("make_norm", "build_model", "train"))):
        yield from gone
        return
    progress("measuring the layer")
    x = (np.random.default_rng(seed).normal(2, 1, (ROWS, *SHAPE)) * UNITS).astype(np.float32)
    layer = module.make_norm()
    found = _run(layer, x, training=True)
    means, deviations = found.mean(axis=(0, 1, 2)), found.std(axis=(0, 1, 2))
    shown = ", ".join(f"{m:.2f} and {d:.2f}" for m, d in zip(means, deviations, strict=True))
    if not _close(found, _right(x)):
        causes = [cause for axes, cause in OTHERS.items() if _close(found, _over(x, axes))]
        if causes[:1] == [OTHERS[0, 2, 3]]:
            yield Finding(
                "bug",
                NOT_DONE,
                f"after normalization the three channels have means and deviations {shown}, where "
                f"0 and 1 are asked; the layer has {_sizes(layer)} parameters, for {SHAPE[0]} rows "
                f"of pixels and {SHAPE[2]} channels",
            )
            return
        nothing = "Nothing is normalized in training." if np.allclose(found, x, 0.01) else ""
        yield wrong(
            "the channels do not have mean 0 and deviation 1",
            "0 and 1 for each channel, over the batch and all pixels",
            f"means and deviations {shown}",
            causes[0] if causes else nothing,
        )
        return
    faults = list(_of_layer(layer, x)) or list(_of_model(module, seed, x))
    yield from faults or [
        Finding(
            "bug",
            DONE,
            f"after normalization the channels have means and deviations {shown}, in inference by "
            "running statistics; in training the model does not see the units of a channel",
        )
    ]


def _run(layer: Any, x: np.ndarray, *, training: bool) -> np.ndarray:
    from keras import ops

    found = np.array(ops.convert_to_numpy(layer(x, training=training)), np.float64)
    if found.shape != x.shape:
        raise InterfaceError(
            f"what make_norm makes must keep the shape of images; of {x.shape} it makes "
            f"{found.shape}"
        )
    return found


def _right(x: np.ndarray) -> np.ndarray:
    pixels = x.reshape(-1, x.shape[-1]).astype(np.float64)
    ones = np.ones(x.shape[-1])
    y, _, _ = batch_norm_train(pixels, ones, 0 * ones, epsilon=1e-3)
    return np.asarray(y).reshape(x.shape)


def _over(x: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    mean, variance = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    return np.asarray((x - mean) / np.sqrt(variance + 1e-3))


def _close(a: np.ndarray, b: np.ndarray) -> bool:
    return bool(np.abs(a - b).max() < 0.01)


def _sizes(layer: Any) -> str:
    sizes = [int(np.prod(each.shape)) for each in layer.trainable_variables]
    return " and ".join(map(str, sizes)) or "no"


def _of_layer(layer: Any, x: np.ndarray) -> Iterator[Finding]:
    sizes = [int(np.prod(each.shape)) for each in layer.trainable_variables]
    if sizes != [SHAPE[2]] * 2:
        yield wrong(
            "the layer has not a scale and a shift for each channel",
            f"two arrays of {SHAPE[2]} numbers",
            f"{_sizes(layer)} trainable numbers",
        )
        return
    # After one training pass, from 0 and 1.
    axes, images = (0, 1, 2), 2 * x[:1]
    mean, variance = 0.1 * x.mean(axes), 0.9 + 0.1 * x.var(axes)
    expected = (images - mean) / np.sqrt(variance + 1e-3)
    gap = np.abs(_run(layer, images, training=False) - expected).max() / np.abs(expected).max()
    if gap > 0.01:
        yield wrong(
            "in inference other running statistics count",
            "after one training pass a tenth of the batch's, and 0.9 of 0 and 1",
            f"outputs that differ by up to {gap:.1%}",
            "The momentum is another, or there are no running statistics.",
        )


def _of_model(module: ModuleType, seed: int, x: np.ndarray) -> Iterator[Finding]:
    made: list[Any] = []
    own = module.make_norm

    def make_norm() -> Any:
        made.append(own())
        return made[-1]

    with replaced(module, make_norm=make_norm):
        model = module.build_model(SHAPE, CLASSES, seed)
    if len(made) != 2:
        yield wrong(
            "build_model does not make two normalizations",
            "one in front of the convolution, one behind it",
            f"{len(made)} calls of make_norm",
        )
        return

    from keras import ops

    plain, other = (
        np.array(ops.convert_to_numpy(model(images, training=True)))
        for images in (x, x * np.array([100, 7, 30], np.float32) + np.float32(5))
    )
    if np.abs(plain - other).max() > 0.02 * np.abs(plain).max():
        yield wrong(
            "the model as a whole sees the units of a channel",
            "the same logits in training, if a channel is given in other units",
            f"logits that differ by up to {np.abs(plain - other).max():.2g}",
            "What comes first in the model is not the normalization.",
        )
        return
    before = [np.array(ops.convert_to_numpy(each)) for each in model.non_trainable_variables]
    module.train(model, x, np.arange(ROWS) % CLASSES, epochs=1, batch_size=ROWS)
    after = [np.array(ops.convert_to_numpy(each)) for each in model.non_trainable_variables]
    still = sum(bool(np.array_equal(a, b)) for a, b in zip(before, after, strict=True))
    if still > len(before) // 2:
        yield wrong(
            "training does not move the running statistics of the model",
            "a part of the way to those of the batch, in each step",
            f"{still} of {len(before)} arrays as they were",
            "The layers are frozen, or run in inference mode.",
        )
