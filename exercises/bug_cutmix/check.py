"""Whether the labels of ``cutmix`` are mixed as its pixels are."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
import torch

from triptych.exercises.findings import Finding, InterfaceError
from triptych.exercises.scripts import done, judged, still_there, wrong

__all__ = ["check"]

COUNT, CHANNELS, HEIGHT, WIDTH = 6, 3, 8, 14
DRAWS = 150
PIXELS = HEIGHT * WIDTH
VALUES = [2.0**i for i in range(COUNT)]  # a mean of two is none of them


class Noting:
    """A generator that remembers what it has drawn from a beta distribution."""

    def __init__(self, seed: list[int]) -> None:
        self._generator = np.random.default_rng(seed)
        self.weights: list[Any] = []

    def beta(self, *arguments: Any, **options: Any) -> Any:
        self.weights.append(self._generator.beta(*arguments, **options))
        return self.weights[-1]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._generator, name)


@dataclass(frozen=True)
class Draw:
    """Of one image: the share of its own pixels, and of its own label.

    ``box`` is the height and width pasted, ``weight`` what was drawn, None if that is unknown.
    """

    pixels: float
    label: float
    box: tuple[int, int]
    weight: float | None


def check(
    module: ModuleType,
    framework: str,
    progress: Callable[[str], None],
    seed: int = 0,
    only: str | None = None,
) -> Iterator[Finding]:
    progress("mixing images")
    yield from judged(module, ("cutmix",), lambda: _judge(module, seed))


def _mix(module: ModuleType, images: Any, seed: list[int]) -> tuple[np.ndarray, np.ndarray, Any]:
    rng, rows = Noting(seed), torch.eye(COUNT)
    given = images.clone()
    mixed, labels = module.cutmix(given, rows, rng)
    if tuple(mixed.shape) != tuple(images.shape) or tuple(labels.shape) != (COUNT, COUNT):
        raise InterfaceError(
            f"cutmix must return images of shape {tuple(images.shape)} and rows of shape "
            f"{(COUNT, COUNT)}; it returns {tuple(mixed.shape)} and {tuple(labels.shape)}"
        )
    if not torch.equal(given, images) or not torch.equal(rows, torch.eye(COUNT)):
        raise InterfaceError("cutmix changes in place what it is given; the next epoch needs it")
    weights = [each for each in rng.weights if np.ndim(each) == 0]
    weight = float(weights[0]) if len(rng.weights) == 1 and weights else None
    return mixed.numpy(), np.asarray(labels, np.float64), weight


def _judge(module: ModuleType, seed: int) -> Iterator[Finding]:
    plain = torch.tensor(VALUES).reshape(-1, 1, 1, 1).repeat(1, CHANNELS, HEIGHT, WIDTH)
    dark = plain * (torch.arange(PIXELS).reshape(HEIGHT, WIDTH) % 5 == 0)  # mostly 0
    draws: list[Draw] = []
    for number in range(DRAWS):
        mixed, rows, weight = _mix(module, plain, [seed, number])
        found = _of_images(mixed, rows, weight)
        if isinstance(found, Finding):
            yield found
            return
        draws += found
        if not np.allclose(_mix(module, dark, [seed, number])[1], rows, atol=1e-6):
            yield wrong(
                "the labels depend on the colours of the images",
                "the share of the pixels that were pasted, black ones too",
                "other rows of labels for other images, with the same box",
                "Pixels are counted by whether they differ: those that are alike are missed.",
            )
            return
    yield _of_draws(draws)


def _of_images(mixed: np.ndarray, rows: np.ndarray, weight: float | None) -> Finding | list[Draw]:
    draws = []
    if not np.allclose(rows.sum(axis=1), 1, atol=1e-5):
        low, high = rows.sum(axis=1).min(), rows.sum(axis=1).max()
        return wrong("the rows of labels do not add up to 1", "1", f"{low:.4f} to {high:.4f}")
    for i, image in enumerate(mixed):
        values = set(np.unique(image).tolist()) - {VALUES[i]}
        if len(values) > 1 or not values <= set(VALUES):
            return wrong(
                "an image is not made of its own pixels and those of one other",
                "pixels of the image outside the box, and of its partner inside",
                f"the values {sorted(values)} in an image of {VALUES[i]}",
                "Pixels are blended, as in mixup." if len(values) == 1 else "",
            )
        pasted = (image != VALUES[i]).astype(int)
        if not (pasted == pasted[0]).all() or not _is_box(pasted[0]):
            return wrong("what is pasted is no box, the same in all channels")
        if not values:
            if rows[i, i] < 1 - 1e-5:
                draws.append(Draw(1.0, float(rows[i, i]), (0, 0), weight))
            continue
        partner = VALUES.index(values.pop())
        box = pasted[0].any(axis=1).sum(), pasted[0].any(axis=0).sum()
        pixels, own, other = 1 - float(pasted[0].mean()), rows[i, i], rows[i, partner]
        if own + other < 1 - 1e-5:
            return wrong(
                "a label is mixed with that of another image than the pixels are",
                f"rows of image {i} and of image {partner}, whose pixels it has",
                ", ".join(f"{share:.2f} of {k}" for k, share in enumerate(rows[i]) if share > 0),
            )
        draws.append(Draw(pixels, float(own), (int(box[0]), int(box[1])), weight))
    return draws


def _is_box(pasted: np.ndarray) -> bool:
    return bool((pasted == np.outer(pasted.any(axis=1), pasted.any(axis=0))).all())


def _of_draws(draws: list[Draw]) -> Finding:
    pasted = [draw for draw in draws if draw.pixels < 1]
    if len(pasted) < DRAWS:
        measured = f"{len(pasted)} images of {COUNT * DRAWS} have pixels of another"
        return wrong("hardly anything is mixed", measured=measured)
    gaps = [abs(draw.label - draw.pixels) for draw in draws]
    worst = draws[int(np.argmax(gaps))]
    known = [draw for draw in draws if draw.weight is not None]
    if max(gaps) > 1e-5:
        if len(known) == len(draws) and all(_near(d.label, d.weight) for d in draws):
            return still_there(
                f"an image whose own pixels are {worst.pixels:.0%} has {worst.label:.0%} of its "
                f"own label; {len(draws)} labels are off by {np.mean(gaps):.3f} on average"
            )
        return wrong(
            "the labels are not mixed as the pixels are",
            f"{worst.pixels:.4f} of its own label, for an image with as much of its own pixels "
            f"(a box of {worst.box[0]} by {worst.box[1]} in {HEIGHT} by {WIDTH})",
            f"{worst.label:.4f}",
            next((cause for cause, mistake in MISTAKES.items() if _all(pasted, mistake)), ""),
        )
    whole = [d.box == _drawn(d.weight) for d in known if d.weight is not None]
    if known and all(whole):
        return wrong(
            "no box is cut off at the border",
            "a box about any pixel of the image, cut off where it leaves it",
            f"all of {len(whole)} boxes are as large as they were drawn",
            "The labels fit now, and the boxes keep away from the border: that is another "
            "augmentation.",
        )
    larger = [
        d for d in known if d.weight is not None and np.greater(d.box, _drawn(d.weight)).any()
    ]
    if larger:
        return wrong(
            "a box is larger than its draw says",
            "sides of at most sqrt(1 - lambda) of the image's",
            f"{larger[0].box[0]} by {larger[0].box[1]} for lambda {larger[0].weight:.3f}",
        )
    return done(
        f"{len(draws)} labels are mixed as the pixels are, to {max(gaps):.1g}; the largest box has "
        f"{1 - min(d.pixels for d in draws):.0%} of an image"
    )


def _drawn(weight: float) -> tuple[int, int]:
    """The sides of the box before it is cut off."""
    side = math.sqrt(1 - weight)
    return 2 * int(HEIGHT / 2 * side), 2 * int(WIDTH / 2 * side)


def _before_cutting(draw: Draw) -> float:
    if draw.weight is None:
        return math.nan
    height, width = _drawn(draw.weight)
    return 1 - height * width / PIXELS


MISTAKES: dict[str, Callable[[Draw], float]] = {
    "The two weights are swapped: it is 1 minus that.": lambda d: 1 - d.pixels,
    "It is the share of the box before it is cut off at the border.": _before_cutting,
    "The number of pixels is that of all channels.": (lambda d: 1 - (1 - d.pixels) / CHANNELS),
    "The box is divided by the height squared, not by height times width.": (
        lambda d: 1 - (1 - d.pixels) * WIDTH / HEIGHT
    ),
    "The box is divided by the width squared, not by height times width.": (
        lambda d: 1 - (1 - d.pixels) * HEIGHT / WIDTH
    ),
    "The labels are not mixed.": lambda d: 1.0,
    "The labels are mixed half and half.": lambda d: 0.5,
    "The share is rounded to 0 or 1.": lambda d: float(round(d.pixels)),
    "It is the share of one side, not of both.": lambda d: 1 - d.box[0] / HEIGHT,
}


def _all(draws: list[Draw], mistake: Callable[[Draw], float]) -> bool:
    return all(_near(draw.label, mistake(draw)) for draw in draws)


def _near(a: float, b: float | None) -> bool:
    return b is not None and abs(a - b) < 1e-5
