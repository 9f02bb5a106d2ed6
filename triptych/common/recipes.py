"""Recipes: every number that decides a training run, in one frozen object for the three panels.

Keras casts Python hyperparameters to float32 even where the weights are float64
(``ops.cast(0.9, "float64")`` is 0.8999999761581421). So a recipe rounds each of its floats to the
nearest float32 once, and all three panels then compute with the same numbers.
"""

import math
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from triptych.common.checks import (
    check_choice,
    check_dtype,
    check_examples,
    check_flag,
    check_integer,
    check_number,
)

if TYPE_CHECKING:
    from triptych.common.datasets import Dataset

__all__ = [
    "AugmentationRecipe",
    "EarlyStoppingRecipe",
    "Recipe",
    "ScheduleRecipe",
    "representable",
]


def representable(value: float) -> float:
    """The float32 nearest to ``value``, as a Python float."""
    with np.errstate(over="ignore"):
        return float(np.float32(value))


class _Rounded:
    """Checked as given and as rounded: 1 - 1e-9 is less than 1, the float32 nearest to it is 1."""

    def check(self) -> None:
        raise NotImplementedError

    def __post_init__(self) -> None:
        self.check()
        for field in fields(self):  # type: ignore[arg-type]
            if field.type is float:
                object.__setattr__(self, field.name, representable(getattr(self, field.name)))
        self.check()


@dataclass(frozen=True, kw_only=True)
class AugmentationRecipe(_Rounded):
    """Ranges of the random changes made to each training image. The defaults change nothing.

    ``rotation`` and ``shear`` are in degrees, ``translation`` in fractions of the image side,
    ``zoom`` in fractions of the scale, ``crop_padding`` and ``cutout`` in pixels, ``brightness``
    and ``noise`` in units of the pixel values ([0, 1]), ``contrast`` in fractions. Each image draws
    its own numbers, uniform in [-range, range] (``noise`` is the standard deviation of a normal);
    each flip is a fair coin of its own.
    """

    rotation: float = 0.0
    zoom: float = 0.0
    translation: float = 0.0
    shear: float = 0.0
    interpolation: str = "bilinear"
    fill_mode: str = "constant"
    fill_value: float = 0.0
    horizontal_flip: bool = False
    vertical_flip: bool = False
    crop_padding: int = 0
    brightness: float = 0.0
    contrast: float = 0.0
    cutout: int = 0
    noise: float = 0.0

    def check(self) -> None:
        check_number("rotation", self.rotation, "[0, 180]")
        check_number("zoom", self.zoom, "[0, 1)")
        check_number("translation", self.translation, "[0, 1]")
        check_number("shear", self.shear, "[0, 90)")
        check_choice("interpolation", self.interpolation, ("bilinear", "nearest"))
        check_choice("fill_mode", self.fill_mode, ("constant", "nearest", "reflect"))
        check_number("fill_value", self.fill_value)
        check_flag("horizontal_flip", self.horizontal_flip)
        check_flag("vertical_flip", self.vertical_flip)
        check_integer("crop_padding", self.crop_padding)
        check_number("brightness", self.brightness, "[0, 1]")
        check_number("contrast", self.contrast, "[0, 1]")
        check_integer("cutout", self.cutout)
        check_number("noise", self.noise, "[0, inf)")

    @property
    def moves(self) -> bool:
        """True if there is an affine map to apply."""
        return any((self.rotation, self.zoom, self.translation, self.shear))

    @property
    def clips(self) -> bool:
        """True if a change may leave [0, 1], so that the result has to be clipped."""
        return any((self.brightness, self.contrast, self.noise))


@dataclass(frozen=True, kw_only=True)
class EarlyStoppingRecipe(_Rounded):
    """Stop when ``monitor`` has not improved by more than ``min_delta`` for ``patience`` epochs."""

    monitor: str = "validation_loss"
    patience: int = 0
    min_delta: float = 0.0
    mode: str = "min"
    start_from_epoch: int = 0
    restore_best_weights: bool = True

    def check(self) -> None:
        check_choice("monitor", self.monitor, ("validation_loss", "validation_accuracy"))
        check_integer("patience", self.patience)
        check_number("min_delta", self.min_delta, "[0, inf)")
        check_choice("mode", self.mode, ("min", "max"))
        if self.monitor == "validation_accuracy" and self.mode == "min":
            raise ValueError("mode must be 'max' for validation_accuracy, got 'min'")
        check_integer("start_from_epoch", self.start_from_epoch)
        check_flag("restore_best_weights", self.restore_best_weights)


