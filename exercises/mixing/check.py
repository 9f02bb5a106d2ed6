"""Holds a learner's mixup and CutMix against `scratch/mixing.py`."""

import math
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np

from scratch import mixing as panel
from triptych.exercises.findings import Finding
from triptych.exercises.functions import Case, Mistake, Task, check_functions

__all__ = ["check"]

AGAINST = "scratch/mixing.py"
# Most are not their own inverse, and one leaves some examples alone.
PARTNERS = {1: [0], 2: [1, 0], 4: [1, 2, 3, 0], 5: [2, 1, 4, 3, 0]}


def check(
    module: ModuleType,
    framework: str,
    progress: Callable[[str], None],
    seed: int = 0,
    only: str | None = None,
) -> Iterator[Finding]:
    """At least one finding for each TODO, or for one. ``framework`` is "scratch"."""
    yield from check_functions(module, tasks(seed), progress, only)


def tasks(seed: int) -> list[Task]:
    rng = np.random.default_rng(seed)
    return [
        Task("mixup", _mixup, _mixup_cases(rng), ("x~",), AGAINST, MIXUP_MISTAKES),
        Task(
            "mixed_labels",
            _mixed_labels,
            _label_cases(rng),
            ("q~",),
            AGAINST,
            LABEL_MISTAKES,
        ),
        Task(
            "cutmix_box",
            _box,
            _box_cases(rng),
            ("top", "left", "bottom", "right"),
            f"the equations of {AGAINST}",
            BOX_MISTAKES,
        ),
        Task("cutmix", _cutmix, _cutmix_cases(rng), ("x~",), AGAINST, CUTMIX_MISTAKES),
        Task(
            "cutmix_weight",
            _weight,
            _weight_cases(rng),
            ("weight of the labels",),
            AGAINST,
            WEIGHT_MISTAKES,
        ),
    ]


def _mixup_cases(rng: np.random.Generator) -> list[Case]:
    return [
        Case(
            {
                "x": rng.normal(size=shape).astype(dtype),
                "partner": _partner(shape[0]),
                "weight": weight,
            }
        )
        for shape in [(4, 3), (5, 5), (2, 1), (1, 4), (5, 3, 4, 2)]
        for dtype in ("float64", "float32")
        for weight in (0.7, 0.2, 0.0, 1.0)
    ]


def _label_cases(rng: np.random.Generator) -> list[Case]:
    labels: list[Any] = [
        [2, 0, 1, 1],
        [0, 1, 1, 0, 0],
        [3, 3],
        [0],
        [9, 4, 9, 4, 7],
        rng.integers(0, 6, 5),
    ]
    return [
        Case(
            {"labels": np.array(each), "partner": _partner(len(each)), "weight": weight},
            {"classes": classes},
        )
        for each, classes in zip(labels, (3, 2, 5, 1, 10, 6), strict=True)
        for weight in (0.7, 0.2, 1.0, 0.0)
    ]


def _box_cases(rng: np.random.Generator) -> list[Case]:
    """Inside, at each border, whole images, empty boxes, one pixel, and any."""
    drawn = [
        (8, 9, 0.9, 17, 20),
        (0, 0, 0.5, 9, 7),
        (8, 6, 0.5, 9, 7),
        (4, 5, 0.0, 8, 10),
        (3, 2, 0.0, 7, 5),
        (3, 2, 1.0, 7, 5),
        (0, 0, 0.4, 1, 1),
    ]
    for _ in range(12):
        height, width = (int(each) for each in rng.integers(4, 40, 2))
        center = int(rng.integers(height)), int(rng.integers(width))
        drawn.append((*center, float(rng.uniform()), height, width))
    names = ("row", "column", "weight", "height", "width")
    return [Case(dict(zip(names, each, strict=True))) for each in drawn]


def _cutmix_cases(rng: np.random.Generator) -> list[Case]:
    boxes = [
        ((4, 6, 8, 3), (1, 3, 4, 7)),
        ((5, 6, 5, 1), (0, 2, 3, 5)),
        ((2, 5, 5, 2), (2, 0, 5, 1)),
        ((4, 3, 4, 1), (0, 0, 3, 4)),
        ((4, 3, 4, 1), (1, 2, 1, 2)),
        ((1, 4, 4, 3), (1, 1, 3, 3)),
        ((2, 1, 1, 1), (0, 0, 1, 1)),
    ]
    return [
        Case(
            {
                "images": rng.normal(size=shape).astype(dtype),
                "partner": _partner(shape[0]),
                "box": box,
            }
        )
        for shape, box in boxes
        for dtype in ("float64", "float32")
    ]


