r"""Mixup and CutMix from scratch, in NumPy.

Both train on blends of an example with its partner, which a permutation of the batch says, and
blend the labels in the same proportion. lambda is drawn once for the batch:

    mixup     x~[n] = lambda * x[n] + (1 - lambda) * x[partner[n]]
    labels    q~[n] = weight * q[n] + (1 - weight) * q[partner[n]]           rows q, 1 at the label

    CutMix    x~[n] = x[partner[n]] inside the box, x[n] outside
              half_height = floor(H / 2 * sqrt(1 - lambda))   half_width likewise, with W
              top = row - half_height                         bottom = row + half_height
              left = column - half_width                      right = column + half_width
              about the center (row, column); bottom and right are not inside any more, and what
              lies outside of the image is cut off

For mixup the weight of the labels is lambda. For CutMix it is the part of its own pixels that an
image keeps: labels have to be mixed as the pixels are.

This is the solution. ``x`` has shape (N, ...), ``images`` (N, H, W, C), ``labels`` and ``partner``
hold N integers; ``weight`` is a number in [0, 1], one for the batch.

Papers: Zhang, Cisse, Dauphin and Lopez-Paz, "mixup: beyond empirical risk minimization", ICLR 2018;
Yun, Han, Oh, Chun, Choe and Yoo, "CutMix: regularization strategy to train strong classifiers with
localizable features", ICCV 2019.
"""

import math

import numpy as np


def mixup(x: np.ndarray, partner: np.ndarray, weight: float) -> np.ndarray:
    """x~; ``weight`` is lambda."""
    return weight * x + (1 - weight) * x[partner]


def mixed_labels(
    labels: np.ndarray, partner: np.ndarray, weight: float, *, classes: int
) -> np.ndarray:
    """q~, float64 of shape (N, classes)."""
    q = np.eye(classes)[labels]
    return weight * q + (1 - weight) * q[partner]


def cutmix_box(
    row: int, column: int, weight: float, height: int, width: int
) -> tuple[int, int, int, int]:
    """top, left, bottom, right, as ints, the last two not included; ``weight`` is lambda."""
    side = math.sqrt(1 - weight)
    half_height, half_width = math.floor(height / 2 * side), math.floor(width / 2 * side)
    top, bottom = max(row - half_height, 0), min(row + half_height, height)
    left, right = max(column - half_width, 0), min(column + half_width, width)
    return top, left, bottom, right


def cutmix(images: np.ndarray, partner: np.ndarray, box: tuple[int, int, int, int]) -> np.ndarray:
    """x~, with the same box for all images."""
    top, left, bottom, right = box
    mixed = images.copy()
    mixed[:, top:bottom, left:right] = images[partner, top:bottom, left:right]
    return mixed


def cutmix_weight(weight: float, box: tuple[int, int, int, int], height: int, width: int) -> float:
    """The weight of the labels, where ``weight`` is lambda as it was drawn for this box."""
    top, left, bottom, right = box
    return 1 - (bottom - top) * (right - left) / (height * width)


def main() -> None:
    """Two examples that are each other's partner, and a box in an image of 4 x 8 pixels."""
    partner = np.array([1, 0])
    show(
        "three quarters of 0 and one of 4 are 1, and the other way round 3",
        lambda: mixup(np.array([[0.0], [4.0]]), partner, 0.75),
        ([[1.0], [3.0]],),
    )
    show(
        "labels 0 and 2 share a row",
        lambda: mixed_labels(np.array([0, 2]), partner, 0.75, classes=3),
        ([[0.75, 0.0, 0.25], [0.25, 0.0, 0.75]],),
    )
    show(
        "sqrt(1 - 0.75) is 0.5: 1 row and 2 columns to each side of (0, 5), one row is cut off",
        lambda: np.array(cutmix_box(0, 5, 0.75, 4, 8)),
        ([0, 3, 1, 7],),
    )
    show(
        "the upper row of a black and of a white image changes places",
        lambda: cutmix(np.array([[[[0.0]]] * 2, [[[1.0]]] * 2]), partner, (0, 0, 1, 1)),
        ([[[[1.0]], [[0.0]]], [[[0.0]], [[1.0]]]],),
    )
    show(
        "that box has 4 of the 32 pixels",
        lambda: cutmix_weight(0.75, (0, 3, 1, 7), 4, 8),
        (0.875,),
    )


def show(title, call, expected):
    """Whether a call gives what was worked out by hand."""
    try:
        found = call()
    except NotImplementedError:
        print(f"TODO   {title}")
        return
    found = found if isinstance(found, tuple) else (found,)
    right = len(found) == len(expected) and all(map(np.allclose, found, expected))
    print(f"{'right' if right else 'wrong'}  {title}")
    if not right:
        print("       expected", *expected)
        print("       found   ", *(np.asarray(each).tolist() for each in found))


if __name__ == "__main__":
    main()
