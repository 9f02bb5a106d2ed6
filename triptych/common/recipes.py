"""Recipes: every number that decides a training run, in one frozen object for the three panels.

Keras casts Python hyperparameters to float32 even where the weights are float64
(``ops.cast(0.9, "float64")`` is 0.8999999761581421). So a recipe rounds each of its floats to the
nearest float32 once, and all three panels then compute with the same numbers.

A field says in one line what it is, what it allows and what it is unless told otherwise; a family
of several fields is a recipe of its own, nested. What one field asks of another stands in
``check``. A recipe is checked when it is made, and cannot change.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import MISSING, dataclass, field, fields
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from triptych.common.checks import (
    check_choice,
    check_examples,
    check_finite,
    check_flag,
    check_integer,
    check_mode,
    check_number,
    check_unit,
)
from triptych.common.parameter_groups import layer_wise

if TYPE_CHECKING:
    from triptych.common.datasets import Dataset

__all__ = [
    "AugmentationRecipe",
    "AveragingRecipe",
    "EarlyStoppingRecipe",
    "Recipe",
    "ScheduleRecipe",
    "representable",
]


def representable(value: float) -> float:
    """The float32 nearest to ``value``, as a Python float."""
    with np.errstate(over="ignore"):
        return float(np.float32(value))


ACTIVATIONS = ("relu", "tanh", "sigmoid", "gelu", "silu", "leaky_relu", "selu")


# What a field may say of itself. One without a default has to be given. To mypy each is what it
# holds, as ``dataclasses.field`` is.

Nested = TypeVar("Nested")


def number(interval: str, *, default: Any = MISSING) -> float:
    return _declare(partial(check_number, interval=interval), default)


def integer(*, minimum: int, maximum: int | None = None, default: Any = MISSING) -> int:
    return _declare(partial(check_integer, minimum=minimum, maximum=maximum), default)


def flag(*, default: Any = MISSING) -> bool:
    return _declare(check_flag, default)


def choice(*choices: str, default: Any = MISSING) -> str:
    return _declare(partial(check_choice, choices=choices), default)


def sizes(what: str, *, lengths: tuple[int, ...] = (), default: Any = MISSING) -> tuple[int, ...]:
    """A tuple of integers from 1, as many as ``lengths`` allows."""

    def check(name: str, value: Any) -> None:
        if not isinstance(value, tuple) or (lengths and len(value) not in lengths):
            raise ValueError(f"{name} must be {what}, got {value!r}")
        for size in value:
            check_integer(name, size, minimum=1)

    return _declare(check, default)


def numbers(what: str, interval: str) -> tuple[float, ...]:
    """A tuple of numbers, empty by default."""

    def check(name: str, value: Any) -> None:
        if not isinstance(value, tuple):
            raise ValueError(f"{name} must be {what}, got {value!r}")
        for number in value:
            check_number(name, number, interval)

    return _declare(check, ())


def nested(kind: type[Nested]) -> Nested | None:
    """A recipe of that kind, which was checked when it was made, or None, the default."""

    def check(name: str, value: Any) -> None:
        if not isinstance(value, kind | None):
            article = "an" if kind.__name__[0] in "AEIOU" else "a"
            raise ValueError(f"{name} must be {article} {kind.__name__} or None")

    return _declare(check, None)


def _declare(check: Callable[[str, Any], Any], default: Any) -> Any:
    return field(default=default, metadata={"check": check})


@dataclass(frozen=True, kw_only=True)
class _Declared:
    """Checked as given and as rounded: 1 - 1e-9 is less than 1, the float32 nearest to it is 1."""

    def __post_init__(self) -> None:
        self.check()
        for declared in fields(self):
            if declared.type is float:
                value: Any = representable(getattr(self, declared.name))
                object.__setattr__(self, declared.name, value)
            elif declared.type == tuple[float, ...]:
                value = tuple(map(representable, getattr(self, declared.name)))
                object.__setattr__(self, declared.name, value)
        self.check()

    def check(self) -> None:
        """What each field allows, then what one asks of another."""
        self._check_fields()

    def _check_fields(self, **narrower: str | None) -> None:
        """Each by its declaration, or in the narrower interval that another field asks for."""
        for declared in fields(self):
            name, interval = declared.name, narrower.get(declared.name)
            if interval is None:
                declared.metadata["check"](name, getattr(self, name))
            else:
                check_number(name, getattr(self, name), interval)


@dataclass(frozen=True, kw_only=True)
class AugmentationRecipe(_Declared):
    """Ranges of the random changes made to each training image. The defaults change nothing.

    ``rotation`` and ``shear`` are in degrees, ``translation`` in fractions of the image side,
    ``zoom`` in fractions of the scale, ``crop_padding`` and ``cutout`` in pixels, ``brightness``
    and ``noise`` in units of the pixel values ([0, 1]), ``contrast`` in fractions. Each image draws
    its own numbers, uniform in [-range, range] (``noise`` is the standard deviation of a normal);
    each flip is a fair coin of its own.
    """

    rotation: float = number("[0, 180]", default=0.0)
    zoom: float = number("[0, 1)", default=0.0)
    translation: float = number("[0, 1]", default=0.0)
    shear: float = number("[0, 90)", default=0.0)
    interpolation: str = choice("bilinear", "nearest", default="bilinear")
    fill_mode: str = choice("constant", "nearest", "reflect", default="constant")
    fill_value: float = number("(-inf, inf)", default=0.0)
    horizontal_flip: bool = flag(default=False)
    vertical_flip: bool = flag(default=False)
    crop_padding: int = integer(minimum=0, default=0)
    brightness: float = number("[0, 1]", default=0.0)
    contrast: float = number("[0, 1]", default=0.0)
    cutout: int = integer(minimum=0, default=0)
    noise: float = number("[0, inf)", default=0.0)

    @property
    def moves(self) -> bool:
        """True if there is an affine map to apply."""
        return any((self.rotation, self.zoom, self.translation, self.shear))

    @property
    def clips(self) -> bool:
        """True if a change may leave [0, 1], so that the result has to be clipped."""
        return any((self.brightness, self.contrast, self.noise))


@dataclass(frozen=True, kw_only=True)
class AveragingRecipe(_Declared):
    """An average of the weights, which takes their place for validation and at the end.

    ``kind``: "ema" is a moving average with ``decay``, after every step; ``warmup`` lets it forget
    the first steps sooner. "swa" is the mean of the weights after each epoch from ``start_epoch``,
    with batch norm's statistics estimated anew.
    """

    kind: str = choice("ema", "swa")
    decay: float = number("[0, 1)", default=0.999)
    warmup: bool = flag(default=False)
    start_epoch: int = integer(minimum=0, default=0)


@dataclass(frozen=True, kw_only=True)
class EarlyStoppingRecipe(_Declared):
    """Stop when ``monitor`` has not improved by more than ``min_delta`` for ``patience`` epochs."""

    monitor: str = choice("validation_loss", "validation_accuracy", default="validation_loss")
    patience: int = integer(minimum=0, default=0)
    min_delta: float = number("[0, inf)", default=0.0)
    mode: str = choice("min", "max", default="min")
    start_from_epoch: int = integer(minimum=0, default=0)
    restore_best_weights: bool = flag(default=True)

    def check(self) -> None:
        self._check_fields()
        check_mode(self.monitor, self.mode)


@dataclass(frozen=True, kw_only=True)
class ScheduleRecipe(_Declared):
    """How the learning rate changes from the recipe's; see ``schedules.py`` for the equations.

    ``kind``: "step" and "exponential" multiply it by ``factor`` every ``every`` epochs, at once or
    little by little with each step, "multi_step" after each number of epochs of ``milestones``;
    "cosine" and "polynomial" (of ``power``; 1 is linear) fall to ``floor`` at the end of the last
    epoch; "warm_restarts" falls so in ``every`` epochs, begins anew, and falls in ``t_mult`` times
    as many; "one_cycle" rises to it and falls to next to nothing. "plateau" multiplies it by
    ``factor`` when the validation loss has not improved for ``patience`` epochs, down to ``floor``.
    Before that it rises for ``warmup`` epochs, where it does not rise or wait by itself.
    """

    kind: str = choice(
        "step",
        "multi_step",
        "exponential",
        "cosine",
        "polynomial",
        "warm_restarts",
        "one_cycle",
        "plateau",
    )
    factor: float = number("(0, 1]", default=0.1)
    every: int = integer(minimum=1, default=1)
    milestones: tuple[int, ...] = sizes("a tuple of epochs", default=())
    power: float = number("(0, inf)", default=1.0)
    t_mult: int = integer(minimum=1, default=1)
    warmup: int = integer(minimum=0, default=0)
    floor: float = number("[0, inf)", default=0.0)
    patience: int = integer(minimum=0, default=10)
    threshold: float = number("[0, inf)", default=1e-4)
    threshold_mode: str = choice("rel", "abs", default="rel")
    cooldown: int = integer(minimum=0, default=0)

    def check(self) -> None:
        self._check_fields(
            factor="(0, 1)" if self.kind == "plateau" else None,
            threshold="[0, 1)" if self.threshold_mode == "rel" else None,
        )
        if self.kind == "multi_step" and not self.milestones:
            raise ValueError("milestones must be epochs for the kind 'multi_step', got ()")
        if self.kind in ("one_cycle", "plateau") and self.warmup > 0:
            raise ValueError(f"warmup must be 0 for the kind {self.kind!r}, got {self.warmup}")


@dataclass(frozen=True, kw_only=True)
class Recipe(_Declared):
    """A network and how it is trained: a perceptron, a convolutional, a residual or a recurrent
    network, or a transformer.

    ``input_shape`` is that of one example, (features,) or (height, width, channels); ``channels``
    counts the feature maps of each stage of convolutions (``blocks`` residual blocks each in a
    residual network; a perceptron has none), ``hidden`` the units of each hidden layer,
    ``outputs`` the logits. A hidden layer is dense, batch norm (if on), activation, dropout (if
    ``dropout`` > 0); ``models.py`` says what is in a stage. A layer before a batch norm has no
    bias, for the norm would take it away again. ``stochastic_depth`` is the rate of the last
    residual block; it grows linearly from the first.

    With a ``vocabulary`` the examples are sequences of (steps,) words, integers in [0, vocabulary),
    0 being padding. Each is embedded in ``width`` features; ``embedding_dropout`` drops words. A
    transformer adds ``positions`` and has ``blocks`` blocks of attention with ``heads`` heads,
    whose weights ``attention_dropout`` drops, and of a dense layer of ``expansion`` times the
    width. A recurrent network has layers of ``recurrent`` units, of a ``cell``, in both directions
    if it is ``bidirectional``, with ``recurrent_dropout`` and ``zoneout``. With ``by_length`` a
    batch has sequences of like length, and no more steps than they need (in eights).

    The loss is softmax cross-entropy over the classes, with ``label_smoothing``, or binary
    cross-entropy of a single logit, plus ``l1 * sum(abs(w)) + l2 / 2 * sum(w**2)`` over all
    weights, the tables of embeddings and positions too (no biases, no scales of norms). The
    gradients are scaled down to the global norm ``clip_norm`` if they exceed it, and before that
    those of each unit to ``adaptive_clip`` of the norm of its weights. After a step the weights of
    a unit or filter are scaled down to the norm ``max_norm``. ``weight_decay`` is decoupled: ``w -=
    learning_rate * weight_decay * w``, on the same weights; "adamw" needs one above 0. An epoch is
    ``passes_per_epoch`` visits of the training set, each in an order of its own, then validation;
    with ``drop_last`` a visit's last batch is left out if it is smaller than ``batch_size``.

    With ``layer_decay`` each layer learns with so many times the rate of the one above it.
    ``rand_augment`` changes are made to each training image, as strong as
    ``rand_augment_magnitude``. ``mixup`` and ``cutmix`` are the alphas of their Beta distributions,
    ``weight_noise`` is the deviation of noise on the weights during a pass, ``gradient_noise`` the
    eta of annealed noise on the gradients. ``class_weights`` weigh the loss of each label, and its
    mean. ``accumulate`` batches make one step of the optimizer; a schedule goes on counting
    batches.
    """

    input_shape: tuple[int, ...] = sizes("(features,) or (height, width, channels)", lengths=(1, 3))
    channels: tuple[int, ...] = sizes("a tuple of channel counts", default=())
    blocks: int = integer(minimum=1, default=1)
    hidden: tuple[int, ...] = sizes("a tuple of unit counts")
    vocabulary: int = integer(minimum=0, default=0)
    width: int = integer(minimum=1, default=64)
    positions: str = choice("sinusoidal", "learned", default="sinusoidal")
    heads: int = integer(minimum=1, default=4)
    expansion: int = integer(minimum=1, default=4)
    recurrent: tuple[int, ...] = sizes("a tuple of unit counts", default=())
    cell: str = choice("rnn", "lstm", "gru", default="lstm")
    bidirectional: bool = flag(default=False)
    by_length: bool = flag(default=False)
    embedding_dropout: float = number("[0, 1)", default=0.0)
    attention_dropout: float = number("[0, 1)", default=0.0)
    recurrent_dropout: float = number("[0, 1)", default=0.0)
    zoneout: float = number("[0, 1)", default=0.0)
    layer_norm_epsilon: float = number("(0, inf)", default=1e-5)
    outputs: int = integer(minimum=1)
    loss: str = choice("softmax", "binary", default="softmax")
    label_smoothing: float = number("[0, 1]", default=0.0)
    class_weights: tuple[float, ...] = numbers("a tuple of weights", "(0, inf)")
    mixup: float = number("[0, inf)", default=0.0)
    cutmix: float = number("[0, inf)", default=0.0)
    activation: str = choice(*ACTIVATIONS, default="relu")
    dropout: float = number("[0, 1)", default=0.0)
    spatial_dropout: float = number("[0, 1)", default=0.0)
    stochastic_depth: float = number("[0, 1)", default=0.0)
    batch_norm: bool = flag(default=False)
    batch_norm_momentum: float = number("[0, 1]", default=0.9)
    batch_norm_epsilon: float = number("(0, inf)", default=1e-5)
    l1: float = number("[0, inf)", default=0.0)
    l2: float = number("[0, inf)", default=0.0)
    weight_decay: float = number("[0, inf)", default=0.0)
    optimizer: str = choice("sgd", "rmsprop", "adam", "adamw", default="adam")
    learning_rate: float = number("(0, inf)", default=1e-3)
    momentum: float = number("[0, 1)", default=0.0)
    nesterov: bool = flag(default=False)
    beta_1: float = number("[0, 1)", default=0.9)
    beta_2: float = number("[0, 1)", default=0.999)
    amsgrad: bool = flag(default=False)
    layer_decay: float = number("(0, 1]", default=1.0)
    rho: float = number("[0, 1)", default=0.99)
    epsilon: float = number("(0, inf)", default=1e-8)
    schedule: ScheduleRecipe | None = nested(ScheduleRecipe)
    clip_norm: float = number("(0, inf]", default=math.inf)
    adaptive_clip: float = number("(0, inf]", default=math.inf)
    max_norm: float = number("(0, inf]", default=math.inf)
    weight_noise: float = number("[0, inf)", default=0.0)
    gradient_noise: float = number("[0, inf)", default=0.0)
    accumulate: int = integer(minimum=1, default=1)
    averaging: AveragingRecipe | None = nested(AveragingRecipe)
    batch_size: int = integer(minimum=1, default=128)
    drop_last: bool = flag(default=False)
    passes_per_epoch: int = integer(minimum=1, default=1)
    epochs: int = integer(minimum=1, default=1)
    early_stopping: EarlyStoppingRecipe | None = nested(EarlyStoppingRecipe)
    augmentation: AugmentationRecipe | None = nested(AugmentationRecipe)
    rand_augment: int = integer(minimum=0, maximum=100, default=0)
    rand_augment_magnitude: float = number("[0, 30]", default=9.0)
    seed: int = integer(minimum=0, maximum=2**64 - 1, default=0)
    dtype: str = choice("float32", "float64", default="float32")

    def check(self) -> None:
        self._check_fields(
            weight_decay="(0, inf)" if self.optimizer == "adamw" else None,
            momentum="(0, 1)" if self.nesterov is True else None,
        )
        flat = len(self.input_shape) != 3
        images = f"images: input_shape must be (height, width, channels), got {self.input_shape}"
        if flat and self.channels:
            raise ValueError(f"channels need {images}")
        if flat and self.augmentation is not None:
            raise ValueError(f"augmentation needs {images}")
        if self.vocabulary > 0 and len(self.input_shape) != 1:
            raise ValueError(
                f"a vocabulary needs words: input_shape must be (steps,), got {self.input_shape}"
            )
        if self.vocabulary > 0 and self.mixup > 0:
            raise ValueError("mixup must be 0 with a vocabulary: words have no mean")
        if self.by_length and self.vocabulary == 0:
            raise ValueError("by_length needs sequences of words: vocabulary must be above 0")
        if self.loss == "binary" and self.outputs != 1:
            raise ValueError(
                f"outputs must be 1 (a single logit) for the binary loss, got {self.outputs}"
            )
        if self.loss == "binary" and self.label_smoothing > 0:
            raise ValueError("label_smoothing must be 0 for the binary loss: it smooths classes")
        if self.loss == "binary" and self.mixes:
            raise ValueError("mixup and cutmix must be 0 for the binary loss: they mix classes")
        if flat and self.rand_augment > 0:
            raise ValueError(f"rand_augment needs {images}")
        if flat and self.cutmix > 0:
            raise ValueError(f"cutmix needs {images}")
        classes = self.outputs if self.loss == "softmax" else 0
        if self.class_weights and len(self.class_weights) != classes:
            raise ValueError(
                f"class_weights must be one for each of the {classes} classes of the softmax loss, "
                f"got {len(self.class_weights)}"
            )
        if self.schedule is not None:
            check_integer("warmup", self.schedule.warmup, maximum=self.epochs - 1)
            if self.schedule.kind in ("cosine", "polynomial", "warm_restarts"):
                check_number("floor", self.schedule.floor, f"[0, {self.learning_rate}]")
        if self.amsgrad and self.optimizer not in ("adam", "adamw"):
            raise ValueError(
                f"amsgrad must be False for the optimizer {self.optimizer!r}, got True"
            )

    def check_dataset(self, dataset: "Dataset") -> None:
        """Refuse a data set that this recipe's model cannot learn."""
        x = dataset.x_train
        check_examples(x, self.input_shape, self.vocabulary)
        for split in ("train", "validation"):
            inputs = getattr(dataset, f"x_{split}")
            if self.vocabulary > 0:
                check_examples(inputs, self.input_shape, self.vocabulary, f"x_{split}")
            else:
                check_finite(f"x_{split}", inputs)
        clips = self.augmentation is not None and self.augmentation.clips
        if clips or self.rand_augment > 0:
            check_unit("x_train", x)
        classes = self.outputs if self.loss == "softmax" else 2
        if dataset.classes > classes:
            raise ValueError(
                f"labels must lie in [0, {classes - 1}], got labels from 0 to {dataset.classes - 1}"
            )

    @property
    def input_dtype(self) -> str:
        return "int64" if self.vocabulary > 0 else self.dtype

    def text_shape(self) -> tuple[int, int]:
        """(steps, vocabulary), for a model of sequences of words."""
        if self.vocabulary == 0:
            raise ValueError("vocabulary must count the words, of sequences of words, got 0")
        return self.input_shape[0], self.vocabulary

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

    def last_batch(self, examples: int) -> int:
        """How many examples the last batch of a visit has: the fewest of all."""
        return min(self.batch_size, examples - self.batch_starts(examples)[-1])

    def steps_per_epoch(self, examples: int) -> int:
        return self.passes_per_epoch * len(self.batch_starts(examples))

    def optimizer_options(self, names: Sequence[str] = ()) -> dict[str, Any]:
        """The keywords that the chosen optimizer takes, in every panel.

        ``names`` are those of the model's parameters, in their order, for ``layer_decay``.
        """
        adam = ("beta_1", "beta_2", "epsilon", "amsgrad")
        own = {
            "sgd": ("momentum", "nesterov"),
            "rmsprop": ("rho", "momentum", "epsilon"),
            "adam": adam,
            "adamw": adam,
        }
        options = ("learning_rate", "weight_decay", *own[self.optimizer])
        found = {option: getattr(self, option) for option in options}
        return found | (
            {"groups": layer_wise(names, self.layer_decay)} if self.layer_decay < 1 else {}
        )

    @property
    def mixes(self) -> bool:
        """True if the labels of a batch are rows of shares, and no integers."""
        return self.mixup > 0 or self.cutmix > 0

    def mixing_options(self) -> dict[str, Any]:
        """The keywords of ``Mixing``, in every panel."""
        own = {"mixup": self.mixup, "cutmix": self.cutmix}
        return own | {"classes": self.outputs, "seed": self.seed, "name": "mixing"}

    def averaging_options(self) -> dict[str, Any]:
        """The keywords of the average's class, in every panel."""
        averaging = self.averaging
        if averaging is None:
            return {}
        if averaging.kind == "ema":
            return {"decay": averaging.decay, "warmup": averaging.warmup}
        batch_size = max(self.batch_size, 2)
        return {"start_epoch": averaging.start_epoch, "batch_size": batch_size}

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
        after_warmup = {"steps": (self.epochs - schedule.warmup) * steps, "floor": schedule.floor}
        if schedule.kind == "cosine":
            return options | after_warmup | {"warmup_steps": schedule.warmup * steps}
        if schedule.kind == "polynomial":
            return options | after_warmup | {"power": schedule.power}
        if schedule.kind == "one_cycle":
            return options | {"steps": self.epochs * steps}
        every = schedule.every * steps
        if schedule.kind == "warm_restarts":
            return options | {"steps": every, "t_mult": schedule.t_mult, "floor": schedule.floor}
        options |= {"factor": schedule.factor}
        if schedule.kind == "multi_step":
            return options | {"milestones": [epochs * steps for epochs in schedule.milestones]}
        return options | {"every": every}

    def warmup_steps(self, examples: int) -> int:
        """Of the ``Warmup`` around a schedule that has none of its own."""
        if self.schedule is None or self.schedule.kind == "cosine":
            return 0
        return self.schedule.warmup * self.steps_per_epoch(examples)