def _weight_cases(rng: np.random.Generator) -> list[Case]:
    cases = []
    for case in _box_cases(rng):
        row, column, weight, height, width = case.given.values()
        box = _box(row, column, weight, height, width)
        cases.append(Case({"weight": weight, "box": box, "height": height, "width": width}))
    return cases


def _partner(count: int) -> np.ndarray:
    return np.array(PARTNERS[count])


def _mixup(x: Any, partner: Any, weight: float) -> Any:
    return panel.mixup(x, partner, np.full(len(x), weight, x.dtype))


def _mixed_labels(labels: Any, partner: Any, weight: float, *, classes: int) -> Any:
    return _mixup(np.eye(classes)[labels], partner, weight)


def _box(
    row: int, column: int, weight: float, height: int, width: int
) -> tuple[int, int, int, int]:
    half_height = math.floor(height / 2 * math.sqrt(1 - weight))
    half_width = math.floor(width / 2 * math.sqrt(1 - weight))
    return (
        max(row - half_height, 0),
        max(column - half_width, 0),
        min(row + half_height, height),
        min(column + half_width, width),
    )


def _cutmix(images: Any, partner: Any, box: Any) -> Any:
    return panel.cutmix(images, partner, np.array([box] * len(images)))


def _weight(weight: float, box: Any, height: int, width: int) -> float:
    return float(panel.cutmix_weight(np.array([box]), height, width, dtype="float64")[0])


def _wrong_mixup(
    *,
    own: Callable[[float], float] = lambda weight: weight,
    others: Callable[[float], float] = lambda weight: 1 - weight,
    paired: Callable[[Any, Any], Any] = lambda x, partner: x[partner],
) -> Callable[..., Any]:
    """Mixup with another weight, or with another partner."""
    return lambda x, partner, weight: own(weight) * x + others(weight) * paired(x, partner)


def _one_by_one(x: Any, partner: Any, weight: float) -> Any:
    mixed = x.copy()
    for n, m in enumerate(partner):
        mixed[n] = weight * mixed[n] + (1 - weight) * mixed[m]
    return mixed


def _inverse(x: Any, partner: Any) -> Any:
    return x[np.argsort(partner)]


MIXUP_MISTAKES = [
    Mistake(
        "The weights are swapped: lambda is that of the example itself, 1 - lambda of its partner.",
        _wrong_mixup(own=lambda weight: 1 - weight, others=lambda weight: weight),
    ),
    Mistake(
        "The partner is not in it: nothing is mixed.", _wrong_mixup(paired=lambda x, partner: x)
    ),
    Mistake(
        "The permutation goes the wrong way: the partner of example n is x[partner[n]].",
        _wrong_mixup(paired=_inverse),
    ),
    Mistake(
        "The partner is the example at the same place from the end; the permutation says which.",
        _wrong_mixup(paired=lambda x, partner: x[::-1]),
    ),
    Mistake(
        "The partner is the neighbour in the batch; the permutation says which it is.",
        _wrong_mixup(paired=lambda x, partner: np.roll(x, 1, axis=0)),
    ),
    Mistake(
        "The partner is the neighbour in the batch; the permutation says which it is.",
        _wrong_mixup(paired=lambda x, partner: np.roll(x, -1, axis=0)),
    ),
    Mistake("The weight of the partner, 1 - lambda, is missing.", _wrong_mixup(others=lambda w: 1)),
    Mistake("The weight of the example itself, lambda, is missing.", _wrong_mixup(own=lambda w: 1)),
    Mistake("Both have the weight lambda.", _wrong_mixup(others=lambda weight: weight)),
    Mistake(
        "Both have the weight one half; lambda is not used.",
        _wrong_mixup(own=lambda weight: 0.5, others=lambda weight: 0.5),
    ),
    Mistake(
        "A partner that is mixed already is mixed in again: it has to be taken from x, not from "
        "the result.",
        _one_by_one,
    ),
]


def _wrong_labels(mixed: Callable[..., Any] = _mixup, *, hard: bool = False) -> Callable[..., Any]:
    def labels(labels: Any, partner: Any, weight: float, *, classes: int) -> Any:
        q = mixed(np.eye(classes)[labels], partner, weight)
        return np.eye(classes)[q.argmax(axis=1)] if hard else q

    return labels