@dataclass(frozen=True, kw_only=True)
class ScheduleRecipe(_Rounded):
    """How the learning rate changes from the recipe's; see ``schedules.py`` for the equations.

    ``kind``: "step" and "exponential" multiply it by ``factor`` every ``every`` epochs, at once or
    little by little with each step; "cosine" warms up for ``warmup`` epochs, then falls to
    ``floor`` at the end of the last epoch; "plateau" multiplies it by ``factor`` when the
    validation loss has not improved for ``patience`` epochs, down to ``floor``.
    """

    kind: str
    factor: float = 0.1
    every: int = 1
    warmup: int = 0
    floor: float = 0.0
    patience: int = 10
    threshold: float = 1e-4
    threshold_mode: str = "rel"
    cooldown: int = 0

    def check(self) -> None:
        check_choice("kind", self.kind, ("step", "exponential", "cosine", "plateau"))
        check_number("factor", self.factor, "(0, 1)" if self.kind == "plateau" else "(0, 1]")
        check_integer("every", self.every, minimum=1)
        check_integer("warmup", self.warmup)
        check_number("floor", self.floor, "[0, inf)")
        check_integer("patience", self.patience)
        check_choice("threshold_mode", self.threshold_mode, ("rel", "abs"))
        relative = self.threshold_mode == "rel"
        check_number("threshold", self.threshold, "[0, 1)" if relative else "[0, inf)")
        check_integer("cooldown", self.cooldown)


