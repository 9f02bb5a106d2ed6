"""A plan against overfitting: the measures in the order of good practice, each with its reasons."""

from collections.abc import Collection
from dataclasses import dataclass

__all__ = ["CASE", "MEASURES", "Measure", "next_ones"]

CASE = (
    "A ResNet-50, trained from scratch without any regularization, is right on 98 % of its "
    "training images and on 71 % of its validation images. There are 5,000 images of 50 classes. "
    "In which order do you take these measures? One of them is none."
)


@dataclass(frozen=True)
class Measure:
    """Those of a lower ``stage`` come first, those of the same one in any order; 0 is for never.

    ``start`` has the values to begin with, ``keep`` says what validation must show, ``smaller``
    whether a smaller model is called for at this point.
    """

    title: str
    stage: int
    why: str
    start: str
    keep: str
    smaller: str
    technique: str | None = None


MEASURES = (
    Measure(
        title="a score to trust",
        stage=1,
        why="Of the 1,000 images of a fold 71 % has a standard error of 1.4 points: in one run, "
        "gains below 3 points may be chance. Folds and seeds make it smaller. The test set is "
        "looked at once, at the end.",
        start="5 stratified folds, 3 seeds, test set apart",
        keep="gains are above 2 standard errors",
        smaller="Not yet: without a score you could not tell whether it is better.",
    ),
    Measure(
        title="early stopping",
        stage=2,
        why="It costs nothing, and every run after it is judged at its best epoch, not at an "
        "arbitrary last one. It chooses on validation images, so these flatter it a little.",
        start="patience 10, best weights restored",
        keep="always; more epochs if the last is best",
        smaller="No: it limits what a large one learns by heart.",
        technique="early_stopping",
    ),
    Measure(
        title="pretrained weights",
        stage=2,
        why="100 images of a class are few for 25 million weights that begin at random. Features "
        "learned from a million images are the largest single gain here, unless your images look "
        "like none of those.",
        start="ImageNet; classifier at 1e-3, then all at 1e-4",
        keep="it beats training from scratch in each fold",
        smaller="No: with pretrained weights the larger one is as a rule the better.",
    ),
    Measure(
        title="augmentation",
        stage=3,
        why="It is the nearest thing to more data. Only what leaves the label true: look at twenty "
        "augmented images with their labels first. Validation images get none of it.",
        start="crops of 50 to 100 %, flips, colour 0.2",
        keep="validation rises; training may fall",
        smaller="No: augmentation uses up the capacity that is too much without it.",
        technique="augmentation",
    ),
    Measure(
        title="weight decay",
        stage=4,
        why="A small, steady pull to 0, decoupled from Adam's scaling. Not on biases, nor on the "
        "scales of batch norm.",
        start="1e-4 in SGD, 0.05 in AdamW; try by tens",
        keep="best on the folds, not at the grid's edge",
        smaller="No: this is the smoother way to less capacity.",
        technique="penalties",
    ),
    Measure(
        title="label smoothing",
        stage=4,
        why="With 50 classes, some of them alike, it takes away the reward for being ever surer. "
        "It changes the loss, so compare accuracies.",
        start="0.1",
        keep="accuracy gains",
        smaller="No: it does not depend on the size.",
        technique="label_smoothing",
    ),
    Measure(
        title="mixup or CutMix",
        stage=5,
        why="Blends cannot be known by heart. It is strong and slow, so it comes after what is "
        "cheaper, and training accuracy says nothing any more.",
        start="mixup 0.2 or CutMix 1.0, twice the epochs",
        keep="it gains on top of augmentation",
        smaller="No: a small one would underfit the blends first.",
        technique="mixing",
    ),
    Measure(
        title="dropout",
        stage=5,
        why="In a network full of batch norm it has its place before the classifier only, behind "
        "the last batch norm. What it adds to the rest is often little.",
        start="0.3, before the classifier",
        keep="it gains more than chance; else leave it",
        smaller="No: dropout wants units to spare.",
        technique="dropout",
    ),
    Measure(
        title="a smaller model",
        stage=6,
        why="Now the question can be answered fairly. From scratch, a ResNet-18 may be as good on "
        "5,000 images; pretrained and regularized, ResNet-50 mostly stays ahead. Size is a matter "
        "of cost, too.",
        start="ResNet-18, the same plan, the same folds",
        keep="it is within 1 standard error: cheaper",
        smaller="Now: try it, and let the folds decide.",
    ),
    Measure(
        title="a deeper model",
        stage=0,
        why="It lowers the bias, and at 98 % on training images there is none to lower. Think of "
        "it again if all the regularization leaves training far below what you need.",
        start="nothing",
        keep="only if training is poor",
        smaller="Rather that than a deeper one.",
    ),
)


def next_ones(taken: Collection[Measure]) -> list[Measure]:
    """What good practice takes next: those of the lowest stage that is left."""
    left = [each for each in MEASURES if each.stage and each not in taken]
    return [each for each in left if each.stage == min(other.stage for other in left)]