def _overwritten(labels: Any, partner: Any, weight: float, *, classes: int, first: bool) -> Any:
    """By the partner's weight, or by the own."""
    q, every = np.zeros((len(labels), classes)), np.arange(len(labels))
    pairs = [(labels, weight), (labels[partner], 1 - weight)]
    for label, its in pairs if first else pairs[::-1]:
        q[every, label] = its
    return q


LABEL_MISTAKES = [
    Mistake(
        "The weights are swapped: weight is that of the label itself, 1 - weight of the partner's.",
        _wrong_labels(_wrong_mixup(own=lambda weight: 1 - weight, others=lambda weight: weight)),
    ),
    Mistake(
        "The partner's label is not in it: each row has one 1.",
        _wrong_labels(_wrong_mixup(paired=lambda x, partner: x)),
    ),
    Mistake(
        "Where both labels are the same, the second weight overwrites the first; a row has the "
        "sum 1.",
        lambda *args, **options: _overwritten(*args, **options, first=True),
    ),
    Mistake(
        "Where both labels are the same, the second weight overwrites the first; a row has the "
        "sum 1.",
        lambda *args, **options: _overwritten(*args, **options, first=False),
    ),
    Mistake(
        "The permutation goes the wrong way: the partner's label is labels[partner[n]].",
        _wrong_labels(_wrong_mixup(paired=_inverse)),
    ),
    Mistake(
        "The partner is the example at the same place from the end; the permutation says which.",
        _wrong_labels(_wrong_mixup(paired=lambda x, partner: x[::-1])),
    ),
    Mistake(
        "Both labels count 1: the weights are missing.",
        _wrong_labels(_wrong_mixup(own=lambda weight: 1, others=lambda weight: 1)),
    ),
    Mistake(
        "A row counts both labels as 1, and the weights are missing.",
        _wrong_labels(lambda x, partner, weight: np.maximum(x, x[partner])),
    ),
    Mistake(
        "Both labels have the weight one half.",
        _wrong_labels(_wrong_mixup(own=lambda weight: 0.5, others=lambda weight: 0.5)),
    ),
    Mistake(
        "A row keeps only the label with the larger weight, as a 1.",
        _wrong_labels(hard=True),
    ),
    Mistake(
        "A partner's row that is mixed already is mixed in again: take it from the rows before.",
        _wrong_labels(_one_by_one),
    ),
]


def _wrong_box(
    *,
    side: Callable[[float], float] = lambda weight: math.sqrt(1 - weight),
    share: float = 0.5,
    rounded: Callable[[float], int] = math.floor,
    cut: str = "",
    swapped: str = "",
    order: tuple[int, ...] = (0, 1, 2, 3),
) -> Callable[..., Any]:
    """The box with one thing changed; ``order`` is that of what is returned."""

    def box(row: int, column: int, weight: float, height: int, width: int) -> tuple[int, ...]:
        if swapped == "center":
            row, column = column, row
        sides = (width, height) if swapped == "sides" else (height, width)
        half_height, half_width = (rounded(share * each * side(weight)) for each in sides)
        top, left, bottom, right = (
            row - half_height,
            column - half_width,
            row + half_height,
            column + half_width,
        )
        if cut == "center":
            top, left, bottom, right = row, column, row + 2 * half_height, column + 2 * half_width
        if cut == "included":
            bottom, right = bottom + 1, right + 1
        if cut == "moved":
            down, aside = max(-top, 0), max(-left, 0)
            top, bottom, left, right = top + down, bottom + down, left + aside, right + aside
            up, back = max(bottom - height, 0), max(right - width, 0)
            top, bottom, left, right = top - up, bottom - up, left - back, right - back
        elif cut != "not":
            last = 1 if cut == "last" else 0
            top, left = max(top, 0), max(left, 0)
            bottom, right = min(bottom, height - last), min(right, width - last)
        if cut == "extent":
            bottom, right = bottom - top, right - left
        found = (top, left, bottom, right)
        return tuple(found[i] for i in order)

    return box