@dataclass(frozen=True, kw_only=True)
class Recipe(_Rounded):
    """A network and how it is trained: a perceptron, a convolutional or a residual network.

    ``input_shape`` is that of one example, (features,) or (height, width, channels); ``channels``
    counts the feature maps of each stage of convolutions (``blocks`` residual blocks each in a
    residual network; a perceptron has none), ``hidden`` the units of each hidden layer,
    ``outputs`` the logits. A hidden layer is dense, batch norm (if on), activation, dropout (if
    ``dropout`` > 0); ``models.py`` says what is in a stage. A layer before a batch norm has no
    bias, for the norm would take it away again. ``stochastic_depth`` is the rate of the last
    residual block; it grows linearly from the first.

    The loss is softmax cross-entropy over the classes, with ``label_smoothing``, or binary
    cross-entropy of a single logit, plus ``l1 * sum(abs(w)) + l2 / 2 * sum(w**2)`` over the weights
    of dense layers and convolutions (no biases, no batch-norm scales). The gradients are scaled
    down to the global norm ``clip_norm`` if they exceed it. ``weight_decay`` is decoupled: ``w -=
    learning_rate * weight_decay * w``, on the same weights. An epoch is ``passes_per_epoch`` visits
    of the training set, each in an order of its own, then validation; with ``drop_last`` a visit's
    last batch is left out if it is smaller than ``batch_size``.
    """

    input_shape: tuple[int, ...]
    channels: tuple[int, ...] = ()
    blocks: int = 1
    hidden: tuple[int, ...]
    outputs: int
    loss: str = "softmax"
    label_smoothing: float = 0.0
    activation: str = "relu"
    dropout: float = 0.0
    spatial_dropout: float = 0.0
    stochastic_depth: float = 0.0
    batch_norm: bool = False
    batch_norm_momentum: float = 0.9
    batch_norm_epsilon: float = 1e-5
    l1: float = 0.0
    l2: float = 0.0
    weight_decay: float = 0.0
    optimizer: str = "adam"
    learning_rate: float = 1e-3
    momentum: float = 0.0
    nesterov: bool = False
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    schedule: ScheduleRecipe | None = None
    clip_norm: float = math.inf
    batch_size: int = 128
    drop_last: bool = False
    passes_per_epoch: int = 1
    epochs: int = 1
    early_stopping: EarlyStoppingRecipe | None = None
    augmentation: AugmentationRecipe | None = None
    seed: int = 0
    dtype: str = "float32"

    def check(self) -> None:
        if not isinstance(self.input_shape, tuple) or len(self.input_shape) not in (1, 3):
            raise ValueError(
                "input_shape must be (features,) or (height, width, channels), "
                f"got {self.input_shape!r}"
            )
        for size in self.input_shape:
            check_integer("input_shape", size, minimum=1)
        for name, what in (("channels", "channel"), ("hidden", "unit")):
            sizes = getattr(self, name)
            if not isinstance(sizes, tuple):
                raise ValueError(f"{name} must be a tuple of {what} counts, got {sizes!r}")
            for size in sizes:
                check_integer(name, size, minimum=1)
        if self.channels and len(self.input_shape) != 3:
            raise ValueError(
                "channels need images: input_shape must be (height, width, channels), "
                f"got {self.input_shape}"
            )
        check_integer("blocks", self.blocks, minimum=1)
        check_integer("outputs", self.outputs, minimum=1)
        check_choice("loss", self.loss, ("softmax", "binary"))
        if self.loss == "binary" and self.outputs != 1:
            raise ValueError(
                f"outputs must be 1 (a single logit) for the binary loss, got {self.outputs}"
            )
        for name, kind in (
            ("augmentation", AugmentationRecipe),
            ("early_stopping", EarlyStoppingRecipe),
            ("schedule", ScheduleRecipe),
        ):
            if not isinstance(getattr(self, name), kind | None):
                article = "a" if name == "schedule" else "an"
                raise ValueError(f"{name} must be {article} {kind.__name__} or None")
        if self.augmentation is not None and len(self.input_shape) != 3:
            raise ValueError(
                "augmentation needs images: input_shape must be (height, width, channels), "
                f"got {self.input_shape}"
            )
        check_choice("activation", self.activation, ("relu", "tanh", "sigmoid"))
        for rate in ("dropout", "spatial_dropout", "stochastic_depth"):
            check_number(rate, getattr(self, rate), "[0, 1)")
        check_number("label_smoothing", self.label_smoothing, "[0, 1]")
        if self.label_smoothing > 0 and self.loss != "softmax":
            raise ValueError("label_smoothing must be 0 for the binary loss: it smooths classes")
        check_number("clip_norm", self.clip_norm, "(0, inf]")
        check_flag("batch_norm", self.batch_norm)
        check_number("batch_norm_momentum", self.batch_norm_momentum, "[0, 1]")
        check_number("batch_norm_epsilon", self.batch_norm_epsilon, "(0, inf)")
        check_number("l1", self.l1, "[0, inf)")
        check_number("l2", self.l2, "[0, inf)")
        interval = "(0, inf)" if self.optimizer == "adamw" else "[0, inf)"
        check_number("weight_decay", self.weight_decay, interval)
        check_choice("optimizer", self.optimizer, ("sgd", "adam", "adamw"))
        check_number("learning_rate", self.learning_rate, "(0, inf)")
        check_number("momentum", self.momentum, "(0, 1)" if self.nesterov is True else "[0, 1)")
        check_flag("nesterov", self.nesterov)
        check_number("beta_1", self.beta_1, "[0, 1)")
        check_number("beta_2", self.beta_2, "[0, 1)")
        check_number("epsilon", self.epsilon, "(0, inf)")
        check_integer("batch_size", self.batch_size, minimum=1)
        check_flag("drop_last", self.drop_last)
        check_integer("passes_per_epoch", self.passes_per_epoch, minimum=1)
        check_integer("epochs", self.epochs, minimum=1)
        if self.schedule is not None and self.schedule.kind == "cosine":
            check_integer("warmup", self.schedule.warmup, maximum=self.epochs - 1)
            check_number("floor", self.schedule.floor, f"[0, {self.learning_rate}]")
        check_integer("seed", self.seed, maximum=2**64 - 1)
        check_dtype(self.dtype)

    def check_dataset(self, dataset: "Dataset") -> None:
        """Refuse a data set that this recipe's model cannot learn."""
        x = dataset.x_train
        check_examples(x, self.input_shape)
        classes = self.outputs if self.loss == "softmax" else 2
        if dataset.classes > classes:
            raise ValueError(
                f"labels must lie in [0, {classes - 1}], got labels from 0 to {dataset.classes - 1}"
            )

    def image_shape(self) -> tuple[int, int, int]:
        """(height, width, channels), for a model of convolutions."""
        if not self.channels:
            raise ValueError("channels must count the feature maps of a stage at least, got ()")
        height, width, channels = self.input_shape
        return height, width, channels

    def batch_starts(self, examples: int) -> range:
        """Where each batch of one visit of the training set begins."""
        if not self.drop_last:
            return range(0, examples, self.batch_size)
        if examples < self.batch_size:
            raise ValueError(
                f"batch_size must be at most the number of training examples ({examples}) "
                f"with drop_last, got {self.batch_size}"
            )
        return range(0, examples - self.batch_size + 1, self.batch_size)

    def steps_per_epoch(self, examples: int) -> int:
        return self.passes_per_epoch * len(self.batch_starts(examples))

    def optimizer_options(self) -> dict[str, Any]:
        """The keywords that the chosen optimizer takes, in every panel."""
        names = ["learning_rate", "weight_decay"]
        names += ["momentum", "nesterov"] if self.optimizer == "sgd" else []
        names += ["beta_1", "beta_2", "epsilon"] if self.optimizer != "sgd" else []
        return {name: getattr(self, name) for name in names}

    @property
    def clips_gradients(self) -> bool:
        return self.clip_norm < math.inf

    def schedule_options(self, examples: int) -> dict[str, Any]:
        """The keywords of the schedule's class, in every panel; it counts in steps, not epochs."""
        schedule = self.schedule
        if schedule is None:
            return {}
        steps = self.steps_per_epoch(examples)
        if schedule.kind == "plateau":
            names = ("factor", "patience", "threshold", "threshold_mode", "cooldown", "floor")
            return {name: getattr(schedule, name) for name in names}
        options: dict[str, Any] = {"learning_rate": self.learning_rate}
        if schedule.kind == "cosine":
            warmup = schedule.warmup
            ends = {"steps": (self.epochs - warmup) * steps, "warmup_steps": warmup * steps}
            return options | ends | {"floor": schedule.floor}
        return options | {"factor": schedule.factor, "every": schedule.every * steps}