BOX_MISTAKES = [
    Mistake("The box is not cut off at the border of the image.", _wrong_box(cut="not")),
    Mistake(
        "The box is moved into the image, in the place of being cut off.", _wrong_box(cut="moved")
    ),
    Mistake(
        "The sides go with 1 - lambda, and the area with its square: the square root is missing.",
        _wrong_box(side=lambda weight: 1 - weight),
    ),
    Mistake(
        "The sides go with the root of lambda, which is the part that is kept; the box has the "
        "part 1 - lambda.",
        _wrong_box(side=math.sqrt),
    ),
    Mistake(
        "The root is taken of lambda, then subtracted from 1: it is that of 1 - lambda.",
        _wrong_box(side=lambda weight: 1 - math.sqrt(weight)),
    ),
    Mistake(
        "The whole sides go to each side of the center; the half of them does.",
        _wrong_box(share=1.0),
    ),
    Mistake(
        "The halves are rounded to the nearest; they are rounded down, by floor.",
        _wrong_box(rounded=round),
    ),
    Mistake("The halves are rounded up; they are rounded down.", _wrong_box(rounded=math.ceil)),
    Mistake(
        "The sides are rounded, then halved, then rounded again: only the half is rounded down.",
        _wrong_box(share=1.0, rounded=lambda side: math.floor(math.floor(side + 0.5) / 2)),
    ),
    Mistake("The height and the width of the image are swapped.", _wrong_box(swapped="sides")),
    Mistake("The row and the column of the center are swapped.", _wrong_box(swapped="center")),
    Mistake(
        "The box is cut off at height - 1 and width - 1; bottom and right are not included, so "
        "that the last are height and width.",
        _wrong_box(cut="last"),
    ),
    Mistake(
        "bottom and right are one too far: the row row + half_height is not inside any more.",
        _wrong_box(cut="included"),
    ),
    Mistake(
        "The point that is drawn is taken as the upper left corner; it is the center.",
        _wrong_box(cut="center"),
    ),
    Mistake(
        "A height and a width are returned in the place of bottom and right.",
        _wrong_box(cut="extent"),
    ),
    Mistake(
        "The order is left, top, right, bottom; rows come first: top, left, bottom, right.",
        _wrong_box(order=(1, 0, 3, 2)),
    ),
    Mistake(
        "The order is top, bottom, left, right; it should be top, left, bottom, right.",
        _wrong_box(order=(0, 2, 1, 3)),
    ),
]


def _wrong_cutmix(
    *,
    place: Callable[..., tuple[int, ...]] = lambda top, left, bottom, right: (
        top,
        left,
        bottom,
        right,
    ),
    pasted: Callable[[Any, Any], Any] = lambda images, partner: images[partner],
    outside: bool = False,
) -> Callable[..., Any]:
    """Pastes something else, somewhere else, or outside."""

    def cutmix(images: Any, partner: Any, box: Any) -> Any:
        top, left, bottom, right = place(*box)
        mixed, others = images.copy(), pasted(images, partner)
        if outside:
            mixed, others = others.copy(), mixed
        mixed[:, top:bottom, left:right] = others[:, top:bottom, left:right]
        return mixed

    return cutmix


def _pasted_one_by_one(images: Any, partner: Any, box: Any) -> Any:
    top, left, bottom, right = box
    mixed = images.copy()
    for n, m in enumerate(partner):
        mixed[n, top:bottom, left:right] = mixed[m, top:bottom, left:right]
    return mixed


def _from_the_corner(images: Any, partner: Any, box: Any) -> Any:
    top, left, bottom, right = box
    mixed = images.copy()
    mixed[:, top:bottom, left:right] = images[partner, : bottom - top, : right - left]
    return mixed


CUTMIX_MISTAKES = [
    Mistake(
        "It is the wrong way round: the partner's pixels stand outside the box, not inside.",
        _wrong_cutmix(outside=True),
    ),
    Mistake(
        "The partner is not in it: nothing is pasted.",
        _wrong_cutmix(pasted=lambda images, partner: images),
    ),
    Mistake(
        "The whole images are exchanged, not only the box.",
        lambda images, partner, box: images[partner],
    ),
    Mistake(
        "The permutation goes the wrong way: the partner of image n is images[partner[n]].",
        _wrong_cutmix(pasted=_inverse),
    ),
    Mistake(
        "The partner is the image at the same place from the end; the permutation says which.",
        _wrong_cutmix(pasted=lambda images, partner: images[::-1]),
    ),
    Mistake(
        "A partner that is pasted into already is pasted: its pixels have to be taken from "
        "images, not from the result.",
        _pasted_one_by_one,
    ),
    Mistake(
        "Rows and columns are swapped: top and bottom belong to axis 1, left and right to axis 2.",
        _wrong_cutmix(place=lambda top, left, bottom, right: (left, top, right, bottom)),
    ),
    Mistake(
        "The box is read as top, bottom, left, right; it is top, left, bottom, right.",
        _wrong_cutmix(place=lambda top, left, bottom, right: (top, bottom, left, right)),
    ),
    Mistake(
        "The last row and column are one too far: bottom and right are not inside the box.",
        _wrong_cutmix(place=lambda top, left, bottom, right: (top, left, bottom + 1, right + 1)),
    ),
    Mistake(
        "bottom and right are read as a height and a width.",
        _wrong_cutmix(
            place=lambda top, left, bottom, right: (top, left, top + bottom, left + right)
        ),
    ),
    Mistake(
        "Whole rows are pasted: left and right are not used.",
        _wrong_cutmix(place=lambda top, left, bottom, right: (top, 0, bottom, 10**6)),
    ),
    Mistake(
        "Whole columns are pasted: top and bottom are not used.",
        _wrong_cutmix(place=lambda top, left, bottom, right: (0, left, 10**6, right)),
    ),
    Mistake(
        "Zeros are pasted, as in cutout; the partner's pixels should be.",
        _wrong_cutmix(pasted=lambda images, partner: np.zeros_like(images)),
    ),
    Mistake(
        "The two images are blended inside the box, half and half; the partner's pixels stand "
        "there alone.",
        _wrong_cutmix(pasted=lambda images, partner: (images + images[partner]) / 2),
    ),
    Mistake(
        "The pixels come from the partner's upper left corner, not from the same place.",
        _from_the_corner,
    ),
]


def _wrong_weight(
    area: Callable[..., float] = lambda top, left, bottom, right: (bottom - top) * (right - left),
    *,
    whole: Callable[[int, int], float] = lambda height, width: height * width,
    kept: bool = True,
) -> Callable[..., Any]:
    """Of another area, of another whole, or of the other part."""

    def share(weight: float, box: Any, height: int, width: int) -> float:
        pasted = area(*box) / whole(height, width)
        return 1 - pasted if kept else pasted

    return share


WEIGHT_MISTAKES = [
    Mistake(
        "It is lambda as it was drawn. The sides are rounded down and what lies outside of the "
        "image is cut off, so that the box is smaller than 1 - lambda: its pixels count.",
        lambda weight, box, height, width: weight,
    ),
    Mistake(
        "It is 1 - lambda, as it was drawn; the pixels of the box count.",
        lambda weight, box, height, width: 1 - weight,
    ),
    Mistake(
        "It is the part that was pasted, the partner's; the label's own weight is the rest.",
        _wrong_weight(kept=False),
    ),
    Mistake(
        "The box is counted with one row and column too many: bottom and right are not in it.",
        _wrong_weight(
            lambda top, left, bottom, right: (bottom - top + 1) * (right - left + 1),
        ),
    ),
    Mistake(
        "bottom and right are taken as a height and a width.",
        _wrong_weight(lambda top, left, bottom, right: bottom * right),
    ),
    Mistake(
        "The box is read as top, bottom, left, right; it is top, left, bottom, right.",
        _wrong_weight(lambda top, left, bottom, right: (left - top) * (right - bottom)),
    ),
    Mistake(
        "The pixels are divided by height * height, not by height * width.",
        _wrong_weight(whole=lambda height, width: height * height),
    ),
    Mistake(
        "The pixels are divided by width * width, not by height * width.",
        _wrong_weight(whole=lambda height, width: width * width),
    ),
    Mistake(
        "The number of pixels is returned, not the part of all.",
        lambda weight, box, height, width: height * width - (box[2] - box[0]) * (box[3] - box[1]),
    ),
    Mistake(
        "It is cut to a whole number: / divides, // rounds down.",
        lambda weight, box, height, width: (
            1 - (box[2] - box[0]) * (box[3] - box[1]) // (height * width)
        ),
    ),
    Mistake(
        "The weights are averaged: lambda as it was drawn has no part in it.",
        lambda weight, box, height, width: (weight + _weight(weight, box, height, width)) / 2,
    ),
    Mistake(
        "lambda is multiplied by the part that is kept; the part alone is the weight.",
        lambda weight, box, height, width: weight * _weight(weight, box, height, width),
    ),
]
